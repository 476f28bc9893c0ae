//! The classifiers that the methods of a `Retry` combine.

use core::fmt::{self, Display};

use super::{AsError, Classifier, Classify, Progress};
use crate::error::Cause;
use crate::error_text::ErrorText;
use crate::policy::{Failure, Rule};
use crate::verdict::Verdict;

/// A classifier that takes the class from the error's own [`Classify`]. It is the default.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ByTrait;

impl<T, E: Classify> Classifier<T, E> for ByTrait {
    fn failure(&self, error: &E, _: Progress) -> Failure {
        error.classify()
    }

    fn text<'e>(&self, error: &'e E) -> Option<ErrorText<'e>> {
        error.text()
    }
}

/// A classifier that calls a closure: see [`Retry::classify`](crate::Retry::classify). Events show the error's text.
///
/// In the type of a field, write it with a function pointer: `ByClosure<fn(&E) -> Failure>`. The
/// [page of `Retry`](crate::Retry#type-parameters) shows how to make one.
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

    fn text<'e>(&self, error: &'e E) -> Option<ErrorText<'e>> {
        Some(ErrorText::new(error.as_text()))
    }
}

/// A classifier that calls a closure, for errors without text: see
/// [`Retry::classify_opaque`](crate::Retry::classify_opaque).
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

/// Writes the methods of a [`Classifier`] that leave the answer to the classifier in this field.
macro_rules! as_before {
    ($before:tt: $($method:ident),*) => { $(as_before!(@$method $before);)* };
    (@failure $before:tt) => {
        fn failure(&self, error: &E, progress: Progress) -> Failure {
            self.$before.failure(error, progress)
        }
    };
    (@timed_out $before:tt) => {
        fn timed_out(&self) -> Failure {
            self.$before.timed_out()
        }
    };
    (@classify_ok $before:tt) => {
        fn classify_ok(&self, value: &T) -> Option<Failure> {
            self.$before.classify_ok(value)
        }
    };
    (@text $before:tt) => {
        fn text<'e>(&self, error: &'e E) -> Option<ErrorText<'e>> {
            self.$before.text(error)
        }
    };
    (@failed $before:tt) => {
        fn failed(&self, cause: &Cause<E>, progress: Progress, verdict: Verdict) {
            self.$before.failed(cause, progress, verdict);
        }
    };
}

/// A classifier with a rule for errors that meet a condition: see [`Retry::when`](crate::Retry::when).
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
        // Conditions that were added earlier come first.
        if failure.rule.is_none() && (self.condition)(error, progress) {
            return failure.under_timed(self.rule);
        }
        failure
    }

    as_before!(before: timed_out, classify_ok, text, failed);
}

/// A classifier that marks some values as failures: see [`Retry::classify_ok`](crate::Retry::classify_ok).
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

    fn classify_ok(&self, value: &T) -> Option<Failure> {
        self.before.classify_ok(value).or_else(|| (self.judge)(value).map(Into::into))
    }

    as_before!(before: failure, timed_out, text, failed);
}

/// A classifier that also calls a closure after each failed attempt: see [`Retry::on_error`](crate::Retry::on_error).
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

    fn failed(&self, cause: &Cause<E>, progress: Progress, verdict: Verdict) {
        self.before.failed(cause, progress, verdict);
        (self.told)(cause, progress, verdict);
    }

    as_before!(before: failure, timed_out, classify_ok, text);
}

/// A classifier that shows errors with their causes: see [`Retry::with_causes`](crate::Retry::with_causes).
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WithCauses<K>(pub(crate) K);

impl<T, E: AsError, K: Classifier<T, E>> Classifier<T, E> for WithCauses<K> {
    const ASKS_TIME: bool = K::ASKS_TIME;

    fn text<'e>(&self, error: &'e E) -> Option<ErrorText<'e>> {
        Some(ErrorText::chain(error.as_error()))
    }

    as_before!(0: failure, timed_out, classify_ok, failed);
}

/// A classifier for calls that measure their time from the start: see [`Retry::timed`](crate::Retry::timed).
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Timed<K>(pub(crate) K);

impl<T, E, K: Classifier<T, E>> Classifier<T, E> for Timed<K> {
    const ASKS_TIME: bool = true;

    as_before!(0: failure, timed_out, classify_ok, text, failed);
}

/// A classifier that leaves the text of errors out of events: see [`Retry::without_text`](crate::Retry::without_text).
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WithoutText<K>(pub(crate) K);

impl<T, E, K: Classifier<T, E>> Classifier<T, E> for WithoutText<K> {
    const ASKS_TIME: bool = K::ASKS_TIME;

    as_before!(0: failure, timed_out, classify_ok, failed);
}

/// Implements `Debug` and `defmt::Format` for classifiers that hold a closure: the name, and the classifier before it.
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

/// An error with a text: every error that is [`Display`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no text for events and logs, because it is not `Display`",
    note = "`.classify_opaque(..)` is `.classify(..)` for errors without text"
)]
pub trait HasText {
    /// Returns the text.
    fn as_text(&self) -> &dyn Display;
}

#[diagnostic::do_not_recommend]
impl<E: Display> HasText for E {
    fn as_text(&self) -> &dyn Display {
        self
    }
}
