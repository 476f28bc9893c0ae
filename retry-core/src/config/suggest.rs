//! What an unknown key or name probably means: by the names of other libraries, and by edit distance.

use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::elsewhere::{BUDGET, CIRCUIT, OPERATION, POLICY, RULE};
use super::value::normal;

/// A kind of table.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Table {
    Policy,
    Rule,
    Circuit,
    Budget,
    Operation,
}

impl Table {
    const ALL: [Self; 5] = [Self::Policy, Self::Circuit, Self::Budget, Self::Rule, Self::Operation];

    /// The keys. Each table checks at compile time that they are its own.
    pub(super) const fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Policy => POLICY_KEYS,
            Self::Rule => RULE_KEYS,
            Self::Circuit => CIRCUIT_KEYS,
            Self::Budget => BUDGET_KEYS,
            Self::Operation => OPERATION_KEYS,
        }
    }

    /// The names elsewhere: what to use here, and the names in lower case without marks between words.
    fn elsewhere(self) -> &'static [(&'static str, &'static [&'static str])] {
        match self {
            Self::Policy => POLICY,
            Self::Rule => RULE,
            Self::Circuit => CIRCUIT,
            Self::Budget => BUDGET,
            Self::Operation => OPERATION,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Policy => "a policy",
            Self::Rule => "a rule",
            Self::Circuit => "a circuit",
            Self::Budget => "a budget",
            Self::Operation => "an operation",
        }
    }

    /// Returns what to use instead of this key, if it is a known name.
    fn known(self, word: &str) -> Option<String> {
        if let Some(key) = self.keys().iter().find(|key| normal(key) == word) {
            return Some(format!("`{key}`"));
        }
        let known = self.elsewhere().iter().find(|(_, names)| names.contains(&word));
        known.map(|(here, _)| (*here).into())
    }

    /// Returns what to use instead of a key that ends with a unit of time, which is a part of the value here.
    fn with_unit(self, key: &str, word: &str) -> Option<String> {
        const UNITS: [&str; 10] =
            ["milliseconds", "millis", "msecs", "msec", "seconds", "secs", "sec", "minutes", "ms", "s"];
        let (unit, bare) =
            UNITS.iter().find_map(|unit| Some((*unit, self.known(word.strip_suffix(unit)?)?)))?;
        // A single s at the end of a word makes a plural of it.
        let is_plural = unit == "s" && !key.ends_with('S') && !key.ends_with("_s") && !key.ends_with("-s");
        if is_plural {
            return Some(bare);
        }
        // A number of calls and the name of a curve have keys beside them that take a duration.
        let bare = match (self, &*bare) {
            (Self::Circuit, here) if here.starts_with("`window`") => "`window_time`".into(),
            (Self::Policy | Self::Rule, "`backoff`") => "`base_delay`".into(),
            _ => bare,
        };
        let takes_duration = bare
            .split('`')
            .skip(1)
            .step_by(2)
            .any(|key| DURATIONS.contains(&key) || (self == Self::Budget && key == "window"));
        Some(if takes_duration {
            format!("{bare}, with the unit in the value such as \"250ms\"")
        } else {
            bare
        })
    }
}

/// The keys that take a duration, in any table.
const DURATIONS: &[&str] = &[
    "base_delay",
    "increment",
    "min_delay",
    "max_delay",
    "start_within",
    "total_timeout",
    "attempt_timeout",
    "reset_after",
    "max_hint",
    "poll_every",
    "after",
    "delay",
    "slow_after",
    "cancelled_after",
    "window_time",
    "open_for",
    "max_open_for",
    "rate_limit_hold",
    "lease",
    "ramp",
    "ttl",
];

/// Says what an unknown key of a table probably means, or which keys there are.
pub(super) fn key(table: Table, key: &str) -> String {
    let word = normal(key);
    if let Some(here) = table.known(&word) {
        return format!("did you mean {here}?");
    }
    let others = Table::ALL.into_iter().filter(|other| *other != table);
    if let Some((other, here)) = others.clone().find_map(|other| Some((other, other.known(&word)?))) {
        return format!("did you mean {here} in the table of {}?", other.name());
    }
    if let Some(here) = table.with_unit(key, &word) {
        return format!("did you mean {here}?");
    }
    let names: Vec<_> = table.keys().iter().map(ToString::to_string).collect();
    if let Some(near) = nearest(&word, names.iter().map(String::as_str)) {
        return format!("did you mean `{near}`?");
    }
    let elsewhere = table.elsewhere().iter().flat_map(|(_, names)| names.iter().copied());
    if let Some(here) = nearest(&word, elsewhere).and_then(|near| table.known(near)) {
        return format!("did you mean {here}?");
    }
    let other = others.clone().find_map(|other| Some((other, nearest(&word, other.keys().iter().copied())?)));
    if let Some((other, near)) = other {
        return format!("did you mean `{near}` in the table of {}?", other.name());
    }
    format!("expected one of {}", list(table.keys()))
}

fn list(keys: &[&str]) -> String {
    let quoted: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
    quoted.join(", ")
}

/// Returns the name that an unknown one probably means.
pub(super) fn name<'a>(
    word: &str,
    names: &'a [String],
    elsewhere: &[(&str, &'static str)],
) -> Option<&'a str> {
    let word = normal(word);
    let names = || names.iter().map(String::as_str);
    let same = |here: &str| names().find(|name| *name == here);
    names()
        .find(|name| normal(name) == word)
        .or_else(|| elsewhere.iter().find(|(other, _)| *other == word).and_then(|(_, here)| same(here)))
        .or_else(|| nearest(&word, names()))
}

/// Returns the name with the fewest differences, if they are few for its length.
fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 48;
    let length = word.chars().count();
    if !(3..=LONGEST).contains(&length) {
        return None;
    }
    let near = |name: &'a str| {
        let other = normal(name);
        let most = (length.min(other.chars().count()) / 4).max(1);
        let distance = strsim::osa_distance(word, &other);
        (distance <= most && most < length).then_some((distance, name))
    };
    names.filter_map(near).min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// Whether two lists have the same texts, for a check at compile time.
pub(super) const fn is_same(a: &[&str], b: &[&str]) -> bool {
    let mut i = 0;
    while i < a.len() && i < b.len() {
        let (a, b) = (a[i].as_bytes(), b[i].as_bytes());
        let mut at = 0;
        while at < a.len() && at < b.len() && a[at] == b[at] {
            at += 1;
        }
        if at < a.len() || at < b.len() {
            return false;
        }
        i += 1;
    }
    a.len() == b.len()
}

const POLICY_KEYS: &[&str] = &[
    "preset",
    "backoff",
    "base_delay",
    "multiplier",
    "increment",
    "degree",
    "jitter",
    "deviation",
    "min_delay",
    "max_delay",
    "max_attempts",
    "start_within",
    "total_timeout",
    "attempt_timeout",
    "reset_after",
    "hints",
    "max_hint",
    "poll_every",
    "max_polls",
    "retry_on",
    "neutral_on",
    "rules",
];
const RULE_KEYS: &[&str] = &[
    "classes",
    "from_attempt",
    "after",
    "recovery",
    "delay",
    "backoff",
    "base_delay",
    "multiplier",
    "increment",
    "degree",
    "jitter",
    "deviation",
    "max_attempts",
];
const CIRCUIT_KEYS: &[&str] = &[
    "without_rules",
    "consecutive_failures",
    "failures_in_window",
    "failure_rate",
    "slow_rate",
    "slow_after",
    "cancelled_after",
    "minimum_calls",
    "window",
    "window_time",
    "open_for",
    "open_growth",
    "max_open_for",
    "open_jitter",
    "open_deviation",
    "max_hint",
    "rate_limit_hold",
    "probes",
    "probe_rate",
    "success_threshold",
    "probe_failures",
    "max_probes",
    "lease",
    "ramp",
    "count_as_failure",
];
const BUDGET_KEYS: &[&str] = &[
    "kind",
    "capacity",
    "retry_cost",
    "timeout_cost",
    "rate_limit_cost",
    "first_try_refund",
    "success_reward",
    "refill_per_second",
    "max_tokens",
    "token_ratio",
    "count_as_failure",
    "share",
    "ttl",
    "min_retries_per_second",
    "min_retries",
    "multiplier",
    "max_rejection",
    "window",
    "min_attempts",
    "count_as_rejection",
];
const OPERATION_KEYS: &[&str] = &["policy", "circuit", "budget", "dead_letter", "log_level"];
