//! Policies in configuration files.

use core::time::Duration;
use std::vec::Vec;

use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{self, Serialize, Serializer};

use super::jitter;
use super::names::{
    Count, CurveName, HintLimit, HumanDuration, JitterName, Limit, Name, Number, class_names, class_set,
};
use super::read::{Problem, Read, table, unused};
use crate::class::Class;
use crate::delay::{Backoff, BackoffKind};
use crate::policy::{Hints, Policy, Preset};

table! {
    pub(super) struct PolicyFile {
        preset: Name<Preset>,
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
        attempt_timeout: Limit,
        reset_after: Limit,
        hints: Name<Hints>,
        max_hint: HintLimit,
        poll_every: HumanDuration,
        max_polls: Count,
        retry_on: Vec<Name<Class>>,
        neutral_on: Vec<Name<Class>>,
    }
}

/// Reads a policy from a table with the names of the setters as keys.
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
/// Every key can be left out. A file starts from the [`Preset`] that it names, such as `preset = "http"`,
/// or else from [`Policy::DEFAULT`]. Further keys are `min_delay`, `total_timeout`, `attempt_timeout`, `hints` (`floor`, `exact`, `clamp`,
/// `ignore`), `max_hint`, `poll_every`, `max_polls` and `neutral_on`. Durations are text such as `"250ms"` and `"1m 30s"`. `"none"` takes away the `start_within`,
/// `total_timeout` or `attempt_timeout` of a preset, and `max_hint = "max_delay"` its `max_hint`.
///
/// # Errors
/// Returns an error if a key is unknown, if a value is invalid, or if the backoff or the jitter does not use a key.
/// The error names the key.
impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        PolicyFile::read(deserializer, "")?.over(Policy::DEFAULT).map_err(de::Error::custom)
    }
}

/// Writes the policy as a table that is read back as the same policy.
///
/// Every key that the policy uses is written, even if its value is the default.
///
/// ```
/// # use core::time::Duration;
/// # use retry_core::{Jitter, Policy};
/// let policy = Policy::exponential(Duration::from_millis(250)).multiplier(1.1).jitter(Jitter::additive(0.1));
/// let file = toml::to_string(&policy).unwrap();
/// assert!(file.starts_with("backoff = \"exponential\"\nbase_delay = \"250ms\"\nmultiplier = 1.1\n"));
/// assert_eq!(toml::from_str(&file), Ok(policy));
/// ```
///
/// # Errors
/// Returns an error if the policy has a function as its backoff, or rules, which a file cannot hold.
impl Serialize for Policy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        PolicyFile::of(self).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

impl PolicyFile {
    /// Returns the policy of the table. It starts from the preset that the table names, or otherwise from `policy`.
    pub(super) fn over(self, policy: Policy) -> Result<Policy, Problem> {
        let from = self.preset.as_ref().map_or(policy, |preset| preset.0.policy);
        let mut policy =
            from.try_with_backoff(self.curve(from.curve())?, self.max_delay.map(|max_delay| max_delay.0))?;
        if let Some(jitter) = jitter::read(["jitter", "deviation"], self.jitter, self.deviation)? {
            policy = policy.jitter(jitter);
        }
        if let Some(min_delay) = self.min_delay {
            policy = policy.try_min_delay(min_delay.0)?;
        }
        if let Some(attempts) = self.max_attempts {
            policy = policy.try_max_attempts(attempts.0)?;
        }
        if let Some(limit) = self.start_within {
            policy = policy.start_within(limit.0.unwrap_or(Duration::MAX));
        }
        if let Some(limit) = self.total_timeout {
            policy = policy.try_total_timeout(limit.0.unwrap_or(Duration::MAX))?;
        }
        if let Some(limit) = self.attempt_timeout {
            policy = policy.try_attempt_timeout(limit.0.unwrap_or(Duration::MAX))?;
        }
        if let Some(limit) = self.reset_after {
            policy = policy.try_reset_after(limit.0.unwrap_or(Duration::MAX))?;
        }
        if let Some(hints) = self.hints {
            policy = policy.hints(hints.0);
        }
        if let Some(limit) = self.max_hint {
            policy = policy.with_max_hint(limit.0);
        }
        if let Some(delay) = self.poll_every {
            policy = policy.poll_every(delay.0);
        }
        if let Some(polls) = self.max_polls {
            policy = policy.try_max_polls(polls.0)?;
        }
        if let Some(classes) = self.retry_on {
            policy = policy.retry_on(class_set(&classes));
        }
        if let Some(classes) = self.neutral_on {
            policy = policy.neutral_on(class_set(&classes));
        }
        Ok(policy)
    }

    fn curve(&self, from: Backoff) -> Result<Backoff, Problem> {
        use CurveName::{Exponential, Fibonacci, Fixed, Linear, Polynomial};

        let base = self.base_delay.map_or(from.base_delay(), |base| base.0);
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

    /// Returns the table for this policy, with every key that it uses.
    fn of(policy: &Policy) -> Result<Self, Problem> {
        let says = policy.settings();
        if !says.rules.is_empty() {
            return Err(Problem("rules: a rule cannot be written to a file".into()));
        }
        let (mut multiplier, mut increment, mut degree) = (None, None, None);
        let backoff = match says.backoff.kind() {
            BackoffKind::Fixed => CurveName::Fixed,
            BackoffKind::Fibonacci => CurveName::Fibonacci,
            BackoffKind::Exponential { multiplier: factor } => {
                multiplier = Some(Number(factor));
                CurveName::Exponential
            }
            BackoffKind::Linear { increment: longer } => {
                increment = Some(HumanDuration(longer));
                CurveName::Linear
            }
            BackoffKind::Polynomial { degree: power } => {
                degree = Some(Count(power));
                CurveName::Polynomial
            }
            BackoffKind::Custom => {
                return Err(Problem("backoff: a function cannot be written to a file".into()));
            }
        };
        let (jitter, deviation) = jitter::written(says.jitter);
        Ok(Self {
            preset: None,
            backoff: Some(Name(backoff)),
            base_delay: Some(HumanDuration(says.backoff.base_delay())),
            multiplier,
            increment,
            degree,
            jitter: Some(jitter),
            deviation,
            min_delay: Some(HumanDuration(says.min_delay)),
            max_delay: Some(HumanDuration(says.max_delay)),
            max_attempts: Some(Count(says.max_attempts.unwrap_or(u32::MAX))),
            start_within: Some(Limit(says.start_within)),
            total_timeout: Some(Limit(says.total_timeout)),
            attempt_timeout: Some(Limit(says.attempt_timeout)),
            reset_after: Some(Limit(says.reset_after)),
            hints: Some(Name(says.hints)),
            max_hint: Some(HintLimit(says.max_hint)),
            retry_on: Some(class_names(says.retry_on)),
            poll_every: says.poll_every.map(HumanDuration),
            max_polls: says.max_polls.map(Count),
            neutral_on: Some(class_names(says.neutral_on)),
        })
    }
}
