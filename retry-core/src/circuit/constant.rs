//! A circuit whose configuration is a constant of its type.

use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;

use super::breaker::Breaker;
use super::config::CircuitConfig;
use super::gate::{Admission, AttemptEnd, Gate, Settled, Ticket};
use super::phase::{Change, Mode, Phase};
use super::rejected::Rejected;
use super::window::{Counts, Window};
use crate::config_error::ok_or_panic;
use crate::lock::{Exclusive, Initial, Lock};
use crate::time::{Instant, Now};

/// A configuration, as a type.
pub trait ConstConfig {
    /// The configuration.
    const CONFIG: CircuitConfig;
}

/// A circuit for small machines: its configuration is a constant of its type, so that it takes no memory, and what it
/// does not use is left out of the program.
///
/// It decides as a [`SharedCircuit`](crate::SharedCircuit) does, but always under its lock, and reads the time before,
/// asked for or not. Each configuration is compiled for itself, so that two of these circuits take more program memory than
/// two shared ones; and none can be reconfigured.
///
/// A configuration that does not fit the window does not compile.
///
/// ```
/// use retry_core::{
///     circuit::{ConstCircuit, ConstConfig, CountWindow, Phase}, runtime::LocalLock, CircuitConfig,
/// };
///
/// struct Uplink;
///
/// impl ConstConfig for Uplink {
///     const CONFIG: CircuitConfig = CircuitConfig::WITHOUT_RULES.consecutive_failures(3);
/// }
///
/// // In a `static` with another lock, such as `CriticalSectionLock`.
/// let uplink = ConstCircuit::<Uplink, CountWindow<32>, LocalLock>::CLOSED;
/// assert_eq!(uplink.phase(), Phase::Closed);
/// assert!(size_of_val(&uplink) <= 64);
/// ```
pub struct ConstCircuit<C, W: Window, L: Lock> {
    breaker: L::Of<Breaker<W>>,
    config: PhantomData<fn() -> C>,
}

impl<C: ConstConfig, W: Window, L: Lock> ConstCircuit<C, W, L> {
    /// A closed circuit.
    #[allow(clippy::declare_interior_mutable_const)] // the first state of each circuit's own breaker
    pub const CLOSED: Self = Self { breaker: L::Of::<Breaker<W>>::INITIAL, config: PhantomData };

    const CONFIG: &CircuitConfig = &ok_or_panic!(C::CONFIG.for_window::<W>());

    /// Opens it until told otherwise, whatever the time: every attempt is refused.
    pub fn force_open(&self, now: impl Now) -> Option<Change> {
        let now = now.now();
        self.breaker.with(|breaker| breaker.force_open(now))
    }

    /// Closes it with an empty window, and lets the outcomes decide again.
    pub fn reset(&self, now: impl Now) -> Option<Change> {
        let now = now.now();
        self.breaker.with(|breaker| breaker.reset(now))
    }

    /// Opens it for so long; then probes decide.
    pub fn trip(&self, duration: Duration, now: impl Now) -> Option<Change> {
        let now = now.now();
        self.breaker.with(|breaker| breaker.trip(duration, now))
    }

    /// The phase as of the last event; an open circuit whose time has passed says so at the next admission.
    pub fn phase(&self) -> Phase {
        self.breaker.with(|breaker| breaker.phase())
    }

    /// Who decides about the phase.
    pub fn mode(&self) -> Mode {
        self.breaker.with(|breaker| breaker.mode())
    }

    /// How many attempts ended after their era had, and so changed nothing; saturates.
    pub fn late(&self) -> u32 {
        self.breaker.with(|breaker| breaker.late())
    }

    /// What the window holds while closed, as of the last outcome.
    pub fn counts(&self) -> Option<Counts> {
        self.breaker.with(|breaker| breaker.counts())
    }

    // These are not inline, so that there is one copy of them, not one for each place that makes calls.
    #[inline(never)]
    fn admit_at(&self, now: Instant) -> Result<Admission<Ticket>, Rejected> {
        self.breaker.with(|breaker| breaker.admit(Self::CONFIG, now))
    }

    #[inline(never)]
    fn settle_at(
        &self,
        ticket: Ticket,
        failed: bool,
        delay: Option<Duration>,
        word: u64,
        now: Instant,
    ) -> Settled {
        self.breaker.with(|breaker| {
            let change = breaker.settle(Self::CONFIG, ticket, failed, now, word);
            Settled { change, next: breaker.open_after(delay, || now) }
        })
    }

    #[inline(never)]
    fn cancel_at(&self, ticket: Ticket, now: Instant) -> Option<Change> {
        self.breaker.with(|breaker| breaker.cancel(Self::CONFIG, ticket, now))
    }
}

impl<C: ConstConfig, W: Window, L: Lock> Gate for ConstCircuit<C, W, L> {
    type Ticket = Ticket;

    fn admit(&self, now: impl Now) -> Result<Admission<Ticket>, Rejected> {
        self.admit_at(now.now())
    }

    // How it ended is known where it is said, so nothing of the choice is left.
    #[inline(always)]
    fn end(&self, ticket: Ticket, end: AttemptEnd, now: impl Now) -> Settled {
        let now = now.now();
        let (failed, delay, word) = match end {
            AttemptEnd::Succeeded => (false, None, 0),
            AttemptEnd::Failed { class, delay, word } => (Self::CONFIG.counts(class), delay, word),
            AttemptEnd::Cancelled => {
                return Settled { change: self.cancel_at(ticket, now), next: Ok(()) };
            }
        };
        self.settle_at(ticket, failed, delay, word, now)
    }
}

#[cfg(feature = "defmt")]
impl<C: ConstConfig, W: Window, L: Lock> defmt::Format for ConstCircuit<C, W, L> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "ConstCircuit {{ phase: {}, mode: {} }}", self.phase(), self.mode());
    }
}

impl<C: ConstConfig, W: Window, L: Lock> fmt::Debug for ConstCircuit<C, W, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConstCircuit").field("phase", &self.phase()).finish_non_exhaustive()
    }
}
