//! When a circuit opens, for how long, and what closes it again.

use core::time::Duration;

use crate::class::{Class, ClassSet};
use crate::config::{ConfigError, Value, ok_or_panic};
use crate::delay::Jitter;
use crate::ratio::Ratio;
use crate::time::nanos;

/// When a circuit opens, for how long, and what closes it again. Immutable, usually a `const`.
///
/// Four rules open it, alone or together: so many failures in a row, so many among the window's calls, a rate of
/// failures among them, or a rate of slow calls.
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
pub struct CircuitConfig {
    pub(super) failures: ClassSet,
    /// 0: no such rule.
    pub(super) consecutive_failures: u32,
    /// 0: no such rule.
    pub(super) failures_in_window: u32,
    /// Percent; 0: no such rule.
    pub(super) failure_rate: u8,
    /// Percent; 0: no such rule.
    pub(super) slow_rate: u8,
    pub(super) minimum_calls: u32,
    /// 0: as many as the window's type holds.
    pub(super) window: u32,
    /// 0: none, or the window is one of calls.
    pub(super) window_time: u64,
    /// `u64::MAX`: no call is slow.
    pub(super) slow_after: u64,
    pub(super) open_for: u64,
    /// How many times longer with each opening; 1: it does not grow.
    pub(super) growth: Ratio,
    pub(super) open_cap: u64,
    pub(super) open_jitter: Jitter,
    pub(super) probes: u32,
    pub(super) successes: u32,
    pub(super) probe_failures: u32,
    /// `u32::MAX`: no limit.
    pub(super) probes_in_all: u32,
    pub(super) lease: u64,
    /// 0: none.
    pub(super) ramp: u64,
}

impl CircuitConfig {
    /// Opens after 5 failures in a row, or once half of the window's calls failed, with at least 20 seen; open
    /// for 30 s; then 1 probe at a time, with a lease of 60 s, and 1 success closes.
    pub const DEFAULT: Self = Self::WITHOUT_RULES.consecutive_failures(5).failure_rate(50).minimum_calls(20);

    /// [`DEFAULT`](Self::DEFAULT) without a rule that opens it, to add one's own to.
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
        open_for: nanos(Duration::from_secs(30)),
        growth: Ratio::ONE,
        open_cap: nanos(Duration::from_secs(30)),
        open_jitter: Jitter::None,
        probes: 1,
        successes: 1,
        probe_failures: 0,
        probes_in_all: u32::MAX,
        lease: nanos(Duration::from_secs(60)),
        ramp: 0,
    };

    /// Opens after this many failures, one after the other.
    ///
    /// # Panics
    /// On 0.
    #[must_use]
    #[track_caller]
    pub const fn consecutive_failures(self, failures: u32) -> Self {
        ok_or_panic!(self.try_consecutive_failures(failures))
    }

    /// [`consecutive_failures`](Self::consecutive_failures) for a value known only at run time.
    ///
    /// # Errors
    /// 0.
    pub const fn try_consecutive_failures(self, failures: u32) -> Result<Self, ConfigError> {
        match at_least_one("consecutive_failures", failures) {
            Ok(consecutive_failures) => Ok(Self { consecutive_failures, ..self }),
            Err(error) => Err(error),
        }
    }

    /// Opens once this many of the window's calls failed, however many it holds: "3 of the last 5", or "100 within a
    /// minute".
    ///
    /// # Panics
    /// On 0.
    #[must_use]
    #[track_caller]
    pub const fn failures_in_window(self, failures: u32) -> Self {
        ok_or_panic!(self.try_failures_in_window(failures))
    }

    /// [`failures_in_window`](Self::failures_in_window) for a value known only at run time.
    ///
    /// # Errors
    /// 0.
    pub const fn try_failures_in_window(self, failures: u32) -> Result<Self, ConfigError> {
        match at_least_one("failures_in_window", failures) {
            Ok(failures_in_window) => Ok(Self { failures_in_window, ..self }),
            Err(error) => Err(error),
        }
    }

    /// Opens once this percentage of the window's calls failed, or more.
    ///
    /// # Panics
    /// On 0 and on more than 100.
    #[must_use]
    #[track_caller]
    pub const fn failure_rate(self, percent: u8) -> Self {
        ok_or_panic!(self.try_failure_rate(percent))
    }

    /// [`failure_rate`](Self::failure_rate) for a value known only at run time.
    ///
    /// # Errors
    /// 0, and more than 100.
    pub const fn try_failure_rate(self, percent: u8) -> Result<Self, ConfigError> {
        match percentage("failure_rate", percent) {
            Ok(failure_rate) => Ok(Self { failure_rate, ..self }),
            Err(error) => Err(error),
        }
    }

    /// A call that takes this long or longer is slow: see [`slow_rate`](Self::slow_rate). An attempt dropped
    /// after this long counts as a failure, so that an outer timeout does not hide an outage. From then on the
    /// time is asked for at each admission.
    ///
    /// # Panics
    /// On zero.
    #[must_use]
    #[track_caller]
    pub const fn slow_after(self, duration: Duration) -> Self {
        ok_or_panic!(self.try_slow_after(duration))
    }

    /// [`slow_after`](Self::slow_after) for a value known only at run time.
    ///
    /// # Errors
    /// Zero.
    pub const fn try_slow_after(self, duration: Duration) -> Result<Self, ConfigError> {
        match above_zero("slow_after", duration) {
            Ok(slow_after) => Ok(Self { slow_after, ..self }),
            Err(error) => Err(error),
        }
    }

    /// Opens once this percentage of the window's calls were slow, or more; a slow probe counts as failed then.
    /// Needs a window that tells slow calls, [`SlowCalls`](crate::SlowCalls), and [`slow_after`](Self::slow_after).
    ///
    /// # Panics
    /// On 0 and on more than 100.
    #[must_use]
    #[track_caller]
    pub const fn slow_rate(self, percent: u8) -> Self {
        ok_or_panic!(self.try_slow_rate(percent))
    }

    /// [`slow_rate`](Self::slow_rate) for a value known only at run time.
    ///
    /// # Errors
    /// 0, and more than 100.
    pub const fn try_slow_rate(self, percent: u8) -> Result<Self, ConfigError> {
        match percentage("slow_rate", percent) {
            Ok(slow_rate) => Ok(Self { slow_rate, ..self }),
            Err(error) => Err(error),
        }
    }

    /// The failure rate is not looked at before the window holds this many calls. At most the window.
    ///
    /// # Panics
    /// On 0.
    #[must_use]
    #[track_caller]
    pub const fn minimum_calls(self, calls: u32) -> Self {
        ok_or_panic!(self.try_minimum_calls(calls))
    }

    /// [`minimum_calls`](Self::minimum_calls) for a value known only at run time.
    ///
    /// # Errors
    /// 0.
    pub const fn try_minimum_calls(self, calls: u32) -> Result<Self, ConfigError> {
        match at_least_one("minimum_calls", calls) {
            Ok(minimum_calls) => Ok(Self { minimum_calls, ..self }),
            Err(error) => Err(error),
        }
    }

    /// The window is the last so many calls: at most what its type holds, and just that unless set.
    ///
    /// # Panics
    /// On 0.
    #[must_use]
    #[track_caller]
    pub const fn window(self, calls: u32) -> Self {
        ok_or_panic!(self.try_window(calls))
    }

    /// [`window`](Self::window) for a value known only at run time.
    ///
    /// # Errors
    /// 0.
    pub const fn try_window(self, calls: u32) -> Result<Self, ConfigError> {
        match at_least_one("window", calls) {
            Ok(window) => Ok(Self { window, ..self }),
            Err(error) => Err(error),
        }
    }

    /// The window is the last so much time, for one that counts time: see [`TimeWindow`](crate::TimeWindow).
    ///
    /// # Panics
    /// On zero.
    #[must_use]
    #[track_caller]
    pub const fn window_time(self, duration: Duration) -> Self {
        ok_or_panic!(self.try_window_time(duration))
    }

    /// [`window_time`](Self::window_time) for a value known only at run time.
    ///
    /// # Errors
    /// Zero.
    pub const fn try_window_time(self, duration: Duration) -> Result<Self, ConfigError> {
        match above_zero("window_time", duration) {
            Ok(window_time) => Ok(Self { window_time, ..self }),
            Err(error) => Err(error),
        }
    }

    /// How long it stays open before the first probe; zero: whoever asks next is one.
    #[must_use]
    pub const fn open_for(self, duration: Duration) -> Self {
        let open_for = nanos(duration);
        // Without a growth, the cap is the open time itself.
        let follows = open_for > self.open_cap || self.open_cap == self.open_for;
        Self { open_for, open_cap: if follows { open_for } else { self.open_cap }, ..self }
    }

    /// How many times longer it stays open with each opening since it was last closed, and the longest.
    ///
    /// # Panics
    /// On a multiplier that is NaN, infinite or below 1, and on a cap below [`open_for`](Self::open_for).
    #[must_use]
    #[track_caller]
    pub const fn open_growth(self, multiplier: f64, cap: Duration) -> Self {
        ok_or_panic!(self.try_open_growth(multiplier, cap))
    }

    /// [`open_growth`](Self::open_growth) for values known only at run time.
    ///
    /// # Errors
    /// A multiplier that is NaN, infinite or below 1, and a cap below [`open_for`](Self::open_for).
    pub const fn try_open_growth(self, multiplier: f64, cap: Duration) -> Result<Self, ConfigError> {
        let Some(growth) = Ratio::from_float(multiplier, 1.0) else {
            let rule = "must be a finite number of at least 1";
            return Err(ConfigError::new("open_growth", Value::Float(multiplier), rule));
        };
        if nanos(cap) < self.open_for {
            let error = ConfigError::new("open_growth", Value::Duration(cap), "must be at least");
            let limit = Value::Duration(Duration::from_nanos(self.open_for));
            return Err(error.limit(limit, "open_for"));
        }
        Ok(Self { growth, open_cap: nanos(cap), ..self })
    }

    /// The random spread of the open time, so that many circuits do not probe one dependency at once; below the
    /// cap of the growth. [`Jitter::Decorrelated`] counts from the open time without growth.
    #[must_use]
    pub const fn open_jitter(self, jitter: Jitter) -> Self {
        Self { open_jitter: jitter, ..self }
    }

    /// How many probes are under way at once while half-open.
    ///
    /// # Panics
    /// On 0.
    #[must_use]
    #[track_caller]
    pub const fn probes(self, probes: u32) -> Self {
        ok_or_panic!(self.try_probes(probes))
    }

    /// [`probes`](Self::probes) for a value known only at run time.
    ///
    /// # Errors
    /// 0.
    pub const fn try_probes(self, probes: u32) -> Result<Self, ConfigError> {
        match at_least_one("probes", probes) {
            Ok(probes) => Ok(Self { probes, ..self }),
            Err(error) => Err(error),
        }
    }

    /// How many probes must succeed to close it.
    ///
    /// # Panics
    /// On 0.
    #[must_use]
    #[track_caller]
    pub const fn successes(self, successes: u32) -> Self {
        ok_or_panic!(self.try_successes(successes))
    }

    /// [`successes`](Self::successes) for a value known only at run time.
    ///
    /// # Errors
    /// 0.
    pub const fn try_successes(self, successes: u32) -> Result<Self, ConfigError> {
        match at_least_one("successes", successes) {
            Ok(successes) => Ok(Self { successes, ..self }),
            Err(error) => Err(error),
        }
    }

    /// How many probes may fail before it opens again; 0 unless set.
    #[must_use]
    pub const fn probe_failures(self, failures: u32) -> Self {
        Self { probe_failures: failures, ..self }
    }

    /// How many probes are admitted until it is decided, those that have ended included; those that were dropped, or
    /// lost to their lease, are replaced. No limit unless set. At least what it takes to decide.
    ///
    /// # Panics
    /// On 0.
    #[must_use]
    #[track_caller]
    pub const fn probes_in_all(self, probes: u32) -> Self {
        ok_or_panic!(self.try_probes_in_all(probes))
    }

    /// [`probes_in_all`](Self::probes_in_all) for a value known only at run time.
    ///
    /// # Errors
    /// 0.
    pub const fn try_probes_in_all(self, probes: u32) -> Result<Self, ConfigError> {
        match at_least_one("probes_in_all", probes) {
            Ok(probes_in_all) => Ok(Self { probes_in_all, ..self }),
            Err(error) => Err(error),
        }
    }

    /// Lets `probes` probes decide by their failure rate: it opens again once so many failed that the rate must
    /// be `percent` or more, and closes once so many succeeded that it must be less.
    ///
    /// The same as the [`successes`](Self::successes) and [`probe_failures`](Self::probe_failures) that follow
    /// from it, with so many [`probes`](Self::probes) at once and [in all](Self::probes_in_all).
    ///
    /// # Panics
    /// On no probes, and on a percentage that is 0 or over 100.
    #[must_use]
    #[track_caller]
    pub const fn probe_rate(self, probes: u32, percent: u8) -> Self {
        ok_or_panic!(self.try_probe_rate(probes, percent))
    }

    /// [`probe_rate`](Self::probe_rate) for values known only at run time.
    ///
    /// # Errors
    /// No probes, and a percentage that is 0 or over 100.
    pub const fn try_probe_rate(self, probes: u32, percent: u8) -> Result<Self, ConfigError> {
        let (probes, percent) = match (at_least_one("probe_rate", probes), percentage("probe_rate", percent))
        {
            (Ok(probes), Ok(percent)) => (probes, percent),
            (Err(error), _) | (_, Err(error)) => return Err(error),
        };
        // The fewest failures that are `percent` of all, rounded up.
        let fatal = (probes as u64 * percent as u64).div_ceil(100);
        #[allow(clippy::cast_possible_truncation)] // at most `probes`
        let probe_failures = fatal as u32 - 1;
        let successes = probes - probe_failures;
        Ok(Self { probes, successes, probe_failures, probes_in_all: probes, ..self })
    }

    /// After closing, admits a share of the attempts that grows from nothing to all over this time.
    #[must_use]
    pub const fn ramp(self, duration: Duration) -> Self {
        Self { ramp: nanos(duration), ..self }
    }

    /// How long a probe holds its slot. Where every slot is taken and none was given out for this long, the
    /// probes are taken for lost and their slots given out anew.
    ///
    /// # Panics
    /// On zero.
    #[must_use]
    #[track_caller]
    pub const fn lease(self, duration: Duration) -> Self {
        ok_or_panic!(self.try_lease(duration))
    }

    /// [`lease`](Self::lease) for a value known only at run time.
    ///
    /// # Errors
    /// Zero.
    pub const fn try_lease(self, duration: Duration) -> Result<Self, ConfigError> {
        match above_zero("lease", duration) {
            Ok(lease) => Ok(Self { lease, ..self }),
            Err(error) => Err(error),
        }
    }

    /// The classes of error that count as a failure of the dependency; [`ClassSet::DEPENDENCY`] unless set.
    /// Any other answer counts as a success: the dependency was there to give it.
    #[must_use]
    pub const fn count_as_failure(self, classes: ClassSet) -> Self {
        Self { failures: classes, ..self }
    }

    /// Whether an error of this class counts as a failure of the dependency.
    pub const fn counts(&self, class: Class) -> bool {
        self.failures.contains(class)
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
