//! Plays one schedule on all circuits, and compares their answers at each step.

use std::fmt::Debug;
use std::time::Duration;

use proptest::test_runner::TestCaseError;
use retry_core::{
    Class, Instant, Rejected, SharedCircuit,
    circuit::{
        Adoption, AttemptEnd, Breaker, Change, ChangeCause, Gate, Mode, OnHealthy, Snapshot, Ticket, Window,
    },
    runtime::LocalLock,
};

use super::naive::{Failed, Naive, Pass};
use super::rules::Rules;
use super::script::Step;

/// Which steps the schedule may contain.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// Steps of a breaker, which also plays.
    AsABreaker,
    /// Steps of a shared circuit.
    AsShared,
}

pub(crate) struct Play<W: Window> {
    told: Told,
    rules: Rules,
    other: Rules,
    now: Instant,
    naive: Naive,
    breaker: Breaker<W>,
    shared: SharedCircuit<W, LocalLock>,
    calls: Vec<Call>,
    taken: Option<Taken<W>>,
    /// The eras of the shared circuit and of the naive one in which the last health check began.
    ailing: Option<(u32, u32)>,
}

/// A call in progress, with its three tickets.
struct Call {
    pass: Pass,
    breaker: Option<Ticket>,
    shared: Ticket,
}

/// A state to restore.
struct Taken<W> {
    naive: Naive,
    rules: Rules,
    then: Instant,
    snapshot: Snapshot<W>,
}

/// The answer to one step.
type Answer = (Result<(), Rejected>, Option<Change>);

type Checked = Result<(), TestCaseError>;

impl<W: Window + Debug> Play<W> {
    pub(crate) fn new(rules: Rules, other: Rules, told: Told) -> Self {
        Self {
            told,
            rules,
            other,
            now: Instant::from_nanos(1 << 40),
            naive: Naive::CLOSED,
            breaker: Breaker::CLOSED,
            shared: SharedCircuit::with_window(rules.config()),
            calls: Vec::new(),
            taken: None,
            ailing: None,
        }
    }

    pub(crate) fn run(mut self, schedule: &[Step]) -> Checked {
        for (place, step) in schedule.iter().enumerate() {
            self.make(*step)
                .map_err(|error| TestCaseError::fail(format!("step {place}, {step:?}: {error}")))?;
        }
        self.look()
    }

    fn make(&mut self, step: Step) -> Checked {
        let (now, shared) = (self.now, &self.shared);
        match step {
            Step::Ask => self.ask(),
            Step::Look => self.look(),
            Step::Succeed(_)
            | Step::Fail { .. }
            | Step::Invalid(_)
            | Step::Neutral { .. }
            | Step::Drop(_) => self.end(step),
            Step::Forward(nanos) => {
                self.now = now.after(Duration::from_nanos(nanos));
                Ok(())
            }
            Step::Back(nanos) => {
                self.now = Instant::from_nanos(now.as_nanos() - nanos);
                Ok(())
            }
            Step::ForceOpen => {
                let change = self.naive.force_open(now);
                self.by_hand(change, |breaker| breaker.force_open(now), |shared| shared.force_open(now))
            }
            Step::Reset => {
                let change = self.naive.reset(now);
                self.by_hand(change, |breaker| breaker.reset(now), |shared| shared.reset(now))
            }
            Step::Trip(nanos) => {
                let (change, time) = (self.naive.trip(nanos, now), Duration::from_nanos(nanos));
                self.by_hand(change, |breaker| breaker.trip(time, now), |shared| shared.trip(time, now))
            }
            Step::Snapshot => {
                let snapshot = shared.snapshot(now);
                self.taken =
                    Some(Taken { naive: self.naive.clone(), rules: self.rules, then: now, snapshot });
                Ok(())
            }
            Step::Restore(later) => self.restore(later),
            Step::Adopt { open_for, grace } => {
                let change = self.naive.adopt_open(&self.rules, open_for, grace, now);
                let [open_for, grace] = [open_for, grace].map(Duration::from_nanos);
                self.adopt(change, Adoption::Open { open_for, grace })
            }
            Step::AskOnce => {
                let change = self.naive.adopt_ask_once(&self.rules, now);
                self.adopt(change, Adoption::AskOnce)
            }
            _ if self.told == Told::AsABreaker => Ok(()),
            Step::Disable => same(self.naive.hold_closed(Mode::Disabled, now), shared.disable(now)),
            Step::CountOnly => same(self.naive.hold_closed(Mode::CountOnly, now), shared.count_only(now)),
            Step::Probe => same(self.naive.probe(now, ChangeCause::Manual), shared.probe(now)),
            Step::Check => {
                self.ailing = shared.health_check_era().map(|era| (era, self.naive.era)).or(self.ailing);
                Ok(())
            }
            Step::Healthy(then) => {
                let Some((era, began)) = self.ailing else { return Ok(()) };
                let late = began != self.naive.era;
                same(
                    self.naive.health_check_passed(&self.rules, late, then, now),
                    shared.health_check_passed(era, then, now),
                )
            }
            Step::FleetHealthy(then) => {
                let Some((era, began)) = self.ailing else { return Ok(()) };
                let late = began != self.naive.era;
                let adoption = match then {
                    OnHealthy::HalfOpen => Adoption::Probe { era },
                    OnHealthy::Close => Adoption::Close { era },
                };
                same(self.naive.adopt_recovery(&self.rules, late, then, now), shared.adopt(adoption, now))
            }
            Step::Reconfigure => {
                self.reconfigure();
                Ok(())
            }
        }
    }

    fn ask(&mut self) -> Checked {
        let (now, config) = (self.now, self.rules.config());
        let naive = self.naive.admit(&self.rules, now);
        let shared = self.shared.admit(now);
        let expected: Answer =
            (naive.as_ref().map(|_| ()).map_err(|it| *it), naive.as_ref().ok().and_then(|it| it.1));
        let seen = |admitted: &Result<retry_core::circuit::Admission<Ticket>, Rejected>| -> Answer {
            let change = admitted.as_ref().ok().and_then(|it| it.change);
            (admitted.as_ref().map(|_| ()).map_err(|it| *it), change)
        };
        same(expected, seen(&shared))?;
        let breaker = (self.told == Told::AsABreaker).then(|| self.breaker.admit(&config, now));
        if let Some(breaker) = &breaker {
            same(expected, seen(breaker))?;
        }
        if let (Ok((pass, _)), Ok(shared)) = (naive, shared) {
            let breaker = breaker.and_then(Result::ok).map(|it| it.ticket);
            self.calls.push(Call { pass, breaker, shared: shared.ticket });
        }
        Ok(())
    }

    fn end(&mut self, step: Step) -> Checked {
        let (Step::Succeed(number)
        | Step::Fail { call: number, .. }
        | Step::Invalid(number)
        | Step::Neutral { call: number, .. }
        | Step::Drop(number)) = step
        else {
            unreachable!("only these steps end a call");
        };
        if self.calls.is_empty() {
            return Ok(());
        }
        // Most often one of the newest calls, so that not every result is late.
        let (calls, number) = (self.calls.len(), number as usize);
        let place = if number % 8 == 0 { number / 8 % calls } else { calls - 1 - number / 8 % calls.min(3) };
        let Call { pass, breaker: ticket, shared: shared_ticket } = self.calls.remove(place);
        let (now, config, rules) = (self.now, self.rules.config(), &self.rules);
        let (naive, breaker, shared) = (&mut self.naive, &mut self.breaker, &self.shared);
        let (expected, seen, ticket_seen) = match step {
            Step::Succeed(_) => (
                naive.settle(rules, pass, None, now),
                shared.succeed(shared_ticket, now),
                ticket.map(|ticket| breaker.settle(&config, ticket, false, now, 0)),
            ),
            Step::Drop(_) => (
                naive.cancel(rules, pass, now),
                shared.cancel(shared_ticket, now),
                ticket.map(|ticket| breaker.cancel(&config, ticket, now)),
            ),
            Step::Neutral { delay, .. } => {
                naive.release(pass);
                let end = AttemptEnd::Neutral { delay: Some(Duration::from_nanos(delay)) };
                let settled = shared.end(shared_ticket, end, now);
                same(naive.after(now, delay), settled.next)?;
                let seen = ticket.map(|ticket| {
                    breaker.release(ticket);
                    None
                });
                (None, settled.change, seen)
            }
            Step::Fail { delay, hint, rate_limited, word, .. } => {
                let expected = naive.settle(rules, pass, Some(Failed { hint, rate_limited, word }), now);
                let class = if rate_limited { Class::RateLimit } else { Class::Server };
                let (hint, delay_of) = (hint.map(Duration::from_nanos), Some(Duration::from_nanos(delay)));
                let end = AttemptEnd::Failed { class, hint, delay: delay_of, word };
                let settled = shared.end(shared_ticket, end, now);
                same(naive.after(now, delay), settled.next)?;
                let seen = ticket.map(|ticket| breaker.end(&config, ticket, end, now));
                if let Some(seen) = &seen {
                    same(settled.next, seen.next)?;
                }
                (expected, settled.change, seen.map(|seen| seen.change))
            }
            _ => (
                naive.settle(rules, pass, None, now),
                shared.fail(shared_ticket, Class::Validation, now, None, 0).change,
                ticket.map(|ticket| breaker.settle(&config, ticket, false, now, 0)),
            ),
        };
        same(expected, seen)?;
        ticket_seen.map_or(Ok(()), |seen| same(expected, seen))
    }

    fn by_hand(
        &mut self,
        expected: Option<Change>,
        breaker: impl FnOnce(&mut Breaker<W>) -> Option<Change>,
        shared: impl FnOnce(&SharedCircuit<W, LocalLock>) -> Option<Change>,
    ) -> Checked {
        same(expected, shared(&self.shared))?;
        if self.told == Told::AsABreaker {
            same(expected, breaker(&mut self.breaker))?;
        }
        Ok(())
    }

    fn adopt(&mut self, expected: Option<Change>, adoption: Adoption) -> Checked {
        let (now, config) = (self.now, self.rules.config());
        self.by_hand(
            expected,
            |breaker| breaker.adopt(&config, adoption, now),
            |shared| shared.adopt(adoption, now),
        )
    }

    fn restore(&mut self, later: u64) -> Checked {
        let Some(taken) = &self.taken else { return Ok(()) };
        self.now = self.now.after(Duration::from_nanos(later));
        let change = self.naive.restore(&self.rules, (&taken.naive, &taken.rules, taken.then), self.now);
        same(change, self.shared.restore(&taken.snapshot, self.now))?;
        if self.told == Told::AsABreaker {
            same(change, self.breaker.restore(&self.rules.config(), &taken.snapshot, self.now))?;
        }
        Ok(())
    }

    fn reconfigure(&mut self) {
        let (old, new) = (self.rules, self.other);
        self.naive.reconfigure(&old, &new, self.now);
        self.shared.reconfigure(new.config(), self.now).expect("the configuration fits the window");
        (self.rules, self.other) = (new, old);
    }

    fn look(&self) -> Checked {
        let naive = &self.naive;
        let expected = (naive.phase(), naive.mode, naive.late);
        let (shared, counts) = (&self.shared, naive.counts_at(&self.rules, self.now));
        same(expected, (shared.phase(), shared.mode(), shared.late()))?;
        same(counts, shared.counts(self.now))?;
        if self.told == Told::AsABreaker {
            let breaker = &self.breaker;
            same(expected, (breaker.phase(), breaker.mode(), breaker.late()))?;
            same(naive.counts(&self.rules), breaker.counts())?;
            same(naive.era, breaker.era())?;
        }
        Ok(())
    }
}

fn same<T: PartialEq + Debug>(expected: T, seen: T) -> Checked {
    if expected == seen {
        return Ok(());
    }
    Err(TestCaseError::fail(format!("the rules give {expected:?}, the circuit gives {seen:?}")))
}
