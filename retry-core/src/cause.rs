//! What an attempt ended with that did not succeed.

use core::fmt;
use core::time::Duration;

use crate::time::Spoken;

/// What an attempt ended with that did not succeed.
///
/// Shown, it is the operation's own error, or one line for what has none.
///
/// ```
/// use core::time::Duration;
/// use retry_core::Cause;
///
/// assert_eq!(Cause::Failed("connection refused").to_string(), "connection refused");
/// assert_eq!(Cause::<&str>::TimedOut(Duration::from_secs(2)).to_string(), "timed out after 2.0 s");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Cause<E> {
    /// The operation's own error.
    Failed(E),
    /// The attempt did not end within its time limit, which was this long.
    TimedOut(Duration),
    /// A value that [`Retry::classify_ok`](crate::Retry::classify_ok) took for a failure.
    Unacceptable,
}

impl<E> Cause<E> {
    /// The operation's own error, if the attempt ended with one.
    pub const fn error(&self) -> Option<&E> {
        match self {
            Self::Failed(error) => Some(error),
            Self::TimedOut(_) | Self::Unacceptable => None,
        }
    }

    /// The same cause with another error.
    pub(crate) fn map<F>(self, f: impl FnOnce(E) -> F) -> Cause<F> {
        match self {
            Self::Failed(error) => Cause::Failed(f(error)),
            Self::TimedOut(limit) => Cause::TimedOut(limit),
            Self::Unacceptable => Cause::Unacceptable,
        }
    }
}

impl<E: fmt::Display> fmt::Display for Cause<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::TimedOut(limit) => write!(f, "timed out after {}", Spoken(*limit)),
            Self::Unacceptable => f.write_str("the value is not acceptable"),
        }
    }
}
