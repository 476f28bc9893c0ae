//! Records what calls decided and what of, so that it can be decided again: elsewhere, later, by another policy.

mod draws;
mod format;
mod records;
#[cfg(feature = "std")]
mod replay;

use core::convert::Infallible;
use core::fmt;
use core::time::Duration;

pub use format::{LogError, Record, RecordedStep};
pub use records::Records;
#[cfg(feature = "std")]
pub use replay::{Difference, Field, Replay, ReplayError, Replayed, Step};

use draws::{Draws, word};
use format::{CALLS, NOT_RETRIED, UNKNOWN_RULE, encode, header};

use super::event::{Event, EventKind, Observer};
use crate::failure::Failure;
use crate::lock::{Exclusive, Initial, Lock};
use crate::policy::Rule;
use crate::runtime::{BlockingSleep, Clock, Entropy, Interrupted, Sleep};
use crate::time::Instant;

macro_rules! recorder {
    ($($lock:tt)*) => {
        /// Writes a log of what calls decided.
        ///
        /// A compact one: most often 13 bytes a decision, and at most 16 but for the rare ones that
        /// [`Records`] names.
        ///
        /// A verdict is made of the policy, the error's class, its hint and rule, the attempt, the time since the
        /// call's start, the delay before, a random word, and what circuit and budget answered. All but the policy is
        /// in the log, so that `Replay` comes to the same verdicts, and finds the first that another policy, or
        /// another version of this crate, decides otherwise.
        ///
        /// Each call is observed by its own [`call`](Self::call), which gives it a number; those of many calls may be
        /// mixed in one log, and of many threads, by the [`Lock`] `L`. Random words are the recorder's own, from
        /// [`entropy`](Self::entropy) or [`rng`](Self::rng), because such a word needs no room in the log: it is known
        /// from the seed. Words from elsewhere are recorded, too, with 8 bytes more for each.
        ///
        /// ```
        /// # #[cfg(feature = "std")] {
        /// use retry_core::{Class, FakeClock, LocalLock, LogBuffer, Policy, Recorder, Replay, Retry};
        ///
        /// let clock = FakeClock::new();
        /// let mut bytes = [0; 1024];
        /// let log = Recorder::<_, LocalLock>::new(LogBuffer::new(&mut bytes), 42); // the seed: OsRng.word(), say
        ///
        /// let call = log.call();
        /// let stock = Retry::new(&Policy::DEFAULT, log.entropy(&clock)).observe(&call);
        /// let _ = stock.run_blocking(|| Err::<(), _>(Class::Timeout));
        /// let log = log.into_sink();
        /// assert_eq!(log.bytes().len(), 16 + 9 + 13 + 9); // a header and three decisions
        ///
        /// let again = Replay::new(&Policy::DEFAULT, log.bytes()).unwrap();
        /// assert_eq!(again.run().unwrap().decisions, 3);
        ///
        /// let patient = Policy::DEFAULT.attempts(4);
        /// let difference = Replay::new(&patient, log.bytes()).unwrap().run().unwrap_err();
        /// assert_eq!(
        ///     difference.to_string(),
        ///     "record 3 (byte 38), call 0, attempt 3: recorded give up: no attempts left, replayed a retry",
        /// );
        /// # }
        /// ```
        pub struct Recorder<'a, S, L: Lock $($lock)*> {
            guarded: L::Of<Guarded<S>>,
            rules: &'a [&'static Rule],
        }
    };
}
#[cfg(feature = "std")]
recorder!(= crate::lock::StdLock);
#[cfg(not(feature = "std"))]
recorder!();

/// What the lock guards.
struct Guarded<S> {
    /// `None` only until it is made.
    sink: Option<S>,
    /// Which words are expected in records.
    draws: Draws,
    /// How many words were given out.
    drawn: u64,
    /// The number of the next call.
    call: u16,
    lost: u32,
}

impl<S> Initial for Guarded<S> {
    const INITIAL: Self = Self { sink: None, draws: Draws::new(0), drawn: 0, call: 0, lost: 0 };
}

/// Where a recorder writes: a [`LogBuffer`], or any [`std::io::Write`] in a `LogWriter`.
pub trait RecordSink {
    /// Takes this record as a whole. `false` where they are not taken: the
    /// recorder writes no more then.
    fn append(&mut self, record: &[u8]) -> bool;
}

impl<'a, S: RecordSink, L: Lock> Recorder<'a, S, L> {
    /// A recorder that has written a header. Each recorder needs another seed, or its words are those of others.
    pub fn new(mut sink: S, seed: u64) -> Self {
        let begun = sink.append(&header(seed));
        let guarded = L::Of::<Guarded<S>>::INITIAL;
        guarded.with(|guarded| {
            guarded.sink = Some(sink);
            guarded.draws = Draws::new(seed);
            guarded.lost = if begun { 0 } else { 1 };
        });
        Self { guarded, rules: &[] }
    }

    /// The rules that errors are put under by [`Retry::when`](crate::Retry::when) or
    /// [`Failure::under`](crate::Failure::under), at most 254. Replay takes the same ones, in the same order.
    #[must_use]
    pub fn rules(self, rules: &'a [&'static Rule]) -> Self {
        Self { rules, ..self }
    }

    /// An observer for one call, or for several one after the other.
    pub fn call(&self) -> RecordedCall<'_, S, L> {
        let number = self.guarded.with(|guarded| {
            let number = guarded.call;
            guarded.call = (number + 1) % CALLS;
            number
        });
        RecordedCall { recorder: self, number }
    }

    /// The same runtime, but that its random words are the recorder's.
    pub const fn entropy<R>(&self, runtime: R) -> Recorded<'_, R, S, L> {
        Recorded { runtime, recorder: self }
    }

    /// A generator of the recorder's random words, for a loop by hand.
    pub const fn rng(&self) -> RecordedRng<'_, S, L> {
        RecordedRng { recorder: self }
    }

    /// How many records, the header included, were lost because the sink did not take one. From the first on all are:
    /// a log has no gaps.
    pub fn lost(&self) -> u32 {
        self.guarded.with(|guarded| guarded.lost)
    }

    /// Ends the log.
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

    fn record(&self, record: &Record) {
        self.guarded.with(|guarded| {
            let taken = guarded.lost == 0
                && match &mut guarded.sink {
                    Some(sink) => sink.append(encode(record, &mut guarded.draws).as_slice()),
                    None => false,
                };
            guarded.lost = guarded.lost.saturating_add((!taken).into());
        });
    }

    fn rule(&self, rule: &Rule) -> u8 {
        if *rule == *Failure::NOT_RETRIED {
            return NOT_RETRIED;
        }
        let index = self.rules.iter().position(|known| *known == rule);
        index.and_then(|index| u8::try_from(index + 1).ok()).unwrap_or(UNKNOWN_RULE)
    }
}

/// Observes one call for a [`Recorder`].
pub struct RecordedCall<'r, S, L: Lock> {
    recorder: &'r Recorder<'r, S, L>,
    number: u16,
}

impl<S: RecordSink, L: Lock> Observer for RecordedCall<'_, S, L> {
    fn observe(&self, event: &Event) {
        let (elapsed, step) = match event.kind {
            EventKind::Rejected(rejected) => (None, RecordedStep::Refused(rejected)),
            EventKind::Failed { failure: Failure { class, hint, rule }, verdict, outlook } => {
                let rule = rule.map(|rule| self.recorder.rule(rule));
                (outlook.elapsed, RecordedStep::Decided { class, hint, rule, word: outlook.word, verdict })
            }
            _ => return,
        };
        self.recorder.record(&Record { call: self.number, attempt: event.attempt, elapsed, step });
    }
}

/// A runtime whose random words are those of a [`Recorder`]: [`Recorder::entropy`].
pub struct Recorded<'r, R, S, L: Lock> {
    runtime: R,
    recorder: &'r Recorder<'r, S, L>,
}

impl<R: Clock, S, L: Lock> Clock for Recorded<'_, R, S, L> {
    fn now(&self) -> Instant {
        self.runtime.now()
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

/// A generator of a [`Recorder`]'s random words: [`Recorder::rng`].
pub struct RecordedRng<'r, S, L: Lock> {
    recorder: &'r Recorder<'r, S, L>,
}

impl<S: RecordSink, L: Lock> rand_core::TryRng for RecordedRng<'_, S, L> {
    type Error = Infallible;

    #[allow(clippy::cast_possible_truncation)] // the upper half, which a narrow draw would be
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

/// A log in memory of a fixed size.
#[derive(Debug)]
pub struct LogBuffer<'b> {
    bytes: &'b mut [u8],
    length: usize,
}

impl<'b> LogBuffer<'b> {
    /// An empty log, in as much memory as there is.
    pub const fn new(bytes: &'b mut [u8]) -> Self {
        Self { bytes, length: 0 }
    }

    /// What is written.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl RecordSink for LogBuffer<'_> {
    fn append(&mut self, record: &[u8]) -> bool {
        let room = self.bytes.get_mut(self.length..).and_then(|free| free.get_mut(..record.len()));
        match room {
            Some(room) => {
                room.copy_from_slice(record);
                self.length += record.len();
                true
            }
            None => false,
        }
    }
}

#[cfg(feature = "std")]
mod writer {
    use std::io::Write;

    use super::RecordSink;

    /// A log into any [`std::io::Write`]; into a file through a [`std::io::BufWriter`].
    #[cfg_attr(docsrs, doc(cfg(feature = "std")))]
    #[derive(Clone, Copy, Debug)]
    pub struct LogWriter<W>(pub W);

    impl<W: Write> RecordSink for LogWriter<W> {
        fn append(&mut self, record: &[u8]) -> bool {
            self.0.write_all(record).is_ok()
        }
    }
}
#[cfg(feature = "std")]
pub use writer::LogWriter;

impl<S, L: Lock> fmt::Debug for Recorder<'_, S, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

impl<S, L: Lock> fmt::Debug for RecordedCall<'_, S, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordedCall").field("number", &self.number).finish_non_exhaustive()
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

#[cfg(feature = "defmt")]
impl defmt::Format for LogBuffer<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=usize} of {=usize} bytes", self.length, self.bytes.len());
    }
}
