//! The window of a circuit: its last outcomes, in fixed space.

use core::time::Duration;

use super::window_bits::{Bits, Calls};
use crate::time::{Instant, nanos};

/// What a window records of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Outcome {
    /// Whether the call failed.
    pub failed: bool,
    /// Whether the call was slow: it took [`slow_after`](crate::CircuitConfig::slow_after) or longer.
    pub slow: bool,
}

impl Outcome {
    /// A fast success, which took less than [`slow_after`](crate::CircuitConfig::slow_after).
    pub const SUCCESS: Self = Self { failed: false, slow: false };
    /// A fast failure, which took less than [`slow_after`](crate::CircuitConfig::slow_after).
    pub const FAILURE: Self = Self { failed: true, slow: false };
}

/// How far back a window reaches, in calls or in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Span {
    /// The largest number of calls, for a window that counts calls: from 1 to its capacity.
    pub calls: u32,
    /// The time in nanoseconds, for a window that counts time: at least 1 ns per bucket.
    pub nanos: u64,
}

impl Span {
    /// Makes a span of the last `calls` calls.
    pub const fn calls(calls: u32) -> Self {
        Self { calls, nanos: u64::MAX }
    }

    /// Makes a span of the calls within the last `time`.
    pub const fn time(time: Duration) -> Self {
        Self { calls: u32::MAX, nanos: nanos(time) }
    }
}

/// The outcomes that a circuit remembers while it is closed: [`CountWindow`],
/// [`TimeWindow`](crate::circuit::TimeWindow), [`SlowCalls`], or a type of your own.
pub trait Window: Clone {
    /// The empty window.
    const EMPTY: Self;
    /// The largest number of calls it can hold; `u32::MAX` for a window that counts time.
    const CAPACITY: u32;
    /// Whether the window forgets calls as time passes.
    const TIMED: bool = false;
    /// Whether the window counts slow calls.
    const SLOW: bool = false;

    /// Adds an outcome, and removes what is outside the span. The span is always the same for one window. A window that
    /// counts calls grows by exactly one call each time until it is full.
    fn record(&mut self, outcome: Outcome, span: Span, now: Instant);

    /// Adds this many fast successes to a window that counts calls.
    fn record_successes(&mut self, count: u32, span: Span) {
        (0..count).for_each(|_| self.record(Outcome::SUCCESS, span, Instant::ORIGIN));
    }

    /// Removes what is outside the span.
    fn expire(&mut self, span: Span, now: Instant) {
        let _ = (span, now);
    }

    /// Returns `true` if outcomes recorded with this span can have made this window. Bytes from elsewhere are checked
    /// with it.
    fn fits(&self, span: Span) -> bool {
        self.failures() <= self.calls() && self.calls() <= span.calls.clamp(1, Self::CAPACITY)
    }

    /// Returns `true` if the other window can have recorded the same calls. Bytes from elsewhere are checked with it.
    fn can_share_calls(&self, other: &Self) -> bool {
        self.calls() == other.calls()
    }

    /// Returns how many calls the window holds.
    fn calls(&self) -> u32;

    /// Returns how many of these calls failed.
    fn failures(&self) -> u32;

    /// Returns how many of these calls were slow; 0 if the window does not count them.
    fn slow(&self) -> u32 {
        0
    }

    /// Returns `true` if recording another fast success would leave the window as it is.
    fn is_quiet(&self, span: Span) -> bool {
        let _ = span;
        false
    }

    /// Converts all times from a clock that reads `from` to one that reads `to`.
    fn move_to(&mut self, span: Span, from: Instant, to: Instant) {
        let _ = (span, from, to);
    }

    /// Returns the newest outcomes for another span, as many as fit.
    #[must_use]
    fn respanned(&self, from: Span, to: Span) -> Self;
}

/// The last `N` calls, one bit per call, for `N` from 1 to 1024.
///
/// Recording and reading take the same few steps for every `N`. Any other `N` fails to compile:
///
/// ```compile_fail
/// use retry_core::circuit::{CountWindow, Window};
/// let none = CountWindow::<0>::EMPTY;
/// ```
///
/// ```
/// use retry_core::{circuit::{CountWindow, Outcome, Span, Window}, Instant};
///
/// let mut window = CountWindow::<3>::EMPTY;
/// for outcome in [Outcome::FAILURE, Outcome::SUCCESS, Outcome::SUCCESS, Outcome::SUCCESS] {
///     window.record(outcome, Span::calls(3), Instant::ORIGIN);
/// }
/// assert_eq!((window.calls(), window.failures()), (3, 0)); // the failure has left
/// assert_eq!(size_of::<CountWindow<100>>(), 24);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CountWindow<const N: usize>
where
    Calls<N>: Bits,
{
    bits: <Calls<N> as Bits>::Words,
    /// The place of the next outcome.
    next: u16,
    calls: u16,
    failures: u16,
}

impl<const N: usize> CountWindow<N>
where
    Calls<N>: Bits,
{
    fn push(&mut self, failed: bool, span: u32) {
        // A `Breaker` may get a configuration that is too large for this type. The index must stay within the array.
        let span = span.clamp(1, Self::CAPACITY);
        let word = &mut self.bits.as_mut()[usize::from(self.next / 32)];
        let bit = 1 << (self.next % 32);
        // A place that is still unused holds a 0, so the count stays right.
        self.failures -= u16::from(*word & bit != 0);
        self.failures += u16::from(failed);
        *word = if failed { *word | bit } else { *word & !bit };
        self.next += 1;
        if u32::from(self.next) >= span {
            self.next = 0;
        }
        if u32::from(self.calls) < span {
            self.calls += 1;
        }
    }

    /// Adds successes, a word at a time.
    fn push_successes(&mut self, count: u32, span: u32) {
        let span = span.clamp(1, Self::CAPACITY);
        #[allow(clippy::cast_possible_truncation)] // at most 1024
        let (mut left, span) = (count.min(span) as u16, span as u16);
        if self.next >= span {
            self.next = 0;
        }
        self.calls = (self.calls + left).min(span);
        while left > 0 {
            let bit = self.next % 32;
            let taken = left.min(32 - bit).min(span - self.next);
            let mask = (u32::MAX >> (32 - taken)) << bit;
            let word = &mut self.bits.as_mut()[usize::from(self.next / 32)];
            #[allow(clippy::cast_possible_truncation)] // at most 32
            let leaving = (*word & mask).count_ones() as u16;
            self.failures -= leaving;
            *word &= !mask;
            self.next = if self.next + taken == span { 0 } else { self.next + taken };
            left -= taken;
        }
    }

    /// The place of the next outcome, and the number of outcomes.
    pub(super) const fn place(&self) -> (u16, u16) {
        (self.next, self.calls)
    }

    pub(super) fn words(&self) -> &[u32] {
        self.bits.as_ref()
    }

    /// A window made of these parts, if they are valid.
    pub(super) fn of(bits: <Calls<N> as Bits>::Words, next: u16, calls: u16) -> Option<Self> {
        let mut window = Self { bits, next, calls, failures: 0 };
        let within = u32::from(next) < Self::CAPACITY && u32::from(calls) <= Self::CAPACITY;
        #[allow(clippy::cast_possible_truncation)] // at most 1024
        let failures = |places: core::ops::Range<u32>| {
            places.filter(|place| window.failed_at(*place as u16)).count() as u16
        };
        #[allow(clippy::cast_possible_truncation)] // at most 32 words
        let (held, beyond) =
            (failures(0..Self::CAPACITY), failures(Self::CAPACITY..32 * window.words().len() as u32));
        window.failures = held;
        (within && beyond == 0).then_some(window)
    }

    /// Whether the outcome at this place is a failure.
    fn failed_at(&self, place: u16) -> bool {
        self.bits.as_ref()[usize::from(place / 32)] & 1 << (place % 32) != 0
    }
}

impl<const N: usize> Window for CountWindow<N>
where
    Calls<N>: Bits,
{
    const EMPTY: Self = Self { bits: <Calls<N> as Bits>::ZERO, next: 0, calls: 0, failures: 0 };
    #[allow(clippy::cast_possible_truncation)] // N is at most 1024
    const CAPACITY: u32 = N as u32;

    fn record(&mut self, outcome: Outcome, span: Span, _: Instant) {
        self.push(outcome.failed, span.calls);
    }

    fn record_successes(&mut self, count: u32, span: Span) {
        self.push_successes(count, span.calls);
    }

    fn calls(&self) -> u32 {
        self.calls.into()
    }

    fn failures(&self) -> u32 {
        self.failures.into()
    }

    fn fits(&self, span: Span) -> bool {
        let span = span.calls.clamp(1, Self::CAPACITY);
        let (next, calls) = (u32::from(self.next), u32::from(self.calls));
        let in_turn = if calls < span { next == calls } else { calls == span && next < span };
        #[allow(clippy::cast_possible_truncation)] // below 1024
        let blank = || (calls..Self::CAPACITY).all(|place| !self.failed_at(place as u16));
        in_turn && blank()
    }

    fn can_share_calls(&self, other: &Self) -> bool {
        self.place() == other.place()
    }

    fn is_quiet(&self, span: Span) -> bool {
        self.failures == 0 && u32::from(self.calls) >= span.calls
    }

    fn respanned(&self, from: Span, to: Span) -> Self {
        let (from, to) =
            (from.calls.clamp(1, Self::CAPACITY), Span { calls: to.calls.clamp(1, Self::CAPACITY), ..to });
        let mut window = Self::EMPTY;
        let kept = self.calls().min(to.calls);
        // From the oldest outcome that is kept to the newest; `next` is one past the newest.
        for age in (1..=kept).rev() {
            let next = u32::from(self.next);
            let place = if next >= age { next - age } else { next + from - age };
            #[allow(clippy::cast_possible_truncation)] // below 1024
            window.push(self.failed_at(place as u16), to.calls);
        }
        window
    }
}

#[cfg(feature = "defmt")]
impl<const N: usize> defmt::Format for CountWindow<N>
where
    Calls<N>: Bits,
{
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "CountWindow {{ calls: {=u16}, failures: {=u16} }}", self.calls, self.failures);
    }
}

/// A window that also counts slow calls, in a second window of the same type.
///
/// ```
/// use retry_core::{circuit::{CountWindow, Outcome, SlowCalls, Span, Window}, Instant};
///
/// let mut window = SlowCalls::<CountWindow<10>>::EMPTY;
/// window.record(Outcome { failed: false, slow: true }, Span::calls(10), Instant::ORIGIN);
/// assert_eq!((window.calls(), window.failures(), window.slow()), (1, 0, 1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SlowCalls<W> {
    pub(super) failures: W,
    pub(super) slow: W,
}

impl<W: Window> Window for SlowCalls<W> {
    const EMPTY: Self = Self { failures: W::EMPTY, slow: W::EMPTY };
    const CAPACITY: u32 = W::CAPACITY;
    const TIMED: bool = W::TIMED;
    const SLOW: bool = true;

    fn record(&mut self, outcome: Outcome, span: Span, now: Instant) {
        self.failures.record(outcome, span, now);
        self.slow.record(Outcome { failed: outcome.slow, slow: false }, span, now);
    }

    fn record_successes(&mut self, count: u32, span: Span) {
        self.failures.record_successes(count, span);
        self.slow.record_successes(count, span);
    }

    fn expire(&mut self, span: Span, now: Instant) {
        self.failures.expire(span, now);
        self.slow.expire(span, now);
    }

    fn move_to(&mut self, span: Span, from: Instant, to: Instant) {
        self.failures.move_to(span, from, to);
        self.slow.move_to(span, from, to);
    }

    fn calls(&self) -> u32 {
        self.failures.calls()
    }

    fn failures(&self) -> u32 {
        self.failures.failures()
    }

    fn slow(&self) -> u32 {
        self.slow.failures()
    }

    fn fits(&self, span: Span) -> bool {
        self.failures.fits(span) && self.slow.fits(span) && self.failures.can_share_calls(&self.slow)
    }

    fn is_quiet(&self, span: Span) -> bool {
        self.failures.is_quiet(span) && self.slow.is_quiet(span)
    }

    fn respanned(&self, from: Span, to: Span) -> Self {
        Self { failures: self.failures.respanned(from, to), slow: self.slow.respanned(from, to) }
    }
}

/// The counts of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Counts {
    /// The number of calls.
    pub calls: u32,
    /// The number of failed calls.
    pub failures: u32,
    /// The number of slow calls; 0 if the window does not count them.
    pub slow: u32,
}

impl Counts {
    pub(super) fn of<W: Window>(window: &W) -> Self {
        Self { calls: window.calls(), failures: window.failures(), slow: window.slow() }
    }
}
