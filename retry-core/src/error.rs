//! How a call ends that does not succeed.

use core::fmt;
use core::time::Duration;

use crate::circuit::Rejected;
use crate::class::{Class, Severity};
use crate::key::Key;
use crate::time::{Instant, Spoken};
use crate::verdict::{GiveUp, Reason};

/// The end of a call that did not succeed.
///
/// Shown, it is one line: the operation, what happened, and after what. [`source`](core::error::Error::source) is
/// the error of the last attempt. To a retry around it, this error is [`Exhausted`](Class::Exhausted) or
/// [`CircuitOpen`](Class::CircuitOpen): retried already, so not again.
///
/// ```
/// use retry_core::{testing::FakeClock, Class, Policy, Retry};
///
/// let clock = FakeClock::new();
/// let retry = Retry::new(&Policy::DEFAULT, &clock).named("stock.read").keyed("eu-west-1");
/// let error = retry.run_blocking(|| Err::<(), _>(Class::Timeout)).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "stock.read[eu-west-1]: gave up after attempt 3 of 3, 300 ms (Timeout): no attempts left",
/// );
/// assert_eq!(error.into_inner(), Some(Class::Timeout));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error<E> {
    /// The policy or the budget allowed no further attempt.
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
    /// The call was stopped from outside.
    Cancelled {
        /// What the last attempt that ended did end with, if one did.
        cause: Option<Cause<E>>,
        /// Which call it was.
        context: ErrorContext,
    },
    /// An error of a kind that the policy ignores: the caller may go on without a value.
    Ignored {
        /// What the attempt ended with.
        cause: Cause<E>,
        /// Which call it was.
        context: ErrorContext,
    },
}

/// What an attempt ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Cause<E> {
    /// The operation's own error.
    Failed(E),
    /// No end within a limit, which was this long: the attempt timeout, or the call's total timeout if that ended the
    /// attempt.
    TimedOut(Duration),
    /// A value that [`Retry::unacceptable`](crate::Retry::unacceptable) took for a failure.
    Unacceptable,
}

impl<E> Cause<E> {
    fn map<F>(self, f: impl FnOnce(E) -> F) -> Cause<F> {
        match self {
            Self::Failed(error) => Cause::Failed(f(error)),
            Self::TimedOut(limit) => Cause::TimedOut(limit),
            Self::Unacceptable => Cause::Unacceptable,
        }
    }
}

/// Which call an error is about, and how far it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct ErrorContext {
    /// The operation's name, as the retry was given it; empty without one.
    pub operation: &'static str,
    /// Which of several like dependencies; [`Key::NONE`] without one.
    pub key: Key,
    /// The last attempt, from 1; 0 where none was made.
    pub attempt: u32,
    /// The most attempts the policy allows.
    pub max_attempts: u32,
    /// How long the call took; `None` where nothing asked for the time at its start.
    pub elapsed: Option<Duration>,
    /// When the call ended.
    pub when: Instant,
    /// The class of the last attempt's error; `None` where no attempt ended.
    pub class: Option<Class>,
}

impl ErrorContext {
    /// How bad the last attempt's error is; `None` where no attempt ended.
    pub fn severity(&self) -> Option<Severity> {
        self.class.map(Class::severity)
    }
}

impl<E> Error<E> {
    /// Which call it was, and how far it came.
    pub const fn context(&self) -> &ErrorContext {
        match self {
            Self::GaveUp { context, .. }
            | Self::Rejected { context, .. }
            | Self::Cancelled { context, .. }
            | Self::Ignored { context, .. } => context,
        }
    }

    /// What the last attempt ended with; `None` where none ended.
    pub const fn cause(&self) -> Option<&Cause<E>> {
        match self {
            Self::GaveUp { cause, .. } | Self::Ignored { cause, .. } => Some(cause),
            Self::Rejected { cause, .. } | Self::Cancelled { cause, .. } => cause.as_ref(),
        }
    }

    /// What the last attempt ended with; `None` where none ended.
    pub fn into_cause(self) -> Option<Cause<E>> {
        match self {
            Self::GaveUp { cause, .. } | Self::Ignored { cause, .. } => Some(cause),
            Self::Rejected { cause, .. } | Self::Cancelled { cause, .. } => cause,
        }
    }

    /// The operation's own error of the last attempt, if it ended with one.
    pub fn into_inner(self) -> Option<E> {
        match self.into_cause() {
            Some(Cause::Failed(error)) => Some(error),
            _ => None,
        }
    }

    /// The same with another error for a cause, for an operation whose own is no [`core::error::Error`]:
    /// `error.map(std::io::Error::other)`.
    pub fn map<F>(self, f: impl FnOnce(E) -> F) -> Error<F> {
        match self {
            Self::GaveUp { reason, cause, context } => Error::GaveUp { reason, cause: cause.map(f), context },
            Self::Ignored { cause, context } => Error::Ignored { cause: cause.map(f), context },
            Self::Rejected { rejected, cause, context } => {
                Error::Rejected { rejected, cause: cause.map(|cause| cause.map(f)), context }
            }
            Self::Cancelled { cause, context } => {
                Error::Cancelled { cause: cause.map(|cause| cause.map(f)), context }
            }
        }
    }

    /// Why the call ended.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::GaveUp { reason, .. } => Reason::GaveUp(*reason),
            Self::Ignored { .. } => Reason::GaveUp(GiveUp::Ignored),
            Self::Rejected { .. } => Reason::Rejected,
            Self::Cancelled { .. } => Reason::Cancelled,
        }
    }

    /// Whether the circuit refused an attempt.
    pub const fn is_circuit_open(&self) -> bool {
        matches!(self, Self::Rejected { .. })
    }

    /// Whether all attempts were made.
    pub const fn is_exhausted(&self) -> bool {
        matches!(self, Self::GaveUp { reason: GiveUp::Attempts, .. })
    }

    /// Whether the next attempt would have started too late.
    pub const fn is_start_within(&self) -> bool {
        matches!(self, Self::GaveUp { reason: GiveUp::StartWithin, .. })
    }

    /// Whether the call's total timeout was the reason.
    pub const fn is_total_timeout(&self) -> bool {
        matches!(self, Self::GaveUp { reason: GiveUp::TotalTimeout, .. })
    }

    /// Whether the budget of retries was empty.
    pub const fn is_budget_empty(&self) -> bool {
        matches!(self, Self::GaveUp { reason: GiveUp::Budget, .. })
    }

    /// Whether the call was stopped from outside.
    pub const fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled { .. })
    }

    /// Whether the policy ignores errors of this kind.
    pub const fn is_ignored(&self) -> bool {
        matches!(self, Self::Ignored { .. })
    }

    /// Whether the last attempt ended for want of an answer in time.
    pub fn is_timeout(&self) -> bool {
        self.context().class == Some(Class::Timeout)
    }
}

impl<E> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let context = self.context();
        context.key.fmt_after(context.operation, f)?;
        match self {
            Self::GaveUp { reason, .. } => write!(f, "gave up {context}: {reason}"),
            Self::Rejected { rejected, .. } => write!(f, "rejected {context}: {rejected}"),
            Self::Cancelled { .. } => write!(f, "cancelled {context}"),
            Self::Ignored { .. } => write!(f, "ignored an error {context}"),
        }
    }
}

/// `after attempt 2 of 5, 27.1 s (Timeout)`.
impl fmt::Display for ErrorContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.attempt, self.max_attempts) {
            (0, _) => f.write_str("before the first attempt")?,
            (attempt, u32::MAX) => write!(f, "after attempt {attempt}")?,
            (attempt, most) => write!(f, "after attempt {attempt} of {most}")?,
        }
        if let Some(elapsed) = self.elapsed {
            write!(f, ", {}", Spoken(elapsed))?;
        }
        match self.class {
            Some(class) => write!(f, " ({class})"),
            None => Ok(()),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for Error<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self.cause() {
            Some(Cause::Failed(error)) => Some(error),
            Some(Cause::TimedOut(_) | Cause::Unacceptable) | None => None,
        }
    }
}
