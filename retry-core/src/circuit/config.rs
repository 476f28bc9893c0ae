//! When a circuit opens, for how long, and what closes it again.

use core::time::Duration;

use crate::class::{Class, ClassSet};
use crate::config::{ConfigError, Value, ok_or_panic};
use crate::time::nanos;

/// When a circuit opens, for how long, and what closes it again. Immutable, usually a `const`.
///
/// Two rules open it, alone or together: so many failures in a row, or a failure rate over the window's calls.
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
pub struct CircuitConfig {
    pub(super) failures: ClassSet,
    /// 0: no such rule.
    pub(super) consecutive_failures: u32,
    /// Percent; 0: no such rule.
    pub(super) failure_rate: u8,
    pub(super) minimum_calls: u32,
    /// 0: as many as the window's type holds.
    pub(super) window: u32,
    pub(super) open_for: u64,
    pub(super) probes: u32,
    pub(super) successes: u32,
    pub(super) lease: u64,
}

impl CircuitConfig {
    /// Opens after 5 failures in a row, or once half of the window's calls failed, with at least 20 seen; open
    /// for 30 s; then 1 probe at a time, with a lease of 60 s, and 1 success closes.
    pub const DEFAULT: Self = Self::WITHOUT_RULES.consecutive_failures(5).failure_rate(50).minimum_calls(20);

    /// [`DEFAULT`](Self::DEFAULT) without a rule that opens it, to add one's own to.
    pub const WITHOUT_RULES: Self = Self {
        failures: ClassSet::DEPENDENCY,
        consecutive_failures: 0,
        failure_rate: 0,
        minimum_calls: 1,
        window: 0,
        open_for: nanos(Duration::from_secs(30)),
        probes: 1,
        successes: 1,
        lease: nanos(Duration::from_secs(60)),
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
        if percent == 0 || percent > 100 {
            let rule = "must be a percentage from 1 to 100";
            return Err(ConfigError::new("failure_rate", Value::Count(percent as u64), rule));
        }
        Ok(Self { failure_rate: percent, ..self })
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

    /// How long it stays open before the first probe.
    ///
    /// # Panics
    /// On zero.
    #[must_use]
    #[track_caller]
    pub const fn open_for(self, duration: Duration) -> Self {
        ok_or_panic!(self.try_open_for(duration))
    }

    /// [`open_for`](Self::open_for) for a value known only at run time.
    ///
    /// # Errors
    /// Zero.
    pub const fn try_open_for(self, duration: Duration) -> Result<Self, ConfigError> {
        match above_zero("open_for", duration) {
            Ok(open_for) => Ok(Self { open_for, ..self }),
            Err(error) => Err(error),
        }
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

    /// How many probes must succeed, with none failing, to close it.
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

    /// This configuration for a window that can hold `capacity` calls.
    pub(super) const fn for_capacity(self, capacity: u32) -> Result<Self, ConfigError> {
        let window = if self.window == 0 { capacity } else { self.window };
        if window > capacity {
            let error = ConfigError::new("window", Value::Count(window as u64), "must be at most");
            return Err(error.limit(Value::Count(capacity as u64), "what its type holds"));
        }
        if self.minimum_calls > window {
            let calls = Value::Count(self.minimum_calls as u64);
            let error = ConfigError::new("minimum_calls", calls, "must be at most");
            return Err(error.limit(Value::Count(window as u64), "the window"));
        }
        Ok(Self { window, ..self })
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

const fn above_zero(field: &'static str, value: Duration) -> Result<u64, ConfigError> {
    if value.is_zero() {
        Err(ConfigError::new(field, Value::Duration(value), "must be above zero"))
    } else {
        Ok(nanos(value))
    }
}
