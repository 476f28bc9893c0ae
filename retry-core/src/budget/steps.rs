//! Time as budgets count it: the sum of a clock's steps forward.

use crate::time::Instant;

const NANOS_PER_SEC: u64 = 1_000_000_000;

/// How far readings of several threads may be out of order, in nanoseconds. A thread may be held up between its reading
/// of the clock and the lock of the budget. To go back with it would count the same time twice.
const DISORDER: u64 = NANOS_PER_SEC;

/// Whether the clock has stepped back since the reading `since`, by more than readings may be out of order.
pub(crate) fn has_stepped_back(since: Instant, now: Instant) -> bool {
    since.nanos_since(now) > DISORDER
}

/// Counts whole seconds, for tokens that come back with time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Seconds {
    /// The time up to which the seconds are counted.
    counted: Instant,
}

impl Seconds {
    /// The counting begins at the origin.
    pub(super) const INITIAL: Self = Self { counted: Instant::ORIGIN };

    /// Returns how many whole seconds have passed that were not returned before. If the clock has stepped back, the
    /// counting continues from the new time.
    #[inline]
    pub(super) fn passed(&mut self, now: Instant) -> u64 {
        let seconds = now.nanos_since(self.counted) / NANOS_PER_SEC;
        if seconds > 0 {
            self.counted = self.counted.after_nanos(seconds * NANOS_PER_SEC);
        } else if has_stepped_back(self.counted, now) {
            self.counted = now;
        }
        seconds
    }
}
