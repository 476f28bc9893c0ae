//! The place of each counter. The counters of a call that succeeds at its first attempt are within the first 128 bytes.

use super::super::event::CallEnd;
use crate::circuit::Phase;
use crate::class::Class;
use crate::verdict::GiveUp;

/// The number of attempts of a call that are counted apart.
pub(in crate::observe) const NUMBERED: usize = 8;

/// Attempts that started, by number. The last counter has all later ones.
pub(in crate::observe) const STARTED: usize = 0;
/// Calls that ended, by how they ended.
pub(in crate::observe) const ENDED: usize = STARTED + NUMBERED + 1;
/// The nanoseconds that calls took, by how they ended.
pub(in crate::observe) const TIME: usize = ENDED + ENDS;
/// Calls of unknown duration, by how they ended.
pub(in crate::observe) const UNTIMED: usize = TIME + ENDS;
/// Attempts that failed, by class.
pub(in crate::observe) const FAILED: usize = UNTIMED + ENDS;
/// Attempts that ended neutrally.
pub(in crate::observe) const NEUTRAL: usize = FAILED + CLASSES;
/// Retries that were decided after failed and neutral attempts, by class.
pub(in crate::observe) const RETRIED: usize = NEUTRAL + 1;
/// The nanoseconds of the delays that were decided.
pub(in crate::observe) const BACKOFF: usize = RETRIED + CLASSES;
/// Calls that gave up, by reason.
pub(in crate::observe) const GAVE_UP: usize = BACKOFF + 1;
/// Attempts that a circuit refused.
pub(in crate::observe) const REFUSED: usize = GAVE_UP + REASONS;
/// Retries that a budget could not pay for.
pub(in crate::observe) const BUDGET_EMPTY: usize = REFUSED + 1;
/// Dead letters that were kept.
pub(in crate::observe) const LETTERS_KEPT: usize = BUDGET_EMPTY + 1;
/// Dead letters that were lost.
pub(in crate::observe) const LETTERS_LOST: usize = LETTERS_KEPT + 1;
/// Dead letters of refused calls that were left out.
pub(in crate::observe) const LETTERS_LEFT_OUT: usize = LETTERS_LOST + 1;
/// Changes of phase, by the phase after.
pub(in crate::observe) const ENTERED: usize = LETTERS_LEFT_OUT + 1;
/// The sum of the instants of these changes.
pub(in crate::observe) const ENTERED_AT: usize = ENTERED + PHASES;
/// Changes of phase, by the phase before.
pub(in crate::observe) const LEFT: usize = ENTERED_AT + PHASES;
/// The sum of the instants of these changes.
pub(in crate::observe) const LEFT_AT: usize = LEFT + PHASES;
/// The number of counters.
pub(in crate::observe) const COUNTERS: usize = LEFT_AT + PHASES;

/// Every end of a call, at its [`end`].
pub(in crate::observe) const ALL_ENDS: [CallEnd; 4] =
    [CallEnd::Succeeded, CallEnd::GaveUp(GiveUp::Attempts), CallEnd::Rejected, CallEnd::Cancelled];
/// Every phase, at its [`phase`].
pub(in crate::observe) const ALL_PHASES: [Phase; 3] = [Phase::Closed, Phase::Open, Phase::HalfOpen];

const CLASSES: usize = Class::ALL.len();
const REASONS: usize = GiveUp::ALL.len();
const ENDS: usize = ALL_ENDS.len();
const PHASES: usize = ALL_PHASES.len();

/// Returns the place of an attempt's number, from 1.
#[inline]
pub(in crate::observe) const fn number(attempt: u32) -> usize {
    let place = attempt.saturating_sub(1) as usize;
    if place < NUMBERED { place } else { NUMBERED }
}

#[inline]
pub(in crate::observe) const fn end(end: CallEnd) -> usize {
    match end {
        CallEnd::Succeeded => 0,
        CallEnd::GaveUp(_) => 1,
        CallEnd::Rejected => 2,
        CallEnd::Cancelled => 3,
    }
}

pub(in crate::observe) const fn reason(reason: GiveUp) -> usize {
    match reason {
        GiveUp::Class => 0,
        GiveUp::Ignored => 1,
        GiveUp::LeftToCircuit => 2,
        GiveUp::Attempts => 3,
        GiveUp::StartWithin => 4,
        GiveUp::Hint => 5,
        GiveUp::Budget => 6,
        GiveUp::TotalTimeout => 7,
    }
}

pub(in crate::observe) const fn phase(phase: Phase) -> usize {
    match phase {
        Phase::Closed => 0,
        Phase::Open => 1,
        Phase::HalfOpen => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_at_its_place() {
        assert_eq!(ALL_ENDS.map(end), [0, 1, 2, 3]);
        assert_eq!(GiveUp::ALL.map(reason), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(ALL_PHASES.map(phase), [0, 1, 2]);
        assert!((0_usize..).zip(Class::ALL).all(|(place, class)| class as usize == place));
    }
}
