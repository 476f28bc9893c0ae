//! Instants, and readings of a clock.

use core::fmt;
use core::time::Duration;

const NANOS_PER_SEC: u64 = 1_000_000_000;

/// A point in time: nanoseconds since the origin of a clock.
///
/// The clock chooses its origin, such as the start of the program. Only instants of one clock are compared. The range
/// is 584 years, and all arithmetic saturates.
///
/// ```
/// use core::time::Duration;
/// use retry_core::Instant;
///
/// let start = Instant::from_millis(1_500);
/// let end = start.after(Duration::from_secs(2));
/// assert_eq!(end.as_nanos(), 3_500_000_000);
/// assert_eq!(end.since(start), Duration::from_secs(2));
/// assert_eq!(start.since(end), Duration::ZERO); // it saturates
/// assert_eq!(start.after(Duration::MAX), Instant::MAX);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Instant(u64);

impl Instant {
    /// The origin.
    pub const ORIGIN: Self = Self(0);
    /// The latest instant, 584 years after the origin.
    pub const MAX: Self = Self(u64::MAX);

    /// Makes the instant `nanos` nanoseconds after the origin.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Makes the instant `millis` milliseconds after the origin. It saturates at [`Instant::MAX`].
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Returns the nanoseconds since the origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Returns the whole milliseconds since the origin, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Returns the instant `duration` later. It saturates at [`Instant::MAX`].
    pub const fn after(self, duration: Duration) -> Self {
        self.after_nanos(nanos(duration))
    }

    /// Returns the time from `earlier` to this instant; zero if `earlier` is the later one.
    pub const fn since(self, earlier: Self) -> Duration {
        duration(self.nanos_since(earlier))
    }

    pub(crate) const fn after_nanos(self, nanos: u64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    pub(crate) const fn nanos_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// An argument for the present time: an [`Instant`], or a closure that reads a clock.
///
/// A closure is called at most once, and only if the time is needed. A policy without time limits, for example, leaves
/// the clock alone:
///
/// ```
/// use retry_core::{testing::FakeClock, Call, Policy};
///
/// const UNTIMED: Policy = Policy::exponential(core::time::Duration::from_millis(10));
///
/// let clock = FakeClock::new();
/// let eager = Call::new(&UNTIMED, clock.now());
/// let lazy = Call::new(&UNTIMED, || unreachable!("the policy needs no time"));
/// # let _ = (eager, lazy);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `retry_core::Instant`, and not a closure that returns one",
    note = "`StdRuntime.now()` reads the system's clock"
)]
pub trait Now {
    /// Returns the present time.
    fn now(self) -> Instant;
}

impl Now for Instant {
    fn now(self) -> Instant {
        self
    }
}

impl<F: FnOnce() -> Instant> Now for F {
    fn now(self) -> Instant {
        self()
    }
}

/// One reading of a clock for several users. The clock is read at the first use.
pub(crate) enum Reading<N> {
    Unread(N),
    Read(Instant),
    /// The state while the source is called.
    Taken,
}

impl<N: Now> Reading<N> {
    pub(crate) fn get(&mut self) -> Instant {
        let at = match core::mem::replace(self, Self::Taken) {
            Self::Unread(source) => source.now(),
            Self::Read(at) => at,
            Self::Taken => Instant::MAX,
        };
        *self = Self::Read(at);
        at
    }
}

/// Converts to nanoseconds, and saturates at `u64::MAX`, 584 years.
///
/// It uses 64 bits. `Duration::as_nanos` multiplies in 128 bits, which is slow on a Cortex-M0.
pub(crate) const fn nanos(duration: Duration) -> u64 {
    if duration.as_secs() >= u64::MAX / NANOS_PER_SEC {
        return u64::MAX;
    }
    duration.as_secs() * NANOS_PER_SEC + duration.subsec_nanos() as u64
}

/// Converts from nanoseconds.
#[cfg(target_pointer_width = "64")]
#[inline]
pub(crate) const fn duration(nanos: u64) -> Duration {
    Duration::from_nanos(nanos)
}

#[cfg(not(target_pointer_width = "64"))]
pub(crate) use duration_by_product as duration;

/// Converts from nanoseconds by a product with the reciprocal of a second, exact for every `u64`. The method is that of
/// Granlund and Montgomery, "Division by Invariant Integers using Multiplication". A division would link a routine of
/// half a kilobyte on a small target.
#[cfg(any(test, not(target_pointer_width = "64")))]
#[inline(never)]
pub(crate) const fn duration_by_product(nanos: u64) -> Duration {
    // A second is 2^9 * 1953125 ns; this is 2^75 / 1953125, rounded up.
    const RECIPROCAL: u64 = 0x0044_b82f_a09b_5a53;
    let secs = crate::ratio::high_product(nanos >> 9, RECIPROCAL) >> 11;
    #[allow(clippy::cast_possible_truncation)] // below a second
    let rest = nanos.wrapping_sub(secs.wrapping_mul(NANOS_PER_SEC)) as u32;
    // The condition is always true. It shows the compiler that `Duration::new` cannot panic, so no panic is linked.
    Duration::new(secs, if rest < 1_000_000_000 { rest } else { 0 })
}

/// A duration in a short form, rounded down: `85 us`, `214 ms`, `27.1 s`. What is left of a time without an end, which
/// saturates at 584 years, is `more than 100 years`.
///
/// It uses integers of 64 bits. The standard form uses 128 bits and prints up to nine decimals.
pub(crate) struct Spoken(pub(crate) Duration);

impl fmt::Display for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const CENTURY: u64 = 100 * 365 * 24 * 60 * 60;
        match (self.0.as_secs(), self.0.subsec_micros()) {
            (CENTURY.., _) => f.write_str("more than 100 years"),
            (0, micros @ 1..1_000) => write!(f, "{micros} us"),
            (0, micros) => write!(f, "{} ms", micros / 1_000),
            (secs, micros) => write!(f, "{secs}.{} s", micros / 100_000),
        }
    }
}

/// A duration to the nanosecond, in the largest unit in which it is whole: `1500 ms`, `90 s`, `5 min`.
pub(crate) struct Exact(pub(crate) Duration);

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 5] = [
            (60 * 60 * NANOS_PER_SEC, "h"),
            (60 * NANOS_PER_SEC, "min"),
            (NANOS_PER_SEC, "s"),
            (1_000_000, "ms"),
            (1_000, "us"),
        ];
        let nanos = nanos(self.0);
        if nanos == 0 {
            return f.write_str("0 s");
        }
        let unit = UNITS.into_iter().find(|(unit, _)| nanos.is_multiple_of(*unit));
        let (unit, name) = unit.unwrap_or((1, "ns"));
        write!(f, "{} {name}", nanos / unit)
    }
}

/// The ending of a noun after the number `count`.
pub(crate) const fn plural(count: u32) -> &'static str {
    if count == 1 { "" } else { "s" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_machines_divide_as_large_ones_do() {
        let seconds = [0, 1, 2, 3, 59, 1 << 9, 1 << 20, 1 << 31, 1 << 32, 18_446_744_072, 18_446_744_073];
        let edges = seconds.into_iter().flat_map(|secs: u64| {
            let whole = secs * NANOS_PER_SEC;
            [whole, whole.wrapping_sub(1), whole.saturating_add(1), whole | 0x1ff, whole & !0x1ff]
        });
        let powers = (0..64).flat_map(|bit| [1 << bit, (1 << bit) - 1, u64::MAX - (1 << bit)]);
        let random = (0..10_000).map(crate::ratio::mixed);
        for nanos in edges.chain(powers).chain(random).chain([u64::MAX]) {
            assert_eq!(duration_by_product(nanos), Duration::from_nanos(nanos), "{nanos}");
        }
    }
}
