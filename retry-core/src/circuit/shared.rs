//! A circuit that many callers share, usually a `static`.

use core::fmt;
use core::time::Duration;

use super::breaker::{Breaker, Ended, Ticket};
use super::config::CircuitConfig;
use super::gate::{Admission, Gate, Settled};
use super::phase::{Change, Mode, Phase};
use super::snapshot::Snapshot;
use super::window::Window;
use super::word::{self, Answer, Word};
use crate::class::Class;
use crate::config::{ConfigError, ok_or_panic};
use crate::lock::{Exclusive, Initial, Lock};
use crate::time::{Instant, Now, Reading};
use crate::verdict::Rejected;

macro_rules! shared_circuit {
    ({ $($window:tt)* } { $($lock:tt)* }) => {
        /// The circuit of one dependency, shared by everyone who calls it: configuration, state and a lock.
        ///
        /// `W` is its [`Window`], `L` its [`Lock`]. With the feature `std` they need not be named: they are
        /// [`CountWindow<100>`](crate::CountWindow) and [`StdLock`](crate::StdLock) unless said otherwise.
        /// Usually a `static`, with no initialisation at run time:
        ///
        /// ```
        /// # #[cfg(feature = "std")] {
        /// use retry_core::{CircuitConfig, CountWindow, Phase, SharedCircuit};
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
        /// while the window is full of successes, that another one changes nothing; while open, refusal. The
        /// lock is taken only where something changes. On targets without 64-bit atomics it is always taken, and
        /// the time read before, asked for or not: so there is one copy of the ways through the lock in a program,
        /// not one for each place that makes calls.
        pub struct SharedCircuit<W: Window $($window)*, L: Lock $($lock)*> {
            word: Word,
            guarded: L::Of<Guarded<W>>,
            config: CircuitConfig,
        }
    };
}
#[cfg(feature = "std")]
shared_circuit!({ = super::window::CountWindow<100> } { = crate::lock::StdLock });
#[cfg(not(feature = "std"))]
shared_circuit!({} {});

/// What the lock guards.
struct Guarded<W> {
    breaker: Breaker<W>,
    /// In place of the configuration it was made with.
    config: Option<CircuitConfig>,
}

impl<W: Window> Initial for Guarded<W> {
    const INITIAL: Self = Self { breaker: Breaker::CLOSED, config: None };
}

impl<W: Window, L: Lock> SharedCircuit<W, L> {
    /// A closed circuit.
    ///
    /// # Panics
    /// On a configuration that does not fit the window: in a `static`, a compile error.
    #[track_caller]
    pub const fn new(config: CircuitConfig) -> Self {
        Self::from_checked(ok_or_panic!(config.for_window::<W>()))
    }

    /// [`new`](Self::new) for a configuration known only at run time.
    ///
    /// # Errors
    /// A configuration that does not fit the window: a window larger than its type holds, fewer calls than a rate
    /// asks for, a rate of slow calls for a window that does not tell them.
    pub const fn try_new(config: CircuitConfig) -> Result<Self, ConfigError> {
        match config.for_window::<W>() {
            Ok(config) => Ok(Self::from_checked(config)),
            Err(error) => Err(error),
        }
    }

    const fn from_checked(config: CircuitConfig) -> Self {
        Self { word: Word::ASK, guarded: L::Of::<Guarded<W>>::INITIAL, config }
    }

    /// Opens it until told otherwise, whatever the time: every attempt is refused.
    pub fn force_open(&self, now: impl Now) -> Option<Change> {
        let now = now.now();
        self.locked(|breaker, _| breaker.force_open(now))
    }

    /// Closes it until told otherwise, without counting: every attempt is admitted.
    pub fn disable(&self, now: impl Now) -> Option<Change> {
        let now = now.now();
        self.locked(|breaker, _| breaker.hold_closed(Mode::Disabled, now))
    }

    /// Closes it until told otherwise, but goes on counting.
    pub fn count_only(&self, now: impl Now) -> Option<Change> {
        let now = now.now();
        self.locked(|breaker, _| breaker.hold_closed(Mode::CountOnly, now))
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
        self.locked(|breaker, _| breaker.probe(super::phase::ChangeCause::Manual, now))
    }

    /// What a health check does that succeeded while the circuit was open: half-opens it, or closes it.
    pub fn healthy(&self, then: Phase, now: impl Now) -> Option<Change> {
        let now = now.now();
        self.locked(|breaker, config| breaker.healthy(then, config, now))
    }

    /// Goes on by another configuration. What the window holds is carried over as far as it fits; an open circuit
    /// stays open no longer than the new one allows.
    ///
    /// # Errors
    /// A configuration that does not fit the window: as [`try_new`](Self::try_new); nothing changes then.
    pub fn reconfigure(&self, config: CircuitConfig) -> Result<(), ConfigError> {
        let config = config.for_window::<W>()?;
        self.guarded.with(|guarded| {
            let before = guarded.config.unwrap_or(self.config);
            guarded.breaker.respan(&before, &config);
            guarded.config = Some(config);
            self.publish(guarded);
        });
        Ok(())
    }

    /// The state as data, with times relative to `now`.
    pub fn snapshot(&self, now: impl Now) -> Snapshot<W> {
        let now = now.now();
        self.locked(|breaker, config| breaker.snapshot(config, now))
    }

    /// Goes on from a state taken before, here or elsewhere, as if no time had passed since. Attempts under way are
    /// of an older era from now on.
    pub fn restore(&self, snapshot: &Snapshot<W>, now: impl Now) {
        let now = now.now();
        self.locked(|breaker, config| breaker.restore(config, snapshot, now));
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

    /// The calls the window holds while closed, and how many of them failed and were slow.
    pub fn counts(&self) -> Option<(u32, u32, u32)> {
        self.locked(|breaker, _| breaker.counts())
    }

    // The ways through the lock stand apart, so that the ways around it need no stack.
    #[inline(never)]
    fn admit_locked<N: Now>(&self, mut now: Reading<N>) -> Result<Admission<Ticket>, Rejected> {
        self.locked(|breaker, config| breaker.admit(config, || now.get()))
    }

    #[inline(never)]
    fn succeed_locked<N: Now>(&self, ticket: Ticket, mut now: Reading<N>) -> Option<Change> {
        let recorded = self.guarded.with(|Guarded { breaker, config }| {
            let era = ticket.era;
            let quiet = breaker.record_success(config.as_ref().unwrap_or(&self.config), &ticket)?;
            let timed = false;
            self.word.publish(if quiet {
                word::Gate::Quiet { era, timed }
            } else {
                word::Gate::Closed { era, timed }
            });
            Some(())
        });
        match recorded {
            Some(()) => None,
            None => self.settle(ticket, Ended::Succeeded, &mut || now.get()).change,
        }
    }

    /// [`settle`](Self::settle), where the time was read.
    #[inline(never)]
    fn settle_at(&self, ticket: Ticket, ended: Ended, now: Instant) -> Settled {
        self.settle(ticket, ended, &mut || now)
    }

    /// Settles an attempt, however it ended: one for all ways to read the time.
    #[inline(never)]
    fn settle(&self, ticket: Ticket, ended: Ended, now: &mut dyn FnMut() -> Instant) -> Settled {
        self.locked(|breaker, config| breaker.end(config, ticket, ended, now))
    }

    fn locked<R>(&self, f: impl FnOnce(&mut Breaker<W>, &CircuitConfig) -> R) -> R {
        self.guarded.with(|guarded| {
            let result = f(&mut guarded.breaker, guarded.config.as_ref().unwrap_or(&self.config));
            self.publish(guarded);
            result
        })
    }

    fn publish(&self, guarded: &Guarded<W>) {
        let config = guarded.config.as_ref().unwrap_or(&self.config);
        self.word.publish(guarded.breaker.gate(config, &self.config));
    }
}

impl<W: Window, L: Lock> Gate for SharedCircuit<W, L> {
    type Ticket = Ticket;

    #[inline]
    fn admit(&self, now: impl Now) -> Result<Admission<Ticket>, Rejected> {
        if !Word::IS_PUBLISHED {
            return self.admit_locked(Reading::Read::<Instant>(now.now()));
        }
        let mut now = Reading::Unread(now);
        match self.word.load().admit(self.config.longest_open(), || now.get()) {
            Answer::Admitted(ticket) => Ok(Admission { ticket, change: None }),
            Answer::Rejected(rejected) => Err(rejected),
            Answer::Ask => self.admit_locked(now),
        }
    }

    #[inline]
    fn succeed(&self, ticket: Ticket, now: impl Now) -> Option<Change> {
        if !Word::IS_PUBLISHED {
            return self.settle_at(ticket, Ended::Succeeded, now.now()).change;
        }
        let seen = self.word.load();
        if seen.is_quiet_for(&ticket) {
            return None;
        }
        let mut now = Reading::Unread(now);
        if seen.is_quiet_in_time_for(&ticket) && !self.config.is_slow(ticket.started, now.get()) {
            return None;
        }
        self.succeed_locked(ticket, now)
    }

    fn fail(
        &self,
        ticket: Ticket,
        class: Class,
        now: impl Now,
        delay: Option<Duration>,
        word: u64,
    ) -> Settled {
        let ended = Ended::Failed { class, word, delay };
        if !Word::IS_PUBLISHED {
            return self.settle_at(ticket, ended, now.now());
        }
        let mut now = Reading::Unread(now);
        self.settle(ticket, ended, &mut || now.get())
    }

    fn cancel(&self, ticket: Ticket, now: impl Now) -> Option<Change> {
        if !Word::IS_PUBLISHED {
            return self.settle_at(ticket, Ended::Cancelled, now.now()).change;
        }
        let mut now = Reading::Unread(now);
        self.settle(ticket, Ended::Cancelled, &mut || now.get()).change
    }
}

#[cfg(feature = "defmt")]
impl<W: Window, L: Lock> defmt::Format for SharedCircuit<W, L> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "SharedCircuit {{ phase: {}, mode: {} }}", self.phase(), self.mode());
    }
}

impl<W: Window, L: Lock> fmt::Debug for SharedCircuit<W, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedCircuit")
            .field("phase", &self.phase())
            .field("mode", &self.mode())
            .finish_non_exhaustive()
    }
}
