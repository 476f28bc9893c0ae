//! The three verdicts after a failed attempt, and the reasons to give up.

use core::fmt;
use core::time::Duration;

use crate::circuit::Rejected;
use crate::time::Spoken;

/// What a call does after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use = "a verdict does nothing by itself: sleep for it, or end the call"]
pub enum Verdict {
    /// Sleep for this delay, and then make another attempt.
    Retry(Duration),
    /// End the call, because the policy or the budget allows no further attempt.
    GiveUp(GiveUp),
    /// End the call, because the circuit would refuse the next attempt at the end of the delay.
    Rejected(Rejected),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retry(delay) => write!(f, "retry in {}", Spoken(*delay)),
            Self::GiveUp(reason) => write!(f, "give up: {reason}"),
            Self::Rejected(rejected) => write!(f, "rejected: {rejected}"),
        }
    }
}

/// Why a call gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
#[repr(u8)]
pub enum GiveUp {
    /// The policy does not retry errors of this class.
    Class,
    /// The policy ignores the error: see [`Recovery::Ignore`](crate::Recovery::Ignore).
    Ignored,
    /// The policy leaves the error to the circuit: see [`Recovery::Circuit`](crate::Recovery::Circuit).
    LeftToCircuit,
    /// All attempts were made.
    Attempts,
    /// The next attempt would start later than [`Policy::start_within`](crate::Policy::start_within) allows.
    StartWithin,
    /// The server asked for a longer wait than [`Policy::max_hint`](crate::Policy::max_hint) allows.
    Hint,
    /// The retry budget is empty.
    Budget,
    /// The [total timeout](crate::Policy::total_timeout) has passed, or would pass before the next attempt starts.
    TotalTimeout,
}

impl GiveUp {
    /// Every reason, at the index of its discriminant. Only metrics ask for it.
    #[cfg(any(target_has_atomic = "64", feature = "critical-section"))]
    pub(crate) const ALL: [Self; 8] = [
        Self::Class,
        Self::Ignored,
        Self::LeftToCircuit,
        Self::Attempts,
        Self::StartWithin,
        Self::Hint,
        Self::Budget,
        Self::TotalTimeout,
    ];

    /// Returns the reason in one word, for metrics and logs, such as `start-within`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Class => "class",
            Self::Ignored => "ignored",
            Self::LeftToCircuit => "left-to-circuit",
            Self::Attempts => "attempts",
            Self::StartWithin => "start-within",
            Self::Hint => "hint",
            Self::Budget => "budget",
            Self::TotalTimeout => "total-timeout",
        }
    }

    const fn sentence(self) -> &'static str {
        match self {
            Self::Class => "errors like this are not retried",
            Self::Ignored => "errors like this are ignored",
            Self::LeftToCircuit => "errors like this are left to the circuit",
            Self::Attempts => "no attempts left",
            Self::StartWithin => "the next attempt would start too late",
            Self::Hint => "the server asks for a longer wait than the policy accepts",
            Self::Budget => "the budget of retries is empty",
            Self::TotalTimeout => "the call's total timeout leaves no time for another attempt",
        }
    }
}

/// Writes the reason in a few words, such as `no attempts left`.
impl fmt::Display for GiveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

/// Why a failed call ended: a reason to give up, a refusal by the circuit, or a cancellation.
///
/// Dead letters contain it, and [`Error::reason`](crate::Error::reason) returns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Reason {
    /// The policy or the budget allowed no further attempt.
    GaveUp(GiveUp),
    /// The circuit refused an attempt.
    Rejected,
    /// The call was stopped, such as by [`until`](crate::Retry::until) or a `CancelToken`.
    Cancelled,
}

impl Reason {
    /// Returns the reason in one word, for metrics and logs: [`GiveUp::name`], `rejected` or `cancelled`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GaveUp(reason) => reason.name(),
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
        }
    }

    /// Every reason, at its [`number`](Self::number).
    pub(crate) const ALL: [Self; 10] = [
        Self::GaveUp(GiveUp::Class),
        Self::GaveUp(GiveUp::Ignored),
        Self::GaveUp(GiveUp::LeftToCircuit),
        Self::GaveUp(GiveUp::Attempts),
        Self::GaveUp(GiveUp::StartWithin),
        Self::GaveUp(GiveUp::Hint),
        Self::GaveUp(GiveUp::Budget),
        Self::Rejected,
        Self::Cancelled,
        Self::GaveUp(GiveUp::TotalTimeout),
    ];

    /// The number of the reason in images and logs. Each number keeps its meaning in later versions.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Rejected => 7,
            Self::Cancelled => 8,
            Self::GaveUp(GiveUp::TotalTimeout) => 9,
            Self::GaveUp(reason) => reason as u8,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GaveUp(reason) => write!(f, "gave up: {reason}"),
            Self::Rejected => f.write_str("rejected by the circuit"),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}
