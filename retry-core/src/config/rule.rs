//! The rules of a policy in configuration files.

use core::fmt;
use core::time::Duration;
use std::boxed::Box;
use std::format;
use std::sync::{Mutex, PoisonError};
use std::vec::Vec;

use serde::de::{self, DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::curve::CurveKeys;
use super::duration::HumanDuration;
use super::jitter;
use super::names::{Classes, CurveName, JitterName, Name, RecoveryName};
use super::read::{Problem, Read, table, unused};
use super::suggest::Table;
use super::value::{Count, Number, Part};
use crate::class::{ClassSet, Recovery};
use crate::delay::{Backoff, Jitter};
use crate::policy::{Policy, Rule};

table! {
    /// A table for one rule.
    pub(super) struct RuleFile in Table::Rule => {
        classes: Classes,
        from_attempt: Count,
        after: HumanDuration,
        recovery: Name<RecoveryName>,
        delay: HumanDuration,
        backoff: Name<CurveName>,
        base_delay: HumanDuration,
        multiplier: Number => |it| Policy::DEFAULT.try_multiplier(it.0).map(|_| ()),
        increment: HumanDuration,
        degree: Count,
        jitter: Name<JitterName>,
        deviation: Part => |it| Jitter::try_additive(it.0).map(|_| ()).map_err(|error| error.named("deviation")),
        max_attempts: Count => |it| Rule::ANY.try_max_attempts(it.0).map(|_| ()),
    }
}

/// The rules of a policy, of which the first one that applies is used.
#[derive(Clone)]
pub(super) struct Rules(Vec<RuleFile>);

/// More rules than any file would have, so that a broken file cannot take all memory.
const MOST_RULES: usize = 1_000;

impl<'de> Read<'de> for Rules {
    fn read<D: Deserializer<'de>>(deserializer: D, path: &str) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(RulesAt(path))
    }
}

struct RulesAt<'p>(&'p str);

impl<'de> Visitor<'de> for RulesAt<'_> {
    type Value = Rules;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of tables as {}", self.0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Rules, A::Error> {
        let mut rules = Vec::new();
        while let Some(rule) = list.next_element_seed(RuleAt { path: self.0, place: rules.len() })? {
            if rules.len() == MOST_RULES {
                return Err(de::Error::custom(format!("{}: must be at most {MOST_RULES} rules", self.0)));
            }
            rules.push(rule);
        }
        Ok(Rules(rules))
    }
}

struct RuleAt<'p> {
    path: &'p str,
    place: usize,
}

impl<'de> DeserializeSeed<'de> for RuleAt<'_> {
    type Value = RuleFile;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<RuleFile, D::Error> {
        RuleFile::read(deserializer, &format!("{}[{}]", self.path, self.place))
    }
}

impl Serialize for Rules {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

impl Rules {
    /// Returns the rules, which then live as long as the program. Equal lists are one. A rule without a base delay has
    /// that of `policy`, the policy's backoff.
    pub(super) fn kept(&self, policy: Backoff) -> Result<&'static [Rule], Problem> {
        static KEPT: Mutex<Vec<&'static [Rule]>> = Mutex::new(Vec::new());

        let rule = |(place, file): (usize, &RuleFile)| {
            file.rule(policy).map_err(|problem| problem.at(&format!("rules[{place}]")))
        };
        let rules: Vec<Rule> = self.0.iter().enumerate().map(rule).collect::<Result<_, _>>()?;
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(same) = kept.iter().find(|kept| ***kept == *rules) {
            return Ok(same);
        }
        let rules: &'static [Rule] = Box::leak(rules.into());
        kept.push(rules);
        Ok(rules)
    }

    pub(super) fn of(rules: &[Rule]) -> Result<Self, Problem> {
        let file = |(place, rule): (usize, &Rule)| {
            RuleFile::of(rule).map_err(|problem| problem.at(&format!("rules[{place}]")))
        };
        rules.iter().enumerate().map(file).collect::<Result<_, _>>().map(Self)
    }
}

impl RuleFile {
    fn rule(&self, policy: Backoff) -> Result<Rule, Problem> {
        let classes = self.classes.map_or(ClassSet::ALL, |classes| classes.0);
        if classes == ClassSet::NONE {
            return Err(Problem("classes = []: a rule without a class applies to no error".into()));
        }
        let mut rule = Rule::classes(classes);
        if let Some(attempt) = self.from_attempt {
            rule = rule.from_attempt(attempt.0);
        }
        if let Some(elapsed) = self.after {
            rule = rule.after(elapsed.0);
        }
        match (self.recovery, self.delay) {
            (Some(Name(recovery)), Some(delay)) if recovery.takes_delay() => {
                rule = rule.recovery(recovery.with_delay(delay.0));
            }
            (Some(Name(recovery)), None) if recovery.takes_delay() => {
                return Err(Problem("delay: this recovery needs one".into()));
            }
            (Some(Name(recovery)), None) => rule = rule.recovery(recovery.with_delay(Duration::ZERO)),
            (None, None) => {}
            (_, Some(_)) => {
                let line = "delay: needs recovery = \"retry_with_delay\" or \"wait_and_retry\"";
                return Err(Problem(line.into()));
            }
        }
        let curve = self.curve();
        let key_of_curve = [
            ("backoff", curve.backoff.is_some()),
            ("base_delay", curve.base_delay.is_some()),
            ("multiplier", curve.multiplier.is_some()),
            ("increment", curve.increment.is_some()),
            ("degree", curve.degree.is_some()),
        ]
        .into_iter()
        .find_map(|(key, given)| given.then_some(key));
        let effect = Effect::of(rule.recovers());
        if let Some(key) = key_of_curve {
            unused(key, !effect.backoff, "has no effect with this recovery")?;
            rule = rule.backoff(curve.read(policy)?);
        }
        if let Some(jitter) =
            jitter::read(["jitter", "deviation"], self.jitter, self.deviation, Jitter::None)?
        {
            unused("jitter", !effect.retry, "has no effect with this recovery")?;
            rule = rule.jitter(jitter);
        }
        if let Some(attempts) = self.max_attempts {
            unused("max_attempts", !effect.retry, "has no effect with this recovery")?;
            rule = rule.try_max_attempts(attempts.0)?;
        }
        Ok(rule)
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

    /// Returns the table of this rule, without what has no effect.
    fn of(rule: &Rule) -> Result<Self, Problem> {
        let (classes, from_attempt, after) = rule.condition();
        let effect = Effect::of(rule.recovers());
        let backoff = rule.backoff.filter(|_| effect.backoff);
        let CurveKeys { backoff, base_delay, multiplier, increment, degree } = match backoff {
            Some(backoff) => CurveKeys::of(backoff)?,
            None => CurveKeys::default(),
        };
        let (jitter, deviation) = rule.jitter.filter(|_| effect.retry).map(jitter::written).unzip();
        let (recovery, delay) = rule.recovers().map(RecoveryName::of).unzip();
        Ok(Self {
            classes: (classes != ClassSet::ALL).then_some(Classes(classes)),
            from_attempt: (from_attempt != 1).then_some(Count(from_attempt)),
            after: (!after.is_zero()).then_some(HumanDuration(after)),
            recovery: recovery.map(Name),
            delay: delay.flatten().map(HumanDuration),
            backoff,
            base_delay,
            multiplier,
            increment,
            degree,
            jitter,
            deviation: deviation.flatten(),
            max_attempts: rule.max_attempts.filter(|_| effect.retry).map(Count),
        })
    }
}

/// Which settings of a rule have an effect.
struct Effect {
    retry: bool,
    backoff: bool,
}

impl Effect {
    fn of(recovery: Option<Recovery>) -> Self {
        let retry = !matches!(recovery, Some(Recovery::Fail | Recovery::Ignore | Recovery::Circuit));
        let has_delay = matches!(recovery, Some(Recovery::RetryWithDelay(_) | Recovery::WaitAndRetry(_)));
        Self { retry, backoff: retry && !has_delay }
    }
}
