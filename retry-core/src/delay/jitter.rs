//! The jitter: from a ceiling and one random word to a delay.

use core::fmt;

use crate::config_error::{ConfigError, Value, checked_setters};
use crate::ratio::{Ratio, high_product};

/// The random spread of the delays, so that calls that failed together come back at different times.
///
/// `d` is the ceiling that the [`Backoff`](crate::Backoff) gives. `U(a, b)` is a uniform random number from `a` to `b`,
/// both included. Each delay takes one random word. The first four kinds come from [Exponential Backoff and Jitter].
/// The policy's [`min_delay`](crate::Policy::min_delay) and [`max_delay`](crate::Policy::max_delay) are applied after
/// the jitter.
///
/// [Exponential Backoff and Jitter]: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
///
/// ```
/// use core::time::Duration;
/// use retry_core::{Jitter, Policy};
///
/// const POLICY: Policy = Policy::exponential(Duration::from_millis(100)); // the first ceiling
/// let spread = |jitter| {
///     let policy = POLICY.jitter(jitter);
///     [0, 1 << 63, u64::MAX].map(|word| policy.delay(1, Duration::ZERO, word).as_millis())
/// };
/// assert_eq!(spread(Jitter::None), [100, 100, 100]);
/// assert_eq!(spread(Jitter::Full), [0, 50, 100]);
/// assert_eq!(spread(Jitter::Equal), [50, 75, 100]);
/// assert_eq!(spread(Jitter::proportional(0.1)), [90, 100, 110]);
/// assert_eq!(spread(Jitter::additive(0.1)), [100, 105, 110]);
/// assert_eq!(spread(Jitter::Decorrelated), [100, 200, 300]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Jitter {
    /// The delay is `d`: for a single caller, or a test.
    None,
    /// The delay is `U(0, d)`: the widest spread, for many callers.
    Full,
    /// The delay is `d/2 + U(0, d/2)`: at least half of the ceiling.
    Equal,
    /// The delay is `U(base, 3 * previous)`. `previous` is the delay before, and the base delay at first. The other
    /// ceilings of the curve have no effect.
    Decorrelated,
    /// The delay is `d * (1 ± deviation)`: made by [`Jitter::proportional`].
    Proportional(Deviation),
    /// The delay is `d + U(0, d * deviation)`: made by [`Jitter::additive`]. At `max_delay`, the spread lies below it.
    Additive(Deviation),
}

/// A part of a delay, as a fraction.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Deviation(Ratio);

impl Deviation {
    /// Returns the fraction, to 32 significant bits. From 2^-26 to 2^32, it is the shortest decimal that makes the same
    /// deviation, so that 0.1 is returned as 0.1.
    ///
    /// ```
    /// use retry_core::Jitter;
    ///
    /// let Jitter::Additive(deviation) = Jitter::additive(0.1) else { unreachable!() };
    /// assert_eq!(deviation.as_f64(), 0.1);
    /// ```
    pub fn as_f64(self) -> f64 {
        self.0.to_float()
    }
}

impl Jitter {
    checked_setters! {
        /// Makes a jitter of `d * (1 ± deviation)`: from `d - d * deviation` to `d + d * deviation`.
        #[fails_if("the deviation is NaN, below 0 or above 1.")]
        proportional, try_proportional(deviation: f64) {
            match Ratio::from_float(deviation, 0.0) {
                Some(ratio) if deviation.abs().to_bits() <= 1.0_f64.to_bits() => {
                    Ok(Self::Proportional(Deviation(ratio)))
                }
                _ => Err(ConfigError::new("deviation", Value::Float(deviation), "must be from 0 to 1")),
            }
        }

        /// Makes a jitter of `d + U(0, d * deviation)`: at least the ceiling.
        ///
        /// If `d + d * deviation` is above the policy's [`max_delay`](crate::Policy::max_delay), the delay is
        /// `max_delay - U(0, d * deviation)`. So delays at the cap are spread, too, and the cap is still the longest delay:
        ///
        /// ```
        /// use core::time::Duration;
        /// use retry_core::{Jitter, Policy};
        ///
        /// const MS: Duration = Duration::from_millis(1);
        /// const POLICY: Policy = Policy::exponential(MS.saturating_mul(400))
        ///     .max_delay(MS.saturating_mul(1_000))
        ///     .jitter(Jitter::additive(0.1));
        /// let delays = |failed| [0, u64::MAX].map(|word| POLICY.delay(failed, Duration::ZERO, word));
        /// assert_eq!([delays(1), delays(2)], [[400 * MS, 440 * MS], [800 * MS, 880 * MS]]);
        /// assert_eq!(delays(3), [900 * MS, 1_000 * MS]);
        /// ```
        #[fails_if("the deviation is NaN, infinite or below 0.")]
        additive, try_additive(deviation: f64) {
            match Ratio::from_float(deviation, 0.0) {
                Some(ratio) => Ok(Self::Additive(Deviation(ratio))),
                None => {
                    let rule = "must be a finite number of at least 0";
                    Err(ConfigError::new("deviation", Value::Float(deviation), rule))
                }
            }
        }
    }

    /// The delay in whole nanoseconds, rounded down; saturates. `previous` is the delay before, 0 at first.
    #[inline]
    pub(crate) const fn delay_nanos(
        self,
        ceiling: u64,
        base: u64,
        previous: u64,
        max_delay: u64,
        word: u64,
    ) -> u64 {
        // Full jitter, the usual kind, is one multiplication, and needs neither a call nor a stack.
        match self {
            Self::Full => up_to(ceiling, word),
            Self::Additive(Deviation(ratio)) => {
                let spread = ratio.of(ceiling);
                let room = max_delay.saturating_sub(spread);
                let sure = if ceiling < room { ceiling } else { room };
                sure.saturating_add(up_to(spread, word))
            }
            _ => self.any_delay_nanos(ceiling, base, previous, word),
        }
    }

    #[cfg_attr(target_pointer_width = "64", inline(never))]
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    pub(crate) const fn any_delay_nanos(self, ceiling: u64, base: u64, previous: u64, word: u64) -> u64 {
        // The fixed part, and the random part above it.
        let (sure, spread) = match self {
            Self::None => (ceiling, 0),
            Self::Full => (0, ceiling),
            Self::Equal => (ceiling - ceiling / 2, ceiling / 2),
            Self::Decorrelated => {
                let previous = if previous > base { previous } else { base };
                (base, previous.saturating_add(previous).saturating_add(previous) - base)
            }
            Self::Proportional(Deviation(ratio)) => {
                let deviation = ratio.of(ceiling);
                (ceiling - deviation, deviation.saturating_add(deviation))
            }
            Self::Additive(Deviation(ratio)) => (ceiling, ratio.of(ceiling)),
        };
        sure.saturating_add(up_to(spread, word))
    }
}

/// A number from 0 to `most`, both included, each as likely: the word as a fraction of 2^64, times `most + 1`.
///
/// With 64 random bits, the probabilities of two numbers differ by a factor of about `1 + most / 2^64` at most.
#[cfg_attr(target_pointer_width = "64", inline)]
#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
const fn up_to(most: u64, word: u64) -> u64 {
    match most.checked_add(1) {
        Some(numbers) => high_product(numbers, word),
        None => word,
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Deviation {
    fn format(&self, f: defmt::Formatter<'_>) {
        self.0.format(f);
    }
}

/// Writes the jitter in words, such as `full jitter`, `no jitter` or `additive jitter 0.1`.
impl fmt::Display for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("no jitter"),
            Self::Full => f.write_str("full jitter"),
            Self::Equal => f.write_str("equal jitter"),
            Self::Decorrelated => f.write_str("decorrelated jitter"),
            Self::Proportional(deviation) => write!(f, "proportional jitter {deviation}"),
            Self::Additive(deviation) => write!(f, "additive jitter {deviation}"),
        }
    }
}

/// Writes the fraction as a decimal, such as `0.1`.
impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
