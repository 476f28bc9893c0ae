//! One letter as one line of JSON.

use core::fmt::{self, Write as _};
use std::io;
use std::string::{String, ToString};
use std::vec::Vec;

use serde::Serialize;
use serde::ser::{Error as _, SerializeMap, Serializer};
use serde_json::ser::{CompactFormatter, Formatter};

use super::error::JsonLinesError;
use super::exact::{self, Exact};
use crate::class::Class;
use crate::clean::{self, Shown, is_unclean};
use crate::dead_letter::id::{LetterId, process_id_at, time_of_day};
use crate::dead_letter::letter::DeadLetter;
use crate::dead_letter::sink::LetterContext;
use crate::error_text::ErrorText;
use crate::key;
use crate::time::nanos;
use crate::verdict::Reason;

// Limits in bytes. They keep a line readable, whatever names and texts a program uses.
const LONGEST_NAME: usize = 256;
const LONGEST_KEY_OF_METADATA: usize = 64;
const LONGEST_VALUE: usize = 256;
/// Above the longest [`ErrorText`], for lines that other programs wrote.
const LONGEST_ERROR: usize = 1024;
const MOST_METADATA: usize = 32;
/// The end of a text that was cut. Such a text stays the same when it is written again.
const CUT: &str = "..";

/// A dead letter as a [`JsonLinesReader`](super::JsonLinesReader) returns it, with the error and the metadata of its
/// line.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredLetter<T> {
    /// The letter itself.
    pub letter: DeadLetter<T>,
    /// The operation's name, up to 256 bytes. Of one with more than 23 bytes, the letter holds 11 bytes and a digest.
    pub operation: String,
    /// The text of the last attempt's error, as an [`ErrorText`] shows it: up to 256 bytes, on one line, and without the
    /// secrets of URLs.
    ///
    /// If no attempt ended, such as when the circuit refused the first one, it is the text of the call's error. If the
    /// attempt timed out, it says so, such as `timed out after 1.5 s`. It is `None` for a letter that
    /// [`JsonLinesSink::store`](super::JsonLinesSink::store) has written.
    pub error: Option<String>,
    /// The metadata of the call, in pairs of name and value: at most 32 pairs, with values of up to 256 bytes.
    pub metadata: Vec<(String, String)>,
    /// The number of pairs that were left out: more than 32 in all, a name of more than 64 bytes, or a name that came
    /// before.
    pub metadata_left_out: usize,
}

/// Shows the payload by its own `Debug`, and the other texts up to 128 bytes each.
impl<T: fmt::Debug> fmt::Debug for StoredLetter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { letter, operation, error, metadata, metadata_left_out } = self;
        f.debug_struct("StoredLetter")
            .field("letter", letter)
            .field("operation", &Shown(operation))
            .field("error", &error.as_deref().map(Shown))
            .field("metadata", &clean::Pairs(metadata))
            .field("metadata_left_out", metadata_left_out)
            .finish()
    }
}

/// A stored letter without error and metadata.
impl<T> From<DeadLetter<T>> for StoredLetter<T> {
    fn from(letter: DeadLetter<T>) -> Self {
        let operation = key::Exact(&letter.operation).to_string();
        Self { letter, operation, error: None, metadata: Vec::new(), metadata_left_out: 0 }
    }
}

/// A dead letter as one line of JSON, to be kept elsewhere than in a file, such as in a stream or in a table.
///
/// ```
/// use retry_core::{Class, Policy, Retry, testing::FakeClock, dead_letter::*};
///
/// let clock = FakeClock::new();
/// let stock = Retry::new(&Policy::DEFAULT, &clock).named("stock.write");
/// let error = stock.run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err();
/// let line = LetterLine::of(&DeadLetter::of(&error, "7 apples"), &LetterContext::new(&error)).unwrap();
/// assert!(line.as_str().ends_with(r#","error":"Network","payload":"7 apples"}"#));
///
/// let stored = StoredLetter::<String>::from_line(line.as_str()).unwrap();
/// assert_eq!((stored.letter.id, stored.letter.payload.as_str()), (line.id(), "7 apples"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterLine {
    /// With its line end.
    text: String,
    id: LetterId,
    reason: Reason,
}

impl LetterLine {
    /// Makes the line of a letter, with the error of its call and the metadata.
    ///
    /// # Errors
    /// Returns an error if the payload cannot be written, or would not be read back as it is.
    pub fn of<T: Serialize, E: fmt::Display>(
        letter: &DeadLetter<T>,
        context: &LetterContext<'_, E>,
    ) -> Result<Self, JsonLinesError> {
        Line::of(letter, context).write()
    }

    /// Makes the line of a letter that was read before.
    ///
    /// # Errors
    /// Returns an error if the payload cannot be written, or would not be read back as it is.
    pub fn again<T: Serialize>(stored: &StoredLetter<T>) -> Result<Self, JsonLinesError> {
        Line::again(stored).write()
    }

    /// Returns the line without its line end.
    pub fn as_str(&self) -> &str {
        self.text.trim_end_matches('\n')
    }

    /// Returns the line with its line end.
    pub fn with_end(&self) -> &str {
        &self.text
    }

    /// Returns the id of the letter.
    pub const fn id(&self) -> LetterId {
        self.id
    }

    /// Returns why the call ended.
    pub const fn reason(&self) -> Reason {
        self.reason
    }
}

/// A letter as it is written.
struct Line<'a, T> {
    letter: &'a DeadLetter<T>,
    id: LetterId,
    operation: String,
    error: Option<String>,
    metadata: Metadata<'a>,
}

/// The metadata that is written. Pairs beyond the limit, with a name that is too long, or with a name that came before,
/// are counted instead.
#[derive(Default)]
struct Metadata<'a> {
    pairs: Vec<(&'a str, String)>,
    left_out: usize,
}

impl<'a> Metadata<'a> {
    fn add(&mut self, name: &'a str, value: &str, longest: usize) {
        let known = || self.pairs.iter().any(|(other, _)| *other == name);
        if self.pairs.len() == MOST_METADATA || name.len() > LONGEST_KEY_OF_METADATA || known() {
            self.left_out = self.left_out.saturating_add(1);
        } else {
            self.pairs.push((name, bounded(value, longest)));
        }
    }
}

impl<'a, T> Line<'a, T> {
    pub(super) fn of<E: fmt::Display>(letter: &'a DeadLetter<T>, context: &'a LetterContext<'_, E>) -> Self {
        let mut metadata = Metadata::default();
        context.metadata.iter().for_each(|(name, value)| metadata.add(name, value, LONGEST_VALUE));
        Self {
            letter,
            id: id_of(letter),
            operation: bounded(context.error.operation(), LONGEST_NAME),
            error: Some(bounded(Caused(context), LONGEST_ERROR)),
            metadata,
        }
    }

    /// A line for a letter that was read, and is written again.
    fn again(stored: &'a StoredLetter<T>) -> Self {
        let StoredLetter { letter, operation, error, metadata: stored, metadata_left_out } = stored;
        let mut metadata = Metadata { pairs: Vec::new(), left_out: *metadata_left_out };
        stored.iter().for_each(|(name, value)| metadata.add(name, value, LONGEST_VALUE + CUT.len()));
        Self {
            letter,
            id: id_of(letter),
            operation: bounded(operation, LONGEST_NAME + CUT.len()),
            error: error.as_ref().map(|error| bounded(error, LONGEST_ERROR + CUT.len())),
            metadata,
        }
    }

    fn write(&self) -> Result<LetterLine, JsonLinesError>
    where
        T: Serialize,
    {
        let mut line = Vec::new();
        let mut serializer = serde_json::Serializer::with_formatter(&mut line, Escaping(CompactFormatter));
        let written = self.serialize(&mut serializer);
        let checked = written.and_then(|()| exact::check(&line)).and_then(|()| end(&mut line));
        checked.map_err(JsonLinesError::Payload)?;
        // serde_json writes UTF-8, and the formatter splits it between characters.
        let text = String::from_utf8(line)
            .map_err(|_| JsonLinesError::Payload(serde_json::Error::custom("not UTF-8")))?;
        Ok(LetterLine { text, id: self.id, reason: self.letter.reason })
    }
}

impl<T: Serialize> Serialize for Line<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let DeadLetter { key, reason, class, attempts, elapsed, requeued, payload, .. } = self.letter;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("v", &VERSION)?;
        map.serialize_entry("id", &format_args!("{}", self.id))?;
        if let Some(at) = self.id.since_1970() {
            map.serialize_entry("at_ms", &(nanos(at) / 1_000_000))?;
        }
        map.serialize_entry("operation", &self.operation)?;
        if !key.is_none() {
            map.serialize_entry("key", &format_args!("{}", key::Exact(key)))?;
        }
        map.serialize_entry("reason", reason.name())?;
        if let Some(class) = class {
            map.serialize_entry("class", class.name())?;
        }
        map.serialize_entry("attempts", attempts)?;
        if let Some(elapsed) = elapsed {
            map.serialize_entry("elapsed_ns", &nanos(*elapsed))?;
        }
        if *requeued > 0 {
            map.serialize_entry("requeued", requeued)?;
        }
        if let Some(error) = &self.error {
            map.serialize_entry("error", error)?;
        }
        let Metadata { pairs, left_out } = &self.metadata;
        if !pairs.is_empty() {
            map.serialize_entry("metadata", &Pairs(pairs))?;
        }
        if *left_out > 0 {
            map.serialize_entry("metadata_left_out", left_out)?;
        }
        map.serialize_entry("payload", &Exact::new(payload))?;
        map.end()
    }
}

pub(super) const VERSION: u32 = 1;

struct Pairs<'a>(&'a [(&'a str, String)]);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// Shows what the last attempt ended with.
struct Caused<'a, E>(&'a LetterContext<'a, E>);

impl<E: fmt::Display> fmt::Display for Caused<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::error::Cause;
        match self.0.error.cause() {
            Some(Cause::Failed(error)) => ErrorText::new(error).fmt(f),
            Some(cause) => cause.fmt(f),
            None => self.0.error.fmt(f),
        }
    }
}

/// Returns the id of a letter, or makes one for a letter that was made without.
fn id_of<T>(letter: &DeadLetter<T>) -> LetterId {
    match letter.id.is_none() {
        true => process_id_at(time_of_day()),
        false => letter.id,
    }
}

/// Returns the text if it fits into `most` bytes, or its beginning with `..` at the end.
fn bounded(text: impl fmt::Display, most: usize) -> String {
    struct Bounded {
        text: String,
        most: usize,
        cut: bool,
    }

    impl fmt::Write for Bounded {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            if !self.cut {
                let mut end = text.len().min(self.most - self.text.len());
                while !text.is_char_boundary(end) {
                    end -= 1;
                }
                self.text.push_str(text.get(..end).unwrap_or_default());
                self.cut = end < text.len();
            }
            Ok(())
        }
    }

    let mut bounded = Bounded { text: String::new(), most, cut: false };
    // If an error fails to format itself, its text ends there.
    let _ = write!(bounded, "{text}");
    if bounded.cut {
        bounded.text.push_str(CUT);
    }
    bounded.text
}

/// A JSON formatter that also escapes what a terminal could obey: see `is_unclean`.
struct Escaping(CompactFormatter);

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        parts(fragment).try_for_each(|(clean, unclean)| {
            self.0.write_string_fragment(writer, clean)?;
            unclean.map_or(Ok(()), |c| escape(writer, c))
        })
    }

    /// Writes JSON that the payload contains as raw text. It may have white space between its parts, which becomes
    /// spaces, so that the line stays one line.
    fn write_raw_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        parts(fragment).try_for_each(|(clean, unclean)| {
            writer.write_all(clean.as_bytes())?;
            match unclean {
                Some('\n' | '\r' | '\t') => writer.write_all(b" "),
                Some(other) => escape(writer, other),
                None => Ok(()),
            }
        })
    }
}

/// Splits a text into clean parts, each with the unclean character that follows it.
fn parts(text: &str) -> impl Iterator<Item = (&str, Option<char>)> {
    text.split_inclusive(is_unclean).map(|part| match part.strip_suffix(is_unclean) {
        Some(clean) => (clean, part.chars().next_back()),
        None => (part, None),
    })
}

/// Ends the line. A line end inside of it would split the letter into two damaged lines, so that is an error.
fn end(line: &mut Vec<u8>) -> serde_json::Result<()> {
    if line.contains(&b'\n') {
        return Err(serde_json::Error::custom("the JSON contains a line end"));
    }
    line.push(b'\n');
    Ok(())
}

/// Writes an escaped character. All characters that need it fit 16 bits.
fn escape<W: ?Sized + io::Write>(writer: &mut W, c: char) -> io::Result<()> {
    write!(writer, "\\u{:04x}", u32::from(c))
}

pub(super) fn class(name: &str) -> Option<Class> {
    Class::ALL.into_iter().find(|class| class.name() == name)
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn a_line_with_an_end_in_its_midst_is_refused() {
        let mut line = b"{}".to_vec();
        end(&mut line).unwrap();
        assert_eq!(line, b"{}\n");
        assert_eq!(end(&mut line).unwrap_err().to_string(), "the JSON contains a line end");
    }
}
