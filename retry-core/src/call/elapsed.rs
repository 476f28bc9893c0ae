//! The time that a call has taken, on any clock.

use crate::time::Instant;

/// The time that a call has taken, as a sum of steps. If the clock steps back, the sum stays. A delay that is over
/// counts in full, even if the clock stood still.
pub(crate) struct Elapsed {
    total: u64,
    last: Instant,
}

impl Elapsed {
    #[inline]
    pub(crate) fn from(start: Instant) -> Self {
        Self { total: 0, last: start }
    }

    /// Returns the time until `now`, in nanoseconds.
    #[inline]
    pub(crate) fn at(&mut self, now: Instant) -> u64 {
        self.total = self.total.saturating_add(now.nanos_since(self.last));
        self.last = now;
        self.total
    }

    /// Returns the time until the last reading, in nanoseconds.
    #[inline]
    pub(crate) fn so_far(&self) -> u64 {
        self.total
    }

    /// Raises the time to `total` nanoseconds after a sleep, because the sleep has passed on any clock.
    #[inline]
    pub(crate) fn at_least(&mut self, total: u64, now: Instant) {
        self.at(now);
        self.total = self.total.max(total);
    }

    /// Begins anew at the last reading.
    #[inline]
    pub(crate) fn begin_anew(&mut self) {
        self.total = 0;
    }
}
