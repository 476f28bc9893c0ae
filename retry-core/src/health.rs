//! Health checks of a dependency while its circuit is open.

use core::convert::Infallible;
use core::fmt;
use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;

use crate::circuit::{CircuitConfig, OnHealthy, Settings, SharedCircuit, Window};
use crate::lock::Lock;
use crate::name::Name;
use crate::observe::{Event, Observer};
use crate::runtime::{BlockingSleep, Clock, Sleep};

/// A periodic health check of a dependency while its circuit is open. It can end the open time early.
///
/// A check that succeeds half-opens the circuit, or [closes](Self::closes) it. A check that fails leaves the circuit as
/// it is, and so does a check that ends after the opening in which it began. Checks run only while the circuit is open,
/// but not forced open.
///
/// ```
/// use core::cell::Cell;
/// use core::time::Duration;
/// use retry_core::{
///     circuit::{CountWindow, Phase}, HealthCheck, runtime::LocalLock, testing::FakeClock, CircuitConfig,
///     SharedCircuit,
/// };
///
/// let circuit = SharedCircuit::<CountWindow<20>, LocalLock>::with_window(CircuitConfig::DEFAULT);
/// let clock = FakeClock::new();
/// circuit.trip(Duration::from_secs(60), clock.now());
///
/// let mut answers = [false, true].into_iter();
/// let check = HealthCheck::new(&circuit, &clock, Duration::from_secs(5));
/// check.run_blocking(|| answers.next().unwrap(), || circuit.phase() == Phase::Open);
/// assert_eq!(circuit.phase(), Phase::HalfOpen);
/// assert_eq!(clock.now().as_millis(), 10_000); // of the 60 s
/// ```
#[doc(alias = "health check")]
#[doc(alias = "probe")]
pub struct HealthCheck<'a, W: Window, L: Lock, R, S: Settings = CircuitConfig> {
    circuit: &'a SharedCircuit<W, L, S>,
    runtime: R,
    every: Duration,
    check_timeout: Duration,
    then: OnHealthy,
    /// The name of the circuit, and its observer.
    observer: Option<(Name, &'a (dyn Observer + Sync))>,
}

impl<'a, W: Window, L: Lock, R, S: Settings> HealthCheck<'a, W, L, R, S> {
    /// Makes a health check for this circuit. A success half-opens it.
    ///
    /// There is one check per period `every`, and the first one comes after one period. A period below 1 ms is raised
    /// to 1 ms.
    pub const fn new(circuit: &'a SharedCircuit<W, L, S>, runtime: R, every: Duration) -> Self {
        let check_timeout = Duration::from_secs(10);
        Self { circuit, runtime, every, check_timeout, then: OnHealthy::HalfOpen, observer: None }
    }

    /// Closes the circuit after a success, instead of half-opening it.
    #[must_use]
    pub fn closes(self) -> Self {
        Self { then: OnHealthy::Close, ..self }
    }

    /// Sets the longest time of one check in [`run`](Self::run). A check that takes longer is dropped and counts as
    /// failed, so that a check that hangs does not end the checks. The default is 10 s. A time below 1 ms is raised to
    /// 1 ms.
    ///
    /// [`run_blocking`](Self::run_blocking) cannot end a check. There, the check needs a timeout of its own, such as on
    /// its socket.
    ///
    /// ```
    /// use core::time::Duration;
    /// use retry_core::{testing::FakeClock, CircuitConfig, HealthCheck, SharedCircuit};
    ///
    /// let (circuit, clock) = (SharedCircuit::new(CircuitConfig::DEFAULT), FakeClock::new());
    /// let check = HealthCheck::new(&circuit, &clock, Duration::from_secs(5)).check_timeout(Duration::from_secs(2));
    /// assert!(format!("{check:?}").contains("check_timeout: 2s"));
    /// ```
    #[must_use]
    pub fn check_timeout(self, limit: Duration) -> Self {
        Self { check_timeout: limit, ..self }
    }

    /// Sets an observer, which gets each change that a check causes, with this name for the circuit.
    #[must_use]
    pub fn observe(self, circuit: impl Into<Name>, observer: &'a (dyn Observer + Sync)) -> Self {
        Self { observer: Some((circuit.into(), observer)), ..self }
    }

    /// Runs the checks until the future is dropped. Spawn it, or race it against a future that ends.
    ///
    /// `check` asks the dependency, and returns `true` if it is healthy.
    pub async fn run<F, A>(&self, mut check: F) -> Infallible
    where
        R: Sleep,
        F: FnMut() -> A,
        A: Future<Output = bool>,
    {
        loop {
            self.runtime.sleep(self.period()).await;
            let Some(era) = self.circuit.health_check_era() else { continue };
            let is_healthy = {
                let mut check = pin!(check());
                let mut limit = pin!(self.runtime.sleep(at_least_a_milli(self.check_timeout)));
                poll_fn(|context| match check.as_mut().poll(context) {
                    Poll::Pending => limit.as_mut().poll(context).map(|()| false),
                    healthy => healthy,
                })
                .await
            };
            if is_healthy {
                self.is_well(era);
            }
        }
    }

    /// Runs the checks on this thread until `go_on` returns `false`, or until the runtime's sleep is interrupted. Give
    /// it a thread of its own.
    ///
    /// `check` asks the dependency, and returns `true` if it is healthy. `go_on` is called before each period.
    pub fn run_blocking(&self, mut check: impl FnMut() -> bool, mut go_on: impl FnMut() -> bool)
    where
        R: BlockingSleep,
    {
        while go_on() {
            if self.runtime.sleep_blocking(self.period()).is_err() {
                return;
            }
            if let Some(era) = self.circuit.health_check_era()
                && check()
            {
                self.is_well(era);
            }
        }
    }

    fn is_well(&self, era: u32)
    where
        R: Clock,
    {
        let change = self.circuit.health_check_passed(era, self.then, || self.runtime.now());
        if let (Some(change), Some((circuit, observer))) = (change, &self.observer) {
            observer.observe(&Event::phase_changed(circuit, change).of_circuit(self.circuit));
        }
    }

    fn period(&self) -> Duration {
        at_least_a_milli(self.every)
    }
}

/// With a period of zero, no other task would run.
fn at_least_a_milli(time: Duration) -> Duration {
    time.max(Duration::from_millis(1))
}

#[cfg(feature = "defmt")]
impl<W: Window, L: Lock, R, S: Settings> defmt::Format for HealthCheck<'_, W, L, R, S> {
    fn format(&self, f: defmt::Formatter<'_>) {
        let Self { circuit, every, then, .. } = self;
        defmt::write!(f, "HealthCheck {{ circuit: {}, every: {}, then: {} }}", circuit, every, then);
    }
}

impl<W: Window, L: Lock, R, S: Settings> fmt::Debug for HealthCheck<'_, W, L, R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { circuit, every, check_timeout, then, .. } = self;
        f.debug_struct("HealthCheck")
            .field("circuit", circuit)
            .field("every", every)
            .field("check_timeout", check_timeout)
            .field("then", then)
            .finish_non_exhaustive()
    }
}
