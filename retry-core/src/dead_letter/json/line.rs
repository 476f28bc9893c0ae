//! One letter as one line of JSON.

use core::fmt::{self, Write as _};
use core::time::Duration;
use std::io;
use std::string::String;
use std::time::{SystemTime, UNIX_EPOCH};
use std::vec::Vec;

use serde::Serialize;
use serde::ser::{Error as _, SerializeMap, Serializer};
use serde_json::ser::{CompactFormatter, Formatter};

use crate::class::Class;
use crate::clean::is_unclean;
use crate::dead_letter::letter::DeadLetter;
use crate::dead_letter::sink::LetterContext;
use crate::time::nanos;

// Whatever a program calls its operations, and says of them, a line stays one that can be looked at. In bytes.
const LONGEST_NAME: usize = 256;
const LONGEST_KEY_OF_METADATA: usize = 64;
const LONGEST_VALUE: usize = 256;
const LONGEST_ERROR: usize = 1024;
const MOST_METADATA: usize = 32;
/// At the end of what was cut. That stays as it is when it is written again.
const CUT: &str = "..";

/// A letter as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredLetter<T> {
    /// The letter.
    pub letter: DeadLetter<T>,
    /// The operation's name, longer than the letter itself holds it.
    pub operation: String,
    /// What the last attempt ended with.
    pub error: Option<String>,
    /// What the caller said of it.
    pub metadata: Vec<(String, String)>,
    /// How many more pairs there were.
    pub metadata_left_out: usize,
    /// When it was stored, if the writer [was told the time](super::JsonLinesSink::stamped); to the millisecond.
    pub at: Option<SystemTime>,
}

/// A letter of which no more is known than it holds itself.
impl<T> From<DeadLetter<T>> for StoredLetter<T> {
    fn from(letter: DeadLetter<T>) -> Self {
        let operation = letter.operation.as_str().into();
        Self { letter, operation, error: None, metadata: Vec::new(), metadata_left_out: 0, at: None }
    }
}

/// A letter as it is written.
pub(super) struct Line<'a, T> {
    letter: &'a DeadLetter<T>,
    at: Option<u64>,
    operation: String,
    error: Option<String>,
    metadata: Metadata<'a>,
}

/// What of the caller's metadata is written. A pair whose name another has, or whose name is too long to be told from
/// others by its beginning, is left out and counted, as is what is too much.
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
    pub(super) fn of<E: fmt::Display>(
        letter: &'a DeadLetter<T>,
        about: &'a LetterContext<'_, E>,
        at: Option<SystemTime>,
    ) -> Self {
        let mut metadata = Metadata::default();
        about.metadata.iter().for_each(|(name, value)| metadata.add(name, value, LONGEST_VALUE));
        Self {
            letter,
            at: at.map(millis),
            operation: bounded(about.error.context().operation, LONGEST_NAME),
            error: Some(bounded(Caused(about), LONGEST_ERROR)),
            metadata,
        }
    }

    /// A letter that was read, and is written again.
    pub(super) fn again(stored: &'a StoredLetter<T>) -> Self {
        let StoredLetter { letter, operation, error, metadata: stored, metadata_left_out, at } = stored;
        let mut metadata = Metadata { pairs: Vec::new(), left_out: *metadata_left_out };
        stored.iter().for_each(|(name, value)| metadata.add(name, value, LONGEST_VALUE + CUT.len()));
        Self {
            letter,
            at: at.map(millis),
            operation: bounded(operation, LONGEST_NAME + CUT.len()),
            error: error.as_ref().map(|error| bounded(error, LONGEST_ERROR + CUT.len())),
            metadata,
        }
    }

    /// Writes it to the end of `line`, the line's own end included.
    pub(super) fn write(&self, line: &mut Vec<u8>) -> serde_json::Result<()>
    where
        T: Serialize,
    {
        self.serialize(&mut serde_json::Serializer::with_formatter(&mut *line, Escaping(CompactFormatter)))?;
        end(line)
    }
}

impl<T: Serialize> Serialize for Line<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let DeadLetter { key, reason, class, attempts, elapsed, requeued, payload, .. } = self.letter;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("v", &VERSION)?;
        if let Some(at) = &self.at {
            map.serialize_entry("at_ms", at)?;
        }
        map.serialize_entry("operation", &self.operation)?;
        if !key.is_none() {
            map.serialize_entry("key", key.as_str())?;
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
        map.serialize_entry("payload", payload)?;
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

/// What the last attempt ended with.
struct Caused<'a, E>(&'a LetterContext<'a, E>);

impl<E: fmt::Display> fmt::Display for Caused<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::error::Cause;
        match self.0.error.cause() {
            Some(Cause::Failed(error)) => error.fmt(f),
            Some(Cause::TimedOut(limit)) => write!(f, "no end within {} ms", limit.as_millis()),
            Some(Cause::Unacceptable) => f.write_str("a value that was not acceptable"),
            None => self.0.error.fmt(f),
        }
    }
}

fn millis(at: SystemTime) -> u64 {
    nanos(at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO)) / 1_000_000
}

pub(super) fn instant(millis: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(millis))
}

/// As much of the text as `most` bytes hold, with `..` at the end where that is not all of it.
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
    // An error that cannot be shown in full is shown in part.
    let _ = write!(bounded, "{text}");
    if bounded.cut {
        bounded.text.push_str(CUT);
    }
    bounded.text
}

/// Escapes all that a log must not hold, and not only what JSON must: a terminal that shows the file obeys none of it.
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

    /// JSON that the payload brings as it is: between its parts there may be line ends, in its strings the same
    /// characters as in others, but for those that JSON forbids there.
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

/// What is clean, and the character behind it that is not.
fn parts(text: &str) -> impl Iterator<Item = (&str, Option<char>)> {
    text.split_inclusive(is_unclean).map(|part| match part.strip_suffix(is_unclean) {
        Some(clean) => (clean, part.chars().next_back()),
        None => (part, None),
    })
}

/// Ends the line; whatever brought a line end into it would make two of it, neither of them a letter.
fn end(line: &mut Vec<u8>) -> serde_json::Result<()> {
    if line.contains(&b'\n') {
        return Err(serde_json::Error::custom("a line end in the midst of it"));
    }
    line.push(b'\n');
    Ok(())
}

/// Writes one of those that must be escaped, all of which fit 16 bits.
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
        assert_eq!(end(&mut line).unwrap_err().to_string(), "a line end in the midst of it");
    }
}
