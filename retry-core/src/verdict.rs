//! The three answers.

use core::fmt;
use core::time::Duration;

use crate::circuit::Phase;
use crate::time::{Spoken, nanos};

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
pub enum GiveUp {
    /// An error of this class is not retried.
    Class,
    /// The error is to be ignored: see [`Recovery::Ignore`](crate::Recovery::Ignore).
    Ignored,
    /// The circuit is to decide, not this call: see [`Recovery::Circuit`](crate::Recovery::Circuit).
    LeftToCircuit,
    /// All attempts are made.
    Attempts,
    /// The next attempt could start only after the deadline.
    Deadline,
    /// The server asked for a longer wait than the policy accepts.
    Hint,
    /// The budget of retries does not hold another one.
    Budget,
}

impl GiveUp {
    /// The reason in a word, for metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Class => "class",
            Self::Ignored => "ignored",
            Self::LeftToCircuit => "left-to-circuit",
            Self::Attempts => "attempts",
            Self::Deadline => "deadline",
            Self::Hint => "hint",
            Self::Budget => "budget",
        }
    }

    const fn sentence(self) -> &'static str {
        match self {
            Self::Class => "errors like this are not retried",
            Self::Ignored => "errors like this are ignored",
            Self::LeftToCircuit => "errors like this are left to the circuit",
            Self::Attempts => "no attempts left",
            Self::Deadline => "the next attempt would start after the deadline",
            Self::Hint => "the server asks for a longer wait than the policy accepts",
            Self::Budget => "the budget of retries is empty",
        }
    }
}

/// The reason in a few words.
impl fmt::Display for GiveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

/// The circuit's refusal to admit an attempt.
///
/// ```
/// use core::time::Duration;
/// use retry_core::{Phase, Rejected};
///
/// let rejected = Rejected::new(Phase::Open, Duration::from_millis(21_400));
/// assert_eq!(rejected.wait(), Duration::from_millis(21_400));
/// assert_eq!(rejected.to_string(), "the circuit is open for another 21.4 s");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Rejected {
    phase: Phase,
    /// In nanoseconds, so that a refusal costs no division.
    wait: u64,
}

impl Rejected {
    /// A refusal in this phase, that lasts for so long from now: what a [`Gate`](crate::Gate) of one's own answers.
    pub const fn new(phase: Phase, wait: Duration) -> Self {
        Self::of_nanos(phase, nanos(wait))
    }

    #[inline]
    pub(crate) const fn of_nanos(phase: Phase, wait: u64) -> Self {
        Self { phase, wait }
    }

    /// The phase that refuses: open; half-open with every probe taken; closed, while a ramp admits only some.
    pub const fn phase(self) -> Phase {
        self.phase
    }

    /// How long from now every attempt is refused: zero where that may change at any time, [`Duration::MAX`] where
    /// only a hand changes it.
    pub const fn wait(self) -> Duration {
        if self.wait == u64::MAX { Duration::MAX } else { Duration::from_nanos(self.wait) }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.phase {
            Phase::HalfOpen => f.write_str("the circuit is half-open and all its probes are taken"),
            phase => write!(f, "the circuit is {phase} for another {}", Spoken(self.wait())),
        }
    }
}

impl core::error::Error for Rejected {}
