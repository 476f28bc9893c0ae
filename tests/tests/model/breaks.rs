//! The broken rules, and for each the check that must find it alone.

use retry_core::circuit::{CountWindow, SlowCalls};

use super::broken::{Break, Broken};
use super::check::Check;
use super::explore::{Counterexample, Size, explore};
use super::machine::Explorable;
use super::rules::Rules;
use super::setups::{BOUNDS, Bounds, RULES, calls};
use super::step::{Hand, UNIT};

pub(crate) struct Entry {
    pub(crate) rule: Break,
    check: Check,
    rules: Rules,
    bounds: Bounds,
    explore: fn(&Self) -> Result<Size, Counterexample>,
}

impl Entry {
    pub(crate) fn explore(&self) -> Result<Size, Counterexample> {
        (self.explore)(self)
    }

    const fn by_hand(self, by_hand: &'static [Hand]) -> Self {
        Self { bounds: Bounds { by_hand, ..self.bounds }, ..self }
    }

    /// Keeps the clock from stepping back, because that would find the rule sooner.
    const fn steady(self) -> Self {
        Self { bounds: Bounds { back: 0, ..self.bounds }, ..self }
    }
}

fn entry<W: Explorable>(rule: Break, check: Check, rules: Rules) -> Entry {
    let explore = |entry: &Entry| {
        let broken = Broken::<W>::new(entry.rule, entry.rules);
        explore(broken, &entry.rules, &entry.bounds, &[entry.check])
    };
    Entry { rule, check, rules, bounds: BOUNDS, explore }
}

pub(crate) fn all() -> Vec<Entry> {
    const U: u64 = UNIT;
    type Two = CountWindow<2>;
    type Slow = SlowCalls<Two>;
    let one = Rules { consecutive_failures: 1, ..RULES };
    let two = Rules { consecutive_failures: 2, probes: 2, successes: 2, ..RULES };
    let rate = calls(2, 50, 2);
    let two_of_three = Rules { failures_in_window: 2, ..calls(3, 0, 1) };
    let growing_after_two = Rules { open_for: U, growth: 2.0, max_open_for: 4 * U, ..two };
    let growing = Rules { open_for: U, growth: 2.0, max_open_for: 4 * U, ..one };
    let cancelled = Rules { cancelled_after: U, ..two };
    let held = Rules { rate_limit_hold: 2 * U, ..growing_after_two };
    let slow = Rules { slow_after: U, tells_slow: true, slow_rate: 100, ..rate };
    vec![
        entry::<Two>(Break::OneProbeTooMany, Check::Admission, two),
        entry::<Two>(Break::AdmitsEarly, Check::Admission, one),
        entry::<Two>(Break::RampAdmitsAll, Check::Admission, Rules { ramp: 4 * U, ..one }),
        entry::<Two>(Break::ForcedOpenEnds, Check::Admission, one).by_hand(&[Hand::ForceOpen, Hand::Reset]),
        entry::<Two>(Break::LateResultCounts, Check::Late, rate),
        entry::<Two>(Break::LateSuccessCloses, Check::Late, one),
        entry::<Two>(Break::LateDropFreesSlot, Check::Late, two),
        entry::<Two>(Break::LateIsNotCounted, Check::Late, one),
        entry::<Two>(Break::LeaseDoesNotExpire, Check::Wedge, one),
        entry::<Two>(Break::ProbesNeverDecide, Check::Wedge, one),
        entry::<Two>(Break::StaysOpenForEver, Check::Wedge, one),
        entry::<Two>(Break::OpenTimeGrowsAsClockStepsBack, Check::OpenTime, one),
        entry::<Two>(Break::TripLastsTwice, Check::OpenTime, one).by_hand(&[Hand::Trip(3)]),
        entry::<Two>(Break::DropKeepsSlot, Check::Counters, one),
        entry::<Two>(Break::DropCountsAsSuccess, Check::Counters, rate),
        entry::<Two>(Break::NeutralKeepsSlot, Check::Counters, one),
        entry::<Two>(Break::NeutralCountsAsSuccess, Check::Counters, rate),
        entry::<Two>(Break::NeutralCountsAsFailure, Check::Counters, rate),
        entry::<Two>(Break::NeutralClosesHalfOpen, Check::Decision, one),
        entry::<Slow>(Break::SlowNeutralIsDropped, Check::Decision, slow),
        entry::<Two>(Break::WindowOneShort, Check::Counters, rate),
        entry::<Two>(Break::SuccessIsNotRecorded, Check::Counters, rate),
        entry::<Two>(Break::OldFailureIsKept, Check::Counters, rate),
        entry::<Two>(Break::DisabledCounts, Check::Counters, rate).by_hand(&[Hand::Disable]),
        entry::<Two>(Break::ReopensInOneEra, Check::Eras, one),
        entry::<Two>(Break::LeasePassesInOneEra, Check::Eras, one),
        entry::<Two>(Break::LeaseExpiryIsNotReported, Check::Eras, one),
        entry::<Two>(Break::ResetKeepsEra, Check::Eras, one).by_hand(&[Hand::Reset]),
        entry::<Two>(Break::OneFailureMoreInARow, Check::Decision, two),
        entry::<Two>(Break::SuccessDoesNotResetTheRow, Check::Decision, two),
        entry::<Two>(Break::OnePercentMore, Check::Decision, rate),
        entry::<CountWindow<3>>(Break::OneFailureMoreInTheWindow, Check::Decision, two_of_three),
        entry::<Two>(Break::OneProbeMoreInAll, Check::Admission, Rules { probes_to_spare: 0, ..two }),
        entry::<Two>(Break::MinimumIgnored, Check::Decision, rate),
        entry::<Two>(Break::ClosesOneEarly, Check::Decision, two),
        entry::<Two>(Break::ClosesOneLate, Check::Decision, Rules { successes: 1, ..two }),
        entry::<Two>(Break::OneFailedProbeMore, Check::Decision, two),
        entry::<Two>(Break::GrowthIgnored, Check::Decision, growing),
        entry::<Two>(Break::GrowthIsKeptOnClosing, Check::Decision, growing).steady(),
        entry::<Slow>(Break::SlowProbeSucceeds, Check::Decision, slow),
        entry::<Slow>(Break::SlowDropIsNotCounted, Check::Decision, slow),
        entry::<Two>(Break::SlowDropIsNotCounted, Check::Decision, cancelled),
        entry::<Two>(Break::CancelledCounts, Check::Decision, cancelled),
        entry::<Two>(Break::HintIsLeftAside, Check::Decision, Rules { max_hint: 4 * U, ..one }),
        entry::<Two>(Break::HoldIsLeftAside, Check::Decision, held),
        entry::<Two>(Break::HoldEndsHalfOpen, Check::Decision, held),
        entry::<Two>(Break::HoldIsAnOpening, Check::Decision, held),
        entry::<Two>(Break::AdoptionOpensByHand, Check::Decision, two)
            .by_hand(&[Hand::Disable, Hand::Adopt(2)]),
        entry::<Two>(Break::AdoptionShortens, Check::Decision, one).by_hand(&[Hand::Trip(3), Hand::Adopt(1)]),
        entry::<Two>(Break::AdoptionIsAnOpening, Check::Decision, growing).by_hand(&[Hand::Adopt(1)]),
        entry::<Two>(Break::AskOnceAsksTwice, Check::Decision, two).by_hand(&[Hand::AskOnce]),
        // Here the shared circuit is right, and the machine that it is compared with is broken.
        entry::<Two>(Break::AdmitsEarly, Check::Word, one),
        entry::<Two>(Break::OpenTimeGrowsAsClockStepsBack, Check::Word, one),
        entry::<Two>(Break::TripLastsTwice, Check::Word, one).by_hand(&[Hand::Trip(3)]),
        entry::<Two>(Break::SuccessIsNotRecorded, Check::Word, rate),
        entry::<Two>(Break::SuccessDoesNotResetTheRow, Check::Word, two),
        entry::<Two>(Break::LateIsNotCounted, Check::Word, one),
        entry::<Two>(Break::DisabledCounts, Check::Word, rate).by_hand(&[Hand::Disable]),
    ]
}
