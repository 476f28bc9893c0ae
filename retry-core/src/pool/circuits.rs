//! A bounded pool of circuits by key.

use core::fmt;
use core::sync::atomic::Ordering::Relaxed;
use core::time::Duration;

use std::boxed::Box;
use std::sync::{Arc, OnceLock, PoisonError};
use std::vec::Vec;

use super::PoolCounts;
use super::entry::{Body, Entry, OfPool};
use super::eviction::{Eviction, FORGET_AFTER, Fate, Seconds};
use super::hash::SipHash;
use super::index::Index;
use super::pooled::PooledCircuit;
use super::sync::{AtomicU32, Mutex};
use crate::circuit::{CircuitConfig, CountWindow, SharedCircuit, Window};
use crate::config_error::{ConfigError, Value, ok_or_panic};
use crate::key::Key;
use crate::lock::{Lock, StdLock};
use crate::time::Instant;

/// A circuit for each key, such as a host, made when it is first asked for; at most so many. Usually a `static`.
///
/// Keys may come from outside: hashes are keyed by a secret of the process, memory is bounded, and a pool that is full
/// forgets only circuits that have nothing to remember. Those are closed ones without a failure, a slow call or a ramp,
/// that are in nobody's hands. One that holds more than that is forgotten once nobody has asked for it for an hour, or
/// for as long as [`forget_after`](Self::forget_after) says; one that is open, never before its time is over; one that
/// a hand has set or that someone has, never. A newcomer looks at 32 circuits, the next ones in turn; where none of them
/// may be forgotten, its key gets the pool's overflow circuit, and [`counts`](Self::counts) says how often: it admits
/// everything and counts nothing, as if there were no circuit, unless [`share_overflow`](Self::share_overflow) makes it one
/// that all such keys share.
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
/// To look up a key that is known takes no lock of the pool's, but one atomic step, and another when the circuit is dropped.
/// A key that is new takes one, so that those who flood a pool are in each other's way, and not in that of others. A key is
/// kept whole, so a bound for memory needs one for the length of keys, too; hosts have theirs, of 253 bytes. Up to 96 bytes
/// it needs no allocation of its own.
pub struct CircuitPool<W: Window = CountWindow<100>, L: Lock = StdLock> {
    hasher: SipHash,
    index: Index,
    /// Made as they are needed, and never given back: whoever has an entry has a reference to it.
    blocks: Box<[OnceLock<Block<W, L>>]>,
    capacity: u32,
    /// Admits everything, unless it is shared.
    overflow: OfPool<W, L>,
    shares_overflow: bool,
    /// The latest time that those who got the overflow circuit told.
    latest: AtomicU32,
    idle_for: u32,
    config: Arc<CircuitConfig>,
    state: Mutex<State>,
}

/// So many entries, and their bodies apart from them.
struct Block<W: Window, L: Lock> {
    entries: Box<[Entry]>,
    bodies: Box<[Body<W, L>]>,
}

/// What the pool's lock guards, beside changes to the index and to which key an entry is of.
struct State {
    /// How many entries were ever used: the first ones.
    used: u32,
    /// Entries whose keys were forgotten by hand: the first to be used again, once nobody has them.
    free: Vec<u32>,
    /// The next entry that is looked at for one to forget.
    hand: u32,
    counts: PoolCounts,
}

impl<W: Window, L: Lock> CircuitPool<W, L> {
    /// A pool of at most `capacity` circuits, each by this configuration. Most of its memory is taken as they are made.
    ///
    /// # Panics
    /// On a capacity of 0 or of more than a billion, and on a configuration that does not fit the window.
    #[track_caller]
    pub fn new(capacity: usize, config: CircuitConfig) -> Self {
        ok_or_panic!(Self::try_new(capacity, config))
    }

    /// [`new`](Self::new) for values known only at run time.
    ///
    /// # Errors
    /// A capacity of 0 or of more than a billion, and a configuration that does not fit the window.
    pub fn try_new(capacity: usize, config: CircuitConfig) -> Result<Self, ConfigError> {
        let capacity = match u32::try_from(capacity) {
            Ok(capacity @ 1..=MOST_CIRCUITS) => capacity,
            _ => {
                let capacity = Value::Count(capacity as u64);
                return Err(ConfigError::new("capacity", capacity, "must be from 1 to a billion"));
            }
        };
        let config = Arc::new(config.for_window::<W>()?);
        let overflow = SharedCircuit::with(Arc::clone(&config));
        // Nobody is told when it was disabled.
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
            config,
            state: Mutex::new(State { used: 0, free: Vec::new(), hand: 0, counts: PoolCounts::default() }),
        })
    }

    /// How long nobody must have asked for a circuit with something to remember, before it may be forgotten; rounded up
    /// to whole seconds. [`Duration::MAX`]: never.
    ///
    /// The pool reads no clock. It learns the time from calls that got the overflow circuit, so from the first that
    /// found no room; what was idle before then counts from there.
    #[must_use]
    pub fn forget_after(mut self, idle: Duration) -> Self {
        self.idle_for = Seconds::length(idle);
        self
    }

    /// Lets those keys that get no circuit of their own share one, instead of going without: for a network where many
    /// failing keys have one cause.
    #[must_use]
    pub fn share_overflow(self) -> Self {
        self.overflow.reset(Instant::ORIGIN);
        Self { shares_overflow: true, ..self }
    }

    /// The circuit of this key, made where there is none. Never fails: see [`PooledCircuit::is_overflow`].
    #[inline]
    pub fn get(&self, key: &str) -> PooledCircuit<'_, W, L> {
        let hash = self.hash(key);
        match self.find(hash, key) {
            Some(index) => self.handle(index),
            None => self.get_locked(hash, key),
        }
    }

    /// The circuit of this key, if there is one.
    pub fn peek(&self, key: &str) -> Option<PooledCircuit<'_, W, L>> {
        let hash = self.hash(key);
        match self.find(hash, key) {
            Some(index) => Some(self.handle(index)),
            None => self.locked(|state| {
                let index = self.find_locked(hash, key)?;
                Some(self.held(state, index, key))
            }),
        }
    }

    /// Forgets this key, whatever the state of its circuit; those who have it keep it. Whether there was one. Where it was
    /// open, the next new key tells that it is no more, with its first admission.
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

    /// All circuits, in no order: for metrics, or to set each by hand. While it goes on, others come and go.
    ///
    /// ```
    /// use retry_core::{circuit::Phase, CircuitConfig, CircuitPool, Instant};
    ///
    /// let hosts: CircuitPool = CircuitPool::new(100, CircuitConfig::DEFAULT);
    /// hosts.get("a.example.com");
    /// hosts.get("b.example.com").force_open(Instant::ORIGIN);
    /// let open: Vec<_> = hosts.iter().filter(|host| host.phase() == Phase::Open).collect();
    /// assert_eq!(open[0].name(), "b.example.com");
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = PooledCircuit<'_, W, L>> {
        let used = self.locked(|state| state.used);
        (0..used).filter_map(|index| {
            let entry = self.entry(index);
            self.locked(|_| (entry.is_listed() && entry.hold()).then(|| self.handle(index)))
        })
    }

    /// What it holds, and what it has done.
    pub fn counts(&self) -> PoolCounts {
        self.locked(|state| state.counts)
    }

    /// The most circuits it holds.
    pub fn capacity(&self) -> usize {
        self.capacity as usize
    }

    pub(super) fn overflow(&self) -> &OfPool<W, L> {
        &self.overflow
    }

    pub(super) fn shared_overflow(&self) -> Option<&OfPool<W, L>> {
        self.shares_overflow.then_some(&self.overflow)
    }

    /// Someone without a circuit of his own tells the time.
    pub(super) fn learn(&self, now: Instant) {
        self.latest.fetch_max(Seconds::of(now).0, Relaxed);
    }

    fn hash(&self, key: &str) -> u32 {
        #[allow(clippy::cast_possible_truncation)] // as much as a slot holds
        let hash = self.hasher.hash(key.as_bytes()) as u32;
        hash
    }

    /// The entry of this key, held. Without the lock, it may be missed.
    #[inline]
    fn find(&self, hash: u32, key: &str) -> Option<u32> {
        self.index.find(hash, |index| {
            let entry = self.entry(index);
            if !entry.hold() {
                return None;
            }
            if !entry.is_of(key, || self.body(index)) {
                entry.release();
                return None;
            }
            entry.ask();
            Some(index)
        })
    }

    #[inline(never)]
    fn get_locked(&self, hash: u32, key: &str) -> PooledCircuit<'_, W, L> {
        self.locked(|state| {
            if let Some(index) = self.find_locked(hash, key) {
                // Another thread was faster.
                return self.held(state, index, key);
            }
            match self.place(state) {
                Some(index) => {
                    self.entry(index).become_of(hash, key, self.body(index));
                    self.index.insert(hash, index);
                    state.counts.kept += 1;
                    self.handle(index)
                }
                None => self.without(state, key),
            }
        })
    }

    fn find_locked(&self, hash: u32, key: &str) -> Option<u32> {
        self.index.find(hash, |index| self.entry(index).is_of(key, || self.body(index)).then_some(index))
    }

    fn held(&self, state: &mut State, index: u32, key: &str) -> PooledCircuit<'_, W, L> {
        let entry = self.entry(index);
        entry.ask();
        if entry.hold() { self.handle(index) } else { self.without(state, key) }
    }

    fn without(&self, state: &mut State, key: &str) -> PooledCircuit<'_, W, L> {
        state.counts.overflowed += 1;
        PooledCircuit::overflow(self, Key::new(key))
    }

    /// An entry for another key, claimed: one that was freed, one that was never used, else one that may be forgotten.
    fn place(&self, state: &mut State) -> Option<u32> {
        if let Some(index) = self.freed(state) {
            return Some(index);
        }
        if state.used < self.capacity {
            let index = state.used;
            state.used += 1;
            // Nobody knows of it.
            return self.entry(index).claim().then_some(index);
        }
        let eviction = Eviction { now: Seconds(self.latest.load(Relaxed)), idle_for: self.idle_for };
        let mut spare = None;
        for _ in 0..MOST_STEPS.min(self.capacity) {
            let index = state.hand;
            state.hand = (index + 1) % self.capacity;
            let entry = self.entry(index);
            if !entry.claim() {
                continue;
            }
            if !entry.is_listed() {
                return Some(index);
            }
            let asked = entry.take_asked();
            let fate = entry.with_idle_since(|idle_since| {
                eviction.fate(asked, idle_since, |now| self.body(index).circuit().standing(now))
            });
            if fate == Fate::Forget {
                return Some(self.evicted(state, index));
            }
            entry.give_up_claim();
            if fate == Fate::Spare {
                spare = spare.or(Some(index));
            }
        }
        // Someone may have asked for it meanwhile.
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
                // The hand has given it to another key before.
                entry.give_up_claim();
            }
        }
        None
    }

    fn evicted(&self, state: &mut State, index: u32) -> u32 {
        self.unlist(state, index);
        state.counts.forgotten += 1;
        index
    }

    fn unlist(&self, state: &mut State, index: u32) {
        let entry = self.entry(index);
        self.index.remove(entry.hash(), index);
        entry.unlist();
        state.counts.kept -= 1;
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
        self.blocks[block as usize].get_or_init(|| {
            let entries = BLOCK.min(self.capacity - block * BLOCK);
            Block {
                entries: (0..entries).map(|_| Entry::new()).collect(),
                bodies: (0..entries).map(|_| Body::new(&self.config)).collect(),
            }
        })
    }

    /// Of an entry that is held for it.
    #[inline]
    fn handle(&self, index: u32) -> PooledCircuit<'_, W, L> {
        let (block, place) = (self.block(index), (index % BLOCK) as usize);
        PooledCircuit::kept(&block.entries[place], &block.bodies[place], self)
    }

    // Nothing that holds the lock runs others' code.
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
/// How many circuits are looked at for one that may be forgotten. A newcomer that finds none costs no more than that.
const MOST_STEPS: u32 = 32;
