//! The state machine of one circuit.

use core::mem;
use core::time::Duration;

use super::config::CircuitConfig;
use super::gate::{Admission, AttemptEnd, Settled, Ticket};
use super::phase::{Change, ChangeCause, Mode, Phase};
use super::ramp::Ramp;
use super::rejected::Rejected;
use super::state::State;
use super::window::{Counts, Outcome, Window};
use crate::lock::Initial;
use crate::time::{Instant, Now, Reading};

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
/// use retry_core::{circuit::{Breaker, CountWindow, Phase}, CircuitConfig, Instant};
///
/// const CONFIG: CircuitConfig = CircuitConfig::WITHOUT_RULES.consecutive_failures(1).window(10);
///
/// let start = Instant::ORIGIN;
/// let mut breaker = Breaker::<CountWindow<10>>::CLOSED;
/// let admission = breaker.admit(&CONFIG, start).unwrap();
/// breaker.settle(&CONFIG, admission.ticket, true, start, 0);
/// assert_eq!(breaker.phase(), Phase::Open);
/// assert_eq!(breaker.admit(&CONFIG, start).unwrap_err().wait(), Duration::from_secs(30));
/// assert!(size_of::<Breaker<CountWindow<100>>>() <= 64);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Breaker<W> {
    pub(super) state: State<W>,
    pub(super) mode: Mode,
    /// Whether the counts come from another configuration, so that a success, too, may show them to be too bad.
    pub(super) unchecked: bool,
    pub(super) era: u32,
    pub(super) late: u32,
    /// How often it opened since it was last closed.
    pub(super) openings: u32,
}

impl<W: Window> Initial for Breaker<W> {
    const INITIAL: Self = Self::CLOSED;
}

impl<W: Window> Breaker<W> {
    /// A closed circuit that has seen nothing.
    pub const CLOSED: Self = Self {
        state: State::Closed { window: W::EMPTY, streak: 0, ramp: Ramp::NONE },
        mode: Mode::Automatic,
        unchecked: false,
        era: 0,
        late: 0,
        openings: 0,
    };

    /// Of a snapshot's parts.
    pub(super) const fn of(state: State<W>, mode: Mode, late: u32, openings: u32) -> Self {
        Self { state, mode, unchecked: false, era: 0, late, openings }
    }

    /// Admits an attempt, or says for how long none is admitted. Asks the time where a rule needs it.
    ///
    /// # Errors
    /// While open, while every probe is taken, and while a ramp admits only some.
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    pub fn admit(&mut self, config: &CircuitConfig, now: impl Now) -> Result<Admission<Ticket>, Rejected> {
        let mut now = Reading::Unread(now);
        let change = match &self.state {
            State::Closed { ramp, .. } if ramp.is_over() => None,
            _ => self.catch_up(config, now.get()),
        };
        let rejected = |phase, wait| Err(Rejected::of_nanos(phase, wait));
        match &mut self.state {
            State::Closed { ramp, .. } => {
                if !ramp.is_over() && !ramp.admits(config.ramp, now.get()) {
                    return rejected(Phase::Closed, 0);
                }
            }
            State::Open { .. } if self.mode == Mode::ForcedOpen => {
                return rejected(Phase::Open, u64::MAX);
            }
            State::Open { until, .. } => return rejected(Phase::Open, until.nanos_since(now.get())),
            State::HalfOpen { in_flight, succeeded, failed, last_admitted } => {
                if config.takes_no_more(*in_flight, *succeeded, *failed) {
                    return rejected(Phase::HalfOpen, 0);
                }
                *in_flight += 1;
                *last_admitted = now.get();
            }
        }
        let started = if config.asks_duration() { now.get() } else { Instant::MAX };
        Ok(Admission { ticket: Ticket { era: self.era, started }, change })
    }

    /// Records how an admitted attempt ended. `word` spreads the open time, where the configuration says so.
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    pub fn settle(
        &mut self,
        config: &CircuitConfig,
        ticket: Ticket,
        failed: bool,
        now: impl Now,
        word: u64,
    ) -> Option<Change> {
        let mut now = Reading::Unread(now);
        // A clock that panics does so before anything has changed: that is a drop.
        if config.asks_duration() || W::TIMED || matches!(self.state, State::HalfOpen { .. }) {
            now.get();
        }
        let slow = config.asks_duration() && config.is_slow(ticket.started, now.get());
        if ticket.era != self.era {
            self.count_late();
            return None;
        }
        let cause = match &mut self.state {
            State::Closed { .. } if self.mode == Mode::Disabled => return None,
            State::Closed { window, streak, .. } => {
                *streak = if failed { streak.saturating_add(1) } else { 0 };
                let automatic = self.mode == Mode::Automatic;
                if config.counts_calls() || !automatic {
                    let at = if W::TIMED { now.get() } else { Instant::ORIGIN };
                    window.record(Outcome { failed, slow }, config.span(W::CAPACITY), at);
                }
                let unchecked = mem::take(&mut self.unchecked);
                if !automatic {
                    return None;
                }
                // A success in good time lowers every rate: at most it is the call that makes them count.
                if !W::TIMED && !failed && !slow && !unchecked && window.calls() != config.minimum_calls {
                    return None;
                }
                config.trips(*streak, window)?
            }
            // No ticket is given out while open, so one of this era cannot come back.
            State::Open { .. } => return None,
            State::HalfOpen { in_flight, succeeded, failed: failures, .. } => {
                *in_flight = in_flight.saturating_sub(1);
                // A probe that is slow does not show that the dependency is well.
                if failed || slow && config.slow_rate > 0 {
                    *failures += 1;
                    if *failures <= config.probe_failures {
                        return None;
                    }
                    ChangeCause::ProbesFailed(*failures)
                } else {
                    *succeeded += 1;
                    if *succeeded < config.success_threshold {
                        return None;
                    }
                    ChangeCause::ProbesSucceeded(*succeeded)
                }
            }
        };
        Some(self.turn(config, now.get(), cause, word))
    }

    /// Takes back the ticket of an attempt that never ended: its slot is free again. One that ran longer than
    /// the slow limit before it was dropped counts as a failure, for an outer timeout must not hide an outage.
    pub fn cancel(&mut self, config: &CircuitConfig, ticket: Ticket, now: impl Now) -> Option<Change> {
        let mut now = Reading::Unread(now);
        self.end(config, ticket, AttemptEnd::Cancelled, &mut || now.get()).change
    }

    /// Settles an attempt, however it ended.
    #[inline]
    pub(crate) fn end(
        &mut self,
        config: &CircuitConfig,
        ticket: Ticket,
        how: AttemptEnd,
        now: &mut dyn FnMut() -> Instant,
    ) -> Settled {
        let (failed, word, delay) = match how {
            AttemptEnd::Succeeded => (false, 0, None),
            AttemptEnd::Failed { class, word, delay } => (config.counts(class), word, delay),
            // One that was dropped late counts as a failure.
            AttemptEnd::Cancelled if config.asks_duration() && config.is_slow(ticket.started, now()) => {
                (true, 0, None)
            }
            AttemptEnd::Cancelled => {
                self.take_back(&ticket);
                return Settled::NOTHING;
            }
        };
        let change = self.settle(config, ticket, failed, &mut *now, word);
        Settled { change, next: self.open_after(delay, now) }
    }

    /// Whether an attempt after the delay would meet a closed door. One that gives up anyway asks with none.
    #[inline]
    pub(super) fn open_after(
        &self,
        delay: Option<Duration>,
        now: impl FnOnce() -> Instant,
    ) -> Result<(), Rejected> {
        match delay {
            Some(delay) if self.phase() == Phase::Open => {
                let now = now();
                self.open_at(now, now.after(delay))
            }
            _ => Ok(()),
        }
    }

    /// Takes back the ticket of an attempt that counts for nothing.
    fn take_back(&mut self, ticket: &Ticket) {
        if ticket.era != self.era {
            self.count_late();
        } else if let State::HalfOpen { in_flight, .. } = &mut self.state {
            *in_flight = in_flight.saturating_sub(1);
        }
    }

    /// Whether an attempt at `at` would meet a closed door; `now` is when the question is asked.
    ///
    /// # Errors
    /// Where the circuit is open until after `at`: for how long from `now`.
    pub fn open_at(&self, now: Instant, at: Instant) -> Result<(), Rejected> {
        match self.state {
            State::Open { until, most } => {
                let until = until.min(now.after_nanos(most));
                if until > at {
                    return Err(Rejected::of_nanos(Phase::Open, until.nanos_since(now)));
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

    /// Who decides about the phase.
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// The era: how often the phase has changed; wraps.
    pub const fn era(&self) -> u32 {
        self.era
    }

    /// How many tickets came back after their era had ended; saturates.
    pub const fn late(&self) -> u32 {
        self.late
    }

    /// What the window holds while closed, as of the last outcome.
    pub fn counts(&self) -> Option<Counts> {
        self.window().map(Counts::of)
    }

    pub(super) fn window(&self) -> Option<&W> {
        match &self.state {
            State::Closed { window, .. } => Some(window),
            State::Open { .. } | State::HalfOpen { .. } => None,
        }
    }
}
