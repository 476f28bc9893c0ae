//! How long a call has taken, whatever its clock does.

use crate::time::Instant;

/// The time a call has taken, as a sum of steps: a clock that steps back takes nothing off it, and a delay
/// counts even if the clock stood still meanwhile.
pub(super) struct Elapsed {
    total: u64,
    last: Instant,
    /// The delay begun at `last`.
    delay: u64,
}

impl Elapsed {
    pub(super) fn from(start: Instant) -> Self {
        Self { total: 0, last: start, delay: 0 }
    }

    pub(super) fn at(&mut self, now: Instant) -> u64 {
        let step = now.nanos_since(self.last);
        self.total = self.total.saturating_add(step.max(self.delay));
        self.last = now;
        self.delay = 0;
        self.total
    }

    pub(super) fn delayed(&mut self, delay: u64) {
        self.delay = delay;
    }
}
