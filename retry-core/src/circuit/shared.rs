//! The circuit of one dependency, which many callers share.

use core::fmt;
use core::time::Duration;

use super::breaker::Breaker;
use super::config::CircuitConfig;
use super::gate::{Admission, AttemptEnd, Gate, Settled, Ticket};
use super::gate_word::{GateWord, Seen};
use super::manual_operations::manual_operations;
use super::phase::{Change, OnHealthy, Phase, Start};
use super::published::Published;
use super::rejected::Rejected;
use super::settings::Settings;
use super::snapshot::Snapshot;
#[cfg(feature = "std")]
use super::state::Standing;
use super::window::{CountWindow, Counts, Window};
use crate::class::Class;
use crate::config_error::{ConfigError, ok_or_panic};
use crate::lock::{DefaultLock, Exclusive, Initial, Lock};
use crate::time::{Instant, Now, Reading};

/// The circuit breaker of one dependency, shared by all its callers: configuration, state and a lock.
///
/// It is usually a `static`, which needs no initialisation at run time, or an `Arc`:
///
/// ```
/// # #[cfg(feature = "std")] {
/// use std::sync::Arc;
/// use retry_core::{circuit::{CountWindow, Phase}, CircuitConfig, SharedCircuit};
///
/// static STOCK: SharedCircuit = SharedCircuit::new(CircuitConfig::DEFAULT);
/// static PRICES: SharedCircuit<CountWindow<20>> =
///     SharedCircuit::with_window(CircuitConfig::WITHOUT_RULES.failure_rate(30).minimum_calls(10));
///
/// let of_a_tenant = Arc::new(SharedCircuit::new(CircuitConfig::DEFAULT));
/// assert_eq!([STOCK.phase(), PRICES.phase(), of_a_tenant.phase()], [Phase::Closed; 3]);
/// # }
/// ```
///
/// `W` is its [`Window`], the last 100 calls by default. `L` is its [`Lock`], the [`DefaultLock`] by default. `S` is where
/// its configuration is, by default in itself: see [`Settings`].
///
/// # Cost
///
/// Beside the lock it publishes a *gate word*, which answers most questions in one atomic load:
///
/// - While it is closed, an attempt is admitted.
/// - While the window is full of successes, another success changes nothing.
/// - While it is open, an attempt is refused.
///
/// While the window holds failures, each success is counted in the word by one atomic exchange. The lock is taken only if
/// something changes, or if the window counts time. On targets without 64-bit atomics it is always taken, and the time is
/// read before.
#[doc(alias = "circuit breaker")]
pub struct SharedCircuit<W: Window = CountWindow<100>, L: Lock = DefaultLock, S: Settings = CircuitConfig> {
    gate_word: GateWord,
    guarded: L::Of<Guarded<W, S::Changed>>,
    settings: S,
    start: Start,
}

/// What the lock guards.
struct Guarded<W, C> {
    breaker: Breaker<W>,
    /// How many successes the gate word may count by itself.
    unseen: u32,
    /// In place of the configuration it was made with.
    changed: C,
    /// Whether the circuit's [`Start`] was made.
    started: bool,
    /// The phase in which a pool evicted the circuit that was here before, until an admission reports it.
    before: Phase,
}

impl<W: Window, C: Initial> Initial for Guarded<W, C> {
    const INITIAL: Self = Self {
        breaker: Breaker::CLOSED,
        unseen: 0,
        changed: C::INITIAL,
        started: false,
        before: Phase::Closed,
    };
}

impl SharedCircuit {
    /// A closed circuit whose window is the last 100 calls, with the [`DefaultLock`].
    ///
    /// A circuit with another window or another lock is of another type, and is made by
    /// [`with_window`](Self::with_window). For a `SharedCircuit<CountWindow<20>>`, `new` does not compile: "mismatched types:
    /// expected `20`, found `100`".
    ///
    /// # Panics
    /// Panics if the configuration does not fit the window. In a `static`, that is a compile error.
    #[track_caller]
    pub const fn new(config: CircuitConfig) -> Self {
        Self::with_window(config)
    }

    /// [`new`](Self::new) for a configuration known only at run time.
    ///
    /// # Errors
    /// Returns an error if the configuration does not fit the window: see [`try_with_window`](Self::try_with_window).
    pub const fn try_new(config: CircuitConfig) -> Result<Self, ConfigError> {
        Self::try_with_window(config)
    }
}

impl<W: Window, L: Lock> SharedCircuit<W, L> {
    /// A closed circuit with the window and the lock of its type.
    ///
    /// ```
    /// use retry_core::{circuit::CountWindow, runtime::LocalLock, CircuitConfig, SharedCircuit};
    ///
    /// let last_20 = SharedCircuit::<CountWindow<20>>::with_window(CircuitConfig::DEFAULT);
    /// let unshared = SharedCircuit::<CountWindow<20>, LocalLock>::with_window(CircuitConfig::DEFAULT);
    /// # let _ = (last_20, unshared);
    /// ```
    ///
    /// # Panics
    /// Panics if the configuration does not fit the window. In a `static`, that is a compile error.
    #[track_caller]
    pub const fn with_window(config: CircuitConfig) -> Self {
        Self::with(ok_or_panic!(config.for_window::<W>()))
    }

    /// [`with_window`](Self::with_window) for a configuration known only at run time.
    ///
    /// # Errors
    /// Returns an error if the configuration does not fit the window:
    ///
    /// - its window is larger than the type holds;
    /// - it asks for more calls than its window;
    /// - it has a [`slow_rate`](CircuitConfig::slow_rate), and the window does not tell slow calls;
    /// - it has no [`window_time`](CircuitConfig::window_time), and the window counts time.
    pub const fn try_with_window(config: CircuitConfig) -> Result<Self, ConfigError> {
        match config.for_window::<W>() {
            Ok(config) => Ok(Self::with(config)),
            Err(error) => Err(error),
        }
    }

    /// Goes on by another configuration, while calls are under way.
    ///
    /// The newest outcomes are carried over, as many as fit. If its rules opened the circuit, it stays open no longer
    /// than the new configuration allows from `now`. What was set by hand stays.
    ///
    /// ```
    /// use core::time::Duration;
    /// use retry_core::{circuit::Phase, CircuitConfig, Instant, SharedCircuit};
    ///
    /// let now = Instant::ORIGIN;
    /// let circuit = SharedCircuit::new(CircuitConfig::DEFAULT);
    /// circuit.trip(Duration::from_secs(30), now);
    /// circuit.reconfigure(CircuitConfig::DEFAULT.open_for(Duration::from_secs(5)), now)?;
    /// assert_eq!(circuit.snapshot(now).open_for(), Some(Duration::from_secs(5)));
    /// # Ok::<_, retry_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error, and changes nothing, if the configuration does not fit the window: see
    /// [`try_with_window`](Self::try_with_window).
    pub fn reconfigure(&self, config: CircuitConfig, now: impl Now) -> Result<(), ConfigError> {
        let config = config.for_window::<W>()?;
        self.change_to(&config, Some(config), now.now());
        Ok(())
    }
}

impl<'a, W: Window, L: Lock> SharedCircuit<W, L, &'a CircuitConfig> {
    /// A closed circuit that borrows its configuration, which any number of circuits may share.
    ///
    /// # Errors
    /// Returns an error if the configuration does not fit the window: see
    /// [`try_with_window`](SharedCircuit::try_with_window).
    pub const fn with_settings(config: &'a CircuitConfig) -> Result<Self, ConfigError> {
        match config.for_window::<W>() {
            Ok(_) => Ok(Self::with(config)),
            Err(error) => Err(error),
        }
    }
}

impl<W: Window, L: Lock, S: Settings> SharedCircuit<W, L, S> {
    /// Of settings that fit the window.
    pub(crate) const fn with(settings: S) -> Self {
        Self {
            gate_word: GateWord::ASK,
            guarded: L::Of::<Guarded<W, S::Changed>>::INITIAL,
            settings,
            start: Start::Closed,
        }
    }

    /// Sets the first state; closed unless set.
    ///
    /// ```
    /// use retry_core::{circuit::{Phase, Start}, CircuitConfig, SharedCircuit};
    ///
    /// // After a reboot for an unknown reason: a probe first.
    /// let stock = SharedCircuit::new(CircuitConfig::DEFAULT).starting(Start::HalfOpen);
    /// assert_eq!(stock.phase(), Phase::HalfOpen);
    /// ```
    #[must_use]
    pub const fn starting(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    manual_operations!();

    pub(crate) fn by_hand<R>(&self, f: impl FnOnce(&mut Breaker<W>) -> R) -> Option<R> {
        Some(self.locked(|breaker, _| f(breaker)))
    }

    /// The configuration that holds now.
    ///
    /// ```
    /// use retry_core::{CircuitConfig, SharedCircuit};
    ///
    /// let circuit = SharedCircuit::new(CircuitConfig::DEFAULT.consecutive_failures(2));
    /// assert_eq!(circuit.config(), CircuitConfig::DEFAULT.consecutive_failures(2));
    /// ```
    pub fn config(&self) -> CircuitConfig {
        self.locked(|_, config| *config)
    }

    /// The state as data, with times relative to `now`.
    pub fn snapshot(&self, now: impl Now) -> Snapshot<W> {
        let now = now.now();
        self.locked(|breaker, config| breaker.snapshot(config, now))
    }

    /// Goes on from a state taken before, here or elsewhere, as if no time had passed since. Attempts under way are of an
    /// older era from then on. If its rules opened the circuit, it stays open no longer than this configuration allows.
    pub fn restore(&self, snapshot: &Snapshot<W>, now: impl Now) -> Change {
        let now = now.now();
        self.locked(|breaker, config| breaker.restore(config, snapshot, now))
    }

    /// The era in which a health check is of use; `None` unless it is open by its own rules or by [`trip`](Self::trip).
    pub fn health_check_era(&self) -> Option<u32> {
        self.locked(|breaker, _| breaker.health_check_era())
    }

    /// Half-opens or closes the circuit after a health check that began in this [era](Self::health_check_era) has
    /// succeeded. If the era has ended since, the check counts as late and changes nothing.
    pub fn health_check_passed(&self, era: u32, then: OnHealthy, now: impl Now) -> Option<Change> {
        let now = now.now();
        self.locked(|breaker, config| breaker.health_check_passed(era, then, config, now))
    }

    /// How many attempts ended after their era had, and so changed nothing; saturates.
    pub fn late(&self) -> u32 {
        self.locked(|breaker, _| breaker.late())
    }

    /// What the window holds; `None` unless closed. If the window counts time, what is in its span at `now`.
    pub fn counts(&self, now: impl Now) -> Option<Counts> {
        let now = if W::TIMED { now.now() } else { Instant::ORIGIN };
        self.locked(|breaker, config| {
            let mut window = breaker.state().window()?.clone(); // reading changes nothing
            window.expire(config.span(W::CAPACITY), now);
            Some(Counts::of(&window))
        })
    }

    /// Goes on by another configuration, which fits the window.
    pub(crate) fn change_to(&self, config: &CircuitConfig, changed: S::Changed, now: Instant) {
        self.guarded.with(|guarded| {
            self.catch_up(guarded);
            guarded.breaker.respan(self.settings.current(&guarded.changed), config, now);
            guarded.changed = changed;
            self.publish(guarded);
        });
    }

    /// Begins anew, as the circuit of another dependency.
    #[cfg(feature = "std")]
    pub(crate) fn renew(&self) {
        self.guarded.with(|guarded| {
            self.catch_up(guarded);
            // One is enough: no call was made since, so another could only have been opened by hand.
            if guarded.before == Phase::Closed {
                guarded.before = guarded.breaker.phase();
            }
            guarded.breaker.renew();
            self.publish(guarded);
        });
    }

    /// What forgetting this circuit would lose.
    #[cfg(feature = "std")]
    pub(crate) fn standing(&self, now: Instant) -> Standing {
        self.locked(|breaker, _| breaker.standing(now))
    }

    // The paths through the lock are not inlined, so that the paths around it need no stack.
    #[inline(never)]
    fn admit_otherwise(&self, seen: Seen, now: impl Now) -> Result<Admission<Ticket>, Rejected> {
        if let Some(ticket) = seen.admits_timed() {
            return Ok(Admission { ticket: ticket(now.now()), change: None });
        }
        if seen.is_forced_open() {
            return Err(Rejected::of_nanos(Phase::Open, u64::MAX));
        }
        let mut now = Reading::Unread(now);
        match self.gate_word.refuses_by_most(seen, || now.get()) {
            Some(rejected) => Err(rejected),
            None => self.admit_locked(|| now.get()),
        }
    }

    #[inline(never)]
    fn admit_locked(&self, now: impl Now) -> Result<Admission<Ticket>, Rejected> {
        self.guarded.with(|guarded| {
            let mut now = Reading::Unread(now);
            self.catch_up(guarded);
            let admitted = guarded.breaker.admit(self.settings.current(&guarded.changed), || now.get());
            let admitted = admitted.map(|it| it.in_place_of(&mut guarded.before, || now.get()));
            self.publish(guarded);
            admitted
        })
    }

    #[inline(never)]
    fn succeed_locked<N: Now>(&self, ticket: Ticket, mut now: Reading<N>) -> Option<Change> {
        self.settle(ticket, AttemptEnd::Succeeded, &mut || now.get()).change
    }

    /// [`settle`](Self::settle) at a time that was read before, for targets without a gate word: a program has one copy
    /// of it, and not one for each place that makes calls.
    #[inline(never)]
    fn settle_at(&self, ticket: Ticket, end: AttemptEnd, now: Instant) -> Settled {
        self.settle(ticket, end, &mut || now)
    }

    /// Settles an attempt, however it ended; one copy for all ways to read the time.
    #[inline(never)]
    fn settle(&self, ticket: Ticket, end: AttemptEnd, now: &mut dyn FnMut() -> Instant) -> Settled {
        self.locked(|breaker, config| breaker.end(config, ticket, end, now))
    }

    /// Records a success without the lock, if that is possible.
    #[inline]
    fn recorded<N: Now>(&self, ticket: &Ticket, now: &mut Reading<N>) -> bool {
        let seen = self.gate_word.load();
        seen.is_quiet_for(ticket)
            || self
                .gate_word
                .succeed(seen, ticket, || !self.settings.base().is_slow(ticket.started, now.get()))
    }

    pub(super) fn locked<R>(&self, f: impl FnOnce(&mut Breaker<W>, &CircuitConfig) -> R) -> R {
        self.guarded.with(|guarded| {
            self.catch_up(guarded);
            let result = f(&mut guarded.breaker, self.settings.current(&guarded.changed));
            self.publish(guarded);
            result
        })
    }

    /// Makes the start, and records the successes that the gate word counted since it was published.
    fn catch_up(&self, guarded: &mut Guarded<W, S::Changed>) {
        if !guarded.started {
            guarded.started = true;
            guarded.breaker.start(self.start);
        }
        let granted = core::mem::take(&mut guarded.unseen);
        if GateWord::IS_PUBLISHED && granted > 0 {
            let config = self.settings.current(&guarded.changed);
            guarded.breaker.record_successes(config, granted - self.gate_word.take_unseen());
        }
    }

    fn publish(&self, guarded: &mut Guarded<W, S::Changed>) {
        if GateWord::IS_PUBLISHED {
            let config = self.settings.current(&guarded.changed);
            let state = match guarded.before {
                Phase::Closed => Published::of(&guarded.breaker, config, self.settings.base()),
                Phase::Open | Phase::HalfOpen => Published::Ask,
            };
            guarded.unseen = self.gate_word.publish(state);
        }
    }
}

impl<W: Window, L: Lock, S: Settings> Gate for SharedCircuit<W, L, S> {
    type Ticket = Ticket;

    #[inline]
    fn admit(&self, now: impl Now) -> Result<Admission<Ticket>, Rejected> {
        if !GateWord::IS_PUBLISHED {
            return self.admit_locked(now.now());
        }
        let seen = self.gate_word.load();
        if let Some(ticket) = seen.admits() {
            return Ok(Admission { ticket, change: None });
        }
        if !seen.is_open() {
            return self.admit_otherwise(seen, now);
        }
        let now = now.now();
        match seen.refuses(self.settings.base().longest_open(), now) {
            Some(rejected) => Err(rejected),
            None => self.admit_locked(now),
        }
    }

    #[inline]
    fn end(&self, ticket: Ticket, end: AttemptEnd, now: impl Now) -> Settled {
        match end {
            AttemptEnd::Succeeded => Settled { change: self.succeed(ticket, now), next: Ok(()) },
            AttemptEnd::Failed { class, delay, word } => self.fail(ticket, class, now, delay, word),
            AttemptEnd::Cancelled => Settled { change: self.cancel(ticket, now), next: Ok(()) },
        }
    }

    #[inline]
    fn succeed(&self, ticket: Ticket, now: impl Now) -> Option<Change> {
        if !GateWord::IS_PUBLISHED {
            return self.settle_at(ticket, AttemptEnd::Succeeded, now.now()).change;
        }
        let mut now = Reading::Unread(now);
        if self.recorded(&ticket, &mut now) { None } else { self.succeed_locked(ticket, now) }
    }

    fn fail(
        &self,
        ticket: Ticket,
        class: Class,
        now: impl Now,
        delay: Option<Duration>,
        word: u64,
    ) -> Settled {
        let end = AttemptEnd::Failed { class, word, delay };
        if !GateWord::IS_PUBLISHED {
            return self.settle_at(ticket, end, now.now());
        }
        let mut now = Reading::Unread(now);
        // An error that does not count as a failure is recorded like a success.
        if !self.settings.base().counts(class) && self.recorded(&ticket, &mut now) {
            return Settled::NOTHING;
        }
        self.settle(ticket, end, &mut || now.get())
    }

    fn cancel(&self, ticket: Ticket, now: impl Now) -> Option<Change> {
        if !GateWord::IS_PUBLISHED {
            return self.settle_at(ticket, AttemptEnd::Cancelled, now.now()).change;
        }
        if self.gate_word.load().is_closed_for(&ticket) {
            return None;
        }
        let mut now = Reading::Unread(now);
        self.settle(ticket, AttemptEnd::Cancelled, &mut || now.get()).change
    }
}

#[cfg(feature = "defmt")]
impl<W: Window, L: Lock, S: Settings> defmt::Format for SharedCircuit<W, L, S> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "SharedCircuit {{ phase: {}, mode: {} }}", self.phase(), self.mode());
    }
}

impl<W: Window, L: Lock, S: Settings> fmt::Debug for SharedCircuit<W, L, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedCircuit")
            .field("phase", &self.phase())
            .field("mode", &self.mode())
            .finish_non_exhaustive()
    }
}
