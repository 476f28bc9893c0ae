//! A circuit that many callers share, usually a `static`.

use core::fmt;
use core::time::Duration;

use super::breaker::Breaker;
use super::config::CircuitConfig;
use super::gate::{Admission, AttemptEnd, Gate, Settled, Ticket};
use super::phase::{Change, Mode, OnHealthy, Phase, Start};
use super::published::Published;
use super::rejected::Rejected;
use super::settings::Settings;
use super::snapshot::Snapshot;
#[cfg(feature = "std")]
use super::state::Standing;
use super::window::{Counts, Window};
use super::word::{Seen, Word};
use crate::class::Class;
use crate::config_error::{ConfigError, ok_or_panic};
use crate::lock::{Exclusive, Initial, Lock};
use crate::time::{Instant, Now, Reading};

macro_rules! shared_circuit {
    ({ $($window:tt)* } { $($lock:tt)* }) => {
        /// The circuit of one dependency, shared by everyone who calls it: configuration, state and a lock.
        ///
        /// `W` is its [`Window`], `L` its [`Lock`]. With the feature `std` they need not be named: they are
        /// [`CountWindow<100>`](crate::circuit::CountWindow) and [`StdLock`](crate::runtime::StdLock) unless said otherwise.
        /// Usually a `static`, with no initialisation at run time:
        ///
        /// ```
        /// # #[cfg(feature = "std")] {
        /// use retry_core::{circuit::{CountWindow, Phase}, CircuitConfig, SharedCircuit};
        ///
        /// static STOCK: SharedCircuit = SharedCircuit::new(CircuitConfig::DEFAULT);
        /// static PRICES: SharedCircuit<CountWindow<20>> =
        ///     SharedCircuit::new(CircuitConfig::WITHOUT_RULES.failure_rate(30).minimum_calls(10));
        ///
        /// assert_eq!(STOCK.phase(), Phase::Closed);
        /// # }
        /// ```
        ///
        /// A word published beside the lock answers most questions in one atomic load: while closed, admission;
        /// while the window is full of successes, that another one changes nothing; while open, refusal. While the
        /// window holds failures, it counts the successes that follow in one atomic exchange each. The lock is taken
        /// only where something changes, or where the window counts time. On targets without 64-bit atomics it is
        /// always taken, and the time read before, asked for or not.
        ///
        /// `S` says where its [configuration](Settings) is: in itself unless said otherwise.
        pub struct SharedCircuit<W: Window $($window)*, L: Lock $($lock)*, S: Settings = CircuitConfig> {
            word: Word,
            guarded: L::Of<Guarded<W, S::Changed>>,
            settings: S,
            start: Start,
        }
    };
}
#[cfg(feature = "std")]
shared_circuit!({ = super::window::CountWindow<100> } { = crate::lock::StdLock });
#[cfg(not(feature = "std"))]
shared_circuit!({} {});

/// What the lock guards.
struct Guarded<W, C> {
    breaker: Breaker<W>,
    /// How many successes the word has been told to count by itself.
    unseen: u32,
    /// In place of the configuration it was made with.
    changed: C,
    /// Whether the circuit's [`Start`] has been made.
    started: bool,
    /// The phase in which a pool forgot the circuit that was here before, until someone is told of it.
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

impl<W: Window, L: Lock> SharedCircuit<W, L> {
    /// A closed circuit.
    ///
    /// # Panics
    /// On a configuration that does not fit the window: in a `static`, a compile error.
    #[track_caller]
    pub const fn new(config: CircuitConfig) -> Self {
        Self::with(ok_or_panic!(config.for_window::<W>()))
    }

    /// [`new`](Self::new) for a configuration known only at run time.
    ///
    /// # Errors
    /// A configuration that does not fit the window: a window larger than its type holds, fewer calls than a rate
    /// asks for, a rate of slow calls for a window that does not tell them.
    pub const fn try_new(config: CircuitConfig) -> Result<Self, ConfigError> {
        match config.for_window::<W>() {
            Ok(config) => Ok(Self::with(config)),
            Err(error) => Err(error),
        }
    }

    /// Goes on by another configuration. The newest of the calls that the window holds are carried over, as many as
    /// fit; what was opened by its rules stays open no longer than the new one allows from now.
    ///
    /// # Errors
    /// A configuration that does not fit the window: as [`try_new`](Self::try_new); nothing changes then.
    pub fn reconfigure(&self, config: CircuitConfig, now: impl Now) -> Result<(), ConfigError> {
        let (config, now) = (config.for_window::<W>()?, now.now());
        self.guarded.with(|guarded| {
            self.catch_up(guarded);
            let before = *self.settings.current(&guarded.changed);
            guarded.breaker.respan(&before, &config, now);
            guarded.changed = Some(config);
            self.publish(guarded);
        });
        Ok(())
    }
}

impl<'a, W: Window, L: Lock> SharedCircuit<W, L, &'a CircuitConfig> {
    /// A closed circuit whose configuration is elsewhere, for any number of circuits.
    ///
    /// # Errors
    /// As [`try_new`](SharedCircuit::try_new).
    pub const fn with_settings(config: &'a CircuitConfig) -> Result<Self, ConfigError> {
        match config.for_window::<W>() {
            Ok(_) => Ok(Self::with(config)),
            Err(error) => Err(error),
        }
    }
}

impl<W: Window, L: Lock, S: Settings> SharedCircuit<W, L, S> {
    /// Of a configuration that fits the window.
    pub(crate) const fn with(settings: S) -> Self {
        Self {
            word: Word::ASK,
            guarded: L::Of::<Guarded<W, S::Changed>>::INITIAL,
            settings,
            start: Start::Closed,
        }
    }

    /// Where it stands at first; closed unless set.
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use retry_core::{circuit::{Phase, Start}, CircuitConfig, SharedCircuit};
    ///
    /// // After a boot nobody knows: a probe first.
    /// static STOCK: SharedCircuit = SharedCircuit::new(CircuitConfig::DEFAULT).starting(Start::HalfOpen);
    /// assert_eq!(STOCK.phase(), Phase::HalfOpen);
    /// # }
    /// ```
    #[must_use]
    pub const fn starting(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// The state as data, with times relative to `now`.
    pub fn snapshot(&self, now: impl Now) -> Snapshot<W> {
        let now = now.now();
        self.locked(|breaker, config| breaker.snapshot(config, now))
    }

    /// Goes on from a state taken before, here or elsewhere, as if no time had passed since. Attempts under way are
    /// of an older era from now on. What was opened by its rules stays open no longer than this configuration allows.
    pub fn restore(&self, snapshot: &Snapshot<W>, now: impl Now) -> Change {
        let now = now.now();
        self.locked(|breaker, config| breaker.restore(config, snapshot, now))
    }

    /// The phase as of the last event; an open circuit whose time has passed says so at the next admission.
    pub fn phase(&self) -> Phase {
        self.locked(|breaker, _| breaker.phase())
    }

    /// Who decides about the phase.
    pub fn mode(&self) -> Mode {
        self.locked(|breaker, _| breaker.mode())
    }

    /// How many attempts ended after their era had, and so changed nothing; saturates.
    pub fn late(&self) -> u32 {
        self.locked(|breaker, _| breaker.late())
    }

    /// What the window holds while closed. Of one that counts time, what is in its span now.
    pub fn counts(&self, now: impl Now) -> Option<Counts> {
        let now = if W::TIMED { now.now() } else { Instant::ORIGIN };
        self.locked(|breaker, config| {
            let mut window = breaker.state().window()?.clone(); // whoever looks changes nothing
            window.expire(config.span(W::CAPACITY), now);
            Some(Counts::of(&window))
        })
    }

    /// Begins anew, as the circuit of another dependency.
    #[cfg(feature = "std")]
    pub(crate) fn renew(&self) {
        self.guarded.with(|guarded| {
            self.catch_up(guarded);
            // One at a time: nobody has called since, so that another could only have been opened by hand.
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

    // The ways through the lock stand apart, so that the ways around it need no stack.
    #[inline(never)]
    fn admit_otherwise(&self, seen: Seen, now: impl Now) -> Result<Admission<Ticket>, Rejected> {
        if let Some(ticket) = seen.admits_timed() {
            return Ok(Admission { ticket: ticket(now.now()), change: None });
        }
        if seen.is_forced_open() {
            return Err(Rejected::of_nanos(Phase::Open, u64::MAX));
        }
        let mut now = Reading::Unread(now);
        match self.word.refuses_by_most(seen, || now.get()) {
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

    /// [`settle`](Self::settle), where the time was read: always, where there is no word. So there is one copy of it in a
    /// program, not one for each place that makes calls.
    #[inline(never)]
    fn settle_at(&self, ticket: Ticket, end: AttemptEnd, now: Instant) -> Settled {
        self.settle(ticket, end, &mut || now)
    }

    /// Settles an attempt, however it ended: one for all ways to read the time.
    #[inline(never)]
    fn settle(&self, ticket: Ticket, end: AttemptEnd, now: &mut dyn FnMut() -> Instant) -> Settled {
        self.locked(|breaker, config| breaker.end(config, ticket, end, now))
    }

    /// Records a success without the lock, where that is possible.
    #[inline]
    fn recorded<N: Now>(&self, ticket: &Ticket, now: &mut Reading<N>) -> bool {
        let seen = self.word.load();
        seen.is_quiet_for(ticket)
            || self.word.succeed(seen, ticket, || !self.settings.base().is_slow(ticket.started, now.get()))
    }

    pub(super) fn locked<R>(&self, f: impl FnOnce(&mut Breaker<W>, &CircuitConfig) -> R) -> R {
        self.guarded.with(|guarded| {
            self.catch_up(guarded);
            let result = f(&mut guarded.breaker, self.settings.current(&guarded.changed));
            self.publish(guarded);
            result
        })
    }

    /// Makes the start, or records the successes that the word counted since it was published.
    fn catch_up(&self, guarded: &mut Guarded<W, S::Changed>) {
        if !guarded.started {
            guarded.started = true;
            guarded.breaker.start(self.start);
        }
        let granted = core::mem::take(&mut guarded.unseen);
        if Word::IS_PUBLISHED && granted > 0 {
            let config = self.settings.current(&guarded.changed);
            guarded.breaker.record_successes(config, granted - self.word.take_unseen());
        }
    }

    fn publish(&self, guarded: &mut Guarded<W, S::Changed>) {
        if Word::IS_PUBLISHED {
            let config = self.settings.current(&guarded.changed);
            let state = match guarded.before {
                Phase::Closed => Published::of(&guarded.breaker, config, self.settings.base()),
                Phase::Open | Phase::HalfOpen => Published::Ask,
            };
            guarded.unseen = self.word.publish(state);
        }
    }
}

impl<W: Window, L: Lock, S: Settings> SharedCircuit<W, L, S> {
    /// Opens it until told otherwise, whatever the time: every attempt is refused.
    ///
    /// Here and below, the change is for the caller to tell: [`Event::phase_changed`](crate::observe::Event::phase_changed).
    pub fn force_open(&self, now: impl Now) -> Option<Change> {
        let now = now.now();
        self.locked(|breaker, _| breaker.force_open(now))
    }

    /// Closes it until told otherwise, without counting: every attempt is admitted.
    pub fn disable(&self, now: impl Now) -> Option<Change> {
        let now = now.now();
        self.locked(|breaker, _| breaker.disable(now))
    }

    /// Closes it until told otherwise, but goes on counting.
    pub fn count_only(&self, now: impl Now) -> Option<Change> {
        let now = now.now();
        self.locked(|breaker, _| breaker.count_only(now))
    }

    /// Closes it with an empty window, and lets the outcomes decide again.
    pub fn reset(&self, now: impl Now) -> Option<Change> {
        let now = now.now();
        self.locked(|breaker, _| breaker.reset(now))
    }

    /// Opens it for so long; then probes decide.
    pub fn trip(&self, duration: Duration, now: impl Now) -> Option<Change> {
        let now = now.now();
        self.locked(|breaker, _| breaker.trip(duration, now))
    }

    /// Lets probes decide now, if it is open by its own rules or by [`trip`](Self::trip).
    pub fn probe(&self, now: impl Now) -> Option<Change> {
        let now = now.now();
        self.locked(|breaker, _| breaker.probe(now))
    }

    /// The era in which a health check would be of use: while it is open by its own rules or by [`trip`](Self::trip).
    pub fn health_check_era(&self) -> Option<u32> {
        self.locked(|breaker, _| breaker.health_check_era())
    }

    /// A health check that began in this era, as [`ailing`](Self::health_check_era) said, has succeeded. Where the era has ended
    /// meanwhile, that is late, and changes nothing.
    pub fn health_check_passed(&self, era: u32, then: OnHealthy, now: impl Now) -> Option<Change> {
        let now = now.now();
        self.locked(|breaker, config| breaker.health_check_passed(era, then, config, now))
    }
}

impl<W: Window, L: Lock, S: Settings> Gate for SharedCircuit<W, L, S> {
    type Ticket = Ticket;

    #[inline]
    fn admit(&self, now: impl Now) -> Result<Admission<Ticket>, Rejected> {
        if !Word::IS_PUBLISHED {
            return self.admit_locked(now.now());
        }
        let seen = self.word.load();
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
        if !Word::IS_PUBLISHED {
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
        if !Word::IS_PUBLISHED {
            return self.settle_at(ticket, end, now.now());
        }
        let mut now = Reading::Unread(now);
        // An error that does not count as a failure is recorded as a success is.
        if !self.settings.base().counts(class) && self.recorded(&ticket, &mut now) {
            return Settled::NOTHING;
        }
        self.settle(ticket, end, &mut || now.get())
    }

    fn cancel(&self, ticket: Ticket, now: impl Now) -> Option<Change> {
        if !Word::IS_PUBLISHED {
            return self.settle_at(ticket, AttemptEnd::Cancelled, now.now()).change;
        }
        if self.word.load().is_closed_for(&ticket) {
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
