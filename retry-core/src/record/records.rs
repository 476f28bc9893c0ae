//! A reader of the records of a log.

use super::LogError;
use super::format::{HEADER, Record};
use super::parse::{Known, Unread, split};

/// Reads the records of a log, in order.
///
/// It is an iterator. The first record that cannot be read is its last item, as an error.
///
/// # Format
///
/// A log consists of a header of 16 bytes, and then its records. Numbers are little-endian.
///
/// | byte of the header | content |
/// |---|---|
/// | 0 to 2 | `rrl` |
/// | 3 | the version, 2 |
/// | 4 to 11 | the seed of the recorder's random words |
/// | 12 to 15 | CRC-32 of ISO 3309 of the bytes before |
///
/// Each of the first four bytes of a record has two halves:
///
/// | byte of a record | lower half | upper half |
/// |---|---|---|
/// | 0 | kind | class, in the order of [`Class`](crate::Class); 15 for a refused attempt |
/// | 1 | form of the time | form of the span |
/// | 2 | bits 0 and 1: form of the attempt; bits 2 and 3: form of the rule | form of the hint |
/// | 3 | CRC-4 of ITU-T G.704 of the record, with this half zero | form of the random word |
///
/// The *time* is counted from the instant when the attempt was due: the start of the call, or the end of the last
/// delay. The *span* is the delay of a retry or the wait of a rejection, and otherwise zero. Both are in nanoseconds.
///
/// | field | value | meaning |
/// |---|---|---|
/// | kind | 0 | retry |
/// | | 1 to 7 | the first seven reasons to give up, in the order of [`GiveUp`](crate::GiveUp) |
/// | | 8 to 10 | rejected after a failure, by a circuit that is open, half-open, closed |
/// | | 11 to 13 | refused before an attempt, by a circuit that is open, half-open, closed |
/// | | 14 | the [total timeout](crate::GiveUp::TotalTimeout) as the reason to give up |
/// | time | 0 to 8 | later than due, in this many bytes |
/// | | 9 to 14 | earlier than due, in 1 to 6 bytes |
/// | | 15 | the call did not count its time |
/// | span | 0 to 8 | in this many bytes |
/// | | 9 | equal to the hint |
/// | | 10 | shares 9 bytes with the time |
/// | | 15 | the longest one, `u64::MAX` |
/// | attempt | 0 | the next one of its call |
/// | | 1 | the first one of its call |
/// | | 2 | another one, in the first record of its call |
/// | | 3 | another one |
/// | rule | 0 | absent |
/// | | 1 | the rule of [`Failure::not_retried`](crate::Failure::not_retried) |
/// | | 2 | follows |
/// | | 3 | the first rule of the recorder |
/// | hint | 0 | absent |
/// | | 1 to 13 | in this form, see below |
/// | | 14 | the longest one, `u64::MAX` nanoseconds |
/// | random word | 0 | absent |
/// | | 1 to 14 | word 0, -1, 1, -2, ... 6 or -7 from the next one of the recorder |
/// | | 15 | follows |
///
/// After these four bytes come the fields that are present, in this order:
///
/// 1. the number of the call, from 0 to 16383, in LEB128
/// 2. the attempt in LEB128, if its form is 2 or 3
/// 3. the time
/// 4. the span
/// 5. the hint
/// 6. the rule in one byte, if its form is 2: its place among the rules of the recorder, from 1, 127 if the
///    answer was [pending](crate::Failure::pending), or 255 for any other rule. An attempt marked as [the last](crate::Failure::last) adds 128, to 0 if it had no rule.
/// 7. the random word in eight bytes
///
/// A time and a span share 9 bytes if each would take 5 bytes and has at most 36 bits. The time is then in the lower
/// bits, and the span above it. A time earlier than due never shares.
///
/// The hint has the first of these forms that holds it:
///
/// | form | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 |
/// |---|---|---|---|---|---|---|---|---|---|---|---|---|---|
/// | whole | s | s | ms | s | ms | s | ms | ns | s | ms | ns | ns | ns |
/// | bytes | 0 | 1 | 1 | 2 | 2 | 3 | 3 | 3 | 4 | 4 | 4 | 5 | 8 |
///
/// Each record can be written in one way only. Bytes that are written in another way are an error.
///
/// # Size
///
/// A record takes 4 bytes, 1 byte for the number of the call (2 from the 129th call under way), and these:
///
/// | part | bytes |
/// |---|---|
/// | time, span | 4 each up to 4.2 s, 5 each up to 18 minutes; 9 together if each is at most 68 s |
/// | hint | 1 for whole seconds up to 255 s; 2 for whole milliseconds up to 65 s |
/// | rule | 0 for the first rule of the recorder, otherwise 1 |
/// | random word | 8 for a word of another generator |
///
/// So 16 bytes hold an attempt and a delay of up to 68 s each, with a hint in whole seconds and any rule. They also
/// hold them with a hint in milliseconds and the first rule.
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
    /// Makes a reader of this log.
    ///
    /// # Errors
    /// Returns an error if the bytes are not a log.
    pub fn new(log: &'b [u8]) -> Result<Self, LogError> {
        let (seed, rest) = split(log)?;
        Ok(Self { rest, at: HEADER, known: Known::new(seed) })
    }

    /// Returns the offset of the next record in the log, in bytes.
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
