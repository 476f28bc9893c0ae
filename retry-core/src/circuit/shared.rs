//! The circuit of one dependency, which many callers share.

use core::fmt;

use super::breaker::Breaker;
use super::config::CircuitConfig;
use super::gate::{Admission, AttemptEnd, Gate, Settled, Ticket, read_for};
use super::gate_word::{GateWord, Seen};
use super::manual_operations::manual_operations;
use super::phase::{Adoption, Change, OnHealthy, Phase, Start};
use super::published::Published;
use super::rejected::Rejected;
use super::rules::Opening;
use super::settings::{CircuitName, Settings};
use super::snapshot::Snapshot;
#[cfg(feature = "std")]
use super::state::Standing;
use super::window::{CountWindow, Counts, Window};
use crate::class::Class;
use crate::config_error::{ConfigError, ok_or_panic};
use crate::lock::{DefaultLock, Exclusive, Initial, Lock};
use crate::time::{Instant, Now, Reading};

/// A circuit breaker for one dependency, shared by all its callers. It holds the configuration, the state and a lock.
///
/// It is usually a `static`, which needs no initialisation at run time, or in an `Arc`:
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
/// `W` is the [`Window`], by default the last 100 calls. `L` is the [`Lock`], by default the [`DefaultLock`]. `S` is
/// the place of the configuration, by default the circuit itself: see [`Settings`].
///
/// # Cost
///
/// A *gate word* beside the lock answers most calls by one atomic load:
///
/// - If the circuit is closed, an attempt is admitted.
/// - If the circuit is open, an attempt is refused.
/// - If the window is full of successes that were faster than [`slow_after`](CircuitConfig::slow_after), another one
///   leaves it as it is.
///
/// If the window is not full or holds failures, one atomic exchange counts a success in the word. All else takes the
/// lock: failures, half-open circuits, ramps, and outcomes in a window that counts time. After
/// [`reconfigure`](Self::reconfigure) has changed [`slow_after`](CircuitConfig::slow_after) or
/// [`count_as_failure`](CircuitConfig::count_as_failure), each outcome takes the lock. On targets that lack 64-bit
/// atomics, every call reads the time and takes the lock.
#[doc(alias = "circuit breaker")]
pub struct SharedCircuit<W: Window = CountWindow<100>, L: Lock = DefaultLock, S: Settings = CircuitConfig> {
    gate_word: GateWord,
    guarded: L::Of<Guarded<W, S::Changed>>,
    settings: S,
    start: Start,
    name: S::Name,
}

/// The state that the lock guards.
struct Guarded<W, C> {
    breaker: Breaker<W>,
    /// How many successes the gate word may count before one takes the lock.
    unseen: u32,
    /// A configuration that replaces the first one.
    changed: C,
    /// Whether the circuit was put into its [`Start`].
    started: bool,
    /// The phase of the circuit that a pool evicted from this place, until an admission reports it.
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
    /// Makes a closed circuit with the last 100 calls as its window, and the [`DefaultLock`].
    ///
    /// For another window or another lock, use [`with_window`](Self::with_window). For a
    /// `SharedCircuit<CountWindow<20>>`, `new` fails to compile: "mismatched types: expected `20`, found `100`".
    ///
    /// # Panics
    /// Panics if the configuration does not fit the window: see [`try_with_window`](Self::try_with_window). In a
    /// `static`, that is a compile error.
    #[track_caller]
    pub const fn new(config: CircuitConfig) -> Self {
        Self::with_window(config)
    }

    /// Does the same as [`new`](Self::new), for a configuration known only at run time.
    ///
    /// # Errors
    /// Returns an error if the configuration does not fit the window: see [`try_with_window`](Self::try_with_window).
    pub const fn try_new(config: CircuitConfig) -> Result<Self, ConfigError> {
        Self::try_with_window(config)
    }
}

impl<W: Window, L: Lock> SharedCircuit<W, L> {
    /// Makes a closed circuit with the window and the lock of its type.
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
    /// Panics if the configuration does not fit the window: see [`try_with_window`](Self::try_with_window). In a
    /// `static`, that is a compile error.
    #[track_caller]
    pub const fn with_window(config: CircuitConfig) -> Self {
        Self::with(ok_or_panic!(config.for_window::<W>()))
    }

    /// Does the same as [`with_window`](Self::with_window), for a configuration known only at run time.
    ///
    /// # Errors
    /// Returns an error if one of these is true:
    ///
    /// - [`window`](CircuitConfig::window) is above the capacity of the window's type.
    /// - [`minimum_calls`](CircuitConfig::minimum_calls) or [`failures_in_window`](CircuitConfig::failures_in_window)
    ///   is above the window.
    /// - [`slow_rate`](CircuitConfig::slow_rate) is set, and [`slow_after`](CircuitConfig::slow_after) is unset or the
    ///   window does not count slow calls.
    /// - The window counts time, and [`window_time`](CircuitConfig::window_time) is unset.
    /// - [`max_probes`](CircuitConfig::max_probes) is below [`success_threshold`](CircuitConfig::success_threshold) +
    ///   [`probe_failures`](CircuitConfig::probe_failures).
    pub const fn try_with_window(config: CircuitConfig) -> Result<Self, ConfigError> {
        match config.for_window::<W>() {
            Ok(config) => Ok(Self::with(config)),
            Err(error) => Err(error),
        }
    }

    /// Changes the configuration while calls are under way.
    ///
    /// The newest outcomes are carried over, as many as fit. A mode set by hand stays.
    ///
    /// If the rules or a rate limit opened the circuit, its open time is cut to the longest of the new configuration,
    /// counted from `now`. One that was set by [`trip`](Self::trip) is kept.
    ///
    /// ```
    /// use core::time::Duration;
    /// use retry_core::{circuit::Gate, CircuitConfig, Class, Instant, SharedCircuit};
    ///
    /// let now = Instant::ORIGIN;
    /// let circuit = SharedCircuit::new(CircuitConfig::DEFAULT.consecutive_failures(1));
    /// let ticket = circuit.admit(now)?.ticket;
    /// circuit.fail(ticket, Class::Server, now, None, 0); // opens it for 30 s
    /// circuit.reconfigure(CircuitConfig::DEFAULT.open_for(Duration::from_secs(5)), now)?;
    /// assert_eq!(circuit.snapshot(now).open_for(), Some(Duration::from_secs(5)));
    /// # Ok::<_, Box<dyn core::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the configuration does not fit the window: see [`try_with_window`](Self::try_with_window).
    /// The old configuration then stays.
    pub fn reconfigure(&self, config: CircuitConfig, now: impl Now) -> Result<(), ConfigError> {
        let config = config.for_window::<W>()?;
        self.change_to(&config, Some(config), now.now());
        Ok(())
    }
}

impl<'a, W: Window, L: Lock> SharedCircuit<W, L, &'a CircuitConfig> {
    /// Makes a closed circuit that borrows its configuration, which any number of circuits may share.
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
    /// Makes a circuit from settings that fit the window.
    pub(crate) const fn with(settings: S) -> Self {
        Self {
            gate_word: GateWord::ASK,
            guarded: L::Of::<Guarded<W, S::Changed>>::INITIAL,
            settings,
            start: Start::Closed,
            name: S::Name::NONE,
        }
    }

    /// Sets the first state. The default is closed.
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

    /// Returns the configuration in force.
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

    /// Returns the state as data, with times relative to `now`.
    pub fn snapshot(&self, now: impl Now) -> Snapshot<W> {
        let now = now.now();
        self.locked(|breaker, config| breaker.snapshot(config, now))
    }

    /// Restores a snapshot of this or another circuit, as if no time had passed since it was taken, and returns the
    /// change. Attempts under way then end [late](Self::late).
    ///
    /// The open time of a circuit that its rules or a rate limit opened is cut to the longest of this circuit's
    /// configuration. One that was set by [`trip`](Self::trip) is kept.
    pub fn restore(&self, snapshot: &Snapshot<W>, now: impl Now) -> Change {
        let now = now.now();
        self.locked(|breaker, config| breaker.restore(config, snapshot, now))
    }

    /// Returns the era for a health check to begin in. The era is a counter that each change of phase increments. It is
    /// `None` unless the circuit was opened by its rules or by [`trip`](Self::trip).
    pub fn health_check_era(&self) -> Option<u32> {
        self.locked(|breaker, _| breaker.health_check_era())
    }

    /// Half-opens or closes the circuit after a health check has succeeded, and returns the change. `era` is the
    /// [era](Self::health_check_era) in which the check began. If it has ended since, the check only counts as
    /// [late](Self::late).
    pub fn health_check_passed(&self, era: u32, then: OnHealthy, now: impl Now) -> Option<Change> {
        let now = now.now();
        self.locked(|breaker, config| breaker.health_check_passed(era, then, config, now))
    }

    /// Adopts what other processes found out about the dependency, and returns the change of phase; `None` if a manual
    /// operation decides the phase, if the era has ended, or if the circuit was already open.
    ///
    /// An adopted opening counts as none for [`open_growth`](CircuitConfig::open_growth).
    ///
    /// ```
    /// use core::time::Duration;
    /// use retry_core::{circuit::{Adoption, Gate, Phase}, CircuitConfig, Instant, SharedCircuit};
    ///
    /// let (now, second) = (Instant::ORIGIN, Duration::from_secs(1));
    /// let circuit = SharedCircuit::new(CircuitConfig::DEFAULT);
    /// circuit.adopt(Adoption::Open { open_for: 20 * second, grace: 10 * second }, now);
    /// assert_eq!(circuit.admit(now).unwrap_err().wait(), 30 * second);
    ///
    /// let era = circuit.health_check_era().unwrap();
    /// circuit.adopt(Adoption::Close { era }, now);
    /// assert_eq!(circuit.phase(), Phase::Closed);
    /// ```
    pub fn adopt(&self, adoption: Adoption, now: impl Now) -> Option<Change> {
        let now = now.now();
        self.locked(|breaker, config| breaker.adopt(config, adoption, now))
    }

    /// Returns the number of failures since the last success; 0 unless the circuit is closed.
    pub fn failures_in_a_row(&self) -> u32 {
        self.locked(|breaker, _| breaker.failures_in_a_row())
    }

    /// Returns how many attempts and health checks ended late: the phase had changed since they began. A late one
    /// changes only this counter, which saturates at [`u32::MAX`].
    pub fn late(&self) -> u32 {
        self.locked(|breaker, _| breaker.late())
    }

    /// Returns the counts of the window; `None` unless the circuit is closed. A window that counts time gives those of
    /// its span at `now`.
    pub fn counts(&self, now: impl Now) -> Option<Counts> {
        let now = if W::TIMED { now.now() } else { Instant::ORIGIN };
        self.locked(|breaker, config| {
            let mut window = breaker.state().window()?.clone(); // a copy, because a reading leaves the window as it is
            window.expire(config.span(W::CAPACITY), now);
            Some(Counts::of(&window))
        })
    }

    /// Changes to another configuration, which fits the window.
    pub(crate) fn change_to(&self, config: &CircuitConfig, changed: S::Changed, now: Instant) {
        self.guarded.with(|guarded| {
            self.catch_up(guarded);
            guarded.breaker.respan(self.settings.current(&guarded.changed), config, now);
            guarded.changed = changed;
            self.publish(guarded);
        });
    }

    /// Resets it for another dependency.
    #[cfg(feature = "std")]
    pub(crate) fn renew(&self) {
        self.guarded.with(|guarded| {
            self.catch_up(guarded);
            // One is enough: the circuit had no call since, so only a manual operation could have opened it again.
            if guarded.before == Phase::Closed {
                guarded.before = guarded.breaker.phase();
            }
            guarded.breaker.renew();
            self.publish(guarded);
        });
    }

    /// Limits what is left of the open time to its whole length, in case the clock stepped back.
    #[cfg(feature = "std")]
    pub(crate) fn limit_open_time(&self, now: Instant) {
        self.locked(|breaker, _| breaker.limit_open_time(now));
    }

    /// What would be lost with this circuit.
    #[cfg(feature = "std")]
    pub(crate) fn standing(&self, now: Instant) -> Standing {
        self.locked(|breaker, config| breaker.standing(config, now))
    }

    // Out of line, so that the paths around the lock need no stack.
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
        self.settle(ticket, AttemptEnd::Succeeded, Opening::WITHOUT_HINT, &mut || now.get()).change
    }

    /// Calls [`settle`](Self::settle) at a time that was read before, for targets that lack a gate word. A program has
    /// one copy of it instead of one per call site.
    #[inline(never)]
    fn settle_at(&self, ticket: Ticket, end: AttemptEnd, opening: Opening, now: Instant) -> Settled {
        self.settle(ticket, end, opening, &mut || now)
    }

    /// Settles an attempt, however it ended. A cancelled one is known to have run long enough to count. There is one
    /// copy for all ways to read the time.
    #[inline(never)]
    fn settle(
        &self,
        ticket: Ticket,
        end: AttemptEnd,
        opening: Opening,
        now: &mut dyn FnMut() -> Instant,
    ) -> Settled {
        self.locked(|breaker, config| breaker.end_known(config, ticket, end, opening, now))
    }

    /// What decides the open time after a failure with a hint. It is out of line, so that a program without hints has
    /// no code for them.
    #[inline(never)]
    fn opening_by_hint(&self, end: &AttemptEnd) -> Opening {
        self.locked(|_, config| end.opening(config))
    }

    /// Ends a cancelled attempt. It is out of line, in steps of its own, so that a program without cancelled attempts
    /// has no code for them.
    #[inline(never)]
    fn cancel_at(&self, ticket: Ticket, now: Instant) -> Option<Change> {
        let era = ticket.era;
        let counted = self.locked(|breaker, config| {
            if config.fails_cancelled(ticket.started, now) {
                return Some(ticket);
            }
            breaker.release_cancelled(config, ticket);
            None
        });
        let settled = self.settle(counted?, AttemptEnd::Cancelled, Opening::WITHOUT_HINT, &mut || now);
        self.locked(|breaker, config| breaker.arm(config, era));
        settled.change
    }

    /// Ends a cancelled attempt. A ticket without the time is of an attempt that does not count, and needs no reading.
    #[inline(never)]
    fn cancel_locked(&self, ticket: Ticket, now: impl Now) -> Option<Change> {
        let now = if ticket.is_timed() { self.read_for(&ticket, now) } else { Instant::ORIGIN };
        self.cancel_at(ticket, now)
    }

    /// Reads the clock. If it panics, the ticket is given back.
    #[inline]
    fn read_for(&self, ticket: &Ticket, now: impl Now) -> Instant {
        read_for(ticket, now, |ticket| self.locked(|breaker, _| breaker.release(ticket)))
    }

    /// Settles an attempt that failed or ended neutrally.
    #[inline]
    fn settle_otherwise(&self, ticket: Ticket, end: AttemptEnd, now: impl Now) -> Settled {
        let opening = if end.has_hint() { self.opening_by_hint(&end) } else { Opening::WITHOUT_HINT };
        if !GateWord::IS_PUBLISHED {
            let now = self.read_for(&ticket, now);
            return self.settle_at(ticket, end, opening, now);
        }
        let mut now = Reading::Unread(now);
        self.settle(ticket, end, opening, &mut || now.get())
    }

    /// Settles an attempt that failed.
    #[inline]
    fn fail_as(&self, ticket: Ticket, class: Class, end: AttemptEnd, now: impl Now) -> Settled {
        let mut now = Reading::Unread(now);
        let config = self.settings.base();
        // An error that is not a failure of the dependency is recorded as a success.
        if GateWord::IS_PUBLISHED
            && !config.counts(class)
            && !config.may_hold(class)
            && self.recorded(&ticket, &mut now)
        {
            return Settled::NOTHING;
        }
        self.settle_otherwise(ticket, end, || now.get())
    }

    /// Takes back the ticket of an attempt that ended neutrally.
    #[inline]
    fn release(&self, ticket: Ticket, end: AttemptEnd, now: impl Now) -> Settled {
        if self.gate_word.load().is_closed_for(&ticket) {
            return Settled::NOTHING;
        }
        self.settle_otherwise(ticket, end, now)
    }

    /// Records a success without the lock, if possible.
    #[inline]
    fn recorded<N: Now>(&self, ticket: &Ticket, now: &mut Reading<N>) -> bool {
        let seen = self.gate_word.load();
        seen.is_quiet_for(ticket)
            || self.gate_word.succeed(seen, ticket, || {
                let config = self.settings.base();
                !config.asks_duration() || !config.is_slow(ticket.started, now.get())
            })
    }

    pub(super) fn locked<R>(&self, f: impl FnOnce(&mut Breaker<W>, &CircuitConfig) -> R) -> R {
        self.guarded.with(|guarded| {
            self.catch_up(guarded);
            let result = f(&mut guarded.breaker, self.settings.current(&guarded.changed));
            self.publish(guarded);
            result
        })
    }

    /// Puts the circuit into its first state, and records the successes that the gate word counted since it was
    /// published.
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

impl<W: Window, L: Lock, S: Settings<Name = &'static str>> SharedCircuit<W, L, S> {
    /// Sets the name of the circuit, which events of its changes and refusals carry. It tells circuits apart in logs and
    /// metrics, because several operations may use one circuit. Exporters take names of up to 128 bytes.
    ///
    /// ```
    /// use retry_core::{circuit::Gate, CircuitConfig, SharedCircuit};
    ///
    /// static PAYMENTS: SharedCircuit = SharedCircuit::new(CircuitConfig::DEFAULT).named("payments");
    /// assert_eq!(PAYMENTS.name(), "payments");
    /// ```
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }
}

impl<W: Window, L: Lock, S: Settings> Gate for SharedCircuit<W, L, S> {
    type Ticket = Ticket;

    #[inline]
    fn name(&self) -> &'static str {
        self.name.text()
    }

    #[inline]
    fn place(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }

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
            AttemptEnd::Failed { class, .. } => self.fail_as(ticket, class, end, now),
            AttemptEnd::Neutral { .. } => self.release(ticket, end, now),
            AttemptEnd::Cancelled if !GateWord::IS_PUBLISHED => {
                let now = self.read_for(&ticket, now);
                Settled { change: self.cancel_at(ticket, now), next: Ok(()) }
            }
            AttemptEnd::Cancelled => Settled { change: self.cancel_locked(ticket, now), next: Ok(()) },
        }
    }

    #[inline]
    fn succeed(&self, ticket: Ticket, now: impl Now) -> Option<Change> {
        if !GateWord::IS_PUBLISHED {
            let now = self.read_for(&ticket, now);
            return self.settle_at(ticket, AttemptEnd::Succeeded, Opening::WITHOUT_HINT, now).change;
        }
        let mut now = Reading::Unread(now);
        if self.recorded(&ticket, &mut now) { None } else { self.succeed_locked(ticket, now) }
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
