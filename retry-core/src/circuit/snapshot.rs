//! The state of a circuit as data.

use core::time::Duration;

use super::breaker::{Breaker, State, grained};
use super::config::CircuitConfig;
use super::phase::{Mode, Phase};
use super::window::{Span, Window};
use super::word;
use crate::time::Instant;

/// The state of a circuit as plain data: to look at, to hand to another process, or to keep in memory that a reboot
/// leaves alone. Times are relative to when it was taken.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use core::time::Duration;
/// use retry_core::{CircuitConfig, Instant, Phase, SharedCircuit};
///
/// let before: SharedCircuit = SharedCircuit::new(CircuitConfig::DEFAULT);
/// before.trip(Duration::from_secs(20), Instant::from_millis(5_000));
/// let snapshot = before.snapshot(Instant::from_millis(9_000));
/// assert_eq!(snapshot.open_for(), Some(Duration::from_secs(16)));
///
/// let after: SharedCircuit = SharedCircuit::new(CircuitConfig::DEFAULT); // its clock starts anew
/// after.restore(&snapshot, Instant::ORIGIN);
/// assert_eq!(after.phase(), Phase::Open);
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Snapshot<W> {
    breaker: Breaker<W>,
    span: Span,
    taken: Instant,
}

impl<W: Window> Snapshot<W> {
    /// The phase.
    pub const fn phase(&self) -> Phase {
        self.breaker.phase()
    }

    /// For how long it is still open, if it is.
    pub fn open_for(&self) -> Option<Duration> {
        match self.breaker.state {
            State::Open { until, most } => Some(until.min(self.taken.after_nanos(most)).since(self.taken)),
            State::Closed { .. } | State::HalfOpen { .. } => None,
        }
    }

    /// The window, while closed.
    pub fn window(&self) -> Option<&W> {
        match &self.breaker.state {
            State::Closed { window, .. } => Some(window),
            State::Open { .. } | State::HalfOpen { .. } => None,
        }
    }
}

impl<W: Window> Breaker<W> {
    /// The state as data.
    pub fn snapshot(&self, config: &CircuitConfig, now: Instant) -> Snapshot<W> {
        Snapshot { breaker: self.clone(), span: config.span(W::CAPACITY), taken: now }
    }

    /// Goes on from a snapshot, as if no time had passed since. Probes that were under way are not waited for.
    pub fn restore(&mut self, config: &CircuitConfig, snapshot: &Snapshot<W>, now: Instant) {
        let mut state = snapshot.breaker.state.clone();
        match &mut state {
            State::Closed { window, ramp, .. } => {
                ramp.move_to(snapshot.taken, now);
                window.move_to(snapshot.span, snapshot.taken, now);
                *window = window.respanned(snapshot.span, config.span(W::CAPACITY));
            }
            State::Open { until, most } => {
                let left = until.nanos_since(snapshot.taken).min(*most);
                *until = grained(now.after_nanos(left));
            }
            State::HalfOpen { in_flight, last_admitted, .. } => {
                *in_flight = 0;
                *last_admitted = now;
            }
        }
        self.mode = snapshot.breaker.mode;
        self.openings = snapshot.breaker.openings;
        self.begin_era(state);
        self.fit(config);
    }

    /// Carries what is counted over to another configuration.
    pub(super) fn respan(&mut self, from: &CircuitConfig, to: &CircuitConfig) {
        match &mut self.state {
            State::Closed { window, .. } => {
                *window = window.respanned(from.span(W::CAPACITY), to.span(W::CAPACITY));
            }
            // What was opened by hand for longer stays open for longer.
            State::Open { most, .. } if *most <= from.longest_open() => {
                *most = (*most).min(to.longest_open())
            }
            State::Open { .. } | State::HalfOpen { .. } => {}
        }
        self.fit(to);
    }

    /// Brings what was counted by another configuration within the bounds of this one.
    fn fit(&mut self, config: &CircuitConfig) {
        self.unchecked = true;
        match &mut self.state {
            State::Closed { .. } | State::Open { .. } => {}
            // Another probe must be able to decide.
            State::HalfOpen { succeeded, failed, .. } => {
                *succeeded = (*succeeded).min(config.successes - 1);
                *failed = (*failed).min(config.probe_failures);
            }
        }
    }

    /// What this state means to those who ask without the lock, and who know no other configuration than `base`.
    pub(super) fn gate(&self, config: &CircuitConfig, base: &CircuitConfig) -> word::Gate {
        let (era, timed) = (self.era(), config.asks_duration());
        match &self.state {
            State::Closed { ramp, .. } if !ramp.is_over() => word::Gate::Ask,
            State::Closed { .. } if self.mode == Mode::Disabled => word::Gate::Quiet { era, timed },
            State::Closed { window, streak, .. } => {
                let counts = config.counts_rates() || self.mode == Mode::CountOnly;
                let quiet = *streak == 0
                    && config.slow_after == base.slow_after
                    && (!counts || window.is_quiet(config.span(W::CAPACITY)));
                if quiet { word::Gate::Quiet { era, timed } } else { word::Gate::Closed { era, timed } }
            }
            State::Open { .. } if self.mode == Mode::ForcedOpen => word::Gate::ForcedOpen,
            State::Open { until, most } if *most == base.longest_open() => word::Gate::Open { until: *until },
            State::Open { .. } | State::HalfOpen { .. } => word::Gate::Ask,
        }
    }
}
