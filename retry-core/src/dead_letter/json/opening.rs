//! What a file holds when a sink opens it: letters, the beginning of a letter at its end, or something else.

use core::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::string::String;
use std::vec::Vec;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::line::VERSION;
use super::paths::{named, private, sync_directory};

/// The beginning of a letter at the end of a file, because its writer was cut off. It was moved to a file of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TornLine {
    /// Where the line began in the file, in bytes.
    pub at: u64,
    /// The length of the line, in bytes.
    pub length: u64,
    /// The line itself, or its first 64 KiB.
    pub bytes: Vec<u8>,
    /// The file beside the sink's file that holds the whole line, such as `dead-letters.jsonl.torn`.
    pub kept_in: PathBuf,
}

/// How a file of letters ends.
#[derive(Clone, Copy)]
pub(super) struct End {
    /// The length of its letters. What follows is torn.
    pub(super) length: u64,
    /// Whether the last letter lacks its line end.
    pub(super) open: bool,
}

/// Returns how the file ends.
///
/// # Errors
/// Returns an error if the file cannot be read, or if it holds something else than letters.
pub(super) fn end_of(file: &File, length: u64) -> io::Result<End> {
    let mut first = Start { reader: BufReader::new(file), at: 0 };
    first.reader.seek(SeekFrom::Start(0))?;
    first.skip_blank()?;
    if first.at < length {
        let mut line = Line { reader: &mut first.reader, ended: false };
        let content = content(&mut line)?;
        line.skip()?;
        // If the line has no end, it is the last line, which may be torn.
        if line.ended && !matches!(content, Content::Letter) {
            return Err(other("its first line is not a dead letter"));
        }
    }
    let (at, sound) = last_line(file, length)?;
    let refused = || other("its last line is not the beginning of a dead letter");
    let mut reader = BufReader::new(file);
    reader.seek(SeekFrom::Start(at))?;
    Ok(match content(reader.take(sound - at))? {
        _ if at == length => End { length, open: false },
        // After a loss of power, some file systems fill the end of a file with zeros.
        Content::Blank if sound == at && at > 0 => End { length: at, open: false },
        Content::Blank if sound == at => return Err(refused()),
        Content::Letter | Content::Blank => End { length: sound, open: true },
        Content::Beginning => End { length: at, open: false },
        Content::Other => return Err(refused()),
    })
}

fn other(why: &str) -> io::Error {
    let text = std::format!("not a file of dead letters: {why}; move it away or choose another path");
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// Copies the end of the file to a new file beside it.
///
/// # Errors
/// Returns an error if that fails. The error names the new file.
pub(super) fn set_aside(file: &File, path: &Path, at: u64, length: u64) -> io::Result<TornLine> {
    let mut number = 0_u32;
    let (copy, kept_in) = loop {
        let mut name = path.as_os_str().to_os_string();
        name.push(".torn");
        if number > 0 {
            name.push(std::format!(".{number}"));
        }
        match private(OpenOptions::new().write(true).create_new(true)).open(&name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            opened => break (opened.map_err(named(Path::new(&name)))?, PathBuf::from(name)),
        }
    };
    let copied = copied(file, &copy, at, length).and_then(|bytes| {
        sync_directory(&kept_in)?;
        Ok(bytes)
    });
    match copied {
        Ok(bytes) => Ok(TornLine { at, length, bytes, kept_in }),
        Err(error) => {
            let _ = std::fs::remove_file(&kept_in); // it was created above
            Err(named(&kept_in)(error))
        }
    }
}

/// Copies the end of the file, and returns its first 64 KiB.
fn copied(mut file: &File, mut copy: &File, at: u64, length: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(at))?;
    if io::copy(&mut file.take(length), &mut copy)? != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    copy.sync_all()?;
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(at))?;
    file.take(length.min(STEP)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

const STEP: u64 = 64 << 10;

/// Returns where the last line begins that lacks its line end, and where the zeros at its end begin. Both are the
/// length of the file if it ends with a line end.
fn last_line(mut file: &File, length: u64) -> io::Result<(u64, u64)> {
    let (mut from, mut sound) = (length, None);
    while from > 0 {
        let step = from.min(STEP);
        from -= step;
        file.seek(SeekFrom::Start(from))?;
        let mut part = Vec::new();
        file.take(step).read_to_end(&mut part)?;
        let after = |index: usize| from + index as u64 + 1;
        sound = sound.or_else(|| part.iter().rposition(|byte| *byte != 0).map(after));
        if let Some(end) = part.iter().rposition(|byte| *byte == b'\n') {
            return Ok((after(end), sound.unwrap_or(length)));
        }
    }
    Ok((0, sound.unwrap_or(0)))
}

/// What the bytes of a line are.
enum Content {
    /// Only white space.
    Blank,
    Letter,
    Beginning,
    Other,
}

fn content(reader: impl Read) -> io::Result<Content> {
    let mut start = Start { reader: BufReader::new(reader), at: 0 };
    if start.skip_blank()? {
        return Ok(Content::Blank);
    }
    let mut parser = serde_json::Deserializer::from_reader(start.reader);
    match Letter::deserialize(&mut parser).and_then(|Letter| parser.end()) {
        Ok(()) => Ok(Content::Letter),
        Err(error) if error.is_io() => Err(error.into()),
        // All that was read may be in a letter, and then the bytes end.
        Err(error) if error.is_eof() => Ok(Content::Beginning),
        Err(_) => Ok(Content::Other),
    }
}

struct Start<R> {
    reader: R,
    at: u64,
}

impl<R: BufRead> Start<R> {
    /// Skips white space, line ends and a mark of UTF-8. Returns whether nothing else is there.
    fn skip_blank(&mut self) -> io::Result<bool> {
        loop {
            let bytes = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                bytes => bytes?,
            };
            let mark =
                if self.at == 0 && bytes.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
            let blank = mark + bytes.iter().skip(mark).take_while(|byte| byte.is_ascii_whitespace()).count();
            let (over, found) = (bytes.is_empty(), blank < bytes.len());
            self.reader.consume(blank);
            self.at += blank as u64;
            if over || found {
                return Ok(over);
            }
        }
    }
}

/// Some editors write it at the beginning of a file.
pub(super) const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Reads up to the next line end, and leaves what follows.
struct Line<R> {
    reader: R,
    ended: bool,
}

impl<R: BufRead> Line<R> {
    fn skip(&mut self) -> io::Result<()> {
        io::copy(self, &mut io::sink()).map(drop)
    }
}

impl<R: BufRead> Read for Line<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.ended {
            return Ok(0);
        }
        let bytes = self.reader.fill_buf()?;
        let line = bytes.iter().position(|byte| *byte == b'\n');
        let (line, ended) = bytes.split_at_checked(line.unwrap_or(bytes.len())).unwrap_or_default();
        let length = line.len().min(to.len());
        let all = length == line.len();
        to.iter_mut().zip(line).for_each(|(to, from)| *to = *from);
        self.ended = all && !ended.is_empty();
        let consumed = length + usize::from(self.ended);
        self.reader.consume(consumed);
        Ok(length)
    }
}

/// The JSON of a letter. Unlike the reader's, it needs no memory for the payload, and tells a beginning of a letter
/// from the beginning of something else.
struct Letter;

impl<'de> Deserialize<'de> for Letter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Letter;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a dead letter")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Letter, A::Error> {
                let first = members.next_key::<String>()?;
                if first.as_deref() != Some("v") || members.next_value::<u32>()? != VERSION {
                    return Err(A::Error::custom("no version"));
                }
                let [mut operation, mut reason, mut attempts, mut payload] = [false; 4];
                while let Some(name) = members.next_key::<String>()? {
                    match name.as_str() {
                        "operation" => {
                            operation = true;
                            members.next_value::<String>()?;
                        }
                        "reason" => {
                            reason = true;
                            members.next_value::<String>()?;
                        }
                        "attempts" => {
                            attempts = true;
                            members.next_value::<u32>()?;
                        }
                        "payload" => {
                            payload = true;
                            members.next_value::<IgnoredAny>()?;
                        }
                        // A later version of this library may add fields, but it begins a line in the same way.
                        "id" | "at_ms" => _ = members.next_value::<IgnoredAny>()?,
                        _ if operation => _ = members.next_value::<IgnoredAny>()?,
                        _ => return Err(A::Error::custom("no operation")),
                    }
                }
                let whole = operation && reason && attempts && payload;
                whole.then_some(Letter).ok_or_else(|| A::Error::custom("a field is missing"))
            }
        }

        deserializer.deserialize_map(Members)
    }
}
