//! Conversions between durations and embassy's ticks, in 64 bits.

use core::time::Duration;

use embassy_time::TICK_HZ;
use retry_core::Instant;

const NANOS_PER_SEC: u64 = 1_000_000_000;

/// Converts a duration to ticks, rounded up. It saturates.
pub(crate) const fn ticks(duration: Duration) -> u64 {
    ticks_at(TICK_HZ, duration)
}

/// Converts ticks to an instant, rounded down to a nanosecond. It saturates.
pub(crate) const fn instant(ticks: u64) -> Instant {
    Instant::from_nanos(nanos_at(TICK_HZ, ticks))
}

// embassy's own conversion rounds down to whole microseconds, and uses 128 bits.
const fn ticks_at(hz: u64, duration: Duration) -> u64 {
    if duration.as_secs() >= u64::MAX / hz {
        return u64::MAX;
    }
    let part = duration.subsec_nanos();
    let part = match NANOS_PER_SEC % hz {
        // If a tick is a whole number of nanoseconds, 32 bits are enough.
        #[allow(clippy::cast_possible_truncation)] // at most 10^9
        0 => part.div_ceil((NANOS_PER_SEC / hz) as u32) as u64,
        _ => (part as u64 * hz).div_ceil(NANOS_PER_SEC),
    };
    duration.as_secs() * hz + part
}

const fn nanos_at(hz: u64, ticks: u64) -> u64 {
    if NANOS_PER_SEC.is_multiple_of(hz) {
        return ticks.saturating_mul(NANOS_PER_SEC / hz);
    }
    let (secs, part) = (ticks / hz, ticks % hz * NANOS_PER_SEC / hz);
    secs.saturating_mul(NANOS_PER_SEC).saturating_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_round_up_to_ticks_and_never_to_zero() {
        const SEC: Duration = Duration::from_secs(1);
        const NANO: Duration = Duration::from_nanos(1);
        #[rustfmt::skip]
        let table = [
            //  ticks a second,  duration,                    ticks
            (           1_000,  Duration::ZERO,                   0),
            (           1_000,  NANO,                             1),
            (           1_000,  Duration::from_millis(1),         1),
            (           1_000,  Duration::from_millis(1) + NANO,  2),
            (           1_000,  SEC,                          1_000),
            (          32_768,  NANO,                             1),
            (          32_768,  Duration::from_nanos(30_517),     1), // a tick is 30,517.578125 ns
            (          32_768,  Duration::from_nanos(30_518),     2),
            (          32_768,  SEC,                         32_768),
            (          32_768,  SEC - NANO,                  32_768),
            (       1_000_000,  Duration::from_nanos(1_001),      2),
            (   1_000_000_000,  NANO,                             1),
            (   5_242_880_000,  NANO,                             6),
            (   5_242_880_000,  SEC,                  5_242_880_000),
            (               1,  NANO,                             1),
            (           1_000,  Duration::MAX,             u64::MAX),
            (   5_242_880_000,  Duration::MAX,             u64::MAX),
        ];
        for (hz, duration, ticks) in table {
            assert_eq!(ticks_at(hz, duration), ticks, "{duration:?} at {hz} Hz");
        }
    }

    #[test]
    fn instants_of_ticks_round_down_and_saturate() {
        #[rustfmt::skip]
        let table = [
            //  ticks a second,          ticks,  nanoseconds
            (           1_000,              1,  1_000_000),
            (          32_768,              1,  30_517),
            (          32_768,              3,  91_552),
            (          32_768,     32_768 + 1,  1_000_030_517),
            (   5_242_880_000,              6,  1),
            (   5_242_880_000,  5_242_880_000,  1_000_000_000),
            (           1_000,       u64::MAX,  u64::MAX),
            (          32_768,       u64::MAX,  u64::MAX),
        ];
        for (hz, ticks, nanos) in table {
            assert_eq!(nanos_at(hz, ticks), nanos, "{ticks} ticks at {hz} Hz");
        }
    }

    #[test]
    fn a_sleep_is_never_shorter_on_its_own_clock() {
        for hz in [1, 100, 1_000, 32_768, 1_000_000, 12_000_000, 1_000_000_000, 5_242_880_000] {
            for nanos in [1, 999, 1_000, 30_517, 30_518, 999_999, 1_000_001, 999_999_999, 60_000_000_007] {
                for start in [0, 1, 7, 32_767, 123_456_789] {
                    let end = start + ticks_at(hz, Duration::from_nanos(nanos));
                    assert!(nanos_at(hz, end) - nanos_at(hz, start) >= nanos, "{nanos} ns at {hz} Hz");
                }
            }
        }
    }
}
