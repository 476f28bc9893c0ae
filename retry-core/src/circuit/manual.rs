//! What people do to a circuit by hand, and health checks for them.

use core::time::Duration;

use super::breaker::Breaker;
use super::config::CircuitConfig;
use super::phase::{Change, ChangeCause, Mode};
use super::settings::Settings;
use super::shared::SharedCircuit;
use super::state::State;
use super::window::Window;
use crate::lock::Lock;
use crate::time::{Instant, Now, nanos};

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

    /// Opens it for so long; then probes decide. Counts as an opening, of which the next open time may be the longer.
    pub fn trip(&mut self, duration: Duration, now: Instant) -> Option<Change> {
        self.mode = Mode::Automatic;
        Some(self.open(nanos(duration), now, ChangeCause::Manual))
    }

    /// Lets probes decide now, if it is open and not forced to be.
    pub(super) fn probe(&mut self, cause: ChangeCause, now: Instant) -> Option<Change> {
        let may = self.mode == Mode::Automatic && matches!(self.state, State::Open { .. });
        may.then(|| self.half_open(now, cause))
    }

    /// The era in which a health check would be of use.
    pub(super) fn health_check_era(&self) -> Option<u32> {
        let is_ailing = self.mode == Mode::Automatic && matches!(self.state, State::Open { .. });
        is_ailing.then_some(self.era())
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

    /// Where it stands at first.
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
}

impl<W: Window, L: Lock, S: Settings> SharedCircuit<W, L, S> {
    /// Opens it until told otherwise, whatever the time: every attempt is refused.
    ///
    /// Here and below, the change is for the caller to tell: [`Event::phase_changed`](crate::observe::Event::phase_changed).
    pub fn force_open(&self, now: impl Now) -> Option<Change> {
        let now = now.now();
        self.locked(|breaker, _| breaker.force_open(now))
    }

    /// Closes it until told otherwise, without counting: every attempt is admitted.
    pub fn disable(&self, now: impl Now) -> Option<Change> {
        let now = now.now();
        self.locked(|breaker, _| breaker.hold_closed(Mode::Disabled, now))
    }

    /// Closes it until told otherwise, but goes on counting.
    pub fn count_only(&self, now: impl Now) -> Option<Change> {
        let now = now.now();
        self.locked(|breaker, _| breaker.hold_closed(Mode::CountOnly, now))
    }

    /// Closes it with an empty window, and lets the outcomes decide again.
    pub fn reset(&self, now: impl Now) -> Option<Change> {
        let now = now.now();
        self.locked(|breaker, _| breaker.reset(now))
    }

    /// Opens it for so long; then probes decide.
    pub fn trip(&self, duration: Duration, now: impl Now) -> Option<Change> {
        let now = now.now();
        self.locked(|breaker, _| breaker.trip(duration, now))
    }

    /// Lets probes decide now, if it is open by its own rules or by [`trip`](Self::trip).
    pub fn probe(&self, now: impl Now) -> Option<Change> {
        let now = now.now();
        self.locked(|breaker, _| breaker.probe(ChangeCause::Manual, now))
    }

    /// The era in which a health check would be of use: while it is open by its own rules or by [`trip`](Self::trip).
    pub fn health_check_era(&self) -> Option<u32> {
        self.locked(|breaker, _| breaker.health_check_era())
    }

    /// A health check that began in this era, as [`ailing`](Self::health_check_era) said, has succeeded. Where the era has ended
    /// meanwhile, that is late, and changes nothing.
    pub fn health_check_passed(&self, era: u32, then: OnHealthy, now: impl Now) -> Option<Change> {
        let now = now.now();
        self.locked(|breaker, config| breaker.health_check_passed(era, then, config, now))
    }
}

/// What a health check does to an open circuit when it succeeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum OnHealthy {
    /// Lets probes decide now.
    #[default]
    HalfOpen,
    /// Closes it.
    Close,
}

/// Where a circuit stands at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Start {
    /// Closed.
    #[default]
    Closed,
    /// Probes decide first.
    HalfOpen,
    /// Open until told otherwise.
    ForcedOpen,
    /// In [`Mode::Disabled`].
    Disabled,
    /// In [`Mode::CountOnly`].
    CountOnly,
}
