//! From failed attempts to the ceiling of the next delay.

use core::fmt;
use core::time::Duration;

use crate::config::{ConfigError, Value};
use crate::time::nanos;

/// The curve of ceilings: how long to wait after the first, second, third failed attempt.
///
/// A pure function of the number of failed attempts, in the same few steps at any number; it saturates instead
/// of overflowing.
///
/// ```
/// use core::time::Duration;
/// use retry_core::Backoff;
///
/// const CURVE: Backoff = Backoff::exponential(Duration::from_millis(100));
/// assert_eq!(CURVE.ceiling(1), Duration::from_millis(100));
/// assert_eq!(CURVE.ceiling(4), Duration::from_millis(800));
/// assert!(CURVE.ceiling(u32::MAX) > Duration::from_secs(500 * 365 * 86_400));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    base: u64,
    multiplier: Factor,
}

impl Backoff {
    /// `base`, then twice as long after each further failure: `base * 2^(failed - 1)`.
    pub const fn exponential(base: Duration) -> Self {
        Self {
            base: nanos(base),
            multiplier: Factor::TWO,
        }
    }

    /// The same curve with another multiplier, 1 or more.
    ///
    /// It is kept in fixed point with 32 significant bits: ceilings are exact while the power of the multiplier
    /// fits those, as 1.5^20 does, and within 0.1 ppm of the exact value for 60 attempts.
    ///
    /// # Errors
    /// A multiplier that is NaN, infinite or below 1.
    pub const fn try_multiplier(self, multiplier: f64) -> Result<Self, ConfigError> {
        match Factor::new(multiplier) {
            Some(multiplier) => Ok(Self { multiplier, ..self }),
            None => {
                let rule = "must be a finite number of at least 1";
                Err(ConfigError::new("multiplier", Value::Float(multiplier), rule))
            }
        }
    }

    /// The delay's ceiling after `failed` failed attempts (1 or more), rounded to the nearest nanosecond.
    pub const fn ceiling(&self, failed: u32) -> Duration {
        Duration::from_nanos(self.ceiling_nanos(failed))
    }

    pub(crate) const fn ceiling_nanos(&self, failed: u32) -> u64 {
        self.multiplier.scale(self.base, failed.saturating_sub(1))
    }

    pub(crate) const fn base(&self) -> Duration {
        Duration::from_nanos(self.base)
    }
}

/// A number of at least 1 with 32 significant bits: `mantissa * 2^(exponent - 31)`, the mantissa's top bit set.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Factor {
    mantissa: u32,
    exponent: u32,
}

impl Factor {
    const ONE: Self = Self {
        mantissa: 1 << 31,
        exponent: 0,
    };
    const TWO: Self = Self {
        mantissa: 1 << 31,
        exponent: 1,
    };

    /// From the bits of a float, so that no floating-point code is ever linked.
    const fn new(value: f64) -> Option<Self> {
        let bits = value.to_bits();
        // The bits of positive floats are ordered as their values are; a sign bit makes them larger than all.
        if bits < 1.0_f64.to_bits() || bits >= f64::INFINITY.to_bits() {
            return None;
        }
        let exponent = (bits >> 52) as u32 - 1023;
        let significand = (1 << 52) | (bits & ((1 << 52) - 1));
        Some(Self::rounded(significand, 21, exponent))
    }

    /// The mantissa `value / 2^drop` to the nearest; a carry out of its 32 bits goes to the exponent.
    const fn rounded(value: u64, drop: u32, exponent: u32) -> Self {
        let mantissa = (value + (1 << (drop - 1))) >> drop;
        match mantissa >> 32 {
            0 => Self {
                mantissa: low(mantissa),
                exponent,
            },
            _ => Self {
                mantissa: 1 << 31,
                exponent: exponent + 1,
            },
        }
    }

    const fn times(self, other: Self) -> Self {
        let product = self.mantissa as u64 * other.mantissa as u64;
        // Far beyond what any duration holds, and safe to add up again.
        let exponent = min(self.exponent + other.exponent, 1 << 20);
        match product >> 63 {
            0 => Self::rounded(product, 31, exponent),
            _ => Self::rounded(product, 32, exponent + 1),
        }
    }

    /// `base * self^power` to the nearest; saturates.
    const fn scale(self, base: u64, power: u32) -> u64 {
        if base == 0 || power == 0 {
            return base;
        }
        if self.mantissa == Self::ONE.mantissa {
            return shift_left(base, self.exponent.saturating_mul(power));
        }
        // Squaring takes as many rounds as `power` has bits; past 2^64 the rest cannot matter.
        let (mut result, mut square, mut rest) = (Self::ONE, self, power);
        loop {
            if rest & 1 == 1 {
                result = result.times(square);
            }
            rest >>= 1;
            if rest == 0 {
                break;
            }
            square = square.times(square);
            if square.exponent >= 64 {
                return u64::MAX;
            }
        }
        result.scale_once(base)
    }

    /// `base * self` to the nearest; saturates.
    const fn scale_once(self, base: u64) -> u64 {
        // The product has up to 96 bits: `high` above the lowest 32, which are in `low_part`.
        let low_product = low(base) as u64 * self.mantissa as u64;
        let high = (base >> 32) * self.mantissa as u64 + (low_product >> 32);
        let low_part = low(low_product) as u64;
        if self.exponent >= 31 {
            return match high >> 32 {
                0 => shift_left(high << 32 | low_part, self.exponent - 31),
                _ => u64::MAX,
            };
        }
        let drop = 31 - self.exponent;
        if high >> 32 >> drop != 0 {
            return u64::MAX;
        }
        let half = (low_part >> (drop - 1)) & 1;
        ((high << (32 - drop)) | (low_part >> drop)).saturating_add(half)
    }
}

impl fmt::Debug for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x} * 2^{}", self.mantissa, self.exponent as i64 - 31)
    }
}

/// `value * 2^by`; saturates.
const fn shift_left(value: u64, by: u32) -> u64 {
    if value.leading_zeros() >= by {
        value << by
    } else {
        u64::MAX
    }
}

#[allow(clippy::cast_possible_truncation)] // the low half is what is asked for
const fn low(value: u64) -> u32 {
    value as u32
}

const fn min(a: u32, b: u32) -> u32 {
    if a < b { a } else { b }
}
