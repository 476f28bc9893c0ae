//! Which circuits a full pool may forget.
//!
//! | circuit | forgotten |
//! |---|---|
//! | in somebody's hands: attempts under way, or a handle kept | never |
//! | forced open, disabled or counting only, by hand | never |
//! | open, its time not over | never |
//! | closed with a failure or a slow call that counts, or on its ramp; half-open; open for longer than its time | once nobody asked for it for as long as the pool says |
//! | closed, without any of these | at once, those that nobody asked for of late first |
//!
//! The fourth row keeps a pool from filling up for good with hosts that failed once and will never be asked for
//! again. It needs the time, and a lookup is told none. So those who get no circuit of their own tell it: it is known
//! exactly when it is needed.

use core::time::Duration;

use crate::circuit::Standing;
use crate::time::Instant;

/// What a pool's hand goes by when it passes a circuit.
#[derive(Clone, Copy)]
pub(super) struct Eviction {
    /// The latest time that the pool was told; [`Seconds::UNKNOWN`] for none yet.
    pub(super) now: Seconds,
    /// How long nobody must have asked for a circuit that is not blank.
    pub(super) idle_for: u32,
}

/// What happens to a circuit that the hand passes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Keep,
    /// Forgotten where there is none better.
    Spare,
    Forget,
}

impl Eviction {
    /// `asked` says whether anyone asked for it since the hand passed last, `idle_since` when that was found not to be
    /// so. Not for one in somebody's hands.
    pub(super) fn fate(
        &self,
        asked: bool,
        idle_since: &mut Seconds,
        standing: impl FnOnce(Instant) -> Standing,
    ) -> Fate {
        if asked {
            *idle_since = Seconds::UNKNOWN;
        } else if *idle_since == Seconds::UNKNOWN {
            *idle_since = self.now;
        }
        match standing(self.now.instant()) {
            Standing::Blank if asked => Fate::Spare,
            Standing::Blank => Fate::Forget,
            Standing::Marked if idle_since.are_before(self.now, self.idle_for) => Fate::Forget,
            Standing::Marked | Standing::Held => Fate::Keep,
        }
    }
}

/// A time in whole seconds, in 32 bits: there are atomics of that size everywhere. 136 years.
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

    /// Whether these are at least that long before `now`.
    const fn are_before(self, now: Self, length: u32) -> bool {
        self.0 != Self::UNKNOWN.0 && now.0.saturating_sub(self.0) >= length
    }
}

/// How long circuits with something to remember are kept without being asked for, unless a pool is told otherwise.
pub(super) const FORGET_AFTER: Duration = Duration::from_secs(60 * 60);

const NANOS: u64 = 1_000_000_000;
