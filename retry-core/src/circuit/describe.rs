//! What a circuit's configuration says: as plain data, and in one line for a log.

use core::fmt;
use core::time::Duration;

use super::config::CircuitConfig;
use crate::class::ClassSet;
use crate::delay::Jitter;
use crate::time::{Exact, duration, plural};

/// What a [`CircuitConfig`] says, as plain data: made by [`CircuitConfig::settings`].
///
/// Each field is called like the setter. Durations are exact to the nanosecond; those of 584 years and more are 584 years.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct CircuitSettings {
    /// Opens after so many failures in a row; `None`: no such rule.
    pub consecutive_failures: Option<u32>,
    /// Opens once so many of the window's calls failed; `None`: no such rule.
    pub failures_in_window: Option<u32>,
    /// Opens at this percentage of failures; `None`: no such rule.
    pub failure_rate: Option<u8>,
    /// Opens at this percentage of slow calls; `None`: no such rule.
    pub slow_rate: Option<u8>,
    /// A call that takes so long is slow; `None`: none is.
    pub slow_after: Option<Duration>,
    /// The rates are not looked at before the window holds so many calls.
    pub minimum_calls: u32,
    /// The window is the last so many calls; `None`: as many as its type holds.
    pub window: Option<u32>,
    /// The window is the last so much time; `None`: not set.
    pub window_time: Option<Duration>,
    /// How long the circuit stays open before the first probe.
    pub open_for: Duration,
    /// How many times longer it stays open with each opening; 1 if it does not grow.
    pub open_growth: f64,
    /// The longest it stays open.
    pub max_open_for: Duration,
    /// The random spread of the open time.
    pub open_jitter: Jitter,
    /// How many probes are under way at once.
    pub probes: u32,
    /// How many probes must succeed to close it.
    pub success_threshold: u32,
    /// How many probes may fail before it opens again.
    pub probe_failures: u32,
    /// How many probes are admitted in all; `None`: no limit.
    pub max_probes: Option<u32>,
    /// How long a probe holds its slot.
    pub lease: Duration,
    /// The time over which it admits more and more attempts after closing; zero: all at once.
    pub ramp: Duration,
    /// The classes of error that count as a failure of the dependency.
    pub count_as_failure: ClassSet,
}

impl CircuitConfig {
    /// What the configuration says, as plain data.
    ///
    /// ```
    /// use retry_core::CircuitConfig;
    ///
    /// let settings = CircuitConfig::WITHOUT_RULES.failure_rate(25).minimum_calls(40).settings();
    /// assert_eq!((settings.failure_rate, settings.minimum_calls), (Some(25), 40));
    /// assert_eq!(settings.consecutive_failures, None);
    /// ```
    pub fn settings(&self) -> CircuitSettings {
        CircuitSettings {
            consecutive_failures: (self.consecutive_failures > 0).then_some(self.consecutive_failures),
            failures_in_window: (self.failures_in_window > 0).then_some(self.failures_in_window),
            failure_rate: (self.failure_rate > 0).then_some(self.failure_rate),
            slow_rate: (self.slow_rate > 0).then_some(self.slow_rate),
            slow_after: (self.slow_after < u64::MAX).then_some(duration(self.slow_after)),
            minimum_calls: self.minimum_calls,
            window: (self.window > 0).then_some(self.window),
            window_time: (self.window_time > 0).then_some(duration(self.window_time)),
            open_for: duration(self.open_for),
            open_growth: self.growth.to_float(),
            max_open_for: duration(self.max_open_for),
            open_jitter: self.open_jitter,
            probes: self.probes,
            success_threshold: self.success_threshold,
            probe_failures: self.probe_failures,
            max_probes: (self.max_probes < u32::MAX).then_some(self.max_probes),
            lease: duration(self.lease),
            ramp: duration(self.ramp),
            count_as_failure: self.failures,
        }
    }
}

/// All that the configuration says, in one line for a log, such as
/// `opens after 5 failures in a row, open for 30 s, 1 probe at once, closes after 1 success, reopens after 1 failure, lease
/// 1 min, counts timeout, network`.
impl fmt::Display for CircuitConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let says = self.settings();
        let mut or = "opens after ";
        let mut rule = |f: &mut fmt::Formatter<'_>, value: Option<u32>, before: &str, after: &str| match value
        {
            Some(value) => write!(f, "{}{before}{value}{after}", core::mem::replace(&mut or, " or ")),
            None => Ok(()),
        };
        rule(f, says.consecutive_failures, "", " failures in a row")?;
        rule(f, says.failures_in_window, "", " failures in the window")?;
        rule(f, says.failure_rate.map(u32::from), "a failure rate of ", " %")?;
        rule(f, says.slow_rate.map(u32::from), "a slow-call rate of ", " %")?;
        if or == "opens after " {
            f.write_str("never opens by itself")?;
        }
        if let Some(limit) = says.slow_after {
            write!(f, ", slow after {}", Exact(limit))?;
        }
        if says.failure_rate.or(says.slow_rate).is_some() {
            write!(f, ", minimum {} call{}", says.minimum_calls, plural(says.minimum_calls))?;
        }
        if let Some(calls) = says.window {
            write!(f, ", window of {calls} call{}", plural(calls))?;
        }
        if let Some(time) = says.window_time {
            write!(f, ", window of {}", Exact(time))?;
        }
        write!(f, ", open for {}", Exact(says.open_for))?;
        if says.open_growth != 1.0 || says.max_open_for != says.open_for {
            write!(f, " x{} up to {}", self.growth, Exact(says.max_open_for))?;
        }
        if says.open_jitter != Jitter::None {
            write!(f, " with {}", says.open_jitter)?;
        }
        write!(f, ", {} probe{} at once", says.probes, plural(says.probes))?;
        if let Some(probes) = says.max_probes {
            write!(f, ", {probes} in all")?;
        }
        let (successes, failures) = (says.success_threshold, says.probe_failures.saturating_add(1));
        write!(f, ", closes after {successes} success{}", if successes == 1 { "" } else { "es" })?;
        write!(f, ", reopens after {failures} failure{}", plural(failures))?;
        write!(f, ", lease {}", Exact(says.lease))?;
        if !says.ramp.is_zero() {
            write!(f, ", ramp {}", Exact(says.ramp))?;
        }
        write!(f, ", counts {}", says.count_as_failure)
    }
}
