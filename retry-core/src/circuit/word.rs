//! The gate word: what a circuit publishes beside its lock.
//!
//! It is written under the lock, after each change, and read without it. A reader acts on it alone where the state
//! it stands for leaves no choice: a closed circuit admits, an open one refuses, and a quiet one has nothing to
//! record of a success. Each of these is as if it had happened at the load. Everything else takes the lock.

use core::time::Duration;

use super::breaker::Ticket;
use super::phase::Phase;
use crate::time::{Instant, duration};
use crate::verdict::Rejected;

#[cfg(all(target_has_atomic = "64", not(loom)))]
use core::sync::atomic::AtomicU64;

/// What the state of a circuit means to those who ask without the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    /// Take the lock.
    Ask,
    /// Closed, and recording a success in good time would change nothing.
    Quiet { era: u32, timed: bool },
    /// Closed.
    Closed { era: u32, timed: bool },
    /// Open until then, a multiple of [`GRAIN`] nanoseconds.
    Open { until: Instant },
    /// Open, whatever the time.
    ForcedOpen,
}

/// The nanoseconds that the ends of open times are multiples of, so that they fit beside the tag.
pub(super) const GRAIN: u64 = 8;

const ASK: u64 = 0;
const OPEN: u64 = 2;
const FORCED_OPEN: u64 = 4;
/// A bit of its own, so that admission is one test.
const CLOSED: u64 = 1;
const QUIET: u64 = CLOSED | 2;
const TAG: u64 = GRAIN - 1;
/// Beside `QUIET` and `CLOSED`: tickets carry the time.
const TIMED: u64 = GRAIN;

impl Gate {
    #[inline]
    const fn word(self) -> u64 {
        match self {
            Self::Ask => ASK,
            Self::Quiet { era, timed } => QUIET | (TIMED * timed as u64) | ((era as u64) << 32),
            Self::Closed { era, timed } => CLOSED | (TIMED * timed as u64) | ((era as u64) << 32),
            Self::Open { until } => OPEN | (until.as_nanos() & !TAG),
            Self::ForcedOpen => FORCED_OPEN,
        }
    }
}

/// The answer that a word gives by itself.
pub(super) enum Answer {
    Admitted(Ticket),
    Rejected(Rejected),
    /// Take the lock.
    Ask,
}

/// A word as it was loaded.
#[derive(Clone, Copy)]
pub(super) struct Seen(u64);

impl Seen {
    /// Answers whoever asks for admission. `now` is called where the answer depends on the time; an open circuit
    /// is never open for longer than `longest` from now.
    #[inline]
    pub(super) fn admit(self, longest: u64, now: impl FnOnce() -> Instant) -> Answer {
        const TIMED_CLOSED: u64 = CLOSED | TIMED;
        let era = (self.0 >> 32) as u32;
        match self.0 & TIMED_CLOSED {
            CLOSED => return Answer::Admitted(Ticket { era, started: Instant::MAX }),
            TIMED_CLOSED => return Answer::Admitted(Ticket { era, started: now() }),
            _ => {}
        }
        match self.0 & TAG {
            OPEN => {
                let (until, now) = (self.0 & !TAG, now().as_nanos());
                // Where the time has passed, or the clock stepped back, the state has to change.
                if until <= now || until - now > longest {
                    return Answer::Ask;
                }
                let wait = until - now;
                Answer::Rejected(Rejected { phase: Phase::Open, wait: duration(wait) })
            }
            FORCED_OPEN => Answer::Rejected(Rejected { phase: Phase::Open, wait: Duration::MAX }),
            _ => Answer::Ask,
        }
    }

    /// Whether a success of this ticket has nothing to record, however long it took.
    #[inline]
    pub(super) fn is_quiet_for(self, ticket: &Ticket) -> bool {
        self.0 == Gate::Quiet { era: ticket.era, timed: false }.word()
    }

    /// Whether a success of this ticket has nothing to record if it came in good time.
    pub(super) fn is_quiet_in_time_for(self, ticket: &Ticket) -> bool {
        self.0 == Gate::Quiet { era: ticket.era, timed: true }.word()
    }
}

/// The published word. Without 64-bit atomics nothing is published, and everyone takes the lock.
pub(super) struct Word {
    #[cfg(all(target_has_atomic = "64", not(loom)))]
    word: AtomicU64,
    #[cfg(loom)]
    word: std::sync::OnceLock<loom::sync::atomic::AtomicU64>,
}

#[cfg(any(target_has_atomic = "64", loom))]
#[allow(clippy::declare_interior_mutable_const)] // the first state of each circuit's own word
impl Word {
    pub(super) const IS_PUBLISHED: bool = true;
    /// What no state stands behind yet: ask.
    #[cfg(not(loom))]
    pub(super) const ASK: Self = Self { word: AtomicU64::new(ASK) };
    #[cfg(loom)]
    pub(super) const ASK: Self = Self { word: std::sync::OnceLock::new() };

    #[inline]
    pub(super) fn load(&self) -> Seen {
        Seen(self.atomic().load(core::sync::atomic::Ordering::Acquire))
    }

    /// Only by the holder of the lock.
    pub(super) fn publish(&self, gate: Gate) {
        let (word, atomic) = (gate.word(), self.atomic());
        // What does not change is not written, so that readers keep their copy of it.
        if atomic.load(core::sync::atomic::Ordering::Relaxed) != word {
            atomic.store(word, core::sync::atomic::Ordering::Release);
        }
    }

    #[cfg(not(loom))]
    fn atomic(&self) -> &AtomicU64 {
        &self.word
    }

    #[cfg(loom)]
    fn atomic(&self) -> &loom::sync::atomic::AtomicU64 {
        self.word.get_or_init(|| loom::sync::atomic::AtomicU64::new(ASK))
    }
}

#[cfg(not(any(target_has_atomic = "64", loom)))]
impl Word {
    pub(super) const IS_PUBLISHED: bool = false;
    pub(super) const ASK: Self = Self {};

    pub(super) fn load(&self) -> Seen {
        Seen(ASK)
    }

    pub(super) fn publish(&self, _: Gate) {}
}
