//! The counts of a pool, and its choice of a circuit to evict when it is full. This is second-chance (CLOCK) eviction,
//! limited to circuits that have little to remember.
//!
//! | circuit | evicted |
//! |---|---|
//! | held by a handle or by attempts under way | never |
//! | forced open, disabled or counting only | never |
//! | within its open time | never |
//! | with a failure or a slow call in its window, on its ramp, half-open, or past its open time | after the set time without a look-up |
//! | closed, with none of these | at once; those without a recent look-up go first |
//!
//! The fourth row lets a pool give up hosts that failed once and are never asked for again. It needs the time, which is
//! unknown to a look-up. So the pool learns it from calls that got the overflow circuit: these are the calls that need
//! an eviction.
//!
//! In the algorithm, each circuit has a *referenced* bit, which every look-up sets. A *clock hand* goes round all
//! circuits. It clears the bit of each circuit that it passes, and evicts one if its bit is already clear. Source: F.
//! J. Corbató, "A Paging Experiment with the Multics System", MIT Project MAC report MAC-M-384, 1968.

use core::time::Duration;

use crate::circuit::Standing;
use crate::time::Instant;

/// The numbers of circuits in a pool, of evictions, and of look-ups that found no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct PoolCounts {
    /// How many circuits the pool holds now.
    pub kept: usize,
    /// How many circuits the pool has evicted so far to make room.
    pub evicted: u64,
    /// How many look-ups got the overflow circuit so far.
    pub overflowed: u64,
}

/// The data that decides about a circuit when the clock hand passes it.
#[derive(Clone, Copy)]
pub(super) struct Eviction {
    /// The latest time that the pool knows; [`Seconds::UNKNOWN`] if it knows none yet.
    pub(super) now: Seconds,
    /// How long a circuit with something to remember must be without a look-up, in seconds.
    pub(super) idle_for: u32,
}

/// What happens to a circuit when the clock hand passes it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Keep,
    /// It is evicted if the hand finds no better one.
    Spare,
    Forget,
}

impl Eviction {
    /// The fate of a circuit that is not held. `referenced` tells whether a look-up asked for it since the hand last
    /// passed. `idle_since` is when the hand first found the bit clear.
    pub(super) fn fate(
        &self,
        referenced: bool,
        idle_since: &mut Seconds,
        standing: impl FnOnce(Instant) -> Standing,
    ) -> Fate {
        if referenced {
            *idle_since = Seconds::UNKNOWN;
        } else if *idle_since == Seconds::UNKNOWN {
            *idle_since = self.now;
        }
        match standing(self.now.instant()) {
            Standing::Blank if referenced => Fate::Spare,
            Standing::Blank => Fate::Forget,
            Standing::Marked if idle_since.are_before(self.now, self.idle_for) => Fate::Forget,
            Standing::Marked | Standing::Held => Fate::Keep,
        }
    }
}

/// A time in whole seconds, plus one, in 32 bits: 136 years. Every target with the pool has atomics of that size.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seconds(pub(super) u32);

impl Seconds {
    pub(super) const UNKNOWN: Self = Self(0);

    pub(super) fn of(now: Instant) -> Self {
        Self(u32::try_from(now.as_nanos() / NANOS).unwrap_or(u32::MAX).saturating_add(1))
    }

    /// A length of time, rounded up to whole seconds.
    pub(super) const fn length(duration: Duration) -> u32 {
        let whole = duration.as_secs().saturating_add((duration.subsec_nanos() > 0) as u64);
        #[allow(clippy::cast_possible_truncation)] // checked
        if whole > u32::MAX as u64 { u32::MAX } else { whole as u32 }
    }

    const fn instant(self) -> Instant {
        Instant::from_nanos((self.0 as u64).saturating_sub(1) * NANOS)
    }

    /// Whether this time is at least `length` seconds before `now`.
    const fn are_before(self, now: Self, length: u32) -> bool {
        self.0 != Self::UNKNOWN.0 && now.0.saturating_sub(self.0) >= length
    }
}

/// The default time without a look-up after which a circuit with something to remember may be evicted.
pub(super) const FORGET_AFTER: Duration = Duration::from_secs(60 * 60);

const NANOS: u64 = 1_000_000_000;
