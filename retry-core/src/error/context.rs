//! The call that an error is about.

use core::fmt;
use core::time::Duration;

use crate::class::{Class, Severity};
use crate::key::Key;
use crate::name::Name;
use crate::time::{Instant, Spoken, duration};

/// The call that an error is about, and how far it came.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct ErrorContext {
    /// The name of the operation, or an empty one.
    pub operation: Name,
    /// The key, such as a host, or [`Key::NONE`].
    pub key: Key,
    /// The number of the last attempt, counted from 1; 0 before the first attempt. A retry that a limit of time ended
    /// before it ran does not count. After a reset by [`Policy::reset_after`](crate::Policy::reset_after), attempts are
    /// counted from it on.
    pub attempt: u32,
    /// The number of attempts that the policy or its rule allows a call that goes on failing in the last way; `u32::MAX`
    /// for unlimited attempts. It is at least `attempt`.
    pub max_attempts: u32,
    /// How long the call took, delays included.
    ///
    /// It counts from the start of the call if the policy has a time limit, if the call has an observer, or if
    /// [`Retry::timed`](crate::Retry::timed) or [`Retry::when`](crate::Retry::when) is set. Otherwise the call reads no
    /// clock before its first failure. With `std`, the time then counts from the end of the first attempt, so that the
    /// call took at least as long. It is `None` if the call ended with its first attempt, and always without `std`.
    pub elapsed: Option<Duration>,
    /// Whether [`elapsed`](Self::elapsed) counts from the end of the first attempt.
    pub is_elapsed_partial: bool,
    /// The instant at which the call ended, on the runtime's clock.
    pub when: Instant,
    /// The wall-clock time at which the call ended, since 1970 in UTC; `None` if the runtime has
    /// [none](crate::runtime::Clock::unix_time). With `std`, `Error::at` returns it as a `SystemTime`.
    pub unix_time: Option<Duration>,
    /// The class of the last attempt's failure; `None` before the end of the first attempt.
    pub class: Option<Class>,
}

impl ErrorContext {
    /// Returns the severity of the last attempt's failure; `None` before the end of the first attempt.
    pub fn severity(&self) -> Option<Severity> {
        self.class.map(Class::severity)
    }
}

/// Writes the attempts, the time and the class, such as `after attempt 2 of 5, 27.1 s (Timeout)`. The time is left out
/// unless it counts from the start of the call.
impl fmt::Display for ErrorContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.attempt, self.max_attempts) {
            (0, _) => f.write_str("before the first attempt")?,
            (attempt, u32::MAX) => write!(f, "after attempt {attempt}")?,
            (attempt, most) => write!(f, "after attempt {attempt} of {most}")?,
        }
        if let (Some(elapsed), false) = (self.elapsed, self.is_elapsed_partial) {
            write!(f, ", {}", Spoken(elapsed))?;
        }
        match self.class {
            Some(class) => write!(f, " ({class})"),
            None => Ok(()),
        }
    }
}

/// What became of the dead letter of a call: see [`Error::letter`](crate::Error::letter).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum LetterOutcome {
    /// A sink kept it.
    Kept,
    /// It is lost: every sink failed or refused it.
    Lost,
    /// It was left out and counted, because the circuit refused more calls than the sink's
    /// [`RejectedLimit`](crate::dead_letter::RejectedLimit) allows.
    LeftOut,
}

/// An [`ErrorContext`] in less room, because a call returns its error by value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Context {
    pub(crate) operation: Name,
    pub(crate) key: Key,
    pub(crate) attempt: u32,
    pub(crate) max_attempts: u32,
    /// In nanoseconds; `UNKNOWN` if it is unknown.
    pub(crate) elapsed: u64,
    pub(crate) when: Instant,
    /// In nanoseconds since 1970; `UNKNOWN` if it is unknown.
    pub(crate) unix_time: u64,
    pub(crate) class: Option<Class>,
    /// The last failure's hint.
    pub(crate) hint: LastHint,
    pub(crate) is_elapsed_partial: bool,
    /// Whether the last failure was neutral.
    pub(crate) is_neutral: bool,
    /// What became of the call's dead letter.
    pub(crate) letter: Option<LetterOutcome>,
}

impl Context {
    /// A time that is unknown.
    pub(crate) const UNKNOWN: u64 = u64::MAX;

    pub(crate) fn elapsed(&self) -> Option<Duration> {
        Self::known(self.elapsed)
    }

    pub(crate) fn unix_time(&self) -> Option<Duration> {
        Self::known(self.unix_time)
    }

    fn known(time: u64) -> Option<Duration> {
        (time != Self::UNKNOWN).then(|| duration(time))
    }

    pub(super) fn whole(&self) -> ErrorContext {
        let Self { key, attempt, max_attempts, when, class, is_elapsed_partial, .. } = *self;
        let operation = self.operation.clone();
        let (elapsed, unix_time) = (self.elapsed(), self.unix_time());
        ErrorContext {
            operation,
            key,
            attempt,
            max_attempts,
            elapsed,
            when,
            unix_time,
            class,
            is_elapsed_partial,
        }
    }
}

/// A hint in four bytes, which fill a gap of [`Context`]: in milliseconds, rounded up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct LastHint(u32);

impl LastHint {
    pub(crate) const NONE: Self = Self(u32::MAX);
    const LONGEST: u32 = u32::MAX - 1;

    #[inline]
    pub(crate) fn of(hint: Option<Duration>) -> Self {
        let Some(hint) = hint else { return Self::NONE };
        let millis = u64::from(hint.subsec_nanos().div_ceil(1_000_000));
        let millis = hint.as_secs().saturating_mul(1_000).saturating_add(millis);
        Self(u32::try_from(millis).unwrap_or(Self::LONGEST).min(Self::LONGEST))
    }

    pub(super) fn known(self) -> Option<Duration> {
        (self != Self::NONE).then(|| Duration::from_millis(self.0.into()))
    }
}
