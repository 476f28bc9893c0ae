//! What calls may do without the circuit's lock, derived from its state.

use super::breaker::Breaker;
use super::config::CircuitConfig;
use super::phase::Mode;
use super::state::State;
use super::window::Window;
use crate::time::Instant;

/// What a call may do without the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Published {
    /// It has to take the lock.
    Ask,
    /// The circuit is closed. A fast success leaves the state as it is, so that it need not be recorded.
    Quiet { era: u32, timed: bool },
    /// The circuit is closed. The next `unseen` fast successes need only be counted.
    Closed { era: u32, timed: bool, unseen: u32 },
    /// The circuit is open until then, and at most for the longest configured open time from now.
    Open { until: Instant },
    /// The circuit is open until then, and at most for `most` nanoseconds from now.
    OpenFor { era: u32, until: Instant, most: u64 },
    /// The circuit is open until it is reset.
    ForcedOpen,
}

impl Published {
    /// What a call may do if it knows only the configuration `base`.
    pub(super) fn of<W: Window>(breaker: &Breaker<W>, config: &CircuitConfig, base: &CircuitConfig) -> Self {
        let (era, timed) = (breaker.era(), config.asks_duration());
        match breaker.state() {
            State::Closed { ramp, .. } if !ramp.is_over() => Self::Ask,
            State::Closed { .. } if breaker.mode() == Mode::Disabled => Self::Quiet { era, timed },
            // The next outcome disarms it.
            State::Closed { .. } if breaker.is_armed() => Self::Closed { era, timed: true, unseen: 0 },
            State::Closed { window, streak, .. } => {
                // A call that asks `base` must take the lock for each outcome that `config` might not just record.
                let holds = config.rate_limit_hold > 0 && base.rate_limit_hold == 0;
                let can_tell =
                    config.slow_after == base.slow_after && config.failures == base.failures && !holds;
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

/// How many fast successes in a row the breaker need not see at once. It has to see the success that reaches the
/// minimum of calls, and the one after which the circuit is quiet.
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
