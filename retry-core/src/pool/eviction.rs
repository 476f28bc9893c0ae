//! What a pool holds, and which circuits it may evict when it is full: second-chance (CLOCK) eviction, restricted to
//! circuits that are worth little.
//!
//! | circuit | evicted |
//! |---|---|
//! | held: attempts under way, or a handle kept | never |
//! | forced open, disabled or counting only | never |
//! | open, its time not over | never |
//! | closed with a failure or a slow call in its window, or on its ramp; half-open; open for longer than its time | once no look-up asked for it for as long as the pool is told |
//! | closed, without any of these | at once; those that no look-up asked for recently go first |
//!
//! The fourth row keeps a pool from filling up for good with hosts that failed once and are never asked for again. It
//! needs the time, which a look-up does not know. So the pool learns it from calls that got no circuit of their own: it
//! is known exactly when it is needed.
//!
//! The algorithm: each circuit has a *referenced* bit, which every look-up sets. A *clock hand* goes round all circuits. It
//! clears the bit of a circuit that it passes, and evicts one whose bit is clear. Source: F. J. Corbató, "A Paging
//! Experiment with the Multics System", MIT Project MAC report MAC-M-384, 1968.

use core::time::Duration;

use crate::circuit::Standing;
use crate::time::Instant;

/// What a pool holds, and what became of look-ups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct PoolCounts {
    /// How many circuits it holds.
    pub kept: usize,
    /// How many circuits it has evicted to make room.
    pub evicted: u64,
    /// How many look-ups got the overflow circuit.
    pub overflowed: u64,
}

/// What decides about a circuit that the clock hand passes.
#[derive(Clone, Copy)]
pub(super) struct Eviction {
    /// The latest time that the pool was told; [`Seconds::UNKNOWN`] if it was told none yet.
    pub(super) now: Seconds,
    /// For how long no look-up must have asked for a circuit that is not blank, in seconds.
    pub(super) idle_for: u32,
}

/// What happens to a circuit that the clock hand passes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Keep,
    /// Evicted if no better one is found.
    Spare,
    Forget,
}

impl Eviction {
    /// The fate of a circuit that is not held. `referenced` is whether a look-up asked for it since the hand passed last;
    /// `idle_since` is when the hand first found that none had.
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

/// A time in whole seconds, plus one, in 32 bits: 136 years. Every target has atomics of that size.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seconds(pub(super) u32);

impl Seconds {
    pub(super) const UNKNOWN: Self = Self(0);

    pub(super) fn of(now: Instant) -> Self {
        Self(u32::try_from(now.as_nanos() / NANOS).unwrap_or(u32::MAX).saturating_add(1))
    }

    /// A length of time, rounded up.
    pub(super) const fn length(duration: Duration) -> u32 {
        let whole = duration.as_secs().saturating_add((duration.subsec_nanos() > 0) as u64);
        #[allow(clippy::cast_possible_truncation)] // checked
        if whole > u32::MAX as u64 { u32::MAX } else { whole as u32 }
    }

    const fn instant(self) -> Instant {
        Instant::from_nanos((self.0 as u64).saturating_sub(1) * NANOS)
    }

    /// Whether these are at least `length` before `now`.
    const fn are_before(self, now: Self, length: u32) -> bool {
        self.0 != Self::UNKNOWN.0 && now.0.saturating_sub(self.0) >= length
    }
}

/// How long circuits with something to remember are kept without a look-up, unless the pool is told otherwise.
pub(super) const FORGET_AFTER: Duration = Duration::from_secs(60 * 60);

const NANOS: u64 = 1_000_000_000;
