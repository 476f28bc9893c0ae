//! The last outcomes, in fixed space.

use core::time::Duration;

use crate::time::{Instant, nanos};

/// How one call ended, as far as a circuit is concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Outcome {
    /// Whether it failed.
    pub failed: bool,
    /// Whether it took longer than the slow limit.
    pub slow: bool,
}

impl Outcome {
    /// A success in good time.
    pub const SUCCESS: Self = Self { failed: false, slow: false };
    /// A failure in good time.
    pub const FAILURE: Self = Self { failed: true, slow: false };
}

/// How far back a window looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Span {
    /// The most calls, for a window that counts calls: from 1 to its capacity.
    pub calls: u32,
    /// The time, in nanoseconds, for a window that counts time: at least one a bucket.
    pub nanos: u64,
}

impl Span {
    /// The last so many calls.
    pub const fn calls(calls: u32) -> Self {
        Self { calls, nanos: u64::MAX }
    }

    /// The last so much time.
    pub const fn time(time: Duration) -> Self {
        Self { calls: u32::MAX, nanos: nanos(time) }
    }
}

/// The outcomes a circuit remembers while closed.
pub trait Window: Clone {
    /// No outcome yet.
    const EMPTY: Self;
    /// The most calls it can hold; `u32::MAX` for one that counts time.
    const CAPACITY: u32;
    /// Whether it forgets by time.
    const TIMED: bool = false;
    /// Whether it tells slow calls.
    const SLOW: bool = false;

    /// Adds an outcome; what is out of the span leaves. The span is always the same for one window. One that counts
    /// calls holds exactly one more after each, until it is full.
    fn record(&mut self, outcome: Outcome, span: Span, now: Instant);

    /// Adds this many successes in good time, for a window that counts calls.
    fn record_successes(&mut self, count: u32, span: Span) {
        (0..count).for_each(|_| self.record(Outcome::SUCCESS, span, Instant::ORIGIN));
    }

    /// Lets what is out of the span leave.
    fn expire(&mut self, span: Span, now: Instant) {
        let _ = (span, now);
    }

    /// How many calls are held.
    fn calls(&self) -> u32;

    /// How many of those failed.
    fn failures(&self) -> u32;

    /// How many of those were slow.
    fn slow(&self) -> u32 {
        0
    }

    /// Whether recording another success in good time would change nothing.
    fn is_quiet(&self, span: Span) -> bool {
        let _ = span;
        false
    }

    /// Moves what it knows of time from a clock that reads `from` to one that reads `to`.
    fn move_to(&mut self, span: Span, from: Instant, to: Instant) {
        let _ = (span, from, to);
    }

    /// The same outcomes for another span: the most recent ones, as far as they fit.
    #[must_use]
    fn respanned(&self, from: Span, to: Span) -> Self;
}

/// The last `N` calls, one bit each; `N` from 1 to 1024.
///
/// Recording and reading take the same few steps at any `N`. Any other `N` does not compile:
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
    /// Where the next outcome goes.
    next: u16,
    calls: u16,
    failures: u16,
}

impl<const N: usize> CountWindow<N>
where
    Calls<N>: Bits,
{
    fn push(&mut self, failed: bool, span: u32) {
        // A configuration that was never checked against this type must not reach past its end.
        let span = span.clamp(1, Self::CAPACITY);
        let word = &mut self.bits.as_mut()[usize::from(self.next / 32)];
        let bit = 1 << (self.next % 32);
        // A place not yet used holds a 0, so that nothing is subtracted for it.
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

    /// Whole words at a time.
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

    /// Where the next outcome goes, and how many there are.
    pub(super) const fn place(&self) -> (u16, u16) {
        (self.next, self.calls)
    }

    pub(super) fn words(&self) -> &[u32] {
        self.bits.as_ref()
    }

    /// Of its parts, if they can be those of one.
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

    fn is_quiet(&self, span: Span) -> bool {
        self.failures == 0 && u32::from(self.calls) >= span.calls
    }

    fn respanned(&self, from: Span, to: Span) -> Self {
        let (from, to) =
            (from.calls.clamp(1, Self::CAPACITY), Span { calls: to.calls.clamp(1, Self::CAPACITY), ..to });
        let mut window = Self::EMPTY;
        let kept = self.calls().min(to.calls);
        // From the oldest that is kept to the newest; `next` is one behind the newest.
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

/// A window that also tells slow calls, kept in a second one of the same kind.
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

    fn is_quiet(&self, span: Span) -> bool {
        self.failures.is_quiet(span) && self.slow.is_quiet(span)
    }

    fn respanned(&self, from: Span, to: Span) -> Self {
        Self { failures: self.failures.respanned(from, to), slow: self.slow.respanned(from, to) }
    }
}

/// A number of calls, as a type.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct Calls<const N: usize>;

/// The storage of one bit for each of so many calls.
#[doc(hidden)]
#[diagnostic::on_unimplemented(message = "window: a `CountWindow` holds 1 to 1024 calls, not this many")]
pub trait Bits {
    type Words: Copy + core::fmt::Debug + Eq + core::hash::Hash + AsRef<[u32]> + AsMut<[u32]>;
    const ZERO: Self::Words;
}

/// `[u32; N.div_ceil(32)]` for a generic `N` is not yet possible in stable Rust, so each `N` is spelled out:
/// for every number of words, the 32 numbers of calls that need just so many.
macro_rules! bits {
    ($($words:literal)*) => { $(bits!($words: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24
        25 26 27 28 29 30 31 32);)* };
    ($words:literal: $($last:literal)*) => { $(
        impl Bits for Calls<{ ($words - 1) * 32 + $last }> {
            type Words = [u32; $words];
            const ZERO: Self::Words = [0; $words];
        }
    )* };
}
bits!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32);

/// What a window holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Counts {
    /// All calls.
    pub calls: u32,
    /// Those that failed.
    pub failures: u32,
    /// Those that were slow; none where the window does not tell.
    pub slow: u32,
}

impl Counts {
    pub(super) fn of<W: Window>(window: &W) -> Self {
        Self { calls: window.calls(), failures: window.failures(), slow: window.slow() }
    }
}
