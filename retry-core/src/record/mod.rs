//! Record and replay of retry decisions: a compact log from which each decision can be made again.
//!
//! Guide: [record and replay](crate::_guides::recording).
//!
//! A [`Recorder`] writes the decisions of calls to a log. It is the observer of the calls, and the source of their
//! random words: the 64 random bits from which each delay gets its jitter. With the feature `std`, `Replay` makes the
//! decisions of a log again, with the same policy or another one. It reports each decision that differs, with the place
//! of its record.
//!
//! ```
//! # #[cfg(feature = "std")] {
//! use retry_core::{
//!     Class, Policy, Retry,
//!     record::{LogWriter, Recorder, Replay},
//!     testing::FakeClock,
//! };
//!
//! let clock = FakeClock::new();
//! let log = Recorder::new(LogWriter(Vec::new()), 42); // the seed of the random words
//! let call = log.call();
//! let stock = Retry::new(&Policy::DEFAULT, log.entropy(&clock)).observe(&call);
//! let _ = stock.run_blocking(|| Err::<(), _>(Class::Network));
//!
//! let log = log.into_sink().0;
//! assert_eq!(Replay::new(&Policy::DEFAULT, &log).unwrap().run().unwrap().decisions, 3);
//! let patient = Policy::DEFAULT.max_attempts(4);
//! let difference = Replay::new(&patient, &log).unwrap().run().unwrap_err();
//! assert!(difference.to_string().ends_with("recorded give up: no attempts left, replayed a retry"));
//! # }
//! ```

mod bytes;
mod draws;
mod format;
mod log_error;
mod numbers;
#[cfg(feature = "std")]
mod parse;
#[cfg(feature = "std")]
mod records;
#[cfg(feature = "std")]
mod replay;
mod sinks;

use core::convert::Infallible;
use core::fmt;
use core::time::Duration;

pub use format::{Record, RecordedStep};
pub use log_error::LogError;
#[cfg(feature = "std")]
pub use records::Records;
#[cfg(feature = "std")]
pub use replay::{Difference, Field, Replay, ReplayError, Replayed, Step};
#[cfg(feature = "std")]
pub use sinks::LogWriter;
pub use sinks::{LogBuffer, RecordSink};

use draws::{Draws, word};
use format::{Last, MOST_RULES, NOT_RETRIED, PENDING, UNKNOWN_RULE, encode, header};
use numbers::{Number, Numbers};

use crate::lock::{DefaultLock, Exclusive, Initial, Lock};
use crate::observe::{Event, EventKind, Observer};
use crate::policy::Failure;
use crate::policy::Rule;
use crate::runtime::{BlockingSleep, Clock, Entropy, Interrupted, Readiness, Sleep};
use crate::time::Instant;

/// Writes the decisions of calls to a compact log, from which they can be made again.
///
/// A decision takes 11 bytes most often, and rarely more than 16: see `Records`. The log holds everything that a
/// decision depends on, except the policy. These are the error's class, hint and rule, the attempt, the time, the
/// random word, and the answers of circuit and budget. So a `Replay` reaches the same verdicts. It finds the first one
/// that another policy, or another version of this crate, decides differently.
///
/// Each call has an observer of its own, from [`call`](Self::call). One log may hold many calls, of many threads, which
/// share the [`Lock`] `L`.
///
/// The random words are the recorder's own, from [`entropy`](Self::entropy) or [`rng`](Self::rng). They are computed
/// from the seed by [SplitMix64], so they take no room in the log. A word of another generator takes 8 bytes, and
/// [`external_words`](Self::external_words) counts it.
///
/// [SplitMix64]: https://doi.org/10.1145/2714064.2660195
///
/// ```
/// # #[cfg(feature = "std")] {
/// use retry_core::{
///     record::{LogBuffer, Recorder, Replay}, testing::FakeClock, Class, Policy, Retry,
/// };
///
/// let clock = FakeClock::new();
/// let mut bytes = [0; 1024];
/// let log = Recorder::new(LogBuffer::new(&mut bytes), 42); // the seed, such as `OsRng.word()`
///
/// let call = log.call();
/// let stock = Retry::new(&Policy::DEFAULT, log.entropy(&clock)).observe(&call);
/// let _ = stock.run_blocking(|| Err::<(), _>(Class::Timeout));
/// let log = log.into_sink();
/// assert_eq!(log.bytes().len(), 16 + 9 + 9 + 5); // a header and three decisions
///
/// let again = Replay::new(&Policy::DEFAULT, log.bytes()).unwrap();
/// assert_eq!(again.run().unwrap().decisions, 3);
///
/// let patient = Policy::DEFAULT.max_attempts(4);
/// let difference = Replay::new(&patient, log.bytes()).unwrap().run().unwrap_err();
/// assert_eq!(
///     difference.to_string(),
///     "record 3 (byte 34), call 0, attempt 3: recorded give up: no attempts left, replayed a retry",
/// );
/// # }
/// ```
pub struct Recorder<'a, S, L: Lock = DefaultLock> {
    guarded: L::Of<Guarded<S>>,
    rules: &'a [&'static Rule],
}

/// The state that the lock guards.
struct Guarded<S> {
    /// `None` only before the recorder is complete.
    sink: Option<S>,
    /// The words that are expected in records.
    draws: Draws,
    /// The number of words that were drawn.
    drawn: u64,
    numbers: Numbers,
    lost: u32,
    external_words: u32,
    skipped_calls: u32,
}

impl<S> Initial for Guarded<S> {
    const INITIAL: Self = Self {
        sink: None,
        draws: Draws::new(0),
        drawn: 0,
        numbers: Numbers::NONE,
        lost: 0,
        external_words: 0,
        skipped_calls: 0,
    };
}

impl<S: RecordSink> Recorder<'_, S> {
    /// Makes a recorder with the [`DefaultLock`], and writes the header of the log to the sink.
    ///
    /// Give each recorder another seed: recorders with the same seed draw the same random words. For another lock, use
    /// [`with_lock`](Self::with_lock).
    pub fn new(sink: S, seed: u64) -> Self {
        Self::with_lock(sink, seed)
    }
}

impl<'a, S: RecordSink, L: Lock> Recorder<'a, S, L> {
    /// Does the same as [`new`](Recorder::new), with the lock of the type.
    ///
    /// ```
    /// use retry_core::{record::{LogBuffer, Recorder}, runtime::LocalLock};
    ///
    /// let mut bytes = [0; 1024];
    /// let log = Recorder::<_, LocalLock>::with_lock(LogBuffer::new(&mut bytes), 42);
    /// assert_eq!(log.into_sink().bytes().len(), 16); // the header
    /// ```
    pub fn with_lock(mut sink: S, seed: u64) -> Self {
        let begun = sink.append(header(seed).as_slice());
        let guarded = L::Of::<Guarded<S>>::INITIAL;
        guarded.with(|guarded| {
            guarded.sink = Some(sink);
            guarded.draws = Draws::new(seed);
            guarded.lost = if begun { 0 } else { 1 };
        });
        Self { guarded, rules: &[] }
    }

    /// Sets the rules that [`Retry::when`](crate::Retry::when) or [`Failure::under`](crate::Failure::under) may give to
    /// an error, of which the first 126 are recorded. A replay needs the same rules in the same order.
    #[must_use]
    pub fn rules(self, rules: &'a [&'static Rule]) -> Self {
        Self { rules, ..self }
    }

    /// Returns an observer for one call, or for several calls one after the other.
    pub const fn call(&self) -> RecordedCall<'_, S, L> {
        RecordedCall { recorder: self, way: Initial::INITIAL }
    }

    /// Returns this runtime with the recorder's random words.
    pub const fn entropy<R>(&self, runtime: R) -> Recorded<'_, R, S, L> {
        Recorded { runtime, recorder: self }
    }

    /// Returns a generator of the recorder's random words, for a loop by hand.
    pub const fn rng(&self) -> RecordedRng<'_, S, L> {
        RecordedRng { recorder: self }
    }

    /// Returns how many records were lost because the sink did not take one, the header included. After the first lost
    /// record, all are lost, so that a log has no gaps. The count saturates.
    pub fn lost(&self) -> u32 {
        self.guarded.with(|guarded| guarded.lost)
    }

    /// Returns how many random words came from another generator. Each takes 8 bytes in the log. The count saturates.
    pub fn external_words(&self) -> u32 {
        self.guarded.with(|guarded| guarded.external_words)
    }

    /// Returns how many calls were left out, because too many were under way at once: more than 16,384 with `std`,
    /// otherwise
    /// 128. A call by hand that is dropped before its end counts as under way, because its observer is not told.
    pub fn skipped_calls(&self) -> u32 {
        self.guarded.with(|guarded| guarded.skipped_calls)
    }

    /// Ends the log, and returns the sink.
    pub fn into_sink(self) -> S {
        match self.guarded.with(|guarded| guarded.sink.take()) {
            Some(sink) => sink,
            None => unreachable!("only this method takes the sink, and the recorder with it"),
        }
    }

    fn word(&self) -> u64 {
        self.guarded.with(|guarded| {
            let index = guarded.drawn;
            guarded.drawn = index.wrapping_add(1);
            word(guarded.draws.seed, index)
        })
    }

    fn rule(&self, rule: &Rule) -> u8 {
        if *rule == *Failure::NOT_RETRIED {
            return NOT_RETRIED;
        }
        let index = self.rules.iter().take(MOST_RULES).position(|known| *known == rule);
        index.and_then(|index| u8::try_from(index + 1).ok()).unwrap_or(UNKNOWN_RULE)
    }
}

impl<S: RecordSink> Guarded<S> {
    fn record(&mut self, way: &mut Way, attempt: u32, elapsed: Option<Duration>, step: RecordedStep) {
        let mut first = false;
        if let Way::Unnumbered = way {
            first = true;
            *way = Way::Numbered(self.numbers.take(), Last::default());
        }
        let Way::Numbered(number, last) = way else { return };
        if !self.numbers.holds(*number) {
            *way = Way::LeftOut;
            self.skipped_calls = self.skipped_calls.saturating_add(1);
            return;
        }
        let (word, again) = match step {
            RecordedStep::Refused(_) => (None, false),
            RecordedStep::Decided { word, .. } => (word, attempt == 1),
        };
        let record = Record { call: number.number, first: first || again, attempt, elapsed, step };
        let bytes = encode(&record, &mut self.draws, last);
        if bytes.says_word() && word.is_some_and(|word| self.draws.index(word) >= self.drawn) {
            self.external_words = self.external_words.saturating_add(1);
        }
        // The record counts as lost until the sink has taken it, because the sink may panic, and later records build on
        // it.
        self.lost = self.lost.saturating_add(1);
        if self.lost == 1 && self.sink.as_mut().is_some_and(|sink| sink.append(bytes.as_slice())) {
            self.lost = 0;
        }
    }
}

/// The observer of a call, from [`Recorder::call`].
pub struct RecordedCall<'r, S, L: Lock> {
    recorder: &'r Recorder<'r, S, L>,
    way: L::Of<Way>,
}

/// How far the recording of a call has come.
enum Way {
    /// No record was written yet.
    Unnumbered,
    Numbered(Number, Last),
    LeftOut,
}

impl Initial for Way {
    const INITIAL: Self = Self::Unnumbered;
}

impl<S: RecordSink, L: Lock> Observer for RecordedCall<'_, S, L> {
    fn observe(&self, event: &Event<'_>) {
        let guarded = &self.recorder.guarded;
        let (elapsed, step) = match event.kind {
            EventKind::Rejected(rejected) => (None, RecordedStep::Refused(rejected)),
            EventKind::Failed { failure, verdict, outlook } => {
                let Failure { class, hint, rule, is_last, is_pending, .. } = failure;
                let rule = match rule {
                    // The last poll of a call that is not the last by its number cannot be written.
                    _ if is_pending => Some(if is_last { UNKNOWN_RULE } else { PENDING }),
                    rule => rule.map(|rule| self.recorder.rule(rule)),
                };
                let word = outlook.word;
                (outlook.elapsed, RecordedStep::Decided { class, hint, rule, is_last, word, verdict })
            }
            EventKind::Ended { .. } => {
                return self.way.with(|way| {
                    if let Way::Numbered(number, _) = core::mem::replace(way, Way::Unnumbered) {
                        guarded.with(|guarded| guarded.numbers.give_back(number));
                    }
                });
            }
            _ => return,
        };
        self.way.with(|way| guarded.with(|guarded| guarded.record(way, event.attempt, elapsed, step)));
    }
}

/// A runtime with the random words of a [`Recorder`], from [`Recorder::entropy`].
pub struct Recorded<'r, R, S, L: Lock> {
    runtime: R,
    recorder: &'r Recorder<'r, S, L>,
}

impl<R: Clock, S, L: Lock> Clock for Recorded<'_, R, S, L> {
    fn now(&self) -> Instant {
        self.runtime.now()
    }

    fn readiness(&self) -> Option<Readiness<'_>> {
        self.runtime.readiness()
    }

    fn unix_time(&self) -> Option<Duration> {
        self.runtime.unix_time()
    }
}

impl<R: Sleep, S, L: Lock> Sleep for Recorded<'_, R, S, L> {
    type Sleep = R::Sleep;

    fn sleep(&self, duration: Duration) -> R::Sleep {
        self.runtime.sleep(duration)
    }
}

impl<R: BlockingSleep, S, L: Lock> BlockingSleep for Recorded<'_, R, S, L> {
    fn sleep_blocking(&self, duration: Duration) -> Result<(), Interrupted> {
        self.runtime.sleep_blocking(duration)
    }

    fn is_interrupted(&self) -> bool {
        self.runtime.is_interrupted()
    }
}

impl<R, S: RecordSink, L: Lock> Entropy for Recorded<'_, R, S, L> {
    fn word(&self) -> u64 {
        self.recorder.word()
    }
}

/// A generator of a [`Recorder`]'s random words, from [`Recorder::rng`].
pub struct RecordedRng<'r, S, L: Lock> {
    recorder: &'r Recorder<'r, S, L>,
}

impl<S: RecordSink, L: Lock> rand_core::TryRng for RecordedRng<'_, S, L> {
    type Error = Infallible;

    #[allow(clippy::cast_possible_truncation)] // only the upper half is needed
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.recorder.word() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.recorder.word())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        rand_core::utils::fill_bytes_via_next_word(bytes, || self.try_next_u64())
    }
}

impl<S, L: Lock> fmt::Debug for Recorder<'_, S, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

impl<S, L: Lock> fmt::Debug for RecordedCall<'_, S, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordedCall").finish_non_exhaustive()
    }
}

impl<R: fmt::Debug, S, L: Lock> fmt::Debug for Recorded<'_, R, S, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorded").field("runtime", &self.runtime).finish_non_exhaustive()
    }
}

impl<S, L: Lock> fmt::Debug for RecordedRng<'_, S, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordedRng").finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl<S: RecordSink, L: Lock> defmt::Format for Recorder<'_, S, L> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Recorder {{ lost: {=u32} }}", self.lost());
    }
}
