//! The circuit's refusal.

use core::fmt;
use core::time::Duration;

use super::phase::Phase;
use crate::time::{Spoken, nanos};

/// The circuit's refusal to admit an attempt.
///
/// ```
/// use core::time::Duration;
/// use retry_core::{circuit::{Gate, Phase}, CircuitConfig, Instant, Rejected, SharedCircuit};
///
/// let rejected = Rejected::new(Phase::Open, Duration::from_millis(21_400));
/// assert_eq!(rejected.wait(), Duration::from_millis(21_400));
/// assert_eq!(rejected.to_string(), "the circuit is open for another 21.4 s");
///
/// let circuit = SharedCircuit::new(CircuitConfig::DEFAULT);
/// circuit.force_open(Instant::ORIGIN);
/// let rejected = circuit.admit(Instant::ORIGIN).unwrap_err();
/// assert_eq!(rejected.to_string(), "the circuit is forced open");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Rejected {
    phase: Phase,
    /// In nanoseconds, so that a refusal costs no division.
    wait: u64,
}

impl Rejected {
    /// A refusal in this phase that lasts for `wait` from now: for a [`Gate`](crate::circuit::Gate) of your own.
    pub const fn new(phase: Phase, wait: Duration) -> Self {
        Self::of_nanos(phase, nanos(wait))
    }

    #[inline]
    pub(crate) const fn of_nanos(phase: Phase, wait: u64) -> Self {
        Self { phase, wait }
    }

    /// The phase that refuses: open, half-open with every probe taken, or closed while a ramp admits only some attempts.
    pub const fn phase(self) -> Phase {
        self.phase
    }

    /// How long from now every attempt is refused. Zero if that may change at any time; [`Duration::MAX`] if the circuit
    /// is forced open, so that only [`reset`](crate::SharedCircuit::reset) ends it.
    pub const fn wait(self) -> Duration {
        if self.wait == u64::MAX { Duration::MAX } else { Duration::from_nanos(self.wait) }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.phase {
            Phase::HalfOpen => f.write_str("the circuit is half-open and all its probes are taken"),
            Phase::Open if self.wait == u64::MAX => f.write_str("the circuit is forced open"),
            phase => write!(f, "the circuit is {phase} for another {}", Spoken(self.wait())),
        }
    }
}

impl core::error::Error for Rejected {}
