//! The contents of a circuit's configuration: as plain data, and as one line for a log.

use core::fmt;
use core::time::Duration;

use super::config::CircuitConfig;
use crate::class::ClassSet;
use crate::delay::Jitter;
use crate::time::{Exact, duration, plural};

/// The values of a [`CircuitConfig`] as plain data: see [`CircuitConfig::settings`].
///
/// Each field is named after its setter. Durations are exact to the nanosecond and saturate at 584 years.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct CircuitSettings {
    /// The circuit opens after this many failures in a row; `None` if there is no such rule.
    pub consecutive_failures: Option<u32>,
    /// The circuit opens when this many calls in the window failed; `None` if there is no such rule.
    pub failures_in_window: Option<u32>,
    /// The circuit opens at this percentage of failures; `None` if there is no such rule.
    pub failure_rate: Option<u8>,
    /// The circuit opens at this percentage of slow calls; `None` if there is no such rule.
    pub slow_rate: Option<u8>,
    /// A call is slow if it takes this long or longer; `None` if every call is fast.
    pub slow_after: Option<Duration>,
    /// A cancelled attempt that ran this long or longer counts as a failure; `None` if it never does.
    pub cancelled_after: Option<Duration>,
    /// The rates apply once the window holds this many calls.
    pub minimum_calls: u32,
    /// The window is this many calls; `None` for the capacity of its type.
    pub window: Option<u32>,
    /// The window is the calls of this much time; `None` if it is unset.
    pub window_time: Option<Duration>,
    /// The circuit stays open this long before the first probe.
    pub open_for: Duration,
    /// The open time is multiplied by this factor with each opening; 1 if it is constant.
    pub open_growth: f64,
    /// The circuit stays open at most this long.
    pub max_open_for: Duration,
    /// The random spread of the open time.
    pub open_jitter: Jitter,
    /// The longest hint that an opening follows; zero if openings leave hints aside.
    pub max_hint: Duration,
    /// The longest hint for which a rate limit holds the circuit open; zero if it holds nothing.
    pub rate_limit_hold: Duration,
    /// At most this many probes are under way at once.
    pub probes: u32,
    /// The circuit closes after this many successful probes.
    pub success_threshold: u32,
    /// This many probes may fail; one more opens the circuit again.
    pub probe_failures: u32,
    /// At most this many probes are admitted in total; `None` if it is unlimited.
    pub max_probes: Option<u32>,
    /// A probe may hold its slot this long.
    pub lease: Duration,
    /// After closing, the share of admitted attempts grows over this time; zero if all are admitted at once.
    pub ramp: Duration,
    /// The classes of error that count as a failure of the dependency.
    pub count_as_failure: ClassSet,
}

impl CircuitConfig {
    /// Returns the values of the configuration as plain data.
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
            cancelled_after: self.counts_cancelled().then_some(duration(self.cancelled_after)),
            minimum_calls: self.minimum_calls,
            window: (self.window > 0).then_some(self.window),
            window_time: (self.window_time > 0).then_some(duration(self.window_time)),
            open_for: duration(self.open_for),
            open_growth: self.growth.to_float(),
            max_open_for: duration(self.max_open_for),
            open_jitter: self.open_jitter,
            max_hint: duration(self.max_hint),
            rate_limit_hold: duration(self.rate_limit_hold),
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

/// Writes the whole configuration in one line for a log, such as:
///
/// ```text
/// opens after 5 failures in a row, open for 30 s, 1 probe at once, closes after 1 success, ...
/// ```
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
        match or {
            "opens after " if says.rate_limit_hold.is_zero() => f.write_str("never opens by itself")?,
            "opens after " => f.write_str("opens only for a rate limit")?,
            _ => {}
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
        if !says.max_hint.is_zero() {
            write!(f, ", hints up to {}", Exact(says.max_hint))?;
        }
        if !says.rate_limit_hold.is_zero() {
            write!(f, ", held by a rate limit up to {}", Exact(says.rate_limit_hold))?;
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
        write!(f, ", counts {}", says.count_as_failure)?;
        match says.cancelled_after {
            Some(least) => write!(f, ", and attempts cancelled after {}", Exact(least)),
            None => Ok(()),
        }
    }
}
