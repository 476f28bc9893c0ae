//! The state machine of one circuit breaker: its state, what calls do, and every transition. Only the files of this folder
//! assign the fields of a [`Breaker`].

mod outside;
mod readings;
mod restore;

use core::mem;

use super::config::CircuitConfig;
use super::gate::{Admission, AttemptEnd, Settled, Ticket, UNWINDS};
use super::phase::{Change, ChangeCause, Mode, OpenedBy, Phase};
use super::ramp::Ramp;
use super::rejected::Rejected;
use super::rules::Opening;
use super::state::State;
use super::window::{Outcome, Window};
use crate::lock::Initial;
use crate::ratio::mixed;
use crate::time::{Instant, Now, Reading};

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
        // A probe frees its slot, and then the clock is read, before anything else changes: if the clock panics, the
        // attempt counts as dropped.
        let is_half_open = matches!(self.state, State::HalfOpen { .. });
        if config.asks_duration() || W::TIMED || is_half_open {
            if UNWINDS && is_half_open && ticket.era == self.era {
                self.free_slot();
            }
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
                if !UNWINDS {
                    *in_flight = in_flight.saturating_sub(1);
                }
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

    fn free_slot(&mut self) {
        if let State::HalfOpen { in_flight, .. } = &mut self.state {
            *in_flight = in_flight.saturating_sub(1);
        }
    }

    fn count_late(&mut self) {
        self.late = self.late.saturating_add(1);
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
