//! Reads a log of decisions.

use super::LogError;
use super::format::{HEADER, Record};
use super::parse::{Known, Unread, split};

/// The records of a log, in order, up to the first that cannot be read.
///
/// A log is a header of 16 bytes and then records, one after the other; all numbers are little-endian:
///
/// | byte of the header | what |
/// |---|---|
/// | 0 to 2 | `rrl` |
/// | 3 | the version, 2 |
/// | 4 to 11 | the seed of the recorder's words |
/// | 12 to 15 | CRC-32 of the bytes before |
///
/// | byte of a record | lower half | upper half |
/// |---|---|---|
/// | 0 | kind: 0 retry, 1 to 7 the first seven reasons to give up in the order of [`GiveUp`](crate::GiveUp), 8 to 10 rejected after a failure and 11 to 13 at admission, by a circuit that is open, half-open, closed, 14 to give up for the [total timeout](crate::GiveUp::TotalTimeout) | class, in the order of [`Class`](crate::Class); 15 at admission |
/// | 1 | the time, in nanoseconds since the attempt was due: 0 to 8, that it takes so many bytes; 9 to 14, that it was sooner, in 1 to 6 bytes; 15, that it was not counted | the span, in nanoseconds: 0 to 8, that it takes so many bytes; 9, that it is the hint; 10, that it shares 9 bytes with the time; 15, that it is the longest there is |
/// | 2 | bits 0 and 1, the attempt: 0 the next of its call, 1 its first, 2 another that is the first recorded of its call, 3 another; bits 2 and 3, the rule: 0 none, 1 that of [`Failure::not_retried`](crate::Failure::not_retried), 2 it follows, 3 the first that the recorder was told | the hint: 0 none, 14 the longest there is, else its form |
/// | 3 | CRC-4 of ITU-T G.704 of the record with this half zero | the word: 0 none was drawn, 1 to 14 it is 0, -1, 1, -2, .. 6 or -7 from the next of the recorder's, 15 it follows |
///
/// After these four come, each where there is one: the call's number, from 0 to 16383, and the attempt, unless it is
/// the next or the first, both in LEB128; the time; the span; the hint; the rule, in one byte, in the order that the
/// recorder was told them, from 2, and 255 for one that it was not, 128 more of an attempt that was
/// [the last](crate::Failure::last), and 128 where that had no rule; the word, in eight. A time, not sooner, and a
/// span that would take 5 bytes each, but not more than 36 bits, share 9: the time below, the span above.
///
/// The first attempt of a call is due at its start, the next one when its delay has passed. The span is the delay of a
/// retry, the wait of a rejection, and else zero. The form of the hint is the first of these, from 1, that holds it: as
/// whole seconds in 0 or 1 bytes, milliseconds in 1, seconds in 2, milliseconds in 2, seconds in 3, milliseconds in 3,
/// nanoseconds in 3, seconds in 4, milliseconds in 4, nanoseconds in 4, in 5, in 8.
///
/// So a record has 4 bytes, 1 for a call that is among the first 128 under way and 2 for another, and then what it
/// says: a time or a span takes 4 bytes up to 4.2 seconds and 5 up to 18 minutes, both together 9 up to 68 seconds, a
/// hint 1 in whole seconds up to four minutes and 2 in milliseconds up to a minute, a rule 1 unless it is the first. Up
/// to 11 of these make 16 bytes: so whatever an attempt of up to 68 seconds and a delay of up to 68 seconds come with,
/// a hint in seconds and any rule, or a hint in milliseconds and one rule. More takes more, as does a word of another
/// generator.
///
/// There is one way to write each record. What is not written that way is no record.
///
/// ```
/// use retry_core::{record::{LogBuffer, LogError, Recorder, Records}, runtime::LocalLock};
///
/// let mut bytes = [0; 16];
/// let log = Recorder::<_, LocalLock>::with_lock(LogBuffer::new(&mut bytes), 42).into_sink();
/// assert_eq!(Records::new(log.bytes()).unwrap().count(), 0);
/// assert_eq!(Records::new(b"GET / HTTP/1.1").unwrap_err(), LogError::NoLog);
/// ```
#[derive(Clone, Debug)]
pub struct Records<'b> {
    rest: &'b [u8],
    at: usize,
    known: Known,
}

impl<'b> Records<'b> {
    /// The records of this log.
    ///
    /// # Errors
    /// Where it is none.
    pub fn new(log: &'b [u8]) -> Result<Self, LogError> {
        let (seed, rest) = split(log)?;
        Ok(Self { rest, at: HEADER, known: Known::new(seed) })
    }

    /// The byte of the log at which the next record begins.
    pub const fn at(&self) -> usize {
        self.at
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let at = self.at;
        Some(match self.known.decode(self.rest) {
            Ok((record, length)) => {
                self.rest = self.rest.get(length..).unwrap_or_default();
                self.at += length;
                Ok(record)
            }
            Err(unread) => {
                self.rest = &[];
                Err(match unread {
                    Unread::Truncated => LogError::Truncated { at },
                    Unread::Garbage => LogError::Garbage { at },
                })
            }
        })
    }
}
