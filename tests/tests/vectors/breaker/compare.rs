//! One of our circuits beside a peer's: where both stand.

use std::time::Duration;

use retry_core::circuit::{Change, ChangeCause, Mode, Phase};

use super::kit::{Counts, Hand, Kind};
use super::plan::{Seen, State};
use super::rig::Rig;
use super::rules;
use crate::json::{Replayed, fail};

impl Rig<'_> {
    pub(super) fn ours(&self) -> State {
        match (self.circuit.mode(), self.circuit.phase()) {
            (Mode::ForcedOpen, _) => State::ForcedOpen,
            (Mode::Disabled, _) => State::Disabled,
            (Mode::CountOnly, _) => State::CountOnly,
            (Mode::Automatic, Phase::Closed) => State::Closed,
            (Mode::Automatic, Phase::Open) => State::Open,
            (Mode::Automatic, Phase::HalfOpen) => State::HalfOpen,
        }
    }

    /// Ends a step: where the peer stands now, if it says so, beside ours. `None` where there is nothing to compare.
    pub(super) fn observe(&mut self, theirs: Option<State>) -> Replayed<Option<Seen>> {
        let ours = self.ours();
        let undecided = match (self.state, self.apart) {
            (State::HalfOpen, _) => {
                Some((self.plan.decision)(self.books.counts(None)).unwrap_or(State::HalfOpen))
            }
            (state, Some(_)) => Some(state),
            (_, None) => None,
        };
        let theirs = theirs.or(undecided).unwrap_or(ours);
        if theirs == State::HalfOpen {
            self.took_back();
        }
        match (self.apart, theirs == self.state) {
            (Some(_), true) => {
                match self.rule.take() {
                    Some(rule) => self.steps.count(Some(rule)),
                    None => self.steps.apart += 1,
                }
                return Ok(None);
            }
            (Some(decided), false) => {
                if decided != theirs {
                    self.explain(decided, theirs)?;
                }
                self.put(theirs, None);
            }
            (None, false) if ours == theirs => {
                self.follow(theirs);
                self.same_open_time()?;
            }
            (None, false) => {
                self.explain(ours, theirs)?;
                self.put(theirs, None);
            }
            (None, true) if ours == theirs => {}
            (None, true) => {
                if self.state == State::HalfOpen && undecided == Some(State::HalfOpen) {
                    self.declare(rules::DECIDES_EARLY);
                } else {
                    self.explain(ours, theirs)?;
                }
                self.apart = Some(ours);
            }
        }
        self.steps.count(self.rule.take());
        let before = std::mem::replace(&mut self.before, self.state);
        if self.apart.is_some() {
            return Ok(None);
        }
        Ok(Some(Seen {
            counts: self.seen_counts()?,
            probes: self.probes,
            refused: self.refused,
            remaining: self.circuit.open_for(self.now()),
            change: (before != self.state).then_some((before, self.state)),
        }))
    }

    /// Both have decided, and not the same.
    fn explain(&mut self, ours: State, theirs: State) -> Replayed<()> {
        let counts = self.books.counts(None);
        let probed = self.state == State::HalfOpen && (self.plan.decision)(counts) == Some(theirs);
        if probed && counts.slow > 0 {
            self.declare(rules::SLOW_PROBE);
        } else if (self.plan.inexact)(counts) {
            self.declare(rules::WHOLE_PERCENT);
        } else {
            return fail(format!("{ours:?} for {theirs:?} after {:?}, with {counts:?}", self.state));
        }
        Ok(())
    }

    /// Both have opened by their own rules: for the same time, to the millisecond.
    fn same_open_time(&mut self) -> Replayed<()> {
        let (ours, theirs) = (self.circuit.open_for(self.now()), (self.plan.wait)(self.openings));
        let like_ours = |time: Duration| ours.abs_diff(time) < Duration::from_millis(1);
        if self.state != State::Open || like_ours(theirs) {
            return Ok(());
        }
        if self.opened_by_hand {
            self.declare(rules::OPENED_BY_HAND);
        } else if like_ours((self.plan.exact_wait)(self.openings)) {
            self.declare(rules::TO_THE_NANOSECOND);
        } else {
            return fail(format!("open for {ours:?}, not for {theirs:?}"));
        }
        self.by_way_of_closed(State::Open, theirs);
        Ok(())
    }

    /// What the circuit counts while closed, the rest by the books; where both do, they must agree.
    fn seen_counts(&mut self) -> Replayed<Counts> {
        let as_of = self.plan.reads_expire.then(|| self.now());
        let books = self.books.counts(as_of);
        if !matches!(self.state, State::Closed | State::CountOnly) {
            return Ok(books);
        }
        let ours = self.circuit.counts(as_of);
        let slow = if self.plan.slow_after.is_some() { books.slow } else { 0 };
        if ours != Some((books.calls, books.failed, slow)) {
            return fail(format!("the window holds {ours:?}, the books {books:?}"));
        }
        Ok(books)
    }

    /// What ours says of a change must be what the books say.
    pub(super) fn note(&mut self, change: Option<Change>) -> Replayed<()> {
        let Some(change) = change else {
            return Ok(());
        };
        let counts = self.books.counts(Some(self.now()));
        let agrees = match change.cause {
            ChangeCause::FailureRate { failures, calls } => {
                self.exceeded[0] += 1;
                (failures, calls) == (counts.failed, counts.calls)
            }
            ChangeCause::SlowCallRate { slow, calls } => {
                self.exceeded[1] += 1;
                (slow, calls) == (counts.slow, counts.calls)
            }
            ChangeCause::ProbesFailed(failed) => failed <= counts.failed + counts.slow,
            ChangeCause::ProbesSucceeded(succeeded) => succeeded + counts.failed <= counts.calls,
            _ => true,
        };
        if agrees { Ok(()) } else { fail(format!("{change:?} where the books say {counts:?}")) }
    }

    /// The peer's operator, or its own time, puts it into a state; ours goes there by hand.
    pub(super) fn put(&mut self, state: State, wait: Option<Duration>) {
        let beside = self.apart.take().is_none() && self.ours() == self.state && self.state != state;
        self.follow(state);
        let wait = wait.unwrap_or_else(|| (self.plan.wait)(self.openings));
        if !beside || self.circuit.by_hand(hand(state, wait), self.now()).is_none() {
            self.by_way_of_closed(state, wait);
        }
    }

    /// With as many openings as the peer has counted.
    fn by_way_of_closed(&mut self, state: State, wait: Duration) {
        let openings = match state {
            State::Open | State::ForcedOpen => self.openings - 1,
            State::HalfOpen => self.openings.max(1),
            State::Closed | State::Disabled | State::CountOnly => 0,
        };
        self.opened_by_hand = state == State::HalfOpen && self.openings == 0;
        self.circuit.by_hand(Hand::Reset, self.now());
        for _ in 0..openings {
            self.circuit.by_hand(Hand::Trip(wait), self.now());
        }
        self.circuit.by_hand(hand(state, wait), self.now());
    }

    /// The peer refuses its operator; ours, too?
    pub(super) fn refused_by_hand(&mut self, state: State) -> Replayed<()> {
        if state != State::HalfOpen {
            self.declare(rules::BY_HAND);
        } else if let Some(change) = self.circuit.by_hand(Hand::Probe, self.now()) {
            return fail(format!("refused there, {change:?} here"));
        }
        Ok(())
    }

    /// The books and numbers of the state that the peer is in from now on.
    pub(super) fn follow(&mut self, state: State) {
        self.counts_before = self.books.counts(None);
        self.state = state;
        self.episode = self.episode.next(self.now());
        match state {
            State::Open | State::ForcedOpen => self.openings += 1,
            State::HalfOpen => {}
            State::Closed | State::Disabled | State::CountOnly => {
                self.openings = 0;
                self.opened_by_hand = false;
            }
        }
        if state != State::Open {
            self.refused = 0;
            self.probes = state == State::HalfOpen;
            let kind = if self.probes { Kind::slow_calls(self.plan.probes) } else { self.plan.kind };
            self.books = kind.books();
        }
    }
}

fn hand(state: State, wait: Duration) -> Hand {
    match state {
        State::Closed => Hand::Reset,
        State::Open => Hand::Trip(wait),
        State::HalfOpen => Hand::Probe,
        State::ForcedOpen => Hand::ForceOpen,
        State::Disabled => Hand::Disable,
        State::CountOnly => Hand::CountOnly,
    }
}
