//! One of our circuits beside a peer's: calls.
//!
//! A peer's results do not say which call they end. Each is taken to end a call of the present era as long as one
//! is under way, so that as few results as possible are late. Where a peer does what a rule of ours forbids, the
//! rule is declared for that step, and our circuit is brought to where the peer's stands by ordinary means: a call
//! with the same outcome, or a change by hand. So the steps after it are compared, too.

use std::time::Duration;

use retry_core::{
    Instant,
    circuit::{Outcome as Ended, Ticket},
    testing::FakeClock,
};

use super::kit::{Books, Circuit, Counts};
use super::plan::{Ending, Plan, State};
use super::rules;
use super::steps::Steps;
use crate::json::{Replayed, fail};
use crate::outcome::Outcome;

struct Call {
    /// `None` where only the peer admitted it.
    ticket: Option<Ticket>,
    since: Instant,
    episode: u32,
}

pub(super) struct Rig<'s> {
    pub(super) plan: Plan,
    pub(super) circuit: Box<dyn Circuit>,
    pub(super) clock: FakeClock,
    /// Where the peer stands; ours, too, unless they are apart.
    pub(super) state: State,
    /// The state before this step.
    pub(super) before: State,
    /// What our circuit decided before the peer's did.
    pub(super) apart: Option<State>,
    pub(super) steps: &'s mut Steps,
    /// The rule by which this step is different, and the first by which a step was.
    pub(super) rule: Option<&'static str>,
    pub(super) declared: Option<&'static str>,
    /// What the peer counts, and whether it is probes; what it counted when the state last changed.
    pub(super) books: Box<dyn Books>,
    pub(super) probes: bool,
    pub(super) counts_before: Counts,
    /// Refusals since the books began.
    pub(super) refused: u32,
    pub(super) openings: u32,
    /// Whether ours counts an opening more, for half-open is reached by hand only through open.
    pub(super) opened_by_hand: bool,
    /// How often ours named a rate of failures as the cause of a change, and how often a rate of slow calls.
    pub(super) exceeded: [u32; 2],
    pub(super) episode: Episode,
    in_flight: Vec<Call>,
}

/// The time from one change of the peer's state to the next.
#[derive(Default)]
pub(super) struct Episode {
    pub(super) number: u32,
    pub(super) since: Instant,
    /// Results of calls of this episode, and of others.
    ended: u32,
    late: u32,
    /// Permits given back that were not taken.
    given_back: u32,
    /// That this step does so, if the peer stays half-open; whether for a late result.
    gives_back: Option<bool>,
}

impl Episode {
    pub(super) fn next(&self, since: Instant) -> Self {
        Self { number: self.number + 1, since, ..Self::default() }
    }
}

impl<'s> Rig<'s> {
    pub(super) fn new(plan: Plan, steps: &'s mut Steps) -> Replayed<Self> {
        let circuit = plan.kind.circuit(plan.config).or_else(|error| fail(error.to_string()))?;
        let clock = FakeClock::new();
        clock.advance(plan.start);
        Ok(Self {
            circuit,
            state: State::Closed,
            before: State::Closed,
            apart: None,
            steps,
            rule: None,
            declared: None,
            books: plan.kind.books(),
            probes: false,
            counts_before: Counts::default(),
            refused: 0,
            openings: 0,
            opened_by_hand: false,
            exceeded: [0, 0],
            episode: Episode { since: clock.now(), ..Episode::default() },
            in_flight: Vec::new(),
            clock,
            plan,
        })
    }

    /// Declares a difference by this rule, for this step and for the case.
    pub(super) fn declare(&mut self, rule: &'static str) {
        self.rule = Some(rule);
        self.declared.get_or_insert(rule);
    }

    pub(super) fn outcome(&self) -> Outcome {
        self.declared.map_or(Outcome::Pass, Outcome::Declared)
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// A call asks for admission; whether the peer's call is under way then.
    pub(super) fn acquire(&mut self, theirs: Option<bool>) -> Replayed<bool> {
        let free = self.taken() < self.plan.probes + self.episode.given_back;
        let theirs = theirs.or((self.state == State::HalfOpen).then_some(free));
        let mut admitted = theirs != Some(false);
        let mut ticket = None;
        if self.apart.is_none() {
            match self.circuit.admit(self.now()) {
                Ok(admission) if admitted => {
                    self.note(admission.change)?;
                    ticket = Some(admission.ticket);
                    if self.state == State::Open {
                        self.follow(State::HalfOpen);
                    }
                }
                Ok(_) => return fail(format!("admitted here while {:?}, refused there", self.ours())),
                Err(_) if theirs == Some(true) => self.admitted_there_alone()?,
                Err(_) => admitted = false,
            }
        }
        if admitted {
            self.in_flight.push(Call { ticket, since: self.now(), episode: self.episode.number });
        } else {
            self.refused += 1;
        }
        Ok(admitted)
    }

    /// The calls of this episode that the peer has under way.
    fn under_way(&self) -> u32 {
        let calls = self.in_flight.iter().filter(|call| call.episode == self.episode.number).count();
        u32::try_from(calls).unwrap_or(u32::MAX)
    }

    /// The permits that the peer's calls of this episode have taken.
    fn taken(&self) -> u32 {
        self.under_way() + if self.plan.probes_renewed { 0 } else { self.episode.ended }
    }

    /// Ours has refused what the peer admitted.
    fn admitted_there_alone(&mut self) -> Replayed<()> {
        let both_half_open = self.ours() == State::HalfOpen && self.state == State::HalfOpen;
        let Episode { ended, late, given_back, .. } = self.episode;
        if !both_half_open || self.under_way() + ended + late < self.plan.probes {
            return fail(format!("refused here while {:?}, admitted there", self.ours()));
        }
        let over = self.taken() >= self.plan.probes;
        if over && given_back == 0 {
            return fail(
                "admitted there beyond its number, though no permit was given back that was not taken",
            );
        }
        self.steps.over += u32::from(over);
        if !over && self.plan.probes_renewed {
            return fail("refused here though a slot is free, admitted there");
        }
        self.declare(if over { rules::OVER_ADMITTED } else { rules::LATE });
        Ok(())
    }

    /// A call ends, after it took so long; where nothing asks how long, after the time that has passed.
    pub(super) fn end(&mut self, ending: Ending, took: Option<Duration>) -> Replayed<()> {
        let (now, failed) = (self.now(), ending == Ending::Failure);
        let call = self.next_to_end();
        let late = call.as_ref().is_some_and(|call| call.episode != self.episode.number);
        let present = call.is_some() && !late;
        self.steps.late += u32::from(late);
        let gives_back = self.plan.probes_renewed || ending == Ending::Cancelled;
        self.episode.gives_back = (self.state == State::HalfOpen && gives_back && !present).then_some(late);
        let mut held = None;
        if let Some(Call { ticket: Some(ticket), since, .. }) = call {
            if late {
                self.hand_in_late(ticket, ending)?;
            } else if self.apart.is_none() {
                held = Some((ticket, since));
            }
        }
        if ending == Ending::Cancelled {
            // The peer is not told how long it was held, and neither is ours.
            return held.map_or(Ok(()), |(ticket, since)| self.note(self.circuit.cancel(ticket, since)));
        }
        if self.state.counts() {
            let slow = took.zip(self.plan.slow_after).is_some_and(|(took, limit)| took >= limit);
            self.books.record(Ended { failed, slow }, now);
            self.episode.ended += u32::from(present);
            self.episode.late += u32::from(!present);
            if late || self.state == State::Open {
                self.declare(rules::LATE);
            }
        }
        if !self.state.counts() && !present || self.apart.is_some() || self.state == State::Open {
            return Ok(());
        }
        let ticket = match (held, took) {
            (Some((ticket, _)), None) => ticket,
            (held, took) => self.exchanged(held, took.unwrap_or_default())?,
        };
        self.note(self.circuit.settle(ticket, failed, now))
    }

    /// How long a call took is the peer's word, not the clock's: its ticket is given for that of one that began so
    /// long ago. A call that ours has not admitted, or not in this era, is made up for by one that it admits now.
    fn exchanged(&mut self, held: Option<(Ticket, Instant)>, took: Duration) -> Replayed<Ticket> {
        if let Some((ticket, since)) = held {
            self.note(self.circuit.cancel(ticket, since))?;
        }
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let began = Instant::from_nanos(self.now().as_nanos().saturating_sub(took));
        match self.circuit.admit(began) {
            Ok(admission) => Ok(admission.ticket),
            Err(rejected) => fail(format!("no slot for a call that ends: {rejected:?}")),
        }
    }

    /// One of the present episode that ours admitted; else one of the present episode; else the oldest.
    fn next_to_end(&mut self) -> Option<Call> {
        let present = |call: &Call| call.episode == self.episode.number;
        let both = |call: &Call| present(call) && call.ticket.is_some();
        let found = self.in_flight.iter().position(both).or_else(|| self.in_flight.iter().position(present));
        (!self.in_flight.is_empty()).then(|| self.in_flight.remove(found.unwrap_or(0)))
    }

    /// A result of an older era: nothing changes but the counter.
    fn hand_in_late(&mut self, ticket: Ticket, ending: Ending) -> Replayed<()> {
        let (now, circuit) = (self.now(), &self.circuit);
        let seen = || (circuit.phase(), circuit.mode(), circuit.counts(None), circuit.open_for(now));
        let (before, late) = (seen(), circuit.late());
        let change = match ending {
            Ending::Cancelled => circuit.cancel(ticket, now),
            Ending::Success | Ending::Failure => circuit.settle(ticket, ending == Ending::Failure, now),
        };
        if change.is_some() || seen() != before || circuit.late() != late + 1 {
            return fail(format!("a late result changed {before:?} to {:?}: {change:?}", seen()));
        }
        Ok(())
    }

    /// Enters into the books what has reached the circuit on another way.
    pub(super) fn enter(&mut self, failed: bool) {
        let now = self.now();
        self.books.record(Ended { failed, slow: false }, now);
    }

    /// The peer stays half-open after what this step has given back.
    pub(super) fn took_back(&mut self) {
        if let Some(late) = self.episode.gives_back.take() {
            self.episode.given_back += 1;
            self.steps.given_back += u32::from(late);
        }
    }
}
