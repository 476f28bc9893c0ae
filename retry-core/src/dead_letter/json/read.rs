//! A reader of dead letters from lines of JSON.

use core::fmt;
use core::marker::PhantomData;
use std::borrow::ToOwned;
use std::boxed::Box;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::string::{String, ToString};
use std::vec::Vec;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::error::NotALetter;
use super::line::{StoredLetter, VERSION, class};
use super::opening::BYTE_ORDER_MARK;
use super::paths::named;
use crate::clean::OnOneLine;
use crate::dead_letter::letter::DeadLetter;
use crate::key::Key;
use crate::verdict::Reason;

/// Reads the dead letters of a file that a [`JsonLinesSink`](super::JsonLinesSink) has written, oldest first.
///
/// It is an iterator with one item per line that is not empty. A damaged line is an `Err` with its place, and the
/// iterator goes on with the next line. A last line may lack its line end. If it is only the beginning of a letter, it is
/// torn: its writer was cut off. At most [`limit`](Self::limit) bytes of a line are held in memory.
pub struct JsonLinesReader<T, R = BufReader<File>> {
    reader: R,
    limit: usize,
    number: u64,
    at: u64,
    line: Vec<u8>,
    over: bool,
    payload: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> JsonLinesReader<T> {
    /// Opens this file.
    ///
    /// # Errors
    /// Returns an error if the file cannot be opened.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let file = File::open(path).map_err(named(path))?;
        Ok(Self::new(BufReader::new(file)))
    }
}

impl<T: DeserializeOwned, R: BufRead> JsonLinesReader<T, R> {
    /// The default limit on the length of a line, in bytes: 16 MiB.
    pub const LIMIT: usize = 16 << 20;

    /// Makes a reader of these lines.
    pub const fn new(reader: R) -> Self {
        Self {
            reader,
            limit: Self::LIMIT,
            number: 0,
            at: 0,
            line: Vec::new(),
            over: false,
            payload: PhantomData,
        }
    }

    /// Sets the longest line that is read, in bytes, without its line end. The default is [`LIMIT`](Self::LIMIT).
    #[must_use]
    pub fn limit(self, bytes: usize) -> Self {
        Self { limit: bytes, ..self }
    }

    /// Reads the next line into memory, up to the limit and without its line end. Returns its length with the line end,
    /// and whether it has one.
    fn next_line(&mut self) -> io::Result<(u64, bool)> {
        self.line.clear();
        let mut length = 0;
        loop {
            let available = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                available => available?,
            };
            let (part, ended) = match available.iter().position(|byte| *byte == b'\n') {
                Some(end) => (available.get(..end).unwrap_or_default(), true),
                None => (available, false),
            };
            // One byte more than the limit shows that the line is too long.
            let room = self.limit.saturating_add(1).saturating_sub(self.line.len());
            self.line.extend(part.iter().take(room));
            let used = part.len() + usize::from(ended);
            length += used as u64;
            let over = used == 0;
            self.reader.consume(used);
            if ended || over {
                return Ok((length, ended));
            }
        }
    }

    fn letter(&self, ended: bool) -> Result<StoredLetter<T>, BadLineKind> {
        if self.line.len() > self.limit {
            return Err(if ended { BadLineKind::TooLong } else { BadLineKind::Torn });
        }
        let stops = || serde_json::from_slice::<IgnoredAny>(&self.line).is_err_and(|error| error.is_eof());
        parse(&self.line).map_err(|why| match ended || !stops() {
            true => BadLineKind::NoLetter(why),
            false => BadLineKind::Torn,
        })
    }

    /// Returns whether the line has only white space. Some editors write a mark at the beginning of a file, which is
    /// skipped. Where such files were joined, it is at the beginning of a later line.
    fn is_blank(&mut self) -> bool {
        if self.line.starts_with(BYTE_ORDER_MARK) {
            self.line.drain(..BYTE_ORDER_MARK.len());
        }
        self.line.len() <= self.limit && self.line.iter().all(u8::is_ascii_whitespace)
    }
}

impl<T: DeserializeOwned, R: BufRead> Iterator for JsonLinesReader<T, R> {
    type Item = Result<StoredLetter<T>, BadLine>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.over {
                return None;
            }
            let at = self.at;
            let (length, letter) = match self.next_line() {
                Ok((length, ended)) => {
                    self.over = !ended;
                    let blank = self.is_blank();
                    self.number += 1;
                    self.at += length;
                    if blank {
                        continue;
                    }
                    (length, self.letter(ended))
                }
                Err(error) => {
                    self.over = true;
                    self.number += 1;
                    (0, Err(BadLineKind::Io(error)))
                }
            };
            return Some(letter.map_err(|kind| BadLine { number: self.number, at, length, kind }));
        }
    }
}

/// A damaged line: it is torn, too long, or something else than a dead letter.
#[derive(Debug)]
#[non_exhaustive]
pub struct BadLine {
    /// The number of the line, from 1.
    pub number: u64,
    /// The offset of the line in the file, in bytes.
    pub at: u64,
    /// The length of the line with its line end, in bytes.
    pub length: u64,
    /// What is wrong with the line.
    pub kind: BadLineKind,
}

/// What is wrong with a line.
#[derive(Debug)]
#[non_exhaustive]
pub enum BadLineKind {
    /// The line is the last one, and only the beginning of a letter: its writer was cut off.
    Torn,
    /// The line is longer than the reader's limit.
    TooLong,
    /// The line is not the JSON of a dead letter. The text says why.
    NoLetter(String),
    /// Reading failed. The iterator ends after this error.
    Io(io::Error),
}

impl BadLine {
    /// Returns whether the line is the torn end of the file.
    pub const fn is_torn(&self) -> bool {
        matches!(self.kind, BadLineKind::Torn)
    }
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, at, length, kind } = self;
        write!(f, "line {number} (byte {at}, {length} bytes): ")?;
        match kind {
            BadLineKind::Torn => f.write_str("torn: it is the beginning of a letter"),
            BadLineKind::TooLong => f.write_str("too long"),
            BadLineKind::NoLetter(why) => write!(f, "not a dead letter: {}", OnOneLine(why)),
            BadLineKind::Io(error) => OnOneLine(error).fmt(f),
        }
    }
}

impl core::error::Error for BadLine {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match &self.kind {
            BadLineKind::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl<T: DeserializeOwned> StoredLetter<T> {
    /// Reads a letter from its [line](super::LetterLine), with or without its line end.
    ///
    /// # Errors
    /// Returns an error if the line is not the JSON of a dead letter, or if its payload has another type.
    pub fn from_line(line: &str) -> Result<Self, NotALetter> {
        parse(line.as_bytes()).map_err(|why| NotALetter { why })
    }
}

type Fields = BTreeMap<String, Box<RawValue>>;

fn parse<T: DeserializeOwned>(line: &[u8]) -> Result<StoredLetter<T>, String> {
    let mut fields: Fields = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let version: u32 = required(&mut fields, "v")?;
    if version != VERSION {
        return Err(std::format!("version {version}, not {VERSION}"));
    }
    let operation: String = required(&mut fields, "operation")?;
    let reason: String = required(&mut fields, "reason")?;
    let reason = Reason::ALL.into_iter().find(|known| known.name() == reason);
    let mut letter =
        DeadLetter::new(reason.ok_or("reason: unknown")?, required::<T>(&mut fields, "payload")?);
    letter.operation = Key::from_exact(&operation);
    if let Some(key) = optional::<String>(&mut fields, "key")? {
        letter.key = Key::from_exact(&key);
    }
    if let Some(name) = optional::<String>(&mut fields, "class")? {
        letter.class = Some(class(&name).ok_or("class: unknown")?);
    }
    if let Some(id) = optional::<String>(&mut fields, "id")? {
        letter.id = id.parse().map_err(|error| std::format!("id: {error}"))?;
    }
    letter.attempts = required(&mut fields, "attempts")?;
    letter.elapsed = optional(&mut fields, "elapsed_ns")?.map(core::time::Duration::from_nanos);
    letter.requeued = optional(&mut fields, "requeued")?.unwrap_or(0);
    let metadata: Option<Pairs> = optional(&mut fields, "metadata")?;
    Ok(StoredLetter {
        letter,
        operation,
        error: optional(&mut fields, "error")?,
        metadata: metadata.map(|Pairs(pairs)| pairs).unwrap_or_default(),
        metadata_left_out: optional(&mut fields, "metadata_left_out")?.unwrap_or(0),
    })
}

/// The members of an object, in their order.
struct Pairs(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = members.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

fn optional<T: for<'de> Deserialize<'de>>(fields: &mut Fields, name: &str) -> Result<Option<T>, String> {
    let value = fields.remove(name).map(|value| serde_json::from_str(value.get()));
    value.transpose().map_err(|error| std::format!("{name}: {error}"))
}

fn required<T: for<'de> Deserialize<'de>>(fields: &mut Fields, name: &str) -> Result<T, String> {
    optional(fields, name)?.ok_or_else(|| name.to_owned() + ": missing")
}

impl<T, R> fmt::Debug for JsonLinesReader<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLinesReader")
            .field("number", &self.number)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
