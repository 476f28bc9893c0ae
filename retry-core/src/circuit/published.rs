//! What the state of a circuit means to calls that do not take its lock.

use super::breaker::Breaker;
use super::config::CircuitConfig;
use super::phase::Mode;
use super::state::State;
use super::window::Window;
use crate::time::Instant;

/// What a call may do without the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Published {
    /// Take the lock.
    Ask,
    /// Closed. Recording a success in good time would change nothing.
    Quiet { era: u32, timed: bool },
    /// Closed. The next `unseen` successes in good time need only be counted.
    Closed { era: u32, timed: bool, unseen: u32 },
    /// Open until then, but never longer than the configured open time from now.
    Open { until: Instant },
    /// Open until then, but never longer than `most` nanoseconds from now.
    OpenFor { era: u32, until: Instant, most: u64 },
    /// Open, whatever the time.
    ForcedOpen,
}

impl Published {
    /// What a call may do if it knows no other configuration than `base`.
    pub(super) fn of<W: Window>(breaker: &Breaker<W>, config: &CircuitConfig, base: &CircuitConfig) -> Self {
        let (era, timed) = (breaker.era(), config.asks_duration());
        match breaker.state() {
            State::Closed { ramp, .. } if !ramp.is_over() => Self::Ask,
            State::Closed { .. } if breaker.mode() == Mode::Disabled => Self::Quiet { era, timed },
            State::Closed { window, streak, .. } => {
                let can_tell = config.slow_after == base.slow_after && config.failures == base.failures;
                let counts = config.counts_calls() || breaker.mode() == Mode::CountOnly;
                let quiet = *streak == 0 && (!counts || window.is_quiet(config.span(W::CAPACITY)));
                match can_tell {
                    true if quiet => Self::Quiet { era, timed },
                    true if counts && !breaker.is_unchecked() => {
                        Self::Closed { era, timed, unseen: unseen(window, config) }
                    }
                    _ => Self::Closed { era, timed, unseen: 0 },
                }
            }
            State::Open { .. } if breaker.mode() == Mode::ForcedOpen => Self::ForcedOpen,
            State::Open { until, most } if *most == base.longest_open() => Self::Open { until: *until },
            State::Open { until, most } => Self::OpenFor { era, until: *until, most: *most },
            State::HalfOpen { .. } => Self::Ask,
        }
    }
}

/// How many successes in good time may come in a row before the breaker has to see one of them: the one that fills the
/// minimum of calls, or the one after which another success changes nothing.
fn unseen<W: Window>(window: &W, config: &CircuitConfig) -> u32 {
    if W::TIMED {
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
