//! What can be read from a breaker without changing it.

use core::time::Duration;

use super::Breaker;
use crate::circuit::config::CircuitConfig;
use crate::circuit::phase::{Mode, Phase};
use crate::circuit::rejected::Rejected;
use crate::circuit::state::{Standing, State};
use crate::circuit::window::{Counts, Window};
use crate::time::Instant;

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
    pub(in crate::circuit) fn open_after(
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

    pub(in crate::circuit) const fn state(&self) -> &State<W> {
        &self.state
    }

    pub(in crate::circuit) const fn is_armed(&self) -> bool {
        self.armed
    }

    pub(in crate::circuit) const fn is_unchecked(&self) -> bool {
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
