//! The bytes of a log of decisions, as the docs of [`Records`](super::Records) have them.

use core::fmt;
use core::time::Duration;

use super::draws::Draws;
use crate::circuit::Phase;
use crate::class::Class;
use crate::observe::dead_letter::Reason;
use crate::observe::letter_image::{REASONS, code};
use crate::plain::checksum;
use crate::time::nanos;
use crate::verdict::{Rejected, Verdict};

/// One step of one call, as a log has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
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
/// The longest that a record can be.
pub(super) const LONGEST: usize = 4 + 2 + 5 + 8 + 8 + 9 + 1 + 8;
pub(super) const CALLS: u16 = 1 << 14;

const MAGIC: [u8; 4] = *b"rrl\x01";
const PHASES: [Phase; 3] = [Phase::Open, Phase::HalfOpen, Phase::Closed];
/// In nanoseconds: what a hint is a whole number of.
const UNITS: [u64; 3] = [1_000_000_000, 1_000_000, 1];

// Kinds of record.
const RETRY: u8 = 0;
const GIVE_UP: u8 = 1;
const REJECTED: u8 = 8;
const REFUSED: u8 = 11;
// In place of a class, and of a length of time.
const NONE: u8 = 15;
// In place of a length of a span or a hint.
const FOR_EVER: u8 = 15;
// In place of an attempt, and of a word's distance.
const FOLLOWS: u8 = 15;
// How the hint is said.
const NO_HINT: u8 = 0;
const HINT_IS_SPAN: u8 = 1;
const HINT_FOLLOWS: u8 = 2;
const DRAWN: u8 = 4;
const RULED: u8 = 8;

/// Why a log cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
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

/// Writes a record.
pub(super) fn encode(record: &Record, draws: &mut Draws) -> Bytes<LONGEST> {
    let Record { call, attempt, elapsed, step } = *record;
    let mut flags = NO_HINT;
    let mut near = 0;
    let mut last = Bytes::<{ 9 + 1 + 8 }>::new();
    let (kind, class, span) = match step {
        RecordedStep::Refused(rejected) => (REFUSED + phase(rejected), NONE, nanos(rejected.wait())),
        RecordedStep::Decided { class, hint, rule, word, verdict } => {
            let (kind, span) = match verdict {
                Verdict::Retry(delay) => (RETRY, Some(nanos(delay))),
                Verdict::GiveUp(reason) => (GIVE_UP + code(Reason::GaveUp(reason)), None),
                Verdict::Rejected(rejected) => (REJECTED + phase(rejected), Some(nanos(rejected.wait()))),
            };
            let hint = hint.map(nanos);
            if let Some(hint) = hint {
                flags = if span.unwrap_or(hint) == hint { HINT_IS_SPAN } else { HINT_FOLLOWS };
                if flags == HINT_FOLLOWS {
                    last.put_hint(hint);
                }
            }
            if let Some(rule) = rule {
                flags |= RULED;
                last.put(&[rule]);
            }
            if let Some(word) = word {
                flags |= DRAWN;
                near = draws.distance(word).unwrap_or(FOLLOWS);
                if near == FOLLOWS {
                    last.put(&word.to_le_bytes());
                }
            }
            (kind, class as u8, span.or(hint).unwrap_or(0))
        }
    };
    let elapsed = elapsed.map(|elapsed| Short::of(nanos(elapsed)));
    let elapsed_length = elapsed.map_or(NONE, |elapsed| elapsed.length);
    let short = Short::of(span);
    let span_length = if span == u64::MAX { FOR_EVER } else { short.length };
    let small = u8::try_from(attempt).ok().filter(|attempt| *attempt < FOLLOWS);

    let mut bytes = Bytes::new();
    bytes.put(&[kind | class << 4, elapsed_length | span_length << 4]);
    bytes.put(&[flags | small.unwrap_or(FOLLOWS) << 4, near << 4]);
    bytes.put_leb128((call % CALLS).into());
    if small.is_none() {
        bytes.put_leb128(attempt);
    }
    if let Some(elapsed) = &elapsed {
        bytes.put(elapsed.as_slice());
    }
    if span_length != FOR_EVER {
        bytes.put(short.as_slice());
    }
    bytes.put(last.as_slice());
    bytes.check(3);
    bytes
}

/// Why there is no record.
pub(super) enum Unread {
    Truncated,
    Garbage,
}

/// Reads a record; and how many bytes it takes.
pub(super) fn decode(bytes: &[u8], draws: &mut Draws) -> Result<(Record, usize), Unread> {
    let mut before = *draws;
    let mut rest = bytes;
    let record = read(&mut rest, draws)?;
    let length = bytes.len() - rest.len();
    // There is one way to write it: whatever else is wrong shows here.
    let canonical = encode(&record, &mut before);
    if bytes.get(..length) == Some(canonical.as_slice()) {
        Ok((record, length))
    } else {
        Err(Unread::Garbage)
    }
}

fn read(rest: &mut &[u8], draws: &mut Draws) -> Result<Record, Unread> {
    let [kind, lengths, flags, near] = take(rest)?;
    let (kind, class) = (kind & 15, kind >> 4);
    let call = u16::try_from(leb128(rest)?).map_err(|_| Unread::Garbage)?;
    let attempt = match flags >> 4 {
        FOLLOWS => leb128(rest)?,
        attempt => attempt.into(),
    };
    let elapsed = match lengths & 15 {
        NONE => None,
        length => Some(Duration::from_nanos(number(rest, length)?)),
    };
    let span = match lengths >> 4 {
        FOR_EVER => u64::MAX,
        length => number(rest, length)?,
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
        NO_HINT => None,
        HINT_IS_SPAN => Some(span),
        _ => {
            let [unit] = take(rest)?;
            let unit_nanos = UNITS.get(usize::from(unit >> 4)).ok_or(Unread::Garbage)?;
            match unit & 15 {
                FOR_EVER => Some(u64::MAX),
                length => Some(number(rest, length)?.checked_mul(*unit_nanos).ok_or(Unread::Garbage)?),
            }
        }
    };
    let rule = match flags & RULED {
        0 => None,
        _ => Some(u8::from_le_bytes(take(rest)?)),
    };
    let word = match (flags & DRAWN, near >> 4) {
        (0, _) => None,
        (_, FOLLOWS) => {
            let word = u64::from_le_bytes(take(rest)?);
            draws.distance(word);
            Some(word)
        }
        (_, near) => Some(draws.at(near)),
    };
    let class = *Class::ALL.get(usize::from(class)).ok_or(Unread::Garbage)?;
    let step = RecordedStep::Decided { class, hint: hint.map(Duration::from_nanos), rule, word, verdict };
    Ok(Record { call, attempt, elapsed, step })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Unread> {
    let (taken, after) = rest.split_first_chunk().ok_or(Unread::Truncated)?;
    *rest = after;
    Ok(*taken)
}

fn number(rest: &mut &[u8], length: u8) -> Result<u64, Unread> {
    let mut bytes = [0; 8];
    let to = bytes.get_mut(..usize::from(length)).ok_or(Unread::Garbage)?;
    let (value, after) = rest.split_at_checked(to.len()).ok_or(Unread::Truncated)?;
    to.copy_from_slice(value);
    *rest = after;
    Ok(u64::from_le_bytes(bytes))
}

fn leb128(rest: &mut &[u8]) -> Result<u32, Unread> {
    let mut value = 0;
    for shift in (0..u32::BITS).step_by(7) {
        let [byte] = take(rest)?;
        value |= u32::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Unread::Garbage)
}

fn phase(rejected: Rejected) -> u8 {
    match rejected.phase() {
        Phase::Open => 0,
        Phase::HalfOpen => 1,
        Phase::Closed => 2,
    }
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

    fn put_leb128(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.put(&[value.to_le_bytes()[0] | 0x80]);
            value >>= 7;
        }
        self.put(&[value.to_le_bytes()[0]]);
    }

    /// In the largest unit that it is a whole number of.
    fn put_hint(&mut self, hint: u64) {
        if hint == u64::MAX {
            return self.put(&[FOR_EVER]);
        }
        for (unit, nanos) in (0..).zip(UNITS) {
            if hint.is_multiple_of(nanos) {
                let value = Short::of(hint / nanos);
                self.put(&[unit << 4 | value.length]);
                return self.put(value.as_slice());
            }
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
