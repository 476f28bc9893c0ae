//! The state machine of one circuit.

use core::mem;
use core::time::Duration;

use super::config::CircuitConfig;
use super::gate::Admission;
use super::phase::{Change, ChangeCause, Phase};
use super::window::Window;
use crate::time::{Instant, Now};
use crate::verdict::Rejected;

/// The state of a circuit, without its configuration: told everything, shared with no one.
///
/// Calls are admitted with a [`Ticket`] that is stamped with the era, a counter bumped at every change of
/// phase. Each ticket is handed back once, by [`settle`](Self::settle) or [`cancel`](Self::cancel); one from an
/// older era changes nothing but [`late`](Self::late).
///
/// Most code wants a [`SharedCircuit`](crate::SharedCircuit), which adds the configuration and a lock.
///
/// ```
/// use core::time::Duration;
/// use retry_core::{Breaker, CircuitConfig, CountWindow, Instant, Phase};
///
/// const CONFIG: CircuitConfig = CircuitConfig::WITHOUT_RULES.consecutive_failures(1);
///
/// let start = Instant::ORIGIN;
/// let mut breaker = Breaker::<CountWindow<10>>::CLOSED;
/// let admission = breaker.admit(&CONFIG, start).unwrap();
/// breaker.settle(&CONFIG, admission.ticket, true, start);
/// assert_eq!(breaker.phase(), Phase::Open);
/// assert_eq!(breaker.admit(&CONFIG, start).unwrap_err().wait, Duration::from_secs(30));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breaker<W> {
    state: State<W>,
    era: u32,
    late: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State<W> {
    Closed {
        window: W,
        /// Failures since the last success.
        streak: u32,
    },
    Open {
        until: Instant,
    },
    HalfOpen {
        in_flight: u32,
        succeeded: u32,
        last_admitted: Instant,
    },
}

/// Proof of admission, stamped with its era. Plain data: see [`Attempt`](crate::Attempt) for the form that
/// cannot be forgotten.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "hand it back to `settle` or `cancel`"]
pub struct Ticket {
    era: u32,
}

impl<W: Window> Breaker<W> {
    /// A closed circuit that has seen nothing.
    pub const CLOSED: Self = Self { state: State::Closed { window: W::EMPTY, streak: 0 }, era: 0, late: 0 };

    /// Admits an attempt, or says for how long none is admitted. Asks the time unless closed.
    ///
    /// # Errors
    /// While open, and while every probe is taken.
    pub fn admit(&mut self, config: &CircuitConfig, now: impl Now) -> Result<Admission<Ticket>, Rejected> {
        let mut change = None;
        if !matches!(self.state, State::Closed { .. }) {
            let now = now.now();
            change = self.catch_up(config, now);
            match &mut self.state {
                State::Closed { .. } => {}
                State::Open { until } => {
                    return Err(Rejected { phase: Phase::Open, wait: until.since(now) });
                }
                State::HalfOpen { in_flight, last_admitted, .. } => {
                    if *in_flight >= config.probes {
                        return Err(Rejected { phase: Phase::HalfOpen, wait: Duration::ZERO });
                    }
                    *in_flight += 1;
                    *last_admitted = now;
                }
            }
        }
        Ok(Admission { ticket: Ticket { era: self.era }, change })
    }

    /// Records how an admitted attempt ended. Asks the time only for a change of phase.
    pub fn settle(
        &mut self,
        config: &CircuitConfig,
        ticket: Ticket,
        failed: bool,
        now: impl Now,
    ) -> Option<Change> {
        if ticket.era != self.era {
            self.late = self.late.saturating_add(1);
            return None;
        }
        let cause = match &mut self.state {
            State::Closed { window, streak } => {
                window.record(failed, if config.window == 0 { W::CAPACITY } else { config.window });
                *streak = if failed { streak.saturating_add(1) } else { 0 };
                if !failed {
                    return None;
                }
                let (failures, calls) = (window.failures(), window.calls());
                if config.consecutive_failures > 0 && *streak >= config.consecutive_failures {
                    ChangeCause::ConsecutiveFailures(*streak)
                } else if config.failure_rate > 0
                    && calls >= config.minimum_calls
                    && u64::from(failures) * 100 >= u64::from(calls) * u64::from(config.failure_rate)
                {
                    ChangeCause::FailureRate { failures, calls }
                } else {
                    return None;
                }
            }
            // No ticket is given out while open, so one of this era cannot come back.
            State::Open { .. } => return None,
            State::HalfOpen { in_flight, succeeded, .. } => {
                *in_flight = in_flight.saturating_sub(1);
                if failed {
                    ChangeCause::ProbeFailed
                } else {
                    *succeeded += 1;
                    if *succeeded < config.successes {
                        return None;
                    }
                    ChangeCause::ProbesSucceeded(*succeeded)
                }
            }
        };
        let now = now.now();
        let next = match cause {
            ChangeCause::ProbesSucceeded(_) => State::Closed { window: W::EMPTY, streak: 0 },
            _ => State::Open { until: now.after_nanos(config.open_for) },
        };
        Some(self.enter(next, now, cause))
    }

    /// Takes back the ticket of an attempt that never ended: its slot is free again, nothing is counted.
    pub fn cancel(&mut self, ticket: Ticket) {
        if ticket.era != self.era {
            self.late = self.late.saturating_add(1);
        } else if let State::HalfOpen { in_flight, .. } = &mut self.state {
            *in_flight = in_flight.saturating_sub(1);
        }
    }

    /// Whether an attempt at `at` would meet a closed door; `now` is when the question is asked.
    ///
    /// # Errors
    /// Where the circuit is open until after `at`: for how long from `now`.
    pub fn open_at(&self, config: &CircuitConfig, now: Instant, at: Instant) -> Result<(), Rejected> {
        match &self.state {
            State::Open { until } => {
                let until = (*until).min(now.after_nanos(config.open_for));
                if until > at {
                    return Err(Rejected { phase: Phase::Open, wait: until.since(now) });
                }
                Ok(())
            }
            State::Closed { .. } | State::HalfOpen { .. } => Ok(()),
        }
    }

    /// The phase as of the last event; an open circuit whose time has passed says so at the next admission.
    pub const fn phase(&self) -> Phase {
        match self.state {
            State::Closed { .. } => Phase::Closed,
            State::Open { .. } => Phase::Open,
            State::HalfOpen { .. } => Phase::HalfOpen,
        }
    }

    /// The era: how often the phase has changed; wraps.
    pub const fn era(&self) -> u32 {
        self.era
    }

    /// How many tickets came back after their era had ended; saturates.
    pub const fn late(&self) -> u32 {
        self.late
    }

    /// Makes the changes that only time brings: an open circuit's time passes, lost probes' leases pass, and a
    /// clock that stepped back is caught.
    fn catch_up(&mut self, config: &CircuitConfig, now: Instant) -> Option<Change> {
        match &mut self.state {
            State::Closed { .. } => None,
            State::Open { until } => {
                // Where the clock stepped back, `until` would be further away than it ever may be.
                *until = (*until).min(now.after_nanos(config.open_for));
                if *until > now {
                    return None;
                }
                let next = State::HalfOpen { in_flight: 0, succeeded: 0, last_admitted: now };
                Some(self.enter(next, now, ChangeCause::OpenTimePassed))
            }
            State::HalfOpen { in_flight, succeeded, last_admitted } => {
                *last_admitted = (*last_admitted).min(now);
                if *in_flight < config.probes || now.nanos_since(*last_admitted) < config.lease {
                    return None;
                }
                // A new era, so that a lost probe that does come back finds no slot to give back.
                let next = State::HalfOpen { in_flight: 0, succeeded: *succeeded, last_admitted: now };
                Some(self.enter(next, now, ChangeCause::LeasePassed))
            }
        }
    }

    /// The one place that changes the phase.
    fn enter(&mut self, next: State<W>, at: Instant, cause: ChangeCause) -> Change {
        let from = self.phase();
        drop(mem::replace(&mut self.state, next));
        self.era = self.era.wrapping_add(1);
        Change { from, to: self.phase(), at, cause }
    }
}
