//! The three phases of a circuit, and what moves it between them.

use core::fmt;

use crate::time::{Instant, plural};

/// Where a circuit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Phase {
    /// Every attempt is admitted, and its outcome counted.
    Closed,
    /// Every attempt is refused, until the open time has passed.
    Open,
    /// A few probes are admitted to find out.
    HalfOpen,
}

impl Phase {
    /// `closed`, `open` or `half-open`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who decides about the phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Mode {
    /// The outcomes do.
    #[default]
    Automatic,
    /// Open until told otherwise, whatever the time.
    ForcedOpen,
    /// Closed until told otherwise; nothing is counted.
    Disabled,
    /// Closed until told otherwise, but counting.
    CountOnly,
}

/// Where a circuit stands at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Start {
    /// Closed.
    #[default]
    Closed,
    /// Probes decide first.
    HalfOpen,
    /// Open until told otherwise.
    ForcedOpen,
    /// In [`Mode::Disabled`].
    Disabled,
    /// In [`Mode::CountOnly`].
    CountOnly,
}

/// What a health check does to an open circuit when it succeeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum OnHealthy {
    /// Lets probes decide now.
    #[default]
    HalfOpen,
    /// Closes it.
    Close,
}

/// One change of phase: from where to where, when, and what caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Change {
    /// The phase before.
    pub from: Phase,
    /// The phase since.
    pub to: Phase,
    /// When it was seen.
    pub at: Instant,
    /// What caused it.
    pub cause: ChangeCause,
}

/// What moved a circuit to another phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ChangeCause {
    /// This many failures came one after the other.
    ConsecutiveFailures(u32),
    /// This many of the last calls failed.
    FailureRate {
        /// Failures in the window.
        failures: u32,
        /// Calls in the window.
        calls: u32,
    },
    /// The open time passed.
    OpenTimePassed,
    /// This many of the last calls were slow.
    SlowCallRate {
        /// Slow calls in the window.
        slow: u32,
        /// Calls in the window.
        calls: u32,
    },
    /// This many probes failed, more than may.
    ProbesFailed(u32),
    /// Enough probes succeeded.
    ProbesSucceeded(u32),
    /// No probe came back within its lease; their slots were taken back.
    LeasePassed,
    /// Told so by hand.
    Manual,
    /// The health check succeeded.
    HealthCheck,
    /// It went on from a snapshot.
    Restored,
    /// It was the circuit of another key, which its pool has forgotten. Told by the key that has its place now, so that
    /// whoever counts circuits by their phases does not go on counting it.
    Forgotten,
}

impl fmt::Display for ChangeCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConsecutiveFailures(count) => write!(f, "{count} failure{} in a row", plural(*count)),
            Self::FailureRate { failures, calls } => write!(f, "{failures} of the last {calls} calls failed"),
            Self::OpenTimePassed => f.write_str("the open time has passed"),
            Self::SlowCallRate { slow, calls } => write!(f, "{slow} of the last {calls} calls were slow"),
            Self::ProbesFailed(count) => write!(f, "{count} probe{} failed", plural(*count)),
            Self::ProbesSucceeded(count) => write!(f, "{count} probe{} succeeded", plural(*count)),
            Self::LeasePassed => f.write_str("no probe came back within its lease"),
            Self::Manual => f.write_str("by hand"),
            Self::Restored => f.write_str("restored from a snapshot"),
            Self::HealthCheck => f.write_str("the health check succeeded"),
            Self::Forgotten => f.write_str("another key's circuit, which the pool has forgotten"),
        }
    }
}
