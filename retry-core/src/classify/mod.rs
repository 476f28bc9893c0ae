//! Error classification: which errors are retried, which count for the circuit, and what a server's `Retry-After` says.
//!
//! Guides: [errors and classes](crate::_guides::errors), [HTTP and tower](crate::_guides::http_and_tower), [troubleshooting](crate::_guides::troubleshooting).
//!
//! A policy retries by class, and a circuit counts by class. An error gets its class in one of five ways:
//!
//! - It implements [`Classify`]. `std::io::Error` does, with the feature `std`.
//! - A table says it, by the code of the service: [`Class::of_http_status`], [`of_grpc_code`](Class::of_grpc_code),
//!   [`of_sqlstate`](Class::of_sqlstate), [`of_mysql_error`](Class::of_mysql_error),
//!   [`of_sqlite_code`](Class::of_sqlite_code), [`of_mongodb_code`](Class::of_mongodb_code),
//!   [`of_redis_error`](Class::of_redis_error), [`of_aws_code`](Class::of_aws_code),
//!   [`of_kafka_code`](Class::of_kafka_code), [`of_mqtt_reason`](Class::of_mqtt_reason),
//!   [`of_curl_code`](Class::of_curl_code), [`of_os_error`](Class::of_os_error),
//!   [`of_resolver_error`](Class::of_resolver_error), [`of_embedded_io_kind`](Class::of_embedded_io_kind). Each returns
//!   `None` for a success and for a code that it does not list.
//! - A closure says it: [`Retry::classify`](crate::Retry::classify).
//! - A table of phrases says it, for errors that are nothing but text: [`Messages`].
//! - Its chain of causes says it, for errors of any type, such as boxed ones: [`ErrorChain`].
//!
//! A closure set by [`Retry::classify_ok`](crate::Retry::classify_ok) marks values as failures, such as an HTTP
//! response with status 503. `retry-tokio` has classifiers for the errors of reqwest and hyper. The feature `http` adds
//! classifiers for HTTP statuses and `Retry-After`.
//!
//! Three names are similar:
//!
//! - [`Classify`] is the trait of an error type that knows its own class.
//! - [`Classifier`] is the trait of what a `Retry` asks about every error, timeout and value.
//! - [`Retry::classify`](crate::Retry::classify) is the method that sets a closure as the classifier of a `Retry`.
//!
//! ```
//! use core::time::Duration;
//! use retry_core::{Class, Failure, Policy, Retry, classify::Messages, testing::FakeClock};
//!
//! // A closure: the class of a code, with the server's hint.
//! let clock = FakeClock::new();
//! let api = Retry::new(&Policy::DEFAULT, &clock).classify(|code: &u16| match code {
//!     429 => Failure::new(Class::RateLimit).retry_after(Duration::from_secs(2)),
//!     _ => Class::Server.into(),
//! });
//! let mut answers = [Err(429), Ok("7 apples")].into_iter();
//! assert_eq!(api.run_blocking(|| answers.next().unwrap()), Ok("7 apples"));
//! assert_eq!(clock.now().as_millis(), 2_000);
//!
//! // A table of phrases.
//! assert_eq!(Messages::DEFAULT.classify("connection refused"), Class::Network);
//! ```

use core::time::Duration;

mod chain;
mod classifiers;
mod codes;
mod durations;
mod error;
mod hints;
mod http;
#[cfg(feature = "http")]
mod http_types;
#[cfg(feature = "std")]
mod io;
mod lenient_date;
mod messages;
mod phrases;
mod pushback;
#[cfg(feature = "http")]
mod rate_limits;
mod retry_after;
mod text_codes;

pub use chain::{
    AddedErrors, AsError, BaseErrors, Causes, CoreErrors, ErrorChain, Known, KnownBy, causes, downcast,
};
pub(crate) use classifiers::HasText;
pub use classifiers::{
    ByClosure, ByOpaque, ByTrait, ClassifyOk, OnError, Timed, When, WithCauses, WithoutText,
};
pub use hints::parse_hint;
#[cfg(feature = "http")]
pub use http_types::Idempotency;
pub use messages::Messages;
pub use retry_after::{
    parse_delay_millis, parse_delay_seconds, parse_http_date, parse_reset_time, parse_retry_after,
};

use crate::class::Class;
use crate::error::Cause;
use crate::error_text::ErrorText;
use crate::policy::Failure;
use crate::verdict::Verdict;

/// An error type that knows its class.
///
/// Implement it for error types of your own, so that every [`Retry`](crate::Retry) can use them. For a type of another
/// crate, set a closure by [`Retry::classify`](crate::Retry::classify).
///
/// ```
/// use retry_core::{Class, Classify, Failure};
///
/// enum Fetch { Refused, BadSku }
///
/// impl Classify for Fetch {
///     fn classify(&self) -> Failure {
///         match self {
///             Fetch::Refused => Class::Network.into(),
///             Fetch::BadSku => Class::Validation.into(),
///         }
///     }
/// }
/// assert_eq!(Fetch::BadSku.classify().class, Class::Validation);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no error class, because it does not implement `Classify`",
    note = "implement `retry_core::Classify` for it, or give the retry a closure: `.classify(|error| Class::..)`",
    note = "for reqwest, `.classifier(retry_tokio::ReqwestClassifier)`; errors of `std` need the feature `std`"
)]
pub trait Classify {
    /// Returns the class of this error, with the server's hint if there is one.
    fn classify(&self) -> Failure;

    /// Returns the text of this error for events and logs. The default is `None`, so that only the class is logged.
    ///
    /// For an error type with `Display`, return `Some(ErrorText::new(self))`. If it is a [`core::error::Error`], return
    /// `Some(ErrorText::chain(self))`, which shows its causes, too.
    fn text(&self) -> Option<ErrorText<'_>> {
        None
    }
}

impl Classify for core::convert::Infallible {
    fn classify(&self) -> Failure {
        match *self {}
    }
}

impl Classify for Class {
    fn classify(&self) -> Failure {
        Failure::new(*self)
    }
}

impl Classify for Failure {
    fn classify(&self) -> Failure {
        *self
    }
}

impl<E: Classify + ?Sized> Classify for &E {
    fn classify(&self) -> Failure {
        (**self).classify()
    }

    fn text(&self) -> Option<ErrorText<'_>> {
        (**self).text()
    }
}

/// The progress of a call: the number of the attempt, and the time taken and left.
///
/// Operations of [`run_with`](crate::Retry::run_with), conditions of [`when`](crate::Retry::when) and closures of
/// [`on_error`](crate::Retry::on_error) get it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Progress {
    /// The attempt that begins or has just ended, counted from 1.
    pub attempt: u32,
    /// How long the call has taken, delays included; `None` if the call does not measure its time.
    ///
    /// A call measures its time if the policy, an observer or [`Retry::when`](crate::Retry::when) needs it.
    pub elapsed: Option<Duration>,
    /// The time left of the policy's [`total_timeout`](crate::Policy::total_timeout), or, if that is unset, of
    /// [`start_within`](crate::Policy::start_within). It is zero when that time has passed, and `None` if both are
    /// unset.
    pub left: Option<Duration>,
}

/// The classifier of a [`Retry`](crate::Retry): it judges each outcome of the operation.
///
/// The methods of `Retry` put one together. An adapter with more to say about each attempt implements this trait, and
/// sets its classifier by [`Retry::map_classifier`](crate::Retry::map_classifier).
pub trait Classifier<T, E> {
    /// Whether the classifier uses [`Progress::elapsed`]. The call then measures its time.
    const ASKS_TIME: bool = false;

    /// Returns the class of an error, with its hint and its rule.
    fn failure(&self, error: &E, progress: Progress) -> Failure;

    /// Returns the class of an attempt that exceeded its time limit. The default is [`Class::Timeout`].
    fn timed_out(&self) -> Failure {
        Class::Timeout.into()
    }

    /// Returns the class of a value that is a failure; `None` if the value is good. The default is `None`.
    fn classify_ok(&self, value: &T) -> Option<Failure> {
        let _ = value;
        None
    }

    /// Returns the text of an error for events and logs. It is called only if there is an observer. The default is
    /// `None`.
    fn text<'e>(&self, error: &'e E) -> Option<ErrorText<'e>> {
        let _ = error;
        None
    }

    /// Receives the verdict on a failed attempt. By default, it does nothing.
    fn failed(&self, cause: &Cause<E>, progress: Progress, verdict: Verdict) {
        let _ = (cause, progress, verdict);
    }
}

impl<T, E, K: Classifier<T, E>> Classifier<T, E> for &K {
    const ASKS_TIME: bool = K::ASKS_TIME;

    fn failure(&self, error: &E, progress: Progress) -> Failure {
        (**self).failure(error, progress)
    }

    fn timed_out(&self) -> Failure {
        (**self).timed_out()
    }

    fn classify_ok(&self, value: &T) -> Option<Failure> {
        (**self).classify_ok(value)
    }

    fn text<'e>(&self, error: &'e E) -> Option<ErrorText<'e>> {
        (**self).text(error)
    }

    fn failed(&self, cause: &Cause<E>, progress: Progress, verdict: Verdict) {
        (**self).failed(cause, progress, verdict);
    }
}
