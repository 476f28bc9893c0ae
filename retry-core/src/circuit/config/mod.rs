//! When a circuit opens, for how long, and what closes it again.

mod opens;
mod recovers;

use core::time::Duration;

use crate::class::ClassSet;
use crate::config_error::{ConfigError, Value};
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
    pub(in crate::circuit) failures: ClassSet,
    /// 0: no such rule.
    pub(in crate::circuit) consecutive_failures: u32,
    /// 0: no such rule.
    pub(in crate::circuit) failures_in_window: u32,
    /// Percent; 0: no such rule.
    pub(in crate::circuit) failure_rate: u8,
    /// Percent; 0: no such rule.
    pub(in crate::circuit) slow_rate: u8,
    pub(in crate::circuit) minimum_calls: u32,
    /// 0: as many as the window's type holds.
    pub(in crate::circuit) window: u32,
    /// 0: none, or the window is one of calls.
    pub(in crate::circuit) window_time: u64,
    /// `u64::MAX`: no call is slow.
    pub(in crate::circuit) slow_after: u64,
    pub(in crate::circuit) open_for: u64,
    /// How many times longer with each opening; 1: it does not grow.
    pub(in crate::circuit) growth: Ratio,
    pub(in crate::circuit) max_open_for: u64,
    pub(in crate::circuit) open_jitter: Jitter,
    pub(in crate::circuit) probes: u32,
    pub(in crate::circuit) success_threshold: u32,
    pub(in crate::circuit) probe_failures: u32,
    /// `u32::MAX`: no limit.
    pub(in crate::circuit) max_probes: u32,
    pub(in crate::circuit) lease: u64,
    /// 0: none.
    pub(in crate::circuit) ramp: u64,
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
        max_open_for: nanos(Duration::from_secs(30)),
        open_jitter: Jitter::None,
        probes: 1,
        success_threshold: 1,
        probe_failures: 0,
        max_probes: u32::MAX,
        lease: nanos(Duration::from_secs(60)),
        ramp: 0,
    };
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
