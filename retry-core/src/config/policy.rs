//! Policies in configuration files.

use core::time::Duration;
use std::format;

use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{self, Serialize, Serializer};

use super::curve::{CurveKeys, grows};
use super::duration::{HintLimit, HumanDuration, Limit};
use super::jitter;
use super::names::{Classes, CurveName, JitterName, Name};
use super::read::{Problem, Read, table, unused};
use super::rule::Rules;
use super::suggest::Table;
use super::value::{Count, Number, Part};
use crate::delay::{Backoff, Jitter};
use crate::policy::{Hints, Policy, Preset};
use crate::time::Exact;

const ANY: Policy = Policy::DEFAULT;

table! {
    pub(super) struct PolicyFile in Table::Policy => {
        preset: Name<Preset>,
        backoff: Name<CurveName>,
        base_delay: HumanDuration,
        multiplier: Number => |it| ANY.try_multiplier(it.0).map(|_| ()),
        increment: HumanDuration,
        degree: Count,
        jitter: Name<JitterName>,
        deviation: Part => |it| Jitter::try_additive(it.0).map(|_| ()).map_err(|error| error.named("deviation")),
        min_delay: HumanDuration,
        max_delay: HumanDuration,
        max_attempts: Count => |it| ANY.try_max_attempts(it.0).map(|_| ()),
        start_within: Limit => |it| ANY.try_start_within(it.or_max()).map(|_| ()),
        total_timeout: Limit => |it| ANY.try_total_timeout(it.or_max()).map(|_| ()),
        attempt_timeout: Limit => |it| ANY.try_attempt_timeout(it.or_max()).map(|_| ()),
        reset_after: Limit => |it| ANY.try_reset_after(it.or_max()).map(|_| ()),
        hints: Name<Hints>,
        max_hint: HintLimit,
        poll_every: HumanDuration,
        max_polls: Count => |it| ANY.try_max_polls(it.0).map(|_| ()),
        retry_on: Classes,
        neutral_on: Classes,
        rules: Rules,
    }
}

impl Limit {
    fn or_max(&self) -> Duration {
        self.0.unwrap_or(Duration::MAX)
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
/// Every key can be left out. A file starts from the [`Preset`] that it names, such as `preset = "http"`, or else from
/// [`Policy::DEFAULT`]. The [settings](crate::_guides::settings) list all keys. Durations are text such as `"250ms"`
/// and `"1m 30s"`. `"none"` removes a limit of time of the preset, and `max_hint = "max_delay"` its `max_hint`.
///
/// `rules` is a list of tables, one for each rule. The rules of a file stay in memory until the program ends, because a
/// `Policy` borrows them for so long. Equal lists are kept once, so reading the same file again takes no memory.
///
/// # Errors
/// Returns an error if a key is unknown, if a value is invalid, or if a key has no effect beside the others. The error
/// names the key.
impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        PolicyFile::read(deserializer, "")?.over(Policy::DEFAULT).map_err(de::Error::custom)
    }
}

/// Writes the policy as a table that is read back as the same policy.
///
/// Every key that the policy uses is written, even if its value is the default. What has no effect is left out, such as
/// `max_hint` if hints are ignored.
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
/// Returns an error if the policy or one of its rules has a function as its backoff, which a file cannot hold.
impl Serialize for Policy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        PolicyFile::of(self).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

impl PolicyFile {
    /// Returns the policy of the table. It starts from the preset that the table names, or otherwise from `policy`.
    pub(super) fn over(&self, policy: Policy) -> Result<Policy, Problem> {
        let from = self.preset.as_ref().map_or(policy, |preset| preset.0.policy);
        let says = from.settings();
        let curve = self.curve().read(says.backoff)?;
        let jitter = jitter::read(["jitter", "deviation"], self.jitter, self.deviation, says.jitter)?;
        self.has_room(curve, jitter, says.max_delay)?;

        let mut policy = from.try_with_backoff(curve, self.max_delay.map(|max_delay| max_delay.0))?;
        if let Some(jitter) = jitter {
            policy = policy.jitter(jitter);
        }
        if let Some(min_delay) = self.min_delay {
            policy = policy.try_min_delay(min_delay.0)?;
        }
        if let Some(attempts) = self.max_attempts {
            policy = policy.try_max_attempts(attempts.0)?;
        }
        if let Some(limit) = self.start_within {
            policy = policy.try_start_within(limit.or_max())?;
        }
        if let Some(limit) = self.total_timeout {
            policy = policy.try_total_timeout(limit.or_max())?;
        }
        if let Some(limit) = self.attempt_timeout {
            policy = policy.try_attempt_timeout(limit.or_max())?;
        }
        if let Some(limit) = self.reset_after {
            policy = policy.try_reset_after(limit.or_max())?;
        }
        if let Some(hints) = self.hints {
            policy = policy.hints(hints.0);
        }
        if let Some(limit) = self.max_hint {
            let ignored = limit.0.is_some() && policy.settings().hints == Hints::Ignore;
            unused("max_hint", ignored, "has no effect with hints = \"ignore\"")?;
            policy = policy.with_max_hint(limit.0);
        }
        if let Some(delay) = self.poll_every {
            policy = policy.poll_every(delay.0);
        }
        if let Some(polls) = self.max_polls {
            policy = policy.try_max_polls(polls.0)?;
        }
        if let Some(classes) = self.retry_on {
            policy = policy.retry_on(classes.0);
        }
        if let Some(classes) = self.neutral_on {
            policy = policy.neutral_on(classes.0);
        }
        if let Some(rules) = &self.rules {
            policy = policy.try_rules(rules.kept(policy.settings().backoff)?)?;
        }
        Ok(policy)
    }

    fn curve(&self) -> CurveKeys {
        CurveKeys {
            backoff: self.backoff,
            base_delay: self.base_delay,
            multiplier: self.multiplier,
            increment: self.increment,
            degree: self.degree,
        }
    }

    /// Checks that a longest delay that the table does not name, such as that of its preset, leaves the curve and the
    /// jitter an effect.
    fn has_room(&self, curve: Backoff, jitter: Option<Jitter>, max_delay: Duration) -> Result<(), Problem> {
        let base = curve.base_delay();
        if self.max_delay.is_some() || base < max_delay || base.is_zero() {
            return Ok(());
        }
        let (base, most) = (Exact(base), Exact(max_delay));
        let growing = self.curve().growing().or(self.base_delay.map(|_| "base_delay"));
        if let Some(key) = growing
            && grows(curve)
        {
            let line = format!(
                "{key}: delays from {base} cannot grow, because max_delay is {most}; set max_delay, or backoff = \
                 \"fixed\""
            );
            return Err(Problem(line));
        }
        let line = format!(
            "this jitter cannot lengthen delays of {base}, because max_delay is {most}; set max_delay"
        );
        unused("jitter", jitter.is_some_and(jitter::lengthens), &line)
    }

    /// Returns the table for this policy, with every key that it uses.
    fn of(policy: &Policy) -> Result<Self, Problem> {
        let says = policy.settings();
        let CurveKeys { backoff, base_delay, multiplier, increment, degree } = CurveKeys::of(says.backoff)?;
        let (jitter, deviation) = jitter::written(says.jitter);
        Ok(Self {
            preset: None,
            backoff,
            base_delay,
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
            max_hint: (says.hints != Hints::Ignore).then_some(HintLimit(says.max_hint)),
            poll_every: says.poll_every.map(HumanDuration),
            max_polls: says.max_polls.map(Count),
            retry_on: Some(Classes(says.retry_on)),
            neutral_on: Some(Classes(says.neutral_on)),
            rules: if says.rules.is_empty() { None } else { Some(Rules::of(says.rules)?) },
        })
    }
}
