//! One state of the exploration: the machine, the clock, the calls in progress, and the naive reference.

use std::rc::Rc;
use std::time::Duration;

use retry_core::{
    CircuitConfig, Instant, Rejected,
    circuit::{Adoption, Change, Mode, OnHealthy, Phase, Ticket},
};

use super::machine::{Machine, adopted_open};
use super::naive::{At, Failed, Naive, Pass, window};
use super::rules::Rules;
use super::setups::Bounds;
use super::step::{End, HINT, Hand, Step, UNIT};

#[derive(Clone)]
pub(crate) struct State<M> {
    pub(crate) machine: M,
    pub(crate) naive: Naive,
    pub(crate) now: Instant,
    pub(crate) calls: Vec<Call<M>>,
    /// The probes of this era that are lost.
    pub(crate) lost: u32,
    /// How far the clock may still step back on this path, in nanoseconds.
    pub(crate) back_left: u64,
}

/// A call in progress.
#[derive(Clone)]
pub(crate) struct Call<M> {
    pub(crate) name: char,
    pub(crate) era: u32,
    pub(crate) started: Instant,
    /// The ticket of the reference, or `None` if only the machine admitted the call.
    pass: Option<Pass>,
    /// The machine just before it admitted this call. A ticket cannot be copied. But an admission depends only on the
    /// machine and the time, so a copy of the machine gives the same ticket again.
    source: Rc<(M, Instant)>,
}

/// The results of a step.
pub(crate) struct Seen<T> {
    pub(crate) admission: Option<Result<(), Rejected>>,
    pub(crate) change: T,
}

impl<M: Machine> Call<M> {
    fn ticket(&self, config: &CircuitConfig) -> Ticket {
        let (machine, now) = &*self.source;
        machine.clone().admit(config, *now).expect("the same admission succeeded before").ticket
    }

    /// Returns whether its ticket is of an older era for the reference.
    pub(crate) fn is_late_for(&self, naive: &Naive) -> bool {
        self.pass.is_none_or(|pass| pass.era != naive.era)
    }

    /// Returns whether its ticket carries the time.
    pub(crate) fn is_timed(&self) -> bool {
        self.pass.is_none_or(|pass| pass.started != Instant::MAX)
    }

    /// Returns whether its ticket is of an older era for the machine.
    pub(crate) fn is_late(&self, machine: &M) -> bool {
        self.era != machine.era()
    }
}

impl<M: Machine> State<M> {
    pub(crate) fn new(machine: M, rules: &Rules, bounds: &Bounds) -> Self {
        // A whole number of cycles of the buckets, and so far from the origin that the clock cannot step back to it.
        let now = Instant::from_nanos(1_000 * UNIT * rules.window_time.max(1));
        let back_left = bounds.back * UNIT;
        Self { machine, naive: Naive::CLOSED, now, calls: Vec::new(), lost: 0, back_left }
    }

    /// Returns the possible next steps within the bounds.
    pub(crate) fn steps(&self, rules: &Rules, bounds: &Bounds) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.calls.len() < bounds.calls {
            let free = ('a'..).find(|name| self.calls.iter().all(|call| call.name != *name));
            steps.extend(free.map(Step::Ask));
        }
        for (place, call) in self.calls.iter().enumerate() {
            let is_late = call.is_late(&self.machine);
            let same = |other: &Call<M>| {
                (is_late && other.is_late(&self.machine))
                    || (other.era, other.started, other.is_timed())
                        == (call.era, call.started, call.is_timed())
            };
            if self.calls[..place].iter().any(same) || self.recorded_enough(rules, bounds, call) {
                continue;
            }
            let is_probe = self.machine.breaker().phase() == Phase::HalfOpen && !is_late;
            let ends = if is_probe { &PROBE_ENDS[..] } else { &ENDS };
            steps.extend(ends.iter().map(|end| Step::End(call.name, *end)));
            if rules.max_hint > 0 || rules.rate_limit_hold > 0 {
                steps.push(Step::End(call.name, End::Limit));
            }
        }
        let open_for = rules.open_for.div_ceil(UNIT);
        let times = [Some(1), (open_for > 1).then_some(open_for)].into_iter().flatten();
        steps.extend(times.clone().map(Step::Forward));
        steps.extend(times.filter(|units| units * UNIT <= self.back_left).map(Step::Back));
        steps.extend(bounds.by_hand.iter().map(|hand| Step::Hand(*hand)));
        steps
    }

    /// Makes a step. Returns the results of the machine and of the reference.
    pub(crate) fn make(
        &mut self,
        step: Step,
        rules: &Rules,
        config: &CircuitConfig,
    ) -> [Seen<Option<Change>>; 2] {
        let (era, now) = (self.machine.era(), self.now);
        let seen = |change| Seen { admission: None, change };
        let both = match step {
            Step::Ask(name) => self.ask(name, rules, config),
            Step::End(name, end) => {
                let place =
                    self.calls.iter().position(|call| call.name == name).expect("the call is in progress");
                let call = self.calls.remove(place);
                let (machine, naive) = (&mut self.machine, &mut self.naive);
                let changes = match end {
                    End::Lose => {
                        self.lost += 1;
                        [None, None]
                    }
                    End::Neutral => {
                        let change = machine.release(config, call.ticket(config), now);
                        call.pass.into_iter().for_each(|pass| naive.release(pass));
                        [change, None]
                    }
                    End::Drop => [
                        machine.cancel(config, call.ticket(config), now),
                        call.pass.and_then(|pass| naive.cancel(rules, pass, now)),
                    ],
                    End::Succeed | End::Fail => [
                        machine.settle(config, call.ticket(config), end == End::Fail, now),
                        call.pass.and_then(|pass| {
                            naive.settle(rules, pass, (end == End::Fail).then_some(Failed::PLAINLY), now)
                        }),
                    ],
                    End::Limit => {
                        let limited = Failed { hint: Some(HINT), rate_limited: true, word: 0 };
                        [
                            machine.limit(config, call.ticket(config), now),
                            call.pass.and_then(|pass| naive.settle(rules, pass, Some(limited), now)),
                        ]
                    }
                };
                changes.map(seen)
            }
            Step::Forward(units) => {
                self.now = now.after(Duration::from_nanos(units * UNIT));
                [seen(None), seen(None)]
            }
            Step::Back(units) => {
                self.now = Instant::from_nanos(now.as_nanos() - units * UNIT);
                self.back_left -= units * UNIT;
                [seen(None), seen(None)]
            }
            Step::Hand(hand) => self.by_hand(hand, rules, config).map(seen),
        };
        if self.machine.era() != era {
            // Its only probe may take one slot.
            self.lost = if step == Step::Hand(Hand::AskOnce) { rules.lost_if_asked_once() } else { 0 };
        }
        self.forget(rules);
        both
    }

    fn ask(&mut self, name: char, rules: &Rules, config: &CircuitConfig) -> [Seen<Option<Change>>; 2] {
        let before = self.machine.clone();
        let expected = self.naive.admit(rules, self.now);
        let pass = expected.as_ref().ok().map(|(pass, _)| *pass);
        let expected = Seen {
            change: expected.as_ref().ok().and_then(|(_, change)| *change),
            admission: Some(expected.map(|_| ())),
        };
        let seen = match self.machine.admit(config, self.now) {
            Ok(admission) => {
                let source = Rc::new((before, self.now));
                let (era, started) = (self.machine.era(), self.now);
                self.calls.push(Call { name, era, started, pass, source });
                Seen { admission: Some(Ok(())), change: admission.change }
            }
            Err(rejected) => Seen { admission: Some(Err(rejected)), change: None },
        };
        [seen, expected]
    }

    fn by_hand(&mut self, hand: Hand, rules: &Rules, config: &CircuitConfig) -> [Option<Change>; 2] {
        let (machine, naive, now) = (&mut self.machine, &mut self.naive, self.now);
        match hand {
            Hand::ForceOpen => [machine.force_open(now), naive.force_open(now)],
            Hand::Reset => [machine.reset(now), naive.reset(now)],
            Hand::Trip(units) => {
                let nanos = units * UNIT;
                [machine.trip(Duration::from_nanos(nanos), now), naive.trip(nanos, now)]
            }
            Hand::Disable | Hand::CountOnly => {
                let mode = if hand == Hand::Disable { Mode::Disabled } else { Mode::CountOnly };
                machine.hold_closed(config, mode, now);
                let mut held = Naive::CLOSED;
                held.hold_closed(mode, now);
                naive.restore(rules, (&held, rules, now), now);
                [None, None]
            }
            Hand::Adopt(units) => [
                machine.adopt(config, adopted_open(units), now),
                naive.adopt_open(rules, units * UNIT, UNIT, now),
            ],
            Hand::AskOnce => {
                [machine.adopt(config, Adoption::AskOnce, now), naive.adopt_ask_once(rules, now)]
            }
            Hand::FleetProbe | Hand::FleetClose => {
                let era = machine.breaker().era();
                let (adoption, then) = match hand {
                    Hand::FleetProbe => (Adoption::Probe { era }, OnHealthy::HalfOpen),
                    _ => (Adoption::Close { era }, OnHealthy::Close),
                };
                [machine.adopt(config, adoption, now), naive.adopt_recovery(rules, false, then, now)]
            }
            Hand::Move(units) => {
                let to = now.after(Duration::from_nanos(units * UNIT));
                machine.move_to(config, now, to);
                let taken = naive.clone();
                naive.restore(rules, (&taken, rules, now), to);
                self.now = to;
                [None, None]
            }
        }
    }

    /// Removes the outcomes of the reference that have left the window, because they do not matter any more.
    fn forget(&mut self, rules: &Rules) {
        if let At::Closed { outcomes, newest, .. } = &mut self.naive.at {
            let held = window(rules, outcomes, *newest).len();
            outcomes.drain(..outcomes.len() - held);
        }
    }

    /// Returns whether the buckets contain enough calls. Their counters are unbounded, so no further call may then end
    /// until the buckets expire.
    fn recorded_enough(&self, rules: &Rules, bounds: &Bounds, call: &Call<M>) -> bool {
        let At::Closed { outcomes, newest, .. } = &self.naive.at else { return false };
        rules.buckets > 0 && !call.is_late(&self.machine) && {
            let bucket = (*newest).max(self.now.as_nanos() / rules.bucket());
            window(rules, outcomes, bucket).len() >= bounds.in_time
        }
    }
}

const ENDS: [End; 4] = [End::Succeed, End::Fail, End::Neutral, End::Drop];
const PROBE_ENDS: [End; 5] = [End::Succeed, End::Fail, End::Neutral, End::Drop, End::Lose];
