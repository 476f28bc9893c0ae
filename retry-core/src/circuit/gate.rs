//! What a call asks of a circuit.

use core::mem;
use core::time::Duration;

use super::phase::{Change, ChangeCause, Phase};
use super::rejected::Rejected;
use crate::class::Class;
use crate::time::{Instant, Now};

/// What stands between a call and its dependency: a [`SharedCircuit`](crate::SharedCircuit), or [`NoCircuit`].
///
/// Every ticket is handed back exactly once: to [`end`](Self::end), or to one of those that say how.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a circuit",
    note = "a circuit is made with `SharedCircuit::new(config)`, and given as `&circuit` or in an `Arc`"
)]
pub trait Gate {
    /// Proof of admission.
    type Ticket;

    /// Admits an attempt.
    ///
    /// # Errors
    /// Where the circuit refuses it.
    fn admit(&self, now: impl Now) -> Result<Admission<Self::Ticket>, Rejected>;

    /// The attempt ended. In the same step: would the next one be refused?
    fn end(&self, ticket: Self::Ticket, end: AttemptEnd, now: impl Now) -> Settled;

    /// The attempt succeeded.
    #[inline]
    fn succeed(&self, ticket: Self::Ticket, now: impl Now) -> Option<Change> {
        self.end(ticket, AttemptEnd::Succeeded, now).change
    }

    /// The attempt failed: see [`AttemptEnd::Failed`].
    #[inline]
    fn fail(
        &self,
        ticket: Self::Ticket,
        class: Class,
        now: impl Now,
        delay: Option<Duration>,
        word: u64,
    ) -> Settled {
        self.end(ticket, AttemptEnd::Failed { class, delay, word }, now)
    }

    /// The attempt was dropped before it ended.
    #[inline]
    fn cancel(&self, ticket: Self::Ticket, now: impl Now) -> Option<Change> {
        self.end(ticket, AttemptEnd::Cancelled, now).change
    }
}

/// How an attempt ended, as far as a circuit is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum AttemptEnd {
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed {
        /// By an error of this class.
        class: Class,
        /// The next attempt begins after this; `None` where there is none.
        delay: Option<Duration>,
        /// The random word that the delay was made of: it spreads the open time, where the configuration says so.
        word: u64,
    },
    /// It was dropped before it ended.
    Cancelled,
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

impl<T> Admission<T> {
    /// Says besides that what was in this place before is no more, and in that phase neither.
    pub(crate) fn in_place_of(mut self, before: &mut Phase, at: impl FnOnce() -> Instant) -> Self {
        if *before != Phase::Closed && self.change.is_none() {
            let from = mem::replace(before, Phase::Closed);
            self.change = Some(Change { from, to: Phase::Closed, at: at(), cause: ChangeCause::Forgotten });
        }
        self
    }
}

/// What a circuit says to an attempt that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Settled {
    /// The change of phase that it brought about, if one.
    pub change: Option<Change>,
    /// The refusal that an attempt after the delay would meet; none where there is no delay.
    pub next: Result<(), Rejected>,
}

impl Settled {
    /// Nothing has changed, and nothing is refused.
    pub const NOTHING: Self = Self { change: None, next: Ok(()) };
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

    #[inline]
    fn end(&self, (): (), _: AttemptEnd, _: impl Now) -> Settled {
        Settled::NOTHING
    }
}

/// Passes everything on to what it points to.
macro_rules! pointer {
    ($(#[$attribute:meta])* $pointer:ty) => {
        $(#[$attribute])*
        impl<G: Gate + ?Sized> Gate for $pointer {
            type Ticket = G::Ticket;

            #[inline]
            fn admit(&self, now: impl Now) -> Result<Admission<G::Ticket>, Rejected> {
                (**self).admit(now)
            }

            #[inline]
            fn end(&self, ticket: G::Ticket, end: AttemptEnd, now: impl Now) -> Settled {
                (**self).end(ticket, end, now)
            }

            #[inline]
            fn succeed(&self, ticket: G::Ticket, now: impl Now) -> Option<Change> {
                (**self).succeed(ticket, now)
            }

            #[inline]
            fn fail(
                &self,
                ticket: G::Ticket,
                class: Class,
                now: impl Now,
                delay: Option<Duration>,
                word: u64,
            ) -> Settled {
                (**self).fail(ticket, class, now, delay, word)
            }

            #[inline]
            fn cancel(&self, ticket: G::Ticket, now: impl Now) -> Option<Change> {
                (**self).cancel(ticket, now)
            }
        }
    };
}
pointer!(&G);
#[cfg(feature = "std")]
pointer!(std::sync::Arc<G>);
