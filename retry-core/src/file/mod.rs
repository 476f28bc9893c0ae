//! Policies and circuits out of a configuration file: feature `serde`.

mod names;
mod operations;
mod read;

use core::cell::Cell;
use core::fmt::{self, Display};
use core::time::Duration;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

pub use operations::{FileError, OperationsFile};

use names::{Count, CurveName, HumanDuration, JitterName, Limit, Name, Number, Percent, PresetName};

use crate::circuit::CircuitConfig;
use crate::class::{Class, ClassSet};
use crate::config::ConfigError;
use crate::delay::{Backoff, Jitter};
use crate::policy::{Hints, Policy};

/// A table whose every key is known, and whose every error begins with the names of the tables it is in and its key.
///
/// What a derived implementation says of a wrong type does not name the field in every format. The names are passed
/// down to where an error is made, and not put before it on its way up: so a format that knows the place keeps it.
macro_rules! file {
    ($(#[$doc:meta])* struct $name:ident { $($field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Default)]
        struct $name { $($field: Option<$type>,)* }

        impl<'de> Read<'de> for $name {
            fn read<D: Deserializer<'de>>(deserializer: D, path: &str) -> Result<Self, D::Error> {
                const FIELDS: &[&str] = &[$(stringify!($field),)*];
                struct Fields<'p> {
                    path: &'p str,
                    is_table: &'p Cell<bool>,
                }
                impl<'de> Visitor<'de> for Fields<'_> {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        write!(f, "a table of {}", FIELDS.join(", "))
                    }

                    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        self.is_table.set(true);
                        let path = self.path;
                        let mut file = $name::default();
                        while let Some(key) = map.next_key_seed(KeyOf { path, fields: FIELDS })? {
                            match key {
                                $(stringify!($field) if file.$field.is_none() => {
                                    file.$field = Some(map.next_value_seed(ValueAt::new(path, key))?);
                                })*
                                _ => return Err(named(path, de::Error::duplicate_field(key))),
                            }
                        }
                        Ok(file)
                    }
                }
                let is_table = Cell::new(false);
                deserializer
                    .deserialize_struct(stringify!($name), FIELDS, Fields { path, is_table: &is_table })
                    .map_err(|error| if is_table.get() { error } else { named(path, error) })
            }
        }
    };
}
use file;
use read::{KeyOf, Read, ValueAt, named};

file! {
    struct PolicyFile {
        preset: Name<PresetName>,
        backoff: Name<CurveName>,
        base: HumanDuration,
        multiplier: Number,
        increment: HumanDuration,
        degree: Count,
        jitter: Name<JitterName>,
        deviation: Number,
        minimum: HumanDuration,
        cap: HumanDuration,
        attempts: Count,
        deadline: Limit,
        attempt_timeout: HumanDuration,
        hints: Name<Hints>,
        hint_limit: HumanDuration,
        retry_on: Vec<Name<Class>>,
    }
}

file! {
    struct CircuitFile {
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
        open_cap: HumanDuration,
        probes: Count,
        successes: Count,
        probe_failures: Count,
        probes_in_all: Count,
        lease: HumanDuration,
        ramp: HumanDuration,
        count_as_failure: Vec<Name<Class>>,
    }
}

/// Reads a policy from a table such as
///
/// ```
/// # use core::time::Duration;
/// # use retry_core::{Class, ClassSet, Jitter, Policy};
/// let policy: Policy = toml::from_str(
///     r#"
///     backoff = "exponential"            # fixed, linear, exponential, fibonacci, polynomial
///     base = "250ms"
///     multiplier = 1.5                   # exponential; linear: increment, polynomial: degree
///     jitter = "additive"                # none, full, equal, decorrelated, proportional, additive
///     deviation = 0.1                    # proportional and additive
///     cap = "10s"
///     attempts = 4
///     deadline = "1m 30s"
///     retry_on = ["timeout", "rate_limit"]
///     "#,
/// )
/// .unwrap();
/// assert_eq!(
///     policy,
///     Policy::exponential(Duration::from_millis(250))
///         .multiplier(1.5)
///         .jitter(Jitter::additive(0.1))
///         .cap(Duration::from_secs(10))
///         .attempts(4)
///         .deadline(Duration::from_secs(90))
///         .retry_on(ClassSet::of(&[Class::Timeout, Class::RateLimit]))
/// );
///
/// let error = toml::from_str::<Policy>("base = '1s'\ncap = '10ms'").unwrap_err();
/// assert!(error.message().contains("cap = 10 ms: must be at least 1 s, the base"));
/// ```
///
/// Every key can be left out. `preset = "http"` starts from that [`Preset`](crate::Preset), else from [`Policy::DEFAULT`]. Further
/// keys: `minimum`, `attempt_timeout`, `hints` (`floor`, `exact`, `clamp`), `hint_limit`. Durations are text such as
/// `"250ms"`, `"1m 30s"`; `deadline = "none"` takes a preset's away. Rules are code only. Unknown keys, and keys that the backoff or jitter has no use for, are errors.
impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        PolicyFile::read(deserializer, "")?.over(Policy::DEFAULT).map_err(de::Error::custom)
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
/// Every key can be left out; `open_growth` and `open_cap` come together. Where no rule is given (`consecutive_failures`,
/// `failures_in_window`, `failure_rate`, `slow_rate`), the rules are those
/// of [`CircuitConfig::DEFAULT`], else only those given; `minimum_calls` is 20 then, or the window where that is
/// less. Unknown keys are errors.
impl<'de> Deserialize<'de> for CircuitConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        CircuitFile::read(deserializer, "")?.config().map_err(de::Error::custom)
    }
}

impl PolicyFile {
    /// The preset's policy where it names one, else this one, where it says nothing else.
    fn over(self, policy: Policy) -> Result<Policy, Problem> {
        let from = self.preset.as_ref().map_or(policy, |preset| preset.0.0.policy);
        let mut policy = from.try_with_backoff(self.curve(from.curve())?, self.cap.map(|cap| cap.0))?;
        if let Some(jitter) = self.jitter()? {
            policy = policy.jitter(jitter);
        }
        if let Some(minimum) = self.minimum {
            policy = policy.try_minimum(minimum.0)?;
        }
        if let Some(attempts) = self.attempts {
            policy = policy.try_attempts(attempts.0)?;
        }
        if let Some(deadline) = self.deadline {
            policy = policy.deadline(deadline.0);
        }
        if let Some(timeout) = self.attempt_timeout {
            policy = policy.try_attempt_timeout(timeout.0)?;
        }
        if let Some(hints) = self.hints {
            policy = policy.hints(hints.0);
        }
        if let Some(limit) = self.hint_limit {
            policy = policy.hint_limit(limit.0);
        }
        if let Some(classes) = self.retry_on {
            policy = policy.retry_on(set(&classes));
        }
        Ok(policy)
    }

    fn curve(&self, from: Backoff) -> Result<Backoff, Problem> {
        use CurveName::{Exponential, Fibonacci, Fixed, Linear, Polynomial};

        let base = self.base.as_ref().map_or(Duration::from_nanos(from.base_nanos()), |base| base.0);
        let name = match &self.backoff {
            Some(name) => name.0,
            None if self.multiplier.is_some() && from.is_exponential() => Exponential,
            None => {
                unused("multiplier", self.multiplier.is_some(), "needs backoff = \"exponential\"")?;
                unused("increment", self.increment.is_some(), "needs backoff = \"linear\"")?;
                unused("degree", self.degree.is_some(), "needs backoff = \"polynomial\"")?;
                return Ok(from.with_base(base));
            }
        };
        unused(
            "multiplier",
            self.multiplier.is_some() && name != Exponential,
            "only exponential backoff has one",
        )?;
        unused("increment", self.increment.is_some() && name != Linear, "only linear backoff has one")?;
        unused("degree", self.degree.is_some() && name != Polynomial, "only polynomial backoff has one")?;
        Ok(match name {
            Fixed => Backoff::fixed(base),
            Fibonacci => Backoff::fibonacci(base),
            Exponential => match self.multiplier {
                Some(multiplier) => Backoff::exponential(base).try_multiplier(multiplier.0)?,
                None => Backoff::exponential(base),
            },
            Linear => match &self.increment {
                Some(increment) => Backoff::linear(base, increment.0),
                None => return Err(Problem("increment: linear backoff needs one".into())),
            },
            Polynomial => match self.degree {
                Some(degree) => Backoff::polynomial(base, degree.0),
                None => return Err(Problem("degree: polynomial backoff needs one".into())),
            },
        })
    }

    fn jitter(&self) -> Result<Option<Jitter>, Problem> {
        let Some(name) = &self.jitter else {
            unused("deviation", self.deviation.is_some(), "needs jitter = \"proportional\" or \"additive\"")?;
            return Ok(None);
        };
        let deviation = || match self.deviation {
            Some(deviation) => Ok(deviation.0),
            None => Err(Problem("deviation: this jitter needs one".into())),
        };
        Ok(Some(match name.0 {
            JitterName::Proportional => Jitter::try_proportional(deviation()?)?,
            JitterName::Additive => Jitter::try_additive(deviation()?)?,
            JitterName::Plain(jitter) => {
                unused(
                    "deviation",
                    self.deviation.is_some(),
                    "only proportional and additive jitter have one",
                )?;
                jitter
            }
        }))
    }
}

impl CircuitFile {
    fn config(self) -> Result<CircuitConfig, Problem> {
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
        let minimum = match (&self.minimum_calls, &self.window) {
            (Some(calls), _) => calls.0,
            (None, window) => window.as_ref().map_or(20, |calls| calls.0.clamp(1, 20)),
        };
        config = config.try_minimum_calls(minimum)?;
        if let Some(calls) = self.window {
            config = config.try_window(calls.0)?;
        }
        if let Some(duration) = self.window_time {
            config = config.try_window_time(duration.0)?;
        }
        if let Some(duration) = self.open_for {
            config = config.open_for(duration.0);
        }
        match (self.open_growth, self.open_cap) {
            (Some(growth), Some(cap)) => config = config.try_open_growth(growth.0, cap.0)?,
            (Some(_), None) => return Err(Problem("open_growth: needs open_cap".into())),
            (None, Some(_)) => return Err(Problem("open_cap: needs open_growth".into())),
            (None, None) => {}
        }
        if let Some(probes) = self.probes {
            config = config.try_probes(probes.0)?;
        }
        if let Some(successes) = self.successes {
            config = config.try_successes(successes.0)?;
        }
        if let Some(failures) = self.probe_failures {
            config = config.probe_failures(failures.0);
        }
        if let Some(probes) = self.probes_in_all {
            config = config.try_probes_in_all(probes.0)?;
        }
        if let Some(duration) = self.ramp {
            config = config.ramp(duration.0);
        }
        if let Some(lease) = self.lease {
            config = config.try_lease(lease.0)?;
        }
        if let Some(classes) = self.count_as_failure {
            config = config.count_as_failure(set(&classes));
        }
        Ok(config)
    }
}

/// What is wrong with a file, in one line that begins with the key.
struct Problem(String);

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<ConfigError> for Problem {
    fn from(error: ConfigError) -> Self {
        Self(error.to_string())
    }
}

fn unused(key: &str, given: bool, why: &str) -> Result<(), Problem> {
    if given { Err(Problem(format!("{key}: {why}"))) } else { Ok(()) }
}

fn set(classes: &[Name<Class>]) -> ClassSet {
    classes.iter().fold(ClassSet::NONE, |set, class| set.with(class.0))
}
