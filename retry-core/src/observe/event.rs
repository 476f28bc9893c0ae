//! Everything that happens to a call, as plain data.

use core::time::Duration;

use crate::circuit::Change;
use crate::class::{Class, Severity};
use crate::failure::Failure;
use crate::key::Key;
use crate::time::Instant;
use crate::verdict::{Rejected, Verdict};

/// One thing that happened to one call.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Event {
    /// When. Orders the events of one call; those of other calls may be under way meanwhile.
    pub at: Instant,
    /// The operation's name, as the call was given it; empty without one.
    pub operation: &'static str,
    /// Which of several like dependencies; [`Key::NONE`] without one.
    pub key: Key,
    /// Which attempt, from 1; 0 before the first was admitted.
    pub attempt: u32,
    /// What.
    pub kind: EventKind,
}

/// What happened. Causes come before effects: a change of phase before the verdict it led to.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
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
    /// What the call does after this event, if it is about that: of a failed attempt, and of one refused.
    pub const fn verdict(&self) -> Option<Verdict> {
        match self {
            Self::Failed { verdict, .. } => Some(*verdict),
            Self::Rejected(rejected) => Some(Verdict::Rejected(*rejected)),
            _ => None,
        }
    }

    /// Whether someone should have a look: an error of class `Unknown` is retried like others, but nobody said what
    /// it is, so that a log should show it as a caution.
    pub const fn is_caution(&self) -> bool {
        matches!(self, Self::Failed { failure: Failure { class: Class::Unknown, .. }, .. })
    }

    /// How bad it is: of a failed attempt, as bad as its class.
    pub const fn severity(&self) -> Option<Severity> {
        match self {
            Self::Failed { failure, .. } => Some(failure.class.severity()),
            _ => None,
        }
    }

    /// The delay that the call sleeps after this event, if it does.
    pub const fn delay(&self) -> Option<Duration> {
        match self {
            Self::Failed { verdict: Verdict::Retry(delay), .. } => Some(*delay),
            _ => None,
        }
    }
}

/// Whoever wants to see the events of a call: a closure, or a type with this one method.
///
/// An observer is called on the path of the call, outside of every lock; it should be quick. `()` is the
/// observer of those who want none, and costs nothing. An event does not say which caller it is about: give each
/// its own observer, such as a closure that knows.
///
/// ```
/// use core::cell::Cell;
/// use retry_core::{Call, Event, EventKind, FakeClock, Policy};
///
/// let started = Cell::new(0);
/// let observer = |event: &Event| if event.kind == EventKind::Started { started.set(started.get() + 1) };
///
/// let clock = FakeClock::new();
/// let mut call = Call::new(&Policy::DEFAULT, clock.now()).observe(&observer);
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
