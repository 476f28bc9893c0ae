//! Looking after a dependency while its circuit is open.

use core::convert::Infallible;
use core::fmt;
use core::time::Duration;

use crate::circuit::{Mode, Phase, SharedCircuit, Window};
use crate::lock::Lock;
use crate::runtime::{BlockingSleep, Sleep};

/// Asks a dependency how it is, every so often while its circuit is open, instead of waiting for the open time.
///
/// A check that succeeds half-opens the circuit, or closes it; one that fails changes nothing. While the circuit is
/// closed, half-open or forced open, nothing is asked.
///
/// ```
/// use core::cell::Cell;
/// use core::time::Duration;
/// use retry_core::{CircuitConfig, CountWindow, FakeClock, HealthCheck, LocalLock, Phase, SharedCircuit};
///
/// let circuit = SharedCircuit::<CountWindow<20>, LocalLock>::new(CircuitConfig::DEFAULT);
/// let clock = FakeClock::new();
/// circuit.trip(Duration::from_secs(60), clock.now());
///
/// let mut answers = [false, true].into_iter();
/// let check = HealthCheck::new(&circuit, &clock, Duration::from_secs(5));
/// check.run_blocking(|| answers.next().unwrap(), || circuit.phase() == Phase::Open);
/// assert_eq!(circuit.phase(), Phase::HalfOpen);
/// assert_eq!(clock.now().as_millis(), 10_000); // of the 60 s
/// ```
pub struct HealthCheck<'a, W: Window, L: Lock, R> {
    circuit: &'a SharedCircuit<W, L>,
    runtime: R,
    every: Duration,
    then: Phase,
}

impl<'a, W: Window, L: Lock, R> HealthCheck<'a, W, L, R> {
    /// Checks this circuit's dependency `every` so often; a success half-opens the circuit.
    pub const fn new(circuit: &'a SharedCircuit<W, L>, runtime: R, every: Duration) -> Self {
        Self { circuit, runtime, every, then: Phase::HalfOpen }
    }

    /// A success closes the circuit.
    #[must_use]
    pub fn closes(self) -> Self {
        Self { then: Phase::Closed, ..self }
    }

    /// Checks for ever, or until it is dropped: spawn it, or race it against something that ends.
    pub async fn run<F, A>(&self, mut check: F) -> Infallible
    where
        R: Sleep,
        F: FnMut() -> A,
        A: Future<Output = bool>,
    {
        loop {
            self.runtime.sleep(self.period()).await;
            if self.is_due() && check().await {
                self.circuit.healthy(self.then, || self.runtime.now());
            }
        }
    }

    /// Checks as long as `go_on` says, or until its sleep is interrupted, blocking the thread: give it one of its own.
    pub fn run_blocking(&self, mut check: impl FnMut() -> bool, mut go_on: impl FnMut() -> bool)
    where
        R: BlockingSleep,
    {
        while go_on() {
            if self.runtime.sleep_blocking(self.period()).is_err() {
                return;
            }
            if self.is_due() && check() {
                self.circuit.healthy(self.then, || self.runtime.now());
            }
        }
    }

    fn is_due(&self) -> bool {
        self.circuit.phase() == Phase::Open && self.circuit.mode() == Mode::Automatic
    }

    /// A period of nothing would never let anyone else run.
    fn period(&self) -> Duration {
        self.every.max(Duration::from_millis(1))
    }
}

#[cfg(feature = "defmt")]
impl<W: Window, L: Lock, R> defmt::Format for HealthCheck<'_, W, L, R> {
    fn format(&self, f: defmt::Formatter<'_>) {
        let Self { circuit, every, then, .. } = self;
        defmt::write!(f, "HealthCheck {{ circuit: {}, every: {}, then: {} }}", circuit, every, then);
    }
}

impl<W: Window, L: Lock, R> fmt::Debug for HealthCheck<'_, W, L, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { circuit, every, then, .. } = self;
        f.debug_struct("HealthCheck")
            .field("circuit", circuit)
            .field("every", every)
            .field("then", then)
            .finish_non_exhaustive()
    }
}
