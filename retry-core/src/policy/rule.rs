//! Rules for particular errors.

use core::fmt;
use core::time::Duration;

use crate::class::{Class, ClassSet, Recovery};
use crate::config_error::{ConfigError, Value, checked_setters};
use crate::delay::{Backoff, Jitter};
use crate::time::{Exact, duration, nanos, plural};

/// A rule for particular errors: with a recovery, a backoff, a jitter or a limit of attempts of their own.
///
/// A policy uses the first of its rules that applies. What the rule leaves open is decided by the policy. For a
/// condition on the error itself, use [`Retry::when`](crate::Retry::when), which comes before the policy's rules.
///
/// ```
/// use core::time::Duration;
/// use retry_core::{testing::FakeClock, Backoff, Class, Policy, Recovery, Retry, Rule};
///
/// const POLICY: Policy = Policy::DEFAULT.rules(&[
///     Rule::class(Class::RateLimit).backoff(Backoff::fixed(Duration::from_secs(5))).max_attempts(10),
///     Rule::class(Class::Timeout).from_attempt(2).recovery(Recovery::Fail), // one timeout is enough
///     Rule::class(Class::NotFound).recovery(Recovery::Ignore),
/// ]);
///
/// let clock = FakeClock::new();
/// let retry = Retry::new(&POLICY, &clock).classify(|class: &Class| *class);
/// let result = retry.run_blocking(|| Err::<(), _>(Class::NotFound));
/// assert!(result.unwrap_err().is_ignored());
/// ```
#[derive(Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Rule {
    classes: ClassSet,
    from_attempt: u32,
    after: u64,
    /// `None` if the policy decides.
    recovery: Option<Recovery>,
    pub(crate) backoff: Option<Backoff>,
    pub(crate) jitter: Option<Jitter>,
    /// `None` for the policy's number.
    pub(crate) max_attempts: Option<u32>,
}

impl Rule {
    /// A rule for errors of any class, which its conditions can narrow.
    pub const ANY: Self = Self::classes(ClassSet::ALL);

    /// Makes a rule for errors of this class. The policy decides whether they are retried, unless the rule has a
    /// [`recovery`](Self::recovery).
    pub const fn class(class: Class) -> Self {
        Self::classes(ClassSet::NONE.with(class))
    }

    /// Makes a rule for errors of these classes. The policy decides whether they are retried, unless the rule has a
    /// [`recovery`](Self::recovery).
    pub const fn classes(classes: ClassSet) -> Self {
        Self {
            classes,
            from_attempt: 1,
            after: 0,
            recovery: None,
            backoff: None,
            jitter: None,
            max_attempts: None,
        }
    }

    /// Applies the rule only from this attempt of the call on, counted from 1. For example, `from_attempt(2)` leaves
    /// out failures of the first attempt.
    #[must_use]
    pub const fn from_attempt(self, attempt: u32) -> Self {
        Self { from_attempt: attempt, ..self }
    }

    /// Applies the rule only after the call has taken this long, delays included.
    #[must_use]
    pub const fn after(self, elapsed: Duration) -> Self {
        Self { after: nanos(elapsed), ..self }
    }

    /// Sets what is done after such an error. By default, the policy decides.
    #[doc(alias = "retry_if")]
    #[must_use]
    pub const fn recovery(self, recovery: Recovery) -> Self {
        Self { recovery: Some(recovery), ..self }
    }

    /// Sets the backoff for [`Recovery::RetryWithBackoff`]. The default is the policy's.
    #[must_use]
    pub const fn backoff(self, backoff: Backoff) -> Self {
        Self { backoff: Some(backoff), ..self }
    }

    /// Sets the jitter. The default is the policy's. [`Recovery::RetryWithDelay`] and [`Recovery::WaitAndRetry`] have
    /// none by default.
    #[must_use]
    pub const fn jitter(self, jitter: Jitter) -> Self {
        Self { jitter: Some(jitter), ..self }
    }

    checked_setters! {
        /// Sets the largest number of attempts of a call that fails in this way, instead of the policy's number.
        /// `u32::MAX` means no limit.
        #[doc(alias = "max_retries")]
        #[fails_if("it is 0.")]
        max_attempts, try_max_attempts(self, attempts: u32) {
            if attempts == 0 {
                return Err(ConfigError::new("max_attempts", Value::Count(0), "must be at least 1"));
            }
            Ok(Self { max_attempts: Some(attempts), ..self })
        }
    }

    pub(crate) const fn asks_time(&self) -> bool {
        self.after > 0
    }

    /// Whether the rule applies to this failure.
    pub(super) fn applies(&self, class: Class, attempt: u32, elapsed: impl FnOnce() -> u64) -> bool {
        self.classes.contains(class)
            && attempt >= self.from_attempt
            && (self.after == 0 || elapsed() >= self.after)
    }

    /// The first delay that the rule sets itself; zero if it sets none.
    pub(crate) const fn first_delay(&self) -> Duration {
        match (self.recovery, self.backoff) {
            (Some(Recovery::RetryWithDelay(delay) | Recovery::WaitAndRetry(delay)), _) => delay,
            (_, Some(backoff)) => duration(backoff.base_nanos()),
            (_, None) => Duration::ZERO,
        }
    }

    /// The errors to which the rule applies: their classes, the first attempt, and the time of the call.
    #[cfg(feature = "serde")]
    pub(crate) const fn condition(&self) -> (ClassSet, u32, Duration) {
        (self.classes, self.from_attempt, duration(self.after))
    }

    pub(crate) const fn recovers(&self) -> Option<Recovery> {
        self.recovery
    }
}

/// Writes the rule in words, such as `rate_limit: fixed 5 s, 10 attempts` or `timeout from attempt 2: fail`.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.classes == ClassSet::ALL {
            f.write_str("any class")?;
        } else {
            write!(f, "{}", self.classes)?;
        }
        if self.from_attempt > 1 {
            write!(f, " from attempt {}", self.from_attempt)?;
        }
        if self.after > 0 {
            write!(f, " after {}", Exact(duration(self.after)))?;
        }
        f.write_str(":")?;
        let mut comma = "";
        let mut say = |what: fmt::Arguments<'_>| write!(f, "{} {what}", core::mem::replace(&mut comma, ","));
        match self.recovery {
            None => {}
            Some(Recovery::Fail) => say(format_args!("fail"))?,
            Some(Recovery::Ignore) => say(format_args!("ignore"))?,
            Some(Recovery::RetryWithBackoff) => say(format_args!("retry"))?,
            Some(Recovery::RetryWithDelay(delay)) => say(format_args!("retry after {}", Exact(delay)))?,
            Some(Recovery::Circuit) => say(format_args!("leave to the circuit"))?,
            Some(Recovery::WaitAndRetry(delay)) => {
                say(format_args!("wait until ready, at most {}, and retry", Exact(delay)))?;
            }
        }
        if let Some(backoff) = self.backoff {
            say(format_args!("{backoff}"))?;
        }
        if let Some(jitter) = self.jitter {
            say(format_args!("{jitter}"))?;
        }
        if let Some(attempts) = self.max_attempts {
            say(format_args!("{}", Attempts(attempts)))?;
        }
        if comma.is_empty() { f.write_str(" as without the rule") } else { Ok(()) }
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rule({self})")
    }
}

/// A number of attempts in words; `u32::MAX` means no limit.
pub(super) struct Attempts(pub(super) u32);

impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            u32::MAX => f.write_str("unlimited attempts"),
            attempts => write!(f, "{attempts} attempt{}", plural(attempts)),
        }
    }
}
