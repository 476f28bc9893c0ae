//! How a call ends that does not succeed.

use core::fmt;
use core::time::Duration;

use crate::class::{Class, Classify, Failure};
use crate::time::{Spoken, plural};
use crate::verdict::{GiveUp, Rejected};

/// The end of a call that did not succeed.
///
/// [`source`](core::error::Error::source) is the error of the last attempt. To a retry around it, this error is
/// [`Exhausted`](Class::Exhausted) or [`CircuitOpen`](Class::CircuitOpen): retried already, so not again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error<E> {
    /// The policy allowed no further attempt.
    GaveUp {
        /// Why not.
        reason: GiveUp,
        /// What the last attempt ended with.
        cause: Cause<E>,
        /// Which call it was.
        context: ErrorContext,
    },
    /// The circuit refused an attempt.
    Rejected {
        /// The refusal.
        rejected: Rejected,
        /// What the last attempt ended with; `None` where the first was refused.
        cause: Option<Cause<E>>,
        /// Which call it was.
        context: ErrorContext,
    },
}

/// What an attempt ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause<E> {
    /// The operation's own error.
    Failed(E),
    /// No end within the attempt timeout, which was this long.
    TimedOut(Duration),
}

/// Which call an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorContext {
    /// The operation's name, as the retry was given it; empty without one.
    pub operation: &'static str,
    /// How many attempts were made.
    pub attempts: u32,
    /// The class of the last attempt's error; `None` where no attempt was made.
    pub class: Option<Class>,
    /// How long the call took; `None` without a deadline, where no clock is read at the start.
    pub elapsed: Option<Duration>,
}

impl<E> Error<E> {
    /// Which call it was.
    pub const fn context(&self) -> &ErrorContext {
        match self {
            Self::GaveUp { context, .. } | Self::Rejected { context, .. } => context,
        }
    }

    /// What the last attempt ended with; `None` where none was made.
    pub const fn cause(&self) -> Option<&Cause<E>> {
        match self {
            Self::GaveUp { cause, .. } => Some(cause),
            Self::Rejected { cause, .. } => cause.as_ref(),
        }
    }

    /// The error of the last attempt, if it ended with one.
    pub fn into_inner(self) -> Option<E> {
        match self {
            Self::GaveUp {
                cause: Cause::Failed(error),
                ..
            }
            | Self::Rejected {
                cause: Some(Cause::Failed(error)),
                ..
            } => Some(error),
            _ => None,
        }
    }

    /// Whether the circuit refused an attempt.
    pub const fn is_rejected(&self) -> bool {
        matches!(self, Self::Rejected { .. })
    }
}

impl<E> Classify for Error<E> {
    fn classify(&self) -> Failure {
        match self {
            Self::GaveUp { .. } => Class::Exhausted.into(),
            Self::Rejected { .. } => Class::CircuitOpen.into(),
        }
    }
}

impl<E> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let context = self.context();
        if !context.operation.is_empty() {
            write!(f, "{}: ", context.operation)?;
        }
        match self {
            Self::GaveUp { reason, .. } => {
                write!(f, "gave up after {context}: {reason}")
            }
            Self::Rejected { rejected, .. } => write!(f, "rejected after {context}: {rejected}"),
        }
    }
}

/// `3 attempts in 1.2 s (last: Timeout)`.
impl fmt::Display for ErrorContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} attempt{}", self.attempts, plural(self.attempts))?;
        if let Some(elapsed) = self.elapsed {
            write!(f, " in {}", Spoken(elapsed))?;
        }
        match self.class {
            Some(class) => write!(f, " (last: {class})"),
            None => Ok(()),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for Error<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self.cause() {
            Some(Cause::Failed(error)) => Some(error),
            Some(Cause::TimedOut(_)) | None => None,
        }
    }
}
