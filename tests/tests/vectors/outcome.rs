//! What comes of a case, and the count of it.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;

use serde_json::Value;

/// What came of a case.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// The same as the other system.
    Pass,
    /// Different, by this rule of DESIGN.md.
    Declared(&'static str),
    /// Different, or not understood.
    Fail(String),
}

impl Outcome {
    /// Of two parts of a case, the worse.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Fail(text), _) | (_, Self::Fail(text)) => Self::Fail(text),
            (Self::Declared(rule), _) | (_, Self::Declared(rule)) => Self::Declared(rule),
            (Self::Pass, Self::Pass) => Self::Pass,
        }
    }

    /// Passes where `holds`, else fails and says why.
    pub(crate) fn check(holds: bool, why: impl FnOnce() -> String) -> Self {
        if holds { Self::Pass } else { Self::Fail(why()) }
    }

    /// Passes where this machine says the same as the peer.
    pub(crate) fn same<T: PartialEq + fmt::Debug>(what: &str, ours: T, theirs: T) -> Self {
        Self::check(ours == theirs, || format!("{what}: {ours:?} for {theirs:?}"))
    }

    /// Passes where both are the same number, to this part of it.
    pub(crate) fn near(what: &str, ours: f64, theirs: f64, relative: f64) -> Self {
        Self::check((ours - theirs).abs() <= theirs.abs() * relative, || {
            format!("{what}: {ours} for {theirs}")
        })
    }

    /// A part of a case that this runner does not know.
    pub(crate) fn unknown(what: &str, value: &Value) -> Self {
        Self::Fail(format!("unknown {what}: {value}"))
    }
}

/// How many cases came to what.
#[derive(Default)]
pub(crate) struct Tally {
    cases: u32,
    pass: u32,
    fail: u32,
    declared: BTreeMap<&'static str, u32>,
}

impl Tally {
    pub(crate) fn add(&mut self, file: &str, case: &Value, outcome: Outcome) {
        self.cases += 1;
        match outcome {
            Outcome::Pass => self.pass += 1,
            Outcome::Declared(rule) => *self.declared.entry(rule).or_default() += 1,
            Outcome::Fail(why) => {
                self.fail += 1;
                println!("{file}: {}: FAIL: {why}", case["id"].as_str().unwrap_or("without an id"));
            }
        }
    }

    pub(crate) fn passed(&self) -> bool {
        self.fail == 0
    }

    /// How many cases passed.
    pub(crate) fn pass(&self) -> u32 {
        self.pass
    }

    /// How many cases differed by a rule.
    pub(crate) fn declared(&self) -> u32 {
        self.declared.values().sum()
    }

    /// How often each declared rule was the reason.
    pub(crate) fn print_declared(&self) {
        for (rule, count) in &self.declared {
            println!("  declared {count}: {rule}");
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.cases += other.cases;
        self.pass += other.pass;
        self.fail += other.fail;
        for (rule, count) in other.declared {
            *self.declared.entry(rule).or_default() += count;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pass, declared) = (self.pass, self.declared());
        write!(f, "{} cases: {pass} pass, {declared} declared, {} fail", self.cases, self.fail)
    }
}
