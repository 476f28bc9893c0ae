//! Multiplication by a fraction, without floating-point operations.

use core::fmt;

/// A number of at least 0 with 32 significant bits: `mantissa * 2^(exponent - 31)`. The top bit of the mantissa is set,
/// unless the number is 0.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ratio {
    mantissa: u32,
    exponent: i32,
}

impl Ratio {
    pub(crate) const ONE: Self = Self { mantissa: 1 << 31, exponent: 0 };
    const ZERO: Self = Self { mantissa: 0, exponent: 0 };

    /// Returns 2 to the power of `exponent`.
    pub(crate) const fn two_to(exponent: u32) -> Self {
        Self { mantissa: Self::ONE.mantissa, exponent: exponent.cast_signed() }
    }

    /// Reads a float from its bits, so that no floating-point code is linked; `None` unless it is finite and at
    /// least `least`.
    pub(crate) const fn from_float(value: f64, least: f64) -> Option<Self> {
        let bits = value.to_bits();
        let bits = if bits << 1 == 0 { 0 } else { bits }; // minus zero is zero
        // Positive floats are ordered as their bits are. A sign bit makes the bits larger than all of them.
        if bits < least.to_bits() || bits >= f64::INFINITY.to_bits() {
            return None;
        }
        if bits < f64::MIN_POSITIVE.to_bits() {
            return Some(Self::ZERO); // 10^-308 of a delay is zero
        }
        let exponent = (bits >> 52) as i32 - 1023;
        let significand = (1 << 52) | (bits & ((1 << 52) - 1));
        Some(Self::rounded(significand, 21, exponent))
    }

    /// Rounds `value / 2^drop` to the nearest mantissa. A carry out of its 32 bits goes to the exponent.
    const fn rounded(value: u64, drop: u32, exponent: i32) -> Self {
        let mantissa = (value + (1 << (drop - 1))) >> drop;
        match mantissa >> 32 {
            0 => Self { mantissa: low_half(mantissa), exponent },
            _ => Self { mantissa: 1 << 31, exponent: exponent + 1 },
        }
    }

    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    const fn times(self, other: Self) -> Self {
        let product = self.mantissa as u64 * other.mantissa as u64;
        let exponent = self.exponent + other.exponent;
        match product >> 63 {
            0 => Self::rounded(product, 31, exponent),
            _ => Self::rounded(product, 32, exponent + 1),
        }
    }

    /// Returns the shortest decimal that reads back as this number, as `digits / 10^places`, such as 1.1; `None` if it
    /// exceeds 64 bits. The algorithm is by [Steele and White].
    ///
    /// [Steele and White]: https://doi.org/10.1145/93542.93559
    const fn decimal(self) -> Option<(u64, u32)> {
        if self.exponent < -26 || self.exponent > 31 {
            return None;
        }
        // The unit is a quarter of the mantissa's last bit. A decimal within half a bit reads back as this number.
        // Below a power of two, the numbers are twice as dense.
        let shift = (33 - self.exponent).unsigned_abs();
        let one = 1_u64 << shift;
        let value = (self.mantissa as u64) << 2;
        let mut near = if self.mantissa == Self::ONE.mantissa { 1 } else { 2 };
        let (mut digits, mut rest, mut places) = (value >> shift, value & (one - 1), 0);
        while rest >= near && one - rest >= near {
            rest *= 10;
            near *= 10;
            digits = digits * 10 + (rest >> shift);
            rest &= one - 1;
            places += 1;
        }
        Some((if rest > one - rest { digits + 1 } else { digits }, places))
    }

    /// Returns a float that reads back as this number, for people to read: the shortest decimal, if that fits 64 bits.
    #[allow(clippy::float_arithmetic)] // below 2^53, and at most 10^18: both are exact, so the quotient is rounded once
    pub(crate) fn to_float(self) -> f64 {
        if let Some((digits, places)) = self.decimal() {
            let float = digits as f64 / 10_u64.pow(places) as f64;
            if Self::from_float(float, 0.0) == Some(self) {
                return float;
            }
        }
        if self.exponent > 1023 {
            return f64::MAX; // only this float was rounded up to 2^1024
        }
        let (exponent, fraction) =
            ((self.exponent + 1023).unsigned_abs(), self.mantissa & !Self::ONE.mantissa);
        f64::from_bits((exponent as u64) << 52 | (fraction as u64) << 21)
    }

    /// Returns the exponent of a ratio of at least 1 if it is a power of two.
    pub(crate) const fn power_of_two(self) -> Option<u32> {
        if self.mantissa == Self::ONE.mantissa { Some(self.exponent.unsigned_abs()) } else { None }
    }

    /// Returns `base * self^power` to the nearest, for a ratio of at least 1. Saturates.
    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    pub(crate) const fn scale(self, base: u64, power: u32) -> u64 {
        if let Some(exponent) = self.power_of_two() {
            return shift_left(base, exponent.saturating_mul(power));
        }
        if base == 0 || power == 0 {
            return base;
        }
        // Exponentiation by squaring takes as many rounds as `power` has bits. Above 2^64 the result saturates.
        let (mut result, mut square, mut rest) = (Self::ONE, self, power);
        loop {
            if rest & 1 == 1 {
                result = result.times(square);
            }
            rest >>= 1;
            if rest == 0 {
                return result.of(base);
            }
            square = square.times(square);
            if square.exponent >= 64 {
                return u64::MAX;
            }
        }
    }

    /// Returns `base * self` to the nearest. Saturates. It is too long to be inlined at each call.
    #[inline(never)]
    pub(crate) const fn of(self, base: u64) -> u64 {
        // The product has up to 96 bits: `high` above the lowest 32, which are `low`.
        let low_product = low_half(base) as u64 * self.mantissa as u64;
        let high = (base >> 32) * self.mantissa as u64 + (low_product >> 32);
        let low = low_half(low_product) as u64;
        match 31 - self.exponent {
            // Above 2^31, the product is followed by zeros.
            left @ ..=0 => match high >> 32 {
                0 => shift_left(high << 32 | low, left.unsigned_abs()),
                _ => u64::MAX,
            },
            right @ 1..32 => {
                if high >> 32 >> right != 0 {
                    return u64::MAX;
                }
                let half = (low >> (right - 1)) & 1;
                ((high << (32 - right)) | (low >> right)).saturating_add(half)
            }
            32 => high.saturating_add(low >> 31),
            right @ 33..96 => (high >> (right - 32)) + ((high >> (right - 33)) & 1),
            _ => 0,
        }
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Ratio {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=u32:#x} * 2^{=i32}", self.mantissa, self.exponent - 31);
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.decimal() {
            Some((digits, 0)) => write!(f, "{digits}"),
            Some((digits, places)) => {
                let one = 10_u64.pow(places);
                write!(f, "{}.{:0width$}", digits / one, digits % one, width = places as usize)
            }
            None => write!(f, "{}*2^{}", self.mantissa, self.exponent - 31),
        }
    }
}

impl fmt::Debug for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Returns the upper 64 bits of `a * b`, which is one instruction on a 64-bit machine.
#[cfg(target_pointer_width = "64")]
#[inline]
#[allow(clippy::cast_possible_truncation)] // the upper half of 128 bits
pub(crate) const fn high_product(a: u64, b: u64) -> u64 {
    ((a as u128 * b as u128) >> 64) as u64
}

#[cfg(not(target_pointer_width = "64"))]
pub(crate) use high_product_of_halves as high_product;

/// Does the same with 32-bit halves, so that small machines link no 128-bit routine.
#[cfg(any(test, not(target_pointer_width = "64")))]
#[inline(never)]
pub(crate) const fn high_product_of_halves(a: u64, b: u64) -> u64 {
    let (a_high, a_low) = (a >> 32, low_half(a) as u64);
    let (b_high, b_low) = (b >> 32, low_half(b) as u64);
    let middle = a_high * b_low + ((a_low * b_low) >> 32);
    let carry = a_low * b_high + low_half(middle) as u64;
    a_high * b_high + (middle >> 32) + (carry >> 32)
}

/// Returns `value * 2^by`. Saturates.
const fn shift_left(value: u64, by: u32) -> u64 {
    if value == 0 || value.leading_zeros() >= by { value.unbounded_shl(by) } else { u64::MAX }
}

#[allow(clippy::cast_possible_truncation)] // only the low half is needed
const fn low_half(value: u64) -> u32 {
    value as u32
}

/// Mixes 64 bits, so that each bit of the result depends on all of them: the finaliser of [SplitMix64].
///
/// [SplitMix64]: https://doi.org/10.1145/2714064.2660195
pub(crate) const fn mixed(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// Returns the word that [`mixed`] made this one from. Each step can be inverted.
pub(crate) const fn unmixed(word: u64) -> u64 {
    // The factors are the inverses of those in `mixed`, modulo 2^64.
    let word = (word ^ (word >> 31) ^ (word >> 62)).wrapping_mul(0x3196_42b2_d24d_8ec3);
    let word = (word ^ (word >> 27) ^ (word >> 54)).wrapping_mul(0x96de_1b17_3f11_9089);
    word ^ (word >> 30) ^ (word >> 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_machines_multiply_as_large_ones_do() {
        let mut word = 1;
        let edges = [0, 1, u64::MAX, u64::MAX - 1, 1 << 32, (1 << 32) - 1, 1 << 63];
        let random = core::iter::from_fn(|| {
            word = mixed(word);
            Some(word)
        });
        let numbers: [u64; 64] = {
            let mut all = edges.into_iter().chain(random);
            core::array::from_fn(|_| all.next().unwrap_or_default())
        };
        for a in numbers {
            for b in numbers {
                let wide = (u128::from(a) * u128::from(b)) >> 64;
                assert_eq!(u128::from(high_product_of_halves(a, b)), wide, "{a:#x} * {b:#x}");
                assert_eq!(u128::from(high_product(a, b)), wide, "{a:#x} * {b:#x}");
            }
        }
    }
}
