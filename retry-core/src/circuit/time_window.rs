//! The window of a circuit that counts time: the outcomes of the last stretch of time, in buckets.

use super::window::{Outcome, Span, Window};
use crate::time::Instant;

/// The calls of the last stretch of time, counted in `BUCKETS` buckets of equal length.
///
/// The oldest bucket leaves as a whole. So the window reaches back at least the span less one bucket, and at most the
/// span. Recording takes at most `BUCKETS` steps, however much time has passed.
///
/// If a time is at most one bucket before the newest one, its call counts in the newest bucket: two threads read the
/// clock in one order, and record in the other. If the time is further back, the clock has stepped back. The window then
/// moves to the new time, and ages from there. A step back by the whole span or more empties the window, as a step
/// forward does: how old the calls are is unknown then.
///
/// ```
/// use core::time::Duration;
/// use retry_core::{circuit::{Outcome, Span, TimeWindow, Window}, Instant};
///
/// let span = Span::time(Duration::from_secs(10));
/// let mut window = TimeWindow::<10>::EMPTY;
/// window.record(Outcome::FAILURE, span, Instant::from_millis(500));
/// window.record(Outcome::SUCCESS, span, Instant::from_millis(9_999));
/// assert_eq!((window.calls(), window.failures()), (2, 1));
/// window.expire(span, Instant::from_millis(10_000)); // the failure's bucket began 10 s ago
/// assert_eq!((window.calls(), window.failures()), (1, 0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TimeWindow<const BUCKETS: usize> {
    pub(super) buckets: [Bucket; BUCKETS],
    /// The number of the newest bucket, counted from the clock's origin.
    pub(super) newest: u64,
    pub(super) total: Bucket,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Bucket {
    pub(super) calls: u32,
    pub(super) failures: u32,
}

impl Bucket {
    const EMPTY: Self = Self { calls: 0, failures: 0 };
}

impl<const BUCKETS: usize> TimeWindow<BUCKETS> {
    const COUNT: u64 = {
        assert!(BUCKETS > 0, "window: a `TimeWindow` has at least 1 bucket");
        BUCKETS as u64
    };

    /// The length of a bucket, in nanoseconds.
    fn length(span: Span) -> u64 {
        (span.nanos / Self::COUNT).max(1)
    }

    #[allow(clippy::cast_possible_truncation)] // below BUCKETS
    fn place(number: u64) -> usize {
        (number % Self::COUNT) as usize
    }

    /// The place of the bucket that is `age` buckets older than this one, for an age below `BUCKETS`. Such a bucket may
    /// begin before the clock's origin.
    fn place_before(number: u64, age: u64) -> usize {
        Self::place(number % Self::COUNT + Self::COUNT - age)
    }

    /// Removes what is outside the span at this time, and follows a clock that stepped back.
    fn follow(&mut self, span: Span, now: Instant) {
        let number = now.as_nanos() / Self::length(span);
        match self.newest.saturating_sub(number) {
            0 | 1 => self.expire(span, now),
            back if back < Self::COUNT => self.renumber(number),
            _ => *self = Self { newest: number, ..Self::EMPTY },
        }
    }

    /// Gives the newest bucket this number. The other buckets keep their distance from it.
    fn renumber(&mut self, newest: u64) {
        let old = self.buckets;
        for age in 0..Self::COUNT {
            self.buckets[Self::place_before(newest, age)] = old[Self::place_before(self.newest, age)];
        }
        self.newest = newest;
    }
}

impl<const BUCKETS: usize> Window for TimeWindow<BUCKETS> {
    const EMPTY: Self = Self { buckets: [Bucket::EMPTY; BUCKETS], newest: 0, total: Bucket::EMPTY };
    const CAPACITY: u32 = u32::MAX;
    const TIMED: bool = true;

    fn record(&mut self, outcome: Outcome, span: Span, now: Instant) {
        self.follow(span, now);
        let bucket = &mut self.buckets[Self::place(self.newest)];
        // If the counter of calls is full, failures are skipped, too, so that the rate stays right.
        if self.total.calls < u32::MAX {
            bucket.calls += 1;
            bucket.failures += u32::from(outcome.failed);
            self.total.calls += 1;
            self.total.failures += u32::from(outcome.failed);
        }
    }

    fn expire(&mut self, span: Span, now: Instant) {
        let number = now.as_nanos() / Self::length(span);
        let passed = number.saturating_sub(self.newest).min(Self::COUNT);
        if passed == 0 {
            return;
        }
        for step in 0..passed {
            let bucket = &mut self.buckets[Self::place(number - step)];
            self.total.calls -= bucket.calls;
            self.total.failures -= bucket.failures;
            *bucket = Bucket::EMPTY;
        }
        self.newest = number;
    }

    fn can_share_calls(&self, other: &Self) -> bool {
        let same = |(one, other): (&Bucket, &Bucket)| one.calls == other.calls;
        self.newest == other.newest && self.buckets.iter().zip(&other.buckets).all(same)
    }

    fn calls(&self) -> u32 {
        self.total.calls
    }

    fn failures(&self) -> u32 {
        self.total.failures
    }

    fn move_to(&mut self, span: Span, from: Instant, to: Instant) {
        self.expire(span, from);
        self.renumber(to.as_nanos() / Self::length(span));
    }

    /// The calls of each bucket go to the bucket that holds the beginning of theirs.
    fn respanned(&self, from: Span, to: Span) -> Self {
        let (old, new) = (Self::length(from), Self::length(to));
        let start = self.newest.saturating_mul(old);
        let mut window = Self { newest: start / new, ..Self::EMPTY };
        for age in 0..Self::COUNT {
            let moved = age.saturating_mul(old).saturating_sub(start % new).div_ceil(new);
            if moved < Self::COUNT {
                let from = self.buckets[Self::place_before(self.newest, age)];
                let to = &mut window.buckets[Self::place_before(window.newest, moved)];
                for count in [to, &mut window.total] {
                    count.calls += from.calls;
                    count.failures += from.failures;
                }
            }
        }
        window
    }
}
