//! The refusal of an attempt by a circuit.

use core::fmt;
use core::time::Duration;

use super::phase::Phase;
use crate::time::{Spoken, nanos};

/// The refusal of an attempt by a circuit: in which phase, and for how long.
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
///
/// let in_a_ramp = Rejected::new(Phase::Closed, Duration::ZERO);
/// assert_eq!(in_a_ramp.to_string(), "the circuit has just closed and admits only some attempts");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Rejected {
    phase: Phase,
    /// In nanoseconds, which saves a division per refusal.
    wait: u64,
}

impl Rejected {
    /// Makes a refusal in `phase` that lasts for `wait` from now, for a [`Gate`](crate::circuit::Gate) of your own.
    pub const fn new(phase: Phase, wait: Duration) -> Self {
        Self::of_nanos(phase, nanos(wait))
    }

    #[inline]
    pub(crate) const fn of_nanos(phase: Phase, wait: u64) -> Self {
        Self { phase, wait }
    }

    /// Returns the phase that refused the attempt: open, half-open if every probe is taken, or closed while a
    /// [`ramp`](crate::CircuitConfig::ramp) admits only a share of the attempts.
    pub const fn phase(self) -> Phase {
        self.phase
    }

    /// Returns how long from now every attempt is refused, to the nanosecond. It is zero if the next attempt may
    /// already be admitted. It is [`Duration::MAX`] if the circuit is forced open until it is
    /// [`reset`](crate::SharedCircuit::reset).
    pub const fn wait(self) -> Duration {
        if self.wait == u64::MAX { Duration::MAX } else { Duration::from_nanos(self.wait) }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.phase {
            Phase::HalfOpen => f.write_str("the circuit is half-open and all its probes are taken"),
            Phase::Open if self.wait == u64::MAX => f.write_str("the circuit is forced open"),
            Phase::Closed if self.wait == 0 => {
                f.write_str("the circuit has just closed and admits only some attempts")
            }
            phase => write!(f, "the circuit is {phase} for another {}", Spoken(self.wait())),
        }
    }
}

impl core::error::Error for Rejected {}
