//! Classifiers: from an error or a value to a [`Class`], a server's hint and a rule.
//!
//! Guides: [HTTP and tower](crate::_guides::http_and_tower), [troubleshooting](crate::_guides::troubleshooting).
//!
//! A policy retries by class, and a circuit counts by class. An error says its class in one of three ways:
//!
//! - It implements [`Classify`]. `std::io::Error` does, with the feature `std`.
//! - A closure says it: [`Retry::classify`](crate::Retry::classify).
//! - A table of phrases says it, for errors that are nothing but text: [`Messages`].
//!
//! The closure of [`Retry::classify_ok`](crate::Retry::classify_ok) takes values for failures, such as an HTTP response
//! with status 503. Adapters bring classifiers for reqwest and hyper; the feature `http` brings those for HTTP's statuses
//! and `Retry-After`.
//!
//! ```
//! use core::time::Duration;
//! use retry_core::{Class, Failure, Policy, Retry, classify::Messages, testing::FakeClock};
//!
//! // By a closure: a code of its own, with the hint that came with it.
//! let clock = FakeClock::new();
//! let api = Retry::new(&Policy::DEFAULT, &clock).classify(|code: &u16| match code {
//!     429 => Failure::new(Class::RateLimit).retry_after(Duration::from_secs(2)),
//!     _ => Class::Server.into(),
//! });
//! let mut answers = [Err(429), Ok("7 apples")].into_iter();
//! assert_eq!(api.run_blocking(|| answers.next().unwrap()), Ok("7 apples"));
//! assert_eq!(clock.now().as_millis(), 2_000);
//!
//! // By its words.
//! assert_eq!(Messages::DEFAULT.classify("connection refused"), Class::Network);
//! ```

use core::fmt::Display;
use core::time::Duration;

mod classifiers;
mod error;
mod hints;
mod http;
#[cfg(feature = "http")]
mod http_types;
#[cfg(feature = "std")]
mod io;
mod messages;
mod phrases;
mod pushback;
mod retry_after;

pub(crate) use classifiers::HasText;
pub use classifiers::{ByClosure, ByOpaque, ByTrait, ClassifyOk, OnError, When, WithoutText};
pub use hints::parse_hint;
#[cfg(feature = "http")]
pub use http_types::Idempotency;
pub use messages::Messages;
pub use retry_after::{
    parse_delay_millis, parse_delay_seconds, parse_http_date, parse_reset_time, parse_retry_after,
};

use crate::class::Class;
use crate::error::Cause;
use crate::policy::Failure;
use crate::verdict::Verdict;

/// An error that knows its own class.
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
    message = "nothing says which class of error `{Self}` is",
    note = "implement `retry_core::Classify` for it, or give the retry a closure: `.classify(|error| Class::..)`",
    note = "for reqwest, `.classifier(retry_tokio::ReqwestClassifier)`; errors of `std` need the feature `std`"
)]
pub trait Classify {
    /// The class of this error, and the server's hint if there is one.
    fn classify(&self) -> Failure;

    /// What the error says of itself, for events and logs; nothing unless it is implemented.
    fn text(&self) -> Option<&dyn Display> {
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

    fn text(&self) -> Option<&dyn Display> {
        (**self).text()
    }
}

/// How far a call has come, as its operation and the conditions of [`Retry::when`](crate::Retry::when) are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Progress {
    /// The attempt that begins or just ended, from 1.
    pub attempt: u32,
    /// How long the call has taken; `None` where nothing asked for the time at its start.
    pub elapsed: Option<Duration>,
    /// How much is left of the policy's [total timeout](crate::Policy::total_timeout); without one, of the time that its
    /// attempts must [start within](crate::Policy::start_within). Zero once that has passed; `None` without either.
    pub left: Option<Duration>,
}

/// What a [`Retry`](crate::Retry) knows about the outcomes of its operation.
///
/// The methods of `Retry` put one together. An adapter that has more to say of each attempt implements it, for
/// [`Retry::map_classifier`](crate::Retry::map_classifier).
pub trait Classifier<T, E> {
    /// Whether it wants to know how long the call has taken.
    const ASKS_TIME: bool = false;

    /// What to make of an error.
    fn failure(&self, error: &E, progress: Progress) -> Failure;

    /// What to make of an attempt that did not end within its time limit.
    fn timed_out(&self) -> Failure {
        Class::Timeout.into()
    }

    /// What to make of a value: `None` if it is good.
    fn classify_ok(&self, value: &T) -> Option<Failure> {
        let _ = value;
        None
    }

    /// What an error says of itself, for events and logs. Asked only if there is an observer.
    fn text<'e>(&self, error: &'e E) -> Option<&'e dyn Display> {
        let _ = error;
        None
    }

    /// Learns the verdict on a failed attempt.
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

    fn text<'e>(&self, error: &'e E) -> Option<&'e dyn Display> {
        (**self).text(error)
    }

    fn failed(&self, cause: &Cause<E>, progress: Progress, verdict: Verdict) {
        (**self).failed(cause, progress, verdict);
    }
}
