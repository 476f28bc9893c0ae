//! The state machine of one circuit breaker: its state and every transition. Only this file assigns the fields of a
//! [`Breaker`].

use core::mem;
use core::time::Duration;

use super::config::CircuitConfig;
use super::gate::{Admission, AttemptEnd, Settled, Ticket};
use super::phase::{Adoption, Change, ChangeCause, Mode, OnHealthy, OpenedBy, Phase, Start};
use super::ramp::Ramp;
use super::rejected::Rejected;
use super::rules::Opening;
use super::snapshot::{Snapshot, TAKEN};
use super::state::{Standing, State};
use super::window::{Counts, Outcome, Window};
use crate::lock::Initial;
use crate::ratio::mixed;
use crate::time::{Instant, Now, Reading, nanos};

/// The state machine of one circuit breaker, for a circuit type of your own. It has no lock, and takes the
/// configuration as an argument.
///
/// Each attempt is admitted with a [`Ticket`], which proves its admission. The ticket is stamped with the *era*, a
/// counter that each change of phase increments. Hand each ticket back exactly once, to [`settle`](Self::settle),
/// [`cancel`](Self::cancel) or [`release`](Self::release). A ticket of an older era changes only the counter [`late`](Self::late).
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
    /// Whether the counts come from another configuration, so that even a success may reach a limit of this one.
    unchecked: bool,
    /// Whether an attempt was cancelled in this era, and none has completed since. Attempts are then admitted with the
    /// time. Without a meaning unless it is closed.
    armed: bool,
    /// What opened it; without a meaning unless it is open.
    opened_by: OpenedBy,
    era: u32,
    late: u32,
    /// How many times it opened since it was last closed.
    openings: u32,
}

impl<W: Window> Initial for Breaker<W> {
    const INITIAL: Self = Self::CLOSED;
}

/// What calls do.
impl<W: Window> Breaker<W> {
    /// A closed circuit with an empty window.
    pub const CLOSED: Self = Self {
        state: State::BLANK,
        mode: Mode::Automatic,
        unchecked: false,
        armed: false,
        opened_by: OpenedBy::Rules,
        era: 0,
        late: 0,
        openings: 0,
    };

    /// Admits an attempt. It reads the time only if a rule needs it.
    ///
    /// # Errors
    /// Returns an error if the circuit is open, if every probe of a half-open circuit is taken, or if a ramp leaves
    /// this attempt out.
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    pub fn admit(&mut self, config: &CircuitConfig, now: impl Now) -> Result<Admission<Ticket>, Rejected> {
        let mut now = Reading::Unread(now);
        let change = match &self.state {
            State::Closed { ramp, .. } if ramp.is_over() => None,
            _ => self.catch_up(config, now.get()),
        };
        let rejected = |phase, wait| Err(Rejected::of_nanos(phase, wait));
        let timed = match &mut self.state {
            State::Closed { ramp, .. } => {
                if !ramp.is_over() && !ramp.admits(config.ramp, now.get()) {
                    return rejected(Phase::Closed, 0);
                }
                self.armed
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
                true
            }
        };
        let started = if timed || config.asks_duration() { now.get() } else { Instant::MAX };
        Ok(Admission { ticket: Ticket { era: self.era, started }, change })
    }

    /// Records how an admitted attempt ended, and returns the change of phase that it caused.
    ///
    /// `failed` tells whether it counts as a failure: see [`CircuitConfig::counts`]. `word` is a random word for
    /// [`open_jitter`](CircuitConfig::open_jitter). If it is 0, a word is derived from the time and the era.
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    pub fn settle(
        &mut self,
        config: &CircuitConfig,
        ticket: Ticket,
        failed: bool,
        now: impl Now,
        word: u64,
    ) -> Option<Change> {
        self.end_as(config, ticket, failed, word, Opening::WITHOUT_HINT, now)
    }

    /// Ends an attempt that counts. A program should have one copy of it.
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    pub(super) fn end_as(
        &mut self,
        config: &CircuitConfig,
        ticket: Ticket,
        failed: bool,
        word: u64,
        opening: Opening,
        now: impl Now,
    ) -> Option<Change> {
        let mut now = Reading::Unread(now);
        // The clock is read before anything changes: if it panics, the attempt counts as dropped.
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
                self.armed = false;
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
                // A fast success lowers every rate. So it can trip the circuit only as the call that reaches the
                // minimum.
                let stays =
                    !W::TIMED && !failed && !slow && !unchecked && window.calls() != config.minimum_calls;
                match if stays { None } else { config.trips(*streak, window) } {
                    Some(cause) => cause,
                    None if opening.hold > 0 => ChangeCause::RateLimited,
                    None => return None,
                }
            }
            // An open circuit gives out no tickets, so a ticket of its era cannot exist.
            State::Open { .. } => return None,
            State::HalfOpen { in_flight, succeeded, failed: failures, .. } => {
                *in_flight = in_flight.saturating_sub(1);
                // A slow probe is no proof that the dependency is healthy.
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
        Some(self.turn(config, now.get(), cause, word, opening))
    }

    /// Takes back the ticket of an attempt that was dropped before it ended, and frees its slot.
    ///
    /// If the ticket carries the time, an attempt that ran long enough counts as a failure: see
    /// [`cancelled_after`](CircuitConfig::cancelled_after).
    pub fn cancel(&mut self, config: &CircuitConfig, ticket: Ticket, now: impl Now) -> Option<Change> {
        self.end(config, ticket, AttemptEnd::Cancelled, now).change
    }

    /// Takes back the ticket of an attempt that says nothing about the dependency, and frees its slot. The counts stay as
    /// they are, however long the attempt ran.
    ///
    /// ```
    /// use retry_core::{circuit::{Breaker, CountWindow, Phase}, CircuitConfig, Instant};
    ///
    /// let mut breaker = Breaker::<CountWindow<10>>::CLOSED;
    /// let now = Instant::ORIGIN;
    /// breaker.trip(core::time::Duration::ZERO, now);
    /// let probe = breaker.admit(&CircuitConfig::DEFAULT, now).unwrap();
    /// assert!(breaker.admit(&CircuitConfig::DEFAULT, now).is_err()); // the only probe is taken
    /// breaker.release(probe.ticket); // its request could not be built
    /// assert!(breaker.admit(&CircuitConfig::DEFAULT, now).is_ok());
    /// assert_eq!(breaker.phase(), Phase::HalfOpen);
    /// ```
    pub fn release(&mut self, ticket: Ticket) {
        if ticket.era != self.era {
            self.count_late();
        } else if let State::HalfOpen { in_flight, .. } = &mut self.state {
            *in_flight = in_flight.saturating_sub(1);
        }
    }

    /// Ends an attempt, however it ended, and tells whether an attempt after the delay would be refused.
    ///
    /// ```
    /// use core::time::Duration;
    /// use retry_core::{
    ///     circuit::{AttemptEnd, Breaker, CountWindow}, CircuitConfig, Class, Instant,
    /// };
    ///
    /// const CONFIG: CircuitConfig =
    ///     CircuitConfig::DEFAULT.consecutive_failures(1).max_hint(Duration::from_secs(120));
    ///
    /// let now = Instant::ORIGIN;
    /// let mut breaker = Breaker::<CountWindow<100>>::CLOSED;
    /// let ticket = breaker.admit(&CONFIG, now).unwrap().ticket;
    /// let (hint, delay) = (Some(Duration::from_secs(90)), Some(Duration::from_secs(1)));
    /// let end = AttemptEnd::Failed { class: Class::Server, hint, delay, word: 0 };
    /// let refused = breaker.end(&CONFIG, ticket, end, now).next.unwrap_err();
    /// assert_eq!(refused.wait(), Duration::from_secs(90));
    /// ```
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    pub fn end(&mut self, config: &CircuitConfig, ticket: Ticket, how: AttemptEnd, now: impl Now) -> Settled {
        let mut now = Reading::Unread(now);
        let era = ticket.era;
        let is_cancelled = how == AttemptEnd::Cancelled;
        if is_cancelled && !config.fails_cancelled(ticket.started, || now.get()) {
            self.release_cancelled(config, ticket);
            return Settled::NOTHING;
        }
        let settled = self.end_known(config, ticket, how, how.opening(config), || now.get());
        if is_cancelled {
            self.arm(config, era);
        }
        settled
    }

    /// Ends an attempt with a known opening. A cancelled one is known to have run long enough to count.
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    pub(super) fn end_known(
        &mut self,
        config: &CircuitConfig,
        ticket: Ticket,
        how: AttemptEnd,
        opening: Opening,
        now: impl Now,
    ) -> Settled {
        let mut now = Reading::Unread(now);
        let (counts, word, delay) = match how {
            AttemptEnd::Succeeded => (Some(false), 0, None),
            AttemptEnd::Failed { class, delay, word, .. } => (Some(config.counts(class)), word, delay),
            AttemptEnd::Cancelled => (Some(true), 0, None),
            AttemptEnd::Neutral { delay } => (None, 0, delay),
        };
        let change = match counts {
            Some(failed) => self.end_as(config, ticket, failed, word, opening, || now.get()),
            None => {
                self.release(ticket);
                None
            }
        };
        Settled { change, next: self.open_after(delay, || now.get()) }
    }

    /// Takes back the ticket of a cancelled attempt that does not count.
    pub(super) fn release_cancelled(&mut self, config: &CircuitConfig, ticket: Ticket) {
        let era = ticket.era;
        self.release(ticket);
        self.arm(config, era);
    }

    /// Lets the next attempts of this era be admitted with the time, until one completes.
    pub(super) fn arm(&mut self, config: &CircuitConfig, era: u32) {
        let is_closed = era == self.era && matches!(self.state, State::Closed { .. });
        if is_closed && config.counts_cancelled() && !config.asks_duration() {
            self.armed = self.mode != Mode::Disabled;
        }
    }

    /// Records this many fast successes. The caller knows that they leave the phase as it is.
    pub(super) fn record_successes(&mut self, config: &CircuitConfig, successes: u32) {
        if let (State::Closed { window, streak, .. }, 1..) = (&mut self.state, successes) {
            *streak = 0;
            window.record_successes(successes, config.span(W::CAPACITY));
        }
    }

    fn count_late(&mut self) {
        self.late = self.late.saturating_add(1);
    }
}

/// Manual operations, health checks, and what a pool does.
impl<W: Window> Breaker<W> {
    /// Opens the circuit until [`reset`](Self::reset). Returns `None` if it was already forced open.
    pub fn force_open(&mut self, now: Instant) -> Option<Change> {
        if self.mode == Mode::ForcedOpen {
            return None;
        }
        self.mode = Mode::ForcedOpen;
        Some(self.open(u64::MAX, OpenedBy::Hand, now, ChangeCause::Manual))
    }

    /// Closes the circuit until [`reset`](Self::reset), and discards outcomes. Returns `None` if it was already
    /// disabled.
    pub fn disable(&mut self, now: Instant) -> Option<Change> {
        self.hold_closed(Mode::Disabled, now)
    }

    /// Closes the circuit until [`reset`](Self::reset), and goes on counting. Returns `None` if it was already in this
    /// mode.
    pub fn count_only(&mut self, now: Instant) -> Option<Change> {
        self.hold_closed(Mode::CountOnly, now)
    }

    /// Closes the circuit with an empty window, whatever its mode. From then on the outcomes decide again.
    pub fn reset(&mut self, now: Instant) -> Option<Change> {
        self.mode = Mode::Automatic;
        Some(self.close_with(Ramp::NONE, now, ChangeCause::Manual))
    }

    /// Opens the circuit for `duration`, whatever its mode. Then probes decide. It counts as an opening for
    /// [`open_growth`](CircuitConfig::open_growth).
    pub fn trip(&mut self, duration: Duration, now: Instant) -> Option<Change> {
        self.mode = Mode::Automatic;
        Some(self.open(nanos(duration), OpenedBy::Hand, now, ChangeCause::Manual))
    }

    /// Half-opens an open circuit, so that probes decide now. Returns `None` if it is closed, half-open or forced open.
    pub fn probe(&mut self, now: Instant) -> Option<Change> {
        self.health_check_era()?;
        Some(self.half_open(now, ChangeCause::Manual))
    }

    /// The era, if a health check is of use in it: the circuit is open, and `force_open` did not open it.
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
        self.recover(era, then, config, now, ChangeCause::HealthCheck)
    }

    /// Half-opens or closes a circuit that is still open in this era.
    fn recover(
        &mut self,
        era: u32,
        then: OnHealthy,
        config: &CircuitConfig,
        now: Instant,
        cause: ChangeCause,
    ) -> Option<Change> {
        if self.health_check_era() != Some(era) {
            self.count_late();
            return None;
        }
        Some(match then {
            OnHealthy::HalfOpen => self.half_open(now, cause),
            OnHealthy::Close => self.close(config, now, cause),
        })
    }

    /// Adopts what other processes found out about the dependency, and returns the change of phase; `None` if a manual
    /// operation decides the phase, if the era has ended, or if the circuit was already open.
    ///
    /// An adopted opening is no opening of its own for [`open_growth`](CircuitConfig::open_growth).
    pub fn adopt(&mut self, config: &CircuitConfig, adoption: Adoption, now: Instant) -> Option<Change> {
        if self.mode != Mode::Automatic {
            return None;
        }
        match adoption {
            Adoption::Open { open_for, grace } => {
                let most = nanos(open_for).min(config.longest_open()).saturating_add(nanos(grace));
                let end = now.after_nanos(most);
                self.limit_open_time(now);
                if let State::Open { until, most: before } = &mut self.state {
                    if end > *until {
                        (*until, *before, self.opened_by) = (end, most, OpenedBy::Fleet);
                    }
                    return None;
                }
                Some(self.enter_open(most, OpenedBy::Fleet, now, ChangeCause::Fleet))
            }
            Adoption::AskOnce => {
                let change = self.half_open(now, ChangeCause::Fleet);
                if let State::HalfOpen { in_flight, succeeded, failed, .. } = &mut self.state {
                    // One slot is free, and its probe decides.
                    (*in_flight, *succeeded, *failed) =
                        (config.probes - 1, config.success_threshold - 1, config.probe_failures);
                }
                Some(change)
            }
            Adoption::Probe { era } => {
                self.recover(era, OnHealthy::HalfOpen, config, now, ChangeCause::Fleet)
            }
            Adoption::Close { era } => self.recover(era, OnHealthy::Close, config, now, ChangeCause::Fleet),
        }
    }

    /// Limits what is left of the open time to its whole length, in case the clock stepped back.
    pub(crate) fn limit_open_time(&mut self, now: Instant) {
        if let State::Open { until, most } = &mut self.state {
            *until = (*until).min(now.after_nanos(*most));
        }
    }

    /// Puts the circuit into its first state.
    pub(super) fn start(&mut self, start: Start) {
        match start {
            Start::Closed => {}
            Start::HalfOpen => {
                let _ = self.half_open(Instant::MAX, ChangeCause::Manual); // no probe yet
            }
            Start::ForcedOpen => {
                let _ = self.force_open(Instant::ORIGIN);
            }
            Start::Disabled => self.mode = Mode::Disabled,
            Start::CountOnly => self.mode = Mode::CountOnly,
        }
    }

    /// Resets it for another dependency. Tickets given out before are then of an older era.
    #[cfg(feature = "std")]
    pub(crate) fn renew(&mut self) {
        (self.mode, self.unchecked, self.armed, self.late, self.openings) =
            (Mode::Automatic, false, false, 0, 0);
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

/// The state as data, and changes of configuration.
impl<W: Window> Breaker<W> {
    /// Returns the state as data, with times relative to `now`.
    pub fn snapshot(&self, config: &CircuitConfig, now: Instant) -> Snapshot<W> {
        let Self { mode, opened_by, late, openings, .. } = *self;
        let (mut state, span) = (self.state.clone(), config.span(W::CAPACITY));
        state.move_to(span, now, TAKEN);
        Snapshot { state, mode, opened_by, late, openings, span }
    }

    /// Restores a snapshot, as if no time had passed since it was taken, and returns the change. Attempts under way
    /// then end late.
    ///
    /// The open time of a circuit that its rules or a rate limit opened is cut to the longest of `config`. One that was
    /// set by hand is kept.
    pub fn restore(&mut self, config: &CircuitConfig, snapshot: &Snapshot<W>, now: Instant) -> Change {
        let mut state = snapshot.state.clone();
        state.move_to(snapshot.span, TAKEN, now);
        if let State::Closed { window, .. } = &mut state {
            *window = window.respanned(snapshot.span, config.span(W::CAPACITY));
        }
        self.mode = snapshot.mode;
        self.openings = snapshot.openings;
        self.armed = false;
        let from = self.phase();
        self.begin_era(state);
        self.opened_by = snapshot.opened_by;
        self.fit(config, now);
        Change { from, to: self.phase(), at: now, cause: ChangeCause::Restored }
    }

    /// Carries the counts over to another configuration.
    pub(crate) fn respan(&mut self, from: &CircuitConfig, to: &CircuitConfig, now: Instant) {
        if let State::Closed { window, .. } = &mut self.state {
            *window = window.respanned(from.span(W::CAPACITY), to.span(W::CAPACITY));
        }
        self.fit(to, now);
    }

    /// Brings counts and times of another configuration within the limits of this one.
    fn fit(&mut self, config: &CircuitConfig, now: Instant) {
        self.unchecked = true;
        match &mut self.state {
            State::Closed { .. } => {}
            State::Open { until, most } => {
                *most = (*most).min(config.longest_open_by(self.opened_by));
                *until = (*until).min(now.after_nanos(*most));
            }
            // One more probe must be able to decide.
            State::HalfOpen { succeeded, failed, .. } => {
                *succeeded = (*succeeded).min(config.success_threshold - 1);
                *failed = (*failed).min(config.probe_failures);
            }
        }
    }
}

/// Readings.
impl<W: Window> Breaker<W> {
    /// Checks whether an attempt at `at` would be admitted, as known at `now`.
    ///
    /// # Errors
    /// Returns an error if the circuit stays open until after `at`. The error's wait counts from `now`.
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
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

    /// Checks whether an attempt after the delay would be admitted. A call that gives up passes no delay.
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

    /// Returns the phase as of the last event. An open circuit stays [`Phase::Open`] after its open time until the next
    /// admission.
    pub const fn phase(&self) -> Phase {
        self.state.phase()
    }

    /// Returns what decides the phase: the outcomes, or a manual operation.
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// Returns the era, a counter that each change of phase increments; it wraps.
    pub const fn era(&self) -> u32 {
        self.era
    }

    /// Returns how many tickets came back in a later era than their own; it saturates.
    pub const fn late(&self) -> u32 {
        self.late
    }

    /// Returns the counts of the window as of the last outcome; `None` unless the circuit is closed.
    pub fn counts(&self) -> Option<Counts> {
        self.state.window().map(Counts::of)
    }

    /// Returns the number of failures since the last success; 0 unless the circuit is closed.
    pub const fn failures_in_a_row(&self) -> u32 {
        match self.state {
            State::Closed { streak, .. } => streak,
            State::Open { .. } | State::HalfOpen { .. } => 0,
        }
    }

    pub(super) const fn state(&self) -> &State<W> {
        &self.state
    }

    pub(super) const fn is_armed(&self) -> bool {
        self.armed
    }

    pub(super) const fn is_unchecked(&self) -> bool {
        self.unchecked
    }

    /// What would be lost with this circuit.
    pub(crate) fn standing(&self, config: &CircuitConfig, now: Instant) -> Standing {
        match &self.state {
            _ if self.mode != Mode::Automatic => Standing::Held,
            State::Closed { window, streak: 0, ramp }
                if ramp.is_over() && window.failures() == 0 && window.slow() == 0 =>
            {
                Standing::Blank
            }
            State::Closed { window, streak, .. } if config.is_near(*streak, window) => Standing::NearOpening,
            State::Closed { .. } => Standing::Marked,
            State::Open { until, .. } if *until > now => Standing::Held,
            State::Open { .. } | State::HalfOpen { .. } => Standing::Opened,
        }
    }
}

/// Transitions.
impl<W: Window> Breaker<W> {
    /// Closes the circuit if enough probes succeeded. Otherwise opens it.
    #[cfg_attr(target_pointer_width = "64", cold, inline(never))]
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    fn turn(
        &mut self,
        config: &CircuitConfig,
        now: Instant,
        cause: ChangeCause,
        word: u64,
        opening: Opening,
    ) -> Change {
        if let ChangeCause::ProbesSucceeded(_) = cause {
            return self.close(config, now, cause);
        }
        let (nanos, by) = if opening.hold > 0 && cause == ChangeCause::RateLimited {
            (opening.hold, OpenedBy::RateLimit)
        } else {
            // If there is no random word, the time and the era replace it.
            let word = match word {
                0 => mixed(now.as_nanos() ^ u64::from(self.era) << 32),
                word => word,
            };
            let nanos = config.open_time(self.openings, word).max(opening.least);
            self.openings = self.openings.saturating_add(1);
            (nanos, OpenedBy::Rules)
        };
        self.enter_open(nanos, by, now, cause)
    }

    /// Makes the changes that only time brings: the open time passes, or the lease of lost probes does. It also
    /// corrects times if the clock stepped back.
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
                if config.rate_limit_hold > 0 && self.opened_by == OpenedBy::RateLimit {
                    return Some(self.close(config, now, ChangeCause::HoldOver));
                }
                Some(self.half_open(now, ChangeCause::OpenTimePassed))
            }
            State::HalfOpen { in_flight, succeeded, failed, last_admitted } => {
                *last_admitted = (*last_admitted).min(now);
                let all_taken = config.takes_no_more(*in_flight, *succeeded, *failed);
                if !all_taken || now.nanos_since(*last_admitted) < config.lease {
                    return None;
                }
                // A new era, so that a lost probe that returns after all cannot free a slot.
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
        (self.openings, self.armed) = (0, false);
        self.enter(State::Closed { window: W::EMPTY, streak: 0, ramp }, now, cause)
    }

    fn open(&mut self, nanos: u64, by: OpenedBy, now: Instant, cause: ChangeCause) -> Change {
        self.openings = self.openings.saturating_add(1);
        self.enter_open(nanos, by, now, cause)
    }

    fn enter_open(&mut self, nanos: u64, by: OpenedBy, now: Instant, cause: ChangeCause) -> Change {
        let change = self.enter(State::Open { until: now.after_nanos(nanos), most: nanos }, now, cause);
        self.opened_by = by;
        change
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

    /// Assigns the state. It is the one place that does.
    fn begin_era(&mut self, state: State<W>) {
        self.state = state;
        self.era = self.era.wrapping_add(1);
    }
}
