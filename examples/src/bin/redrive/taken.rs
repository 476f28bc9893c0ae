//! The letters of a file while they are handled, so that none is lost, however the program ends.
//!
//! 1. The file is renamed to FILE.taken, and a new FILE begins. FILE stays locked.
//! 2. Each letter is delivered, moved, or put back to FILE. After a delivery, the end of its line is noted in
//!    FILE.taken.done. Before that, the letters that were put back are synced.
//! 3. When all letters are handled, FILE.taken and its note are removed.
//!
//! If the program is killed, FILE.taken is there at the next start, which goes on after the last note. It leaves out
//! letters that are in FILE already, by their ids. A letter without an id is noted as soon as it was put back.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
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

/// The lines of a file that end after a place in it.
pub(crate) struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
    number: u64,
    at: u64,
    from: u64,
}

impl Lines {
    pub(crate) fn open(path: &Path, from: u64) -> io::Result<Self> {
        let file = File::open(path).map_err(|error| named(path, error))?;
        Ok(Self { path: path.to_path_buf(), reader: BufReader::new(file), number: 0, at: 0, from })
    }
}

impl Iterator for Lines {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<io::Result<Line>> {
        loop {
            let mut bytes = Vec::new();
            match self.reader.read_until(b'\n', &mut bytes) {
                Ok(0) => return None,
                Ok(length) => {
                    self.number += 1;
                    self.at += length as u64;
                    if self.at > self.from {
                        return Some(Ok(Line { number: self.number, end: self.at, bytes }));
                    }
                }
                Err(error) => return Some(Err(named(&self.path, error))),
            }
        }
    }
}

/// What an earlier run that was killed has handled of the letters that it had taken.
#[derive(Default)]
pub(crate) struct Handled {
    /// The offset in FILE.taken up to which all letters are handled.
    pub(crate) up_to: u64,
    /// Letters that were put back. Letters without an id are left out, because they cannot be told apart.
    back: HashSet<LetterId>,
}

impl Handled {
    pub(crate) fn of(file: &Path) -> io::Result<Self> {
        let taken = beside(file, "taken");
        if !taken.exists() {
            return Ok(Self::default());
        }
        let done = beside(file, "taken.done");
        let note = match fs::read(&done) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            note => note?,
        };
        // The last line may be torn.
        let whole = note.iter().rposition(|byte| *byte == b'\n').map_or(&[][..], |end| &note[..end]);
        let last = whole.rsplit(|byte| *byte == b'\n').next().and_then(|line| str::from_utf8(line).ok());
        let up_to = last.and_then(|line| line.parse().ok()).unwrap_or(0);
        if up_to > fs::metadata(&taken)?.len() {
            let why = format!("{} notes more than {} holds", done.display(), taken.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        let mut back = HashSet::new();
        if file.exists() {
            let letters = JsonLinesReader::<Box<RawValue>>::open(file)?.limit(usize::MAX - 1);
            back.extend(letters.filter_map(Result::ok).map(|stored| stored.letter.id));
            back.remove(&LetterId::NONE);
        }
        Ok(Self { up_to, back })
    }

    /// Returns whether the letter was put back.
    pub(crate) fn is_back(&self, stored: &Stored) -> bool {
        self.back.contains(&stored.letter.id)
    }
}

pub(crate) struct Taken {
    file: JsonLinesSink,
    path: PathBuf,
    done: File,
    damaged: u64,
    handled: Handled,
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
        let handled = Handled::of(file)?;
        if !path.exists() {
            // Of a run that ended between its last two steps. It says nothing of the letters that are taken now.
            match fs::remove_file(&done) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(named(&done, error)),
                _ => sink.rotate(&path)?,
            }
        }
        let noted = OpenOptions::new().append(true).create(true).open(&done);
        let mut noted = noted.map_err(|error| named(&done, error))?;
        writeln!(noted, "\n{}", handled.up_to)?; // on a line of its own, also after a torn one
        Ok(Self { file: sink, path, done: noted, damaged: 0, handled, is_unsynced: false })
    }

    pub(crate) fn lines(&self) -> io::Result<Lines> {
        Lines::open(&self.path, self.handled.up_to)
    }

    /// Returns whether an earlier run has put the letter back.
    pub(crate) fn is_back(&self, stored: &Stored) -> bool {
        self.handled.is_back(stored)
    }

    /// Notes that all lines up to this one are handled.
    pub(crate) fn done(&mut self, line: &Line) -> io::Result<()> {
        if self.is_unsynced {
            self.file.sync()?;
            self.is_unsynced = false;
        }
        writeln!(self.done, "{}", line.end)
    }

    /// Puts the letter of a line back into the file.
    pub(crate) fn put_back(&mut self, line: &Line, stored: &Stored) -> io::Result<()> {
        let again = LetterLine::again(stored).map_err(io::Error::other)?;
        self.file.append_line(&again).map_err(io::Error::other)?;
        self.is_unsynced = true;
        // Without an id, the next run could not tell that it is in the file again.
        if stored.letter.id.is_none() { self.done(line) } else { Ok(()) }
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
                Some(Ok(stored)) => self.put_back(&line, &stored)?,
                Some(Err(_)) => self.set_aside(&line)?,
            }
        }
        self.file.sync()?;
        fs::remove_file(&self.path)?;
        fs::remove_file(beside(self.file.path(), "taken.done"))?;
        Ok(self.damaged)
    }
}

fn named(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Returns the path of a file beside this one.
pub(crate) fn beside(file: &Path, extension: &str) -> PathBuf {
    let mut name = file.as_os_str().to_os_string();
    name.push(".");
    name.push(extension);
    name.into()
}
