//! The bytes of a log of decisions, as the docs of [`Records`](crate::record::Records) have them: how they are written.

use core::time::Duration;

use super::bytes::{Encoded, Short};
use super::draws::Draws;
use crate::circuit::Phase;
use crate::circuit::Rejected;
use crate::class::Class;
use crate::crc::checksum;
use crate::time::nanos;
use crate::verdict::{GiveUp, Reason, Verdict};

/// One step of one call, as a log has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Record {
    /// Which of the calls under way. Once it has ended, another call has the number.
    pub call: u16,
    /// Whether this is the first record of its call.
    pub first: bool,
    /// The attempt that failed, from 1; at an admission, how many there had been.
    pub attempt: u32,
    /// The time since the call started; `None` where it was not counted.
    pub elapsed: Option<Duration>,
    /// What happened.
    pub step: RecordedStep,
}

/// What happened to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RecordedStep {
    /// The circuit did not admit an attempt.
    Refused(Rejected),
    /// An attempt failed, and this was decided.
    #[non_exhaustive]
    Decided {
        /// The class of its error.
        class: Class,
        /// The server's hint.
        hint: Option<Duration>,
        /// The rule that the error fell under before any of the policy's: 0 that of
        /// [`Failure::not_retried`](crate::Failure::not_retried), else its place among those the recorder was told of,
        /// from 1, and 255 for another.
        rule: Option<u8>,
        /// Whether the failure was marked as that of [the last](crate::Failure::last) attempt; not said where the rule
        /// alone retries nothing, or is another.
        is_last: bool,
        /// The random word, where one was drawn.
        word: Option<u64>,
        /// What was decided.
        verdict: Verdict,
    },
}

/// What both ends of a log know of a call: where its next record goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Last {
    pub(super) attempt: u32,
    /// When the next attempt was to begin, in nanoseconds since the call's start.
    pub(super) due: u64,
}

impl Last {
    /// The attempt that the next record is of, if none is left out.
    pub(super) const fn expected(self, refused: bool) -> u32 {
        if refused { self.attempt } else { self.attempt.saturating_add(1) }
    }
}

/// The rule of [`Failure::not_retried`](crate::Failure::not_retried).
pub(super) const NOT_RETRIED: u8 = 0;
/// A rule that the recorder was not told of.
pub(super) const UNKNOWN_RULE: u8 = u8::MAX;
/// Added to the rule, or in its place, where the failure was marked as the last.
pub(super) const IS_LAST: u8 = 128;
/// As many rules leave room for the mark.
pub(super) const MOST_RULES: usize = 126;

pub(super) const HEADER: usize = 16;
pub(super) const MAGIC: [u8; 3] = *b"rrl";
pub(super) const VERSION: u8 = 2;
/// The longest that a record can be, and room behind it for a number to be put in one step.
pub(super) const LONGEST: usize = 4 + 2 + 5 + 8 + 8 + 8 + 1 + 8 + 8;

// Kinds of record.
pub(super) const RETRY: u8 = 0;
pub(super) const GIVE_UP: u8 = 1;
pub(super) const REJECTED: u8 = 8;
pub(super) const REFUSED: u8 = 11;
/// The reason to give up that came later than the others.
pub(super) const TOTAL_TIMEOUT: u8 = 14;
/// In place of a class.
pub(super) const NO_CLASS: u8 = 15;

// How the time is said: how many bytes are added to when the attempt was due; or less this, taken away from it.
pub(super) const SOONER: u8 = 8;
pub(super) const NOT_COUNTED: u8 = 15;

// How the span is said: its length; or one of these.
pub(super) const IS_HINT: u8 = 9;
pub(super) const SHARES: u8 = 10;
pub(super) const FOR_EVER: u8 = 15;

/// Of a time and a span that would take 5 bytes each, and of which half a byte is to spare.
pub(super) const SHARED_BITS: u32 = 36;

// How the attempt is said.
pub(super) const NEXT: u8 = 0;
pub(super) const FIRST: u8 = 1;
pub(super) const FIRST_OTHER: u8 = 2;
pub(super) const OTHER: u8 = 3;

// How the rule is said.
pub(super) const NO_RULE: u8 = 0;
pub(super) const RULE_IS_NOT_RETRIED: u8 = 1;
pub(super) const RULE_FOLLOWS: u8 = 2;
pub(super) const RULE_IS_FIRST: u8 = 3;
/// The first of those that the recorder was told of.
pub(super) const FIRST_RULE: u8 = 1;

// How the hint is said; a form's number otherwise.
pub(super) const NO_HINT: u8 = 0;
pub(super) const HINT_FOR_EVER: u8 = 14;
/// From 1: the unit that the hint is a whole number of, in nanoseconds, and in how many bytes. The first that fits.
pub(super) const HINTS: [(u64, u8); 13] = {
    const S: u64 = 1_000_000_000;
    const MS: u64 = 1_000_000;
    [
        (S, 0),
        (S, 1),
        (MS, 1),
        (S, 2),
        (MS, 2),
        (S, 3),
        (MS, 3),
        (1, 3),
        (S, 4),
        (MS, 4),
        (1, 4),
        (1, 5),
        (1, 8),
    ]
};

// How the word is said: its distance from the next one, from 1; or one of these.
pub(super) const NOT_DRAWN: u8 = 0;
pub(super) const WORD_FOLLOWS: u8 = 15;

/// What a log begins with.
pub(super) fn header(seed: u64) -> Encoded<HEADER> {
    let mut bytes = Encoded::<HEADER>::new();
    bytes.put(&MAGIC);
    bytes.put(&[VERSION]);
    bytes.put(&seed.to_le_bytes());
    bytes.put(&checksum(0, bytes.as_slice()).to_le_bytes());
    bytes
}

/// Writes a record, and moves on what both ends know.
pub(super) fn encode(record: &Record, draws: &mut Draws, last: &mut Last) -> Encoded<LONGEST> {
    let refused = matches!(record.step, RecordedStep::Refused(_));
    // What is said of a decision only.
    let (mut hint, mut rule_said, mut near) = (None, NO_RULE, NOT_DRAWN);
    let (mut hint_form, mut hint_value) = (NO_HINT, Short::NONE);
    let (mut rule, mut word, mut delay) = (None, None, 0);
    let (kind, class, span) = match record.step {
        RecordedStep::Refused(rejected) => (REFUSED + phase(rejected), NO_CLASS, nanos(rejected.wait())),
        RecordedStep::Decided { class, hint: given, rule: under, is_last, word: drawn, verdict } => {
            if let Some(given) = given.map(nanos) {
                hint = Some(given);
                (hint_form, hint_value) = form_of_hint(given);
            }
            (rule_said, rule) = match (under, is_last) {
                (None, false) => (NO_RULE, None),
                (Some(NOT_RETRIED), _) => (RULE_IS_NOT_RETRIED, None),
                (Some(FIRST_RULE), false) => (RULE_IS_FIRST, None),
                (Some(UNKNOWN_RULE), _) | (Some(_), false) => (RULE_FOLLOWS, under),
                (_, true) => (RULE_FOLLOWS, Some(under.unwrap_or(0) | IS_LAST)),
            };
            if let Some(drawn) = drawn {
                (near, word) = match draws.distance(drawn) {
                    Some(distance) => (distance + 1, None),
                    None => (WORD_FOLLOWS, Some(drawn)),
                };
            }
            let (kind, span) = match verdict {
                Verdict::Retry(retry_in) => {
                    delay = nanos(retry_in);
                    (RETRY, delay)
                }
                Verdict::GiveUp(GiveUp::TotalTimeout) => (TOTAL_TIMEOUT, 0),
                Verdict::GiveUp(reason) => (GIVE_UP + Reason::GaveUp(reason).number(), 0),
                Verdict::Rejected(rejected) => (REJECTED + phase(rejected), nanos(rejected.wait())),
            };
            (kind, class as u8, span)
        }
    };
    if record.first {
        *last = Last::default();
    }
    let attempt_said = match (record.first, record.attempt == last.expected(refused)) {
        (false, true) => NEXT,
        (true, true) => FIRST,
        (true, false) => FIRST_OTHER,
        (false, false) => OTHER,
    };
    let elapsed = record.elapsed.map(nanos);
    let (time_said, time) = match elapsed {
        Some(elapsed) => since(last.due, elapsed),
        None => (NOT_COUNTED, Short::NONE),
    };
    let (span_said, span) = match span {
        span if hint == Some(span) => (IS_HINT, Short::NONE),
        u64::MAX => (FOR_EVER, Short::NONE),
        span => (Short::of(span).length, Short::of(span)),
    };
    let shared = (time_said == 5 && span_said == 5).then(|| share(time.value(), span.value())).flatten();
    let span_said = if shared.is_some() { SHARES } else { span_said };

    let mut bytes = Encoded::new();
    bytes.put(&[kind | class << 4, time_said | span_said << 4]);
    bytes.put(&[attempt_said | rule_said << 2 | hint_form << 4, near << 4]);
    bytes.put_leb128(record.call.into());
    if matches!(attempt_said, FIRST_OTHER | OTHER) {
        bytes.put_leb128(record.attempt);
    }
    match shared {
        Some(shared) => bytes.put(&shared),
        None => {
            bytes.put_short(time);
            bytes.put_short(span);
        }
    }
    bytes.put_short(hint_value);
    if let Some(rule) = rule {
        bytes.put(&[rule]);
    }
    if let Some(word) = word {
        bytes.put(&word.to_le_bytes());
    }
    bytes.check(3);
    last.attempt = record.attempt;
    last.due = elapsed.unwrap_or(last.due).saturating_add(delay);
    bytes
}

impl Encoded<LONGEST> {
    /// Whether a word is written out in this record.
    pub(super) fn says_word(&self) -> bool {
        self.as_slice().get(3).is_some_and(|said| said >> 4 == WORD_FOLLOWS)
    }
}

/// The time since the attempt was due. A wait that readiness ended makes it begin sooner.
fn since(due: u64, elapsed: u64) -> (u8, Short) {
    let later = Short::of(elapsed.wrapping_sub(due));
    let sooner = Short::of(due.wrapping_sub(elapsed));
    if elapsed < due && SOONER + sooner.length < NOT_COUNTED {
        (SOONER + sooner.length, sooner)
    } else {
        (later.length, later)
    }
}

/// The time, and above it the span, in the bytes that they share; `None` where one needs more.
fn share(time: u64, span: u64) -> Option<[u8; 9]> {
    if (time | span) >> SHARED_BITS != 0 {
        return None;
    }
    let [a, b, c, d, e, f, g, h] = (time | span << SHARED_BITS).to_le_bytes();
    let [above, ..] = (span >> (u64::BITS - SHARED_BITS)).to_le_bytes();
    Some([a, b, c, d, e, f, g, h, above])
}

/// The number of the hint's form, and its value.
fn form_of_hint(hint: u64) -> (u8, Short) {
    if hint == u64::MAX {
        return (HINT_FOR_EVER, Short::NONE);
    }
    let mut forms = (1..).zip(HINTS);
    let fits = |(form, (unit, length)): (u8, (u64, u8))| {
        let value = Short::within(hint / unit, length).filter(|_| hint.is_multiple_of(unit));
        value.map(|value| (form, value))
    };
    match forms.find_map(fits) {
        Some(said) => said,
        None => unreachable!("the last form is of every hint"),
    }
}

fn phase(rejected: Rejected) -> u8 {
    match rejected.phase() {
        Phase::Open => 0,
        Phase::HalfOpen => 1,
        Phase::Closed => 2,
    }
}
