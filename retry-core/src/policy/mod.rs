//! What one call may do: immutable, `const`.

use core::time::Duration;

use crate::class::{Class, ClassSet, Failure};
use crate::config::{ConfigError, Value, ok_or_panic};
use crate::delay::{Backoff, Jitter};
use crate::time::nanos;
use crate::verdict::GiveUp;

/// What one call may do: how often, how far apart, for how long, after which errors.
///
/// Immutable and a few words long; usually a `const`. A setter with a value that cannot be is a compile error
/// there, and an `Err` in its `try_` form, which is for configuration that arrives at run time.
///
/// ```
/// use core::time::Duration;
/// use retry_core::{Class, ClassSet, Jitter, Policy};
///
/// const POLICY: Policy = Policy::exponential(Duration::from_millis(100))
///     .multiplier(1.5)
///     .cap(Duration::from_secs(5))
///     .attempts(4)
///     .deadline(Duration::from_secs(30));
///
/// assert!(POLICY.try_cap(Duration::from_millis(99)).is_err());
/// ```
///
/// ```compile_fail
/// # use core::time::Duration;
/// # use retry_core::Policy;
/// const NONE: Policy = Policy::exponential(Duration::from_millis(100)).attempts(0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    backoff: Backoff,
    jitter: Jitter,
    cap: u64,
    attempts: u32,
    retryable: ClassSet,
    // `u64::MAX` nanoseconds, 584 years, stand for "none" in these three.
    deadline: u64,
    attempt_timeout: u64,
    hint_limit: u64,
}

const NO_LIMIT: u64 = u64::MAX;

impl Policy {
    /// 3 attempts, exponential from 100 ms, doubling, at most 30 s, full jitter, a deadline of 5 minutes.
    pub const DEFAULT: Self =
        Self::exponential(Duration::from_millis(100)).deadline(Duration::from_secs(5 * 60));

    /// 3 attempts, delays from `base` doubling up to 30 s (or `base` where that is longer), full jitter, no
    /// deadline, no attempt timeout.
    pub const fn exponential(base: Duration) -> Self {
        const CAP: u64 = nanos(Duration::from_secs(30));
        let base_nanos = nanos(base);
        Self {
            backoff: Backoff::exponential(base),
            jitter: Jitter::Full,
            cap: if base_nanos > CAP { base_nanos } else { CAP },
            attempts: 3,
            retryable: ClassSet::RETRYABLE,
            deadline: NO_LIMIT,
            attempt_timeout: NO_LIMIT,
            hint_limit: NO_LIMIT,
        }
    }

    /// How many times longer each delay's ceiling is than the one before; see [`Backoff::try_multiplier`] for
    /// its precision.
    ///
    /// # Panics
    /// On a multiplier that is NaN, infinite or below 1.
    #[must_use]
    #[track_caller]
    pub const fn multiplier(self, multiplier: f64) -> Self {
        ok_or_panic!(self.try_multiplier(multiplier))
    }

    /// [`multiplier`](Self::multiplier) for a value known only at run time.
    ///
    /// # Errors
    /// A multiplier that is NaN, infinite or below 1.
    pub const fn try_multiplier(self, multiplier: f64) -> Result<Self, ConfigError> {
        match self.backoff.try_multiplier(multiplier) {
            Ok(backoff) => Ok(Self { backoff, ..self }),
            Err(error) => Err(error),
        }
    }

    /// The longest delay, applied last, after the jitter.
    ///
    /// # Panics
    /// On a cap below the base.
    #[must_use]
    #[track_caller]
    pub const fn cap(self, cap: Duration) -> Self {
        ok_or_panic!(self.try_cap(cap))
    }

    /// [`cap`](Self::cap) for a value known only at run time.
    ///
    /// # Errors
    /// A cap below the base.
    pub const fn try_cap(self, cap: Duration) -> Result<Self, ConfigError> {
        if nanos(cap) < self.backoff.ceiling_nanos(1) {
            let error = ConfigError::new("cap", Value::Duration(cap), "must be at least");
            return Err(error.limit(Value::Duration(self.backoff.base()), "the base"));
        }
        Ok(Self {
            cap: nanos(cap),
            ..self
        })
    }

    /// The random spread of the delays.
    #[must_use]
    pub const fn jitter(self, jitter: Jitter) -> Self {
        Self { jitter, ..self }
    }

    /// The most attempts of a call, the first included; `u32::MAX` for as many as it takes.
    ///
    /// # Panics
    /// On 0.
    #[must_use]
    #[track_caller]
    pub const fn attempts(self, attempts: u32) -> Self {
        ok_or_panic!(self.try_attempts(attempts))
    }

    /// [`attempts`](Self::attempts) for a value known only at run time.
    ///
    /// # Errors
    /// 0.
    pub const fn try_attempts(self, attempts: u32) -> Result<Self, ConfigError> {
        if attempts == 0 {
            return Err(ConfigError::new(
                "attempts",
                Value::Count(0),
                "must be at least 1",
            ));
        }
        Ok(Self { attempts, ..self })
    }

    /// The latest start of an attempt, counted from the start of the call, the time of attempts included.
    ///
    /// A retry that could only start later is given up at once, not after the sleep.
    #[must_use]
    pub const fn deadline(self, deadline: Duration) -> Self {
        Self {
            deadline: nanos(deadline),
            ..self
        }
    }

    /// The longest an attempt may take. An asynchronous loop drops the attempt then and goes on as after an
    /// error of class [`Timeout`](Class::Timeout); a blocking loop cannot interrupt an attempt.
    ///
    /// # Panics
    /// On zero.
    #[must_use]
    #[track_caller]
    pub const fn attempt_timeout(self, timeout: Duration) -> Self {
        ok_or_panic!(self.try_attempt_timeout(timeout))
    }

    /// [`attempt_timeout`](Self::attempt_timeout) for a value known only at run time.
    ///
    /// # Errors
    /// Zero.
    pub const fn try_attempt_timeout(self, timeout: Duration) -> Result<Self, ConfigError> {
        if timeout.is_zero() {
            return Err(ConfigError::new(
                "attempt_timeout",
                Value::Duration(timeout),
                "must be above zero",
            ));
        }
        Ok(Self {
            attempt_timeout: nanos(timeout),
            ..self
        })
    }

    /// The longest wait a server may ask for; the cap unless set. A longer hint ends the call: coming back
    /// sooner than asked would be worse than not at all.
    #[must_use]
    pub const fn hint_limit(self, limit: Duration) -> Self {
        Self {
            hint_limit: nanos(limit),
            ..self
        }
    }

    /// The classes of error that are retried; [`ClassSet::RETRYABLE`] unless set.
    #[must_use]
    pub const fn retry_on(self, classes: ClassSet) -> Self {
        Self {
            retryable: classes,
            ..self
        }
    }

    /// Whether errors of this class are retried.
    pub const fn retries(&self, class: Class) -> bool {
        self.retryable.contains(class)
    }

    /// The longest an attempt may take, if there is a limit.
    pub const fn timeout_of_attempt(&self) -> Option<Duration> {
        if self.attempt_timeout == NO_LIMIT {
            None
        } else {
            Some(Duration::from_nanos(self.attempt_timeout))
        }
    }

    pub(crate) const fn has_deadline(&self) -> bool {
        self.deadline != NO_LIMIT
    }

    /// The delay before the next attempt, in nanoseconds, or why there is none.
    ///
    /// `word` is called exactly once for each delay worked out, so that a recorded sequence of words replays.
    /// `elapsed` is asked for only under a deadline.
    pub(crate) fn decide(
        &self,
        attempt: u32,
        failure: Failure,
        elapsed: impl FnOnce() -> u64,
        word: impl FnOnce() -> u64,
    ) -> Result<u64, GiveUp> {
        if !self.retries(failure.class) {
            return Err(GiveUp::Class);
        }
        if attempt >= self.attempts {
            return Err(GiveUp::Attempts);
        }
        let ceiling = self.backoff.ceiling_nanos(attempt).min(self.cap);
        let mut delay = self.jitter.delay_nanos(ceiling, word()).min(self.cap);
        if let Some(hint) = failure.hint {
            let limit = if self.hint_limit == NO_LIMIT {
                self.cap
            } else {
                self.hint_limit
            };
            let hint = nanos(hint);
            if hint > limit {
                return Err(GiveUp::Hint);
            }
            delay = delay.max(hint);
        }
        if self.has_deadline() && elapsed().saturating_add(delay) > self.deadline {
            return Err(GiveUp::Deadline);
        }
        Ok(delay)
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::DEFAULT
    }
}
