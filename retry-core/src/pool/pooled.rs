//! One circuit of a pool.

use core::fmt;
use core::ops::Deref;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use core::time::Duration;

use std::boxed::Box;
use std::sync::Arc;

use super::eviction::Seconds;
use crate::circuit::{
    Admission, Change, CircuitConfig, CountWindow, Gate, Settled, SharedCircuit, Ticket, Window,
};
use crate::class::Class;
use crate::key::Key;
use crate::lock::{Lock, StdLock};
use crate::time::Now;
use crate::verdict::Rejected;

/// The circuit of one key, out of a [`CircuitPool`](crate::CircuitPool).
///
/// While anyone has it, the pool does not forget it, and hands out the same one to everyone. It is a
/// [`SharedCircuit`], and does what that does, but that its configuration is its pool's; to clone it is to count one up.
///
/// ```
/// use core::time::Duration;
/// use retry_core::{CircuitConfig, CircuitPool, Instant, Key, Phase};
///
/// let hosts: CircuitPool = CircuitPool::new(1_000, CircuitConfig::DEFAULT);
/// let host = hosts.get("eu-west-1.internal.example.com");
/// host.trip(Duration::from_secs(30), Instant::ORIGIN);
/// assert_eq!(hosts.get("eu-west-1.internal.example.com").phase(), Phase::Open);
/// assert_eq!(host.name(), "eu-west-1.internal.example.com");
/// assert_eq!(Key::from(&host).to_string(), "eu-west-1.internal.exam.."); // for events
/// ```
pub struct PooledCircuit<W: Window = CountWindow<100>, L: Lock = StdLock> {
    entry: Arc<Entry<W, L>>,
    /// The key that has no circuit of its own.
    overflow: Option<Key>,
}

/// A circuit that has its configuration in its pool.
pub(super) type OfPool<W, L> = SharedCircuit<W, L, Arc<CircuitConfig>>;

/// What a pool keeps of one key. In this order, so that a lookup finds what it needs beside the count of the [`Arc`].
#[repr(C)]
pub(super) struct Entry<W: Window, L: Lock> {
    name: Name,
    /// Whether anyone asked for it since the hand passed.
    asked: AtomicBool,
    /// Of the overflow: the latest time that anyone told it.
    latest: AtomicU32,
    circuit: OfPool<W, L>,
}

/// A key of any length; one that is not longer than names of hosts are, in place.
enum Name {
    Short { length: u8, bytes: [u8; SHORT] },
    Long(Box<str>),
}

const SHORT: usize = 38;

impl Name {
    fn new(name: &str) -> Self {
        let mut bytes = [0; SHORT];
        match (bytes.get_mut(..name.len()), u8::try_from(name.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(name.as_bytes());
                Self::Short { length, bytes }
            }
            _ => Self::Long(name.into()),
        }
    }

    #[inline]
    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short { length, bytes } => &bytes[..usize::from(*length).min(SHORT)],
            Self::Long(name) => name.as_bytes(),
        }
    }

    fn as_str(&self) -> &str {
        match core::str::from_utf8(self.as_bytes()) {
            Ok(name) => name,
            Err(_) => unreachable!("it was made of a `str`, whole"),
        }
    }
}

impl<W: Window, L: Lock> Entry<W, L> {
    pub(super) fn new(name: &str, circuit: OfPool<W, L>) -> Self {
        Self { name: Name::new(name), asked: AtomicBool::new(false), latest: AtomicU32::new(0), circuit }
    }

    #[inline]
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.as_bytes() == name.as_bytes()
    }

    pub(super) fn circuit(&self) -> &OfPool<W, L> {
        &self.circuit
    }

    #[inline]
    pub(super) fn ask(&self) {
        // What does not change is not written, so that other threads keep their copy of it.
        if !self.asked.load(Relaxed) {
            self.asked.store(true, Relaxed);
        }
    }

    pub(super) fn take_asked(&self) -> bool {
        self.asked.load(Relaxed) && self.asked.swap(false, Relaxed)
    }

    pub(super) fn latest(&self) -> Seconds {
        Seconds(self.latest.load(Relaxed))
    }
}

impl<W: Window, L: Lock> PooledCircuit<W, L> {
    #[inline]
    pub(super) fn kept(entry: &Arc<Entry<W, L>>) -> Self {
        Self { entry: Arc::clone(entry), overflow: None }
    }

    pub(super) fn overflow(entry: &Arc<Entry<W, L>>, name: &str) -> Self {
        Self { entry: Arc::clone(entry), overflow: Some(Key::new(name)) }
    }

    /// The whole key; of an overflow, as much as [`Key`] holds.
    pub fn name(&self) -> &str {
        self.overflow.as_ref().map_or_else(|| self.entry.name.as_str(), Key::as_str)
    }

    /// The key as events show it.
    pub fn key(&self) -> Key {
        self.overflow.unwrap_or_else(|| Key::new(self.entry.name.as_str()))
    }

    /// Whether the pool had no place for this key, and could forget no other: this is the circuit of all such keys.
    pub fn is_overflow(&self) -> bool {
        self.overflow.is_some()
    }
}

impl<W: Window, L: Lock> Deref for PooledCircuit<W, L> {
    type Target = OfPool<W, L>;

    fn deref(&self) -> &OfPool<W, L> {
        &self.entry.circuit
    }
}

impl<W: Window, L: Lock> Gate for PooledCircuit<W, L> {
    type Ticket = Ticket;

    #[inline]
    fn admit(&self, now: impl Now) -> Result<Admission<Ticket>, Rejected> {
        if self.overflow.is_none() {
            return self.entry.circuit.admit(now);
        }
        // Only now does the pool need to know the time: something is not kept for want of room.
        let now = now.now();
        self.entry.latest.fetch_max(Seconds::of(now).0, Relaxed);
        self.entry.circuit.admit(now)
    }

    #[inline]
    fn succeed(&self, ticket: Ticket, now: impl Now) -> Option<Change> {
        self.entry.circuit.succeed(ticket, now)
    }

    #[inline]
    fn fail(
        &self,
        ticket: Ticket,
        class: Class,
        now: impl Now,
        delay: Option<Duration>,
        word: u64,
    ) -> Settled {
        self.entry.circuit.fail(ticket, class, now, delay, word)
    }

    #[inline]
    fn cancel(&self, ticket: Ticket, now: impl Now) -> Option<Change> {
        self.entry.circuit.cancel(ticket, now)
    }
}

impl<W: Window, L: Lock> Clone for PooledCircuit<W, L> {
    fn clone(&self) -> Self {
        Self { entry: Arc::clone(&self.entry), overflow: self.overflow }
    }
}

impl<W: Window, L: Lock> From<&PooledCircuit<W, L>> for Key {
    fn from(circuit: &PooledCircuit<W, L>) -> Self {
        circuit.key()
    }
}

impl<W: Window, L: Lock> fmt::Debug for PooledCircuit<W, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PooledCircuit")
            .field("name", &self.name())
            .field("phase", &self.phase())
            .field("is_overflow", &self.is_overflow())
            .finish_non_exhaustive()
    }
}
