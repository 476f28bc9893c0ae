//! What a call asks of a circuit.

use core::mem;
use core::time::Duration;

use super::phase::{Change, ChangeCause, Phase};
use super::rejected::Rejected;
use crate::class::Class;
use crate::time::{Instant, Now};

/// What a call asks of a circuit breaker.
///
/// Each attempt is admitted with a ticket. Each ticket is handed back exactly once: to [`end`](Self::end), or to
/// [`succeed`](Self::succeed), [`fail`](Self::fail) or [`cancel`](Self::cancel). To implement it, [`admit`](Self::admit) and
/// [`end`](Self::end) are enough.
///
/// | type | is |
/// |---|---|
/// | [`SharedCircuit`](crate::SharedCircuit), [`ConstCircuit`](crate::circuit::ConstCircuit) | the circuit of one dependency |
/// | `PooledCircuit`, `OwnedCircuit`, [`FixedCircuit`](crate::pool::FixedCircuit) | the circuit of one key of a [pool](crate::pool) |
/// | [`Operation`](crate::pool::Operation) | the circuit of one type of operation |
/// | [`NoCircuit`] | no circuit: it admits everything |
/// | `&G`, `Arc<G>` | the same gate, shared |
/// | `Option<G>` | a gate, or none: `None` admits everything |
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
    /// Returns an error if the circuit refuses the attempt.
    fn admit(&self, now: impl Now) -> Result<Admission<Self::Ticket>, Rejected>;

    /// Ends an attempt, and says in the same step whether the next one would be refused.
    fn end(&self, ticket: Self::Ticket, end: AttemptEnd, now: impl Now) -> Settled;

    /// Ends an attempt that succeeded.
    #[inline]
    fn succeed(&self, ticket: Self::Ticket, now: impl Now) -> Option<Change> {
        self.end(ticket, AttemptEnd::Succeeded, now).change
    }

    /// Ends an attempt that failed: see [`AttemptEnd::Failed`].
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

    /// Ends an attempt that was dropped.
    #[inline]
    fn cancel(&self, ticket: Self::Ticket, now: impl Now) -> Option<Change> {
        self.end(ticket, AttemptEnd::Cancelled, now).change
    }
}

/// Every method of a [`Gate`], forwarded to the one that `self` points to.
macro_rules! forward {
    () => {
        #[inline]
        fn admit(&self, now: impl Now) -> Result<Admission<Self::Ticket>, Rejected> {
            (**self).admit(now)
        }

        #[inline]
        fn end(&self, ticket: Self::Ticket, end: AttemptEnd, now: impl Now) -> Settled {
            (**self).end(ticket, end, now)
        }

        #[inline]
        fn succeed(&self, ticket: Self::Ticket, now: impl Now) -> Option<Change> {
            (**self).succeed(ticket, now)
        }

        #[inline]
        fn fail(
            &self,
            ticket: Self::Ticket,
            class: Class,
            now: impl Now,
            delay: Option<Duration>,
            word: u64,
        ) -> Settled {
            (**self).fail(ticket, class, now, delay, word)
        }

        #[inline]
        fn cancel(&self, ticket: Self::Ticket, now: impl Now) -> Option<Change> {
            (**self).cancel(ticket, now)
        }
    };
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum AttemptEnd {
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed {
        /// The class of the error.
        class: Class,
        /// The delay before the next attempt; `None` if there is none.
        delay: Option<Duration>,
        /// The random word of the delay. [`open_jitter`](crate::CircuitConfig::open_jitter) spreads the open time with it.
        word: u64,
    },
    /// It was dropped before it ended.
    Cancelled,
}

/// Proof of admission, stamped with the circuit's era. It is plain data; an [`Attempt`](crate::Attempt) hands it back
/// by itself when it is dropped.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use = "hand it back to `settle` or `cancel`"]
pub struct Ticket {
    pub(super) era: u32,
    /// When it was given out; [`Instant::MAX`] if no rule asks how long a call takes.
    pub(super) started: Instant,
}

/// An admitted attempt.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Admission<T> {
    /// Proof of admission, to be handed back.
    pub ticket: T,
    /// The change of phase that the admission caused, if any.
    pub change: Option<Change>,
}

impl<T> Admission<T> {
    /// Reports that the circuit which was in this place before, and was last seen in that phase, is gone.
    pub(crate) fn in_place_of(mut self, before: &mut Phase, at: impl FnOnce() -> Instant) -> Self {
        if *before != Phase::Closed && self.change.is_none() {
            let from = mem::replace(before, Phase::Closed);
            self.change = Some(Change { from, to: Phase::Closed, at: at(), cause: ChangeCause::Evicted });
        }
        self
    }
}

/// What a circuit answers when an attempt ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Settled {
    /// The change of phase that it caused, if any.
    pub change: Option<Change>,
    /// The refusal that an attempt after the delay would meet; `Ok` if there is no delay.
    pub next: Result<(), Rejected>,
}

impl Settled {
    /// Nothing has changed, and nothing is refused.
    pub const NOTHING: Self = Self { change: None, next: Ok(()) };
}

/// No circuit: it admits every attempt, and costs nothing.
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

/// The same gate, borrowed.
impl<G: Gate + ?Sized> Gate for &G {
    type Ticket = G::Ticket;
    forward!();
}

/// The same gate, shared by reference counting.
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
impl<G: Gate + ?Sized> Gate for std::sync::Arc<G> {
    type Ticket = G::Ticket;
    forward!();
}

/// A gate, or none: `None` admits every attempt.
impl<G: Gate> Gate for Option<G> {
    /// `None` if there is no gate.
    type Ticket = Option<G::Ticket>;

    #[inline]
    fn admit(&self, now: impl Now) -> Result<Admission<Self::Ticket>, Rejected> {
        let Some(gate) = self else { return Ok(Admission { ticket: None, change: None }) };
        let Admission { ticket, change } = gate.admit(now)?;
        Ok(Admission { ticket: Some(ticket), change })
    }

    #[inline]
    fn end(&self, ticket: Self::Ticket, end: AttemptEnd, now: impl Now) -> Settled {
        let (Some(gate), Some(ticket)) = (self, ticket) else { return Settled::NOTHING };
        gate.end(ticket, end, now)
    }

    #[inline]
    fn succeed(&self, ticket: Self::Ticket, now: impl Now) -> Option<Change> {
        self.as_ref()?.succeed(ticket?, now)
    }

    #[inline]
    fn fail(
        &self,
        ticket: Self::Ticket,
        class: Class,
        now: impl Now,
        delay: Option<Duration>,
        word: u64,
    ) -> Settled {
        let (Some(gate), Some(ticket)) = (self, ticket) else { return Settled::NOTHING };
        gate.fail(ticket, class, now, delay, word)
    }

    #[inline]
    fn cancel(&self, ticket: Self::Ticket, now: impl Now) -> Option<Change> {
        self.as_ref()?.cancel(ticket?, now)
    }
}
