//! Handles of a pool's circuits, and the look-ups that return them.

use core::fmt;

use std::string::{String, ToString};
use std::sync::Arc;

use super::circuits::CircuitPool;
use super::entry::{OfPool, Slot};
use super::text::KeyText;
use crate::circuit::{
    Admission, AttemptEnd, Breaker, CountWindow, Gate, Rejected, Settled, Ticket, Window, manual_operations,
};
use crate::clean::Shown;
use crate::key::{Exact, Key};
use crate::lock::{DefaultLock, Lock};
use crate::time::Now;

/// A handle of the circuit of one key, which borrows its pool: see [`CircuitHandle`].
pub type PooledCircuit<'p, W = CountWindow<100>, L = DefaultLock> = CircuitHandle<&'p CircuitPool<W, L>>;

/// A handle of the circuit of one key, which owns a reference to its pool: see [`CircuitHandle`].
///
/// It is `'static`, so that a spawned task or a service can keep it: see [`CircuitPool::get_owned`].
pub type OwnedCircuit<W = CountWindow<100>, L = DefaultLock> = CircuitHandle<Arc<CircuitPool<W, L>>>;

/// A handle of the circuit of one key in a [`CircuitPool`](crate::CircuitPool).
///
/// While a handle exists, the pool keeps the circuit, and every look-up of the key returns the same one. `P` is a
/// reference to the pool: a borrowed one in [`PooledCircuit`], an `Arc` in [`OwnedCircuit`].
///
/// It has the methods that are used most. [`circuit`](Self::circuit) returns the circuit, which has all others.
///
/// ```
/// use core::time::Duration;
/// use retry_core::{circuit::Phase, CircuitConfig, CircuitPool, Instant, Key};
///
/// let hosts = CircuitPool::new(1_000, CircuitConfig::DEFAULT);
/// let host = hosts.get("eu-west-1.internal.example.com");
/// host.trip(Duration::from_secs(30), Instant::ORIGIN);
/// assert_eq!(hosts.get("eu-west-1.internal.example.com").phase(), Phase::Open);
/// assert_eq!(host.name(), "eu-west-1.internal.example.com");
/// assert_eq!(Key::from(&host).to_string(), "eu-west-1.i..2538d00a8b549d9456c300f2"); // for events
/// ```
pub struct CircuitHandle<P: PoolRef> {
    pool: P,
    place: Place<P::At>,
}

enum Place<A> {
    /// An entry, of which this handle is a holder.
    Kept(A),
    /// The pool has no entry for this key.
    Overflow(Key),
}

/// A reference to a pool, borrowed or counted.
#[doc(hidden)]
pub trait PoolRef: Clone {
    type Window: Window;
    type Lock: Lock;
    /// The place of an entry: the entry itself, if the reference is borrowed for long enough.
    type At: Copy;

    fn pool(&self) -> &CircuitPool<Self::Window, Self::Lock>;
    fn at(&self, index: u32) -> Self::At;
    fn slot(&self, at: Self::At) -> Slot<'_, Self::Window, Self::Lock>;
}

impl<'p, W: Window, L: Lock> PoolRef for &'p CircuitPool<W, L> {
    type Window = W;
    type Lock = L;
    type At = Slot<'p, W, L>;

    #[inline]
    fn pool(&self) -> &CircuitPool<W, L> {
        self
    }

    #[inline]
    fn at(&self, index: u32) -> Slot<'p, W, L> {
        (*self).slot(index)
    }

    #[inline]
    fn slot(&self, slot: Slot<'p, W, L>) -> Slot<'_, W, L> {
        slot
    }
}

impl<W: Window, L: Lock> PoolRef for Arc<CircuitPool<W, L>> {
    type Window = W;
    type Lock = L;
    type At = u32;

    #[inline]
    fn pool(&self) -> &CircuitPool<W, L> {
        self
    }

    #[inline]
    fn at(&self, index: u32) -> u32 {
        index
    }

    #[inline]
    fn slot(&self, index: u32) -> Slot<'_, W, L> {
        (**self).slot(index)
    }
}

impl<W: Window, L: Lock> CircuitPool<W, L> {
    /// Returns a handle of this key's circuit, which is made if it is missing. It always succeeds: if there is no room,
    /// it returns an [overflow](CircuitHandle::is_overflow).
    #[inline]
    pub fn get(&self, key: &str) -> PooledCircuit<'_, W, L> {
        CircuitHandle::new(self, key)
    }

    /// Returns a handle of this key's circuit as [`get`](Self::get) does, which owns a reference to the pool.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use retry_core::{circuit::Gate, CircuitConfig, CircuitPool, Instant};
    ///
    /// let hosts = Arc::new(CircuitPool::new(1_000, CircuitConfig::DEFAULT));
    /// let host = hosts.get_owned("a.example.com");
    /// let task = std::thread::spawn(move || host.admit(Instant::ORIGIN).is_ok());
    /// assert!(task.join().unwrap());
    /// ```
    pub fn get_owned(self: &Arc<Self>, key: &str) -> OwnedCircuit<W, L> {
        CircuitHandle::new(Arc::clone(self), key)
    }

    /// Returns a handle of this key's circuit, if there is one. It counts as a look-up.
    pub fn peek(&self, key: &str) -> Option<PooledCircuit<'_, W, L>> {
        self.hold_known(key).map(|index| CircuitHandle::kept(self, index))
    }

    /// Iterates over all circuits in any order, for metrics, or to set each one by hand. Circuits may be made or
    /// evicted meanwhile.
    ///
    /// ```
    /// use retry_core::{circuit::Phase, CircuitConfig, CircuitPool, Instant};
    ///
    /// let hosts = CircuitPool::new(100, CircuitConfig::DEFAULT);
    /// hosts.get("a.example.com");
    /// hosts.get("b.example.com").force_open(Instant::ORIGIN);
    /// let open: Vec<_> = hosts.iter().filter(|host| host.phase() == Phase::Open).collect();
    /// assert_eq!(open[0].name(), "b.example.com");
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = PooledCircuit<'_, W, L>> {
        self.hold_each().map(move |index| CircuitHandle::kept(self, index))
    }
}

impl<P: PoolRef> CircuitHandle<P> {
    #[inline]
    fn new(pool: P, key: &str) -> Self {
        let (hash, key) = pool.pool().hash(key);
        match pool.pool().find(hash, &key) {
            Some(index) => Self::kept(pool, index),
            None => Self::new_locked(pool, hash, key),
        }
    }

    #[inline(never)]
    fn new_locked(pool: P, hash: u32, key: KeyText<'_>) -> Self {
        // Before the lock, because it takes time.
        let key = key.with_digest();
        match pool.pool().hold_new(hash, &key) {
            Some(index) => Self::kept(pool, index),
            None => Self { pool, place: Place::Overflow(key.key()) },
        }
    }

    /// A handle of an entry that is already held for it.
    #[inline]
    fn kept(pool: P, index: u32) -> Self {
        let place = Place::Kept(pool.at(index));
        Self { pool, place }
    }

    /// Returns the key. If it is longer than 96 bytes, its beginning, two dots and its digest follow each other, as in
    /// [`Key`]. For an overflow, that is so from 24 bytes on.
    pub fn name(&self) -> String {
        match self.place {
            Place::Kept(at) => self.pool.slot(at).name(),
            Place::Overflow(key) => Exact(&key).to_string(),
        }
    }

    /// Returns the key as events show it.
    pub fn key(&self) -> Key {
        match self.place {
            Place::Kept(at) => self.pool.slot(at).key(),
            Place::Overflow(key) => key,
        }
    }

    /// Returns `true` if the pool had no room for this key. Then every attempt is admitted, and outcomes are discarded,
    /// unless all such keys [share](CircuitPool::share_overflow) a circuit.
    pub fn is_overflow(&self) -> bool {
        matches!(self.place, Place::Overflow(_))
    }

    /// Returns the circuit itself; `None` for an overflow, unless all such keys [share](CircuitPool::share_overflow) a
    /// circuit.
    ///
    /// ```
    /// use retry_core::{circuit::Gate, CircuitConfig, CircuitPool, Instant};
    ///
    /// const NOW: Instant = Instant::ORIGIN;
    ///
    /// let hosts = CircuitPool::new(1, CircuitConfig::DEFAULT);
    /// let kept = hosts.get("a.example.com");
    /// assert_eq!(kept.circuit().unwrap().counts(NOW).unwrap().calls, 0);
    ///
    /// // An overflow cannot be forced open: that would refuse the calls of all keys in overflow.
    /// let other = hosts.get("b.example.com");
    /// assert!(other.circuit().is_none() && other.force_open(NOW).is_none());
    /// assert!(other.admit(NOW).is_ok());
    /// ```
    #[inline]
    pub fn circuit(&self) -> Option<&OfPool<P::Window, P::Lock>> {
        match self.place {
            Place::Kept(at) => Some(self.pool.slot(at).circuit()),
            Place::Overflow(_) => self.pool.pool().shared_overflow(),
        }
    }

    manual_operations!("If it is an [overflow](Self::is_overflow), it only returns `None`.");

    fn by_hand<R>(&self, f: impl FnOnce(&mut Breaker<P::Window>) -> R) -> Option<R> {
        self.circuit()?.by_hand(f)
    }

    /// The circuit that answers. For an overflow, it admits every attempt, unless it is shared.
    #[inline]
    fn gate(&self) -> &OfPool<P::Window, P::Lock> {
        match self.place {
            Place::Kept(at) => self.pool.slot(at).circuit(),
            Place::Overflow(_) => self.pool.pool().overflow(),
        }
    }
}

impl<P: PoolRef> Gate for CircuitHandle<P> {
    type Ticket = Ticket;

    /// The circuit has the name of the pool.
    #[inline]
    fn name(&self) -> &'static str {
        self.pool.pool().pool_name()
    }

    fn key(&self) -> Key {
        Self::key(self)
    }

    #[inline]
    fn place(&self) -> usize {
        self.gate().place()
    }

    #[inline]
    fn admit(&self, now: impl Now) -> Result<Admission<Ticket>, Rejected> {
        match self.place {
            Place::Kept(at) => self.pool.slot(at).circuit().admit(now),
            Place::Overflow(_) => {
                // The pool needs the time only now that it has no room.
                let now = now.now();
                self.pool.pool().learn(now);
                self.gate().admit(now)
            }
        }
    }

    #[inline]
    fn end(&self, ticket: Ticket, end: AttemptEnd, now: impl Now) -> Settled {
        self.gate().end(ticket, end, now)
    }
}

impl<P: PoolRef> Clone for CircuitHandle<P> {
    fn clone(&self) -> Self {
        let place = match self.place {
            // A billion handles are a leak, but the program should go on.
            Place::Kept(at) if !self.pool.slot(at).entry.hold() => Place::Overflow(self.key()),
            Place::Kept(at) => Place::Kept(at),
            Place::Overflow(key) => Place::Overflow(key),
        };
        Self { pool: self.pool.clone(), place }
    }
}

impl<P: PoolRef> Drop for CircuitHandle<P> {
    #[inline]
    fn drop(&mut self) {
        if let Place::Kept(at) = self.place {
            self.pool.slot(at).entry.release();
        }
    }
}

impl<P: PoolRef> From<&CircuitHandle<P>> for Key {
    fn from(circuit: &CircuitHandle<P>) -> Self {
        circuit.key()
    }
}

impl<P: PoolRef> fmt::Debug for CircuitHandle<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitHandle")
            .field("name", &Shown(&self.name()))
            .field("phase", &self.phase())
            .field("is_overflow", &self.is_overflow())
            .finish_non_exhaustive()
    }
}
