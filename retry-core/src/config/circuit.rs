//! Configurations of circuits out of a configuration file.

use std::vec::Vec;

use serde::de::{self, Deserialize, Deserializer};

use super::names::{Count, HumanDuration, Name, Number, Percent, class_set};
use super::read::{Problem, Read, table};
use crate::circuit::CircuitConfig;
use crate::class::Class;

table! {
    pub(super) struct CircuitFile {
        consecutive_failures: Count,
        failures_in_window: Count,
        failure_rate: Percent,
        slow_rate: Percent,
        slow_after: HumanDuration,
        minimum_calls: Count,
        window: Count,
        window_time: HumanDuration,
        open_for: HumanDuration,
        open_growth: Number,
        max_open_for: HumanDuration,
        probes: Count,
        success_threshold: Count,
        probe_failures: Count,
        max_probes: Count,
        lease: HumanDuration,
        ramp: HumanDuration,
        count_as_failure: Vec<Name<Class>>,
    }
}

/// Reads a configuration from a table with the names of the setters as keys, such as
///
/// ```
/// # use core::time::Duration;
/// # use retry_core::CircuitConfig;
/// let config: CircuitConfig = serde_json::from_str(
///     r#"{"failure_rate": 25, "minimum_calls": 40, "open_for": "10s", "probes": 2}"#,
/// )
/// .unwrap();
/// assert_eq!(
///     config,
///     CircuitConfig::WITHOUT_RULES
///         .failure_rate(25)
///         .minimum_calls(40)
///         .open_for(Duration::from_secs(10))
///         .probes(2)
/// );
/// ```
///
/// Every key can be left out; `open_growth` and `max_open_for` come together. Where no rule is given (`consecutive_failures`,
/// `failures_in_window`, `failure_rate`, `slow_rate`), the rules are those
/// of [`CircuitConfig::DEFAULT`], else only those given; `minimum_calls` is 20 then, or the window where that is
/// less. Unknown keys are errors.
impl<'de> Deserialize<'de> for CircuitConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        CircuitFile::read(deserializer, "")?.config().map_err(de::Error::custom)
    }
}

impl CircuitFile {
    pub(super) fn config(self) -> Result<CircuitConfig, Problem> {
        let given = self.consecutive_failures.is_some()
            || self.failures_in_window.is_some()
            || self.failure_rate.is_some()
            || self.slow_rate.is_some();
        let mut config = if given { CircuitConfig::WITHOUT_RULES } else { CircuitConfig::DEFAULT };
        if let Some(failures) = self.consecutive_failures {
            config = config.try_consecutive_failures(failures.0)?;
        }
        if let Some(failures) = self.failures_in_window {
            config = config.try_failures_in_window(failures.0)?;
        }
        if let Some(percent) = self.failure_rate {
            config = config.try_failure_rate(percent.0)?;
        }
        if let Some(percent) = self.slow_rate {
            config = config.try_slow_rate(percent.0)?;
        }
        if let Some(limit) = self.slow_after {
            config = config.try_slow_after(limit.0)?;
        }
        // A rate over one call is none.
        let minimum_calls = match (&self.minimum_calls, &self.window) {
            (Some(calls), _) => calls.0,
            (None, window) => window.as_ref().map_or(20, |calls| calls.0.clamp(1, 20)),
        };
        config = config.try_minimum_calls(minimum_calls)?;
        if let Some(calls) = self.window {
            config = config.try_window(calls.0)?;
        }
        if let Some(duration) = self.window_time {
            config = config.try_window_time(duration.0)?;
        }
        if let Some(duration) = self.open_for {
            config = config.open_for(duration.0);
        }
        match (self.open_growth, self.max_open_for) {
            (Some(growth), Some(longest)) => config = config.try_open_growth(growth.0, longest.0)?,
            (Some(_), None) => return Err(Problem("open_growth: needs max_open_for".into())),
            (None, Some(_)) => return Err(Problem("max_open_for: needs open_growth".into())),
            (None, None) => {}
        }
        if let Some(probes) = self.probes {
            config = config.try_probes(probes.0)?;
        }
        if let Some(successes) = self.success_threshold {
            config = config.try_success_threshold(successes.0)?;
        }
        if let Some(failures) = self.probe_failures {
            config = config.probe_failures(failures.0);
        }
        if let Some(probes) = self.max_probes {
            config = config.try_max_probes(probes.0)?;
        }
        if let Some(duration) = self.ramp {
            config = config.ramp(duration.0);
        }
        if let Some(lease) = self.lease {
            config = config.try_lease(lease.0)?;
        }
        if let Some(classes) = self.count_as_failure {
            config = config.count_as_failure(class_set(&classes));
        }
        Ok(config)
    }
}
