//! The letters of a file while they are handled, so that none is lost, however the program ends.
//!
//! 1. The file is renamed to FILE.taken, and a new FILE begins. FILE stays locked.
//! 2. Each letter is delivered, moved, or put back to FILE. After a delivery, the end of its line is noted in
//!    FILE.taken.done. Before that, the letters that were put back are synced.
//! 3. When all letters are handled, FILE.taken and its note are removed.
//!
//! If the program is killed, FILE.taken is there at the next start, which goes on after the last note. It leaves out
//! letters that are in FILE already, by their ids.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use retry_core::dead_letter::{JsonLinesReader, JsonLinesSink, LetterId, LetterLine, OnDisk, StoredLetter};
use serde_json::value::RawValue;

pub(crate) type Stored = StoredLetter<Box<RawValue>>;

/// A line of a file of letters.
pub(crate) struct Line {
    pub(crate) number: u64,
    /// The offset in the file after the line.
    pub(crate) end: u64,
    pub(crate) bytes: Vec<u8>,
}

impl Line {
    /// Returns the letter; `None` for an empty line.
    pub(crate) fn letter(&self) -> Option<Result<Stored, String>> {
        let line = match std::str::from_utf8(&self.bytes) {
            Ok(line) if line.trim().is_empty() => return None,
            Ok(line) => StoredLetter::from_line(line).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        Some(line)
    }
}

/// The lines of a file.
pub(crate) struct Lines {
    reader: BufReader<File>,
    number: u64,
    at: u64,
}

impl Lines {
    pub(crate) fn open(path: &Path, from: u64) -> io::Result<Self> {
        let mut reader = BufReader::new(File::open(path)?);
        reader.seek(SeekFrom::Start(from))?;
        Ok(Self { reader, number: 0, at: from })
    }
}

impl Iterator for Lines {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<io::Result<Line>> {
        let mut bytes = Vec::new();
        match self.reader.read_until(b'\n', &mut bytes) {
            Ok(0) => None,
            Ok(length) => {
                self.number += 1;
                self.at += length as u64;
                Some(Ok(Line { number: self.number, end: self.at, bytes }))
            }
            Err(error) => Some(Err(error)),
        }
    }
}

pub(crate) struct Taken {
    file: JsonLinesSink,
    path: PathBuf,
    done: File,
    from: u64,
    damaged: u64,
    /// Letters that an earlier run has put back.
    back: HashSet<LetterId>,
    is_unsynced: bool,
}

impl Taken {
    /// Takes the letters of the file, or goes on with those that an earlier run has taken.
    pub(crate) fn take(file: &Path) -> io::Result<Self> {
        let sink = JsonLinesSink::open(file)?.on_disk(OnDisk::WhenTold).limit(usize::MAX);
        if let Some(torn) = sink.torn() {
            eprintln!("{}: a letter was torn, and is in {}", file.display(), torn.kept_in.display());
        }
        let (path, done) = (beside(file, "taken"), beside(file, "taken.done"));
        let mut back = HashSet::new();
        if path.exists() {
            let letters = JsonLinesReader::<Box<RawValue>>::open(file)?.limit(usize::MAX - 1);
            back.extend(letters.filter_map(Result::ok).map(|stored| stored.letter.id));
        } else {
            let _ = fs::remove_file(&done); // of a run that ended between its last two steps
            sink.rotate(&path)?;
        }
        let from = fs::read_to_string(&done).unwrap_or_default();
        let whole = from.rfind('\n').map_or("", |end| &from[..end]);
        let from = whole.lines().next_back().and_then(|end| end.parse().ok()).unwrap_or(0);
        let done = OpenOptions::new().append(true).create(true).open(done)?;
        Ok(Self { file: sink, path, done, from, damaged: 0, back, is_unsynced: false })
    }

    pub(crate) fn lines(&self) -> io::Result<Lines> {
        Lines::open(&self.path, self.from)
    }

    /// Returns whether an earlier run has put the letter back.
    pub(crate) fn is_back(&self, stored: &Stored) -> bool {
        self.back.contains(&stored.letter.id)
    }

    /// Notes that all lines up to this one are handled.
    pub(crate) fn done(&mut self, line: &Line) -> io::Result<()> {
        if self.is_unsynced {
            self.file.sync()?;
            self.is_unsynced = false;
        }
        writeln!(self.done, "{}", line.end)
    }

    /// Puts a letter back into the file.
    pub(crate) fn put_back(&mut self, stored: &Stored) -> io::Result<()> {
        let line = LetterLine::again(stored).map_err(io::Error::other)?;
        self.file.append_line(&line).map_err(io::Error::other)?;
        self.is_unsynced = true;
        Ok(())
    }

    /// Moves a damaged line to a file of its own.
    pub(crate) fn set_aside(&mut self, line: &Line) -> io::Result<()> {
        let mut options = OpenOptions::new();
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut damaged = options.append(true).create(true).open(beside(self.file.path(), "damaged"))?;
        damaged.write_all(line.bytes.trim_ascii_end())?;
        damaged.write_all(b"\n")?;
        damaged.sync_data()?;
        self.damaged += 1;
        self.done(line)
    }

    /// Puts back the lines that are left, and ends. Returns how many lines were damaged.
    pub(crate) fn finish(mut self, left: impl Iterator<Item = io::Result<Line>>) -> io::Result<u64> {
        for line in left {
            let line = line?;
            match line.letter() {
                None => {}
                Some(Ok(stored)) if self.is_back(&stored) => {}
                Some(Ok(stored)) => self.put_back(&stored)?,
                Some(Err(_)) => self.set_aside(&line)?,
            }
        }
        self.file.sync()?;
        fs::remove_file(&self.path)?;
        fs::remove_file(beside(self.file.path(), "taken.done"))?;
        Ok(self.damaged)
    }
}

/// Returns the path of a file beside this one.
pub(crate) fn beside(file: &Path, extension: &str) -> PathBuf {
    let mut name = file.as_os_str().to_os_string();
    name.push(".");
    name.push(extension);
    name.into()
}
