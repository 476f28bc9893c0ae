//! The states of a circuit.

use super::phase::Phase;
use super::ramp::Ramp;
use super::window::{Span, Window};
use crate::time::Instant;

/// A phase, and what is counted in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum State<W> {
    Closed {
        window: W,
        /// The number of failures since the last success.
        streak: u32,
        ramp: Ramp,
    },
    Open {
        until: Instant,
        /// The open time in nanoseconds: `until` is at most this far away, even if the clock steps back.
        most: u64,
    },
    HalfOpen {
        in_flight: u32,
        succeeded: u32,
        failed: u32,
        last_admitted: Instant,
    },
}

impl<W> State<W> {
    pub(super) const fn phase(&self) -> Phase {
        match self {
            Self::Closed { .. } => Phase::Closed,
            Self::Open { .. } => Phase::Open,
            Self::HalfOpen { .. } => Phase::HalfOpen,
        }
    }

    /// The window, while closed.
    pub(super) const fn window(&self) -> Option<&W> {
        match self {
            Self::Closed { window, .. } => Some(window),
            Self::Open { .. } | Self::HalfOpen { .. } => None,
        }
    }
}

impl<W: Window> State<W> {
    /// A closed circuit with an empty window.
    pub(super) const BLANK: Self = Self::Closed { window: W::EMPTY, streak: 0, ramp: Ramp::NONE };

    /// Moves all times from a clock that reads `from` to one that reads `to`.
    pub(super) fn move_to(&mut self, span: Span, from: Instant, to: Instant) {
        match self {
            Self::Closed { window, ramp, .. } => {
                ramp.move_to(from, to);
                window.move_to(span, from, to);
            }
            // `MAX` stays `MAX` on every clock.
            Self::Open { until: Instant::MAX, .. } => {}
            Self::Open { until, most } => *until = to.after_nanos(until.nanos_since(from).min(*most)),
            // Probes under way belong to the old clock, so their slots are free again.
            Self::HalfOpen { in_flight, last_admitted, .. } => (*in_flight, *last_admitted) = (0, to),
        }
    }
}

/// What a pool would lose if it evicted a circuit, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// Only successes.
    Blank,
    /// Failures or slow calls, or a ramp.
    Marked,
    /// It is closed, and more than half of the way to opening.
    NearOpening,
    /// An open time that has passed, or probes.
    Opened,
    /// An open time that is not over, or a mode set by hand.
    Held,
}
