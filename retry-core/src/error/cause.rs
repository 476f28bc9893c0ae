//! Why an attempt failed.

use core::fmt;
use core::time::Duration;

use crate::clean::OnOneLine;
use crate::detail::Detail;
use crate::time::Spoken;

/// Why an attempt failed: an error, a timeout, or an unacceptable value.
///
/// Its `Display` writes the operation's own error, or a line of its own in the other cases. It stays on one line of up to
/// 1 KiB: U+FFFD replaces control characters, line separators and marks of text direction. The error by itself keeps its
/// own `Display`, and its own `Debug` everywhere.
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
    /// The attempt exceeded its time limit. The duration is the attempt timeout, or the total timeout if that ended the
    /// call.
    TimedOut(Duration),
    /// [`Retry::classify_ok`](crate::Retry::classify_ok) marked the value as a failure, possibly with a
    /// [detail](crate::Failure::detail), such as its HTTP status.
    Unacceptable(Option<Detail>),
}

impl<E> Cause<E> {
    /// Returns the operation's own error; `None` after a timeout or an unacceptable value.
    pub const fn error(&self) -> Option<&E> {
        match self {
            Self::Failed(error) => Some(error),
            Self::TimedOut(_) | Self::Unacceptable(_) => None,
        }
    }

    /// Converts the operation's own error.
    pub(super) fn map<F>(self, f: impl FnOnce(E) -> F) -> Cause<F> {
        match self {
            Self::Failed(error) => Cause::Failed(f(error)),
            Self::TimedOut(limit) => Cause::TimedOut(limit),
            Self::Unacceptable(detail) => Cause::Unacceptable(detail),
        }
    }
}

impl<E: fmt::Display> fmt::Display for Cause<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => OnOneLine(error).fmt(f),
            Self::TimedOut(limit) => write!(f, "timed out after {}", Spoken(*limit)),
            Self::Unacceptable(None) => f.write_str("the value is not acceptable"),
            Self::Unacceptable(Some(detail)) => write!(f, "the value is not acceptable: {detail}"),
        }
    }
}
