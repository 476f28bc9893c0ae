//! A circuit that many callers share, usually a `static`.

use core::fmt;
use core::time::Duration;

use super::breaker::{Breaker, Ticket};
use super::config::CircuitConfig;
use super::gate::{Admission, Gate, Settled};
use super::phase::{Change, Phase};
#[cfg(feature = "std")]
use super::window::CountWindow;
use super::window::Window;
use crate::class::Class;
use crate::config::{ConfigError, ok_or_panic};
use crate::lock::{Exclusive, Initial, Lock};
use crate::time::Now;
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
        ///     SharedCircuit::new(CircuitConfig::WITHOUT_RULES.failure_rate(30));
        ///
        /// assert_eq!(STOCK.phase(), Phase::Closed);
        /// # }
        /// ```
        pub struct SharedCircuit<W: Window $($window)*, L: Lock $($lock)*> {
            config: CircuitConfig,
            breaker: L::Of<Breaker<W>>,
        }
    };
}
#[cfg(feature = "std")]
shared_circuit!({ = CountWindow<100> } { = crate::lock::StdLock });
#[cfg(not(feature = "std"))]
shared_circuit!({} {});

impl<W: Window, L: Lock> SharedCircuit<W, L> {
    /// A closed circuit.
    ///
    /// # Panics
    /// On a window larger than its type holds, or fewer calls in the window than the failure rate asks for: in
    /// a `static`, a compile error.
    #[track_caller]
    pub const fn new(config: CircuitConfig) -> Self {
        Self::from_checked(ok_or_panic!(config.for_capacity(W::CAPACITY)))
    }

    /// [`new`](Self::new) for a configuration known only at run time.
    ///
    /// # Errors
    /// A window larger than its type holds, or fewer calls in the window than the failure rate asks for.
    pub const fn try_new(config: CircuitConfig) -> Result<Self, ConfigError> {
        match config.for_capacity(W::CAPACITY) {
            Ok(config) => Ok(Self::from_checked(config)),
            Err(error) => Err(error),
        }
    }

    const fn from_checked(config: CircuitConfig) -> Self {
        Self { config, breaker: L::Of::<Breaker<W>>::INITIAL }
    }

    /// The phase as of the last event; an open circuit whose time has passed says so at the next admission.
    pub fn phase(&self) -> Phase {
        self.breaker.with(|breaker| breaker.phase())
    }

    /// How many attempts ended after their era had, and so changed nothing; saturates.
    pub fn late(&self) -> u32 {
        self.breaker.with(|breaker| breaker.late())
    }
}

impl<W: Window, L: Lock> Gate for SharedCircuit<W, L> {
    type Ticket = Ticket;

    fn admit(&self, now: impl Now) -> Result<Admission<Ticket>, Rejected> {
        self.breaker.with(|breaker| breaker.admit(&self.config, now))
    }

    fn succeed(&self, ticket: Ticket, now: impl Now) -> Option<Change> {
        self.breaker.with(|breaker| breaker.settle(&self.config, ticket, false, now))
    }

    fn fail(&self, ticket: Ticket, class: Class, now: impl Now, delay: Option<Duration>) -> Settled {
        let (now, failed) = (now.now(), self.config.counts(class));
        self.breaker.with(|breaker| Settled {
            change: breaker.settle(&self.config, ticket, failed, now),
            next: match delay {
                Some(delay) => breaker.open_at(&self.config, now, now.after(delay)),
                None => Ok(()),
            },
        })
    }

    fn cancel(&self, ticket: Ticket) {
        self.breaker.with(|breaker| breaker.cancel(ticket));
    }
}

impl<W: Window, L: Lock> fmt::Debug for SharedCircuit<W, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedCircuit").field("phase", &self.phase()).finish_non_exhaustive()
    }
}

impl<W: Window> Initial for Breaker<W> {
    const INITIAL: Self = Self::CLOSED;
}
