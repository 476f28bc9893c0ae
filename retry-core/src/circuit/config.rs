//! When a circuit opens, for how long, and what closes it again.

use core::time::Duration;

use crate::class::{Class, ClassSet};
use crate::config_error::{ConfigError, Value, checked_setters};
use crate::delay::Jitter;
use crate::ratio::Ratio;
use crate::time::nanos;

/// The configuration of a circuit breaker: when it opens, for how long, and what closes it again. It is immutable, and
/// usually a `const`.
///
/// Four rules open a circuit, alone or together: failures in a row, failures in the window, the rate of failures in the
/// window, and the rate of slow calls in the window. The first rule that applies is the cause of the change.
///
/// ```
/// use core::time::Duration;
/// use retry_core::CircuitConfig;
///
/// const CONFIG: CircuitConfig = CircuitConfig::WITHOUT_RULES
///     .failure_rate(25)
///     .minimum_calls(40)
///     .open_for(Duration::from_secs(10))
///     .probes(2);
///
/// let error = CONFIG.try_failure_rate(101).unwrap_err();
/// assert_eq!(error.to_string(), "failure_rate = 101: must be a percentage from 1 to 100");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[doc(alias = "circuit breaker")]
pub struct CircuitConfig {
    pub(super) failures: ClassSet,
    /// 0 if there is no such rule.
    pub(super) consecutive_failures: u32,
    /// 0 if there is no such rule.
    pub(super) failures_in_window: u32,
    /// In percent; 0 if there is no such rule.
    pub(super) failure_rate: u8,
    /// In percent; 0 if there is no such rule.
    pub(super) slow_rate: u8,
    pub(super) minimum_calls: u32,
    /// 0 for the capacity of the window's type.
    pub(super) window: u32,
    /// In nanoseconds; 0 if it is unset.
    pub(super) window_time: u64,
    /// In nanoseconds; `u64::MAX` if every call is fast.
    pub(super) slow_after: u64,
    /// In nanoseconds; `u64::MAX` if cancelled attempts count for nothing.
    pub(super) cancelled_after: u64,
    pub(super) open_for: u64,
    /// The factor per opening; 1 if the open time is constant.
    pub(super) growth: Ratio,
    pub(super) max_open_for: u64,
    pub(super) open_jitter: Jitter,
    /// In nanoseconds; 0 if openings leave hints aside.
    pub(super) max_hint: u64,
    /// In nanoseconds; 0 if a rate limit holds nothing.
    pub(super) rate_limit_hold: u64,
    pub(super) probes: u32,
    pub(super) success_threshold: u32,
    pub(super) probe_failures: u32,
    /// `u32::MAX` if it is unlimited.
    pub(super) max_probes: u32,
    pub(super) lease: u64,
    /// In nanoseconds; 0 for no ramp.
    pub(super) ramp: u64,
}

impl CircuitConfig {
    /// The default configuration. The circuit opens after 20 failures in a row, or if half of at least 20 attempts in
    /// the window failed. It stays open for 30 s. Then it admits 1 probe at a time, with a lease of 60 s, and closes
    /// after 1 success.
    ///
    /// All attempts of a call are failures in a row if the call fails. So it takes more than two whole failed calls of
    /// any [`Preset`](crate::Preset) to open the circuit, and of at most 9 attempts each in general.
    pub const DEFAULT: Self = Self::WITHOUT_RULES.consecutive_failures(20).failure_rate(50).minimum_calls(20);

    /// The configuration of [`DEFAULT`](Self::DEFAULT) without the rules that open the circuit. Add rules of your own.
    pub const WITHOUT_RULES: Self = Self {
        failures: ClassSet::DEPENDENCY,
        consecutive_failures: 0,
        failures_in_window: 0,
        failure_rate: 0,
        slow_rate: 0,
        minimum_calls: 1,
        window: 0,
        window_time: 0,
        slow_after: u64::MAX,
        cancelled_after: nanos(Duration::from_secs(1)),
        open_for: nanos(Duration::from_secs(30)),
        growth: Ratio::ONE,
        max_open_for: nanos(Duration::from_secs(30)),
        open_jitter: Jitter::None,
        max_hint: 0,
        rate_limit_hold: 0,
        probes: 1,
        success_threshold: 1,
        probe_failures: 0,
        max_probes: u32::MAX,
        lease: nanos(Duration::from_secs(60)),
        ramp: 0,
    };
}

/// Sets a field of `self` if the check allows the value. The error names the field.
macro_rules! with {
    ($self:ident.$field:ident = $check:ident($value:ident)) => {
        match $check(stringify!($field), $value) {
            Ok($field) => Ok(Self { $field, ..$self }),
            Err(error) => Err(error),
        }
    };
}

/// The rules that open the circuit, the window, and what counts as a failure.
impl CircuitConfig {
    checked_setters! {
        /// Opens the circuit after this many failures in a row.
        ///
        /// All attempts of a failed call count. With a number of at most [`max_attempts`](crate::Policy::max_attempts),
        /// a single call opens the circuit for all callers.
        #[doc(alias = "failure_threshold")]
        #[fails_if("the number is 0.")]
        consecutive_failures, try_consecutive_failures(self, failures: u32) {
            with!(self.consecutive_failures = at_least_one(failures))
        }

        /// Opens the circuit when this many calls in the window failed, such as "3 of the last 5" or "100 within a
        /// minute". The rule applies even before the window is full.
        #[fails_if("the number is 0.")]
        failures_in_window, try_failures_in_window(self, failures: u32) {
            with!(self.failures_in_window = at_least_one(failures))
        }

        /// Opens the circuit when this percentage of the calls in the window failed, or more. The rule applies once the
        /// window holds [`minimum_calls`](Self::minimum_calls).
        #[doc(alias = "failureRateThreshold")]
        #[doc(alias = "FailureRatio")]
        #[fails_if("the percentage is 0 or more than 100.")]
        failure_rate, try_failure_rate(self, percent: u8) {
            with!(self.failure_rate = percentage(percent))
        }

        /// Sets the duration from which a call counts as slow: see [`slow_rate`](Self::slow_rate). Every call is fast
        /// by default.
        ///
        /// If this is set, the clock is read at each admission, and an attempt that ran this long or longer counts as a
        /// failure if it is then cancelled: see [`cancelled_after`](Self::cancelled_after).
        #[doc(alias = "slowCallDurationThreshold")]
        #[fails_if("the duration is zero.")]
        slow_after, try_slow_after(self, duration: Duration) {
            with!(self.slow_after = above_zero(duration))
        }

        /// Sets how long a cancelled attempt must have run to count as a failure. The default is 1 s. With
        /// [`Duration::MAX`], a cancelled attempt counts for nothing.
        ///
        /// An attempt is cancelled if its future is dropped, as by a timeout of the caller's own, or if the call is
        /// stopped. If a dependency hangs, all attempts may end that way, and this rule lets the outage open the
        /// circuit.
        ///
        /// A healthy circuit reads no clock for it. The first cancelled attempt *arms* the circuit and counts for
        /// nothing. While it is armed, each attempt is admitted with the time, and counts as a failure if it is
        /// cancelled after this duration. An attempt that succeeds or fails disarms the circuit, and a cancelled one arms
        /// it again. Probes of a half-open circuit always carry the time, and so does every attempt if
        /// [`slow_after`](Self::slow_after) is set; the shorter of the two durations then applies.
        ///
        /// ```
        /// use retry_core::{circuit::{Gate, Phase}, CircuitConfig, Instant, SharedCircuit};
        ///
        /// let circuit = SharedCircuit::new(CircuitConfig::DEFAULT.consecutive_failures(3));
        /// for second in 0..4 {
        ///     assert_eq!(circuit.phase(), Phase::Closed);
        ///     let attempt = circuit.admit(Instant::from_millis(second * 1_000)).unwrap();
        ///     circuit.cancel(attempt.ticket, Instant::from_millis(second * 1_000 + 1_000));
        /// }
        /// assert_eq!(circuit.phase(), Phase::Open); // one that armed it, and three failures
        /// ```
        #[fails_if("the duration is zero.")]
        cancelled_after, try_cancelled_after(self, duration: Duration) {
            with!(self.cancelled_after = above_zero(duration))
        }

        /// Opens the circuit when this percentage of the calls in the window were slow, or more. A slow probe then
        /// counts as failed. The rule applies once the window holds [`minimum_calls`](Self::minimum_calls).
        ///
        /// The rule needs [`slow_after`](Self::slow_after), and a window that counts slow calls:
        /// [`SlowCalls`](crate::circuit::SlowCalls).
        #[doc(alias = "slowCallRateThreshold")]
        #[fails_if("the percentage is 0 or more than 100.")]
        slow_rate, try_slow_rate(self, percent: u8) {
            with!(self.slow_rate = percentage(percent))
        }

        /// Sets how many calls the window must hold before the two rates apply. It is at most the window. The default
        /// is 1, and 20 in [`DEFAULT`](Self::DEFAULT).
        #[doc(alias = "minimumNumberOfCalls")]
        #[doc(alias = "MinimumThroughput")]
        #[fails_if("the number is 0.")]
        minimum_calls, try_minimum_calls(self, calls: u32) {
            with!(self.minimum_calls = at_least_one(calls))
        }

        /// Sets the window to the last `calls` calls, at most the capacity of its type. The default is that capacity.
        #[doc(alias = "slidingWindowSize")]
        #[fails_if("the number is 0.")]
        window, try_window(self, calls: u32) {
            with!(self.window = at_least_one(calls))
        }

        /// Sets the window to the calls of the last `duration`, for a window that counts time: see
        /// [`TimeWindow`](crate::circuit::TimeWindow).
        #[doc(alias = "SamplingDuration")]
        #[fails_if("the duration is zero.")]
        window_time, try_window_time(self, duration: Duration) {
            with!(self.window_time = above_zero(duration))
        }
    }

    /// Sets which classes of error count as a failure of the dependency. The default is [`ClassSet::DEPENDENCY`].
    ///
    /// Any other error counts as a success, because the dependency was there to answer.
    #[must_use]
    pub const fn count_as_failure(self, classes: ClassSet) -> Self {
        Self { failures: classes, ..self }
    }

    /// Returns `true` if an error of this class counts as a failure of the dependency.
    pub const fn counts(&self, class: Class) -> bool {
        self.failures.contains(class)
    }
}

/// How the circuit recovers: the open time, the probes and the ramp.
impl CircuitConfig {
    /// Sets how long the circuit stays open before the first probe. The default is 30 s. If it is zero, the next
    /// attempt is a probe.
    #[doc(alias = "BreakDuration")]
    #[doc(alias = "waitDurationInOpenState")]
    #[doc(alias = "reset_timeout")]
    #[must_use]
    pub const fn open_for(self, duration: Duration) -> Self {
        let open_for = nanos(duration);
        // Without growth, the longest open time is the open time itself.
        let follows = open_for > self.max_open_for || self.max_open_for == self.open_for;
        Self { open_for, max_open_for: if follows { open_for } else { self.max_open_for }, ..self }
    }

    checked_setters! {
        /// Multiplies the open time by `multiplier` with each opening since the circuit was last closed, up to
        /// `max_open_for`. The open time is constant by default.
        ///
        /// ```
        /// use core::time::Duration;
        /// use retry_core::CircuitConfig;
        ///
        /// // Open for 10 s, 20 s, 40 s, 60 s, 60 s and so on.
        /// let config = CircuitConfig::DEFAULT
        ///     .open_for(Duration::from_secs(10))
        ///     .open_growth(2.0, Duration::from_secs(60));
        ///
        /// let error = config.try_open_growth(2.0, Duration::from_secs(5)).unwrap_err();
        /// assert_eq!(error.to_string(), "max_open_for = 5 s: must be at least 10 s, open_for");
        /// ```
        #[fails_if("the multiplier is NaN, infinite or below 1, or if `max_open_for` is below [`open_for`](Self::open_for).")]
        open_growth, try_open_growth(self, multiplier: f64, max_open_for: Duration) {
            let Some(growth) = Ratio::from_float(multiplier, 1.0) else {
                let rule = "must be a finite number of at least 1";
                return Err(ConfigError::new("open_growth", Value::Float(multiplier), rule));
            };
            if nanos(max_open_for) < self.open_for {
                let error = ConfigError::new("max_open_for", Value::Duration(max_open_for), "must be at least");
                let limit = Value::Duration(Duration::from_nanos(self.open_for));
                return Err(error.limit(limit, "open_for"));
            }
            Ok(Self { growth, max_open_for: nanos(max_open_for), ..self })
        }
    }

    /// Sets the random spread of the open time, so that many circuits probe a dependency at different times. The
    /// default is [`Jitter::None`].
    ///
    /// The longest open time still limits the result. [`Jitter::Decorrelated`] draws from [`open_for`](Self::open_for)
    /// up to three times the open time with growth.
    #[must_use]
    pub const fn open_jitter(self, jitter: Jitter) -> Self {
        Self { open_jitter: jitter, ..self }
    }

    /// Sets the longest server's hint, such as `Retry-After`, that an opening follows. The default is zero: openings
    /// leave hints aside.
    ///
    /// A circuit that a failure with a hint opens stays open at least as long as the hint says. A hint above `longest`
    /// counts as `longest`, which may be above the longest open time. The presets HTTP and S3 follow hints up to
    /// 120 s.
    ///
    /// ```
    /// use core::time::Duration;
    /// use retry_core::{testing::FakeClock, CircuitConfig, Class, Failure, Policy, Retry, SharedCircuit};
    ///
    /// const CONFIG: CircuitConfig =
    ///     CircuitConfig::DEFAULT.consecutive_failures(1).max_hint(Duration::from_secs(120));
    ///
    /// let (clock, circuit) = (FakeClock::new(), SharedCircuit::new(CONFIG));
    /// let busy = Failure::new(Class::Server).retry_after(Duration::from_secs(90));
    /// let retry = Retry::new(&Policy::DEFAULT, &clock).circuit(&circuit).classify_opaque(|failure| *failure);
    /// retry.run_blocking(|| Err::<(), _>(busy)).unwrap_err();
    /// assert_eq!(circuit.snapshot(clock.now()).open_for(), Some(Duration::from_secs(90)));
    /// ```
    #[must_use]
    pub const fn max_hint(self, longest: Duration) -> Self {
        Self { max_hint: nanos(longest), ..self }
    }

    /// Sets the longest hint for which a rate limit holds the circuit open for all callers. The default is zero: a rate
    /// limit concerns only the call that met it.
    ///
    /// An error of class [`RateLimit`](Class::RateLimit) with a hint then opens a closed circuit for as long as the
    /// hint says, at most `longest`. When the hold is over, the circuit closes without probes, over the
    /// [`ramp`](Self::ramp). A hold is no opening for [`open_growth`](Self::open_growth), and its cause is
    /// [`RateLimited`](crate::circuit::ChangeCause::RateLimited). If the error also reaches a rule that opens the
    /// circuit, that rule opens it, and a probe that meets a rate limit opens it again; the hint is then the shortest
    /// open time.
    ///
    /// ```
    /// use core::time::Duration;
    /// use retry_core::{circuit::Phase, testing::FakeClock, CircuitConfig, Class, Failure, Policy, Retry, SharedCircuit};
    ///
    /// const CONFIG: CircuitConfig = CircuitConfig::DEFAULT.rate_limit_hold(Duration::from_secs(60));
    ///
    /// let (clock, circuit) = (FakeClock::new(), SharedCircuit::new(CONFIG));
    /// let limited = Failure::new(Class::RateLimit).retry_after(Duration::from_secs(2));
    /// let retry = Retry::new(&Policy::DEFAULT, &clock).circuit(&circuit).classify_opaque(|failure| *failure);
    /// retry.run_blocking(|| Err::<(), _>(limited)).unwrap_err();
    /// assert_eq!(circuit.snapshot(clock.now()).open_for(), Some(Duration::from_secs(2)));
    /// clock.advance(Duration::from_secs(2));
    /// retry.run_blocking(|| Ok::<_, Failure>(())).unwrap();
    /// assert_eq!(circuit.phase(), Phase::Closed);
    /// ```
    #[must_use]
    pub const fn rate_limit_hold(self, longest: Duration) -> Self {
        Self { rate_limit_hold: nanos(longest), ..self }
    }

    checked_setters! {
        /// Sets how many probes may be under way at once while the circuit is half-open. The default is 1.
        #[doc(alias = "permittedNumberOfCallsInHalfOpenState")]
        #[fails_if("the number is 0.")]
        probes, try_probes(self, probes: u32) {
            with!(self.probes = at_least_one(probes))
        }

        /// Sets how many probes must succeed to close the circuit. The default is 1.
        #[fails_if("the number is 0.")]
        success_threshold, try_success_threshold(self, successes: u32) {
            with!(self.success_threshold = at_least_one(successes))
        }
    }

    /// Sets how many probes may fail while the circuit stays half-open. One more failure opens it again. The default
    /// is 0.
    #[must_use]
    pub const fn probe_failures(self, failures: u32) -> Self {
        Self { probe_failures: failures, ..self }
    }

    checked_setters! {
        /// Sets how many probes are admitted in total until the circuit closes or opens. The default is no limit.
        ///
        /// A probe that was dropped, or lost to its [`lease`](Self::lease), is replaced by another one. The number must
        /// be at least [`success_threshold`](Self::success_threshold) + [`probe_failures`](Self::probe_failures), so
        /// that the probes can decide. A smaller one is an error when a circuit is made with this configuration.
        #[fails_if("the number is 0.")]
        max_probes, try_max_probes(self, probes: u32) {
            with!(self.max_probes = at_least_one(probes))
        }

        /// Lets `probes` probes decide by their failure rate. If the rate reaches `percent`, the circuit opens again;
        /// once the rate can only stay below it, the circuit closes.
        ///
        /// It sets [`success_threshold`](Self::success_threshold) and [`probe_failures`](Self::probe_failures) to match
        /// the rate. It sets both [`probes`](Self::probes) and [`max_probes`](Self::max_probes) to `probes`.
        #[fails_if("the number of probes is 0, or if the percentage is 0 or more than 100.")]
        probe_rate, try_probe_rate(self, probes: u32, percent: u8) {
            let (probes, percent) = match (at_least_one("probe_rate", probes), percentage("probe_rate", percent)) {
                (Ok(probes), Ok(percent)) => (probes, percent),
                (Err(error), _) | (_, Err(error)) => return Err(error),
            };
            // The fewest failures that reach `percent`, rounded up.
            let fatal = (probes as u64 * percent as u64).div_ceil(100);
            #[allow(clippy::cast_possible_truncation)] // at most `probes`
            let probe_failures = fatal as u32 - 1;
            let success_threshold = probes - probe_failures;
            Ok(Self { probes, success_threshold, probe_failures, max_probes: probes, ..self })
        }

        /// Sets how long a probe may hold its slot. The default is 60 s.
        ///
        /// If every slot is taken and the last one was given out this long ago, the probes count as lost. Their slots
        /// are then given out again.
        #[fails_if("the duration is zero.")]
        lease, try_lease(self, duration: Duration) {
            with!(self.lease = above_zero(duration))
        }
    }

    /// Sets the time after closing until all attempts are admitted again. The default is zero: all at once. The first
    /// attempt is admitted at once; then the share of admitted attempts grows from zero to all over this time.
    #[must_use]
    pub const fn ramp(self, duration: Duration) -> Self {
        Self { ramp: nanos(duration), ..self }
    }
}

impl Default for CircuitConfig {
    fn default() -> Self {
        Self::DEFAULT
    }
}

const fn at_least_one(field: &'static str, value: u32) -> Result<u32, ConfigError> {
    if value == 0 { Err(ConfigError::new(field, Value::Count(0), "must be at least 1")) } else { Ok(value) }
}

const fn percentage(field: &'static str, percent: u8) -> Result<u8, ConfigError> {
    if percent == 0 || percent > 100 {
        let rule = "must be a percentage from 1 to 100";
        return Err(ConfigError::new(field, Value::Count(percent as u64), rule));
    }
    Ok(percent)
}

const fn above_zero(field: &'static str, value: Duration) -> Result<u64, ConfigError> {
    if value.is_zero() {
        Err(ConfigError::new(field, Value::Duration(value), "must be above zero"))
    } else {
        Ok(nanos(value))
    }
}
