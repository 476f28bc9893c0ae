//! The phases of a circuit, and what changes them.

use core::fmt;
use core::time::Duration;

use crate::time::{Instant, plural};

/// The phase of a circuit: closed, open or half-open.
#[doc(alias = "CircuitState")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Phase {
    /// The circuit admits every attempt and counts how it ends. During a [`ramp`](crate::CircuitConfig::ramp), it
    /// admits only a growing share of the attempts.
    Closed,
    /// The circuit refuses every attempt until the open time has passed.
    Open,
    /// The circuit admits a few attempts as probes. Their results close it or open it again.
    #[doc(alias = "half-open")]
    HalfOpen,
}

impl Phase {
    /// Returns the name of the phase: `closed`, `open` or `half-open`.
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

/// What decides the phase of a circuit: the outcomes of attempts, or a manual operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Mode {
    /// The outcomes of attempts decide.
    #[default]
    Automatic,
    /// [`force_open`](crate::SharedCircuit::force_open) keeps the circuit open until it is reset, however much time
    /// passes.
    #[doc(alias = "isolated")]
    ForcedOpen,
    /// [`disable`](crate::SharedCircuit::disable) keeps the circuit closed until it is reset. Outcomes are discarded.
    Disabled,
    /// [`count_only`](crate::SharedCircuit::count_only) keeps the circuit closed until it is reset. Outcomes are
    /// counted.
    #[doc(alias = "metrics_only")]
    CountOnly,
}

/// The first state of a circuit: see [`starting`](crate::SharedCircuit::starting).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Start {
    /// The circuit starts closed.
    #[default]
    Closed,
    /// The circuit starts half-open, so that probes decide first.
    HalfOpen,
    /// The circuit starts in [`Mode::ForcedOpen`].
    ForcedOpen,
    /// The circuit starts in [`Mode::Disabled`].
    Disabled,
    /// The circuit starts in [`Mode::CountOnly`].
    CountOnly,
}

/// What a successful health check does to an open circuit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum OnHealthy {
    /// It half-opens the circuit, so that probes decide.
    #[default]
    HalfOpen,
    /// It closes the circuit.
    Close,
}

/// What opened a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum OpenedBy {
    /// Its rules, so that another configuration limits its open time.
    Rules,
    /// A manual operation.
    Hand,
    /// The hint of a rate limit. When its time is over, the circuit closes.
    RateLimit,
    /// Other processes.
    Fleet,
}

/// What a circuit adopts from other processes that share its dependency: see
/// [`adopt`](crate::SharedCircuit::adopt).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Adoption {
    /// Others have opened their circuits. This one opens, too, for the rest of their open time and a grace, in which
    /// one process of the fleet probes for all. After the grace, this circuit probes by itself.
    ///
    /// The open time is cut to the longest of this circuit's configuration, and the grace is added. A circuit that is
    /// already open stays open at least as long as before.
    Open {
        /// The rest of the open time.
        open_for: Duration,
        /// How much longer this circuit waits for the probe of another process.
        grace: Duration,
    },
    /// Others have opened their circuits, but there is evidence against it. This circuit half-opens, and one call
    /// decides for it.
    AskOnce,
    /// This process may probe: the circuit half-opens if its [era](crate::SharedCircuit::health_check_era) is still
    /// this one.
    Probe {
        /// The era in which the circuit was open.
        era: u32,
    },
    /// The dependency is healthy again: the circuit closes, over the ramp, if its
    /// [era](crate::SharedCircuit::health_check_era) is still this one.
    Close {
        /// The era in which the circuit was open.
        era: u32,
    },
}

/// A change of a circuit's phase: from which to which, when, and why.
///
/// A circuit can also begin the same phase anew, such as half-open after [`ChangeCause::LeasePassed`]. Then `from`
/// equals `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Change {
    /// The phase before the change.
    pub from: Phase,
    /// The phase after the change.
    pub to: Phase,
    /// When the change was made. The change from open to half-open is made at the first admission after the open time.
    pub at: Instant,
    /// What caused the change.
    pub cause: ChangeCause,
}

/// What caused a change of phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ChangeCause {
    /// This many attempts failed in a row.
    ConsecutiveFailures(u32),
    /// The failures in the window reached [`failures_in_window`](crate::CircuitConfig::failures_in_window) or
    /// [`failure_rate`](crate::CircuitConfig::failure_rate).
    FailureRate {
        /// The number of failures in the window.
        failures: u32,
        /// The number of calls in the window.
        calls: u32,
    },
    /// The open time has passed.
    OpenTimePassed,
    /// The slow calls in the window reached [`slow_rate`](crate::CircuitConfig::slow_rate).
    SlowCallRate {
        /// The number of slow calls in the window.
        slow: u32,
        /// The number of calls in the window.
        calls: u32,
    },
    /// An error of class [`RateLimit`](crate::Class::RateLimit) had a hint, and
    /// [`rate_limit_hold`](crate::CircuitConfig::rate_limit_hold) is set.
    RateLimited,
    /// The hold of a rate limit is over.
    HoldOver,
    /// This many probes failed, more than [`probe_failures`](crate::CircuitConfig::probe_failures) allows.
    ProbesFailed(u32),
    /// This many probes succeeded, as many as [`success_threshold`](crate::CircuitConfig::success_threshold) asks for.
    ProbesSucceeded(u32),
    /// Every probe slot was taken for a whole [`lease`](crate::CircuitConfig::lease). The probes count as lost, and
    /// their slots are free again.
    LeasePassed,
    /// A manual operation made the change.
    Manual,
    /// A health check succeeded.
    HealthCheck,
    /// Other processes that share the dependency made the change: see [`Adoption`].
    Fleet,
    /// The state was restored from a [`Snapshot`](crate::circuit::Snapshot).
    Restored,
    /// The pool evicted another key's circuit, which was last open or half-open, and gave its place to this key. This
    /// key's first admission reports it, so that a count of open circuits stays right.
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
            Self::RateLimited => f.write_str("the server limits the rate of requests"),
            Self::HoldOver => f.write_str("the rate limit is over"),
            Self::LeasePassed => f.write_str("no probe came back within its lease"),
            Self::Manual => f.write_str("by hand"),
            Self::Restored => f.write_str("restored from a snapshot"),
            Self::HealthCheck => f.write_str("the health check succeeded"),
            Self::Fleet => f.write_str("other processes report it"),
            Self::Evicted => f.write_str("another key's circuit, which the pool has evicted"),
        }
    }
}
