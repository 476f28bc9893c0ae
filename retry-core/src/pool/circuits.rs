//! A bounded pool of circuits by key: storage, look-up and eviction. The handles of its circuits are in `handle.rs`.

use core::fmt;
use core::sync::atomic::Ordering::Relaxed;

use std::boxed::Box;
use std::sync::{Arc, OnceLock, PoisonError};
use std::vec::Vec;

use super::entry::{Body, Entry, MOST_STORED, OfPool, Slot};
use super::eviction::{Loss, PoolCounts, Seconds};
use super::hash::SipHash;
use super::index::Index;
use super::sync::{AtomicBool, AtomicU32, Mutex, MutexGuard};
use super::text::KeyText;
use crate::circuit::{CircuitConfig, CountWindow, SharedCircuit, Window};
use crate::config_error::{ConfigError, Value, ok_or_panic};
use crate::digest::Digest;
use crate::lock::{DefaultLock, Lock};
use crate::time::{Instant, Now};

/// A bounded pool of circuit breakers: one per key, such as a host, made at the first look-up of the key.
///
/// It is usually a `static`, or in an `Arc`.
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
/// A full pool evicts a circuit to make room for a new key. The new key looks at 32 circuits, the next ones in turn, and
/// the first kind of this list goes:
///
/// 1. closed, with only successes;
/// 2. closed, with failures or slow calls, or on its ramp;
/// 3. closed, and more than half of the way to opening by one of its rules;
/// 4. half-open, or open with its open time over;
/// 5. kinds 2 to 4 with a recent look-up, in the same order.
///
/// Within a kind, the longest idle circuit goes. A look-up is recent if fewer circuits were evicted since than half of
/// the capacity. A circuit stays in any case if it is within its open time, if it was set by hand, or if a handle or an
/// attempt under way holds it.
///
/// If all of the 32 have to stay, the new key gets an [overflow](crate::pool::CircuitHandle::is_overflow) circuit. It
/// admits every attempt and discards outcomes. [`counts`](Self::counts) tells how many look-ups got it. With
/// [`share_overflow`](Self::share_overflow), all such keys share one circuit that counts.
///
/// The pool reads no clock. It learns which open times are over from calls through the overflow circuit. So if only
/// circuits that were open are left, the first new key still gets no circuit.
///
/// # Keys from outside
///
/// Keys may come from attackers. Keys are hashed by SipHash-1-3 with a secret of the process, so that attackers cannot
/// construct colliding keys.
///
/// A pool is bounded in circuits and in bytes. A key of up to 96 bytes is stored whole. Of a longer one, the pool stores
/// the first 96 bytes and the first 96 bits of its SHA-256 digest. So two keys never share a circuit, and no key needs
/// memory of its own. Each look-up of a long key computes the digest, which takes about 10 ns per byte. Where callers
/// choose the keys, refuse those of more than 253 bytes, the longest name of a host.
///
/// # Cost
///
/// A look-up of a known key takes no lock of the pool. It takes two atomic steps: one when the handle is made, and one
/// when it is dropped. A look-up of a new key takes the lock. So a flood of new keys slows down only look-ups of new
/// keys.
#[doc(alias = "CircuitBreakerRegistry")]
#[doc(alias = "registry")]
pub struct CircuitPool<W: Window = CountWindow<100>, L: Lock = DefaultLock> {
    hasher: SipHash,
    index: Index,
    /// Blocks are made when they are first needed, and live as long as the pool.
    blocks: Box<[OnceLock<Block<W, L>>]>,
    capacity: u32,
    /// Disabled, so that it admits every attempt, unless it is shared.
    overflow: OfPool<W, L>,
    shares_overflow: bool,
    name: &'static str,
    /// The latest time known from a call through the overflow circuit.
    latest: AtomicU32,
    /// Whether the clock may have stepped back just before that. One more reading shows whether it was a wrong one.
    may_have_stepped: AtomicBool,
    /// How many keys were new, modulo 2^32.
    new_keys: AtomicU32,
    /// The configuration of circuits made from now on. It is locked while a block is made.
    config: Mutex<Arc<CircuitConfig>>,
    /// Locked while all circuits are reconfigured.
    reconfiguring: Mutex<()>,
    state: Mutex<State>,
}

/// Entries, and their bodies in a separate allocation.
struct Block<W: Window, L: Lock> {
    entries: Box<[Entry]>,
    bodies: Box<[Body<W, L>]>,
}

/// The state that the pool's lock guards. The lock also guards every change of the index and of an entry's key.
struct State {
    /// How many entries were ever used. They are the first ones.
    used: u32,
    /// Entries that lost their keys to [`CircuitPool::forget`]. They are used again first, once all their holders are
    /// gone.
    free: Vec<u32>,
    /// The next entry that eviction looks at.
    clock_hand: u32,
    counts: PoolCounts,
}

impl CircuitPool {
    /// Makes a pool of at most `capacity` circuits with this configuration, each with the last 100 calls as its window.
    /// Most of the memory is allocated as circuits are made.
    ///
    /// For another window or another lock, use [`with_window`](Self::with_window).
    ///
    /// # Panics
    /// Panics if the capacity is 0 or above a billion, or if the configuration is invalid for the window: see
    /// [`SharedCircuit::try_with_window`].
    #[track_caller]
    pub fn new(capacity: usize, config: CircuitConfig) -> Self {
        Self::with_window(capacity, config)
    }

    /// Does the same as [`new`](Self::new), for values known only at run time.
    ///
    /// # Errors
    /// Returns an error if the capacity is 0 or above a billion, or if the configuration is invalid for the window: see
    /// [`SharedCircuit::try_with_window`].
    pub fn try_new(capacity: usize, config: CircuitConfig) -> Result<Self, ConfigError> {
        Self::try_with_window(capacity, config)
    }
}

impl<W: Window, L: Lock> CircuitPool<W, L> {
    /// Makes a pool of at most `capacity` circuits with this configuration, with the window and the lock of the pool's
    /// type.
    ///
    /// ```
    /// use retry_core::{circuit::CountWindow, CircuitConfig, CircuitPool};
    ///
    /// let hosts = CircuitPool::<CountWindow<20>>::with_window(1_000, CircuitConfig::DEFAULT);
    /// assert_eq!(hosts.capacity(), 1_000);
    /// ```
    ///
    /// # Panics
    /// Panics if the capacity is 0 or above a billion, or if the configuration is invalid for the window: see
    /// [`SharedCircuit::try_with_window`].
    #[track_caller]
    pub fn with_window(capacity: usize, config: CircuitConfig) -> Self {
        ok_or_panic!(Self::try_with_window(capacity, config))
    }

    /// Does the same as [`with_window`](Self::with_window), for values known only at run time.
    ///
    /// # Errors
    /// Returns an error if the capacity is 0 or above a billion, or if the configuration is invalid for the window: see
    /// [`SharedCircuit::try_with_window`].
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
        // Any time will do, because the change is not reported.
        overflow.disable(Instant::ORIGIN);
        Ok(Self {
            hasher: SipHash::secret(),
            index: Index::for_entries(capacity),
            blocks: (0..capacity.div_ceil(BLOCK)).map(|_| OnceLock::new()).collect(),
            capacity,
            overflow,
            shares_overflow: false,
            name: "",
            latest: AtomicU32::new(Seconds::UNKNOWN.0),
            may_have_stepped: AtomicBool::new(false),
            new_keys: AtomicU32::new(0),
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

    /// Lets all keys in overflow share one circuit that counts. It is meant for a network in which many failing keys
    /// have one cause.
    #[must_use]
    pub fn share_overflow(self) -> Self {
        self.overflow.reset(Instant::ORIGIN);
        Self { shares_overflow: true, ..self }
    }

    /// Sets the name of the pool, which events of the changes and refusals of its circuits carry, beside the key of the
    /// circuit. Metrics have the name as a label and leave out the key, because there may be any number of keys.
    ///
    /// ```
    /// use core::cell::RefCell;
    /// use retry_core::{CircuitConfig, CircuitPool, Class, Policy, Retry, testing::FakeClock};
    ///
    /// let hosts = CircuitPool::new(1_000, CircuitConfig::DEFAULT.consecutive_failures(1)).named("hosts");
    /// let (clock, lines) = (FakeClock::new(), RefCell::new(Vec::new()));
    /// let retry = Retry::new(&Policy::DEFAULT, &clock).named("stock.read").circuit(hosts.get("a.example.com"));
    /// let retry = retry.on_event(|event| lines.borrow_mut().push(event.to_string()));
    /// let _ = retry.run_blocking(|| Err::<(), _>(Class::Server));
    /// assert_eq!(lines.borrow()[1], "stock.read[a.example.com]: circuit hosts: closed -> open: 1 failure in a row");
    /// ```
    #[must_use]
    pub fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    pub(super) const fn pool_name(&self) -> &'static str {
        self.name
    }

    /// Changes the configuration while calls are under way: of every circuit in the pool, of the overflow circuit, and
    /// of every circuit made later.
    ///
    /// Each circuit changes as by [`SharedCircuit::reconfigure`]: it keeps its newest outcomes, as many as fit, and a
    /// mode set by hand stays. The circuits change one after the other, so calls during the change meet either
    /// configuration. Look-ups continue meanwhile.
    ///
    /// ```
    /// use core::time::Duration;
    /// use retry_core::{circuit::{Gate, Phase}, CircuitConfig, CircuitPool, Class, Instant};
    ///
    /// let now = Instant::ORIGIN;
    /// let hosts = CircuitPool::new(1_000, CircuitConfig::DEFAULT);
    /// let host = hosts.get("a.example.com");
    ///
    /// hosts.reconfigure(CircuitConfig::DEFAULT.consecutive_failures(1), now)?;
    /// let ticket = host.admit(now).unwrap().ticket;
    /// host.fail(ticket, Class::Network, now, None, 0);
    /// assert_eq!(host.phase(), Phase::Open);
    /// # Ok::<_, retry_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the configuration is invalid for the window: see [`SharedCircuit::try_with_window`]. The old
    /// configuration then stays.
    pub fn reconfigure(&self, config: CircuitConfig, now: impl Now) -> Result<(), ConfigError> {
        let (config, now) = (Arc::new(config.for_window::<W>()?), now.now());
        // One at a time, so that two threads cannot mix their configurations.
        let _guard = self.reconfiguring.lock().unwrap_or_else(PoisonError::into_inner);
        // A block that is made after this line gets the new configuration at once.
        *self.config() = Arc::clone(&config);
        let bodies = self.blocks.iter().filter_map(OnceLock::get).flat_map(|block| &block.bodies);
        for circuit in bodies.map(Body::circuit).chain([&self.overflow]) {
            circuit.change_to(&config, Some(Arc::clone(&config)), now);
        }
        Ok(())
    }

    /// Removes this key, whatever the state of its circuit, and returns `true` if it was there. Existing handles keep
    /// the circuit.
    ///
    /// If the circuit was open, the next key that gets its place reports it as closed, with its first admission.
    pub fn forget(&self, key: &str) -> bool {
        let (hash, key) = self.hash(key);
        self.locked(|state| match self.find_locked(hash, &key) {
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

    /// Returns how many circuits the pool holds, how many it has evicted, and how many look-ups found no room.
    pub fn counts(&self) -> PoolCounts {
        self.locked(|state| state.counts)
    }

    /// Returns the largest number of circuits that the pool holds.
    pub fn capacity(&self) -> usize {
        self.capacity as usize
    }

    /// The entry of this key, now held, if there is one.
    pub(super) fn hold_known(&self, key: &str) -> Option<u32> {
        let (hash, key) = self.hash(key);
        self.find(hash, &key).or_else(|| {
            self.locked(|_| {
                let index = self.find_locked(hash, &key)?;
                self.referenced(index)
            })
        })
    }

    /// All entries that were in use when this was called, each now held. Those that lost their key in the meantime are
    /// skipped.
    pub(super) fn hold_each(&self) -> impl Iterator<Item = u32> {
        let used = self.locked(|state| state.used);
        (0..used).filter(|index| {
            let entry = self.entry(*index);
            self.locked(|_| entry.is_listed() && entry.hold())
        })
    }

    /// The circuit of keys in overflow.
    pub(super) fn overflow(&self) -> &OfPool<W, L> {
        &self.overflow
    }

    pub(super) fn shared_overflow(&self) -> Option<&OfPool<W, L>> {
        self.shares_overflow.then_some(&self.overflow)
    }

    /// Learns the time from a call through the overflow circuit. If the clock has stepped back, open times end at most
    /// their length from now.
    pub(super) fn learn(&self, now: Instant) {
        let (before, latest) = (Seconds(self.latest.load(Relaxed)), Seconds::of(now));
        let may_have_stepped = self.may_have_stepped.load(Relaxed);
        if before == latest && !may_have_stepped {
            return;
        }
        self.latest.store(latest.0, Relaxed);
        let is_sure = before.leads_to(latest);
        if may_have_stepped == is_sure {
            self.may_have_stepped.store(!is_sure, Relaxed);
        }
        if may_have_stepped && is_sure {
            // Open times that end too late would keep their circuits from eviction.
            let used = self.locked(|state| state.used);
            (0..used).for_each(|index| self.slot(index).circuit().limit_open_time(now));
        }
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

    /// The hash of a key, and the key as it is stored.
    #[inline]
    pub(super) fn hash<'k>(&self, key: &'k str) -> (u32, KeyText<'k>) {
        let (key, mut room) = (KeyText::new(key, MOST_STORED), [0; size_of::<Digest>()]);
        #[allow(clippy::cast_possible_truncation)] // a slot holds 32 bits
        let hash = self.hasher.hash(key.hashed(&mut room)) as u32;
        (hash, key)
    }

    /// The entry of this key, now held. Without the pool's lock, an entry may be missed.
    #[inline]
    pub(super) fn find(&self, hash: u32, key: &KeyText<'_>) -> Option<u32> {
        self.index.find(hash, |index| {
            let entry = self.entry(index);
            if !entry.hold() {
                return None;
            }
            if !entry.is_of(key, || self.body(index)) {
                entry.release();
                return None;
            }
            entry.look_up(self.new_keys.load(Relaxed));
            Some(index)
        })
    }

    /// The entry of a key that was not found, now held. It is made if it is still missing; `None` if there is no room.
    /// The key must have its digest.
    pub(super) fn hold_new(&self, hash: u32, key: &KeyText<'_>) -> Option<u32> {
        self.locked(|state| {
            let index = match self.find_locked(hash, key) {
                // Another thread was faster.
                Some(index) => self.referenced(index),
                None => self.place(state).inspect(|index| {
                    // It counts as idle at once, until it is looked up again.
                    self.entry(*index).look_up(self.new_keys.fetch_add(1, Relaxed));
                    self.slot(*index).become_of(hash, key);
                    self.index.insert(hash, *index);
                    state.counts.kept += 1;
                }),
            };
            state.counts.overflowed += u64::from(index.is_none());
            index
        })
    }

    fn find_locked(&self, hash: u32, key: &KeyText<'_>) -> Option<u32> {
        self.index.find(hash, |index| self.entry(index).is_of(key, || self.body(index)).then_some(index))
    }

    /// An entry that a look-up found, now held; `None` if it has too many holders.
    fn referenced(&self, index: u32) -> Option<u32> {
        let entry = self.entry(index);
        entry.look_up(self.new_keys.load(Relaxed));
        entry.hold().then_some(index)
    }

    /// An entry for a new key, now claimed: a freed one, else an unused one, else one that may be evicted.
    fn place(&self, state: &mut State) -> Option<u32> {
        if let Some(index) = self.freed(state) {
            return Some(index);
        }
        if state.used < self.capacity {
            let index = state.used;
            state.used += 1;
            // An unused entry has no holders, so the claim succeeds.
            return self.entry(index).claim().then_some(index);
        }
        let now = Seconds(self.latest.load(Relaxed)).instant();
        let new_keys = self.new_keys.load(Relaxed);
        let mut least: Option<(Loss, u32)> = None;
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
            let standing = self.slot(index).circuit().standing(now);
            let loss = Loss::of(standing, entry.idle(new_keys), state.counts.evicted, self.capacity());
            if loss.is_some_and(|loss| loss.is_least()) {
                return Some(self.evicted(state, index));
            }
            entry.give_up_claim();
            if let Some(loss) = loss
                && least.is_none_or(|(least, _)| loss < least)
            {
                least = Some((loss, index));
            }
        }
        // A look-up may have taken hold of it since.
        let (_, index) = least.filter(|(_, index)| self.entry(*index).claim())?;
        Some(self.evicted(state, index))
    }

    fn freed(&self, state: &mut State) -> Option<u32> {
        for at in (0..state.free.len()).rev().take(MOST_STEPS as usize) {
            let (index, entry) = (state.free[at], self.entry(state.free[at]));
            if entry.claim() {
                state.free.swap_remove(at);
                if !entry.is_listed() {
                    return Some(index);
                }
                // The clock hand gave it to another key before.
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

    // Only code of this crate runs while the lock is held.
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
/// How many circuits an eviction looks at. It bounds the cost of a new key.
const MOST_STEPS: u32 = 32;
