//! The gate word: one atomic word beside a circuit's lock, which answers most calls so that they skip the lock.
//!
//! The owner of the lock writes the word after each change of the state. A call reads it without the lock, and acts on
//! it alone in these cases:
//!
//! - The circuit is closed: the attempt is admitted.
//! - The circuit is open: the attempt is refused.
//! - A success would leave the state as it is: it is dropped. The circuit is then called *quiet*.
//! - The breaker need not see a success yet: it is counted in the word, as *unseen*.
//!
//! Each of these takes effect at the load of the word, or at the exchange that counts the success. Every other case
//! takes the lock. The *era* is a counter that each change of phase increments.
//!
//! ```text
//! bit     63  62  61  60  59  58  57  56 .. 32  31 .. 0
//! CLOSED   1   0   0   q [  u n s e e n       ] [ era ]  closed
//! TIMED    0   1   1   q [  u n s e e n       ] [ era ]  closed, and tickets carry the time
//! OPEN_FOR 0   1   0   0   1   0   0   0  ..  0 [ era ]  open for a time of its own, which two more words hold
//! FORCED   0   1   0   0   0   1   0   0  ..  0   0 ..   open until reset
//! ASK      0   1   0   0   0   0   1   0  ..  0   0 ..   take the lock
//! (open)   0   0 [ the end of the open time in nanoseconds, 62 bits: 146 years ]
//! ```
//!
//! - Admission tests the sign bit. A refusal costs one subtraction.
//! - `q` is `QUIET`: recording a fast success would leave the state as it is.
//! - `unseen` is how many more successes may be counted here before one takes the lock.
//! - Bit 59 is the highest bit of `unseen`, and marks `OPEN_FOR`. A word with a count is closed and has bit 63 or
//!   bit 61. `OPEN_FOR` has neither, so the two are distinct.

use super::gate::Ticket;
use super::phase::Phase;
use super::published::Published;
use super::rejected::Rejected;
use crate::time::Instant;

#[cfg(any(target_has_atomic = "64", loom))]
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

#[cfg(all(target_has_atomic = "64", not(loom)))]
use core::sync::atomic::fence;
#[cfg(loom)]
use loom::sync::atomic::fence;

#[cfg(any(target_has_atomic = "64", loom))]
use crate::atomic64::AtomicU64;

/// Closed; tickets carry no time, because every rule works without the duration of a call.
const CLOSED: u64 = 1 << 63;
/// Set in all words but `CLOSED` and the end of an open time.
const OTHER: u64 = 1 << 62;
/// Closed, and tickets carry the time.
const TIMED: u64 = OTHER | 1 << 61;
/// Combined with `CLOSED` or `TIMED`.
const QUIET: u64 = 1 << 60;
const FORCED_OPEN: u64 = OTHER | 1 << 58;
const ASK: u64 = OTHER | 1 << 57;

/// Combined with `CLOSED` or `TIMED`: one success that need only be counted.
#[cfg(any(target_has_atomic = "64", loom))]
const UNSEEN: u64 = 1 << 32;
#[cfg(any(target_has_atomic = "64", loom))]
const MOST_UNSEEN: u32 = (1 << 28) - 1;
#[cfg(any(target_has_atomic = "64", loom))]
const ALL_UNSEEN: u64 = UNSEEN * MOST_UNSEEN as u64;
/// Combined with the era. The end and the length of the open time are in two more words.
#[cfg(any(target_has_atomic = "64", loom))]
const OPEN_FOR: u64 = OTHER | 1 << 59;
#[cfg(any(target_has_atomic = "64", loom))]
const ERA: u64 = 0xffff_ffff;

#[cfg(any(target_has_atomic = "64", loom))]
const fn closed(timed: bool) -> u64 {
    if timed { TIMED } else { CLOSED }
}

/// The word as a call loaded it.
#[derive(Clone, Copy)]
pub(super) struct Seen(u64);

impl Seen {
    /// The ticket of an admission, if the circuit is closed and tickets carry no time.
    #[inline]
    pub(super) fn admits(self) -> Option<Ticket> {
        (self.0 & CLOSED != 0).then(|| Ticket { era: self.era(), started: Instant::MAX })
    }

    /// The same if tickets carry the time.
    pub(super) fn admits_timed(self) -> Option<impl FnOnce(Instant) -> Ticket> {
        (self.0 & TIMED == TIMED).then_some(move |started| Ticket { era: self.era(), started })
    }

    /// Whether the circuit is open for the configured time. That time may have passed since the word was written.
    #[inline]
    pub(super) const fn is_open(self) -> bool {
        self.0 & OTHER == 0
    }

    /// Whether the circuit is open until it is reset.
    pub(super) const fn is_forced_open(self) -> bool {
        self.0 == FORCED_OPEN
    }

    /// The refusal of a circuit that is open for the configured time.
    #[inline]
    pub(super) fn refuses(self, most: u64, now: Instant) -> Option<Rejected> {
        refusal(Instant::from_nanos(self.0), most, now)
    }

    /// Whether a success of this ticket leaves the state as it is, however long it took. It is the first and the
    /// cheapest test.
    #[inline]
    pub(super) fn is_quiet_for(self, ticket: &Ticket) -> bool {
        self.0 == CLOSED | QUIET | u64::from(ticket.era)
    }

    /// Whether dropping this ticket's attempt leaves the state as it is: the circuit is still closed, and tickets carry
    /// no time.
    pub(super) fn is_closed_for(self, ticket: &Ticket) -> bool {
        self.0 & CLOSED != 0 && self.era() == ticket.era
    }

    #[allow(clippy::cast_possible_truncation)] // the low half
    const fn era(self) -> u32 {
        self.0 as u32
    }
}

/// The refusal until `until`, if that is in the future and at most `most` away. Otherwise the state has to change: the
/// time has passed, or the clock stepped back.
#[inline]
fn refusal(until: Instant, most: u64, now: Instant) -> Option<Rejected> {
    let wait = until.as_nanos().wrapping_sub(now.as_nanos());
    if until <= now || wait > most { None } else { Some(Rejected::of_nanos(Phase::Open, wait)) }
}

/// The gate word, and two more words for open times of their own. Targets that lack 64-bit atomics have an empty one,
/// and every call takes the lock.
pub(super) struct GateWord {
    #[cfg(any(target_has_atomic = "64", loom))]
    word: AtomicU64,
    /// Used by [`OPEN_FOR`]: the end of this opening.
    #[cfg(any(target_has_atomic = "64", loom))]
    until: AtomicU64,
    /// Used by [`OPEN_FOR`]: the length of this opening in nanoseconds. Its end is at most this far away.
    #[cfg(any(target_has_atomic = "64", loom))]
    most: AtomicU64,
}

#[cfg(any(target_has_atomic = "64", loom))]
#[allow(clippy::declare_interior_mutable_const)] // the first state of each circuit's own word
impl GateWord {
    /// Whether this target has the word.
    pub(super) const IS_PUBLISHED: bool = true;
    /// The word of a circuit before its state is first published.
    pub(super) const ASK: Self =
        Self { word: AtomicU64::new(ASK), until: AtomicU64::new(0), most: AtomicU64::new(0) };

    #[inline]
    pub(super) fn load(&self) -> Seen {
        Seen(self.word.load(Acquire))
    }

    /// The refusal of a circuit that is open for a time of its own, if `seen` says so and is still current.
    pub(super) fn refuses_by_most(&self, seen: Seen, now: impl FnOnce() -> Instant) -> Option<Rejected> {
        if seen.0 & !ERA != OPEN_FOR {
            return None;
        }
        // Both are of one `publish`: each load sees at least what the load before it saw.
        let until = Instant::from_nanos(self.until.load(Acquire));
        let most = self.most.load(Acquire);
        // `publish` clears the word before it changes the two.
        if self.word.load(Relaxed) != seen.0 {
            return None;
        }
        refusal(until, most, now())
    }

    /// Records a success of this ticket if that works without the lock: the circuit is quiet, or the success need only
    /// be counted. `in_time` is called only if its answer matters.
    #[inline]
    pub(super) fn succeed(&self, seen: Seen, ticket: &Ticket, in_time: impl FnOnce() -> bool) -> bool {
        let mut word = seen.0;
        let closed = if word & CLOSED != 0 {
            CLOSED
        } else if word & TIMED == TIMED && in_time() {
            TIMED
        } else {
            return false;
        };
        loop {
            // If the circuit is still closed and in this era, the rest is the count of unseen successes.
            let unseen = word ^ (closed | u64::from(ticket.era));
            if unseen == QUIET {
                return true;
            }
            if unseen == 0 || unseen & !ALL_UNSEEN != 0 {
                return false;
            }
            match self.word.compare_exchange_weak(word, word - UNSEEN, AcqRel, Acquire) {
                Ok(_) => return true,
                Err(other) => word = other,
            }
        }
    }

    /// Takes back the rest of the `unseen` of [`Published::Closed`], and returns it. Call it only under the lock.
    #[allow(clippy::cast_possible_truncation)] // 28 bits
    pub(super) fn take_unseen(&self) -> u32 {
        ((self.word.fetch_and(!ALL_UNSEEN, AcqRel) & ALL_UNSEEN) / UNSEEN) as u32
    }

    /// Publishes a state, and returns how many successes the word may count from now on. Call it only under the lock,
    /// after [`take_unseen`](Self::take_unseen).
    pub(super) fn publish(&self, state: Published) -> u32 {
        let mut granted = 0;
        let word = match state {
            Published::Ask => ASK,
            Published::Quiet { era, timed } => closed(timed) | QUIET | u64::from(era),
            Published::Closed { era, timed, unseen } => {
                granted = unseen.min(MOST_UNSEEN);
                closed(timed) | (UNSEEN * u64::from(granted)) | u64::from(era)
            }
            Published::Open { until } if until.as_nanos() < OTHER => until.as_nanos(),
            Published::Open { .. } => ASK,
            Published::OpenFor { era, until, most } => {
                if self.until.load(Relaxed) != until.as_nanos() || self.most.load(Relaxed) != most {
                    self.word.store(ASK, Relaxed);
                    fence(Release);
                    self.until.store(until.as_nanos(), Relaxed);
                    self.most.store(most, Relaxed);
                }
                OPEN_FOR | u64::from(era)
            }
            Published::ForcedOpen => FORCED_OPEN,
        };
        // An unchanged word is left alone, so that it stays in the caches of its readers.
        if self.word.load(Relaxed) != word {
            self.word.store(word, Release);
        }
        granted
    }
}

#[cfg(not(any(target_has_atomic = "64", loom)))]
impl GateWord {
    pub(super) const IS_PUBLISHED: bool = false;
    pub(super) const ASK: Self = Self {};

    pub(super) fn load(&self) -> Seen {
        Seen(ASK)
    }

    pub(super) fn refuses_by_most(&self, _: Seen, _: impl FnOnce() -> Instant) -> Option<Rejected> {
        None
    }

    pub(super) fn succeed(&self, _: Seen, _: &Ticket, _: impl FnOnce() -> bool) -> bool {
        false
    }

    pub(super) fn take_unseen(&self) -> u32 {
        0
    }

    pub(super) fn publish(&self, _: Published) -> u32 {
        0
    }
}
