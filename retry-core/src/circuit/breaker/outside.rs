//! What changes a circuit from outside of its calls: manual operations, health checks, other processes, and a pool.

use core::time::Duration;

use super::Breaker;
use crate::circuit::config::CircuitConfig;
use crate::circuit::phase::{Adoption, Change, ChangeCause, Mode, OnHealthy, OpenedBy, Start};
use crate::circuit::ramp::Ramp;
use crate::circuit::state::State;
use crate::circuit::window::Window;
use crate::time::{Instant, nanos};

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
    pub(in crate::circuit) fn health_check_era(&self) -> Option<u32> {
        let is_open = self.mode == Mode::Automatic && matches!(self.state, State::Open { .. });
        is_open.then_some(self.era)
    }

    pub(in crate::circuit) fn health_check_passed(
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
                    // One slot is free, at once and in total, and its probe decides.
                    let spare = config.max_probes.saturating_sub(config.success_threshold);
                    *succeeded = config.success_threshold - 1;
                    *failed = config.probe_failures.min(spare);
                    *in_flight = (config.probes - 1).min(spare - *failed);
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
    pub(in crate::circuit) fn start(&mut self, start: Start) {
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

    fn open(&mut self, nanos: u64, by: OpenedBy, now: Instant, cause: ChangeCause) -> Change {
        self.openings = self.openings.saturating_add(1);
        self.enter_open(nanos, by, now, cause)
    }
}
