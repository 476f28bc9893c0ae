//! The format of a log, which [`Records`](crate::record::Records) documents: how it is written.

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
    /// The number of the call among those under way, from 0. After its end, another call may get the number.
    pub call: u16,
    /// Whether this is the first record of its call.
    pub first: bool,
    /// The number of the attempt that failed, from 1. For a refused attempt, the number of attempts before it.
    pub attempt: u32,
    /// The time since the call started, in nanoseconds; `None` if the call did not count its time.
    pub elapsed: Option<Duration>,
    /// What happened.
    pub step: RecordedStep,
}

/// What happened to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RecordedStep {
    /// The circuit refused an attempt.
    Refused(Rejected),
    /// An attempt failed, and this was decided.
    #[non_exhaustive]
    Decided {
        /// The class of the attempt's error.
        class: Class,
        /// The delay that the server asked for.
        hint: Option<Duration>,
        /// The rule that the classifier gave to the error, before any rule of the policy. 0 is the rule of
        /// [`Failure::not_retried`](crate::Failure::not_retried). From 1 on, it is the place among the [rules of the
        /// recorder](crate::record::Recorder::rules). 127 marks a [pending](crate::Failure::pending) answer, which has no
        /// rule. 255 is any other rule.
        rule: Option<u8>,
        /// Whether the failure was marked as that of [the last](crate::Failure::last) attempt. It is `false` if the
        /// rule is 0 or 255.
        is_last: bool,
        /// The random word, if the decision took one.
        word: Option<u64>,
        /// What was decided.
        verdict: Verdict,
    },
}

/// What writer and reader know about a call, from which its next record continues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Last {
    pub(super) attempt: u32,
    /// When the next attempt is due, in nanoseconds since the start of the call.
    pub(super) due: u64,
}

impl Last {
    /// Returns the attempt of the next record, if no attempt is left out.
    pub(super) const fn expected(self, refused: bool) -> u32 {
        if refused { self.attempt } else { self.attempt.saturating_add(1) }
    }
}

/// The rule of [`Failure::not_retried`](crate::Failure::not_retried).
pub(super) const NOT_RETRIED: u8 = 0;
/// Stands in place of a rule if an answer was [pending](crate::Failure::pending).
pub(super) const PENDING: u8 = 127;
/// A rule that the recorder was not told.
pub(super) const UNKNOWN_RULE: u8 = u8::MAX;
/// Is added to the rule, or takes its place, if the failure was marked as the last.
pub(super) const IS_LAST: u8 = 128;
/// The most rules that leave room for this mark.
pub(super) const MOST_RULES: usize = 126;

pub(super) const HEADER: usize = 16;
pub(super) const MAGIC: [u8; 3] = *b"rrl";
pub(super) const VERSION: u8 = 2;
/// The longest record, with room after it to put a number in one step.
pub(super) const LONGEST: usize = 4 + 2 + 5 + 8 + 8 + 8 + 1 + 8 + 8;

// Kinds of record.
pub(super) const RETRY: u8 = 0;
pub(super) const GIVE_UP: u8 = 1;
pub(super) const REJECTED: u8 = 8;
pub(super) const REFUSED: u8 = 11;
/// The reason to give up that was added after the others.
pub(super) const TOTAL_TIMEOUT: u8 = 14;
/// Takes the place of a class.
pub(super) const NO_CLASS: u8 = 15;

// Forms of the time: how many bytes are added to the instant when the attempt was due. Above this, they are subtracted.
pub(super) const SOONER: u8 = 8;
pub(super) const NOT_COUNTED: u8 = 15;

// Forms of the span: its length, or one of these.
pub(super) const IS_HINT: u8 = 9;
pub(super) const SHARES: u8 = 10;
pub(super) const FOR_EVER: u8 = 15;

/// The bits of a time or a span that together share 9 bytes, instead of 5 bytes each.
pub(super) const SHARED_BITS: u32 = 36;

// Forms of the attempt.
pub(super) const NEXT: u8 = 0;
pub(super) const FIRST: u8 = 1;
pub(super) const FIRST_OTHER: u8 = 2;
pub(super) const OTHER: u8 = 3;

// Forms of the rule.
pub(super) const NO_RULE: u8 = 0;
pub(super) const RULE_IS_NOT_RETRIED: u8 = 1;
pub(super) const RULE_FOLLOWS: u8 = 2;
pub(super) const RULE_IS_FIRST: u8 = 3;
/// The first rule of the recorder.
pub(super) const FIRST_RULE: u8 = 1;

// Forms of the hint: one of these, or one of `HINTS`.
pub(super) const NO_HINT: u8 = 0;
pub(super) const HINT_FOR_EVER: u8 = 14;
/// From form 1 on: the unit of which the hint is a whole multiple, in nanoseconds, and the number of bytes. The first
/// form that fits is used.
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

// Forms of the word: its distance from the expected one, from 1, or one of these.
pub(super) const NOT_DRAWN: u8 = 0;
pub(super) const WORD_FOLLOWS: u8 = 15;

/// Returns the header of a log.
pub(super) fn header(seed: u64) -> Encoded<HEADER> {
    let mut bytes = Encoded::<HEADER>::new();
    bytes.put(&MAGIC);
    bytes.put(&[VERSION]);
    bytes.put(&seed.to_le_bytes());
    bytes.put(&checksum(0, bytes.as_slice()).to_le_bytes());
    bytes
}

/// Writes a record, and updates what writer and reader know.
pub(super) fn encode(record: &Record, draws: &mut Draws, last: &mut Last) -> Encoded<LONGEST> {
    let refused = matches!(record.step, RecordedStep::Refused(_));
    // Only decisions have these.
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
    /// Returns whether the record holds a word in full.
    pub(super) fn says_word(&self) -> bool {
        self.as_slice().get(3).is_some_and(|said| said >> 4 == WORD_FOLLOWS)
    }
}

/// Returns the time since the attempt was due. The attempt begins earlier if readiness ended the wait.
fn since(due: u64, elapsed: u64) -> (u8, Short) {
    let later = Short::of(elapsed.wrapping_sub(due));
    let sooner = Short::of(due.wrapping_sub(elapsed));
    if elapsed < due && SOONER + sooner.length < NOT_COUNTED {
        (SOONER + sooner.length, sooner)
    } else {
        (later.length, later)
    }
}

/// Returns the bytes of a time, with the span above it; `None` if one of them has too many bits.
fn share(time: u64, span: u64) -> Option<[u8; 9]> {
    if (time | span) >> SHARED_BITS != 0 {
        return None;
    }
    let [a, b, c, d, e, f, g, h] = (time | span << SHARED_BITS).to_le_bytes();
    let [above, ..] = (span >> (u64::BITS - SHARED_BITS)).to_le_bytes();
    Some([a, b, c, d, e, f, g, h, above])
}

/// Returns the number of the hint's form, and its value.
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
        None => unreachable!("the last form holds every hint"),
    }
}

fn phase(rejected: Rejected) -> u8 {
    match rejected.phase() {
        Phase::Open => 0,
        Phase::HalfOpen => 1,
        Phase::Closed => 2,
    }
}
