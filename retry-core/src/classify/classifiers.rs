//! The classifiers that the methods of a `Retry` put together.

use core::fmt::{self, Display};

use super::{Classifier, Classify, Progress};
use crate::error::Cause;
use crate::policy::{Failure, Rule};
use crate::verdict::Verdict;

/// Asks the error itself, by its [`Classify`].
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ByTrait;

impl<T, E: Classify> Classifier<T, E> for ByTrait {
    fn failure(&self, error: &E, _: Progress) -> Failure {
        error.classify()
    }

    fn text<'e>(&self, error: &'e E) -> Option<&'e dyn Display> {
        error.text()
    }
}

/// Asks a closure, and lets events show the error: see [`Retry::classify`](crate::Retry::classify).
#[derive(Clone, Copy)]
pub struct ByClosure<F>(pub F);

impl<T, E, F, C> Classifier<T, E> for ByClosure<F>
where
    E: HasText,
    F: Fn(&E) -> C,
    C: Into<Failure>,
{
    fn failure(&self, error: &E, _: Progress) -> Failure {
        (self.0)(error).into()
    }

    fn text<'e>(&self, error: &'e E) -> Option<&'e dyn Display> {
        Some(error.as_text())
    }
}

/// Asks a closure about errors that have no text: see [`Retry::classify_opaque`](crate::Retry::classify_opaque).
#[derive(Clone, Copy)]
pub struct ByOpaque<F>(pub F);

impl<T, E, F, C> Classifier<T, E> for ByOpaque<F>
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

    fn text<'e>(&self, error: &'e E) -> Option<&'e dyn Display> {
        self.before.text(error)
    }

    fn failed(&self, cause: &Cause<E>, progress: Progress, verdict: Verdict) {
        self.before.failed(cause, progress, verdict);
    }
}

/// Takes some values for failures: see [`Retry::classify_ok`](crate::Retry::classify_ok).
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

    fn text<'e>(&self, error: &'e E) -> Option<&'e dyn Display> {
        self.before.text(error)
    }

    fn failed(&self, cause: &Cause<E>, progress: Progress, verdict: Verdict) {
        self.before.failed(cause, progress, verdict);
    }
}

/// Tells a closure each failed attempt: see [`Retry::on_error`](crate::Retry::on_error).
#[derive(Clone, Copy)]
pub struct OnError<K, F> {
    pub(crate) before: K,
    pub(crate) told: F,
}

impl<T, E, K, F> Classifier<T, E> for OnError<K, F>
where
    K: Classifier<T, E>,
    F: Fn(&Cause<E>, Progress, Verdict),
{
    const ASKS_TIME: bool = K::ASKS_TIME;

    fn failure(&self, error: &E, progress: Progress) -> Failure {
        self.before.failure(error, progress)
    }

    fn timed_out(&self) -> Failure {
        self.before.timed_out()
    }

    fn classify_ok(&self, value: &T) -> Option<Failure> {
        self.before.classify_ok(value)
    }

    fn text<'e>(&self, error: &'e E) -> Option<&'e dyn Display> {
        self.before.text(error)
    }

    fn failed(&self, cause: &Cause<E>, progress: Progress, verdict: Verdict) {
        self.before.failed(cause, progress, verdict);
        (self.told)(cause, progress, verdict);
    }
}

/// Keeps the text of errors out of events: see [`Retry::without_text`](crate::Retry::without_text).
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WithoutText<K>(pub(crate) K);

impl<T, E, K: Classifier<T, E>> Classifier<T, E> for WithoutText<K> {
    const ASKS_TIME: bool = K::ASKS_TIME;

    fn failure(&self, error: &E, progress: Progress) -> Failure {
        self.0.failure(error, progress)
    }

    fn timed_out(&self) -> Failure {
        self.0.timed_out()
    }

    fn classify_ok(&self, value: &T) -> Option<Failure> {
        self.0.classify_ok(value)
    }

    fn failed(&self, cause: &Cause<E>, progress: Progress, verdict: Verdict) {
        self.0.failed(cause, progress, verdict);
    }
}

/// Shows a classifier that holds a closure: its name, and the classifier before it.
macro_rules! shown {
    ($($classifier:ident<[$($before:ident,)?] F> $(.$field:ident)?;)*) => {$(
        #[cfg(feature = "defmt")]
        impl<$($before: defmt::Format,)? F> defmt::Format for $classifier<$($before,)? F> {
            fn format(&self, f: defmt::Formatter<'_>) {
                defmt::write!(f, "{=str}(..)", stringify!($classifier));
                $(defmt::write!(f, " over {}", self.$field);)?
            }
        }

        impl<$($before: fmt::Debug,)? F> fmt::Debug for $classifier<$($before,)? F> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($classifier), "(..)"))?;
                $(write!(f, " over {:?}", self.$field)?;)?
                Ok(())
            }
        }
    )*};
}
shown! {
    ByClosure<[] F>;
    ByOpaque<[] F>;
    When<[K,] F>.before;
    ClassifyOk<[K,] F>.before;
    OnError<[K,] F>.before;
}

/// An error that has a text: every one that is [`Display`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no text for events and logs, because it is not `Display`",
    note = "`.classify_opaque(..)` is `.classify(..)` for errors without text"
)]
pub trait HasText {
    /// The text.
    fn as_text(&self) -> &dyn Display;
}

#[diagnostic::do_not_recommend]
impl<E: Display> HasText for E {
    fn as_text(&self) -> &dyn Display {
        self
    }
}
