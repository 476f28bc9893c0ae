//! The phases of a circuit, and what changes them.

use core::fmt;

use crate::time::{Instant, plural};

/// The phase of a circuit.
#[doc(alias = "CircuitState")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Phase {
    /// Every attempt is admitted, and its outcome is counted.
    Closed,
    /// Every attempt is refused until the open time has passed.
    Open,
    /// A few attempts are admitted as probes, whose results close or open the circuit.
    #[doc(alias = "half-open")]
    HalfOpen,
}

impl Phase {
    /// The name: `closed`, `open` or `half-open`.
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

/// What decides about the phase of a circuit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Mode {
    /// The outcomes of attempts.
    #[default]
    Automatic,
    /// Forced open: open until reset, whatever the time.
    #[doc(alias = "isolated")]
    ForcedOpen,
    /// Disabled: closed until reset; nothing is counted.
    Disabled,
    /// Counting only: closed until reset; outcomes are counted.
    #[doc(alias = "metrics_only")]
    CountOnly,
}

/// The first state of a circuit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Start {
    /// Closed.
    #[default]
    Closed,
    /// Half-open: probes decide first.
    HalfOpen,
    /// In [`Mode::ForcedOpen`].
    ForcedOpen,
    /// In [`Mode::Disabled`].
    Disabled,
    /// In [`Mode::CountOnly`].
    CountOnly,
}

/// What a health check that succeeds does to an open circuit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum OnHealthy {
    /// Half-opens it, so that probes decide now.
    #[default]
    HalfOpen,
    /// Closes it.
    Close,
}

/// One change of phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Change {
    /// The phase before.
    pub from: Phase,
    /// The phase after.
    pub to: Phase,
    /// When it was noticed.
    pub at: Instant,
    /// What caused it.
    pub cause: ChangeCause,
}

/// What caused a change of phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ChangeCause {
    /// This many attempts failed in a row.
    ConsecutiveFailures(u32),
    /// This many calls in the window failed.
    FailureRate {
        /// Failures in the window.
        failures: u32,
        /// Calls in the window.
        calls: u32,
    },
    /// The open time passed.
    OpenTimePassed,
    /// This many calls in the window were slow.
    SlowCallRate {
        /// Slow calls in the window.
        slow: u32,
        /// Calls in the window.
        calls: u32,
    },
    /// This many probes failed, which is more than allowed.
    ProbesFailed(u32),
    /// This many probes succeeded, which is enough.
    ProbesSucceeded(u32),
    /// No probe came back within its lease, so their slots were freed.
    LeasePassed,
    /// A manual operation.
    Manual,
    /// A health check succeeded.
    HealthCheck,
    /// It was restored from a snapshot.
    Restored,
    /// Its pool has evicted the circuit of another key, which was open. The key that has its place now reports it, so that a
    /// count of open circuits does not include it for ever.
    Evicted,
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
            Self::Evicted => f.write_str("another key's circuit, which the pool has evicted"),
        }
    }
}
