//! The last outcomes, in fixed space.

/// The outcomes a circuit remembers while closed.
pub trait Window: Clone {
    /// No outcome yet.
    const EMPTY: Self;
    /// The most calls it can hold.
    const CAPACITY: u32;

    /// Adds an outcome; where `span` calls are held already, the oldest leaves.
    ///
    /// `span` is from 1 to [`CAPACITY`](Self::CAPACITY) and always the same for one window.
    fn record(&mut self, failed: bool, span: u32);

    /// How many calls are held.
    fn calls(&self) -> u32;

    /// How many of those failed.
    fn failures(&self) -> u32;
}

/// The last `N` calls, one bit each; `N` from 1 to 1024.
///
/// Recording and reading take the same few steps at any `N`. Any other `N` does not compile:
///
/// ```compile_fail
/// use retry_core::{CountWindow, Window};
/// let none = CountWindow::<0>::EMPTY;
/// ```
///
/// ```
/// use retry_core::{CountWindow, Window};
///
/// let mut window = CountWindow::<3>::EMPTY;
/// for failed in [true, false, false, false] {
///     window.record(failed, 3);
/// }
/// assert_eq!((window.calls(), window.failures()), (3, 0)); // the failure has left
/// assert_eq!(size_of::<CountWindow<100>>(), 24);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

impl<const N: usize> Window for CountWindow<N>
where
    Calls<N>: Bits,
{
    const EMPTY: Self = Self { bits: <Calls<N> as Bits>::ZERO, next: 0, calls: 0, failures: 0 };
    #[allow(clippy::cast_possible_truncation)] // N is at most 1024
    const CAPACITY: u32 = N as u32;

    fn record(&mut self, failed: bool, span: u32) {
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

    fn calls(&self) -> u32 {
        self.calls.into()
    }

    fn failures(&self) -> u32 {
        self.failures.into()
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
    type Words: Copy + core::fmt::Debug + Eq + AsRef<[u32]> + AsMut<[u32]>;
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
