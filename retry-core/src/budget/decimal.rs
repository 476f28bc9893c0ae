//! Decimal fractions made from floats, in integer arithmetic.

/// Returns `value` in billionths, rounded to the nearest, so that up to nine decimals are exact; saturates. `None`
/// unless it is finite and at least 0.
pub(super) const fn billionths(value: f64) -> Option<u64> {
    let bits = value.to_bits();
    // The bits of positive floats are in the order of their values. A sign bit makes them larger than all.
    if bits >= f64::INFINITY.to_bits() {
        return None;
    }
    // The value is significand * 2^-shift.
    let shift = 1075 - (bits >> 52) as i32;
    let significand = (1 << 52) | (bits & ((1 << 52) - 1));
    let (whole, fraction) = match shift {
        ..=0 => return Some(u64::MAX),
        1..53 => (significand >> shift, significand & ((1 << shift) - 1)),
        53..128 => (0, significand),
        _ => return Some(0),
    };
    // 34 bits of the fraction are enough for nine decimals, and their product still fits.
    let kept =
        if shift > 34 { fraction.unbounded_shr(shift.unsigned_abs() - 34) } else { fraction << (34 - shift) };
    let fraction = (kept * 1_000_000_000 + (1 << 33)) >> 34;
    Some(whole.saturating_mul(1_000_000_000).saturating_add(fraction))
}

/// Returns `value` in millionths, rounded to the nearest; saturates at 18 billion wholes. `None` unless it is finite
/// and at least 0.
pub(super) const fn millionths(value: f64) -> Option<u64> {
    match billionths(value) {
        Some(billionths) => Some(billionths.saturating_add(500) / 1_000),
        None => None,
    }
}
