//! Circuit configurations in files.

use core::time::Duration;
use std::format;

use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use super::duration::{HumanDuration, Limit};
use super::jitter;
use super::names::{Classes, JitterName, Name};
use super::read::{Problem, Read, table, unused};
use super::suggest::Table;
use super::value::{Count, Number, Part, Percent};
use crate::circuit::CircuitConfig;
use crate::delay::Jitter;
use crate::time::Exact;

const ANY: CircuitConfig = CircuitConfig::DEFAULT;

table! {
    pub(super) struct CircuitFile in Table::Circuit => {
        without_rules: bool,
        consecutive_failures: Count => |it| ANY.try_consecutive_failures(it.0).map(|_| ()),
        failures_in_window: Count => |it| ANY.try_failures_in_window(it.0).map(|_| ()),
        failure_rate: Percent => |it| ANY.try_failure_rate(it.0).map(|_| ()),
        slow_rate: Percent => |it| ANY.try_slow_rate(it.0).map(|_| ()),
        slow_after: HumanDuration => |it| ANY.try_slow_after(it.0).map(|_| ()),
        cancelled_after: Limit => |it| ANY.try_cancelled_after(it.0.unwrap_or(Duration::MAX)).map(|_| ()),
        minimum_calls: Count => |it| ANY.try_minimum_calls(it.0).map(|_| ()),
        window: Count => |it| ANY.try_window(it.0).map(|_| ()),
        window_time: HumanDuration => |it| ANY.try_window_time(it.0).map(|_| ()),
        open_for: HumanDuration,
        open_growth: Number => |it| ANY.try_open_growth(it.0, Duration::MAX).map(|_| ()),
        max_open_for: HumanDuration,
        open_jitter: Name<JitterName>,
        open_deviation: Part => |it| {
            Jitter::try_additive(it.0).map(|_| ()).map_err(|error| error.named("open_deviation"))
        },
        max_hint: HumanDuration,
        rate_limit_hold: HumanDuration,
        probes: Count => |it| ANY.try_probes(it.0).map(|_| ()),
        probe_rate: Percent => |it| ANY.try_probe_rate(1, it.0).map(|_| ()),
        success_threshold: Count => |it| ANY.try_success_threshold(it.0).map(|_| ()),
        probe_failures: Count,
        max_probes: Count => |it| ANY.try_max_probes(it.0).map(|_| ()),
        lease: HumanDuration => |it| ANY.try_lease(it.0).map(|_| ()),
        ramp: HumanDuration,
        count_as_failure: Classes,
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
/// Every key can be left out. An unknown key is an error, and so is one that has no effect beside the others.
/// `open_growth` and `max_open_for` need each other.
///
/// - The rules are `consecutive_failures`, `failures_in_window`, `failure_rate` and `slow_rate`. If none is given, the
///   rules are those of [`CircuitConfig::DEFAULT`]. Otherwise they are those that are given. If `without_rules` is
///   `true`, the default rules are left out.
/// - `minimum_calls` belongs to the rates. It is 20 by default, or the window if that is less. If `without_rules` is
///   `true`, it is 1.
/// - `probe_rate` is the second argument of the setter, a percentage; `probes` is the first one.
/// - `open_jitter` has the names of a policy's `jitter`, and `open_deviation` is its deviation.
///
/// # Errors
/// Returns an error if a key is unknown, or if a value is invalid. The error names the key.
impl<'de> Deserialize<'de> for CircuitConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        CircuitFile::read(deserializer, "")?.config().map_err(de::Error::custom)
    }
}

/// Writes the configuration as a table that is read back as the same configuration. Keys that are unset or
/// have no effect are left out.
///
/// ```
/// # use core::time::Duration;
/// # use retry_core::CircuitConfig;
/// let config = CircuitConfig::WITHOUT_RULES.failure_rate(25).minimum_calls(40);
/// let file = toml::to_string(&config).unwrap();
/// assert!(file.starts_with("failure_rate = 25\ncancelled_after = \"1s\"\nminimum_calls = 40\nopen_for = \"30s\"\n"));
/// assert_eq!(toml::from_str(&file), Ok(config));
/// ```
impl Serialize for CircuitConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        CircuitFile::of(self).serialize(serializer)
    }
}

impl CircuitFile {
    pub(super) fn config(&self) -> Result<CircuitConfig, Problem> {
        let without_rules = self.without_rules == Some(true);
        let rates = self.failure_rate.is_some() || self.slow_rate.is_some();
        let windowed = rates || self.failures_in_window.is_some();
        let given = without_rules || windowed || self.consecutive_failures.is_some();
        let has = |key, is_set: bool, needed: bool, needs| unused(key, given && is_set && !needed, needs);
        has("minimum_calls", self.minimum_calls.is_some(), rates, "needs failure_rate or slow_rate")?;
        let needs = "needs failures_in_window, failure_rate or slow_rate";
        has("window", self.window.is_some(), windowed, needs)?;
        // A window of time needs its length also if no rule looks at it.
        let both = self.window.is_some() && self.window_time.is_some();
        unused(
            "window_time",
            both,
            "a window is either of calls or of time, so leave out window or window_time",
        )?;
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
            (None, _) if without_rules || (given && !rates) => 1,
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
            (Some(growth), Some(longest)) => {
                config = config.try_open_growth(growth.0, longest.0)?;
                let says = config.settings();
                if growth.0 > 1.0 && says.max_open_for == says.open_for && !says.open_for.is_zero() {
                    let longest = Exact(says.open_for);
                    let line = format!("max_open_for = {longest}: must be above open_for, or nothing grows");
                    return Err(Problem(line));
                }
            }
            (Some(_), None) => return Err(Problem("open_growth: needs max_open_for".into())),
            (None, Some(_)) => return Err(Problem("max_open_for: needs open_growth".into())),
            (None, None) => {}
        }
        let keys = ["open_jitter", "open_deviation"];
        if let Some(jitter) = jitter::read(keys, self.open_jitter, self.open_deviation, Jitter::None)? {
            let capped = self.max_open_for.is_none() && jitter::lengthens(jitter);
            unused("open_jitter", capped, "this jitter lengthens the open time, so it needs max_open_for")?;
            config = config.open_jitter(jitter);
        }
        if let Some(longest) = self.max_hint {
            config = config.max_hint(longest.0);
        }
        if let Some(longest) = self.rate_limit_hold {
            config = config.rate_limit_hold(longest.0);
        }
        match (self.probes, self.probe_rate) {
            (Some(probes), Some(percent)) => {
                let why = "is set by probe_rate";
                unused("success_threshold", self.success_threshold.is_some(), why)?;
                unused("probe_failures", self.probe_failures.is_some(), why)?;
                unused("max_probes", self.max_probes.is_some(), why)?;
                config = config.try_probe_rate(probes.0, percent.0)?;
            }
            (None, Some(_)) => return Err(Problem("probe_rate: needs probes".into())),
            (Some(probes), None) => config = config.try_probes(probes.0)?,
            (None, None) => {}
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
            config = config.count_as_failure(classes.0);
        }
        config.for_any_window(self.window.map_or(u32::MAX, |calls| calls.0))?;
        Ok(config)
    }

    /// Returns the table for this configuration, with every key that is set.
    fn of(config: &CircuitConfig) -> Self {
        let says = config.settings();
        let rules = [says.consecutive_failures, says.failures_in_window];
        let rates = [says.failure_rate, says.slow_rate];
        let without_rules = rules == [None; 2] && rates == [None; 2];
        let rated = rates != [None; 2];
        let windowed = rated || says.failures_in_window.is_some();
        let grows =
            says.max_open_for != says.open_for || (says.open_for.is_zero() && says.open_growth != 1.0);
        let (open_jitter, open_deviation) = jitter::written(says.open_jitter);
        let jitters = grows || !jitter::lengthens(says.open_jitter);
        Self {
            without_rules: without_rules.then_some(true),
            consecutive_failures: says.consecutive_failures.map(Count),
            failures_in_window: says.failures_in_window.map(Count),
            failure_rate: says.failure_rate.map(Percent),
            slow_rate: says.slow_rate.map(Percent),
            slow_after: says.slow_after.map(HumanDuration),
            cancelled_after: Some(Limit(says.cancelled_after)),
            minimum_calls: rated.then_some(Count(says.minimum_calls)),
            window: says.window.filter(|_| windowed).map(Count),
            window_time: says.window_time.map(HumanDuration),
            open_for: Some(HumanDuration(says.open_for)),
            open_growth: grows.then_some(Number(says.open_growth)),
            max_open_for: grows.then_some(HumanDuration(says.max_open_for)),
            open_jitter: jitters.then_some(open_jitter),
            open_deviation: open_deviation.filter(|_| jitters),
            max_hint: Some(HumanDuration(says.max_hint)),
            rate_limit_hold: Some(HumanDuration(says.rate_limit_hold)),
            probe_rate: None,
            probes: Some(Count(says.probes)),
            success_threshold: Some(Count(says.success_threshold)),
            probe_failures: Some(Count(says.probe_failures)),
            max_probes: says.max_probes.map(Count),
            lease: Some(HumanDuration(says.lease)),
            ramp: Some(HumanDuration(says.ramp)),
            count_as_failure: Some(Classes(says.count_as_failure)),
        }
    }
}
