//! A bounded pool of circuits by key: storage, look-up and eviction. Handles of its circuits are in `handle.rs`.

use core::fmt;
use core::sync::atomic::Ordering::Relaxed;
use core::time::Duration;

use std::boxed::Box;
use std::sync::{Arc, OnceLock, PoisonError};
use std::vec::Vec;

use super::entry::{Body, Entry, OfPool, Slot};
use super::eviction::{Eviction, FORGET_AFTER, Fate, PoolCounts, Seconds};
use super::hash::SipHash;
use super::index::Index;
use super::sync::{AtomicU32, Mutex, MutexGuard};
use crate::circuit::{CircuitConfig, CountWindow, SharedCircuit, Window};
use crate::config_error::{ConfigError, Value, ok_or_panic};
use crate::lock::{DefaultLock, Lock};
use crate::time::{Instant, Now};

/// One circuit breaker per key, such as a host: made at the first look-up of the key, and bounded in number.
///
/// It is usually a `static` or an `Arc`.
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
/// # Eviction
///
/// A full pool evicts a circuit to make room for a new key. It looks at 32 circuits for that, the next ones in turn:
///
/// - A closed circuit without a failure, a slow call or a ramp may be evicted at once, unless it is held. It is held by
///   attempts under way and by handles.
/// - A circuit that holds more than that may be evicted after an hour without a look-up, or after the time set by
///   [`forget_after`](Self::forget_after).
/// - A circuit that is open is not evicted before its open time is over.
/// - A circuit that was set by hand, or that is held, is never evicted.
///
/// If none of the 32 may be evicted, the new key gets an [overflow](crate::pool::CircuitHandle::is_overflow) circuit. It
/// admits every attempt and counts nothing, as if there were no circuit. [`counts`](Self::counts) says how often that happened. By
/// [`share_overflow`](Self::share_overflow), all such keys share one circuit that counts.
///
/// # Keys from outside
///
/// Keys may come from attackers. Hashes are keyed by a secret of the process, so that colliding keys cannot be
/// constructed. The number of circuits is bounded, and keys are kept whole: to bound memory, bound the length of keys, too.
/// Names of hosts have at most 253 bytes. A key of up to 96 bytes needs no allocation of its own.
///
/// # Cost
///
/// A look-up of a known key takes no lock of the pool, but two atomic steps: one when the handle is made, and one when it is
/// dropped. A look-up of a new key takes the lock. So a flood of new keys slows itself down, and not the known keys.
#[doc(alias = "registry")]
pub struct CircuitPool<W: Window = CountWindow<100>, L: Lock = DefaultLock> {
    hasher: SipHash,
    index: Index,
    /// Made as they are needed, and kept as long as the pool.
    blocks: Box<[OnceLock<Block<W, L>>]>,
    capacity: u32,
    /// Admits everything, unless it is shared.
    overflow: OfPool<W, L>,
    shares_overflow: bool,
    /// The latest time that a call through the overflow circuit told.
    latest: AtomicU32,
    idle_for: u32,
    /// For circuits that are made next. Locked while a block is made.
    config: Mutex<Arc<CircuitConfig>>,
    /// Locked while all circuits are reconfigured.
    reconfiguring: Mutex<()>,
    state: Mutex<State>,
}

/// Entries, and their bodies apart from them.
struct Block<W: Window, L: Lock> {
    entries: Box<[Entry]>,
    bodies: Box<[Body<W, L>]>,
}

/// What the pool's lock guards. It also guards every change of the index and of an entry's key.
struct State {
    /// How many entries were ever used: the first ones.
    used: u32,
    /// Entries whose keys were forgotten by [`CircuitPool::forget`]. They are used again first, once nothing holds them.
    free: Vec<u32>,
    /// The next entry that eviction looks at.
    clock_hand: u32,
    counts: PoolCounts,
}

impl CircuitPool {
    /// A pool of at most `capacity` circuits, each by this configuration, whose windows are the last 100 calls. Most of its
    /// memory is allocated as circuits are made.
    ///
    /// A pool of circuits with another window or another lock is of another type, and is made by
    /// [`with_window`](Self::with_window).
    ///
    /// # Panics
    /// Panics if the capacity is 0 or more than a billion, or if the configuration does not fit the window.
    #[track_caller]
    pub fn new(capacity: usize, config: CircuitConfig) -> Self {
        Self::with_window(capacity, config)
    }

    /// [`new`](Self::new) for values known only at run time.
    ///
    /// # Errors
    /// Returns an error if the capacity is 0 or more than a billion, or if the configuration does not fit the window.
    pub fn try_new(capacity: usize, config: CircuitConfig) -> Result<Self, ConfigError> {
        Self::try_with_window(capacity, config)
    }
}

impl<W: Window, L: Lock> CircuitPool<W, L> {
    /// A pool of at most `capacity` circuits, each by this configuration, with the window and the lock of the pool's type.
    ///
    /// ```
    /// use retry_core::{circuit::CountWindow, CircuitConfig, CircuitPool};
    ///
    /// let hosts = CircuitPool::<CountWindow<20>>::with_window(1_000, CircuitConfig::DEFAULT);
    /// assert_eq!(hosts.capacity(), 1_000);
    /// ```
    ///
    /// # Panics
    /// Panics if the capacity is 0 or more than a billion, or if the configuration does not fit the window.
    #[track_caller]
    pub fn with_window(capacity: usize, config: CircuitConfig) -> Self {
        ok_or_panic!(Self::try_with_window(capacity, config))
    }

    /// [`with_window`](Self::with_window) for values known only at run time.
    ///
    /// # Errors
    /// Returns an error if the capacity is 0 or more than a billion, or if the configuration does not fit the window.
    pub fn try_with_window(capacity: usize, config: CircuitConfig) -> Result<Self, ConfigError> {
        let capacity = match u32::try_from(capacity) {
            Ok(capacity @ 1..=MOST_CIRCUITS) => capacity,
            _ => {
                let capacity = Value::Count(capacity as u64);
                return Err(ConfigError::new("capacity", capacity, "must be from 1 to a billion"));
            }
        };
        let config = Arc::new(config.for_window::<W>()?);
        let overflow = SharedCircuit::with(Arc::clone(&config));
        // The time does not matter: the change is not reported.
        overflow.disable(Instant::ORIGIN);
        Ok(Self {
            hasher: SipHash::secret(),
            index: Index::for_entries(capacity),
            blocks: (0..capacity.div_ceil(BLOCK)).map(|_| OnceLock::new()).collect(),
            capacity,
            overflow,
            shares_overflow: false,
            latest: AtomicU32::new(Seconds::UNKNOWN.0),
            idle_for: Seconds::length(FORGET_AFTER),
            config: Mutex::new(config),
            reconfiguring: Mutex::new(()),
            state: Mutex::new(State {
                used: 0,
                free: Vec::new(),
                clock_hand: 0,
                counts: PoolCounts::default(),
            }),
        })
    }

    /// Sets after which time without a look-up a circuit with something to remember may be evicted; an hour unless set.
    /// Rounded up to whole seconds; [`Duration::MAX`] is never.
    ///
    /// The pool reads no clock. It learns the time from calls that got the overflow circuit. So a circuit counts as idle
    /// from the first of these calls on.
    #[must_use]
    pub fn forget_after(mut self, idle: Duration) -> Self {
        self.idle_for = Seconds::length(idle);
        self
    }

    /// Lets all keys that get no circuit of their own share one, instead of going without. It is meant for a network in
    /// which many failing keys have one cause.
    #[must_use]
    pub fn share_overflow(self) -> Self {
        self.overflow.reset(Instant::ORIGIN);
        Self { shares_overflow: true, ..self }
    }

    /// Goes on by another configuration, while calls are under way: every circuit of the pool, the overflow circuit, and
    /// every circuit that is made later.
    ///
    /// Each circuit goes on as by [`SharedCircuit::reconfigure`]: it keeps the newest outcomes, as many as fit, and what was
    /// set by hand stays. The circuits are locked one after the other, so calls under way meet either configuration.
    /// Look-ups go on meanwhile.
    ///
    /// ```
    /// use core::time::Duration;
    /// use retry_core::{circuit::Phase, CircuitConfig, CircuitPool, Instant};
    ///
    /// let now = Instant::ORIGIN;
    /// let hosts = CircuitPool::new(1_000, CircuitConfig::DEFAULT);
    /// let host = hosts.get("a.example.com");
    /// host.trip(Duration::from_secs(30), now);
    ///
    /// hosts.reconfigure(CircuitConfig::DEFAULT.open_for(Duration::from_secs(5)), now)?;
    /// assert_eq!(host.circuit().unwrap().snapshot(now).open_for(), Some(Duration::from_secs(5)));
    /// # Ok::<_, retry_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error, and changes nothing, if the configuration does not fit the window.
    pub fn reconfigure(&self, config: CircuitConfig, now: impl Now) -> Result<(), ConfigError> {
        let (config, now) = (Arc::new(config.for_window::<W>()?), now.now());
        // One at a time, so that two threads do not mix their configurations.
        let _guard = self.reconfiguring.lock().unwrap_or_else(PoisonError::into_inner);
        // A block that is not among those below is made by the new one.
        *self.config() = Arc::clone(&config);
        let bodies = self.blocks.iter().filter_map(OnceLock::get).flat_map(|block| &block.bodies);
        for circuit in bodies.map(Body::circuit).chain([&self.overflow]) {
            circuit.change_to(&config, Some(Arc::clone(&config)), now);
        }
        Ok(())
    }

    /// Forgets this key, whatever the state of its circuit, and returns whether there was one. Handles keep the circuit.
    ///
    /// If the circuit was open, the next new key reports that it is closed, with its first admission.
    pub fn forget(&self, key: &str) -> bool {
        let hash = self.hash(key);
        self.locked(|state| match self.find_locked(hash, key) {
            Some(index) => {
                self.unlist(state, index);
                if state.free.len() < self.capacity() {
                    state.free.push(index);
                }
                true
            }
            None => false,
        })
    }

    /// What it holds, and what became of look-ups.
    pub fn counts(&self) -> PoolCounts {
        self.locked(|state| state.counts)
    }

    /// The most circuits it holds.
    pub fn capacity(&self) -> usize {
        self.capacity as usize
    }

    /// The entry of this key, held, if there is one.
    pub(super) fn hold_known(&self, key: &str) -> Option<u32> {
        let hash = self.hash(key);
        self.find(hash, key).or_else(|| {
            self.locked(|_| {
                let index = self.find_locked(hash, key)?;
                self.referenced(index)
            })
        })
    }

    /// Every entry in use when this was called, held; those that have lost their key since are left out.
    pub(super) fn hold_each(&self) -> impl Iterator<Item = u32> {
        let used = self.locked(|state| state.used);
        (0..used).filter(|index| {
            let entry = self.entry(*index);
            self.locked(|_| entry.is_listed() && entry.hold())
        })
    }

    /// The circuit of keys without an entry.
    pub(super) fn overflow(&self) -> &OfPool<W, L> {
        &self.overflow
    }

    pub(super) fn shared_overflow(&self) -> Option<&OfPool<W, L>> {
        self.shares_overflow.then_some(&self.overflow)
    }

    /// Learns the time from a call without a circuit of its own.
    pub(super) fn learn(&self, now: Instant) {
        self.latest.fetch_max(Seconds::of(now).0, Relaxed);
    }

    /// An entry and its body.
    #[inline]
    pub(super) fn slot(&self, index: u32) -> Slot<'_, W, L> {
        let (block, place) = (self.block(index), (index % BLOCK) as usize);
        Slot { entry: &block.entries[place], body: &block.bodies[place] }
    }

    #[inline]
    fn entry(&self, index: u32) -> &Entry {
        &self.block(index).entries[(index % BLOCK) as usize]
    }

    #[inline]
    fn body(&self, index: u32) -> &Body<W, L> {
        &self.block(index).bodies[(index % BLOCK) as usize]
    }

    #[inline]
    fn block(&self, index: u32) -> &Block<W, L> {
        let block = index / BLOCK;
        match self.blocks[block as usize].get() {
            Some(block) => block,
            None => self.make(block),
        }
    }

    #[cold]
    fn make(&self, block: u32) -> &Block<W, L> {
        let config = self.config();
        self.blocks[block as usize].get_or_init(|| {
            let entries = BLOCK.min(self.capacity - block * BLOCK);
            Block {
                entries: (0..entries).map(|_| Entry::new()).collect(),
                bodies: (0..entries).map(|_| Body::new(&config)).collect(),
            }
        })
    }

    pub(super) fn hash(&self, key: &str) -> u32 {
        #[allow(clippy::cast_possible_truncation)] // as much as a slot holds
        let hash = self.hasher.hash(key.as_bytes()) as u32;
        hash
    }

    /// The entry of this key, held. Without the pool's lock, it may be missed.
    #[inline]
    pub(super) fn find(&self, hash: u32, key: &str) -> Option<u32> {
        self.index.find(hash, |index| {
            let entry = self.entry(index);
            if !entry.hold() {
                return None;
            }
            if !entry.is_of(key, || self.body(index)) {
                entry.release();
                return None;
            }
            entry.reference();
            Some(index)
        })
    }

    /// The entry of this key, held, made if there is none; `None` if there is no room. For a key that was not found.
    pub(super) fn hold_new(&self, hash: u32, key: &str) -> Option<u32> {
        self.locked(|state| {
            let index = match self.find_locked(hash, key) {
                // Another thread was faster.
                Some(index) => self.referenced(index),
                None => self.place(state).inspect(|index| {
                    self.slot(*index).become_of(hash, key);
                    self.index.insert(hash, *index);
                    state.counts.kept += 1;
                }),
            };
            state.counts.overflowed += u64::from(index.is_none());
            index
        })
    }

    fn find_locked(&self, hash: u32, key: &str) -> Option<u32> {
        self.index.find(hash, |index| self.entry(index).is_of(key, || self.body(index)).then_some(index))
    }

    /// An entry that a look-up has found, held; `None` if it has too many holders.
    fn referenced(&self, index: u32) -> Option<u32> {
        let entry = self.entry(index);
        entry.reference();
        entry.hold().then_some(index)
    }

    /// An entry for a new key, claimed: one that was freed, else one that was never used, else one that may be evicted.
    fn place(&self, state: &mut State) -> Option<u32> {
        if let Some(index) = self.freed(state) {
            return Some(index);
        }
        if state.used < self.capacity {
            let index = state.used;
            state.used += 1;
            // Nothing can hold it yet.
            return self.entry(index).claim().then_some(index);
        }
        let eviction = Eviction { now: Seconds(self.latest.load(Relaxed)), idle_for: self.idle_for };
        let mut spare = None;
        for _ in 0..MOST_STEPS.min(self.capacity) {
            let index = state.clock_hand;
            state.clock_hand = (index + 1) % self.capacity;
            let entry = self.entry(index);
            if !entry.claim() {
                continue;
            }
            if !entry.is_listed() {
                return Some(index);
            }
            let referenced = entry.take_referenced();
            let fate = entry.with_idle_since(|idle_since| {
                eviction.fate(referenced, idle_since, |now| self.slot(index).circuit().standing(now))
            });
            if fate == Fate::Forget {
                return Some(self.evicted(state, index));
            }
            entry.give_up_claim();
            if fate == Fate::Spare {
                spare = spare.or(Some(index));
            }
        }
        // It may be held by now.
        let spare = spare.filter(|spare| self.entry(*spare).claim())?;
        Some(self.evicted(state, spare))
    }

    fn freed(&self, state: &mut State) -> Option<u32> {
        for at in (0..state.free.len()).rev().take(MOST_STEPS as usize) {
            let (index, entry) = (state.free[at], self.entry(state.free[at]));
            if entry.claim() {
                state.free.swap_remove(at);
                if !entry.is_listed() {
                    return Some(index);
                }
                // The clock hand has given it to another key before.
                entry.give_up_claim();
            }
        }
        None
    }

    fn evicted(&self, state: &mut State, index: u32) -> u32 {
        self.unlist(state, index);
        state.counts.evicted += 1;
        index
    }

    fn unlist(&self, state: &mut State, index: u32) {
        let entry = self.entry(index);
        self.index.remove(entry.hash(), index);
        entry.unlist();
        state.counts.kept -= 1;
    }

    fn config(&self) -> MutexGuard<'_, Arc<CircuitConfig>> {
        self.config.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // No code of others runs while the lock is held.
    fn locked<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<W: Window, L: Lock> fmt::Debug for CircuitPool<W, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitPool")
            .field("capacity", &self.capacity)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

const MOST_CIRCUITS: u32 = 1_000_000_000;
/// How many entries are made at a time.
const BLOCK: u32 = 1_024;
/// How many circuits are looked at for one that may be evicted: it bounds the cost of a new key.
const MOST_STEPS: u32 = 32;
