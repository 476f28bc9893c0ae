//! A circuit with its configuration as a constant of its type.

use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;

use super::breaker::Breaker;
use super::config::CircuitConfig;
use super::gate::{Admission, AttemptEnd, Gate, Settled, Ticket, read_for};
use super::manual_operations::manual_operations;
use super::rejected::Rejected;
use super::rules::Opening;
use super::window::{CountWindow, Counts, Window};
use crate::config_error::ok_or_panic;
use crate::lock::{DefaultLock, Exclusive, Initial, Lock};
use crate::time::{Instant, Now};

/// A type that stands for a circuit's configuration: see [`ConstCircuit`].
pub trait ConstConfig {
    /// The configuration.
    const CONFIG: CircuitConfig;

    /// The name of the circuit, which events of its changes and refusals carry; it is empty by default. As a constant,
    /// it takes no memory unless it is used.
    const NAME: &'static str = "";
}

/// A circuit breaker for microcontrollers, with its configuration as a constant of its type. The configuration takes no
/// memory, and the compiler leaves unused rules out of the program.
///
/// It decides as a [`SharedCircuit`](crate::SharedCircuit) does, but reads the time and takes its lock for each
/// attempt. Each configuration is compiled separately, so two of these circuits take more program memory than two
/// shared ones. Its configuration is fixed for good.
///
/// If the configuration does not fit the window, the program fails to compile.
///
/// ```
/// use retry_core::{
///     circuit::{ConstCircuit, ConstConfig, CountWindow, Gate, Phase}, runtime::LocalLock, CircuitConfig,
/// };
///
/// struct Uplink;
///
/// impl ConstConfig for Uplink {
///     const CONFIG: CircuitConfig = CircuitConfig::WITHOUT_RULES.consecutive_failures(3);
///     const NAME: &'static str = "uplink"; // for events; it may be left out
/// }
///
/// // A `static` needs another lock, such as `CriticalSectionLock`.
/// let uplink = ConstCircuit::<Uplink, CountWindow<32>, LocalLock>::CLOSED;
/// assert_eq!((uplink.phase(), uplink.name()), (Phase::Closed, "uplink"));
/// assert!(size_of_val(&uplink) <= 64);
/// ```
pub struct ConstCircuit<C, W: Window = CountWindow<100>, L: Lock = DefaultLock> {
    breaker: L::Of<Breaker<W>>,
    config: PhantomData<fn() -> C>,
}

impl<C: ConstConfig, W: Window, L: Lock> ConstCircuit<C, W, L> {
    /// A closed circuit with an empty window.
    #[allow(clippy::declare_interior_mutable_const)] // the first state of each circuit's own breaker
    pub const CLOSED: Self = Self { breaker: L::Of::<Breaker<W>>::INITIAL, config: PhantomData };

    const CONFIG: &CircuitConfig = &ok_or_panic!(C::CONFIG.for_window::<W>());

    manual_operations!();

    fn by_hand<R>(&self, f: impl FnOnce(&mut Breaker<W>) -> R) -> Option<R> {
        Some(self.breaker.with(f))
    }

    /// Returns how many attempts ended late: the phase had changed since their admission. A late attempt changes only
    /// this counter, which saturates at [`u32::MAX`].
    pub fn late(&self) -> u32 {
        self.breaker.with(|breaker| breaker.late())
    }

    /// Returns the counts of the window as of the last outcome; `None` unless the circuit is closed.
    pub fn counts(&self) -> Option<Counts> {
        self.breaker.with(|breaker| breaker.counts())
    }

    // Out of line, so that a program has one copy of each instead of one per call site.
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
            let change = breaker.end_as(Self::CONFIG, ticket, failed, word, Opening::WITHOUT_HINT, now);
            Settled { change, next: breaker.open_after(delay, || now) }
        })
    }

    #[inline(never)]
    fn cancel_at(&self, ticket: Ticket, now: Instant) -> Settled {
        let era = ticket.era;
        if Self::CONFIG.fails_cancelled(ticket.started, now) {
            let settled = self.settle_at(ticket, true, None, 0, now);
            self.breaker.with(|breaker| breaker.arm(Self::CONFIG, era));
            return settled;
        }
        self.breaker.with(|breaker| breaker.release_cancelled(Self::CONFIG, ticket));
        Settled::NOTHING
    }

    #[inline(never)]
    fn settle_hinted_at(&self, ticket: Ticket, end: AttemptEnd, now: Instant) -> Settled {
        self.breaker.with(|breaker| breaker.end(Self::CONFIG, ticket, end, now))
    }

    #[inline(never)]
    fn release_at(&self, ticket: Ticket, delay: Option<Duration>, now: Instant) -> Settled {
        self.breaker.with(|breaker| {
            breaker.release(ticket);
            Settled { change: None, next: breaker.open_after(delay, || now) }
        })
    }
}

impl<C: ConstConfig, W: Window, L: Lock> Gate for ConstCircuit<C, W, L> {
    type Ticket = Ticket;

    #[inline]
    fn name(&self) -> &'static str {
        C::NAME
    }

    #[inline]
    fn place(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }

    fn admit(&self, now: impl Now) -> Result<Admission<Ticket>, Rejected> {
        self.admit_at(now.now())
    }

    // The caller knows how the attempt ended, so the match folds away.
    #[inline(always)]
    fn end(&self, ticket: Ticket, end: AttemptEnd, now: impl Now) -> Settled {
        let now = read_for(&ticket, now, |ticket| self.breaker.with(|breaker| breaker.release(ticket)));
        if Self::CONFIG.follows_hints() {
            return self.settle_hinted_at(ticket, end, now);
        }
        let (failed, delay, word) = match end {
            AttemptEnd::Succeeded => (false, None, 0),
            AttemptEnd::Failed { class, delay, word, .. } if Self::CONFIG.counts(class) => {
                (true, delay, word)
            }
            AttemptEnd::Failed { delay, word, .. } => (false, delay, word),
            AttemptEnd::Cancelled => return self.cancel_at(ticket, now),
            AttemptEnd::Neutral { delay } => return self.release_at(ticket, delay, now),
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
