//! Time as the machine is told it.

use core::fmt;
use core::time::Duration;

const NANOS_PER_SEC: u64 = 1_000_000_000;

/// A point in time: nanoseconds since an origin the caller chose.
///
/// The origin means nothing to the machine; it only ever compares instants of one clock. All arithmetic
/// saturates: an instant holds 584 years, and the last of them, [`Instant::MAX`], stands for "never".
///
/// ```
/// use core::time::Duration;
/// use retry_core::Instant;
///
/// let start = Instant::from_millis(1_500);
/// let end = start.after(Duration::from_secs(2));
/// assert_eq!(end.as_nanos(), 3_500_000_000);
/// assert_eq!(end.since(start), Duration::from_secs(2));
/// assert_eq!(start.since(end), Duration::ZERO); // never negative
/// assert_eq!(start.after(Duration::MAX), Instant::MAX);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Instant(u64);

impl Instant {
    /// The origin itself.
    pub const ORIGIN: Self = Self(0);
    /// The latest instant, 584 years after the origin.
    pub const MAX: Self = Self(u64::MAX);

    /// The instant `nanos` nanoseconds after the origin.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The instant `millis` milliseconds after the origin; saturates.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// The nanoseconds since the origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The whole milliseconds since the origin, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// The instant `duration` later; saturates at [`Instant::MAX`].
    pub const fn after(self, duration: Duration) -> Self {
        self.after_nanos(nanos(duration))
    }

    /// The time from `earlier` to this instant; zero where `earlier` is the later one.
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

/// An instant, or the means of reading one.
///
/// Whatever asks for `impl Now` takes an [`Instant`] or a closure. A closure is called only where a rule needs
/// the time, so that a clock is not read for nothing:
///
/// ```
/// use retry_core::{testing::FakeClock, Call, Policy};
///
/// const UNTIMED: Policy = Policy::exponential(core::time::Duration::from_millis(10));
///
/// let clock = FakeClock::new();
/// let eager = Call::new(&UNTIMED, clock.now());
/// let lazy = Call::new(&UNTIMED, || unreachable!("no limit of time, so nothing asks"));
/// # let _ = (eager, lazy);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no `retry_core::Instant`, nor a closure that reads one",
    note = "`StdRuntime.now()` reads the system's clock"
)]
pub trait Now {
    /// The instant.
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

/// One reading of a clock for all that ask for it: made at the first question, never twice.
pub(crate) enum Reading<N> {
    Unread(N),
    Read(Instant),
    /// Only while the source is being called.
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

/// The whole nanoseconds of `duration`; saturates at `u64::MAX`, 584 years.
///
/// In 64 bits throughout: `Duration::as_nanos` multiplies in 128, which a Cortex-M0 pays dearly.
pub(crate) const fn nanos(duration: Duration) -> u64 {
    if duration.as_secs() >= u64::MAX / NANOS_PER_SEC {
        return u64::MAX;
    }
    duration.as_secs() * NANOS_PER_SEC + duration.subsec_nanos() as u64
}

/// The duration of this many nanoseconds.
#[cfg(target_pointer_width = "64")]
#[inline]
pub(crate) const fn duration(nanos: u64) -> Duration {
    Duration::from_nanos(nanos)
}

#[cfg(not(target_pointer_width = "64"))]
pub(crate) use duration_by_product as duration;

/// The same without a division, for which a small machine would link a routine of half a kilobyte: by a second's
/// reciprocal, exact for each number of 64 bits.
#[cfg(any(test, not(target_pointer_width = "64")))]
#[inline(never)]
pub(crate) const fn duration_by_product(nanos: u64) -> Duration {
    // A second is 2^9 * 1953125 ns; this is 2^75 / 1953125, rounded up.
    const RECIPROCAL: u64 = 0x0044_b82f_a09b_5a53;
    let secs = crate::ratio::high_product(nanos >> 9, RECIPROCAL) >> 11;
    #[allow(clippy::cast_possible_truncation)] // below a second
    let rest = nanos.wrapping_sub(secs.wrapping_mul(NANOS_PER_SEC)) as u32;
    // It is: that the compiler sees it, too, keeps a panic for larger ones from being linked.
    Duration::new(secs, if rest < 1_000_000_000 { rest } else { 0 })
}

/// A duration as people say it: `85 us`, `214 ms`, `27.1 s`; rounded down.
///
/// In integers: the standard form goes through 128 bits and prints up to nine decimals.
pub(crate) struct Spoken(pub(crate) Duration);

impl fmt::Display for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.as_secs(), self.0.subsec_micros()) {
            (0, micros @ 1..1_000) => write!(f, "{micros} us"),
            (0, micros) => write!(f, "{} ms", micros / 1_000),
            (secs, micros) => write!(f, "{secs}.{} s", micros / 100_000),
        }
    }
}

/// A duration to the nanosecond, in the largest unit that needs no fraction: `1500 ms`, `90 s`, `5 min`.
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

/// The ending of a noun that there are `count` of.
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
