//! A sum over the recent past, in fixed space.

use super::steps::has_stepped_back;
use crate::lock::Initial;
use crate::time::Instant;

/// The sum of the amounts added in the last `SLICES` slices of time, for budgets and for rules of your own.
///
/// The amounts of a slice are forgotten together. A slice begins at the first [`advance`](Self::advance) after the one
/// before has ended. So with frequent calls, a window of ten slices covers 90 % to 100 % of its length; with rare
/// calls, up to twice its length.
///
/// Adding and reading take a few steps. Each slice that has ended takes one more step, and at most `SLICES` steps after
/// a long pause.
///
/// If the clock steps back by more than 1 s, the current slice begins anew at the new time, and keeps its amounts. After a
/// smaller step, such as between the readings of several threads, time stands still until the clock has caught up. So
/// amounts are forgotten no faster than the clock steps forward.
///
/// ```
/// use retry_core::{budget::SlidingSum, Instant};
///
/// const SECOND: u64 = 1_000_000_000;
///
/// let mut sum = SlidingSum::<3>::EMPTY; // 3 s in slices of one
/// sum.advance(Instant::from_millis(1_000), SECOND);
/// let _ = sum.add(5);
/// sum.advance(Instant::from_millis(2_000), SECOND);
/// let _ = sum.add(-2);
/// assert_eq!(sum.sum(), 3);
/// sum.advance(Instant::from_millis(4_000), SECOND);
/// assert_eq!(sum.sum(), -2); // the 5 are gone
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SlidingSum<const SLICES: usize> {
    slices: [i64; SLICES],
    /// The sum of all slices.
    sum: i64,
    /// The place of the current slice.
    current: usize,
    /// How many slices came before the current one.
    number: u64,
    /// The beginning of the current slice.
    since: Instant,
}

impl<const SLICES: usize> SlidingSum<SLICES> {
    /// The empty sum.
    pub const EMPTY: Self =
        Self { slices: [0; SLICES], sum: 0, current: 0, number: 0, since: Instant::ORIGIN };

    /// The sum of a slice stays below this, so that the sum of all slices fits.
    const LIMIT: u64 = i64::MAX.unsigned_abs() / SLICES as u64;

    /// Advances to `now`, and forgets the slices that have left the window. `slice` is the length of a slice in
    /// nanoseconds, always the same for one sum.
    #[inline]
    pub fn advance(&mut self, now: Instant, slice: u64) {
        // If the clock has stepped back, the difference wraps around and is large.
        if now.as_nanos().wrapping_sub(self.since.as_nanos()) >= slice {
            self.begin_slice(now, slice);
        }
    }

    /// Adds an amount to the current slice, and returns the number of the slice. If the slice would exceed
    /// `i64::MAX / SLICES`, it returns `None` and leaves the sum as it is.
    #[inline]
    pub fn add(&mut self, amount: i64) -> Option<u64> {
        self.change(self.current, amount)?;
        Some(self.number)
    }

    /// Takes back an amount that was added to the slice of this number, unless the slice has left the window.
    pub fn take_back(&mut self, amount: i64, slice: u64) {
        let age = usize::try_from(self.number.saturating_sub(slice)).unwrap_or(SLICES);
        if age < SLICES {
            let place = match self.current.checked_sub(age) {
                Some(place) => place,
                None => self.current + SLICES - age,
            };
            let _ = self.change(place, amount.saturating_neg());
        }
    }

    /// Returns the sum as of the last [`advance`](Self::advance).
    #[inline]
    pub const fn sum(&self) -> i64 {
        self.sum
    }

    #[inline]
    fn change(&mut self, place: usize, amount: i64) -> Option<()> {
        let slice = self.slices[place].checked_add(amount)?;
        if slice.unsigned_abs() > Self::LIMIT {
            return None;
        }
        self.slices[place] = slice;
        self.sum += amount;
        Some(())
    }

    #[cold]
    fn begin_slice(&mut self, now: Instant, slice: u64) {
        if now < self.since {
            // An attempt that is dropped at an unknown time is deposited at the origin. This says nothing about the clock.
            if has_stepped_back(self.since, now) && now > Instant::ORIGIN {
                self.since = now;
            }
            return;
        }
        let mut passed = now.nanos_since(self.since);
        self.since = now;
        for _ in 0..SLICES {
            if passed < slice {
                return;
            }
            passed -= slice;
            self.number += 1;
            self.current += 1;
            if self.current == SLICES {
                self.current = 0;
            }
            self.sum -= self.slices[self.current];
            self.slices[self.current] = 0;
        }
    }
}

impl<const SLICES: usize> Initial for SlidingSum<SLICES> {
    const INITIAL: Self = Self::EMPTY;
}
