//! How long a call has taken, whatever its clock does.

use crate::time::Instant;

/// The time a call has taken, as a sum of steps: a clock that steps back takes nothing off it, and a delay that is
/// over counts even if the clock stood still meanwhile.
pub(super) struct Elapsed {
    total: u64,
    last: Instant,
}

impl Elapsed {
    #[inline]
    pub(super) fn from(start: Instant) -> Self {
        Self { total: 0, last: start }
    }

    /// The time until `now`, in nanoseconds.
    #[inline]
    pub(super) fn at(&mut self, now: Instant) -> u64 {
        self.total = self.total.saturating_add(now.nanos_since(self.last));
        self.last = now;
        self.total
    }

    /// The time until the last reading, in nanoseconds.
    #[inline]
    pub(super) fn so_far(&self) -> u64 {
        self.total
    }

    /// A delay is over, says whoever slept it, and with it so much time.
    #[inline]
    pub(super) fn at_least(&mut self, total: u64, now: Instant) {
        self.at(now);
        self.total = self.total.max(total);
    }
}
