//! What a rig is told of a peer, and what it tells of ours.

use std::time::Duration;

use retry_core::CircuitConfig;

use super::kit::{Counts, Kind};

/// Where a circuit stands: its phase, or who holds it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Closed,
    Open,
    HalfOpen,
    ForcedOpen,
    Disabled,
    CountOnly,
}

impl State {
    /// Whether a peer counts the results that arrive there.
    pub(super) fn counts(self) -> bool {
        !matches!(self, Self::ForcedOpen | Self::Disabled)
    }
}

/// How an admitted call ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Ending {
    Success,
    Failure,
    /// The permit is given back.
    Cancelled,
}

/// A peer's configuration, as ours; and what is left of it.
pub(super) struct Plan {
    pub(super) config: CircuitConfig,
    pub(super) kind: Kind,
    pub(super) start: Duration,
    /// From then on, a call is slow.
    pub(super) slow_after: Option<Duration>,
    /// How many probes half-open admits.
    pub(super) probes: u32,
    /// Whether the peer admits another probe for each that has ended.
    pub(super) probes_renewed: bool,
    /// What the peer makes of so many probes, once it does.
    pub(super) decision: Box<dyn Fn(Counts) -> Option<State>>,
    /// How long the peer stays open, counting the openings from 1.
    pub(super) wait: Box<dyn Fn(u32) -> Duration>,
    /// The same, where nothing is rounded.
    pub(super) exact_wait: Box<dyn Fn(u32) -> Duration>,
    /// Whether the peer's statistics are as of when they are read, not as of the last result.
    pub(super) reads_expire: bool,
    /// Whether so many calls are below a threshold there and above it here, or the other way round.
    pub(super) inexact: Box<dyn Fn(Counts) -> bool>,
}

/// What is seen of our circuit after a step.
pub(super) struct Seen {
    pub(super) counts: Counts,
    /// Whether these are probes.
    pub(super) probes: bool,
    /// Refusals since the counts began.
    pub(super) refused: u32,
    pub(super) remaining: Duration,
    pub(super) change: Option<(State, State)>,
}
