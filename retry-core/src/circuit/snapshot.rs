//! The state of a circuit as data.

use core::time::Duration;

use super::breaker::Breaker;
use super::config::CircuitConfig;
use super::phase::{Change, ChangeCause, Phase};
use super::state::State;
use super::window::{Span, Window};
use crate::time::Instant;

/// The state of a circuit as plain data: to look at, to hand to another process, or to keep in memory that a reboot
/// leaves alone. Times are relative to when it was taken.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use core::time::Duration;
/// use retry_core::{circuit::Phase, CircuitConfig, Instant, SharedCircuit};
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
    /// As of a clock that read [`TAKEN`].
    pub(super) breaker: Breaker<W>,
    pub(super) span: Span,
    /// The longest that its configuration let it be open.
    pub(super) longest_open: u64,
}

/// When every snapshot was taken, for times on both sides of it.
pub(super) const TAKEN: Instant = Instant::from_nanos(1 << 62);

impl<W: Window> Snapshot<W> {
    /// The phase.
    pub const fn phase(&self) -> Phase {
        self.breaker.phase()
    }

    /// For how long it is still open, if it is; [`Duration::MAX`] where only a hand changes it.
    pub fn open_for(&self) -> Option<Duration> {
        match self.breaker.state {
            State::Open { until: Instant::MAX, .. } => Some(Duration::MAX),
            State::Open { until, .. } => Some(until.since(TAKEN)),
            State::Closed { .. } | State::HalfOpen { .. } => None,
        }
    }

    /// The window, while closed; of one that counts time, what is in its span.
    pub fn window(&self) -> Option<W> {
        let mut window = self.breaker.window()?.clone();
        window.expire(self.span, TAKEN);
        Some(window)
    }
}

impl<W: Window> State<W> {
    /// The same state, as if all had happened on a clock that reads `to` where the old one read `from`.
    fn move_to(&mut self, span: Span, from: Instant, to: Instant) {
        match self {
            Self::Closed { window, ramp, .. } => {
                ramp.move_to(from, to);
                window.move_to(span, from, to);
            }
            // Until for ever is for ever on any clock.
            Self::Open { until: Instant::MAX, .. } => {}
            Self::Open { until, most } => *until = to.after_nanos(until.nanos_since(from).min(*most)),
            // Probes that were under way are not waited for.
            Self::HalfOpen { in_flight, last_admitted, .. } => (*in_flight, *last_admitted) = (0, to),
        }
    }
}

impl<W: Window> Breaker<W> {
    /// The state as data.
    pub fn snapshot(&self, config: &CircuitConfig, now: Instant) -> Snapshot<W> {
        let (mut breaker, span) = (self.clone(), config.span(W::CAPACITY));
        breaker.state.move_to(span, now, TAKEN);
        Snapshot { breaker, span, longest_open: config.longest_open() }
    }

    /// Goes on from a snapshot, as if no time had passed since. Probes that were under way are not waited for, and
    /// what was opened by its rules stays open no longer than this configuration allows.
    pub fn restore(&mut self, config: &CircuitConfig, snapshot: &Snapshot<W>, now: Instant) -> Change {
        let mut state = snapshot.breaker.state.clone();
        state.move_to(snapshot.span, TAKEN, now);
        if let State::Closed { window, .. } = &mut state {
            *window = window.respanned(snapshot.span, config.span(W::CAPACITY));
        }
        self.mode = snapshot.breaker.mode;
        self.openings = snapshot.breaker.openings;
        let from = self.phase();
        self.begin_era(state);
        self.fit(snapshot.longest_open, config, now);
        Change { from, to: self.phase(), at: now, cause: ChangeCause::Restored }
    }

    /// Carries what is counted over to another configuration.
    pub(super) fn respan(&mut self, from: &CircuitConfig, to: &CircuitConfig, now: Instant) {
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
            // What was opened by hand for longer stays open for longer.
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
