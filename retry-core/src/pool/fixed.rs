//! A pool of circuits by key, without an allocator.

use core::fmt;

use super::eviction::{Loss, PoolCounts, Seconds};
use crate::circuit::{
    Admission, AttemptEnd, Breaker, CircuitConfig, CountWindow, Gate, Phase, Rejected, Settled, Ticket,
    Window, manual_operations, read_for,
};
use crate::config_error::{ConfigError, Value, ok_or_panic};
use crate::key::Key;
use crate::lock::{DefaultLock, Exclusive, Initial, Lock};
use crate::time::{Instant, Now, Reading};

/// A pool of at most `N` circuit breakers, one per key, in place: it needs no allocator, and has one lock for all.
///
/// It is usually a `static`. A look-up compares the keys one by one, so it is made for tens of circuits, on targets of
/// all sizes. It evicts by the same rules as a `CircuitPool`, but looks at all `N` circuits. For more circuits, use a
/// `CircuitPool`, with the feature `std`.
///
/// Keys are [`Key`]s, so a text of any length has a circuit of its own. Texts of more than 23 bytes cost a digest per
/// look-up. To look up one key often, make its `Key` once.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use retry_core::{pool::FixedCircuitPool, CircuitConfig, Class, Policy, retry};
///
/// static SENSORS: FixedCircuitPool<16> = FixedCircuitPool::new(CircuitConfig::DEFAULT);
///
/// fn read(sensor: &str) -> Result<u32, retry_core::Error<Class>> {
///     let circuit = SENSORS.get(sensor);
///     retry(&Policy::DEFAULT).circuit(&circuit).named("sensor.read").keyed(&circuit).run_blocking(|| Ok(7))
/// }
/// assert_eq!(read("boiler"), Ok(7));
/// assert_eq!(SENSORS.iter().count(), 1);
/// # }
/// ```
#[doc(alias = "registry")]
pub struct FixedCircuitPool<const N: usize, W: Window = CountWindow<100>, L: Lock = DefaultLock> {
    slots: L::Of<Slots<N, W>>,
    config: CircuitConfig,
    name: &'static str,
}

/// A handle of the circuit of one key in a [`FixedCircuitPool`]. The pool keeps the circuit while a handle exists.
pub struct FixedCircuit<'p, const N: usize, W: Window = CountWindow<100>, L: Lock = DefaultLock> {
    pool: &'p FixedCircuitPool<N, W, L>,
    /// `None` for an overflow.
    slot: Option<usize>,
    key: Key,
}

/// The state that the lock guards.
struct Slots<const N: usize, W> {
    slots: [Option<Slot<W>>; N],
    /// A configuration that replaces the first one.
    changed: Option<CircuitConfig>,
    /// The next slot that eviction looks at.
    clock_hand: usize,
    latest: Seconds,
    /// Whether the clock may have stepped back just before that. One more reading shows whether it was a wrong one.
    may_have_stepped: bool,
    /// How many keys were new, modulo 2^32.
    new_keys: u32,
    evicted: u64,
    overflowed: u64,
}

struct Slot<W> {
    key: Key,
    /// The number of handles.
    held: u32,
    /// The number of new keys before its last look-up.
    looked_up: u32,
    /// The phase of the circuit that was evicted from this slot, until an admission reports it.
    before: Phase,
    breaker: Breaker<W>,
}

impl<const N: usize, W: Window> Initial for Slots<N, W> {
    const INITIAL: Self = Self {
        slots: [const { None }; N],
        changed: None,
        clock_hand: 0,
        latest: Seconds::UNKNOWN,
        may_have_stepped: false,
        new_keys: 0,
        evicted: 0,
        overflowed: 0,
    };
}

impl<W: Window> Slot<W> {
    /// The phase that was reported last, of this circuit or of the one before it.
    fn left(&self) -> Phase {
        if self.before == Phase::Closed { self.breaker.phase() } else { self.before }
    }
}

impl<const N: usize, W: Window> Slots<N, W> {
    /// The slot of this key, with one more handle; `None` if there is no room.
    fn hold(&mut self, key: Key, config: &CircuitConfig) -> Option<usize> {
        let held = self.find(key).or_else(|| {
            let index = self.place(key, config)?;
            self.slots[index].as_mut()?.held += 1;
            Some(index)
        });
        self.overflowed += u64::from(held.is_none());
        held
    }

    /// The slot of this key, with one more handle, if there is one.
    fn find(&mut self, key: Key) -> Option<usize> {
        let is_it = |slot: &Option<Slot<W>>| slot.as_ref().is_some_and(|slot| slot.key == key);
        let index = self.slots.iter().position(is_it)?;
        let slot = self.slots[index].as_mut()?;
        (slot.looked_up, slot.held) = (self.new_keys, slot.held + 1);
        Some(index)
    }

    /// The slot of a new key, still without a handle.
    fn place(&mut self, key: Key, config: &CircuitConfig) -> Option<usize> {
        let index = match self.slots.iter().position(Option::is_none) {
            Some(index) => index,
            None => self.evict(config)?,
        };
        let before = self.slots[index].as_ref().map_or(Phase::Closed, Slot::left);
        // It counts as idle at once, until it is looked up again.
        let looked_up = self.new_keys;
        self.new_keys = looked_up.wrapping_add(1);
        self.slots[index] = Some(Slot { key, held: 0, looked_up, before, breaker: Breaker::CLOSED });
        Some(index)
    }

    /// Learns the time from a call without a circuit. If the clock has stepped back, open times end at most their length
    /// from now.
    fn learn(&mut self, now: Instant) {
        let before = core::mem::replace(&mut self.latest, Seconds::of(now));
        let is_sure = before.leads_to(self.latest);
        if core::mem::replace(&mut self.may_have_stepped, !is_sure) && is_sure {
            // Open times that end too late would keep their circuits from eviction.
            self.slots.iter_mut().flatten().for_each(|slot| slot.breaker.limit_open_time(now));
        }
    }

    /// The circuit with the least to lose makes room.
    fn evict(&mut self, config: &CircuitConfig) -> Option<usize> {
        let (config, now) = (self.changed.as_ref().unwrap_or(config), self.latest.instant());
        let mut least: Option<(Loss, usize)> = None;
        for index in (0..N).map(|step| (self.clock_hand + step) % N) {
            let Some(Slot { held: 0, looked_up, breaker, .. }) = &self.slots[index] else {
                continue;
            };
            let idle = self.new_keys.wrapping_sub(*looked_up);
            let loss = Loss::of(breaker.standing(config, now), idle, self.evicted, N);
            if let Some(loss) = loss
                && least.is_none_or(|(least, _)| loss < least)
            {
                least = Some((loss, index));
            }
            if loss.is_some_and(|loss| loss.is_least()) {
                break;
            }
        }
        let (_, index) = least?;
        self.clock_hand = (index + 1) % N;
        self.evicted += 1;
        Some(index)
    }
}

impl<const N: usize> FixedCircuitPool<N> {
    /// Makes a pool of `N` circuits with this configuration, with the last 100 calls as windows and the
    /// [`DefaultLock`].
    ///
    /// For another window or another lock, use [`with_window`](Self::with_window).
    ///
    /// # Panics
    /// Panics if `N` is 0, or if the configuration is invalid for the window: see
    /// [`SharedCircuit::try_with_window`](crate::SharedCircuit::try_with_window). In a `static`, that is a compile
    /// error.
    #[track_caller]
    pub const fn new(config: CircuitConfig) -> Self {
        Self::with_window(config)
    }

    /// Does the same as [`new`](Self::new), for a configuration known only at run time.
    ///
    /// # Errors
    /// Returns an error if `N` is 0, or if the configuration is invalid for the window: see
    /// [`SharedCircuit::try_with_window`](crate::SharedCircuit::try_with_window).
    pub const fn try_new(config: CircuitConfig) -> Result<Self, ConfigError> {
        Self::try_with_window(config)
    }
}

impl<const N: usize, W: Window, L: Lock> FixedCircuitPool<N, W, L> {
    /// Makes a pool of `N` circuits with this configuration, with the window and the lock of the pool's type.
    ///
    /// ```
    /// use retry_core::{circuit::CountWindow, pool::FixedCircuitPool, runtime::LocalLock, CircuitConfig};
    ///
    /// let sensors = FixedCircuitPool::<4, CountWindow<32>, LocalLock>::with_window(CircuitConfig::DEFAULT);
    /// assert_eq!(sensors.capacity(), 4);
    /// ```
    ///
    /// # Panics
    /// Panics if `N` is 0, or if the configuration is invalid for the window: see
    /// [`SharedCircuit::try_with_window`](crate::SharedCircuit::try_with_window). In a `static`, that is a compile
    /// error.
    #[track_caller]
    pub const fn with_window(config: CircuitConfig) -> Self {
        Self::from_checked(ok_or_panic!(Self::checked(config)))
    }

    /// Does the same as [`with_window`](Self::with_window), for a configuration known only at run time.
    ///
    /// # Errors
    /// Returns an error if `N` is 0, or if the configuration is invalid for the window: see
    /// [`SharedCircuit::try_with_window`](crate::SharedCircuit::try_with_window).
    pub const fn try_with_window(config: CircuitConfig) -> Result<Self, ConfigError> {
        match Self::checked(config) {
            Ok(config) => Ok(Self::from_checked(config)),
            Err(error) => Err(error),
        }
    }

    const fn checked(config: CircuitConfig) -> Result<CircuitConfig, ConfigError> {
        if N == 0 {
            return Err(ConfigError::new("N", Value::Count(0), "must be at least 1"));
        }
        config.for_window::<W>()
    }

    const fn from_checked(config: CircuitConfig) -> Self {
        Self { slots: L::Of::<Slots<N, W>>::INITIAL, config, name: "" }
    }

    /// Sets the name of the pool, which events of the changes and refusals of its circuits carry, beside the key of the
    /// circuit.
    ///
    /// ```
    /// use retry_core::{CircuitConfig, circuit::Gate, pool::FixedCircuitPool, runtime::LocalLock};
    ///
    /// let pool = FixedCircuitPool::<4, _, LocalLock>::with_window(CircuitConfig::DEFAULT).named("sensors");
    /// let boiler = pool.get("boiler");
    /// # let _: &retry_core::pool::FixedCircuit<'_, 4, retry_core::circuit::CountWindow<100>, LocalLock> = &boiler;
    /// assert_eq!((boiler.name(), boiler.key().as_str()), ("sensors", "boiler"));
    /// ```
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// Changes the configuration while calls are under way: of every circuit in the pool, and of every circuit made
    /// later.
    ///
    /// Each circuit changes as by [`SharedCircuit::reconfigure`](crate::SharedCircuit::reconfigure): it keeps its
    /// newest outcomes, as many as fit, and a mode set by hand stays.
    ///
    /// # Errors
    /// Returns an error if the configuration is invalid for the window: see
    /// [`SharedCircuit::try_with_window`](crate::SharedCircuit::try_with_window). The old configuration then stays.
    pub fn reconfigure(&self, config: CircuitConfig, now: impl Now) -> Result<(), ConfigError> {
        let (config, now) = (Self::checked(config)?, now.now());
        self.slots.with(|Slots { slots, changed, .. }| {
            let before = changed.as_ref().unwrap_or(&self.config);
            slots.iter_mut().flatten().for_each(|slot| slot.breaker.respan(before, &config, now));
            *changed = Some(config);
        });
        Ok(())
    }

    /// Returns a handle of this key's circuit, which is made if it is missing. It always succeeds: if there is no room,
    /// it returns an [overflow](FixedCircuit::is_overflow).
    pub fn get(&self, key: impl Into<Key>) -> FixedCircuit<'_, N, W, L> {
        let key = key.into();
        let slot = self.slots.with(|slots| slots.hold(key, &self.config));
        FixedCircuit { pool: self, slot, key }
    }

    /// Returns a handle of this key's circuit, if there is one. It counts as a look-up.
    pub fn peek(&self, key: impl Into<Key>) -> Option<FixedCircuit<'_, N, W, L>> {
        let key = key.into();
        let slot = self.slots.with(|slots| slots.find(key))?;
        Some(FixedCircuit { pool: self, slot: Some(slot), key })
    }

    /// Iterates over all keys and the phases of their circuits, for metrics. Circuits may be made or evicted meanwhile.
    pub fn iter(&self) -> impl Iterator<Item = (Key, Phase)> {
        (0..N).filter_map(|index| {
            self.slots.with(|slots| {
                let slot = slots.slots[index].as_ref()?;
                Some((slot.key, slot.breaker.phase()))
            })
        })
    }

    /// Returns how many circuits the pool holds, how many it has evicted, and how many look-ups found no room.
    pub fn counts(&self) -> PoolCounts {
        self.slots.with(|Slots { slots, evicted, overflowed, .. }| PoolCounts {
            kept: slots.iter().flatten().count(),
            evicted: *evicted,
            overflowed: *overflowed,
        })
    }

    /// Returns the largest number of circuits that the pool holds: `N`.
    pub const fn capacity(&self) -> usize {
        N
    }
}

impl<const N: usize, W: Window, L: Lock> FixedCircuit<'_, N, W, L> {
    /// Returns the key.
    pub fn key(&self) -> Key {
        self.key
    }

    /// Returns `true` if the pool had no room for this key. Then every attempt is admitted, and outcomes are discarded.
    pub fn is_overflow(&self) -> bool {
        self.slot.is_none()
    }

    manual_operations!("If it is an [overflow](Self::is_overflow), it only returns `None`.");

    fn by_hand<R>(&self, f: impl FnOnce(&mut Breaker<W>) -> R) -> Option<R> {
        self.with(|slot, _| f(&mut slot.breaker))
    }

    fn with<R>(&self, f: impl FnOnce(&mut Slot<W>, &CircuitConfig) -> R) -> Option<R> {
        let index = self.slot?;
        self.pool.slots.with(|Slots { slots, changed, .. }| {
            let config = changed.as_ref().unwrap_or(&self.pool.config);
            slots[index].as_mut().map(|slot| f(slot, config))
        })
    }
}

impl<const N: usize, W: Window, L: Lock> Gate for FixedCircuit<'_, N, W, L> {
    /// `None` for an overflow.
    type Ticket = Option<Ticket>;

    /// The circuit has the name of the pool.
    fn name(&self) -> &'static str {
        self.pool.name
    }

    fn key(&self) -> Key {
        self.key
    }

    /// A byte of the pool, which no other circuit has.
    fn place(&self) -> usize {
        self.slot.map_or(0, |slot| core::ptr::from_ref(self.pool).addr() + slot + 1)
    }

    fn admit(&self, now: impl Now) -> Result<Admission<Option<Ticket>>, Rejected> {
        let mut now = Reading::Unread(now);
        let admitted = self.with(|Slot { breaker, before, .. }, config| {
            let admitted = breaker.admit(config, || now.get());
            admitted.map(|it| it.in_place_of(before, || now.get()))
        });
        match admitted {
            Some(admitted) => {
                admitted.map(|Admission { ticket, change }| Admission { ticket: Some(ticket), change })
            }
            None => {
                let now = now.get();
                self.pool.slots.with(|slots| slots.learn(now));
                Ok(Admission { ticket: None, change: None })
            }
        }
    }

    fn end(&self, ticket: Option<Ticket>, end: AttemptEnd, now: impl Now) -> Settled {
        let Some(ticket) = ticket else { return Settled::NOTHING };
        let mut now = Reading::Unread(now);
        if end == AttemptEnd::Cancelled && ticket.is_timed() {
            let release = |ticket| {
                self.with(|slot, _| slot.breaker.release(ticket));
            };
            read_for(&ticket, || now.get(), release);
        }
        let ended = self.with(|slot, config| slot.breaker.end(config, ticket, end, &mut || now.get()));
        ended.unwrap_or(Settled::NOTHING)
    }
}

impl<const N: usize, W: Window, L: Lock> Clone for FixedCircuit<'_, N, W, L> {
    fn clone(&self) -> Self {
        if let Some(index) = self.slot {
            self.pool.slots.with(|slots| {
                if let Some(slot) = &mut slots.slots[index] {
                    slot.held += 1;
                }
            });
        }
        Self { pool: self.pool, slot: self.slot, key: self.key }
    }
}

impl<const N: usize, W: Window, L: Lock> Drop for FixedCircuit<'_, N, W, L> {
    fn drop(&mut self) {
        if let Some(index) = self.slot {
            self.pool.slots.with(|slots| {
                if let Some(slot) = &mut slots.slots[index] {
                    slot.held -= 1;
                }
            });
        }
    }
}

impl<const N: usize, W: Window, L: Lock> From<&FixedCircuit<'_, N, W, L>> for Key {
    fn from(circuit: &FixedCircuit<'_, N, W, L>) -> Self {
        circuit.key
    }
}

#[cfg(feature = "defmt")]
impl<const N: usize, W: Window, L: Lock> defmt::Format for FixedCircuitPool<N, W, L> {
    fn format(&self, f: defmt::Formatter<'_>) {
        self.iter().for_each(|(key, phase)| defmt::write!(f, "{}: {}; ", key, phase));
    }
}

#[cfg(feature = "defmt")]
impl<const N: usize, W: Window, L: Lock> defmt::Format for FixedCircuit<'_, N, W, L> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "FixedCircuit {{ key: {}, phase: {} }}", self.key, self.phase());
    }
}

impl<const N: usize, W: Window, L: Lock> fmt::Debug for FixedCircuitPool<N, W, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<const N: usize, W: Window, L: Lock> fmt::Debug for FixedCircuit<'_, N, W, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FixedCircuit")
            .field("key", &self.key)
            .field("phase", &self.phase())
            .field("is_overflow", &self.is_overflow())
            .finish_non_exhaustive()
    }
}
