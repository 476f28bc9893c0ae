//! A pool without an allocator.

use core::fmt;
use core::time::Duration;

use super::PoolCounts;
use super::eviction::{Eviction, FORGET_AFTER, Fate, Seconds};
use crate::circuit::Rejected;
use crate::circuit::{
    Admission, AttemptEnd, Breaker, Change, CircuitConfig, Gate, Mode, Phase, Settled, Ticket, Window,
};
use crate::config_error::{ConfigError, Value, ok_or_panic};
use crate::key::Key;
use crate::lock::{Exclusive, Initial, Lock};
use crate::time::{Now, Reading};

macro_rules! fixed_circuit_pool {
    ({ $($window:tt)* } { $($lock:tt)* }) => {
        /// A circuit for each key, at most `N`, in place: no allocator, one configuration and one lock for all.
        /// Usually a `static`.
        ///
        /// `W` is the circuits' [`Window`], `L` the [`Lock`]; with the feature `std` they need not be named. A key is
        /// looked for one by one, so this is for tens of circuits, on targets of all sizes. For more, and for keys of
        /// more than 23 bytes, which a [`Key`] cannot tell apart, there is `CircuitPool`, with the feature `std`.
        ///
        /// What it forgets when it is full, and what not, is the same there and here.
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
        pub struct FixedCircuitPool<const N: usize, W: Window $($window)*, L: Lock $($lock)*> {
            slots: L::Of<Slots<N, W>>,
            config: CircuitConfig,
            idle_for: u32,
        }

        /// The circuit of one key, out of a [`FixedCircuitPool`], which does not forget it while this is held.
        pub struct FixedCircuit<'p, const N: usize, W: Window $($window)*, L: Lock $($lock)*> {
            pool: &'p FixedCircuitPool<N, W, L>,
            /// `None`: there was no place.
            slot: Option<usize>,
            key: Key,
        }
    };
}
#[cfg(feature = "std")]
fixed_circuit_pool!({ = crate::circuit::CountWindow<100> } { = crate::lock::StdLock });
#[cfg(not(feature = "std"))]
fixed_circuit_pool!({} {});

/// What the lock guards.
struct Slots<const N: usize, W> {
    slots: [Option<Slot<W>>; N],
    hand: usize,
    latest: Seconds,
    forgotten: u64,
    overflowed: u64,
}

struct Slot<W> {
    key: Key,
    /// How many have it.
    held: u32,
    asked: bool,
    idle_since: Seconds,
    /// The phase in which the circuit that was here before was forgotten, until someone is told of it.
    before: Phase,
    breaker: Breaker<W>,
}

impl<const N: usize, W: Window> Initial for Slots<N, W> {
    const INITIAL: Self =
        Self { slots: [const { None }; N], hand: 0, latest: Seconds::UNKNOWN, forgotten: 0, overflowed: 0 };
}

impl<W: Window> Slot<W> {
    /// The phase that others have heard of last, of this one or of the one before it.
    fn left(&self) -> Phase {
        if self.before == Phase::Closed { self.breaker.phase() } else { self.before }
    }
}

impl<const N: usize, W: Window> Slots<N, W> {
    /// Where this key is, from now on in one more hand.
    fn hold(&mut self, key: Key, idle_for: u32) -> Option<usize> {
        let held = self.find(key).or_else(|| {
            let index = self.place(key, idle_for)?;
            self.slots[index].as_mut()?.held += 1;
            Some(index)
        });
        self.overflowed += u64::from(held.is_none());
        held
    }

    /// The same, if there is a circuit of this key.
    fn find(&mut self, key: Key) -> Option<usize> {
        let is_it = |slot: &Option<Slot<W>>| slot.as_ref().is_some_and(|slot| slot.key == key);
        let index = self.slots.iter().position(is_it)?;
        let slot = self.slots[index].as_mut()?;
        (slot.asked, slot.held) = (true, slot.held + 1);
        Some(index)
    }

    /// A place for a new key.
    fn place(&mut self, key: Key, idle_for: u32) -> Option<usize> {
        // Two cut keys may be of two dependencies.
        if key.is_truncated() {
            return None;
        }
        let index = match self.slots.iter().position(Option::is_none) {
            Some(index) => index,
            None => self.evict(idle_for)?,
        };
        let before = self.slots[index].as_ref().map_or(Phase::Closed, Slot::left);
        let (breaker, idle_since) = (Breaker::CLOSED, Seconds::UNKNOWN);
        self.slots[index] = Some(Slot { key, held: 0, asked: false, idle_since, before, breaker });
        Some(index)
    }

    fn evict(&mut self, idle_for: u32) -> Option<usize> {
        let eviction = Eviction { now: self.latest, idle_for };
        let mut spare = None;
        for _ in 0..N {
            let index = self.hand;
            self.hand = (index + 1) % N;
            let Some(Slot { held: 0, asked, idle_since, breaker, .. }) = &mut self.slots[index] else {
                continue;
            };
            let asked = core::mem::take(asked);
            match eviction.fate(asked, idle_since, |now| breaker.standing(now)) {
                Fate::Forget => {
                    self.forgotten += 1;
                    return Some(index);
                }
                Fate::Spare => spare = spare.or(Some(index)),
                Fate::Keep => {}
            }
        }
        self.forgotten += u64::from(spare.is_some());
        spare
    }
}

impl<const N: usize, W: Window, L: Lock> FixedCircuitPool<N, W, L> {
    /// A pool of `N` circuits, each by this configuration.
    ///
    /// # Panics
    /// On an `N` of 0, and on a configuration that does not fit the window: in a `static`, a compile error.
    #[track_caller]
    pub const fn new(config: CircuitConfig) -> Self {
        Self::from_checked(ok_or_panic!(Self::checked(config)))
    }

    /// [`new`](Self::new) for a configuration known only at run time.
    ///
    /// # Errors
    /// An `N` of 0, and a configuration that does not fit the window.
    pub const fn try_new(config: CircuitConfig) -> Result<Self, ConfigError> {
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

    /// How long nobody must have asked for a circuit with something to remember, before it may be forgotten: an hour
    /// unless set, rounded up to whole seconds. [`Duration::MAX`]: never.
    #[must_use]
    pub const fn forget_after(mut self, idle: Duration) -> Self {
        self.idle_for = Seconds::length(idle);
        self
    }

    /// The circuit of this key, made where there is none. Never fails: see [`FixedCircuit::is_overflow`].
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

    /// Every key and the phase of its circuit, for metrics. While it goes on, others come and go.
    pub fn iter(&self) -> impl Iterator<Item = (Key, Phase)> {
        (0..N).filter_map(|index| {
            self.slots.with(|slots| {
                let slot = slots.slots[index].as_ref()?;
                Some((slot.key, slot.breaker.phase()))
            })
        })
    }

    /// What it holds, and what it has done.
    pub fn counts(&self) -> PoolCounts {
        self.slots.with(|Slots { slots, forgotten, overflowed, .. }| PoolCounts {
            kept: slots.iter().flatten().count(),
            forgotten: *forgotten,
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

    /// Whether the pool had no place for this key and could forget no other, or the key is cut: every attempt is
    /// admitted, and nothing counted.
    pub fn is_overflow(&self) -> bool {
        self.slot.is_none()
    }

    /// The phase as of the last event; closed, where it is an overflow.
    pub fn phase(&self) -> Phase {
        self.with(|slot| slot.breaker.phase()).unwrap_or(Phase::Closed)
    }

    /// Who decides about the phase; [`Mode::Disabled`], where it is an overflow.
    pub fn mode(&self) -> Mode {
        self.with(|slot| slot.breaker.mode()).unwrap_or(Mode::Disabled)
    }

    /// Opens it until told otherwise. As all that is done by hand, nothing where it is an overflow.
    pub fn force_open(&self, now: impl Now) -> Option<Change> {
        let now = now.now();
        self.with(|slot| slot.breaker.force_open(now))?
    }

    /// Opens it for so long; then probes decide.
    pub fn trip(&self, duration: Duration, now: impl Now) -> Option<Change> {
        let now = now.now();
        self.with(|slot| slot.breaker.trip(duration, now))?
    }

    /// Closes it with an empty window, and lets the outcomes decide again.
    pub fn reset(&self, now: impl Now) -> Option<Change> {
        let now = now.now();
        self.with(|slot| slot.breaker.reset(now))?
    }

    fn with<R>(&self, f: impl FnOnce(&mut Slot<W>) -> R) -> Option<R> {
        let index = self.slot?;
        self.pool.slots.with(|slots| slots.slots[index].as_mut().map(f))
    }
}

impl<const N: usize, W: Window, L: Lock> Gate for FixedCircuit<'_, N, W, L> {
    /// `None`: nobody counts it.
    type Ticket = Option<Ticket>;

    fn admit(&self, now: impl Now) -> Result<Admission<Option<Ticket>>, Rejected> {
        let mut now = Reading::Unread(now);
        let admitted = self.with(|Slot { breaker, before, .. }| {
            let admitted = breaker.admit(&self.pool.config, || now.get());
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
        let ended = self.with(|slot| slot.breaker.end(&self.pool.config, ticket, end, &mut || now.get()));
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
