//! Policies out of a configuration file.

use core::time::Duration;
use std::format;
use std::vec::Vec;

use serde::de::{self, Deserialize, Deserializer};

use super::names::{Count, CurveName, HumanDuration, JitterName, Limit, Name, Number, PresetName, class_set};
use super::read::{Problem, Read, table};
use crate::class::Class;
use crate::delay::{Backoff, Jitter};
use crate::policy::{Hints, Policy};

table! {
    pub(super) struct PolicyFile {
        preset: Name<PresetName>,
        backoff: Name<CurveName>,
        base_delay: HumanDuration,
        multiplier: Number,
        increment: HumanDuration,
        degree: Count,
        jitter: Name<JitterName>,
        deviation: Number,
        min_delay: HumanDuration,
        max_delay: HumanDuration,
        max_attempts: Count,
        start_within: Limit,
        total_timeout: Limit,
        attempt_timeout: HumanDuration,
        hints: Name<Hints>,
        max_hint: HumanDuration,
        retry_on: Vec<Name<Class>>,
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
///     base_delay = "250ms"
///     multiplier = 1.5                   # exponential; linear: increment, polynomial: degree
///     jitter = "additive"                # none, full, equal, decorrelated, proportional, additive
///     deviation = 0.1                    # proportional and additive
///     max_delay = "10s"
///     max_attempts = 4
///     start_within = "1m 30s"
///     retry_on = ["timeout", "rate_limit"]
///     "#,
/// )
/// .unwrap();
/// assert_eq!(
///     policy,
///     Policy::exponential(Duration::from_millis(250))
///         .multiplier(1.5)
///         .jitter(Jitter::additive(0.1))
///         .max_delay(Duration::from_secs(10))
///         .max_attempts(4)
///         .start_within(Duration::from_secs(90))
///         .retry_on(ClassSet::of(&[Class::Timeout, Class::RateLimit]))
/// );
///
/// let error = toml::from_str::<Policy>("base_delay = '1s'\nmax_delay = '10ms'").unwrap_err();
/// assert!(error.message().contains("max_delay = 10 ms: must be at least 1 s, the base delay"));
/// ```
///
/// Every key can be left out. `preset = "http"` starts from that [`Preset`](crate::Preset), else from [`Policy::DEFAULT`]. Further
/// keys: `min_delay`, `total_timeout`, `attempt_timeout`, `hints` (`floor`, `exact`, `clamp`), `max_hint`. Durations are
/// text such as `"250ms"`, `"1m 30s"`; `"none"` as `start_within` or `total_timeout` removes the limit. Rules are code only. Unknown keys, and keys that the backoff or jitter has no use for, are errors.
impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        PolicyFile::read(deserializer, "")?.over(Policy::DEFAULT).map_err(de::Error::custom)
    }
}

impl PolicyFile {
    /// The preset's policy where it names one, else this one, where it says nothing else.
    pub(super) fn over(self, policy: Policy) -> Result<Policy, Problem> {
        let from = self.preset.as_ref().map_or(policy, |preset| preset.0.0.policy);
        let mut policy = from.try_with_backoff(self.curve(from.curve())?, self.max_delay.map(|cap| cap.0))?;
        if let Some(jitter) = self.jitter()? {
            policy = policy.jitter(jitter);
        }
        if let Some(minimum) = self.min_delay {
            policy = policy.try_min_delay(minimum.0)?;
        }
        if let Some(attempts) = self.max_attempts {
            policy = policy.try_max_attempts(attempts.0)?;
        }
        if let Some(limit) = self.start_within {
            policy = policy.start_within(limit.0);
        }
        if let Some(limit) = self.total_timeout {
            policy = policy.try_total_timeout(limit.0)?;
        }
        if let Some(timeout) = self.attempt_timeout {
            policy = policy.try_attempt_timeout(timeout.0)?;
        }
        if let Some(hints) = self.hints {
            policy = policy.hints(hints.0);
        }
        if let Some(limit) = self.max_hint {
            policy = policy.max_hint(limit.0);
        }
        if let Some(classes) = self.retry_on {
            policy = policy.retry_on(class_set(&classes));
        }
        Ok(policy)
    }

    fn curve(&self, from: Backoff) -> Result<Backoff, Problem> {
        use CurveName::{Exponential, Fibonacci, Fixed, Linear, Polynomial};

        let base = self.base_delay.as_ref().map_or(Duration::from_nanos(from.base_nanos()), |base| base.0);
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

fn unused(key: &str, given: bool, why: &str) -> Result<(), Problem> {
    if given { Err(Problem(format!("{key}: {why}"))) } else { Ok(()) }
}
