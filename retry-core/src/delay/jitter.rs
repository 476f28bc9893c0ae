//! From one random word to a delay below the ceiling.

/// How a delay is spread at random, so that callers who failed together do not return together.
///
/// Each takes one random word for a delay. The formulas are those of [Exponential Backoff and Jitter].
///
/// [Exponential Backoff and Jitter]: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
///
/// ```
/// use core::time::Duration;
/// use retry_core::Jitter;
///
/// let ceiling = Duration::from_millis(100);
/// assert_eq!(Jitter::None.delay(ceiling, 12_345), ceiling);
/// assert_eq!(Jitter::Full.delay(ceiling, 0), Duration::ZERO);
/// assert_eq!(Jitter::Full.delay(ceiling, 1 << 63), Duration::from_millis(50));
/// assert_eq!(Jitter::Full.delay(ceiling, u64::MAX), ceiling);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Jitter {
    /// The ceiling itself: for one caller alone, or a test.
    None,
    /// `U(0, d)`: anything from nothing to the ceiling, both included. Spreads a crowd widest.
    Full,
}

impl Jitter {
    /// The delay for one random word, in whole nanoseconds, rounded down.
    pub const fn delay(self, ceiling: core::time::Duration, word: u64) -> core::time::Duration {
        core::time::Duration::from_nanos(self.delay_nanos(crate::time::nanos(ceiling), word))
    }

    pub(crate) const fn delay_nanos(self, ceiling: u64, word: u64) -> u64 {
        match self {
            Self::None => ceiling,
            Self::Full => up_to(ceiling, word),
        }
    }
}

/// A number from 0 to `most`, both included, each as likely: the word as a fraction of 2^64, of `most + 1`.
///
/// With 64 random bits no number is more likely than another by more than `most / 2^64`.
const fn up_to(most: u64, word: u64) -> u64 {
    match most.checked_add(1) {
        Some(numbers) => high_product(numbers, word),
        None => word,
    }
}

/// The upper 64 bits of `a * b`, from 32-bit halves: no 128-bit routine is linked on a small machine.
const fn high_product(a: u64, b: u64) -> u64 {
    const LOW: u64 = u32::MAX as u64;
    let (a_high, a_low) = (a >> 32, a & LOW);
    let (b_high, b_low) = (b >> 32, b & LOW);
    let middle = a_high * b_low + ((a_low * b_low) >> 32);
    let carry = a_low * b_high + (middle & LOW);
    a_high * b_high + (middle >> 32) + (carry >> 32)
}
