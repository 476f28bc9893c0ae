//! What can happen next.

use std::fmt;

/// The unit of the schedules' clock, in nanoseconds.
pub(crate) const UNIT: u64 = 1_024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A call asks for admission; if admitted it gets this name.
    Ask(char),
    /// The call of this name ends.
    End(char, End),
    /// The clock moves on by so many units.
    Forward(u64),
    /// The clock steps back by so many units.
    Back(u64),
    Hand(Hand),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Succeed,
    Fail,
    /// It is dropped: its ticket comes back without a result.
    Drop,
    /// It never comes back. Only of a probe does that matter.
    Lose,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hand {
    ForceOpen,
    Disable,
    CountOnly,
    Reset,
    /// Opens it for so many units.
    Trip(u64),
    /// Goes on from a snapshot, where the clock reads so many units more.
    Move(u64),
}

impl Step {
    /// Whether it begins an era without a word.
    pub(crate) fn is_silent(self) -> bool {
        matches!(self, Self::Hand(Hand::Disable | Hand::CountOnly | Hand::Move(_)))
    }

    /// Whether this happens by calls and the passing of time alone.
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
            Self::End(call, End::Drop) => write!(f, "{call} dropped"),
            Self::End(call, End::Lose) => write!(f, "{call} lost"),
            Self::Forward(units) => write!(f, "+{units}"),
            Self::Back(units) => write!(f, "-{units}"),
            Self::Hand(hand) => write!(f, "{hand:?}"),
        }
    }
}
