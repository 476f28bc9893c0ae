//! A bounded pool of circuits by key.

use core::fmt;
use core::hash::BuildHasher;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed, fence};
use core::time::Duration;

use std::boxed::Box;
use std::hash::RandomState;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::vec::Vec;

use super::eviction::{Eviction, FORGET_AFTER, Fate, Seconds};
use super::hash::SipHash;
use super::pooled::{Entry, PooledCircuit};
use super::table::Table;
use crate::circuit::{CircuitConfig, CountWindow, SharedCircuit, Window};
use crate::config::{ConfigError, Value, ok_or_panic};
use crate::lock::{Lock, StdLock};
use crate::time::Instant;

/// A circuit for each key, such as a host, made when it is first asked for; at most so many.
///
/// Keys may come from outside: hashes are keyed by a secret of the process, memory is bounded, and a pool that is full
/// forgets only circuits that have nothing to remember. Those are closed ones without a failure, a slow call or a ramp,
/// that are in nobody's hands. One that holds more than that is forgotten once nobody has asked for it for an hour, or
/// for as long as [`forget_after`](Self::forget_after) says; one that is open, never before its time is over; one that
/// a hand has set or that someone has, never. Where nothing may be forgotten, the key gets the pool's overflow circuit,
/// and [`counts`](Self::counts) says how often: it admits everything and counts nothing, as if there were no circuit,
/// unless [`share_overflow`](Self::share_overflow) makes it one that all such keys share.
///
/// ```
/// use std::sync::LazyLock;
/// use retry_core::{CircuitConfig, CircuitPool, Class, Policy, retry};
///
/// static HOSTS: LazyLock<CircuitPool> = LazyLock::new(|| CircuitPool::new(10_000, CircuitConfig::DEFAULT));
///
/// fn fetch(host: &str) -> Result<u32, retry_core::Error<Class>> {
///     let circuit = HOSTS.get(host);
///     retry(&Policy::DEFAULT).circuit(&circuit).named("stock.read").keyed(&circuit).run_blocking(|| Ok(7))
/// }
/// assert_eq!(fetch("eu-west-1.example.com"), Ok(7));
/// assert_eq!(HOSTS.counts().kept, 1);
/// ```
///
/// A lookup locks one of several shards, for reading only where the key is known. A caller that asks for the same key
/// again and again does better to keep the circuit: it stays the one of its key as long as anyone has it.
pub struct CircuitPool<W: Window = CountWindow<100>, L: Lock = StdLock> {
    shards: Box<[Shard<W, L>]>,
    hasher: SipHash,
    capacity: usize,
    kept: AtomicUsize,
    forgotten: AtomicUsize,
    overflowed: AtomicUsize,
    overflow: Arc<Entry<W, L>>,
    idle_for: u32,
    config: Arc<CircuitConfig>,
}

/// A line of its own, so that two shards do not slow each other.
#[repr(align(128))]
struct Shard<W: Window, L: Lock>(RwLock<Table<Arc<Entry<W, L>>>>);

/// What a pool holds, and what it has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolCounts {
    /// How many circuits it holds.
    pub kept: usize,
    /// How many it forgot to make room, since it was made; wraps.
    pub forgotten: usize,
    /// How many lookups got the overflow circuit, since it was made; wraps.
    pub overflowed: usize,
}

impl<W: Window, L: Lock> CircuitPool<W, L> {
    /// A pool of at most `capacity` circuits, each by this configuration. Memory is taken as they are made.
    ///
    /// # Panics
    /// On a capacity of 0, and on a configuration that does not fit the window.
    #[track_caller]
    pub fn new(capacity: usize, config: CircuitConfig) -> Self {
        ok_or_panic!(Self::try_new(capacity, config))
    }

    /// [`new`](Self::new) for values known only at run time.
    ///
    /// # Errors
    /// A capacity of 0, and a configuration that does not fit the window.
    pub fn try_new(capacity: usize, config: CircuitConfig) -> Result<Self, ConfigError> {
        if capacity == 0 {
            return Err(ConfigError::new("capacity", Value::Count(0), "must be at least 1"));
        }
        let config = Arc::new(config.for_window::<W>()?);
        // All that is ever asked of it is an answer; nobody is told when it was disabled.
        let overflow = SharedCircuit::with(Arc::clone(&config));
        overflow.disable(Instant::ORIGIN);
        let shards = (capacity / CIRCUITS_A_SHARD).clamp(1, MOST_SHARDS).next_power_of_two();
        Ok(Self {
            shards: (0..shards).map(|_| Shard(RwLock::new(Table::EMPTY))).collect(),
            hasher: secret(),
            capacity,
            kept: AtomicUsize::new(0),
            forgotten: AtomicUsize::new(0),
            overflowed: AtomicUsize::new(0),
            overflow: Arc::new(Entry::new("", overflow)),
            idle_for: Seconds::length(FORGET_AFTER),
            config,
        })
    }

    /// How long nobody must have asked for a circuit with something to remember, before it may be forgotten; rounded up
    /// to whole seconds. [`Duration::MAX`]: never.
    ///
    /// The pool reads no clock. It learns the time from calls that got the overflow circuit, so from the first that
    /// found no room; what was idle before then counts from there.
    #[must_use]
    pub fn forget_after(self, idle: Duration) -> Self {
        Self { idle_for: Seconds::length(idle), ..self }
    }

    /// Lets those keys that get no circuit of their own share one, instead of going without: for a network where many
    /// failing keys have one cause.
    #[must_use]
    pub fn share_overflow(self) -> Self {
        self.overflow.circuit().reset(Instant::ORIGIN);
        self
    }

    /// The circuit of this key, made where there is none.
    ///
    /// Never fails: see [`PooledCircuit::is_overflow`].
    pub fn get(&self, key: &str) -> PooledCircuit<W, L> {
        let hash = self.hasher.hash(key.as_bytes());
        match self.peek_hashed(hash, key) {
            Some(circuit) => circuit,
            None => self.make(hash, key),
        }
    }

    /// The circuit of this key, if there is one.
    pub fn peek(&self, key: &str) -> Option<PooledCircuit<W, L>> {
        self.peek_hashed(self.hasher.hash(key.as_bytes()), key)
    }

    /// Forgets this key, whatever the state of its circuit; those who have it keep it. Whether there was one.
    pub fn forget(&self, key: &str) -> bool {
        let hash = self.hasher.hash(key.as_bytes());
        let removed = write(self.home(hash)).remove(tag(hash), |entry| entry.is(key));
        if removed.is_some() {
            self.kept.fetch_sub(1, Relaxed);
        }
        removed.is_some()
    }

    /// All circuits, in no order: for metrics, or to set each by hand. While it goes on, others come and go.
    ///
    /// ```
    /// use retry_core::{CircuitConfig, CircuitPool, Instant, Phase};
    ///
    /// let hosts: CircuitPool = CircuitPool::new(100, CircuitConfig::DEFAULT);
    /// hosts.get("a.example.com");
    /// hosts.get("b.example.com").force_open(Instant::ORIGIN);
    /// let open: Vec<_> = hosts.iter().filter(|host| host.phase() == Phase::Open).collect();
    /// assert_eq!(open[0].name(), "b.example.com");
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = PooledCircuit<W, L>> {
        // No lock is held while a caller looks at a circuit.
        self.shards.iter().flat_map(|shard| read(shard).iter().map(PooledCircuit::kept).collect::<Vec<_>>())
    }

    /// What it holds, and what it has done.
    pub fn counts(&self) -> PoolCounts {
        PoolCounts {
            kept: self.kept.load(Relaxed),
            forgotten: self.forgotten.load(Relaxed),
            overflowed: self.overflowed.load(Relaxed),
        }
    }

    /// The most circuits it holds.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    #[inline]
    fn peek_hashed(&self, hash: u64, key: &str) -> Option<PooledCircuit<W, L>> {
        let shard = read(self.home(hash));
        let entry = shard.find(tag(hash), |entry| entry.is(key))?;
        entry.ask();
        Some(PooledCircuit::kept(entry))
    }

    #[inline(never)]
    fn make(&self, hash: u64, key: &str) -> PooledCircuit<W, L> {
        if !self.take_place() && !self.evict(hash) {
            self.overflowed.fetch_add(1, Relaxed);
            return PooledCircuit::overflow(&self.overflow, key);
        }
        let mut shard = write(self.home(hash));
        if let Some(entry) = shard.find(tag(hash), |entry| entry.is(key)) {
            // Another thread was faster.
            self.kept.fetch_sub(1, Relaxed);
            return PooledCircuit::kept(entry);
        }
        let entry = Arc::new(Entry::new(key, SharedCircuit::with(Arc::clone(&self.config))));
        let made = PooledCircuit::kept(&entry);
        shard.insert(tag(hash), entry);
        made
    }

    fn take_place(&self) -> bool {
        self.kept.fetch_update(Relaxed, Relaxed, |kept| (kept < self.capacity).then_some(kept + 1)).is_ok()
    }

    /// Makes a place by forgetting a circuit: of this key's shard, else of those that follow.
    fn evict(&self, hash: u64) -> bool {
        let eviction = Eviction { now: self.overflow.latest(), idle_for: self.idle_for };
        let mut steps = MOST_STEPS;
        let first = self.home_index(hash);
        for shard in self.shards.iter().cycle().skip(first).take(self.shards.len()) {
            let forgotten = write(shard).evict(&mut steps, |entry, idle_since| {
                // Whoever has it got it under this lock.
                if Arc::strong_count(entry) > 1 {
                    return Fate::Keep;
                }
                // What those who had it did to it is to be seen.
                fence(core::sync::atomic::Ordering::Acquire);
                eviction.fate(entry.take_asked(), idle_since, |now| entry.circuit().standing(now))
            });
            if forgotten.is_some() {
                self.forgotten.fetch_add(1, Relaxed);
                return true;
            }
            if steps == 0 {
                break;
            }
        }
        false
    }

    fn home(&self, hash: u64) -> &Shard<W, L> {
        &self.shards[self.home_index(hash)]
    }

    #[allow(clippy::cast_possible_truncation)] // the upper half: the lower finds the slot
    fn home_index(&self, hash: u64) -> usize {
        (hash >> 32) as usize & (self.shards.len() - 1)
    }
}

/// The standard library's secret, for another form of the same hash.
fn secret() -> SipHash {
    let secret = RandomState::new();
    SipHash::new([secret.hash_one(0), secret.hash_one(1)])
}

/// What a table knows of a hash.
#[allow(clippy::cast_possible_truncation)] // the lower half: the upper finds the shard
const fn tag(hash: u64) -> u32 {
    hash as u32
}

// Nothing that holds the lock runs others' code.
fn read<W: Window, L: Lock>(shard: &Shard<W, L>) -> RwLockReadGuard<'_, Table<Arc<Entry<W, L>>>> {
    shard.0.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<W: Window, L: Lock>(shard: &Shard<W, L>) -> RwLockWriteGuard<'_, Table<Arc<Entry<W, L>>>> {
    shard.0.write().unwrap_or_else(PoisonError::into_inner)
}

impl<W: Window, L: Lock> fmt::Debug for CircuitPool<W, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitPool")
            .field("capacity", &self.capacity)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

/// Below that, one shard is locked too rarely to be worth two.
const CIRCUITS_A_SHARD: usize = 64;
const MOST_SHARDS: usize = 64;
/// How many circuits are looked at for one that may be forgotten. A newcomer that finds none costs no more than that.
const MOST_STEPS: u32 = 32;
