//! gRPC: what a server says of the next attempt.

use core::time::Duration;

#[cfg(feature = "http")]
use crate::class::Class;
use crate::policy::Failure;

impl Failure {
    /// Adds the pushback of a gRPC server, the value of `grpc-retry-pushback-ms`: a number of milliseconds to wait, from 0
    /// to 2^31 - 1. A negative number, or a value that cannot be read, asks the client not to retry at all: the failure
    /// is then [not retried](Self::not_retried), and its circuit still counts it by its class.
    ///
    /// A policy for gRPC uses hints [exactly](crate::policy::Hints::Exact).
    ///
    /// Source: [gRFC A6](https://github.com/grpc/proposal/blob/master/A6-client-retries.md#pushback).
    ///
    /// ```
    /// use core::time::Duration;
    /// use retry_core::{Class, Failure};
    ///
    /// let failure = Failure::new(Class::Server);
    /// assert_eq!(failure.grpc_pushback("1000").hint, Some(Duration::from_secs(1)));
    /// assert_eq!(failure.grpc_pushback("-1"), failure.not_retried());
    /// ```
    #[must_use]
    pub fn grpc_pushback(self, value: &str) -> Self {
        match pushback(value) {
            Some(delay) => self.retry_after(delay),
            None => self.not_retried(),
        }
    }
}

/// A number in ASCII without unnecessary zeros, of 31 bits.
fn pushback(value: &str) -> Option<Duration> {
    let is_plain = value == "0" || value.starts_with(|first: char| ('1'..='9').contains(&first));
    let ms: i32 = value.parse().ok().filter(|_| is_plain)?;
    u64::try_from(ms).ok().map(Duration::from_millis)
}

/// The code of a status that is not known.
#[cfg(feature = "http")]
pub(super) const UNKNOWN: u32 = 2;

/// The class of a [gRPC status](https://grpc.io/docs/guides/status-codes/); `None` for OK.
#[cfg(feature = "http")]
pub(super) const fn of_grpc_code(code: u32) -> Option<Class> {
    Some(match code {
        0 => return None,
        3 | 11 => Class::Validation,
        4 => Class::Timeout,
        5 => Class::NotFound,
        6 | 7 | 9 | 16 => Class::Client,
        8 => Class::RateLimit,
        10 => Class::Transient,
        12 | 15 => Class::Permanent,
        13 | 14 => Class::Server,
        _ => Class::Unknown,
    })
}
