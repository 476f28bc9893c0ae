//! The backoff: from the number of failed attempts to the ceiling of the next delay.

use core::fmt;
use core::time::Duration;

use crate::config_error::{ConfigError, Value, checked_setters};
use crate::ratio::Ratio;
use crate::time::{Exact, duration, nanos};

/// The backoff: the ceilings of the delays after the first, second, third and later failed attempts.
///
/// It is a pure function of the number of failed attempts. It takes a bounded number of steps for any number, and
/// saturates instead of overflowing. [`Jitter`](crate::Jitter) turns a ceiling into a delay.
///
/// ```
/// use core::time::Duration;
/// use retry_core::Backoff;
///
/// const MS: Duration = Duration::from_millis(1);
/// let first_five = |curve: Backoff| [1, 2, 3, 4, 5].map(|failed| curve.ceiling(failed).as_millis());
///
/// assert_eq!(first_five(Backoff::fixed(100 * MS)), [100, 100, 100, 100, 100]);
/// assert_eq!(first_five(Backoff::linear(100 * MS, 50 * MS)), [100, 150, 200, 250, 300]);
/// assert_eq!(first_five(Backoff::exponential(100 * MS)), [100, 200, 400, 800, 1600]);
/// assert_eq!(first_five(Backoff::exponential(64 * MS).multiplier(1.5)), [64, 96, 144, 216, 324]);
/// assert_eq!(first_five(Backoff::fibonacci(100 * MS)), [100, 100, 200, 300, 500]);
/// assert_eq!(first_five(Backoff::polynomial(100 * MS, 2)), [100, 400, 900, 1600, 2500]);
/// assert_eq!(first_five(Backoff::custom(100 * MS, |failed, base| base / failed)), [100, 50, 33, 25, 20]);
/// ```
#[doc(alias = "exponential_backoff")]
#[derive(Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Backoff {
    base: u64,
    curve: Curve,
}

/// The kind of a [`Backoff`], with its parameters besides the base delay.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum BackoffKind {
    /// The curve of [`Backoff::fixed`].
    Fixed,
    /// The curve of [`Backoff::linear`].
    Linear {
        /// The increase from each ceiling to the next.
        increment: Duration,
    },
    /// The curve of [`Backoff::exponential`].
    Exponential {
        /// The factor from each ceiling to the next, to 32 significant bits. Below 2^32, it is the shortest decimal
        /// that makes the same curve, so that 1.1 is returned as 1.1.
        multiplier: f64,
    },
    /// The curve of [`Backoff::fibonacci`].
    Fibonacci,
    /// The curve of [`Backoff::polynomial`].
    Polynomial {
        /// The power of the number of failed attempts.
        degree: u32,
    },
    /// The curve of [`Backoff::custom`].
    Custom,
}

#[derive(Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Curve {
    Shift(Shift),
    Other(Other),
}

/// An exponential curve with 2 to the power of `exponent` as its multiplier. Most curves are of this kind, and take
/// only a shift.
#[derive(Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Shift {
    exponent: u32,
    /// The largest number of retries with a ceiling that fits 64 bits.
    fits: u32,
}

#[derive(Clone, Copy)]
enum Other {
    Fixed,
    Linear { increment: u64 },
    Exponential { multiplier: Ratio },
    Fibonacci,
    Polynomial { degree: u32 },
    Custom(fn(u32, Duration) -> Duration),
}

#[cfg(feature = "defmt")]
impl defmt::Format for Other {
    fn format(&self, f: defmt::Formatter<'_>) {
        match self {
            Self::Fixed => defmt::write!(f, "Fixed"),
            Self::Linear { increment } => defmt::write!(f, "Linear {{ increment: {=u64} }}", increment),
            Self::Exponential { multiplier } => {
                defmt::write!(f, "Exponential {{ multiplier: {} }}", multiplier)
            }
            Self::Fibonacci => defmt::write!(f, "Fibonacci"),
            Self::Polynomial { degree } => defmt::write!(f, "Polynomial {{ degree: {=u32} }}", degree),
            Self::Custom(_) => defmt::write!(f, "Custom"),
        }
    }
}

impl Backoff {
    /// Makes a constant backoff: each ceiling is `base`.
    #[doc(alias = "constant")]
    pub const fn fixed(base: Duration) -> Self {
        Self { base: nanos(base), curve: Curve::Other(Other::Fixed) }
    }

    /// Makes a linear backoff: the ceilings begin at `base` and grow by `increment`, as
    /// `base + (failed - 1) * increment`.
    pub const fn linear(base: Duration, increment: Duration) -> Self {
        Self { base: nanos(base), curve: Curve::Other(Other::Linear { increment: nanos(increment) }) }
    }

    /// Makes an exponential backoff: the ceilings begin at `base` and double, as `base * 2^(failed - 1)`. For another
    /// factor than 2, see [`multiplier`](Self::multiplier).
    #[doc(alias = "exponential_backoff")]
    #[doc(alias = "initial_interval")]
    pub const fn exponential(base: Duration) -> Self {
        Self::shift(nanos(base), 1)
    }

    /// Makes a Fibonacci backoff: the ceilings are `base` times 1, 1, 2, 3, 5, 8, each number the sum of the two
    /// before.
    pub const fn fibonacci(base: Duration) -> Self {
        Self { base: nanos(base), curve: Curve::Other(Other::Fibonacci) }
    }

    /// Makes a polynomial backoff: the ceilings are `base * failed^degree`.
    pub const fn polynomial(base: Duration, degree: u32) -> Self {
        Self { base: nanos(base), curve: Curve::Other(Other::Polynomial { degree }) }
    }

    /// Makes a custom backoff: `curve` returns the ceiling for the number of failed attempts, counted from 1, and
    /// `base`.
    pub const fn custom(base: Duration, curve: fn(u32, Duration) -> Duration) -> Self {
        Self { base: nanos(base), curve: Curve::Other(Other::Custom(curve)) }
    }

    checked_setters! {
        /// Sets the multiplier of an exponential backoff. The default is 2.
        ///
        /// It is kept in fixed point with 32 significant bits. Ceilings are exact while the power of the multiplier
        /// fits these bits, as 1.5^20 does. For 60 attempts they are within 0.1 ppm of the exact value.
        #[doc(alias = "factor")]
        #[fails_if("the multiplier is NaN, infinite or below 1, or if the curve is not exponential.")]
        multiplier, try_multiplier(self, multiplier: f64) {
            let rule = match Ratio::from_float(multiplier, 1.0) {
                Some(multiplier) if self.is_exponential() => {
                    return Ok(match multiplier.power_of_two() {
                        Some(exponent) => Self::shift(self.base, exponent),
                        None => Self { curve: Curve::Other(Other::Exponential { multiplier }), ..self },
                    });
                }
                Some(_) => "only an exponential backoff has one",
                None => "must be a finite number of at least 1",
            };
            Err(ConfigError::new("multiplier", Value::Float(multiplier), rule))
        }
    }

    /// Returns the delay's ceiling after `failed` failed attempts (1 or more), rounded to the nearest nanosecond.
    pub fn ceiling(&self, failed: u32) -> Duration {
        duration(self.ceiling_nanos(failed, u64::MAX))
    }

    /// Returns the base delay: the ceiling after the first failed attempt, from which the others follow.
    ///
    /// ```
    /// use core::time::Duration;
    /// use retry_core::{policy::BackoffKind, Backoff};
    ///
    /// let backoff = Backoff::exponential(Duration::from_millis(100)).multiplier(1.1);
    /// assert_eq!(backoff.base_delay(), Duration::from_millis(100));
    /// assert_eq!(backoff.kind(), BackoffKind::Exponential { multiplier: 1.1 });
    /// assert_eq!(backoff.to_string(), "exponential from 100 ms x1.1");
    /// ```
    #[doc(alias = "initial_interval")]
    #[doc(alias = "BaseDelay")]
    pub const fn base_delay(&self) -> Duration {
        duration(self.base)
    }

    /// Returns the kind of curve, with its parameters.
    pub fn kind(&self) -> BackoffKind {
        match self.curve {
            Curve::Shift(Shift { exponent, .. }) => {
                BackoffKind::Exponential { multiplier: Ratio::two_to(exponent).to_float() }
            }
            Curve::Other(Other::Exponential { multiplier }) => {
                BackoffKind::Exponential { multiplier: multiplier.to_float() }
            }
            Curve::Other(Other::Fixed) => BackoffKind::Fixed,
            Curve::Other(Other::Linear { increment }) => {
                BackoffKind::Linear { increment: duration(increment) }
            }
            Curve::Other(Other::Fibonacci) => BackoffKind::Fibonacci,
            Curve::Other(Other::Polynomial { degree }) => BackoffKind::Polynomial { degree },
            Curve::Other(Other::Custom(_)) => BackoffKind::Custom,
        }
    }

    /// The lower one of the ceiling and `max_delay`.
    #[inline]
    pub(crate) fn ceiling_nanos(&self, failed: u32, max_delay: u64) -> u64 {
        match self.curve {
            Curve::Shift(Shift { exponent, fits }) => match failed.saturating_sub(1) {
                retries if retries > fits => max_delay,
                retries => self.base.wrapping_shl(exponent.wrapping_mul(retries)).min(max_delay),
            },
            Curve::Other(curve) => curve.ceiling_nanos(self.base, failed.max(1)).min(max_delay),
        }
    }

    const fn shift(base: u64, exponent: u32) -> Self {
        let fits = match base.leading_zeros().checked_div(exponent) {
            Some(fits) if base > 0 => fits,
            _ => u32::MAX, // a base of 0 stays 0, and a multiplier of 1 keeps the base
        };
        Self { base, curve: Curve::Shift(Shift { exponent, fits }) }
    }

    pub(crate) const fn is_exponential(&self) -> bool {
        matches!(self.curve, Curve::Shift(_) | Curve::Other(Other::Exponential { .. }))
    }

    #[cfg(feature = "serde")]
    pub(crate) const fn with_base(self, base: Duration) -> Self {
        match self.curve {
            Curve::Shift(Shift { exponent, .. }) => Self::shift(nanos(base), exponent),
            Curve::Other(_) => Self { base: nanos(base), ..self },
        }
    }

    pub(crate) const fn base_nanos(&self) -> u64 {
        self.base
    }
}

impl Other {
    /// The ceiling after `failed` failed attempts, 1 or more. It is out of line, so that the usual curve needs no
    /// stack.
    #[cfg_attr(target_pointer_width = "64", inline(never))]
    fn ceiling_nanos(self, base: u64, failed: u32) -> u64 {
        match self {
            Self::Exponential { multiplier } => multiplier.scale(base, failed - 1),
            Self::Fixed => base,
            Self::Linear { increment } => {
                base.saturating_add(increment.saturating_mul(u64::from(failed - 1)))
            }
            Self::Fibonacci => base.saturating_mul(fibonacci(failed)),
            Self::Polynomial { degree } => base.saturating_mul(u64::from(failed).saturating_pow(degree)),
            Self::Custom(curve) => nanos(curve(failed, duration(base))),
        }
    }
}

/// Writes the curve in words, such as `exponential from 100 ms x2`, `linear from 1 s plus 500 ms` or `fixed 20 ms`.
impl fmt::Display for Backoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = Exact(self.base_delay());
        match self.curve {
            Curve::Shift(Shift { exponent, .. }) => {
                write!(f, "exponential from {base} x{}", Ratio::two_to(exponent))
            }
            Curve::Other(Other::Exponential { multiplier }) => {
                write!(f, "exponential from {base} x{multiplier}")
            }
            Curve::Other(Other::Fixed) => write!(f, "fixed {base}"),
            Curve::Other(Other::Linear { increment }) => {
                write!(f, "linear from {base} plus {}", Exact(duration(increment)))
            }
            Curve::Other(Other::Fibonacci) => write!(f, "fibonacci from {base}"),
            Curve::Other(Other::Polynomial { degree }) => {
                write!(f, "polynomial of degree {degree} from {base}")
            }
            Curve::Other(Other::Custom(_)) => write!(f, "custom from {base}"),
        }
    }
}

impl fmt::Debug for Backoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Backoff({self})")
    }
}

/// Two curves are equal if they have the same kind and parameters. A custom curve is unequal to every curve.
impl PartialEq for Backoff {
    fn eq(&self, other: &Self) -> bool {
        self.base == other.base
            && match (self.curve, other.curve) {
                (Curve::Shift(a), Curve::Shift(b)) => a == b,
                (Curve::Other(a), Curve::Other(b)) => match (a, b) {
                    (Other::Fixed, Other::Fixed) | (Other::Fibonacci, Other::Fibonacci) => true,
                    (Other::Linear { increment: a }, Other::Linear { increment: b }) => a == b,
                    (Other::Exponential { multiplier: a }, Other::Exponential { multiplier: b }) => a == b,
                    (Other::Polynomial { degree: a }, Other::Polynomial { degree: b }) => a == b,
                    _ => false,
                },
                _ => false,
            }
    }
}

/// The `n`th Fibonacci number, counted from 1. The 93rd is the last one that fits, and all after it saturate.
const fn fibonacci(n: u32) -> u64 {
    if n > 93 {
        return u64::MAX;
    }
    let (mut a, mut b, mut left) = (0_u64, 1_u64, n);
    while left > 0 {
        (a, b) = (b, a.wrapping_add(b)); // only the numbers after the 93rd wrap
        left -= 1;
    }
    a
}
