//! Reads a log of decisions.

use super::draws::Draws;
use super::format::{HEADER, LogError, Record, Unread, decode, split};

/// The records of a log, in order, up to the first that cannot be read.
///
/// A log is a header of 16 bytes and then records, one after the other; all numbers are little-endian, in as few bytes
/// as they need:
///
/// | byte of the header | what |
/// |---|---|
/// | 0 to 2 | `rrl` |
/// | 3 | the version, 1 |
/// | 4 to 11 | the seed of the recorder's words |
/// | 12 to 15 | CRC-32 of the bytes before |
///
/// | byte of a record | lower half | upper half |
/// |---|---|---|
/// | 0 | kind: 0 retry, 1 to 7 the reasons to give up in the order of [`GiveUp`](crate::GiveUp), 8 to 10 rejected after a failure and 11 to 13 at admission, by a circuit that is open, half-open, closed | class, in the order of [`Class`](crate::Class); 15 at admission |
/// | 1 | how many bytes the time since the call's start takes; 15: it was not counted | how many bytes the span takes; 15: none, it is the longest that is |
/// | 2 | bits 0 and 1, the hint: 0 none, 1 it is the span, 2 it follows; bit 2: a word was drawn; bit 3: a rule follows | the attempt; 15: it follows |
/// | 3 | CRC-4 (x^4 + x + 1) of the record with this half zero | the word: how far from the next one of the recorder's, 0, -1, 1, -2, .. 7; 15: it follows |
///
/// After these four come, each where there is one: the call's number, from 0 to 16383, and the attempt, both in
/// LEB128; the time, and the span, in nanoseconds; the hint, a byte with its length in the lower half and its unit in
/// the upper (0 s, 1 ms, 2 ns: the largest that it is a whole number of; 15 in the lower half: the longest that is), and
/// then its number; the rule in one byte
/// (0: that of [`Failure::not_retried`](crate::Failure::not_retried), then the recorder's in order, 255: another); the word in eight.
///
/// The span is the delay of a retry, the wait of a rejection, else the hint, if there is one. So with a word of the
/// recorder's, a time below 18 minutes, a span below 18 minutes, and no rule and no hint but what is the delay then, a
/// record has at most 16 bytes; most have 12 or 13.
///
/// There is one way to write each record. What is not written that way is no record.
///
/// ```
/// use retry_core::{LocalLock, LogBuffer, LogError, Recorder, Records};
///
/// let mut bytes = [0; 16];
/// let log = Recorder::<_, LocalLock>::new(LogBuffer::new(&mut bytes), 42).into_sink();
/// assert_eq!(Records::new(log.bytes()).unwrap().count(), 0);
/// assert_eq!(Records::new(b"GET / HTTP/1.1").unwrap_err(), LogError::NoLog);
/// ```
#[derive(Clone, Debug)]
pub struct Records<'b> {
    rest: &'b [u8],
    at: usize,
    draws: Draws,
}

impl<'b> Records<'b> {
    /// The records of this log.
    ///
    /// # Errors
    /// Where it is none.
    pub fn new(log: &'b [u8]) -> Result<Self, LogError> {
        let (seed, rest) = split(log)?;
        Ok(Self { rest, at: HEADER, draws: Draws::new(seed) })
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
        Some(match decode(self.rest, &mut self.draws) {
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
