//! The state that the calls of a scenario share: the circuit, the budget and the attempts of other callers.

use retry_core::{
    Instant, Rejected, SharedBudget, SharedCircuit, TokenBucket,
    budget::{
        AdaptiveThrottle, Budget, ConcurrencyShare, Deposit, Price, Request, RequestShare, RetryThrottle,
    },
    circuit::{
        Admission, AttemptEnd, Change, CountWindow, Counts, Gate, Phase, Settled, SlowCalls, Ticket,
        TimeWindow,
    },
    runtime::{Lock, Now},
};

use crate::record::Record;
use crate::scenario::{BudgetKind, CircuitKind, Manual, Other, Scenario, ms};

pub(crate) struct Stage<L: Lock> {
    pub(crate) circuit: Circuit<L>,
    pub(crate) allowance: Allowance<L>,
    others: [Option<Ticket>; 4],
}

impl<L: Lock> Stage<L> {
    pub(crate) fn new(scenario: &Scenario<'_>) -> Self {
        Self {
            circuit: Circuit::new(scenario.circuit),
            allowance: Allowance::new(scenario.budget),
            others: [const { None }; 4],
        }
    }

    pub(crate) fn other(&mut self, other: Other, now: Instant, record: &Record<'_>) {
        if let Other::Begins = other {
            let Some(free) = self.others.iter_mut().find(|place| place.is_none()) else { return };
            match self.circuit.admit(now) {
                Ok(Admission { ticket, change }) => {
                    *free = ticket;
                    self.changed(change, record);
                    record.line(now, &["other", "admitted"], &[]);
                }
                Err(rejected) => record.line(now, &["other", "rejected", rejected.phase().name()], &[]),
            }
            return;
        }
        let ticket = self.others[0].take();
        self.others.rotate_left(1);
        if ticket.is_none() {
            return; // there is no circuit, or no attempt is in progress
        }
        let change = match other {
            Other::Begins | Other::Succeeds => self.circuit.succeed(ticket, now),
            Other::Fails(class) => self.circuit.fail(ticket, class, now, None, 0).change,
            Other::Drops => self.circuit.cancel(ticket, now),
        };
        self.changed(change, record);
    }

    pub(crate) fn manual(&self, manual: Manual, now: Instant, record: &Record<'_>) {
        self.changed(self.circuit.manual(manual, now), record);
    }

    /// Writes the state after a step.
    pub(crate) fn state(&self, now: Instant, record: &Record<'_>) {
        let Some((phase, counts, late)) = self.circuit.state(now) else {
            if let Some(held) = self.allowance.held(now) {
                record.line(now, &["budget"], &[held]);
            }
            return;
        };
        let Counts { calls, failures, slow } = counts.unwrap_or_default();
        let numbers = [calls.into(), failures.into(), slow.into(), late.into()];
        record.state(now, phase, &numbers);
        if let Some(held) = self.allowance.held(now) {
            record.line(now, &["budget"], &[held]);
        }
    }

    fn changed(&self, change: Option<Change>, record: &Record<'_>) {
        if let Some(change) = change {
            record.change(&change);
        }
    }
}

/// A circuit of a kind that is chosen at run time.
pub(crate) enum Circuit<L: Lock> {
    None,
    Calls(SharedCircuit<CountWindow<16>, L>),
    Slow(SharedCircuit<SlowCalls<CountWindow<16>>, L>),
    Time(SharedCircuit<TimeWindow<4>, L>),
}

macro_rules! each {
    ($self:ident: $circuit:ident => $answer:expr, none => $none:expr) => {
        match $self {
            Circuit::None => $none,
            Circuit::Calls($circuit) => $answer,
            Circuit::Slow($circuit) => $answer,
            Circuit::Time($circuit) => $answer,
        }
    };
}

impl<L: Lock> Circuit<L> {
    fn new(kind: CircuitKind) -> Self {
        match kind {
            CircuitKind::None => Self::None,
            CircuitKind::Calls(config) => Self::Calls(SharedCircuit::with_window(config)),
            CircuitKind::Slow(config) => Self::Slow(SharedCircuit::with_window(config)),
            CircuitKind::Time(config) => Self::Time(SharedCircuit::with_window(config)),
        }
    }

    fn manual(&self, manual: Manual, now: Instant) -> Option<Change> {
        each!(self: circuit => match manual {
            Manual::ForceOpen => circuit.force_open(now),
            Manual::Disable => circuit.disable(now),
            Manual::CountOnly => circuit.count_only(now),
            Manual::Reset => circuit.reset(now),
            Manual::Trip(time) => circuit.trip(ms(time), now),
            Manual::Probe => circuit.probe(now),
            Manual::Healthy(then) => circuit.health_check_era().and_then(|era| circuit.health_check_passed(era, then, now)),
            Manual::Restore => Some(circuit.restore(&circuit.snapshot(now), now)),
        }, none => None)
    }

    /// Returns the phase, the counts, and the number of late results.
    fn state(&self, now: Instant) -> Option<(Phase, Option<Counts>, u32)> {
        each!(self: circuit => Some((circuit.phase(), circuit.counts(now), circuit.late())), none => None)
    }
}

impl<L: Lock> Gate for Circuit<L> {
    /// `None` if there is no circuit.
    type Ticket = Option<Ticket>;

    fn admit(&self, now: impl Now) -> Result<Admission<Option<Ticket>>, Rejected> {
        each!(self: circuit => {
            let Admission { ticket, change } = circuit.admit(now)?;
            Ok(Admission { ticket: Some(ticket), change })
        }, none => Ok(Admission { ticket: None, change: None }))
    }

    fn end(&self, ticket: Option<Ticket>, end: AttemptEnd, now: impl Now) -> Settled {
        let Some(ticket) = ticket else { return Settled::NOTHING };
        each!(self: circuit => circuit.end(ticket, end, now), none => Settled::NOTHING)
    }
}

/// A budget of a kind that is chosen at run time.
pub(crate) enum Allowance<L: Lock> {
    None,
    Tokens(SharedBudget<TokenBucket, L>),
    Throttle(SharedBudget<RetryThrottle, L>),
    Share(SharedBudget<RequestShare, L>),
    Concurrency(SharedBudget<ConcurrencyShare, L>),
    Adaptive(SharedBudget<AdaptiveThrottle, L>),
}

impl<L: Lock> Allowance<L> {
    fn new(kind: BudgetKind) -> Self {
        match kind {
            BudgetKind::None => Self::None,
            BudgetKind::Tokens(rules) => Self::Tokens(SharedBudget::with_lock(rules)),
            BudgetKind::Throttle(rules) => Self::Throttle(SharedBudget::with_lock(rules)),
            BudgetKind::Share(rules) => Self::Share(SharedBudget::with_lock(rules)),
            BudgetKind::Concurrency(rules) => Self::Concurrency(SharedBudget::with_lock(rules)),
            BudgetKind::Adaptive(rules) => Self::Adaptive(SharedBudget::with_lock(rules)),
        }
    }

    /// Returns what the budget holds, in its own unit.
    pub(crate) fn held(&self, now: Instant) -> Option<u64> {
        match self {
            Self::None => None,
            Self::Tokens(budget) => Some(budget.held_millionths(now)),
            Self::Throttle(budget) => Some(budget.held_thousandths(now).into()),
            Self::Share(budget) => Some(budget.held(now)),
            Self::Concurrency(budget) => {
                Some(u64::from(budget.attempts_under_way()) << 32 | u64::from(budget.retries_granted()))
            }
            Self::Adaptive(budget) => Some(budget.rejection_probability(now)),
        }
    }
}

impl<L: Lock> Budget for Allowance<L> {
    fn withdraw(&self, request: Request, now: impl Now) -> Option<Price> {
        match self {
            Self::None => Some(Price(0)),
            Self::Tokens(budget) => budget.withdraw(request, now),
            Self::Throttle(budget) => budget.withdraw(request, now),
            Self::Share(budget) => budget.withdraw(request, now),
            Self::Concurrency(budget) => budget.withdraw(request, now),
            Self::Adaptive(budget) => budget.withdraw(request, now),
        }
    }

    fn deposit(&self, deposit: Deposit, now: impl Now) {
        match self {
            Self::None => {}
            Self::Tokens(budget) => budget.deposit(deposit, now),
            Self::Throttle(budget) => budget.deposit(deposit, now),
            Self::Share(budget) => budget.deposit(deposit, now),
            Self::Concurrency(budget) => budget.deposit(deposit, now),
            Self::Adaptive(budget) => budget.deposit(deposit, now),
        }
    }
}
