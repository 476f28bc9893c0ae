//! The ramp: after closing, a circuit admits a growing share of the attempts.

use crate::time::Instant;

/// The progress of a ramp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Ramp {
    /// When the circuit closed; [`Instant::MAX`] if there is no ramp, or if it is over.
    since: Instant,
    /// The sum of the shares of the attempts refused since the last admission, in 1024ths of an attempt.
    credit: u32,
}

impl Ramp {
    pub(super) const NONE: Self = Self { since: Instant::MAX, credit: WHOLE };

    pub(super) const fn from(start: Instant) -> Self {
        Self { since: start, ..Self::NONE }
    }

    /// The start of the ramp, and its credit.
    pub(super) const fn parts(&self) -> (Instant, u32) {
        (self.since, self.credit)
    }

    /// A ramp made of these parts, if they are valid.
    pub(super) fn of(since: Instant, credit: u32) -> Option<Self> {
        (credit <= WHOLE).then_some(Self { since, credit })
    }

    pub(super) fn is_over(&self) -> bool {
        self.since == Instant::MAX
    }

    /// Moves the ramp from a clock that reads `from` to one that reads `to`.
    pub(super) fn move_to(&mut self, from: Instant, to: Instant) {
        if !self.is_over() {
            self.since = Instant::from_nanos(to.as_nanos().saturating_sub(from.nanos_since(self.since)));
        }
    }

    /// Whether an attempt is admitted. The share of admitted attempts equals the elapsed share of the ramp. The first
    /// attempt is admitted at once.
    pub(super) fn admits(&mut self, ramp: u64, now: Instant) -> bool {
        if self.is_over() {
            return true;
        }
        self.since = self.since.min(now); // if the clock stepped back, the ramp starts again
        let passed = now.nanos_since(self.since);
        if passed >= ramp {
            *self = Self::NONE;
            return true;
        }
        // A ramp under a microsecond ends at its first use.
        self.credit += parts(passed, (ramp / u64::from(WHOLE)).max(1)).min(WHOLE);
        if self.credit < WHOLE {
            return false;
        }
        self.credit -= WHOLE;
        true
    }
}

/// How many whole parts `passed` holds, below `2 * WHOLE`. It is computed bit by bit, because a 64-bit division takes
/// half a kilobyte on a small processor.
fn parts(mut passed: u64, part: u64) -> u32 {
    let mut parts = 0;
    let mut bit = WHOLE;
    while bit > 0 {
        let these = part * u64::from(bit);
        if passed >= these {
            passed -= these;
            parts += bit;
        }
        bit /= 2;
    }
    parts
}

/// One attempt, in the units of [`Ramp::credit`].
const WHOLE: u32 = 1_024;
