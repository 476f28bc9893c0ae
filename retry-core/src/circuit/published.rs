//! What a circuit's state means to those who ask without the lock.

use super::breaker::Breaker;
use super::config::CircuitConfig;
use super::phase::Mode;
use super::state::State;
use super::window::Window;
use crate::time::Instant;

/// What the state of a circuit means to those who ask without the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Published {
    /// Take the lock.
    Ask,
    /// Closed, and recording a success in good time would change nothing.
    Quiet { era: u32, timed: bool },
    /// Closed, and so many successes in good time need only be counted.
    Closed { era: u32, timed: bool, unseen: u32 },
    /// Open until then, but never for longer than the configured time from now.
    Open { until: Instant },
    /// The same, with a time of this opening's own.
    OpenFor { era: u32, until: Instant, most: u64 },
    /// Open, whatever the time.
    ForcedOpen,
}

impl<W: Window> Breaker<W> {
    /// What this state means to those who ask without the lock, and who know no other configuration than `base`.
    pub(super) fn published(&self, config: &CircuitConfig, base: &CircuitConfig) -> Published {
        let (era, timed) = (self.era(), config.asks_duration());
        match &self.state {
            State::Closed { ramp, .. } if !ramp.is_over() => Published::Ask,
            State::Closed { .. } if self.mode == Mode::Disabled => Published::Quiet { era, timed },
            State::Closed { window, streak, .. } => {
                // Those without the lock know only what it was made with.
                let can_tell = config.slow_after == base.slow_after && config.failures == base.failures;
                let counts = config.counts_calls() || self.mode == Mode::CountOnly;
                let quiet = *streak == 0 && (!counts || window.is_quiet(config.span(W::CAPACITY)));
                match can_tell {
                    true if quiet => Published::Quiet { era, timed },
                    true if counts => Published::Closed { era, timed, unseen: self.unseen(config) },
                    _ => Published::Closed { era, timed, unseen: 0 },
                }
            }
            State::Open { .. } if self.mode == Mode::ForcedOpen => Published::ForcedOpen,
            State::Open { until, most } if *most == base.longest_open() => Published::Open { until: *until },
            State::Open { until, most } => Published::OpenFor { era, until: *until, most: *most },
            State::HalfOpen { .. } => Published::Ask,
        }
    }

    /// Records this many successes in good time that nothing looked at: see [`unseen`](Self::unseen).
    pub(super) fn record_unseen(&mut self, config: &CircuitConfig, successes: u32) {
        if let (State::Closed { window, streak, .. }, 1..) = (&mut self.state, successes) {
            *streak = 0;
            window.record_successes(successes, config.span(W::CAPACITY));
        }
    }

    /// How many successes in good time may come, one after the other, before one of them has to be looked at:
    /// because it makes the window one that trips, or one that another success does not change.
    pub(super) fn unseen(&self, config: &CircuitConfig) -> u32 {
        let State::Closed { window, .. } = &self.state else { return 0 };
        if W::TIMED || self.unchecked {
            return 0;
        }
        let (calls, span) = (window.calls(), config.span(W::CAPACITY).calls);
        let until_seen = if calls < config.minimum_calls {
            config.minimum_calls - calls
        } else if window.failures() == 0 && window.slow() == 0 {
            span.saturating_sub(calls)
        } else {
            span
        };
        until_seen.saturating_sub(1)
    }
}
