//! The gate: a circuit as a call sees it.

use core::mem;
use core::time::Duration;

use super::config::CircuitConfig;
use super::phase::{Change, ChangeCause, Phase};
use super::rejected::Rejected;
use super::rules::Opening;
use crate::class::Class;
use crate::key::Key;
use crate::time::{Instant, Now};

/// A gate is a circuit breaker as a call sees it: it admits attempts, and records how each one ended.
///
/// Each attempt is admitted with a ticket. Each ticket is handed back exactly once: to [`end`](Self::end),
/// [`succeed`](Self::succeed), [`fail`](Self::fail) or [`cancel`](Self::cancel). An implementation needs only
/// [`admit`](Self::admit) and [`end`](Self::end).
///
/// | type | is |
/// |---|---|
/// | [`SharedCircuit`](crate::SharedCircuit), [`ConstCircuit`](crate::circuit::ConstCircuit) | the circuit of one dependency |
/// | `PooledCircuit`, `OwnedCircuit`, [`FixedCircuit`](crate::pool::FixedCircuit) | the circuit of one key of a [pool](crate::pool) |
/// | [`Operation`](crate::pool::Operation) | the circuit of one type of operation |
/// | [`NoCircuit`] | the absence of a circuit: it admits every attempt |
/// | `&G`, `Arc<G>` | the same gate, borrowed or shared |
/// | `Option<G>` | an optional gate: `None` admits every attempt |
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a circuit",
    note = "a circuit is made with `SharedCircuit::new(config)`, and given as `&circuit` or in an `Arc`",
    note = "a pool has one for each key: `pool.get(host)`"
)]
pub trait Gate {
    /// The proof that an attempt was admitted, to be handed back when the attempt ends.
    type Ticket;

    /// Admits an attempt.
    ///
    /// # Errors
    /// Returns an error if the circuit refuses the attempt.
    fn admit(&self, now: impl Now) -> Result<Admission<Self::Ticket>, Rejected>;

    /// Returns the name of the circuit for events of its changes and refusals; by default, it is empty.
    #[inline]
    fn name(&self) -> &'static str {
        ""
    }

    /// Returns the key of the circuit, if it is one of a pool, for events of its changes and refusals; by default,
    /// [`Key::NONE`].
    #[inline]
    fn key(&self) -> Key {
        Key::NONE
    }

    /// Returns a number that tells this circuit from all others, for observers that count circuits by their phase; by
    /// default 0, which stands for an unknown one. It is the address of the circuit, so it stays the same as long as the
    /// circuit is borrowed.
    #[inline]
    fn place(&self) -> usize {
        0
    }

    /// Ends an attempt, and tells in the same step whether an attempt after the delay would be refused.
    fn end(&self, ticket: Self::Ticket, end: AttemptEnd, now: impl Now) -> Settled;

    /// Ends an attempt that succeeded, and returns the change of phase that it caused.
    #[inline]
    fn succeed(&self, ticket: Self::Ticket, now: impl Now) -> Option<Change> {
        self.end(ticket, AttemptEnd::Succeeded, now).change
    }

    /// Ends an attempt that failed without a hint of the server: see [`AttemptEnd::Failed`].
    #[inline]
    fn fail(
        &self,
        ticket: Self::Ticket,
        class: Class,
        now: impl Now,
        delay: Option<Duration>,
        word: u64,
    ) -> Settled {
        self.end(ticket, AttemptEnd::Failed { class, hint: None, delay, word }, now)
    }

    /// Ends an attempt that was dropped, and returns the change of phase that it caused.
    #[inline]
    fn cancel(&self, ticket: Self::Ticket, now: impl Now) -> Option<Change> {
        self.end(ticket, AttemptEnd::Cancelled, now).change
    }
}

/// Forwards every method of a [`Gate`] to the gate that `self` points to.
macro_rules! forward {
    () => {
        #[inline]
        fn name(&self) -> &'static str {
            (**self).name()
        }

        #[inline]
        fn key(&self) -> Key {
            (**self).key()
        }

        #[inline]
        fn place(&self) -> usize {
            (**self).place()
        }

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
        fn cancel(&self, ticket: Self::Ticket, now: impl Now) -> Option<Change> {
            (**self).cancel(ticket, now)
        }
    };
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum AttemptEnd {
    /// The attempt succeeded.
    Succeeded,
    /// The attempt failed.
    Failed {
        /// The class of the error.
        class: Class,
        /// The server's hint, such as `Retry-After`; `None` if it sent none, or if the policy ignores hints.
        hint: Option<Duration>,
        /// The delay before the next attempt; `None` if this was the last one.
        delay: Option<Duration>,
        /// A random word for [`open_jitter`](crate::CircuitConfig::open_jitter); 0 if none was drawn.
        word: u64,
    },
    /// The attempt failed, and the failure says nothing about the dependency: see
    /// [`Failure::neutral`](crate::Failure::neutral). The circuit takes the ticket back and counts nothing.
    Neutral {
        /// The delay before the next attempt; `None` if this was the last one.
        delay: Option<Duration>,
    },
    /// The attempt was dropped before it ended. It counts as a failure if it ran long enough: see
    /// [`cancelled_after`](crate::CircuitConfig::cancelled_after).
    Cancelled,
}

impl AttemptEnd {
    /// Whether the server sent a hint.
    #[inline]
    pub(super) fn has_hint(&self) -> bool {
        matches!(self, Self::Failed { hint: Some(_), .. })
    }

    /// What the hint adds to the rules of opening.
    pub(super) fn opening(&self, config: &CircuitConfig) -> Opening {
        match *self {
            Self::Failed { class, hint: Some(hint), .. } => config.opening(class, hint),
            _ => Opening::WITHOUT_HINT,
        }
    }
}

/// The proof that a circuit admitted an attempt, to be handed back when the attempt ends.
///
/// It is stamped with the circuit's *era*, a counter that each change of phase increments, so that the circuit
/// recognises a late outcome. It is plain data; an [`Attempt`](crate::Attempt) hands it back automatically when it is
/// dropped.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use = "hand it back to `settle`, `cancel` or `release`"]
pub struct Ticket {
    pub(super) era: u32,
    /// When it was given out; [`Instant::MAX`] unless a rule needs how long the attempt takes.
    pub(super) started: Instant,
}

impl Ticket {
    /// Whether it carries the time.
    pub(crate) fn is_timed(&self) -> bool {
        self.started != Instant::MAX
    }
}

/// Whether a program goes on after a panic. Otherwise it needs no code for that.
pub(super) const UNWINDS: bool = cfg!(panic = "unwind");

/// Reads the clock for the end of an attempt. If the clock panics, the ticket is given back.
#[inline(always)]
pub(crate) fn read_for(ticket: &Ticket, now: impl Now, give_back: impl Fn(Ticket)) -> Instant {
    struct Guard<'t, F: Fn(Ticket)>(&'t Ticket, F);

    impl<F: Fn(Ticket)> Drop for Guard<'_, F> {
        fn drop(&mut self) {
            (self.1)(Ticket { ..*self.0 });
        }
    }

    if !UNWINDS {
        return now.now();
    }
    let guard = Guard(ticket, give_back);
    let now = now.now();
    mem::forget(guard);
    now
}

/// An attempt that was admitted.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Admission<T> {
    /// The proof of admission, to be handed back when the attempt ends.
    pub ticket: T,
    /// The change of phase that the admission caused, if any.
    pub change: Option<Change>,
}

impl<T> Admission<T> {
    /// Reports that the circuit which was in this place before, and was last seen in phase `before`, is gone.
    pub(crate) fn in_place_of(mut self, before: &mut Phase, at: impl FnOnce() -> Instant) -> Self {
        if *before != Phase::Closed && self.change.is_none() {
            let from = mem::replace(before, Phase::Closed);
            self.change = Some(Change { from, to: Phase::Closed, at: at(), cause: ChangeCause::Evicted });
        }
        self
    }
}

/// The answer of a circuit when an attempt ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Settled {
    /// The change of phase that the end of the attempt caused, if any.
    pub change: Option<Change>,
    /// The refusal that an attempt after the delay would meet; `Ok` if it would be admitted, or if there is no delay.
    pub next: Result<(), Rejected>,
}

impl Settled {
    /// The answer if the phase stays as it is and an attempt would be admitted.
    pub const NOTHING: Self = Self { change: None, next: Ok(()) };
}

/// The gate for a call that has no circuit. It admits every attempt, and costs nothing.
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

/// Forwards to the borrowed gate.
impl<G: Gate + ?Sized> Gate for &G {
    type Ticket = G::Ticket;
    forward!();
}

/// Forwards to the shared gate.
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
impl<G: Gate + ?Sized> Gate for std::sync::Arc<G> {
    type Ticket = G::Ticket;
    forward!();
}

/// Forwards to the gate, if there is one; `None` admits every attempt.
impl<G: Gate> Gate for Option<G> {
    /// `None` for an attempt without a gate.
    type Ticket = Option<G::Ticket>;

    #[inline]
    fn name(&self) -> &'static str {
        self.as_ref().map_or("", Gate::name)
    }

    #[inline]
    fn key(&self) -> Key {
        self.as_ref().map_or(Key::NONE, Gate::key)
    }

    #[inline]
    fn place(&self) -> usize {
        self.as_ref().map_or(0, Gate::place)
    }

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
    fn cancel(&self, ticket: Self::Ticket, now: impl Now) -> Option<Change> {
        self.as_ref()?.cancel(ticket?, now)
    }
}
