//! Circuit configurations in files.

use core::time::Duration;
use std::vec::Vec;

use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use super::jitter;
use super::names::{Count, HumanDuration, JitterName, Limit, Name, Number, Percent, class_names, class_set};
use super::read::{Problem, Read, table};
use crate::circuit::CircuitConfig;
use crate::class::Class;

table! {
    pub(super) struct CircuitFile {
        without_rules: bool,
        consecutive_failures: Count,
        failures_in_window: Count,
        failure_rate: Percent,
        slow_rate: Percent,
        slow_after: HumanDuration,
        cancelled_after: Limit,
        minimum_calls: Count,
        window: Count,
        window_time: HumanDuration,
        open_for: HumanDuration,
        open_growth: Number,
        max_open_for: HumanDuration,
        open_jitter: Name<JitterName>,
        open_deviation: Number,
        max_hint: HumanDuration,
        rate_limit_hold: HumanDuration,
        probes: Count,
        success_threshold: Count,
        probe_failures: Count,
        max_probes: Count,
        lease: HumanDuration,
        ramp: HumanDuration,
        count_as_failure: Vec<Name<Class>>,
    }
}

/// Reads a configuration from a table with the names of the setters as keys.
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
/// Every key can be left out, and an unknown key is an error. `open_growth` and `max_open_for` need each other.
///
/// - The rules are `consecutive_failures`, `failures_in_window`, `failure_rate` and `slow_rate`. If none is given, the
///   rules are those of [`CircuitConfig::DEFAULT`]. Otherwise they are those that are given. If `without_rules` is
///   `true`, the default rules are left out.
/// - `minimum_calls` is 20 by default, or the window if that is less. If `without_rules` is `true`, it is 1.
/// - `open_jitter` has the names of a policy's `jitter`, and `open_deviation` is its deviation.
///
/// # Errors
/// Returns an error if a key is unknown, or if a value is invalid. The error names the key.
impl<'de> Deserialize<'de> for CircuitConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        CircuitFile::read(deserializer, "")?.config().map_err(de::Error::custom)
    }
}

/// Writes the configuration as a table that is read back as the same configuration. Keys that are unset are left out.
///
/// ```
/// # use core::time::Duration;
/// # use retry_core::CircuitConfig;
/// let config = CircuitConfig::WITHOUT_RULES.failure_rate(25).minimum_calls(40);
/// let file = toml::to_string(&config).unwrap();
/// assert!(file.starts_with("failure_rate = 25\nminimum_calls = 40\nopen_for = \"30s\"\n"));
/// assert_eq!(toml::from_str(&file), Ok(config));
/// ```
impl Serialize for CircuitConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        CircuitFile::of(self).serialize(serializer)
    }
}

impl CircuitFile {
    pub(super) fn config(self) -> Result<CircuitConfig, Problem> {
        let without_rules = self.without_rules == Some(true);
        let given = without_rules
            || self.consecutive_failures.is_some()
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
        if let Some(least) = self.cancelled_after {
            config = config.try_cancelled_after(least.0.unwrap_or(Duration::MAX))?;
        }
        // A rate over a single call says nothing.
        let minimum_calls = match (&self.minimum_calls, &self.window) {
            (Some(calls), _) => calls.0,
            (None, _) if without_rules => 1,
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
        let keys = ["open_jitter", "open_deviation"];
        if let Some(jitter) = jitter::read(keys, self.open_jitter, self.open_deviation)? {
            config = config.open_jitter(jitter);
        }
        if let Some(longest) = self.max_hint {
            config = config.max_hint(longest.0);
        }
        if let Some(longest) = self.rate_limit_hold {
            config = config.rate_limit_hold(longest.0);
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

    /// Returns the table for this configuration, with every key that is set.
    fn of(config: &CircuitConfig) -> Self {
        let says = config.settings();
        let rules = [says.consecutive_failures, says.failures_in_window];
        let rates = [says.failure_rate, says.slow_rate];
        let without_rules = rules == [None; 2] && rates == [None; 2];
        let grows = says.open_growth != 1.0 || says.max_open_for != says.open_for;
        let (open_jitter, open_deviation) = jitter::written(says.open_jitter);
        Self {
            without_rules: without_rules.then_some(true),
            consecutive_failures: says.consecutive_failures.map(Count),
            failures_in_window: says.failures_in_window.map(Count),
            failure_rate: says.failure_rate.map(Percent),
            slow_rate: says.slow_rate.map(Percent),
            slow_after: says.slow_after.map(HumanDuration),
            cancelled_after: Some(Limit(says.cancelled_after)),
            minimum_calls: Some(Count(says.minimum_calls)),
            window: says.window.map(Count),
            window_time: says.window_time.map(HumanDuration),
            open_for: Some(HumanDuration(says.open_for)),
            open_growth: grows.then_some(Number(says.open_growth)),
            max_open_for: grows.then_some(HumanDuration(says.max_open_for)),
            open_jitter: Some(open_jitter),
            open_deviation,
            max_hint: Some(HumanDuration(says.max_hint)),
            rate_limit_hold: Some(HumanDuration(says.rate_limit_hold)),
            probes: Some(Count(says.probes)),
            success_threshold: Some(Count(says.success_threshold)),
            probe_failures: Some(Count(says.probe_failures)),
            max_probes: says.max_probes.map(Count),
            lease: Some(HumanDuration(says.lease)),
            ramp: Some(HumanDuration(says.ramp)),
            count_as_failure: Some(class_names(says.count_as_failure)),
        }
    }
}
