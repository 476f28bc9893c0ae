//! The three answers.

use core::fmt;
use core::time::Duration;

use crate::circuit::Rejected;
use crate::time::Spoken;

/// What a call does after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use = "a verdict does nothing by itself: sleep for it, or end the call"]
pub enum Verdict {
    /// Try again after this delay.
    Retry(Duration),
    /// End the call: the policy allows no further attempt.
    GiveUp(GiveUp),
    /// End the call: the circuit would refuse the attempt when the delay ends.
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

/// Why a policy allows no further attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
#[repr(u8)]
pub enum GiveUp {
    /// An error of this class is not retried.
    Class,
    /// The error is to be ignored: see [`Recovery::Ignore`](crate::Recovery::Ignore).
    Ignored,
    /// The circuit is to decide, not this call: see [`Recovery::Circuit`](crate::Recovery::Circuit).
    LeftToCircuit,
    /// All attempts are made.
    Attempts,
    /// The next attempt could start only after the time that [`Policy::start_within`](crate::Policy::start_within)
    /// allows.
    StartWithin,
    /// The server asked for a longer wait than the policy accepts.
    Hint,
    /// The budget of retries does not hold another one.
    Budget,
    /// The call's [total timeout](crate::Policy::total_timeout) has passed, or would pass before the next attempt starts.
    TotalTimeout,
}

impl GiveUp {
    /// Every reason, at the index of its discriminant.
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

    /// The reason in a word, for metrics and logs.
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

/// The reason in a few words.
impl fmt::Display for GiveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

/// Why a call ended that left a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Reason {
    /// The policy or the budget allowed no further attempt.
    GaveUp(GiveUp),
    /// The circuit refused an attempt.
    Rejected,
    /// The call was stopped from outside.
    Cancelled,
}

impl Reason {
    /// The reason in a word, for metrics and logs: that to give up, `rejected` or `cancelled`.
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

    /// The number that stands for it in images and logs. A number is never given to another reason.
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
