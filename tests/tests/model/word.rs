//! Plays the same steps on a shared circuit. Its gate word must not change any answer.

use std::collections::HashMap;
use std::time::Duration;

use retry_core::{
    CircuitConfig, Class, Instant, Rejected, SharedCircuit,
    circuit::{Adoption, AttemptEnd, Change, Counts, Gate, Mode, Ticket, Window},
    runtime::LocalLock,
};

use super::check::Happened;
use super::machine::{Explorable, LIMITED, Machine, adopted_open};
use super::state::Seen;
use super::step::{End, Hand, Step, UNIT};

/// Plays the whole path, because a shared circuit cannot be copied, and compares the last step.
pub(crate) fn is_not_seen<M: Machine>(happened: &Happened<'_, M>) -> Result<(), String> {
    let mut player = Player::<M::Window>::new(happened);
    for step in happened.path {
        player.play(*step);
    }
    let seen = player.play(happened.step);
    let expected = (happened.seen.admission, happened.seen.change);
    if (seen.admission, seen.change) != expected {
        let seen = (seen.admission, seen.change);
        return Err(format!("the shared circuit gives {seen:?}, the machine {expected:?}"));
    }
    let (shared, alone) = (&player.circuit, happened.after.machine.breaker());
    let shared = (shared.phase(), shared.mode(), shared.late(), shared.counts(player.now));
    let window = alone.snapshot(happened.config, player.now).window();
    let counts = window.map(|it| Counts { calls: it.calls(), failures: it.failures(), slow: it.slow() });
    let alone = (alone.phase(), alone.mode(), alone.late(), counts);
    if shared == alone {
        Ok(())
    } else {
        Err(format!("the shared circuit is {shared:?}, the machine {alone:?}"))
    }
}

struct Player<W: Explorable> {
    circuit: SharedCircuit<W, LocalLock>,
    config: CircuitConfig,
    now: Instant,
    tickets: HashMap<char, Ticket>,
}

impl<W: Explorable> Player<W> {
    fn new<M: Machine<Window = W>>(happened: &Happened<'_, M>) -> Self {
        let config = *happened.config;
        Self {
            circuit: SharedCircuit::with_window(config),
            config,
            now: happened.start,
            tickets: HashMap::new(),
        }
    }

    fn play(&mut self, step: Step) -> Seen<Option<Change>> {
        let (circuit, now) = (&self.circuit, self.now);
        let (mut admission, mut change) = (None, None);
        match step {
            Step::Ask(name) => admission = Some(self.ask(name, &mut change)),
            Step::End(name, end) => {
                let ticket = self.tickets.remove(&name).expect("the call is in progress");
                change = match end {
                    End::Succeed => circuit.succeed(ticket, now),
                    End::Fail => circuit.fail(ticket, Class::Server, now, None, 0).change,
                    End::Limit => circuit.end(ticket, LIMITED, now).change,
                    End::Neutral => circuit.end(ticket, AttemptEnd::Neutral { delay: None }, now).change,
                    End::Drop => circuit.cancel(ticket, now),
                    End::Lose => None,
                }
            }
            Step::Forward(units) => self.now = now.after(Duration::from_nanos(units * UNIT)),
            Step::Back(units) => self.now = Instant::from_nanos(now.as_nanos() - units * UNIT),
            Step::Hand(hand) => change = self.by_hand(hand),
        }
        Seen { admission, change }
    }

    fn ask(&mut self, name: char, change: &mut Option<Change>) -> Result<(), Rejected> {
        let admission = self.circuit.admit(self.now)?;
        self.tickets.insert(name, admission.ticket);
        *change = admission.change;
        Ok(())
    }

    fn by_hand(&mut self, hand: Hand) -> Option<Change> {
        let (circuit, now) = (&self.circuit, self.now);
        match hand {
            Hand::ForceOpen => circuit.force_open(now),
            Hand::Reset => circuit.reset(now),
            Hand::Trip(units) => circuit.trip(Duration::from_nanos(units * UNIT), now),
            Hand::Adopt(units) => circuit.adopt(adopted_open(units), now),
            Hand::AskOnce => circuit.adopt(Adoption::AskOnce, now),
            // Outside an opening, an era of another one: it only counts as late.
            Hand::FleetProbe => {
                circuit.adopt(Adoption::Probe { era: circuit.health_check_era().unwrap_or(0) }, now)
            }
            Hand::FleetClose => {
                circuit.adopt(Adoption::Close { era: circuit.health_check_era().unwrap_or(0) }, now)
            }
            // The same operations as on the breaker.
            Hand::Disable | Hand::CountOnly => {
                let mode = if hand == Hand::Disable { Mode::Disabled } else { Mode::CountOnly };
                circuit.restore(&W::held(&self.config, mode, now), now);
                None
            }
            Hand::Move(units) => {
                self.now = now.after(Duration::from_nanos(units * UNIT));
                self.circuit.restore(&self.circuit.snapshot(now), self.now);
                None
            }
        }
    }
}
