//! The steps of the exploration.

use std::fmt;

/// The unit of the schedules' clock, in nanoseconds.
pub(crate) const UNIT: u64 = 1_024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A call asks for admission. If it is admitted, it gets this name.
    Ask(char),
    /// The call with this name ends.
    End(char, End),
    /// The clock moves forward by a number of units.
    Forward(u64),
    /// The clock steps back by a number of units.
    Back(u64),
    Hand(Hand),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Succeed,
    Fail,
    /// The server limits the rate of requests, with a hint of [`HINT`].
    Limit,
    /// It says nothing about the dependency, and its ticket is handed back without a result, however long it took.
    Neutral,
    /// It is dropped, and its ticket is handed back without a result.
    Drop,
    /// Its ticket is not handed back. This matters only for a probe.
    Lose,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hand {
    ForceOpen,
    Disable,
    CountOnly,
    Reset,
    /// Opens it for a number of units.
    Trip(u64),
    /// Takes a snapshot, and restores it on a clock that is ahead by a number of units.
    Move(u64),
    /// Other processes report an opening of this many units, with a grace of one.
    Adopt(u64),
    AskOnce,
    /// Other processes report that this one may probe.
    FleetProbe,
    /// Other processes report that the dependency is healthy.
    FleetClose,
}

/// The hint of [`End::Limit`], in nanoseconds.
pub(crate) const HINT: u64 = 3 * UNIT;

impl Step {
    /// Returns whether the step begins an era without a reported change.
    pub(crate) fn is_silent(self) -> bool {
        matches!(self, Self::Hand(Hand::Disable | Hand::CountOnly | Hand::Move(_)))
    }

    /// Returns whether the step is a call or the passing of time.
    pub(crate) fn is_automatic(self) -> bool {
        !matches!(self, Self::Back(_) | Self::Hand(_) | Self::End(_, End::Lose))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ask(call) => write!(f, "{call} asks"),
            Self::End(call, End::Succeed) => write!(f, "{call} succeeds"),
            Self::End(call, End::Fail) => write!(f, "{call} fails"),
            Self::End(call, End::Limit) => write!(f, "{call} limited"),
            Self::End(call, End::Neutral) => write!(f, "{call} neutral"),
            Self::End(call, End::Drop) => write!(f, "{call} dropped"),
            Self::End(call, End::Lose) => write!(f, "{call} lost"),
            Self::Forward(units) => write!(f, "+{units}"),
            Self::Back(units) => write!(f, "-{units}"),
            Self::Hand(hand) => write!(f, "{hand:?}"),
        }
    }
}
