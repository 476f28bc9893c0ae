//! The state machine of one circuit breaker: its state and every transition. Only this file assigns the fields of a
//! [`Breaker`].

use core::mem;
use core::time::Duration;

use super::config::CircuitConfig;
use super::gate::{Admission, AttemptEnd, Settled, Ticket};
use super::phase::{Change, ChangeCause, Mode, OnHealthy, Phase, Start};
use super::ramp::Ramp;
use super::rejected::Rejected;
use super::snapshot::{Snapshot, TAKEN};
use super::state::{Standing, State};
use super::window::{Counts, Outcome, Window};
use crate::lock::Initial;
use crate::ratio::mixed;
use crate::time::{Instant, Now, Reading, nanos};

/// The state of one circuit breaker, without its configuration and without a lock.
///
/// Each attempt is admitted with a [`Ticket`]. The ticket is stamped with the *era*, a counter that is incremented at
/// every change of phase. Hand each ticket back exactly once, to [`settle`](Self::settle) or [`cancel`](Self::cancel). A
/// ticket of an older era changes nothing and is counted as [`late`](Self::late).
///
/// Most code uses a [`SharedCircuit`](crate::SharedCircuit), which adds the configuration and a lock.
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
    state: State<W>,
    mode: Mode,
    /// Whether the counts come from another configuration, so that even a success may show that they reach a limit.
    unchecked: bool,
    era: u32,
    late: u32,
    /// How often it has opened since it was last closed.
    openings: u32,
}

impl<W: Window> Initial for Breaker<W> {
    const INITIAL: Self = Self::CLOSED;
}

/// What calls do to it.
impl<W: Window> Breaker<W> {
    /// A closed circuit with an empty window.
    pub const CLOSED: Self =
        Self { state: State::BLANK, mode: Mode::Automatic, unchecked: false, era: 0, late: 0, openings: 0 };

    /// Admits an attempt. Reads the time only if a rule needs it.
    ///
    /// # Errors
    /// Returns an error if the circuit is open, if every probe of a half-open circuit is taken, or if a ramp leaves this
    /// attempt out.
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

    /// Records how an admitted attempt ended. `word` is a random word; [`open_jitter`](CircuitConfig::open_jitter) spreads
    /// the open time with it.
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
        // If the clock panics, it does so before anything has changed: that is a drop.
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
                // A success in good time lowers every rate. It can only trip the circuit as the call that fills the minimum.
                if !W::TIMED && !failed && !slow && !unchecked && window.calls() != config.minimum_calls {
                    return None;
                }
                config.trips(*streak, window)?
            }
            // No ticket is given out while open, so one of this era cannot come back.
            State::Open { .. } => return None,
            State::HalfOpen { in_flight, succeeded, failed: failures, .. } => {
                *in_flight = in_flight.saturating_sub(1);
                // A slow probe does not show that the dependency is well.
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

    /// Takes back the ticket of an attempt that was dropped before it ended, and frees its slot. An attempt that ran
    /// for [`slow_after`](CircuitConfig::slow_after) or longer counts as a failure: otherwise an outer timeout would hide
    /// an outage.
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
            // A late drop counts as a failure.
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

    /// Records this many successes in good time, none of which changes the phase.
    pub(super) fn record_successes(&mut self, config: &CircuitConfig, successes: u32) {
        if let (State::Closed { window, streak, .. }, 1..) = (&mut self.state, successes) {
            *streak = 0;
            window.record_successes(successes, config.span(W::CAPACITY));
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

    fn count_late(&mut self) {
        self.late = self.late.saturating_add(1);
    }
}

/// What people, health checks and pools do to it.
impl<W: Window> Breaker<W> {
    /// Opens it until [`reset`](Self::reset). Returns `None` if it is forced open already.
    pub fn force_open(&mut self, now: Instant) -> Option<Change> {
        if self.mode == Mode::ForcedOpen {
            return None;
        }
        self.mode = Mode::ForcedOpen;
        Some(self.open(u64::MAX, now, ChangeCause::Manual))
    }

    /// Closes it until [`reset`](Self::reset), without counting. Returns `None` if it is disabled already.
    pub fn disable(&mut self, now: Instant) -> Option<Change> {
        self.hold_closed(Mode::Disabled, now)
    }

    /// Closes it until [`reset`](Self::reset), and goes on counting. Returns `None` if it only counts already.
    pub fn count_only(&mut self, now: Instant) -> Option<Change> {
        self.hold_closed(Mode::CountOnly, now)
    }

    /// Closes it with an empty window. From then on the outcomes decide again.
    pub fn reset(&mut self, now: Instant) -> Option<Change> {
        self.mode = Mode::Automatic;
        Some(self.close_with(Ramp::NONE, now, ChangeCause::Manual))
    }

    /// Opens it for `duration`; then probes decide. It counts as an opening for
    /// [`open_growth`](CircuitConfig::open_growth).
    pub fn trip(&mut self, duration: Duration, now: Instant) -> Option<Change> {
        self.mode = Mode::Automatic;
        Some(self.open(nanos(duration), now, ChangeCause::Manual))
    }

    /// Half-opens it, so that probes decide now. Returns `None` if it is not open, or is forced open.
    pub fn probe(&mut self, now: Instant) -> Option<Change> {
        self.health_check_era()?;
        Some(self.half_open(now, ChangeCause::Manual))
    }

    /// The era in which a health check is of use: while it is open and not forced open.
    pub(super) fn health_check_era(&self) -> Option<u32> {
        let is_open = self.mode == Mode::Automatic && matches!(self.state, State::Open { .. });
        is_open.then_some(self.era)
    }

    pub(super) fn health_check_passed(
        &mut self,
        era: u32,
        then: OnHealthy,
        config: &CircuitConfig,
        now: Instant,
    ) -> Option<Change> {
        if self.health_check_era() != Some(era) {
            self.count_late();
            return None;
        }
        Some(match then {
            OnHealthy::HalfOpen => self.half_open(now, ChangeCause::HealthCheck),
            OnHealthy::Close => self.close(config, now, ChangeCause::HealthCheck),
        })
    }

    /// Makes its first state.
    pub(super) fn start(&mut self, start: Start) {
        match start {
            Start::Closed => {}
            Start::HalfOpen => {
                let _ = self.half_open(Instant::ORIGIN, ChangeCause::Manual);
            }
            Start::ForcedOpen => {
                let _ = self.force_open(Instant::ORIGIN);
            }
            Start::Disabled => self.mode = Mode::Disabled,
            Start::CountOnly => self.mode = Mode::CountOnly,
        }
    }

    /// Begins anew, as the circuit of another dependency: tickets from before are of an older era.
    #[cfg(feature = "std")]
    pub(crate) fn renew(&mut self) {
        (self.mode, self.unchecked, self.late, self.openings) = (Mode::Automatic, false, 0, 0);
        self.begin_era(State::BLANK);
    }

    fn hold_closed(&mut self, mode: Mode, now: Instant) -> Option<Change> {
        if self.mode == mode {
            return None;
        }
        self.mode = mode;
        Some(self.close_with(Ramp::NONE, now, ChangeCause::Manual))
    }
}

/// Its state as data, and other configurations.
impl<W: Window> Breaker<W> {
    /// The state as data, with times relative to `now`.
    pub fn snapshot(&self, config: &CircuitConfig, now: Instant) -> Snapshot<W> {
        let Self { mode, late, openings, .. } = *self;
        let (mut state, span) = (self.state.clone(), config.span(W::CAPACITY));
        state.move_to(span, now, TAKEN);
        Snapshot { state, mode, late, openings, span, longest_open: config.longest_open() }
    }

    /// Goes on from a state taken before, as if no time had passed since. Attempts under way are of an older era from
    /// then on. If its rules opened it, it stays open no longer than this configuration allows.
    pub fn restore(&mut self, config: &CircuitConfig, snapshot: &Snapshot<W>, now: Instant) -> Change {
        let mut state = snapshot.state.clone();
        state.move_to(snapshot.span, TAKEN, now);
        if let State::Closed { window, .. } = &mut state {
            *window = window.respanned(snapshot.span, config.span(W::CAPACITY));
        }
        self.mode = snapshot.mode;
        self.openings = snapshot.openings;
        let from = self.phase();
        self.begin_era(state);
        self.fit(snapshot.longest_open, config, now);
        Change { from, to: self.phase(), at: now, cause: ChangeCause::Restored }
    }

    /// Carries what is counted over to another configuration.
    pub(crate) fn respan(&mut self, from: &CircuitConfig, to: &CircuitConfig, now: Instant) {
        if let State::Closed { window, .. } = &mut self.state {
            *window = window.respanned(from.span(W::CAPACITY), to.span(W::CAPACITY));
        }
        self.fit(from.longest_open(), to, now);
    }

    /// Brings what was counted by another configuration within the bounds of this one.
    fn fit(&mut self, longest_before: u64, config: &CircuitConfig, now: Instant) {
        self.unchecked = true;
        match &mut self.state {
            State::Closed { .. } => {}
            // A longer opening was made by hand and keeps its length.
            State::Open { until, most } if *most <= longest_before => {
                *most = (*most).min(config.longest_open());
                *until = (*until).min(now.after_nanos(*most));
            }
            State::Open { .. } => {}
            // Another probe must be able to decide.
            State::HalfOpen { succeeded, failed, .. } => {
                *succeeded = (*succeeded).min(config.success_threshold - 1);
                *failed = (*failed).min(config.probe_failures);
            }
        }
    }
}

/// What can be read.
impl<W: Window> Breaker<W> {
    /// Whether an attempt at `at` would be refused. `now` is when the question is asked.
    ///
    /// # Errors
    /// Returns an error if the circuit is open until after `at`. Its wait counts from `now`.
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

    /// Whether an attempt after the delay would be refused. A call that gives up asks without a delay.
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

    /// The phase as of the last event. An open circuit whose time has passed is still [`Phase::Open`] until the next
    /// admission.
    pub const fn phase(&self) -> Phase {
        self.state.phase()
    }

    /// What decides about the phase.
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

    /// What the window holds, as of the last outcome; `None` unless closed.
    pub fn counts(&self) -> Option<Counts> {
        self.state.window().map(Counts::of)
    }

    pub(super) const fn state(&self) -> &State<W> {
        &self.state
    }

    pub(super) const fn is_unchecked(&self) -> bool {
        self.unchecked
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
}

/// The transitions.
impl<W: Window> Breaker<W> {
    /// Closes it if enough probes succeeded, else opens it.
    #[cfg_attr(target_pointer_width = "64", cold, inline(never))]
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    fn turn(&mut self, config: &CircuitConfig, now: Instant, cause: ChangeCause, word: u64) -> Change {
        if let ChangeCause::ProbesSucceeded(_) = cause {
            return self.close(config, now, cause);
        }
        // If no word was drawn, the time and the era must do.
        let word = if word == 0 { mixed(now.as_nanos() ^ u64::from(self.era) << 32) } else { word };
        let nanos = config.open_time(self.openings, word);
        self.open(nanos, now, cause)
    }

    /// Makes the changes that only time brings: the open time passes, the leases of lost probes pass, and a clock
    /// that stepped back is caught.
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
                // A new era, so that a lost probe that does come back finds no slot to free.
                let (succeeded, failed) = (*succeeded, *failed);
                let next = State::HalfOpen { in_flight: 0, succeeded, failed, last_admitted: now };
                Some(self.enter(next, now, ChangeCause::LeasePassed))
            }
        }
    }

    fn close(&mut self, config: &CircuitConfig, now: Instant, cause: ChangeCause) -> Change {
        self.close_with(if config.ramp > 0 { Ramp::from(now) } else { Ramp::NONE }, now, cause)
    }

    fn close_with(&mut self, ramp: Ramp, now: Instant, cause: ChangeCause) -> Change {
        self.openings = 0;
        self.enter(State::Closed { window: W::EMPTY, streak: 0, ramp }, now, cause)
    }

    fn open(&mut self, nanos: u64, now: Instant, cause: ChangeCause) -> Change {
        self.openings = self.openings.saturating_add(1);
        self.enter(State::Open { until: now.after_nanos(nanos), most: nanos }, now, cause)
    }

    fn half_open(&mut self, now: Instant, cause: ChangeCause) -> Change {
        let next = State::HalfOpen { in_flight: 0, succeeded: 0, failed: 0, last_admitted: now };
        self.enter(next, now, cause)
    }

    fn enter(&mut self, next: State<W>, at: Instant, cause: ChangeCause) -> Change {
        let from = self.phase();
        self.begin_era(next);
        Change { from, to: self.phase(), at, cause }
    }

    /// The one place that assigns the state.
    fn begin_era(&mut self, state: State<W>) {
        self.state = state;
        self.era = self.era.wrapping_add(1);
    }
}
