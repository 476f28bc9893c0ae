//! Retry policies: attempts, backoff, jitter, timeouts, and the errors that are retried.
//!
//! Guides: [choosing a policy](crate::_guides::choosing_a_policy), [best practices](crate::_guides::best_practices),
//! [settings](crate::_guides::settings).
//!
//! A [`Policy`] is a small constant. It has a [`Backoff`], such as exponential backoff, a [`Jitter`], limits on
//! attempts and time, and [`Rule`]s for particular errors. It is plain data: the same policy serves any number of calls
//! on any runtime. [`Preset`]s are policies for common dependencies.
//!
//! ```
//! use core::time::Duration;
//! use retry_core::{testing::FakeClock, Backoff, Call, Class, GiveUp, Policy, Recovery, Rule, Verdict};
//!
//! const fn ms(ms: u64) -> Duration {
//!     Duration::from_millis(ms)
//! }
//!
//! const POLICY: Policy = Policy::exponential(ms(100)) // at most 100 ms, 200 ms, 400 ms, ...
//!     .max_delay(ms(5_000))
//!     .max_attempts(4)
//!     .start_within(ms(30_000))
//!     .rules(&[
//!         Rule::class(Class::RateLimit).backoff(Backoff::fixed(ms(2_000))),
//!         Rule::class(Class::Timeout).from_attempt(2).recovery(Recovery::Fail),
//!     ]);
//!
//! let clock = FakeClock::new();
//! let mut words = clock.words(&[1 << 63, u64::MAX]); // for the jitter: half of the range, then all of it
//! let mut call = Call::new(&POLICY, clock.now());
//! let mut fail = |class| call.attempt(clock.now()).unwrap().fail(class, clock.now(), &mut words);
//! assert_eq!(fail(Class::Network), Verdict::Retry(ms(50)));
//! assert_eq!(fail(Class::RateLimit), Verdict::Retry(ms(2_000)));
//! assert_eq!(fail(Class::Timeout), Verdict::GiveUp(GiveUp::Class));
//! ```
//!
//! # How a delay is made
//!
//! 1. The backoff gives a ceiling for the number of failed attempts, at most [`max_delay`](Policy::max_delay). After an
//!    error of class [`RateLimit`](Class::RateLimit), the ceiling is five times as long, unless a rule sets a backoff
//!    or a delay.
//! 2. The jitter makes a delay from the ceiling and one random word.
//! 3. The delay is raised to [`min_delay`](Policy::min_delay), and then lowered to `max_delay`.
//! 4. A server's hint, such as `Retry-After`, is the shortest delay: see [`Hints`]. A hint above
//!    [`max_hint`](Policy::max_hint) ends the call.
//! 5. If the attempt would start later than [`start_within`](Policy::start_within), or after the
//!    [`total_timeout`](Policy::total_timeout), the call ends at once.
//!
//! # At run time
//!
//! With the feature `std`, `OwnedPolicy` has rules that are known only at run time, and `ReloadablePolicy` is replaced
//! while calls are under way. Policies can be read from configuration files, and written to them: see
//! [`config`](crate::config). [`Policy::settings`] returns a policy's values, and its `Display` writes them in one
//! line.
//!
//! # Limits
//!
//! A call makes one attempt at a time, and the next one begins after it has ended. So there is no hedging. First
//! attempts start at once: for a limit on those, use a rate limiter. For what all calls to a dependency share, see
//! [`circuit`](crate::circuit) and [`budget`](crate::budget).

#![doc(alias = "hedging")]
#![doc(alias = "backoff")]
#![doc(alias = "exponential_backoff")]
#![doc(alias = "retry strategy")]

use core::time::Duration;

mod decide;
mod failure;
mod limits;
#[cfg(feature = "std")]
mod owned;
mod policies;
mod preset;
#[cfg(feature = "std")]
mod reloadable;
mod rule;
mod settings;

pub use crate::delay::{Backoff, BackoffKind, Deviation, Jitter};
pub use crate::detail::Detail;
pub(crate) use decide::FailedAttempt;
pub use failure::{Failure, Hints};
pub use policies::{OfType, Policies, WithCurve};
pub use preset::Preset;
pub use rule::Rule;
pub use settings::PolicySettings;
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use {owned::OwnedPolicy, reloadable::ReloadablePolicy};

use crate::class::{Class, ClassSet};
use crate::config_error::{ConfigError, Value, checked_setters};
use crate::time::{duration, nanos};

/// A retry policy: how many attempts, how far apart, for how long, and after which errors.
///
/// It is immutable, and usually a `const`. In a `const`, an invalid value is a compile error. For values known only at
/// run time, each setter has a `try_` form, which returns the error.
///
/// ```
/// use core::time::Duration;
/// use retry_core::{Class, ClassSet, Jitter, Policy};
///
/// const POLICY: Policy = Policy::exponential(Duration::from_millis(100))
///     .multiplier(1.5)
///     .max_delay(Duration::from_secs(5))
///     .max_attempts(4)
///     .start_within(Duration::from_secs(30));
///
/// assert!(POLICY.try_max_delay(Duration::from_millis(99)).is_err());
/// ```
///
/// ```compile_fail
/// # use core::time::Duration;
/// # use retry_core::Policy;
/// const NONE: Policy = Policy::exponential(Duration::from_millis(100)).max_attempts(0);
/// ```
#[derive(Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Policy {
    backoff: Backoff,
    jitter: Jitter,
    min_delay: u64,
    max_delay: u64,
    max_attempts: u32,
    retryable: ClassSet,
    neutral: ClassSet,
    hints: Hints,
    /// Whether any answer depends on how long the call has taken.
    asks_time: bool,
    rules: &'static [Rule],
    /// `None` for `max_delay`.
    max_hint: Option<u64>,
    /// In nanoseconds; `None` for the backoff.
    poll_every: Option<u64>,
    /// `None` for `max_attempts`.
    max_polls: Option<u32>,
    // In these, `u64::MAX` nanoseconds (584 years) mean that there is no limit.
    start_within: u64,
    total_timeout: u64,
    attempt_timeout: u64,
    /// The smaller of the two timeouts.
    longest_attempt: u64,
    reset_after: u64,
}

const NO_LIMIT: u64 = u64::MAX;

const fn limit(nanos: u64) -> Option<Duration> {
    if nanos == NO_LIMIT { None } else { Some(duration(nanos)) }
}

impl Policy {
    /// 3 attempts, full jitter, and delays that begin at 100 ms and double up to 30 s. Each attempt starts within 5
    /// minutes.
    pub const DEFAULT: Self =
        Self::exponential(Duration::from_millis(100)).start_within(Duration::from_secs(5 * 60));

    /// Makes a policy of 3 attempts, with delays that begin at `base` and double up to 30 s, or `base` if that is
    /// longer.
    ///
    /// The jitter is [`Jitter::Full`], and the call may take any time.
    #[doc(alias = "exponential_backoff")]
    #[doc(alias = "initial_interval")]
    #[doc(alias = "base_delay")]
    #[doc(alias = "BaseDelay")]
    pub const fn exponential(base: Duration) -> Self {
        Self::backoff(Backoff::exponential(base))
    }

    /// Makes a policy of 3 attempts, with a delay of `base` each time. [`Jitter::Full`] then spreads it from zero to
    /// `base`.
    #[doc(alias = "constant")]
    pub const fn fixed(base: Duration) -> Self {
        Self::backoff(Backoff::fixed(base))
    }

    /// Makes a policy of 3 attempts, with delays by this curve up to 30 s, or its base delay if that is longer.
    ///
    /// The jitter is [`Jitter::Full`], and the call may take any time.
    pub const fn backoff(backoff: Backoff) -> Self {
        const MAX_DELAY: u64 = nanos(Duration::from_secs(30));
        let base = backoff.base_nanos();
        Self {
            backoff,
            jitter: Jitter::Full,
            min_delay: 0,
            max_delay: if base > MAX_DELAY { base } else { MAX_DELAY },
            max_attempts: 3,
            retryable: ClassSet::RETRYABLE,
            neutral: ClassSet::NONE,
            hints: Hints::Floor,
            asks_time: false,
            rules: &[],
            start_within: NO_LIMIT,
            total_timeout: NO_LIMIT,
            attempt_timeout: NO_LIMIT,
            longest_attempt: NO_LIMIT,
            reset_after: NO_LIMIT,
            max_hint: None,
            poll_every: None,
            max_polls: None,
        }
    }

    checked_setters! {
        /// Sets the factor from each delay's ceiling to the next. The default is 2. See [`Backoff::multiplier`] for its
        /// precision.
        #[doc(alias = "factor")]
        #[fails_if("the multiplier is NaN, infinite or below 1, or if the curve is not exponential.")]
        multiplier, try_multiplier(self, multiplier: f64) {
            match self.backoff.try_multiplier(multiplier) {
                Ok(backoff) => Ok(Self { backoff, ..self }),
                Err(error) => Err(error),
            }
        }

        /// Sets the longest delay. The default is 30 s, or the base delay if that is longer. It is applied last, after
        /// the jitter. Only a server's hint may be longer, if [`max_hint`](Self::max_hint) allows it, and the delay of
        /// [`poll_every`](Self::poll_every).
        #[doc(alias = "MaxDelay")]
        #[doc(alias = "cap")]
        #[doc(alias = "max_interval")]
        #[fails_if("it is below the base delay, [`min_delay`](Self::min_delay), or the first delay of a rule.")]
        max_delay, try_max_delay(self, max_delay: Duration) {
            let (floor, what) = match self.backoff.base_nanos() {
                base if base < self.min_delay => (self.min_delay, "min_delay"),
                base => (base, "the base delay"),
            };
            if nanos(max_delay) < floor {
                let error = ConfigError::new("max_delay", Value::Duration(max_delay), "must be at least");
                return Err(error.limit(Value::Duration(duration(floor)), what));
            }
            Self { max_delay: nanos(max_delay), ..self }.try_rules(self.rules)
        }

        /// Sets the shortest delay, whatever the jitter. The default is zero. To set more than 30 s, set
        /// [`max_delay`](Self::max_delay) first.
        #[doc(alias = "MinDelay")]
        #[doc(alias = "min_interval")]
        #[fails_if("it is above [`max_delay`](Self::max_delay).")]
        min_delay, try_min_delay(self, min_delay: Duration) {
            if nanos(min_delay) > self.max_delay {
                let error = ConfigError::new("min_delay", Value::Duration(min_delay), "must be at most");
                return Err(error.limit(Value::Duration(duration(self.max_delay)), "max_delay"));
            }
            Ok(Self { min_delay: nanos(min_delay), ..self })
        }

        /// Sets the largest number of attempts per call, the first one included. The default is 3. `u32::MAX` means no
        /// limit.
        #[doc(alias = "max_retries")]
        #[doc(alias = "retries")]
        #[doc(alias = "attempts")]
        #[doc(alias = "MaxAttempts")]
        #[fails_if("it is 0.")]
        max_attempts, try_max_attempts(self, attempts: u32) {
            if attempts == 0 {
                return Err(ConfigError::new("max_attempts", Value::Count(0), "must be at least 1"));
            }
            Ok(Self { max_attempts: attempts, ..self })
        }

        /// Sets the latest planned start of an attempt, counted from the start of the call. By default there is no
        /// limit. `Duration::MAX` means no limit. The time of attempts counts, too.
        ///
        /// If a retry could only start later, the call gives up at once instead of sleeping. If the sleep takes too long,
        /// the call gives up after it, and the operation is not called again. For limits on the attempts themselves, see
        /// [`attempt_timeout`](Self::attempt_timeout) and [`total_timeout`](Self::total_timeout). For a single attempt,
        /// set [`max_attempts`](Self::max_attempts) to 1.
        #[doc(alias = "deadline")]
        #[doc(alias = "max_elapsed_time")]
        #[fails_if("it is zero.")]
        start_within, try_start_within(self, start_within: Duration) {
            if start_within.is_zero() {
                return Err(ConfigError::new("start_within", Value::Duration(start_within), "must be above zero"));
            }
            Ok(Self { start_within: nanos(start_within), ..self }.with_rules(self.rules))
        }

        /// Sets the longest time of a call, attempts and delays included. By default there is no limit. `Duration::MAX`
        /// means no limit.
        ///
        /// When the time is over, an asynchronous loop drops the attempt under way, and gives up with
        /// [`GiveUp::TotalTimeout`](crate::GiveUp::TotalTimeout). A blocking loop cannot interrupt an attempt. Its
        /// operation can read the time left from [`Progress::left`](crate::Progress::left). A late value is still
        /// returned, and a late error ends the call. If a delay would last until the time is over, the call gives up at
        /// once instead of sleeping.
        ///
        /// The timer fires as soon as the operation gives control back, however busy it is. An operation that never gives
        /// control back, such as a long computation without an `await`, runs to its end first.
        ///
        /// If the time is over, the circuit counts the dropped attempt as a failure if it ran for the
        /// [`attempt_timeout`](Self::attempt_timeout). Otherwise it counts as cancelled, so that calls with little time
        /// left do not open a circuit: see [`cancelled_after`](crate::CircuitConfig::cancelled_after).
        ///
        /// ```
        /// use core::time::Duration;
        /// use retry_core::{Class, Jitter, Policy, Retry, runtime::Sleep, testing::FakeClock};
        ///
        /// const POLICY: Policy = Policy::fixed(Duration::from_secs(1))
        ///     .jitter(Jitter::None)
        ///     .attempt_timeout(Duration::from_secs(6))
        ///     .total_timeout(Duration::from_secs(10));
        ///
        /// let clock = FakeClock::new();
        /// let error = clock.run(Retry::new(&POLICY, &clock).run(|| async {
        ///     (&clock).sleep(Duration::from_secs(3600)).await;
        ///     Ok::<(), Class>(())
        /// }));
        /// let error = error.unwrap_err();
        /// assert!(error.is_total_timeout());
        /// // The first attempt takes 6 s, the delay 1 s, and the second attempt what is left.
        /// assert_eq!((error.attempts(), clock.now().as_millis()), (2, 10_000));
        /// ```
        #[doc(alias = "deadline")]
        #[doc(alias = "max_elapsed_time")]
        #[doc(alias = "operation_timeout")]
        #[fails_if("it is zero.")]
        total_timeout, try_total_timeout(self, timeout: Duration) {
            if timeout.is_zero() {
                return Err(ConfigError::new("total_timeout", Value::Duration(timeout), "must be above zero"));
            }
            Ok(Self { total_timeout: nanos(timeout), ..self }.with_longest_attempt().with_rules(self.rules))
        }

        /// Sets the longest time of an attempt. By default there is no limit. When the time is over, an asynchronous
        /// loop drops the attempt, and continues as after an error of class [`Timeout`](Class::Timeout). A blocking
        /// loop cannot interrupt an attempt.
        ///
        /// The timer fires as soon as the operation gives control back, however busy it is. An operation that never gives
        /// control back, such as a long computation without an `await`, runs to its end first. Move such work to a thread
        /// of its own.
        #[doc(alias = "timeout")]
        #[doc(alias = "per_try_timeout")]
        #[fails_if("it is zero.")]
        attempt_timeout, try_attempt_timeout(self, timeout: Duration) {
            if timeout.is_zero() {
                return Err(ConfigError::new("attempt_timeout", Value::Duration(timeout), "must be above zero"));
            }
            Ok(Self { attempt_timeout: nanos(timeout), ..self }.with_longest_attempt())
        }

        /// Begins anew after an attempt that lasted at least this long before it failed. By default, nothing begins
        /// anew.
        ///
        /// It is for connections that live long, such as a watch, a subscription or MQTT. If such a connection breaks
        /// after it worked for a while, the failed attempt counts as the first one again: for the attempts, for the
        /// backoff and the jitter, and for all limits of time. Events, errors and [`Progress`](crate::Progress) tell the
        /// attempts, the polls and the time since that attempt began to count as the first. The total timeout cuts an
        /// attempt only until it has lasted this long. An [`attempt_timeout`](Self::attempt_timeout) holds all the same.
        ///
        /// ```
        /// use core::time::Duration;
        /// use retry_core::{Class, Jitter, Policy, Retry, runtime::Sleep, testing::FakeClock};
        ///
        /// const POLICY: Policy = Policy::exponential(Duration::from_secs(1))
        ///     .jitter(Jitter::None)
        ///     .max_attempts(3)
        ///     .reset_after(Duration::from_secs(60));
        ///
        /// // How long each connection works before it breaks, in seconds.
        /// let mut lives = [0, 0, 3600, 0, 0].into_iter();
        /// let clock = FakeClock::new();
        /// let clock = &clock;
        /// let error = clock.run(Retry::new(&POLICY, clock).run(|| {
        ///     let life = Duration::from_secs(lives.next().unwrap());
        ///     async move {
        ///         clock.sleep(life).await;
        ///         Err::<(), _>(Class::Network)
        ///     }
        /// }));
        /// // The third attempt counts as the first of a new series, of which two more follow.
        /// assert_eq!((error.unwrap_err().attempts(), lives.len()), (3, 0));
        /// assert_eq!(clock.now().as_millis() / 1000, 1 + 2 + 3600 + 1 + 2);
        /// ```
        #[doc(alias = "reset")]
        #[doc(alias = "healthy_after")]
        #[fails_if("it is zero.")]
        reset_after, try_reset_after(self, lasted: Duration) {
            if lasted.is_zero() {
                return Err(ConfigError::new("reset_after", Value::Duration(lasted), "must be above zero"));
            }
            Ok(Self { reset_after: nanos(lasted), ..self }.with_rules(self.rules))
        }

        /// Sets how many answers of a call may be [pending](Failure::pending). The call gives up at the last of them. The
        /// default is [`max_attempts`](Self::max_attempts). `u32::MAX` means no limit: then a
        /// [`total_timeout`](Self::total_timeout) should limit the time.
        ///
        /// Polls are counted apart from all other attempts: see [`Failure::pending`].
        #[fails_if("it is 0.")]
        max_polls, try_max_polls(self, polls: u32) {
            if polls == 0 {
                return Err(ConfigError::new("max_polls", Value::Count(0), "must be at least 1"));
            }
            Ok(Self { max_polls: Some(polls), ..self })
        }

        /// Sets rules for particular errors, of which the first one that applies is used. For rules known only at run
        /// time, see `OwnedPolicy`.
        #[fails_if("a rule's own delay, or the base delay of its backoff, is above [`max_delay`](Self::max_delay).")]
        rules, try_rules(self, rules: &'static [Rule]) {
            match self.allows_all(rules) {
                Ok(()) => Ok(self.with_rules(rules)),
                Err(error) => Err(error),
            }
        }
    }

    /// Sets the random spread of the delays. The default is [`Jitter::Full`].
    #[must_use]
    pub const fn jitter(self, jitter: Jitter) -> Self {
        Self { jitter, ..self }
    }

    /// Sets how a server's hint, such as `Retry-After`, is used. The default is [`Hints::Floor`].
    #[doc(alias = "retry_after")]
    #[doc(alias = "retry-after")]
    #[must_use]
    pub const fn hints(self, hints: Hints) -> Self {
        Self { hints, ..self }
    }

    /// Sets the longest wait that a server may ask for. The default is [`max_delay`](Self::max_delay).
    #[doc(alias = "retry_after")]
    #[doc(alias = "retry-after")]
    #[must_use]
    pub const fn max_hint(self, limit: Duration) -> Self {
        Self { max_hint: Some(nanos(limit)), ..self }
    }

    /// Sets the delay after a [pending](Failure::pending) answer, without jitter. By default, the backoff and the jitter
    /// set it, from the first poll on. [`max_delay`](Self::max_delay) and [`min_delay`](Self::min_delay) leave it alone.
    #[doc(alias = "poll_interval")]
    #[must_use]
    pub const fn poll_every(self, delay: Duration) -> Self {
        Self { poll_every: Some(nanos(delay)), ..self }
    }

    /// Sets the classes of error that are retried. The default is [`ClassSet::RETRYABLE`].
    #[doc(alias = "retry_if")]
    #[must_use]
    pub const fn retry_on(self, classes: ClassSet) -> Self {
        Self { retryable: classes, ..self }
    }

    /// Sets the classes of error that are [neutral](Failure::neutral): they say nothing about the dependency, so they
    /// are neither a success nor a failure for the circuit, the budget and the metrics. The default is
    /// [`ClassSet::NONE`]. Whether such an error is retried is decided as for any other.
    ///
    /// A class rarely tells whether the dependency was asked: a malformed request may have been refused by the caller's
    /// own code, or by the server. If only some errors of a class are neutral, use [`Failure::neutral`] instead.
    ///
    /// ```
    /// use retry_core::{Class, ClassSet, Policy};
    ///
    /// // Every serialization in this program is of its own requests.
    /// const POLICY: Policy = Policy::DEFAULT.neutral_on(ClassSet::of(&[Class::Serialization]));
    /// assert_eq!(POLICY.settings().neutral_on, ClassSet::of(&[Class::Serialization]));
    /// ```
    #[doc(alias = "ignoreExceptions")]
    #[doc(alias = "IsExcluded")]
    #[must_use]
    pub const fn neutral_on(self, classes: ClassSet) -> Self {
        Self { neutral: classes, ..self }
    }

    const fn with_rules(self, rules: &'static [Rule]) -> Self {
        Self { rules, asks_time: self.asks_time_with(rules), ..self }
    }

    /// Whether any answer depends on how long the call has taken, with these rules.
    const fn asks_time_with(&self, rules: &[Rule]) -> bool {
        let mut asks_time =
            self.start_within != NO_LIMIT || self.total_timeout != NO_LIMIT || self.reset_after != NO_LIMIT;
        let mut i = 0;
        while i < rules.len() {
            asks_time |= rules[i].asks_time();
            i += 1;
        }
        asks_time
    }

    /// Checks that the rules' own delays are at most `max_delay`.
    const fn allows_all(&self, rules: &[Rule]) -> Result<(), ConfigError> {
        let mut i = 0;
        while i < rules.len() {
            if let Err(error) = self.allows(&rules[i]) {
                return Err(error);
            }
            i += 1;
        }
        Ok(())
    }

    /// Checks that the rule's own delay is at most `max_delay`.
    pub(crate) const fn allows(&self, rule: &Rule) -> Result<(), ConfigError> {
        let delay = rule.first_delay();
        if nanos(delay) > self.max_delay {
            let error = ConfigError::new("rules", Value::Duration(delay), "must be at most");
            return Err(error.limit(Value::Duration(duration(self.max_delay)), "max_delay"));
        }
        Ok(())
    }

    /// Returns the delay after `failed` failed attempts, by backoff, jitter, `min_delay` and `max_delay`, rounded down
    /// to the nanosecond.
    ///
    /// It is a pure function of its arguments. `previous` is the delay before, zero at first. `word` is any 64 random
    /// bits.
    ///
    /// ```
    /// use core::time::Duration;
    /// use retry_core::Policy;
    ///
    /// let half = 1 << 63;
    /// assert_eq!(Policy::DEFAULT.delay(3, Duration::ZERO, half), Duration::from_millis(400 / 2));
    /// ```
    pub fn delay(&self, failed: u32, previous: Duration, word: u64) -> Duration {
        let ceiling = self.backoff.ceiling_nanos(failed, self.max_delay);
        let base = self.backoff.base_nanos();
        duration(self.spread(self.jitter, ceiling, base, nanos(previous), word))
    }

    /// The largest number of attempts, unless a rule sets it; `u32::MAX` means no limit.
    pub(crate) const fn attempt_limit(&self) -> u32 {
        self.max_attempts
    }

    /// Returns `true` if errors of this class are retried, unless a rule decides otherwise.
    pub const fn retries(&self, class: Class) -> bool {
        self.retryable.contains(class)
    }

    /// The failure, marked as neutral if this policy says so of its class.
    #[inline]
    pub(crate) const fn with_neutral(&self, failure: Failure) -> Failure {
        let is_neutral = failure.is_neutral || self.neutral.contains(failure.class);
        Failure { is_neutral, ..failure }
    }

    /// The longest time of an attempt, if it is limited.
    pub(crate) const fn attempt_time_limit(&self) -> Option<Duration> {
        limit(self.attempt_timeout)
    }

    /// The longest time of a call, if it is limited.
    pub(crate) const fn total_time_limit(&self) -> Option<Duration> {
        if self.total_timeout == NO_LIMIT { None } else { Some(duration(self.total_timeout)) }
    }

    /// The same policy with this curve, and with this `max_delay` if given. Otherwise `max_delay` is raised to the base
    /// delay if necessary.
    #[cfg(feature = "serde")]
    pub(crate) fn try_with_backoff(
        self,
        backoff: Backoff,
        max_delay: Option<Duration>,
    ) -> Result<Self, ConfigError> {
        let raised = self.max_delay.max(backoff.base_nanos());
        Self { backoff, ..self }.try_max_delay(max_delay.unwrap_or(duration(raised)))
    }

    /// The same policy with this limit of hints; `None` for `max_delay`.
    #[cfg(feature = "serde")]
    pub(crate) fn with_max_hint(self, limit: Option<Duration>) -> Self {
        Self { max_hint: limit.map(nanos), ..self }
    }

    pub(crate) const fn asks_time(&self) -> bool {
        self.asks_time
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::DEFAULT
    }
}
