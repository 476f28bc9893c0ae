//! The counts of a pool, and its choice of a circuit to evict when it is full.
//!
//! A new key looks at some circuits, and the one with the least to lose goes. From least to most:
//!
//! | circuit | evicted |
//! |---|---|
//! | closed, with only successes | first |
//! | closed, with failures or slow calls, or on its ramp | if there is none of the above |
//! | closed, more than half of the way to opening | if there is none of the above |
//! | half-open, or past its open time | if there is none of the above |
//! | one of the last three with a recent look-up | if there is none of the above, in the same order |
//! | within its open time | never |
//! | forced open, disabled or counting only | never |
//! | held by a handle or by attempts under way | never |
//!
//! Within a row, the one that was idle for longest goes. A look-up does not know the time, so idleness is counted in
//! new keys: each entry keeps how many there were before its last look-up. A look-up is recent if fewer circuits were
//! evicted since than half of the pool's capacity. This comes before what a circuit remembers: otherwise
//! a host that begins to fail would go before all the names that failed and were never asked again.
//!
//! This is the least recently used of a sample, the next circuits in turn.
//!
//! The end of an open time needs the time, which is unknown to a look-up. So the pool learns it from calls that got the
//! overflow circuit: these are the calls that need an eviction.

use core::cmp::Reverse;

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

/// What a pool loses with a circuit that it evicts. The least is evicted first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Loss {
    remembers: bool,
    recent: bool,
    standing: Standing,
    idle: Reverse<u32>,
}

impl Loss {
    /// What is lost with a circuit that is not held; `None` if it has to stay. `idle` is the number of new keys since
    /// its last look-up. Each of them evicted a circuit, except those from before the pool was full.
    pub(super) fn of(standing: Standing, idle: u32, evicted: u64, capacity: usize) -> Option<Self> {
        let remembers = standing != Standing::Blank;
        let recent = u64::from(idle).min(evicted) < capacity as u64 / 2;
        (standing != Standing::Held).then_some(Self { remembers, recent, standing, idle: Reverse(idle) })
    }

    /// Whether this is as good as any other.
    pub(super) fn is_least(&self) -> bool {
        !self.remembers && !self.recent
    }
}

/// A time in whole seconds, plus one, in 32 bits: 136 years. Every target with the pool has atomics of that size.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Seconds(pub(super) u32);

impl Seconds {
    pub(super) const UNKNOWN: Self = Self(0);

    pub(super) fn of(now: Instant) -> Self {
        Self(u32::try_from(now.as_nanos() / NANOS).unwrap_or(u32::MAX).saturating_add(1))
    }

    /// Whether the clock can have got from here to there without a step back of more than a second. After a minute
    /// without a reading, that is unknown.
    pub(super) fn leads_to(self, next: Self) -> bool {
        self != Self::UNKNOWN && (self.0 - 1..=self.0.saturating_add(60)).contains(&next.0)
    }

    pub(super) const fn instant(self) -> Instant {
        Instant::from_nanos((self.0 as u64).saturating_sub(1) * NANOS)
    }
}

const NANOS: u64 = 1_000_000_000;
