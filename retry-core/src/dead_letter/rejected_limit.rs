//! How many letters of refused calls a sink takes.

use crate::budget::steps::has_stepped_back;
use crate::error::Error;
use crate::lock::Initial;
use crate::time::Instant;
use crate::verdict::Reason;

/// How many letters of refused calls a sink takes, because an open circuit may refuse thousands of calls per second.
///
/// A sink that has taken that many leaves further ones out and counts them: see [`LetterAdmission`]. Letters for other
/// reasons are not limited. Each sink has its own limit, also for the letters that another sink has returned:
///
/// | sink | limit |
/// |---|---|
/// | `JsonLinesSink`, `LetterWriter` | by default [`DEFAULT`](Self::DEFAULT), letters per second and bytes in the file |
/// | `DeadLetterQueue` | by default [`DEFAULT`](Self::DEFAULT), only letters per second |
/// | other sinks | none, or that of a [`Limited`](super::Limited) around them |
///
/// ```
/// # #[cfg(feature = "json")] {
/// use retry_core::{
///     CircuitConfig, Class, Instant, Policy, Retry, SharedCircuit,
///     dead_letter::{JsonLinesSink, LetterOutcome, RejectedLimit}, testing::FakeClock,
/// };
///
/// # let path = std::env::temp_dir().join(format!("retry-core-limit-{}.jsonl", std::process::id()));
/// let letters = JsonLinesSink::open(&path).unwrap().rejected_limit(RejectedLimit::new(2, 1 << 20));
/// let (clock, circuit) = (FakeClock::new(), SharedCircuit::new(CircuitConfig::DEFAULT));
/// let _ = circuit.force_open(Instant::ORIGIN);
/// let stock = Retry::new(&Policy::DEFAULT, &clock).circuit(&circuit);
/// let outcomes: Vec<_> = (0..3)
///     .map(|_| stock.dead_letters(&letters).run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err())
///     .map(|error| error.letter().unwrap())
///     .collect();
/// assert_eq!(outcomes, [LetterOutcome::Kept, LetterOutcome::Kept, LetterOutcome::LeftOut]);
/// assert_eq!((letters.kept(), letters.left_out()), (2, 1));
/// # std::fs::remove_file(path).unwrap();
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RejectedLimit {
    per_second: u32,
    bytes: u64,
}

impl RejectedLimit {
    /// At most 100 letters per second, and 64 MiB in a file. This is the default.
    pub const DEFAULT: Self = Self::new(100, 64 << 20);
    /// No letters of refused calls at all.
    pub const OFF: Self = Self::new(0, 0);
    /// All letters of refused calls.
    pub const UNLIMITED: Self = Self::new(u32::MAX, u64::MAX);

    /// Sets the limit to this many letters per second, and to this many bytes since the file was opened or rotated.
    ///
    /// After a calm second, all letters of a second may come at once. After that, a sink earns letters at most for the
    /// sum of the clock's steps forward. Bytes are counted only in files.
    pub const fn new(per_second: u32, bytes: u64) -> Self {
        Self { per_second, bytes }
    }
}

impl Default for RejectedLimit {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Whether a sink takes the letter of a call. A sink is asked before the payload is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum LetterAdmission {
    /// The sink takes the letter, if it can.
    Take,
    /// The letter is left out and counted, because more calls were refused than the [`RejectedLimit`] allows. It does
    /// not go to the next sink.
    LeaveOut {
        /// Whether it is the first one after a calm time, so that a log may mention it.
        first: bool,
    },
}

/// A token bucket of letters, which refills per second, and a sum of bytes.
#[derive(Debug)]
pub(super) struct Limiter {
    /// The time up to which the credit is counted.
    counted: Option<Instant>,
    /// The time that letters have not used yet, up to one second, in nanoseconds.
    credit: u64,
    bytes: u64,
    told: bool,
    pub(super) left_out: u64,
}

impl Initial for Limiter {
    const INITIAL: Self = Self { counted: None, credit: SECOND, bytes: 0, told: false, left_out: 0 };
}

impl Limiter {
    /// Decides about the letter of a call that ended with this error. `locked` gives access to the limiter, and is called
    /// only for a call that was refused.
    pub(super) fn admit<E>(
        limit: RejectedLimit,
        error: &Error<E>,
        locked: impl FnOnce(&dyn Fn(&mut Self) -> LetterAdmission) -> LetterAdmission,
    ) -> LetterAdmission {
        match error.reason() {
            Reason::Rejected => locked(&|limiter| limiter.admit_at(limit, error.context_ref().when)),
            _ => LetterAdmission::Take,
        }
    }

    /// Decides about the letter of a call that was refused at this time.
    fn admit_at(&mut self, limit: RejectedLimit, now: Instant) -> LetterAdmission {
        let counted = *self.counted.get_or_insert(now);
        // After a small step back, time stands still until the clock has caught up, so that no time is earned twice.
        if now > counted || has_stepped_back(counted, now) {
            self.counted = Some(now);
            self.credit = self.credit.saturating_add(now.nanos_since(counted)).min(SECOND);
        }
        let RejectedLimit { per_second, bytes } = limit;
        let calm = self.credit == SECOND && self.bytes < bytes;
        let price = SECOND.checked_div(per_second.into()).unwrap_or(u64::MAX);
        if self.bytes < bytes && self.credit >= price {
            self.credit -= price;
            self.told &= !calm;
            return LetterAdmission::Take;
        }
        self.left_out = self.left_out.saturating_add(1);
        let first = !self.told && limit != RejectedLimit::OFF;
        self.told = true;
        LetterAdmission::LeaveOut { first }
    }

    /// Counts the bytes of a letter that was written.
    #[cfg(feature = "json")]
    pub(super) const fn wrote(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Begins to count bytes anew, for a new file.
    #[cfg(feature = "json")]
    pub(super) const fn new_file(&mut self) {
        self.bytes = 0;
    }
}

const SECOND: u64 = 1_000_000_000;
