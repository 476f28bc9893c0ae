//! From an error to what a policy needs to know of it.

use core::fmt;
use core::time::Duration;

mod error;
mod http;
#[cfg(feature = "http")]
mod http_request;
#[cfg(feature = "http")]
mod http_response;
#[cfg(feature = "std")]
mod io;
mod messages;
mod phrases;
mod retry_after;

#[cfg(feature = "http")]
pub use http_request::Idempotency;
pub use messages::Messages;
pub use retry_after::{
    parse_delay_millis, parse_delay_seconds, parse_http_date, parse_reset_time, parse_retry_after,
};

use crate::class::Class;
use crate::policy::Failure;
use crate::policy::Rule;

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
    note = "implement `retry_core::Classify` for it, or give the retry a closure: `.classify(|error| Class::..)`"
)]
pub trait Classify {
    /// The class of this error, and the server's hint if there is one.
    fn classify(&self) -> Failure;
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

impl<E: Classify + ?Sized> Classify for &E {
    fn classify(&self) -> Failure {
        (**self).classify()
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

/// What a [`Retry`](crate::Retry) knows about the outcomes of its operation. Put together by its methods; only an
/// adapter that has more to say of each attempt needs to implement it, for [`Retry::map_classifier`](crate::Retry::map_classifier).
pub trait Classifier<T, E> {
    /// Whether it wants to know how long the call has taken.
    const ASKS_TIME: bool = false;

    /// What to make of an error.
    fn failure(&self, error: &E, progress: Progress) -> Failure;

    /// What to make of an attempt that had no end within its timeout.
    fn timed_out(&self) -> Failure {
        Class::Timeout.into()
    }

    /// What to make of a value: `None` if it is good.
    fn classify_ok(&self, value: &T) -> Option<Failure> {
        let _ = value;
        None
    }
}

/// Asks the error itself, by its [`Classify`].
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ByTrait;

impl<T, E: Classify> Classifier<T, E> for ByTrait {
    fn failure(&self, error: &E, _: Progress) -> Failure {
        error.classify()
    }
}

/// Asks a closure: see [`Retry::classify`](crate::Retry::classify).
#[derive(Clone, Copy)]
pub struct ByClosure<F>(pub(crate) F);

impl<T, E, F, C> Classifier<T, E> for ByClosure<F>
where
    F: Fn(&E) -> C,
    C: Into<Failure>,
{
    fn failure(&self, error: &E, _: Progress) -> Failure {
        (self.0)(error).into()
    }
}

/// Puts errors that meet a condition under a rule: see [`Retry::when`](crate::Retry::when).
#[derive(Clone, Copy)]
pub struct When<K, F> {
    pub(crate) before: K,
    pub(crate) condition: F,
    pub(crate) rule: &'static Rule,
}

impl<T, E, K, F> Classifier<T, E> for When<K, F>
where
    K: Classifier<T, E>,
    F: Fn(&E, Progress) -> bool,
{
    const ASKS_TIME: bool = true;

    fn failure(&self, error: &E, progress: Progress) -> Failure {
        let failure = self.before.failure(error, progress);
        // An earlier condition of the chain comes first.
        if failure.rule.is_none() && (self.condition)(error, progress) {
            return failure.under_timed(self.rule);
        }
        failure
    }

    fn timed_out(&self) -> Failure {
        self.before.timed_out()
    }

    fn classify_ok(&self, value: &T) -> Option<Failure> {
        self.before.classify_ok(value)
    }
}

/// Takes some values for failures: see [`Retry::unacceptable`](crate::Retry::unacceptable).
#[derive(Clone, Copy)]
pub struct ClassifyOk<K, F> {
    pub(crate) before: K,
    pub(crate) judge: F,
}

impl<T, E, K, F, C> Classifier<T, E> for ClassifyOk<K, F>
where
    K: Classifier<T, E>,
    F: Fn(&T) -> Option<C>,
    C: Into<Failure>,
{
    const ASKS_TIME: bool = K::ASKS_TIME;

    fn failure(&self, error: &E, progress: Progress) -> Failure {
        self.before.failure(error, progress)
    }

    fn timed_out(&self) -> Failure {
        self.before.timed_out()
    }

    fn classify_ok(&self, value: &T) -> Option<Failure> {
        self.before.classify_ok(value).or_else(|| (self.judge)(value).map(Into::into))
    }
}

#[cfg(feature = "defmt")]
impl<F> defmt::Format for ByClosure<F> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "ByClosure(..)");
    }
}

impl<F> fmt::Debug for ByClosure<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ByClosure(..)")
    }
}

#[cfg(feature = "defmt")]
impl<K: defmt::Format, F> defmt::Format for When<K, F> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "When {{ before: {}, rule: {} }}", self.before, self.rule);
    }
}

impl<K: fmt::Debug, F> fmt::Debug for When<K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { before, rule, .. } = self;
        f.debug_struct("When").field("before", before).field("rule", rule).finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl<K: defmt::Format, F> defmt::Format for ClassifyOk<K, F> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "ClassifyOk {{ before: {} }}", self.before);
    }
}

impl<K: fmt::Debug, F> fmt::Debug for ClassifyOk<K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClassifyOk").field("before", &self.before).finish_non_exhaustive()
    }
}
