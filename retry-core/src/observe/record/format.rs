//! The bytes of a log of decisions, as [`Records`](super::Records) tells.

use core::fmt;
use core::time::Duration;

use super::draws::Draws;
use crate::circuit::Phase;
use crate::class::Class;
use crate::observe::dead_letter::Reason;
use crate::observe::letter_image::{REASONS, checksum, code};
use crate::time::nanos;
use crate::verdict::{Rejected, Verdict};

/// One step of one call, as a log has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// Which call of its recorder; the numbers start again after 16383.
    pub call: u16,
    /// The attempt that failed, from 1; at an admission, how many there had been.
    pub attempt: u32,
    /// The time since the call started; `None` where it was not counted.
    pub elapsed: Option<Duration>,
    /// What happened.
    pub step: RecordedStep,
}

/// What happened to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        /// The rule that the error fell under before any of the policy's.
        rule: Option<u8>,
        /// The random word, where one was drawn.
        word: Option<u64>,
        /// What was decided.
        verdict: Verdict,
    },
}

/// The rule of [`Failure::not_retried`](crate::Failure::not_retried).
pub(super) const NOT_RETRIED: u8 = 0;
/// A rule that the recorder was not told of.
pub(super) const UNKNOWN_RULE: u8 = u8::MAX;

pub(super) const HEADER: usize = 16;
/// The longest that a record and its extras can be.
pub(super) const LONGEST: usize = 5 * EXTRA + RECORD;
/// The longest that a record can be.
const RECORD: usize = 16;
const EXTRA: usize = 10;
pub(super) const CALLS: u16 = 1 << 14;

const MAGIC: [u8; 4] = *b"rrl\x01";
const PHASES: [Phase; 3] = [Phase::Open, Phase::HalfOpen, Phase::Closed];

// Kinds of record.
const RETRY: u8 = 0;
const GIVE_UP: u8 = 1;
const REJECTED: u8 = 8;
const REFUSED: u8 = 11;
const IN_EXTRA: u8 = 15;
// In place of a class, and of a length of time.
const NONE: u8 = 15;
// In place of a length of span.
const LONGEST_SPAN: u8 = 14;
// How the hint is said.
const HINT_IS_DELAY: u8 = 1;
const HINT_IS_SPAN: u8 = 2;
const HINT_IN_EXTRA: u8 = 3;
const DRAWN: u8 = 4;
const RULED: u8 = 8;
// Numbers of extras.
const HINT: u8 = 0;
const WORD: u8 = 1;
const RULE: u8 = 2;
const ATTEMPT: u8 = 3;
const SPAN: u8 = 4;

/// Why a log cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogError {
    /// It is no log of decisions.
    NoLog,
    /// It is a log of another version.
    OtherVersion(u8),
    /// It ends within a record that begins at this byte: its writer was cut off.
    Truncated {
        /// Where the record begins.
        at: usize,
    },
    /// What begins at this byte is no record.
    Garbage {
        /// Where it begins.
        at: usize,
    },
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLog => f.write_str("no log of decisions"),
            Self::OtherVersion(version) => write!(f, "a log of decisions of version {version}, not 1"),
            Self::Truncated { at } => write!(f, "the log ends within the record at byte {at}"),
            Self::Garbage { at } => write!(f, "no record at byte {at}"),
        }
    }
}

impl core::error::Error for LogError {}

pub(super) fn header(seed: u64) -> [u8; HEADER] {
    let mut bytes = Bytes::<HEADER>::new();
    bytes.put(&MAGIC);
    bytes.put(&seed.to_le_bytes());
    bytes.put(&checksum(0, bytes.as_slice()).to_le_bytes());
    bytes.bytes
}

/// The seed of the log, and its records.
pub(super) fn split(log: &[u8]) -> Result<(u64, &[u8]), LogError> {
    let Some((header, records)) = log.split_first_chunk::<HEADER>() else {
        // Cut off in its first bytes, or something else.
        return match log.iter().zip(&MAGIC).all(|(a, b)| a == b) {
            true => Err(LogError::Truncated { at: 0 }),
            false => Err(LogError::NoLog),
        };
    };
    let [r0, r1, l, version, seed @ .., _, _, _, _] = *header;
    match [r0, r1, l] {
        magic if magic != *b"rrl" => Err(LogError::NoLog),
        _ if version != MAGIC[3] => Err(LogError::OtherVersion(version)),
        _ if *header != self::header(u64::from_le_bytes(seed)) => Err(LogError::Garbage { at: 0 }),
        _ => Ok((u64::from_le_bytes(seed), records)),
    }
}

/// Writes a record and its extras.
pub(super) fn encode(record: &Record, draws: &mut Draws) -> Bytes<LONGEST> {
    let Record { call, attempt, elapsed, step } = *record;
    let mut extras = Bytes::new();
    let mut flags = 0;
    let mut near = 0;
    let (kind, class, span) = match step {
        RecordedStep::Refused(rejected) => (REFUSED + phase(rejected), NONE, nanos(rejected.wait())),
        RecordedStep::Decided { class, hint, rule, word, verdict } => {
            let (kind, span) = match verdict {
                Verdict::Retry(delay) => (RETRY, Some(nanos(delay))),
                Verdict::GiveUp(reason) => (GIVE_UP + code(Reason::GaveUp(reason)), None),
                Verdict::Rejected(rejected) => (REJECTED + phase(rejected), Some(nanos(rejected.wait()))),
            };
            let span = match (hint.map(nanos), span) {
                (None, span) => span,
                (Some(hint), None) => {
                    flags |= HINT_IS_SPAN;
                    Some(hint)
                }
                (Some(hint), Some(delay)) if kind == RETRY && hint == delay => {
                    flags |= HINT_IS_DELAY;
                    Some(delay)
                }
                (Some(hint), span) => {
                    flags |= HINT_IN_EXTRA;
                    extra(&mut extras, HINT, hint);
                    span
                }
            };
            if let Some(word) = word {
                flags |= DRAWN;
                near = draws.distance(word).unwrap_or(IN_EXTRA);
                if near == IN_EXTRA {
                    extra(&mut extras, WORD, word);
                }
            }
            if let Some(rule) = rule {
                flags |= RULED;
                extra(&mut extras, RULE, rule.into());
            }
            (kind, class as u8, span.unwrap_or(0))
        }
    };
    let small = u8::try_from(attempt).ok().filter(|attempt| *attempt < IN_EXTRA);
    if small.is_none() {
        extra(&mut extras, ATTEMPT, attempt.into());
    }
    let call = leb128(call % CALLS);
    let elapsed = elapsed.map(|elapsed| Short::of(nanos(elapsed)));
    let elapsed_length = elapsed.map_or(NONE, |elapsed| elapsed.length);
    let room = RECORD - 4 - call.as_slice().len() - elapsed.map_or(0, |elapsed| elapsed.as_slice().len());
    let short = Short::of(span);
    let span_length = match span {
        u64::MAX => LONGEST_SPAN,
        _ if short.as_slice().len() <= room => short.length,
        _ => {
            extra(&mut extras, SPAN, span);
            IN_EXTRA
        }
    };

    let mut main = Bytes::<RECORD>::new();
    main.put(&[kind | class << 4, elapsed_length | span_length << 4]);
    main.put(&[flags | small.unwrap_or(IN_EXTRA) << 4, near << 4]);
    main.put(call.as_slice());
    if let Some(elapsed) = &elapsed {
        main.put(elapsed.as_slice());
    }
    if span_length < LONGEST_SPAN {
        main.put(short.as_slice());
    }
    main.check(3);
    extras.put(main.as_slice());
    extras
}

fn extra(extras: &mut Bytes<LONGEST>, number: u8, value: u64) {
    let value = Short::of(value);
    let mut extra = Bytes::<EXTRA>::new();
    extra.put(&[IN_EXTRA | number << 4, value.length << 4]);
    extra.put(value.as_slice());
    extra.check(1);
    extras.put(extra.as_slice());
}

/// Why there is no record.
pub(super) enum Unread {
    Truncated,
    Garbage,
}

/// Reads a record and its extras; and how many bytes they take.
pub(super) fn decode(bytes: &[u8], draws: &mut Draws) -> Result<(Record, usize), Unread> {
    let before = *draws;
    let mut rest = bytes;
    let record = read(&mut rest, draws)?;
    let length = bytes.len() - rest.len();
    // There is one way to write it: whatever else is wrong shows here.
    let canonical = encode(&record, &mut { before });
    if bytes.get(..length) == Some(canonical.as_slice()) {
        Ok((record, length))
    } else {
        Err(Unread::Garbage)
    }
}

fn read(rest: &mut &[u8], draws: &mut Draws) -> Result<Record, Unread> {
    let mut extras = [None; 5];
    let first = loop {
        let first = byte(rest)?;
        if first & 15 != IN_EXTRA {
            break first;
        }
        let length = byte(rest)? >> 4;
        let value = number(rest, length)?;
        *extras.get_mut(usize::from(first >> 4)).ok_or(Unread::Garbage)? = Some(value);
    };
    let [hint, word, rule, attempt, far_span] = extras;
    let (kind, class) = (first & 15, first >> 4);
    let lengths = byte(rest)?;
    let flags = byte(rest)?;
    let near = byte(rest)? >> 4;
    let low = byte(rest)?;
    let high = if low < 0x80 { 0 } else { byte(rest)? };
    let call = u16::from(low & 0x7f) | u16::from(high) << 7;
    let elapsed = match lengths & 15 {
        NONE => None,
        length => Some(Duration::from_nanos(number(rest, length)?)),
    };
    let span = match lengths >> 4 {
        LONGEST_SPAN => u64::MAX,
        IN_EXTRA => far_span.ok_or(Unread::Garbage)?,
        length => number(rest, length)?,
    };
    let attempt = match flags >> 4 {
        IN_EXTRA => narrow(attempt)?,
        attempt => attempt.into(),
    };
    let rejected = |from: u8| match PHASES.get(usize::from(kind - from)) {
        Some(phase) => Ok(Rejected::of_nanos(*phase, span)),
        None => Err(Unread::Garbage),
    };
    if kind >= REFUSED {
        return Ok(Record { call, attempt, elapsed, step: RecordedStep::Refused(rejected(REFUSED)?) });
    }
    let verdict = match kind {
        RETRY => Verdict::Retry(Duration::from_nanos(span)),
        GIVE_UP..REJECTED => match REASONS.get(usize::from(kind - GIVE_UP)) {
            Some(Reason::GaveUp(reason)) => Verdict::GiveUp(*reason),
            _ => unreachable!("the first seven reasons are those of a policy and a budget"),
        },
        _ => Verdict::Rejected(rejected(REJECTED)?),
    };
    let hint = match flags & 3 {
        HINT_IN_EXTRA => Some(hint.ok_or(Unread::Garbage)?),
        0 => None,
        _ => Some(span),
    };
    let word = match (flags & DRAWN, near) {
        (0, _) => None,
        (_, IN_EXTRA) => {
            let word = word.ok_or(Unread::Garbage)?;
            draws.distance(word);
            Some(word)
        }
        (_, near) => Some(draws.at(near)),
    };
    let rule = if flags & RULED == 0 { None } else { Some(narrow(rule)?) };
    let class = *Class::ALL.get(usize::from(class)).ok_or(Unread::Garbage)?;
    let step = RecordedStep::Decided { class, hint: hint.map(Duration::from_nanos), rule, word, verdict };
    Ok(Record { call, attempt, elapsed, step })
}

fn byte(rest: &mut &[u8]) -> Result<u8, Unread> {
    let (byte, after) = rest.split_first().ok_or(Unread::Truncated)?;
    *rest = after;
    Ok(*byte)
}

fn number(rest: &mut &[u8], length: u8) -> Result<u64, Unread> {
    let mut bytes = [0; 8];
    let to = bytes.get_mut(..usize::from(length)).ok_or(Unread::Garbage)?;
    let (value, after) = rest.split_at_checked(to.len()).ok_or(Unread::Truncated)?;
    to.copy_from_slice(value);
    *rest = after;
    Ok(u64::from_le_bytes(bytes))
}

fn narrow<T: TryFrom<u64>>(value: Option<u64>) -> Result<T, Unread> {
    value.and_then(|value| T::try_from(value).ok()).ok_or(Unread::Garbage)
}

fn phase(rejected: Rejected) -> u8 {
    match rejected.phase() {
        Phase::Open => 0,
        Phase::HalfOpen => 1,
        Phase::Closed => 2,
    }
}

fn leb128(value: u16) -> Bytes<2> {
    let mut bytes = Bytes::new();
    let [low, high] = [value & 0x7f, value >> 7].map(|part| part.to_le_bytes()[0]);
    match high {
        0 => bytes.put(&[low]),
        _ => bytes.put(&[low | 0x80, high]),
    }
    bytes
}

/// A number in as few bytes as it needs.
#[derive(Clone, Copy)]
struct Short {
    bytes: [u8; 8],
    length: u8,
}

impl Short {
    fn of(value: u64) -> Self {
        #[allow(clippy::cast_possible_truncation)] // at most 8
        let length = (u64::BITS - value.leading_zeros()).div_ceil(8) as u8;
        Self { bytes: value.to_le_bytes(), length }
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or(&self.bytes)
    }
}

/// A few bytes; what is too much for them is left out, which its writers see to.
pub(super) struct Bytes<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Bytes<N> {
    const fn new() -> Self {
        Self { bytes: [0; N], length: 0 }
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&self.bytes)
    }

    fn put(&mut self, bytes: &[u8]) {
        if let Some(to) = self.bytes.get_mut(self.length..self.length + bytes.len()) {
            to.copy_from_slice(bytes);
            self.length += bytes.len();
        }
    }

    /// Puts the CRC-4 of all into the lower half of this byte, which is zero.
    fn check(&mut self, at: usize) {
        let sum = crc4(self.as_slice());
        if let Some(byte) = self.bytes.get_mut(at) {
            *byte |= sum;
        }
    }
}

fn crc4(bytes: &[u8]) -> u8 {
    /// What four bits become, times x^4 modulo x^4 + x + 1.
    const TABLE: [u8; 16] = {
        let mut table = [0; 16];
        let mut i = 0;
        while i < 16 * 4 {
            let entry = &mut table[i / 4];
            if i % 4 == 0 {
                #[allow(clippy::cast_possible_truncation)] // below 16
                let first = (i / 4) as u8;
                *entry = first;
            }
            *entry = (*entry << 1) ^ if *entry & 8 == 0 { 0 } else { 0b1_0011 };
            i += 1;
        }
        table
    };
    let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    halves.fold(0, |sum, half| TABLE.get(usize::from(sum ^ half)).copied().unwrap_or(0))
}
