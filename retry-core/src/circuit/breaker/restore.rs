//! The state as data, and changes of configuration.

use super::Breaker;
use crate::circuit::config::CircuitConfig;
use crate::circuit::phase::{Change, ChangeCause, OpenedBy, Phase};
use crate::circuit::snapshot::{Snapshot, TAKEN};
use crate::circuit::state::State;
use crate::circuit::window::Window;
use crate::time::Instant;

impl<W: Window> Breaker<W> {
    /// Returns the state as data, with times relative to `now`.
    pub fn snapshot(&self, config: &CircuitConfig, now: Instant) -> Snapshot<W> {
        let Self { mode, opened_by, late, openings, .. } = *self;
        let (mut state, span) = (self.state.clone(), config.span(W::CAPACITY));
        // Without a meaning unless it is open, so that snapshots of the same state are equal.
        let opened_by = if self.phase() == Phase::Open { opened_by } else { OpenedBy::Rules };
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
            State::Open { most, .. } => {
                *most = (*most).min(config.longest_open_by(self.opened_by));
                self.limit_open_time(now);
            }
            // One more probe must be able to decide.
            State::HalfOpen { succeeded, failed, .. } => {
                *succeeded = (*succeeded).min(config.success_threshold - 1);
                *failed = (*failed).min(config.probe_failures);
            }
        }
    }
}
