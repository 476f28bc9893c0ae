//! A pool of circuits by key, without an allocator.

use core::fmt;
use core::time::Duration;

use super::eviction::{Eviction, FORGET_AFTER, Fate, PoolCounts, Seconds};
use crate::circuit::{
    Admission, AttemptEnd, Breaker, CircuitConfig, CountWindow, Gate, Phase, Rejected, Settled, Ticket,
    Window, manual_operations,
};
use crate::config_error::{ConfigError, Value, ok_or_panic};
use crate::key::Key;
use crate::lock::{DefaultLock, Exclusive, Initial, Lock};
use crate::time::{Now, Reading};

/// One circuit breaker per key, at most `N`, in place: without an allocator, with one configuration and one lock for all.
///
/// It is usually a `static`. A look-up compares the keys one by one, so it is made for tens of circuits, on targets of all
/// sizes. A [`Key`] holds 23 bytes: a longer one is truncated, could be that of another dependency, and gets an
/// [overflow](FixedCircuit::is_overflow). For more circuits or longer keys, use a `CircuitPool`, with the feature `std`. Both
/// evict by the same rules.
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
pub struct FixedCircuitPool<const N: usize, W: Window = CountWindow<100>, L: Lock = DefaultLock> {
    slots: L::Of<Slots<N, W>>,
    config: CircuitConfig,
    idle_for: u32,
}

/// The circuit of one key, out of a [`FixedCircuitPool`], which does not evict it while this handle exists.
pub struct FixedCircuit<'p, const N: usize, W: Window = CountWindow<100>, L: Lock = DefaultLock> {
    pool: &'p FixedCircuitPool<N, W, L>,
    /// `None` if there was no room.
    slot: Option<usize>,
    key: Key,
}

/// What the lock guards.
struct Slots<const N: usize, W> {
    slots: [Option<Slot<W>>; N],
    /// In place of the configuration that the pool was made with.
    changed: Option<CircuitConfig>,
    /// The next slot that eviction looks at.
    clock_hand: usize,
    latest: Seconds,
    evicted: u64,
    overflowed: u64,
}

struct Slot<W> {
    key: Key,
    /// How many handles it has.
    held: u32,
    /// Whether a look-up asked for it since the clock hand passed it last.
    referenced: bool,
    idle_since: Seconds,
    /// The phase in which the circuit that was here before was evicted, until an admission reports it.
    before: Phase,
    breaker: Breaker<W>,
}

impl<const N: usize, W: Window> Initial for Slots<N, W> {
    const INITIAL: Self = Self {
        slots: [const { None }; N],
        changed: None,
        clock_hand: 0,
        latest: Seconds::UNKNOWN,
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
    fn hold(&mut self, key: Key, idle_for: u32) -> Option<usize> {
        let held = self.find(key).or_else(|| {
            let index = self.place(key, idle_for)?;
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
        (slot.referenced, slot.held) = (true, slot.held + 1);
        Some(index)
    }

    /// The slot of a new key, without a handle.
    fn place(&mut self, key: Key, idle_for: u32) -> Option<usize> {
        // Two different keys may be the same once truncated.
        if key.is_truncated() {
            return None;
        }
        let index = match self.slots.iter().position(Option::is_none) {
            Some(index) => index,
            None => self.evict(idle_for)?,
        };
        let before = self.slots[index].as_ref().map_or(Phase::Closed, Slot::left);
        let (breaker, idle_since) = (Breaker::CLOSED, Seconds::UNKNOWN);
        self.slots[index] = Some(Slot { key, held: 0, referenced: false, idle_since, before, breaker });
        Some(index)
    }

    fn evict(&mut self, idle_for: u32) -> Option<usize> {
        let eviction = Eviction { now: self.latest, idle_for };
        let mut spare = None;
        for _ in 0..N {
            let index = self.clock_hand;
            self.clock_hand = (index + 1) % N;
            let Some(Slot { held: 0, referenced, idle_since, breaker, .. }) = &mut self.slots[index] else {
                continue;
            };
            let referenced = core::mem::take(referenced);
            match eviction.fate(referenced, idle_since, |now| breaker.standing(now)) {
                Fate::Forget => {
                    self.evicted += 1;
                    return Some(index);
                }
                Fate::Spare => spare = spare.or(Some(index)),
                Fate::Keep => {}
            }
        }
        self.evicted += u64::from(spare.is_some());
        spare
    }
}

impl<const N: usize> FixedCircuitPool<N> {
    /// A pool of `N` circuits, each by this configuration, with windows of the last 100 calls and the [`DefaultLock`].
    ///
    /// A pool of circuits with another window or another lock is of another type, and is made by
    /// [`with_window`](Self::with_window).
    ///
    /// # Panics
    /// Panics if `N` is 0, or if the configuration does not fit the window. In a `static`, that is a compile error.
    #[track_caller]
    pub const fn new(config: CircuitConfig) -> Self {
        Self::with_window(config)
    }

    /// [`new`](Self::new) for a configuration known only at run time.
    ///
    /// # Errors
    /// Returns an error if `N` is 0, or if the configuration does not fit the window.
    pub const fn try_new(config: CircuitConfig) -> Result<Self, ConfigError> {
        Self::try_with_window(config)
    }
}

impl<const N: usize, W: Window, L: Lock> FixedCircuitPool<N, W, L> {
    /// A pool of `N` circuits, each by this configuration, with the window and the lock of the pool's type.
    ///
    /// ```
    /// use retry_core::{circuit::CountWindow, pool::FixedCircuitPool, runtime::LocalLock, CircuitConfig};
    ///
    /// let sensors = FixedCircuitPool::<4, CountWindow<32>, LocalLock>::with_window(CircuitConfig::DEFAULT);
    /// assert_eq!(sensors.capacity(), 4);
    /// ```
    ///
    /// # Panics
    /// Panics if `N` is 0, or if the configuration does not fit the window. In a `static`, that is a compile error.
    #[track_caller]
    pub const fn with_window(config: CircuitConfig) -> Self {
        Self::from_checked(ok_or_panic!(Self::checked(config)))
    }

    /// [`with_window`](Self::with_window) for a configuration known only at run time.
    ///
    /// # Errors
    /// Returns an error if `N` is 0, or if the configuration does not fit the window.
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
        Self { slots: L::Of::<Slots<N, W>>::INITIAL, config, idle_for: Seconds::length(FORGET_AFTER) }
    }

    /// Sets after which time without a look-up a circuit with something to remember may be evicted; an hour unless set.
    /// Rounded up to whole seconds; [`Duration::MAX`] is never.
    ///
    /// The pool reads no clock. It learns the time from calls that got no circuit. So a circuit counts as idle from the
    /// first of these calls on.
    #[must_use]
    pub const fn forget_after(mut self, idle: Duration) -> Self {
        self.idle_for = Seconds::length(idle);
        self
    }

    /// Goes on by another configuration, while calls are under way: every circuit of the pool, and every circuit that is
    /// made later.
    ///
    /// Each circuit keeps the newest outcomes, as many as fit. If its rules opened it, it stays open no longer than the
    /// new configuration allows from `now`. What was set by hand stays.
    ///
    /// # Errors
    /// Returns an error, and changes nothing, if the configuration does not fit the window.
    pub fn reconfigure(&self, config: CircuitConfig, now: impl Now) -> Result<(), ConfigError> {
        let (config, now) = (Self::checked(config)?, now.now());
        self.slots.with(|Slots { slots, changed, .. }| {
            let before = changed.as_ref().unwrap_or(&self.config);
            slots.iter_mut().flatten().for_each(|slot| slot.breaker.respan(before, &config, now));
            *changed = Some(config);
        });
        Ok(())
    }

    /// The circuit of this key, made if there is none. It never fails: see [`FixedCircuit::is_overflow`].
    pub fn get(&self, key: impl Into<Key>) -> FixedCircuit<'_, N, W, L> {
        let key = key.into();
        let slot = self.slots.with(|slots| slots.hold(key, self.idle_for));
        FixedCircuit { pool: self, slot, key }
    }

    /// The circuit of this key, if there is one.
    pub fn peek(&self, key: impl Into<Key>) -> Option<FixedCircuit<'_, N, W, L>> {
        let key = key.into();
        let slot = self.slots.with(|slots| slots.find(key))?;
        Some(FixedCircuit { pool: self, slot: Some(slot), key })
    }

    /// Every key and the phase of its circuit, for metrics. Others may be made or evicted meanwhile.
    pub fn iter(&self) -> impl Iterator<Item = (Key, Phase)> {
        (0..N).filter_map(|index| {
            self.slots.with(|slots| {
                let slot = slots.slots[index].as_ref()?;
                Some((slot.key, slot.breaker.phase()))
            })
        })
    }

    /// What it holds, and what became of look-ups.
    pub fn counts(&self) -> PoolCounts {
        self.slots.with(|Slots { slots, evicted, overflowed, .. }| PoolCounts {
            kept: slots.iter().flatten().count(),
            evicted: *evicted,
            overflowed: *overflowed,
        })
    }

    /// The most circuits it holds: `N`.
    pub const fn capacity(&self) -> usize {
        N
    }
}

impl<const N: usize, W: Window, L: Lock> FixedCircuit<'_, N, W, L> {
    /// The key.
    pub fn key(&self) -> Key {
        self.key
    }

    /// Whether the pool had no room for this key, or the key is truncated. If so, every attempt is admitted and nothing
    /// is counted.
    pub fn is_overflow(&self) -> bool {
        self.slot.is_none()
    }

    manual_operations!("Does nothing, and returns `None`, if it is an [overflow](Self::is_overflow).");

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
    /// `None` if it is an overflow.
    type Ticket = Option<Ticket>;

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
                let now = Seconds::of(now.get());
                self.pool.slots.with(|slots| slots.latest = slots.latest.max(now));
                Ok(Admission { ticket: None, change: None })
            }
        }
    }

    fn end(&self, ticket: Option<Ticket>, end: AttemptEnd, now: impl Now) -> Settled {
        let Some(ticket) = ticket else { return Settled::NOTHING };
        let mut now = Reading::Unread(now);
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
