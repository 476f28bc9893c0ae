//! What a call asks of a circuit.

use core::time::Duration;

use super::phase::Change;
use crate::class::Class;
use crate::time::{Instant, Now};
use crate::verdict::Rejected;

/// What stands between a call and its dependency: a [`SharedCircuit`](crate::SharedCircuit), or [`NoCircuit`].
///
/// Every ticket is handed back exactly once, to one of the three: `succeed`, `fail`, `cancel`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no circuit",
    note = "a circuit is made with `SharedCircuit::new(config)`, usually as a `static`"
)]
pub trait Gate {
    /// Proof of admission.
    type Ticket;

    /// Admits an attempt.
    ///
    /// # Errors
    /// Where the circuit refuses it.
    fn admit(&self, now: impl Now) -> Result<Admission<Self::Ticket>, Rejected>;

    /// The attempt succeeded.
    fn succeed(&self, ticket: Self::Ticket, now: impl Now) -> Option<Change>;

    /// The attempt failed. In the same step: would an attempt after `delay` be refused? A call that gives up
    /// anyway asks with no delay. `word` is the random word that the delay was made of.
    fn fail(
        &self,
        ticket: Self::Ticket,
        class: Class,
        now: impl Now,
        delay: Option<Duration>,
        word: u64,
    ) -> Settled;

    /// The attempt was dropped before it ended.
    fn cancel(&self, ticket: Self::Ticket, now: impl Now) -> Option<Change>;
}

/// Proof of admission, stamped with its era. Plain data: see [`Attempt`](crate::Attempt) for the form that
/// cannot be forgotten.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use = "hand it back to `settle` or `cancel`"]
pub struct Ticket {
    pub(super) era: u32,
    /// When it was given out; [`Instant::MAX`] where no rule asks how long a call takes.
    pub(super) started: Instant,
}

/// An admitted attempt.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Admission<T> {
    /// Proof of admission, to be handed back.
    pub ticket: T,
    /// The change of phase that the question brought about, if one.
    pub change: Option<Change>,
}

/// What a circuit says to a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Settled {
    /// The change of phase that the failure brought about, if one.
    pub change: Option<Change>,
    /// The refusal that an attempt after the delay would meet.
    pub next: Result<(), Rejected>,
}

/// No circuit: admits everything, remembers nothing, costs nothing.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NoCircuit;

impl Gate for NoCircuit {
    type Ticket = ();

    fn admit(&self, _: impl Now) -> Result<Admission<()>, Rejected> {
        Ok(Admission { ticket: (), change: None })
    }

    fn succeed(&self, (): (), _: impl Now) -> Option<Change> {
        None
    }

    fn fail(&self, (): (), _: Class, _: impl Now, _: Option<Duration>, _: u64) -> Settled {
        Settled { change: None, next: Ok(()) }
    }

    fn cancel(&self, (): (), _: impl Now) -> Option<Change> {
        None
    }
}
