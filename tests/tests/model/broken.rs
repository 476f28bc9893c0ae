//! A machine with one broken rule: the real breaker, with some calls changed or left out.

use std::time::Duration;

use retry_core::{
    CircuitConfig, Instant, Rejected,
    circuit::{Admission, Adoption, Breaker, Change, ChangeCause, Mode, Phase, Ticket},
};

use super::machine::{Explorable, LIMITED, Machine};
use super::rules::Rules;
use super::step::{HINT, UNIT};

/// Which rule is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    OneProbeTooMany,
    AdmitsEarly,
    RampAdmitsAll,
    ForcedOpenEnds,
    LateResultCounts,
    LateSuccessCloses,
    LateDropFreesSlot,
    LateIsNotCounted,
    LeaseDoesNotExpire,
    ProbesNeverDecide,
    StaysOpenForEver,
    OpenTimeGrowsAsClockStepsBack,
    TripLastsTwice,
    DropKeepsSlot,
    DropCountsAsSuccess,
    NeutralKeepsSlot,
    NeutralCountsAsSuccess,
    NeutralCountsAsFailure,
    NeutralClosesHalfOpen,
    SlowNeutralIsDropped,
    WindowOneShort,
    SuccessIsNotRecorded,
    OldFailureIsKept,
    DisabledCounts,
    ReopensInOneEra,
    LeasePassesInOneEra,
    LeaseExpiryIsNotReported,
    ResetKeepsEra,
    OneFailureMoreInARow,
    SuccessDoesNotResetTheRow,
    OnePercentMore,
    OneFailureMoreInTheWindow,
    OneProbeMoreInAll,
    MinimumIgnored,
    ClosesOneEarly,
    ClosesOneLate,
    OneFailedProbeMore,
    GrowthIgnored,
    GrowthIsKeptOnClosing,
    SlowProbeSucceeds,
    SlowDropIsNotCounted,
    CancelledCounts,
    HintIsLeftAside,
    HoldIsLeftAside,
    HoldEndsHalfOpen,
    HoldIsAnOpening,
    AdoptionOpensByHand,
    AdoptionShortens,
    AdoptionIsAnOpening,
    AskOnceAsksTwice,
}

#[derive(Clone)]
pub(crate) struct Broken<W> {
    inner: Breaker<W>,
    rule: Break,
    rules: Rules,
    /// Until this time, it rejects attempts without calling the breaker.
    shut_until: Option<Instant>,
    /// The breaker before the first admission of its era, to make another ticket of that era.
    before: Option<(Box<Breaker<W>>, Instant)>,
    /// By how much the visible era is behind.
    unshown: u32,
    /// How often it has opened in total.
    openings: u32,
}

impl<W: Explorable> Broken<W> {
    pub(crate) fn new(rule: Break, rules: Rules) -> Self {
        let (inner, shut_until, before) = (Breaker::CLOSED, None, None);
        Self { inner, rule, rules, shut_until, before, unshown: 0, openings: 0 }
    }

    /// Returns the configuration that it uses.
    fn config(&self) -> CircuitConfig {
        let mut rules = self.rules;
        match self.rule {
            Break::OneProbeTooMany => rules.probes += 1,
            Break::RampAdmitsAll => rules.ramp = 0,
            Break::LeaseDoesNotExpire => rules.lease = u64::MAX,
            Break::WindowOneShort => rules.window_calls -= 1,
            Break::OneFailureMoreInARow => rules.consecutive_failures += 1,
            Break::OnePercentMore => rules.failure_rate += 1,
            Break::OneFailureMoreInTheWindow => rules.failures_in_window += 1,
            Break::OneProbeMoreInAll => rules.probes_to_spare += 1,
            Break::MinimumIgnored => rules.minimum_calls = 1,
            Break::ClosesOneEarly => rules.successes -= 1,
            Break::ClosesOneLate => rules.successes += 1,
            Break::OneFailedProbeMore => rules.probe_failures += 1,
            Break::GrowthIgnored => rules.growth = 1.0,
            Break::HoldEndsHalfOpen if self.inner.phase() == Phase::Open => rules.rate_limit_hold = 0,
            Break::SlowProbeSucceeds if self.inner.phase() == Phase::HalfOpen => rules.slow_rate = 0,
            _ => {}
        }
        rules.config()
    }

    /// Makes another ticket of this era.
    fn forged(&self) -> Option<Ticket> {
        let (before, now) = self.before.as_ref()?;
        before.as_ref().clone().admit(&self.config(), *now).ok().map(|admission| admission.ticket)
    }

    fn is_late(&self, ticket: &Ticket) -> bool {
        self.forged().is_none_or(|forged| !same_era(&forged, ticket))
    }

    /// Opens it for this number of nanoseconds instead of its own open time.
    fn open_for(&mut self, nanos: u64, now: Instant, change: Change) -> Change {
        self.inner
            .trip(Duration::from_nanos(nanos), now)
            .map_or(change, |it| Change { cause: change.cause, ..it })
    }

    /// Records the change after each step.
    fn note(&mut self, change: Option<&Change>) {
        let Some(change) = change else { return };
        self.before = None;
        if change.to == Phase::Open {
            self.openings += 1;
        }
        let in_one_era = match self.rule {
            Break::ReopensInOneEra => change.from == Phase::HalfOpen && change.to == Phase::Open,
            Break::LeasePassesInOneEra => change.cause == ChangeCause::LeasePassed,
            _ => false,
        };
        self.unshown += u32::from(in_one_era);
    }
}

impl<W: Explorable> Machine for Broken<W> {
    type Window = W;

    fn admit(&mut self, _: &CircuitConfig, now: Instant) -> Result<Admission<Ticket>, Rejected> {
        let config = self.config();
        if let Some(until) = self.shut_until
            && self.inner.phase() == Phase::Open
            && now < until
        {
            return Err(Rejected::new(Phase::Open, until.since(now)));
        }
        let early = self.rule == Break::AdmitsEarly && self.inner.phase() == Phase::Open;
        let asked_at = if early { now.after(Duration::from_nanos(UNIT)) } else { now };
        let before = (Box::new(self.inner.clone()), asked_at);
        let mut admission = self.inner.admit(&config, asked_at)?;
        self.note(admission.change.as_ref());
        self.before.get_or_insert(before);
        let is_lease = admission.change.is_some_and(|change| change.cause == ChangeCause::LeasePassed);
        if self.rule == Break::LeaseExpiryIsNotReported && is_lease {
            admission.change = None;
        }
        Ok(admission)
    }

    fn settle(&mut self, _: &CircuitConfig, ticket: Ticket, failed: bool, now: Instant) -> Option<Change> {
        let (config, phase) = (self.config(), self.inner.phase());
        if self.is_late(&ticket) {
            if self.rule == Break::LateIsNotCounted {
                return None;
            }
            let change = self.inner.settle(&config, ticket, failed, now, 0);
            return match (self.rule, self.forged()) {
                (Break::LateSuccessCloses, _) if !failed && phase == Phase::HalfOpen => self.reset(now),
                (Break::LateResultCounts, Some(forged)) => self.inner.settle(&config, forged, failed, now, 0),
                _ => change,
            };
        }
        let mut then = self.inner.clone();
        let change = then.settle(&config, ticket, failed, now, 0);
        let opens = change.filter(|change| change.to == Phase::Open);
        let reopens = opens.filter(|_| phase == Phase::HalfOpen);
        let change = match (self.rule, opens, reopens) {
            (Break::ProbesNeverDecide, ..) if phase == Phase::HalfOpen => return None,
            (Break::SuccessIsNotRecorded | Break::SuccessDoesNotResetTheRow, ..)
                if phase == Phase::Closed && !failed =>
            {
                return None;
            }
            (Break::StaysOpenForEver, _, Some(change)) => Some(self.open_for(u64::MAX, now, change)),
            (Break::GrowthIsKeptOnClosing, Some(change), _) => {
                Some(self.open_for(self.rules.open_time(self.openings, 0), now, change))
            }
            _ => {
                self.inner = then;
                change
            }
        };
        self.note(change.as_ref());
        if self.rule == Break::OpenTimeGrowsAsClockStepsBack && opens.is_some() {
            self.shut_until = Some(now.after(Duration::from_nanos(self.rules.open_for)));
        }
        if self.rule == Break::OldFailureIsKept && change.is_some_and(|change| change.to == Phase::Closed) {
            let admission = self.inner.admit(&config, now).expect("the circuit is closed");
            self.inner.settle(&config, admission.ticket, true, now, 0);
        }
        change
    }

    fn limit(&mut self, config: &CircuitConfig, ticket: Ticket, now: Instant) -> Option<Change> {
        match self.rule {
            Break::HintIsLeftAside | Break::HoldIsLeftAside => return self.settle(config, ticket, true, now),
            Break::HoldIsAnOpening => {
                let change = self.inner.end(&self.config(), ticket, LIMITED, now).change;
                if change.is_some_and(|change| change.cause == ChangeCause::RateLimited) {
                    return change
                        .map(|change| self.open_for(HINT.min(self.rules.rate_limit_hold), now, change));
                }
                return change;
            }
            _ => {}
        }
        let change = self.inner.end(&self.config(), ticket, LIMITED, now).change;
        self.note(change.as_ref());
        change
    }

    fn adopt(&mut self, config: &CircuitConfig, adoption: Adoption, now: Instant) -> Option<Change> {
        match (self.rule, adoption) {
            (Break::AdoptionOpensByHand, Adoption::Open { .. }) if self.inner.mode() != Mode::Automatic => {
                let _ = self.reset(now);
            }
            (Break::AdoptionShortens, Adoption::Open { open_for, grace })
                if self.inner.mode() == Mode::Automatic && self.inner.phase() == Phase::Open =>
            {
                let _ = self.inner.trip(open_for + grace, now);
                return None;
            }
            (Break::AdoptionIsAnOpening, Adoption::Open { open_for, grace })
                if self.inner.mode() == Mode::Automatic && self.inner.phase() != Phase::Open =>
            {
                let most = Duration::from_nanos(self.rules.max_open_for);
                let change = self.inner.trip(open_for.min(most) + grace, now);
                let change = change.map(|change| Change { cause: ChangeCause::Fleet, ..change });
                self.note(change.as_ref());
                return change;
            }
            (Break::AskOnceAsksTwice, Adoption::AskOnce) if self.inner.mode() == Mode::Automatic => {
                let _ = self.inner.trip(Duration::ZERO, now);
                let change = self.inner.probe(now);
                self.note(change.as_ref());
                return change;
            }
            _ => {}
        }
        let change = self.inner.adopt(config, adoption, now);
        self.note(change.as_ref());
        change
    }

    fn cancel(&mut self, config: &CircuitConfig, ticket: Ticket, now: Instant) -> Option<Change> {
        let (phase, is_late) = (self.inner.phase(), self.is_late(&ticket));
        match self.rule {
            Break::DropKeepsSlot if phase == Phase::HalfOpen && !is_late => return None,
            Break::CancelledCounts if phase == Phase::Closed && !is_late => {
                return self.settle(config, ticket, true, now);
            }
            Break::SlowDropIsNotCounted if phase == Phase::Closed && !is_late => return None,
            Break::DropCountsAsSuccess if phase == Phase::Closed && !is_late => {
                return self.settle(config, ticket, false, now);
            }
            _ => {}
        }
        if let (Break::LateDropFreesSlot, true, Some(forged)) = (self.rule, is_late, self.forged()) {
            let _ = self.inner.cancel(&self.config(), forged, now);
        }
        let change = self.inner.cancel(&self.config(), ticket, now);
        self.note(change.as_ref());
        change
    }

    fn release(&mut self, config: &CircuitConfig, ticket: Ticket, now: Instant) -> Option<Change> {
        let (phase, is_late) = (self.inner.phase(), self.is_late(&ticket));
        match (self.rule, phase) {
            _ if is_late => {}
            (Break::NeutralKeepsSlot, Phase::HalfOpen) => return None,
            (Break::NeutralCountsAsSuccess, Phase::Closed)
            | (Break::NeutralClosesHalfOpen, Phase::HalfOpen) => {
                return self.settle(config, ticket, false, now);
            }
            (Break::NeutralCountsAsFailure, Phase::Closed) => return self.settle(config, ticket, true, now),
            (Break::SlowNeutralIsDropped, _) => return self.cancel(config, ticket, now),
            _ => {}
        }
        self.inner.release(ticket);
        None
    }

    fn force_open(&mut self, now: Instant) -> Option<Change> {
        match self.rule {
            Break::ForcedOpenEnds => self.trip(Duration::from_nanos(self.rules.open_for), now),
            _ => {
                let change = self.inner.force_open(now);
                self.note(change.as_ref());
                change
            }
        }
    }

    fn reset(&mut self, now: Instant) -> Option<Change> {
        let change = self.inner.reset(now);
        self.note(change.as_ref());
        self.unshown += u32::from(self.rule == Break::ResetKeepsEra);
        change
    }

    fn trip(&mut self, duration: Duration, now: Instant) -> Option<Change> {
        let duration = if self.rule == Break::TripLastsTwice { duration * 2 } else { duration };
        let change = self.inner.trip(duration, now);
        self.note(change.as_ref());
        change
    }

    fn hold_closed(&mut self, config: &CircuitConfig, mode: Mode, now: Instant) {
        let mode = if self.rule == Break::DisabledCounts { Mode::CountOnly } else { mode };
        Machine::hold_closed(&mut self.inner, config, mode, now);
        self.before = None;
    }

    fn move_to(&mut self, config: &CircuitConfig, now: Instant, to: Instant) {
        Machine::move_to(&mut self.inner, config, now, to);
        self.before = None;
    }

    fn breaker(&self) -> &Breaker<W> {
        &self.inner
    }

    fn era(&self) -> u32 {
        self.inner.era() - self.unshown
    }
}

/// Compares the eras of two tickets, which only their debug text shows.
fn same_era(a: &Ticket, b: &Ticket) -> bool {
    let era = |ticket: &Ticket| format!("{ticket:?}").split_once(',').map(|(era, _)| era.to_owned());
    era(a) == era(b)
}
