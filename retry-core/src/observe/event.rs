//! Everything that happens to a call, as plain data.

use core::time::Duration;

use crate::circuit::Change;
use crate::class::Failure;
use crate::time::Instant;
use crate::verdict::{Rejected, Verdict};

/// One thing that happened to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// When.
    pub at: Instant,
    /// The operation's name, as the call was given it; empty without one.
    pub operation: &'static str,
    /// Which attempt, from 1; 0 before the first was admitted.
    pub attempt: u32,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// An attempt was admitted.
    Started,
    /// The attempt succeeded, and the call with it.
    Succeeded,
    /// The attempt failed.
    Failed {
        /// As the classifier saw it.
        failure: Failure,
        /// What the call does now.
        verdict: Verdict,
    },
    /// The circuit refused the attempt; the call ends.
    Rejected(Rejected),
    /// The attempt was dropped before it ended.
    Cancelled,
    /// The circuit changed its phase.
    PhaseChanged(Change),
}

impl EventKind {
    /// The delay that the call sleeps after this event, if it does.
    pub const fn delay(&self) -> Option<Duration> {
        match self {
            Self::Failed {
                verdict: Verdict::Retry(delay),
                ..
            } => Some(*delay),
            _ => None,
        }
    }
}

/// Whoever wants to see the events of a call: a closure, or a type with this one method.
///
/// An observer is called on the path of the call, outside of every lock; it should be quick. `()` is the
/// observer of those who want none, and costs nothing.
///
/// ```
/// use core::cell::Cell;
/// use retry_core::{Call, Event, EventKind, FakeClock, NoCircuit, Policy};
///
/// let started = Cell::new(0);
/// let observer = |event: &Event| if event.kind == EventKind::Started { started.set(started.get() + 1) };
///
/// let clock = FakeClock::new();
/// let mut call = Call::new(&Policy::DEFAULT, &NoCircuit, clock.now()).observe(&observer);
/// call.attempt(clock.now()).unwrap().succeed(clock.now());
/// assert_eq!(started.get(), 1);
/// ```
pub trait Observer {
    /// Something happened.
    fn observe(&self, event: &Event);

    /// Whether anyone looks. Where not, no event is put together and no clock is read for one.
    fn is_enabled(&self) -> bool {
        true
    }
}

impl Observer for () {
    fn observe(&self, _: &Event) {}

    fn is_enabled(&self) -> bool {
        false
    }
}

impl<F: Fn(&Event)> Observer for F {
    fn observe(&self, event: &Event) {
        self(event);
    }
}
