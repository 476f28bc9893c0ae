//! The values of a policy: as plain data, and as one line for a log.

use core::fmt;
use core::time::Duration;

use super::failure::Hints;
use super::rule::{Attempts, Rule};
use super::{Policy, limit};
use crate::class::ClassSet;
use crate::delay::{Backoff, Jitter};
use crate::time::{Exact, duration, plural};

/// The values of a [`Policy`] as plain data: see [`Policy::settings`].
///
/// Each field is named after its setter. Durations are exact to the nanosecond and saturate at 584 years.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct PolicySettings<'a> {
    /// The curve of the delays' ceilings.
    pub backoff: Backoff,
    /// The random spread of the delays.
    pub jitter: Jitter,
    /// The shortest delay.
    pub min_delay: Duration,
    /// The longest delay.
    pub max_delay: Duration,
    /// The largest number of attempts per call, the first one included; `None` if it is unlimited.
    pub max_attempts: Option<u32>,
    /// The latest planned start of an attempt, counted from the start of the call; `None` if it is unlimited.
    pub start_within: Option<Duration>,
    /// The longest time of a call, attempts and delays included; `None` if it is unlimited.
    pub total_timeout: Option<Duration>,
    /// The longest time of an attempt; `None` if it is unlimited.
    pub attempt_timeout: Option<Duration>,
    /// How long an attempt must last before its failure begins the call anew; `None` if nothing does.
    pub reset_after: Option<Duration>,
    /// How a server's hint is used.
    pub hints: Hints,
    /// The longest wait that a server may ask for; `None` for `max_delay`.
    pub max_hint: Option<Duration>,
    /// The delay after a pending answer; `None` for the backoff.
    pub poll_every: Option<Duration>,
    /// How many answers of a call may be pending; `None` for `max_attempts`, and `u32::MAX` for no limit.
    pub max_polls: Option<u32>,
    /// The classes of error that are retried.
    pub retry_on: ClassSet,
    /// The classes of error that are neutral: they say nothing about the dependency.
    pub neutral_on: ClassSet,
    /// The rules for particular errors.
    pub rules: &'a [Rule],
}

impl Policy {
    /// Returns the values of the policy as plain data.
    ///
    /// ```
    /// use core::time::Duration;
    /// use retry_core::Policy;
    ///
    /// let settings = Policy::exponential(Duration::from_millis(100)).max_attempts(5).settings();
    /// assert_eq!(settings.max_attempts, Some(5));
    /// assert_eq!(settings.backoff.base_delay(), Duration::from_millis(100));
    /// assert_eq!(settings.start_within, None);
    /// ```
    pub const fn settings(&self) -> PolicySettings<'static> {
        PolicySettings {
            backoff: self.backoff,
            jitter: self.jitter,
            min_delay: duration(self.min_delay),
            max_delay: duration(self.max_delay),
            max_attempts: if self.max_attempts == u32::MAX { None } else { Some(self.max_attempts) },
            start_within: limit(self.start_within),
            total_timeout: self.total_time_limit(),
            attempt_timeout: self.attempt_time_limit(),
            reset_after: limit(self.reset_after),
            hints: self.hints,
            max_hint: match self.max_hint {
                Some(nanos) => Some(duration(nanos)),
                None => None,
            },
            poll_every: match self.poll_every {
                Some(nanos) => Some(duration(nanos)),
                None => None,
            },
            max_polls: self.max_polls,
            retry_on: self.retryable,
            neutral_on: self.neutral,
            rules: self.rules,
        }
    }
}

/// Writes the whole policy in one line for a log, such as:
///
/// ```text
/// 3 attempts, exponential from 100 ms x2, at most 30 s, full jitter, hints up to 30 s, retries timeout, network
/// ```
impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings().fmt(f)
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Policy({self})")
    }
}

/// Writes one line for a log, as [`Policy`] does.
impl fmt::Display for PolicySettings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}, ", Attempts(self.max_attempts.unwrap_or(u32::MAX)), self.backoff)?;
        if !self.min_delay.is_zero() {
            write!(f, "at least {}, ", Exact(self.min_delay))?;
        }
        write!(f, "at most {}, {}, ", Exact(self.max_delay), self.jitter)?;
        if let Some(limit) = self.start_within {
            write!(f, "start within {}, ", Exact(limit))?;
        }
        if let Some(limit) = self.total_timeout {
            write!(f, "total timeout {}, ", Exact(limit))?;
        }
        if let Some(limit) = self.attempt_timeout {
            write!(f, "attempt timeout {}, ", Exact(limit))?;
        }
        if let Some(lasted) = self.reset_after {
            write!(f, "reset after {}, ", Exact(lasted))?;
        }
        let hints = match self.hints {
            Hints::Floor => "hints up to",
            Hints::Exact => "hints exactly, up to",
            Hints::Clamp => "hints clamped to",
            Hints::Ignore => "hints ignored",
        };
        f.write_str(hints)?;
        if self.hints != Hints::Ignore {
            write!(f, " {}", Exact(self.max_hint.unwrap_or(self.max_delay)))?;
        }
        if let Some(delay) = self.poll_every {
            write!(f, ", polls every {}", Exact(delay))?;
        }
        match self.max_polls {
            None => {}
            Some(u32::MAX) => f.write_str(", unlimited polls")?,
            Some(polls) => write!(f, ", at most {polls} poll{}", plural(polls))?,
        }
        write!(f, ", retries {}", self.retry_on)?;
        if self.neutral_on != ClassSet::NONE {
            write!(f, ", neutral on {}", self.neutral_on)?;
        }
        self.rules.iter().try_for_each(|rule| write!(f, "; rule {rule}"))
    }
}
