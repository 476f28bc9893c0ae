//! What people do to a circuit by hand, and health checks for them.

use core::time::Duration;

use super::breaker::{Breaker, State};
use super::config::CircuitConfig;
use super::phase::{Change, ChangeCause, Mode, Phase};
use super::window::Window;
use crate::time::{Instant, nanos};

impl<W: Window> Breaker<W> {
    /// Opens it until told otherwise.
    pub fn force_open(&mut self, now: Instant) -> Option<Change> {
        if self.mode == Mode::ForcedOpen {
            return None;
        }
        self.mode = Mode::ForcedOpen;
        Some(self.open(u64::MAX, now, ChangeCause::Manual))
    }

    /// Closes it until told otherwise, in [`Mode::Disabled`] or [`Mode::CountOnly`].
    pub(super) fn hold_closed(&mut self, mode: Mode, now: Instant) -> Option<Change> {
        if self.mode == mode {
            return None;
        }
        self.mode = mode;
        Some(self.close_at_once(now, ChangeCause::Manual))
    }

    /// Closes it with an empty window, and lets the outcomes decide again.
    pub fn reset(&mut self, now: Instant) -> Option<Change> {
        self.mode = Mode::Automatic;
        Some(self.close_at_once(now, ChangeCause::Manual))
    }

    /// Opens it for so long; then probes decide.
    pub fn trip(&mut self, duration: Duration, now: Instant) -> Option<Change> {
        self.mode = Mode::Automatic;
        Some(self.open(nanos(duration), now, ChangeCause::Manual))
    }

    /// Lets probes decide now, if it is open and not forced to be.
    pub(super) fn probe(&mut self, cause: ChangeCause, now: Instant) -> Option<Change> {
        let may = self.mode == Mode::Automatic && matches!(self.state, State::Open { .. });
        may.then(|| self.half_open(now, cause))
    }

    pub(super) fn healthy(&mut self, then: Phase, config: &CircuitConfig, now: Instant) -> Option<Change> {
        match then {
            Phase::HalfOpen => self.probe(ChangeCause::HealthCheck, now),
            Phase::Closed if self.mode == Mode::Automatic && !matches!(self.state, State::Closed { .. }) => {
                Some(self.close(config, now, ChangeCause::HealthCheck))
            }
            Phase::Closed | Phase::Open => None,
        }
    }
}
