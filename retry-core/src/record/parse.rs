//! The format of a log: how it is read.

use core::time::Duration;
use std::collections::HashMap;

use super::LogError;
use super::draws::Draws;
use super::format::{
    FIRST, FIRST_OTHER, FIRST_RULE, FOR_EVER, GIVE_UP, HEADER, HINT_FOR_EVER, HINTS, IS_HINT, IS_LAST, Last,
    MAGIC, NEXT, NO_CLASS, NO_HINT, NO_RULE, NOT_COUNTED, NOT_DRAWN, NOT_RETRIED, REFUSED, REJECTED, RETRY,
    RULE_FOLLOWS, RULE_IS_NOT_RETRIED, Record, RecordedStep, SHARED_BITS, SHARES, SOONER, TOTAL_TIMEOUT,
    UNKNOWN_RULE, VERSION, WORD_FOLLOWS, encode, header,
};
use crate::circuit::Phase;
use crate::circuit::Rejected;
use crate::class::Class;
use crate::verdict::{GiveUp, Reason, Verdict};

const PHASES: [Phase; 3] = [Phase::Open, Phase::HalfOpen, Phase::Closed];

/// Returns the seed of the log, and its records.
pub(super) fn split(log: &[u8]) -> Result<(u64, &[u8]), LogError> {
    let Some((header, records)) = log.split_first_chunk::<HEADER>() else {
        // The log was cut off in its first bytes, or is something else.
        let begins = [&MAGIC[..], &[VERSION]].concat();
        return match log.iter().zip(&begins).all(|(a, b)| a == b) {
            true => Err(LogError::Truncated { at: 0 }),
            false => Err(LogError::NoLog),
        };
    };
    let [r0, r1, l, version, seed @ .., _, _, _, _] = *header;
    let seed = u64::from_le_bytes(seed);
    match [r0, r1, l] {
        magic if magic != MAGIC => Err(LogError::NoLog),
        _ if version != VERSION => Err(LogError::OtherVersion(version)),
        _ if *header != *self::header(seed).as_slice() => Err(LogError::Garbage { at: 0 }),
        _ => Ok((seed, records)),
    }
}

/// What is known from the records so far.
#[derive(Clone, Debug)]
pub(super) struct Known {
    draws: Draws,
    calls: HashMap<u16, Last>,
}

/// Why a record could not be read.
pub(super) enum Unread {
    Truncated,
    Garbage,
}

impl Known {
    pub(super) fn new(seed: u64) -> Self {
        Self { draws: Draws::new(seed), calls: HashMap::new() }
    }

    /// Reads a record, and returns it with its length in bytes.
    pub(super) fn decode(&mut self, bytes: &[u8]) -> Result<(Record, usize), Unread> {
        let mut draws = self.draws;
        let mut rest = bytes;
        let record = self.read(&mut rest)?;
        let length = bytes.len() - rest.len();
        // A record can be written in one way only, so any other damage shows here.
        let last = self.calls.entry(record.call).or_default();
        let canonical = encode(&record, &mut draws, last);
        if bytes.get(..length) == Some(canonical.as_slice()) {
            Ok((record, length))
        } else {
            Err(Unread::Garbage)
        }
    }

    fn read(&mut self, rest: &mut &[u8]) -> Result<Record, Unread> {
        let [kind, lengths, said, near] = take(rest)?;
        let (kind, class) = (kind & 15, kind >> 4);
        let (time_said, span_said) = (lengths & 15, lengths >> 4);
        let (attempt_said, rule_said, hint_form) = (said & 3, said >> 2 & 3, said >> 4);
        let near = near >> 4;

        let call = u16::try_from(leb128(rest)?).map_err(|_| Unread::Garbage)?;
        let first = matches!(attempt_said, FIRST | FIRST_OTHER);
        let last = match self.calls.get(&call) {
            _ if first => Last::default(),
            Some(last) => *last,
            None => return Err(Unread::Garbage),
        };
        let attempt = match attempt_said {
            NEXT | FIRST => last.expected(class == NO_CLASS),
            _ => leb128(rest)?,
        };
        // Attempts count from 1. Only a refusal can come before the first one.
        if attempt == 0 && class != NO_CLASS {
            return Err(Unread::Garbage);
        }
        // The value of the span comes before that of the hint.
        let (time, own_span) = match span_said {
            SHARES => {
                let [low, above] = [number(rest, 8)?, number(rest, 1)?];
                let span = low >> SHARED_BITS | above << (u64::BITS - SHARED_BITS);
                (low & ((1 << SHARED_BITS) - 1), Some(span))
            }
            span_said => {
                let time = match time_said {
                    NOT_COUNTED => 0,
                    length @ ..=SOONER => number(rest, length)?,
                    length => number(rest, length - SOONER)?,
                };
                let span = match span_said {
                    IS_HINT => None,
                    FOR_EVER => Some(u64::MAX),
                    length => Some(number(rest, length)?),
                };
                (time, span)
            }
        };
        let elapsed = match time_said {
            NOT_COUNTED => None,
            ..=SOONER => Some(last.due.wrapping_add(time)),
            _ => Some(last.due.wrapping_sub(time)),
        };
        let hint = match hint_form {
            NO_HINT => None,
            HINT_FOR_EVER => Some(u64::MAX),
            form => {
                let form = HINTS.get(usize::from(form - 1));
                let (unit, length) = *form.ok_or(Unread::Garbage)?;
                Some(number(rest, length)?.checked_mul(unit).ok_or(Unread::Garbage)?)
            }
        };
        let span = own_span.or(hint).ok_or(Unread::Garbage)?;
        let rejected = |from: u8| match PHASES.get(usize::from(kind - from)) {
            Some(phase) => Ok(Rejected::of_nanos(*phase, span)),
            None => Err(Unread::Garbage),
        };
        let step = if (REFUSED..TOTAL_TIMEOUT).contains(&kind) {
            RecordedStep::Refused(rejected(REFUSED)?)
        } else {
            let verdict = match kind {
                RETRY => Verdict::Retry(Duration::from_nanos(span)),
                TOTAL_TIMEOUT => Verdict::GiveUp(GiveUp::TotalTimeout),
                GIVE_UP..REJECTED => match Reason::ALL.get(usize::from(kind - GIVE_UP)) {
                    Some(Reason::GaveUp(reason)) => Verdict::GiveUp(*reason),
                    _ => unreachable!("the first seven reasons are those of a policy and a budget"),
                },
                _ => Verdict::Rejected(rejected(REJECTED)?),
            };
            let (rule, is_last) = match rule_said {
                NO_RULE => (None, false),
                RULE_IS_NOT_RETRIED => (Some(NOT_RETRIED), false),
                RULE_FOLLOWS => match u8::from_le_bytes(take(rest)?) {
                    UNKNOWN_RULE => (Some(UNKNOWN_RULE), false),
                    IS_LAST => (None, true),
                    rule => (Some(rule & !IS_LAST), rule & IS_LAST != 0),
                },
                _ => (Some(FIRST_RULE), false),
            };
            let word = match near {
                NOT_DRAWN => None,
                WORD_FOLLOWS => {
                    let word = u64::from_le_bytes(take(rest)?);
                    self.draws.distance(word);
                    Some(word)
                }
                near => Some(self.draws.at(near - 1)),
            };
            let class = *Class::ALL.get(usize::from(class)).ok_or(Unread::Garbage)?;
            RecordedStep::Decided {
                class,
                hint: hint.map(Duration::from_nanos),
                rule,
                is_last,
                word,
                verdict,
            }
        };
        Ok(Record { call, first, attempt, elapsed: elapsed.map(Duration::from_nanos), step })
    }
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
