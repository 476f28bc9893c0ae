//! The state machine of one circuit.

use core::mem;
use core::time::Duration;

use super::config::CircuitConfig;
use super::gate::{Admission, Settled};
use super::phase::{Change, ChangeCause, Mode, Phase};
use super::ramp::Ramp;
use super::window::{Outcome, Window};
use crate::class::Class;
use crate::lock::Initial;
use crate::ratio::mixed;
use crate::time::{Instant, Now, Reading};
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
    era: u32,
    late: u32,
    /// How often it opened since it was last closed.
    pub(super) openings: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum State<W> {
    Closed {
        window: W,
        /// Failures since the last success.
        streak: u32,
        ramp: Ramp,
    },
    Open {
        until: Instant,
        /// However the clock steps back, `until` is never further away than this.
        most: u64,
    },
    HalfOpen {
        in_flight: u32,
        succeeded: u32,
        failed: u32,
        last_admitted: Instant,
    },
}

/// Proof of admission, stamped with its era. Plain data: see [`Attempt`](crate::Attempt) for the form that
/// cannot be forgotten.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use = "hand it back to `settle` or `cancel`"]
pub struct Ticket {
    pub(super) era: u32,
    /// When it was given out; [`Instant::MAX`] where no rule asks how long a call takes.
    pub(super) started: Instant,
}

/// What forgetting a circuit would lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing but successes.
    Blank,
    /// Failures or slow calls, a ramp, an open time that has passed, probes.
    Marked,
    /// An open time that has not passed, or what a hand has set.
    Held,
}

/// What a window holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Counts {
    /// All calls.
    pub calls: u32,
    /// Those that failed.
    pub failures: u32,
    /// Those that were slow; none where the window does not tell.
    pub slow: u32,
}

impl Counts {
    pub(super) fn of<W: Window>(window: &W) -> Self {
        Self { calls: window.calls(), failures: window.failures(), slow: window.slow() }
    }
}

/// How an attempt ended, for those who share a circuit.
pub(super) enum Ended {
    Succeeded,
    Failed { class: Class, word: u64, delay: Option<Duration> },
    Cancelled,
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
    pub fn settle(
        &mut self,
        config: &CircuitConfig,
        ticket: Ticket,
        failed: bool,
        now: impl Now,
        word: u64,
    ) -> Option<Change> {
        self.settled(config, ticket, failed, now, word)
    }

    #[inline(always)]
    pub(super) fn settled(
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
                    if *succeeded < config.successes {
                        return None;
                    }
                    ChangeCause::ProbesSucceeded(*succeeded)
                }
            }
        };
        Some(self.turn(config, now.get(), cause, word))
    }

    /// Closes it after enough successes of probes, else opens it.
    #[cfg_attr(target_pointer_width = "64", cold, inline(never))]
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    fn turn(&mut self, config: &CircuitConfig, now: Instant, cause: ChangeCause, word: u64) -> Change {
        if let ChangeCause::ProbesSucceeded(_) = cause {
            return self.close(config, now, cause);
        }
        // Where nobody drew a word, the time and the era must do.
        let word = if word == 0 { mixed(now.as_nanos() ^ u64::from(self.era) << 32) } else { word };
        let nanos = config.open_time(self.openings, word);
        self.open(nanos, now, cause)
    }

    /// Records this many successes in good time that nothing looked at: see [`unseen`](Self::unseen).
    pub(super) fn record_unseen(&mut self, config: &CircuitConfig, successes: u32) {
        if let (State::Closed { window, streak, .. }, 1..) = (&mut self.state, successes) {
            *streak = 0;
            window.record_successes(successes, config.span(W::CAPACITY));
        }
    }

    /// How many successes in good time may come, one after the other, before one of them has to be looked at:
    /// because it makes the window one that trips, or one that another success does not change.
    pub(super) fn unseen(&self, config: &CircuitConfig) -> u32 {
        let State::Closed { window, .. } = &self.state else { return 0 };
        if W::TIMED || self.unchecked {
            return 0;
        }
        let (calls, span) = (window.calls(), config.span(W::CAPACITY).calls);
        let until_seen = if calls < config.minimum_calls {
            config.minimum_calls - calls
        } else if window.failures() == 0 && window.slow() == 0 {
            span.saturating_sub(calls)
        } else {
            span
        };
        until_seen.saturating_sub(1)
    }

    /// Takes back the ticket of an attempt that never ended: its slot is free again. One that ran longer than
    /// the slow limit before it was dropped counts as a failure, for an outer timeout must not hide an outage.
    pub fn cancel(
        &mut self,
        config: &CircuitConfig,
        ticket: Ticket,
        now: impl Now,
        word: u64,
    ) -> Option<Change> {
        let mut now = Reading::Unread(now);
        if config.asks_duration() && config.is_slow(ticket.started, now.get()) {
            return self.settle(config, ticket, true, || now.get(), word);
        }
        self.take_back(&ticket);
        None
    }

    /// Settles an attempt, however it ended.
    #[inline]
    pub(super) fn end(
        &mut self,
        config: &CircuitConfig,
        ticket: Ticket,
        ended: Ended,
        now: &mut dyn FnMut() -> Instant,
    ) -> Settled {
        let (failed, word, delay) = match ended {
            Ended::Succeeded => (false, 0, None),
            Ended::Failed { class, word, delay } => (config.counts(class), word, delay),
            // One that was dropped late counts as a failure.
            Ended::Cancelled if config.asks_duration() && config.is_slow(ticket.started, now()) => {
                (true, 0, None)
            }
            Ended::Cancelled => {
                self.take_back(&ticket);
                return Settled { change: None, next: Ok(()) };
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

    /// What forgetting this circuit would lose.
    pub(crate) fn standing(&self, now: Instant) -> Standing {
        match &self.state {
            _ if self.mode != Mode::Automatic => Standing::Held,
            State::Closed { window, streak: 0, ramp }
                if ramp.is_over() && window.failures() == 0 && window.slow() == 0 =>
            {
                Standing::Blank
            }
            State::Open { until, .. } if *until > now => Standing::Held,
            State::Closed { .. } | State::Open { .. } | State::HalfOpen { .. } => Standing::Marked,
        }
    }

    /// Makes the changes that only time brings: an open circuit's time passes, lost probes' leases pass, and a
    /// clock that stepped back is caught.
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    fn catch_up(&mut self, config: &CircuitConfig, now: Instant) -> Option<Change> {
        match &mut self.state {
            State::Closed { .. } => None,
            State::Open { until, most } => {
                if self.mode == Mode::ForcedOpen {
                    return None;
                }
                *until = (*until).min(now.after_nanos(*most));
                if *until > now {
                    return None;
                }
                Some(self.half_open(now, ChangeCause::OpenTimePassed))
            }
            State::HalfOpen { in_flight, succeeded, failed, last_admitted } => {
                *last_admitted = (*last_admitted).min(now);
                let all_taken = config.takes_no_more(*in_flight, *succeeded, *failed);
                if !all_taken || now.nanos_since(*last_admitted) < config.lease {
                    return None;
                }
                // A new era, so that a lost probe that does come back finds no slot to give back.
                let (succeeded, failed) = (*succeeded, *failed);
                let next = State::HalfOpen { in_flight: 0, succeeded, failed, last_admitted: now };
                Some(self.enter(next, now, ChangeCause::LeasePassed))
            }
        }
    }

    pub(super) fn close(&mut self, config: &CircuitConfig, now: Instant, cause: ChangeCause) -> Change {
        self.close_with(if config.ramp > 0 { Ramp::from(now) } else { Ramp::NONE }, now, cause)
    }

    /// Closes it without a ramp.
    pub(super) fn close_at_once(&mut self, now: Instant, cause: ChangeCause) -> Change {
        self.close_with(Ramp::NONE, now, cause)
    }

    fn close_with(&mut self, ramp: Ramp, now: Instant, cause: ChangeCause) -> Change {
        self.openings = 0;
        self.enter(State::Closed { window: W::EMPTY, streak: 0, ramp }, now, cause)
    }

    pub(super) fn open(&mut self, nanos: u64, now: Instant, cause: ChangeCause) -> Change {
        self.openings = self.openings.saturating_add(1);
        self.enter(State::Open { until: now.after_nanos(nanos), most: nanos }, now, cause)
    }

    pub(super) fn half_open(&mut self, now: Instant, cause: ChangeCause) -> Change {
        let next = State::HalfOpen { in_flight: 0, succeeded: 0, failed: 0, last_admitted: now };
        self.enter(next, now, cause)
    }

    fn enter(&mut self, next: State<W>, at: Instant, cause: ChangeCause) -> Change {
        let from = self.phase();
        self.begin_era(next);
        Change { from, to: self.phase(), at, cause }
    }

    pub(super) fn count_late(&mut self) {
        self.late = self.late.saturating_add(1);
    }

    /// The one place that assigns the state.
    pub(super) fn begin_era(&mut self, state: State<W>) {
        self.state = state;
        self.era = self.era.wrapping_add(1);
    }
}
