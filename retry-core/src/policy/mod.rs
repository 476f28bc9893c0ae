//! What one call may do: immutable, `const`.

use core::time::Duration;

mod decide;
mod failure;
mod limits;
mod policies;
mod preset;
mod rule;

pub use crate::delay::{Backoff, Deviation, Jitter};
pub(crate) use decide::{Curve, FailedAttempt};
pub use failure::Failure;
pub use policies::Policies;
pub use preset::Preset;
pub use rule::Rule;

use crate::class::{Class, ClassSet};
use crate::config_error::{ConfigError, Value, ok_or_panic};
use crate::time::{duration, nanos};

/// What one call may do: how often, how far apart, for how long, after which errors.
///
/// Immutable and without a pointer to anything that is not; usually a `const`. A setter with a value that cannot be is a compile error
/// there, and an `Err` in its `try_` form, which is for configuration that arrives at run time.
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
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Policy {
    backoff: Backoff,
    jitter: Jitter,
    min_delay: u64,
    max_delay: u64,
    max_attempts: u32,
    retryable: ClassSet,
    hints: Hints,
    /// Whether any answer depends on how long the call has taken.
    asks_time: bool,
    rules: &'static [Rule],
    /// `None`: the cap.
    max_hint: Option<u64>,
    // `u64::MAX` nanoseconds, 584 years, stand for "none" in these.
    start_within: u64,
    total_timeout: u64,
    attempt_timeout: u64,
    /// The smaller of the two.
    longest_attempt: u64,
}

const NO_LIMIT: u64 = u64::MAX;

/// How a server's hint is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Hints {
    /// Never sooner than the hint, later where the backoff says so. A hint above the limit ends the call: coming
    /// back sooner than asked would be worse than not at all.
    #[default]
    Floor,
    /// Exactly the hint, instead of the backoff, as [gRPC's pushback](https://github.com/grpc/proposal/blob/master/A6-client-retries.md#pushback)
    /// wants it. A hint above the limit ends the call.
    Exact,
    /// A floor, but one that is lowered to the limit instead of ending the call, much as the AWS SDKs do: the only
    /// way in which a call comes back sooner than asked.
    Clamp,
}

impl Policy {
    /// 3 attempts, exponential from 100 ms, doubling, at most 30 s, full jitter; no attempt starts after 5 minutes.
    pub const DEFAULT: Self =
        Self::exponential(Duration::from_millis(100)).start_within(Duration::from_secs(5 * 60));

    /// 3 attempts, delays from `base` doubling up to the cap.
    pub const fn exponential(base: Duration) -> Self {
        Self::backoff(Backoff::exponential(base))
    }

    /// 3 attempts, delays always of `base`, before the jitter.
    pub const fn fixed(base: Duration) -> Self {
        Self::backoff(Backoff::fixed(base))
    }

    /// 3 attempts, delays by this curve up to 30 s (or its base where that is longer), full jitter, no limit of time.
    pub const fn backoff(backoff: Backoff) -> Self {
        const CAP: u64 = nanos(Duration::from_secs(30));
        let base = backoff.base_nanos();
        Self {
            backoff,
            jitter: Jitter::Full,
            min_delay: 0,
            max_delay: if base > CAP { base } else { CAP },
            max_attempts: 3,
            retryable: ClassSet::RETRYABLE,
            hints: Hints::Floor,
            asks_time: false,
            rules: &[],
            start_within: NO_LIMIT,
            total_timeout: NO_LIMIT,
            attempt_timeout: NO_LIMIT,
            longest_attempt: NO_LIMIT,
            max_hint: None,
        }
    }

    /// How many times longer each delay's ceiling is than the one before; see [`Backoff::multiplier`] for its
    /// precision.
    ///
    /// # Panics
    /// On a multiplier that is NaN, infinite or below 1, and on a curve that is not exponential.
    #[must_use]
    #[track_caller]
    pub const fn multiplier(self, multiplier: f64) -> Self {
        ok_or_panic!(self.try_multiplier(multiplier))
    }

    /// [`multiplier`](Self::multiplier) for a value known only at run time.
    ///
    /// # Errors
    /// A multiplier that is NaN, infinite or below 1, and a curve that is not exponential.
    pub const fn try_multiplier(self, multiplier: f64) -> Result<Self, ConfigError> {
        match self.backoff.try_multiplier(multiplier) {
            Ok(backoff) => Ok(Self { backoff, ..self }),
            Err(error) => Err(error),
        }
    }

    /// The longest delay, applied last, after the jitter. Only a server's hint may be longer, where
    /// [`max_hint`](Self::max_hint) allows it.
    ///
    /// # Panics
    /// On a cap below the base, the minimum, or what a rule waits.
    #[must_use]
    #[track_caller]
    pub const fn max_delay(self, max_delay: Duration) -> Self {
        ok_or_panic!(self.try_max_delay(max_delay))
    }

    /// [`max_delay`](Self::max_delay) for a value known only at run time.
    ///
    /// # Errors
    /// A cap below the base, the minimum, or what a rule waits.
    pub const fn try_max_delay(self, max_delay: Duration) -> Result<Self, ConfigError> {
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

    /// The shortest delay, whatever the jitter; zero unless set. Set a cap above it first.
    ///
    /// # Panics
    /// On a minimum above the cap.
    #[must_use]
    #[track_caller]
    pub const fn min_delay(self, min_delay: Duration) -> Self {
        ok_or_panic!(self.try_min_delay(min_delay))
    }

    /// [`min_delay`](Self::min_delay) for a value known only at run time.
    ///
    /// # Errors
    /// A minimum above the cap.
    pub const fn try_min_delay(self, min_delay: Duration) -> Result<Self, ConfigError> {
        if nanos(min_delay) > self.max_delay {
            let error = ConfigError::new("min_delay", Value::Duration(min_delay), "must be at most");
            return Err(error.limit(Value::Duration(duration(self.max_delay)), "max_delay"));
        }
        Ok(Self { min_delay: nanos(min_delay), ..self })
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
    pub const fn max_attempts(self, attempts: u32) -> Self {
        ok_or_panic!(self.try_max_attempts(attempts))
    }

    /// [`max_attempts`](Self::max_attempts) for a value known only at run time.
    ///
    /// # Errors
    /// 0.
    pub const fn try_max_attempts(self, attempts: u32) -> Result<Self, ConfigError> {
        if attempts == 0 {
            return Err(ConfigError::new("max_attempts", Value::Count(0), "must be at least 1"));
        }
        Ok(Self { max_attempts: attempts, ..self })
    }

    /// The latest planned start of an attempt, counted from the start of the call, the time of attempts included.
    ///
    /// A retry that could only start later is given up at once, not after the sleep. An attempt that was planned in
    /// time is made, even where the sleep took longer than it should have. How long attempts then take is limited by
    /// [`attempt_timeout`](Self::attempt_timeout) and [`total_timeout`](Self::total_timeout).
    #[must_use]
    pub const fn start_within(self, start_within: Duration) -> Self {
        Self { start_within: nanos(start_within), ..self }.with_rules(self.rules)
    }

    /// The longest a call may take, attempts and delays included; `Duration::MAX` for no limit, which is the default.
    ///
    /// An asynchronous loop cuts the attempt under way when the time is over, and gives up with
    /// [`GiveUp::TotalTimeout`](crate::GiveUp::TotalTimeout). A blocking loop cannot interrupt an attempt: its operation
    /// is told what is left ([`Progress::left`](crate::Progress::left)), a value that it brings late is returned, and
    /// an error that it brings late is not retried. A retry whose delay would not end before the time is over is given
    /// up at once, not after the sleep.
    ///
    /// The circuit counts such a cut attempt as a failure only if it ran for at least the
    /// [`attempt_timeout`](Self::attempt_timeout) or the circuit's [`slow_after`](crate::CircuitConfig::slow_after), and
    /// else as cancelled. So calls with little time left do not open a circuit. Set one of the two if attempts may hang:
    /// otherwise the circuit does not learn of it.
    ///
    /// ```
    /// use core::time::Duration;
    /// use retry_core::{runtime::Sleep, testing::FakeClock, Class, Jitter, Policy, Retry};
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
    /// assert_eq!((error.context().attempt, clock.now().as_millis()), (2, 10_000));
    /// ```
    ///
    /// # Panics
    /// Panics if `timeout` is zero.
    #[must_use]
    #[track_caller]
    pub const fn total_timeout(self, timeout: Duration) -> Self {
        ok_or_panic!(self.try_total_timeout(timeout))
    }

    /// [`total_timeout`](Self::total_timeout) for a value known only at run time.
    ///
    /// # Errors
    /// Returns an error if `timeout` is zero.
    pub const fn try_total_timeout(self, timeout: Duration) -> Result<Self, ConfigError> {
        if timeout.is_zero() {
            return Err(ConfigError::new("total_timeout", Value::Duration(timeout), "must be above zero"));
        }
        Ok(Self { total_timeout: nanos(timeout), ..self }.with_longest_attempt().with_rules(self.rules))
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
            return Err(ConfigError::new("attempt_timeout", Value::Duration(timeout), "must be above zero"));
        }
        Ok(Self { attempt_timeout: nanos(timeout), ..self }.with_longest_attempt())
    }

    /// How a server's hint is taken; as a floor unless set.
    #[must_use]
    pub const fn hints(self, hints: Hints) -> Self {
        Self { hints, ..self }
    }

    /// The longest wait a server may ask for; the cap unless set.
    #[must_use]
    pub const fn max_hint(self, limit: Duration) -> Self {
        Self { max_hint: Some(nanos(limit)), ..self }
    }

    /// The classes of error that are retried; [`ClassSet::RETRYABLE`] unless set.
    #[must_use]
    pub const fn retry_on(self, classes: ClassSet) -> Self {
        Self { retryable: classes, ..self }
    }

    /// What is done after some errors in particular: the first rule that applies.
    ///
    /// # Panics
    /// On a rule whose own delay, or whose backoff's base, is above the cap.
    #[must_use]
    #[track_caller]
    pub const fn rules(self, rules: &'static [Rule]) -> Self {
        ok_or_panic!(self.try_rules(rules))
    }

    /// [`rules`](Self::rules) for rules that may not fit. Rules made at run time live as long as the program:
    /// leak them (`Box::leak`), once for each configuration.
    ///
    /// # Errors
    /// A rule whose own delay, or whose backoff's base, is above the cap.
    pub const fn try_rules(self, rules: &'static [Rule]) -> Result<Self, ConfigError> {
        let mut i = 0;
        while i < rules.len() {
            if let Err(error) = self.allows(&rules[i]) {
                return Err(error);
            }
            i += 1;
        }
        Ok(self.with_rules(rules))
    }

    const fn with_rules(self, rules: &'static [Rule]) -> Self {
        let mut asks_time = self.start_within != NO_LIMIT || self.total_timeout != NO_LIMIT;
        let mut i = 0;
        while i < rules.len() {
            asks_time |= rules[i].asks_time();
            i += 1;
        }
        Self { rules, asks_time, ..self }
    }

    /// Whether the rule's own delay is within the cap.
    pub(crate) const fn allows(&self, rule: &Rule) -> Result<(), ConfigError> {
        let delay = rule.first_delay();
        if nanos(delay) > self.max_delay {
            let error = ConfigError::new("rules", Value::Duration(delay), "must be at most");
            return Err(error.limit(Value::Duration(duration(self.max_delay)), "max_delay"));
        }
        Ok(())
    }

    /// The delay after `failed` failed attempts, by backoff, jitter, minimum and cap, rounded down to the
    /// nanosecond.
    ///
    /// A pure function of what it is given: `previous` is the delay before, zero at first, and `word` any
    /// 64 random bits.
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

    /// The most attempts of a call.
    pub const fn attempt_limit(&self) -> u32 {
        self.max_attempts
    }

    /// Whether errors of this class are retried, where no rule says otherwise.
    pub const fn retries(&self, class: Class) -> bool {
        self.retryable.contains(class)
    }

    /// The longest an attempt may take, if there is a limit.
    pub const fn attempt_limit_of_time(&self) -> Option<Duration> {
        if self.attempt_timeout == NO_LIMIT { None } else { Some(duration(self.attempt_timeout)) }
    }

    /// The longest a call may take, if there is a limit.
    pub const fn total_limit_of_time(&self) -> Option<Duration> {
        if self.total_timeout == NO_LIMIT { None } else { Some(duration(self.total_timeout)) }
    }

    #[cfg(feature = "serde")]
    pub(crate) const fn curve(&self) -> Backoff {
        self.backoff
    }

    /// The same policy with this curve, and with this cap if given; without one, the cap is raised to the base
    /// where it has to be.
    #[cfg(feature = "serde")]
    pub(crate) fn try_with_backoff(
        self,
        backoff: Backoff,
        cap: Option<Duration>,
    ) -> Result<Self, ConfigError> {
        let raised = self.max_delay.max(backoff.base_nanos());
        Self { backoff, ..self }.try_max_delay(cap.unwrap_or(duration(raised)))
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
