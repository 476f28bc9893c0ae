//! One circuit of a pool.

use core::fmt;
use core::time::Duration;

use std::string::{String, ToString};
use std::sync::Arc;

use super::CircuitPool;
use super::entry::{Body, Entry, OfPool};
use crate::circuit::Rejected;
use crate::circuit::{
    Admission, AttemptEnd, Change, CircuitConfig, CountWindow, Gate, Mode, Phase, Settled, SharedCircuit,
    Ticket, Window,
};
use crate::key::Key;
use crate::lock::{Lock, StdLock};
use crate::time::Now;

/// The circuit of one key, out of a [`CircuitPool`](crate::CircuitPool).
///
/// While anyone has it, the pool does not forget it, and gives the same one to everyone who asks for its key. What is
/// asked most often and done by hand is here; all else a circuit can do, [`circuit`](Self::circuit) has.
///
/// ```
/// use core::time::Duration;
/// use retry_core::{circuit::Phase, CircuitConfig, CircuitPool, Instant, Key};
///
/// let hosts: CircuitPool = CircuitPool::new(1_000, CircuitConfig::DEFAULT);
/// let host = hosts.get("eu-west-1.internal.example.com");
/// host.trip(Duration::from_secs(30), Instant::ORIGIN);
/// assert_eq!(hosts.get("eu-west-1.internal.example.com").phase(), Phase::Open);
/// assert_eq!(host.name(), "eu-west-1.internal.example.com");
/// assert_eq!(Key::from(&host).to_string(), "eu-west-1.internal.exam.."); // for events
/// ```
pub struct PooledCircuit<'p, W: Window = CountWindow<100>, L: Lock = StdLock> {
    place: Place<'p, W, L>,
}

enum Place<'p, W: Window, L: Lock> {
    /// An entry that this holds.
    Kept(&'p Entry, &'p Body<W, L>, &'p CircuitPool<W, L>),
    /// The pool has no entry for this key.
    Overflow(&'p CircuitPool<W, L>, Key),
}

impl<'p, W: Window, L: Lock> PooledCircuit<'p, W, L> {
    /// Of an entry that is held for it.
    #[inline]
    pub(super) fn kept(entry: &'p Entry, body: &'p Body<W, L>, pool: &'p CircuitPool<W, L>) -> Self {
        Self { place: Place::Kept(entry, body, pool) }
    }

    pub(super) fn overflow(pool: &'p CircuitPool<W, L>, key: Key) -> Self {
        Self { place: Place::Overflow(pool, key) }
    }

    /// The whole key; of an overflow, as much as [`Key`] holds.
    pub fn name(&self) -> String {
        match &self.place {
            Place::Kept(entry, body, _) => entry.name(body),
            Place::Overflow(_, key) => key.as_str().to_string(),
        }
    }

    /// The key as events show it.
    pub fn key(&self) -> Key {
        match &self.place {
            Place::Kept(entry, body, _) => entry.key(body),
            Place::Overflow(_, key) => *key,
        }
    }

    /// Whether the pool had no place for this key, and of those it looked at, could forget none. Every attempt is
    /// admitted then, and nothing counted, unless all such keys [share](CircuitPool::share_overflow) a circuit.
    pub fn is_overflow(&self) -> bool {
        matches!(self.place, Place::Overflow(..))
    }

    /// The circuit itself: `None`, where it is an overflow, but for the one that all such keys share.
    ///
    /// ```
    /// use retry_core::{circuit::Gate, CircuitConfig, CircuitPool, Instant};
    ///
    /// const NOW: Instant = Instant::ORIGIN;
    ///
    /// let hosts: CircuitPool = CircuitPool::new(1, CircuitConfig::DEFAULT);
    /// let kept = hosts.get("a.example.com");
    /// assert_eq!(kept.circuit().unwrap().counts(NOW).unwrap().calls, 0);
    ///
    /// // There is nothing to be opened by hand: others without a circuit would be refused with it.
    /// let other = hosts.get("b.example.com");
    /// assert!(other.circuit().is_none() && other.force_open(NOW).is_none());
    /// assert!(other.admit(NOW).is_ok());
    /// ```
    #[inline]
    pub fn circuit(&self) -> Option<&SharedCircuit<W, L, Arc<CircuitConfig>>> {
        match &self.place {
            Place::Kept(_, body, _) => Some(body.circuit()),
            Place::Overflow(pool, _) => pool.shared_overflow(),
        }
    }

    /// The phase as of the last event; closed, where it is an overflow.
    pub fn phase(&self) -> Phase {
        self.circuit().map_or(Phase::Closed, SharedCircuit::phase)
    }

    /// Who decides about the phase; [`Mode::Disabled`], where it is an overflow.
    pub fn mode(&self) -> Mode {
        self.circuit().map_or(Mode::Disabled, SharedCircuit::mode)
    }

    /// Opens it until told otherwise. As all that is done by hand, nothing where it is an overflow.
    pub fn force_open(&self, now: impl Now) -> Option<Change> {
        self.circuit()?.force_open(now)
    }

    /// Closes it until told otherwise, without counting: every attempt is admitted.
    pub fn disable(&self, now: impl Now) -> Option<Change> {
        self.circuit()?.disable(now)
    }

    /// Closes it until told otherwise, but goes on counting.
    pub fn count_only(&self, now: impl Now) -> Option<Change> {
        self.circuit()?.count_only(now)
    }

    /// Opens it for so long; then probes decide.
    pub fn trip(&self, duration: Duration, now: impl Now) -> Option<Change> {
        self.circuit()?.trip(duration, now)
    }

    /// Closes it with an empty window, and lets the outcomes decide again.
    pub fn reset(&self, now: impl Now) -> Option<Change> {
        self.circuit()?.reset(now)
    }

    /// What answers for it: that of all overflows admits everything, unless it is shared.
    #[inline]
    fn gate(&self) -> &OfPool<W, L> {
        match &self.place {
            Place::Kept(_, body, _) => body.circuit(),
            Place::Overflow(pool, _) => pool.overflow(),
        }
    }
}

impl<W: Window, L: Lock> Gate for PooledCircuit<'_, W, L> {
    type Ticket = Ticket;

    #[inline]
    fn admit(&self, now: impl Now) -> Result<Admission<Ticket>, Rejected> {
        match &self.place {
            Place::Kept(_, body, _) => body.circuit().admit(now),
            Place::Overflow(pool, _) => {
                // Only now does the pool need to know the time: something is not kept for want of room.
                let now = now.now();
                pool.learn(now);
                pool.overflow().admit(now)
            }
        }
    }

    #[inline]
    fn end(&self, ticket: Ticket, end: AttemptEnd, now: impl Now) -> Settled {
        self.gate().end(ticket, end, now)
    }
}

impl<W: Window, L: Lock> Clone for PooledCircuit<'_, W, L> {
    fn clone(&self) -> Self {
        let place = match self.place {
            // With a billion of them, something is wrong; it is not for a circuit to end the program.
            Place::Kept(entry, _, pool) if !entry.hold() => Place::Overflow(pool, self.key()),
            Place::Kept(entry, body, pool) => Place::Kept(entry, body, pool),
            Place::Overflow(pool, key) => Place::Overflow(pool, key),
        };
        Self { place }
    }
}

impl<W: Window, L: Lock> Drop for PooledCircuit<'_, W, L> {
    #[inline]
    fn drop(&mut self) {
        if let Place::Kept(entry, ..) = &self.place {
            entry.release();
        }
    }
}

impl<W: Window, L: Lock> From<&PooledCircuit<'_, W, L>> for Key {
    fn from(circuit: &PooledCircuit<'_, W, L>) -> Self {
        circuit.key()
    }
}

impl<W: Window, L: Lock> fmt::Debug for PooledCircuit<'_, W, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PooledCircuit")
            .field("name", &self.name())
            .field("phase", &self.phase())
            .field("is_overflow", &self.is_overflow())
            .finish_non_exhaustive()
    }
}
