//! What a circuit's state can be, and every way from one to the next.

use super::breaker::Breaker;
use super::config::CircuitConfig;
use super::phase::{Change, ChangeCause, Mode};
use super::ramp::Ramp;
use super::window::Window;
use crate::ratio::mixed;
use crate::time::Instant;

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

impl<W: Window> Breaker<W> {
    /// Closes it after enough successes of probes, else opens it.
    #[cfg_attr(target_pointer_width = "64", cold, inline(never))]
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    pub(super) fn turn(
        &mut self,
        config: &CircuitConfig,
        now: Instant,
        cause: ChangeCause,
        word: u64,
    ) -> Change {
        if let ChangeCause::ProbesSucceeded(_) = cause {
            return self.close(config, now, cause);
        }
        // Where nobody drew a word, the time and the era must do.
        let word = if word == 0 { mixed(now.as_nanos() ^ u64::from(self.era) << 32) } else { word };
        let nanos = config.open_time(self.openings, word);
        self.open(nanos, now, cause)
    }

    /// Makes the changes that only time brings: an open circuit's time passes, lost probes' leases pass, and a
    /// clock that stepped back is caught.
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    pub(super) fn catch_up(&mut self, config: &CircuitConfig, now: Instant) -> Option<Change> {
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

    /// Begins anew, as the circuit of another dependency: tickets from before are of an older era.
    #[cfg(feature = "std")]
    pub(crate) fn renew(&mut self) {
        (self.mode, self.unchecked, self.late, self.openings) = (Mode::Automatic, false, 0, 0);
        self.begin_era(State::Closed { window: W::EMPTY, streak: 0, ramp: Ramp::NONE });
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
