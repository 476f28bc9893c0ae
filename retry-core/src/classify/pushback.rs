//! The pushback of a gRPC server: when the client may retry.

use core::time::Duration;

use crate::policy::Failure;

impl Failure {
    /// Adds the pushback of a gRPC server, the value of `grpc-retry-pushback-ms`: a number of milliseconds to wait,
    /// from 0 to 2^31 - 1. A negative or unreadable value asks the client to stop retrying. The failure is then
    /// [not retried](Self::not_retried), and its circuit still counts it by its class. Observers are told of an
    /// [unreadable](Self::unreadable_hint) one.
    ///
    /// For gRPC, let the policy use hints [exactly](crate::policy::Hints::Exact).
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
            None if is_negative(value) => self.not_retried(),
            None => self.not_retried().unreadable_hint(),
        }
    }
}

/// Whether it is a negative number, which says "never".
fn is_negative(value: &str) -> bool {
    value
        .strip_prefix('-')
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit()))
}

/// Parses a number of at most 31 bits: `0`, or ASCII digits that begin with 1 to 9.
fn pushback(value: &str) -> Option<Duration> {
    let is_plain = value == "0" || value.starts_with(|first: char| ('1'..='9').contains(&first));
    let ms: i32 = value.parse().ok().filter(|_| is_plain)?;
    u64::try_from(ms).ok().map(Duration::from_millis)
}
