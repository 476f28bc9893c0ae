//! What came of the steps of a replay.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;

/// What came of a number of steps.
#[derive(Default)]
pub(super) struct Steps {
    /// Compared, and the same.
    same: u32,
    /// Different, by these rules.
    by_rule: BTreeMap<&'static str, u32>,
    /// Not compared: our circuit had decided, and the peer's had not.
    pub(super) apart: u32,
    /// Results, and permits given back, of an era that had ended.
    pub(super) late: u32,
    /// Permits that were given back to the peer for probes, and were not taken as such.
    pub(super) given_back: u32,
    /// Probes that the peer admitted beyond its own number.
    pub(super) over: u32,
}

impl Steps {
    /// A step that was compared, and the rule by which it was different.
    pub(super) fn count(&mut self, rule: Option<&'static str>) {
        match rule {
            Some(rule) => *self.by_rule.entry(rule).or_default() += 1,
            None => self.same += 1,
        }
    }

    /// The numbers in the order of the fields, with all rules as one.
    pub(super) fn tally(&self) -> [u32; 6] {
        let Self { same, by_rule, apart, late, given_back, over } = self;
        [*same, by_rule.values().sum(), *apart, *late, *given_back, *over]
    }
}

impl AddAssign for Steps {
    fn add_assign(&mut self, other: Self) {
        self.same += other.same;
        self.apart += other.apart;
        self.late += other.late;
        self.given_back += other.given_back;
        self.over += other.over;
        for (rule, count) in other.by_rule {
            *self.by_rule.entry(rule).or_default() += count;
        }
    }
}

impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { same, by_rule, apart, late, given_back, over } = self;
        let differ: u32 = by_rule.values().sum();
        let all = same + differ + apart;
        write!(f, "{all} steps: {same} the same, {differ} different by a rule, {apart} not compared; ")?;
        write!(
            f,
            "of the peer's, {late} late results, {given_back} permits given back that were not taken, "
        )?;
        write!(f, "{over} over-admissions")?;
        by_rule.iter().try_for_each(|(rule, count)| write!(f, "\n  {count} steps: {rule}"))
    }
}
