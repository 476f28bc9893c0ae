//! A file that holds nothing but whole lines.

use std::format;
#[cfg(unix)]
use std::fs::TryLockError;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::string::String;
use std::vec::Vec;

/// When a line is made sure to be on disk, and not only with the operating system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDisk {
    /// Before the letter counts as kept.
    #[default]
    Each,
    /// After so many, and when [`JsonLinesSink::sync`](super::JsonLinesSink::sync) is called. The loss of power may take that many; `kill -9` none.
    Every(u32),
    /// When [`JsonLinesSink::sync`](super::JsonLinesSink::sync) is called, or the operating system sees fit.
    WhenTold,
}

/// What becomes of a torn line when its file is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenTorn {
    /// It is cut away. What it was is in [`JsonLinesSink::torn`](super::JsonLinesSink::torn).
    #[default]
    Cut,
    /// It is ended, and stays in the file as a line that is no letter.
    Keep,
}

/// A line that its writer did not get to the end of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TornLine {
    /// The byte of the file at which it begins.
    pub at: u64,
    /// How many bytes of it there are.
    pub length: u64,
    /// Those bytes, or the first 64 KiB of them.
    pub bytes: Vec<u8>,
}

/// The file, and what is known of it.
pub(super) struct Open {
    file: File,
    /// How long the file is with nothing but whole lines, where a write failed and could not be taken back.
    ragged: Option<u64>,
    /// How many lines are not known to be on disk.
    pending: u32,
    pub(super) line: Vec<u8>,
    pub(super) kept: u64,
    pub(super) failed: u64,
    pub(super) last_error: Option<String>,
}

impl Open {
    pub(super) fn new(path: &Path, when_torn: WhenTorn) -> io::Result<(Self, Option<TornLine>)> {
        let (file, torn) = open_whole(path, when_torn)?;
        let open =
            Self { file, ragged: None, pending: 0, line: Vec::new(), kept: 0, failed: 0, last_error: None };
        Ok((open, torn))
    }

    /// Adds a line, as a whole or not at all.
    pub(super) fn add(&mut self, line: &[u8], on_disk: OnDisk, path: &Path) -> io::Result<()> {
        self.take_back()?;
        let before = self.there(path)?;
        let added = self.file.write_all(line).and_then(|()| self.settle(on_disk));
        if added.is_err() {
            self.ragged = Some(before);
            // What cannot be taken back now will be before the next line.
            let _ = self.take_back();
        }
        added
    }

    fn settle(&mut self, on_disk: OnDisk) -> io::Result<()> {
        self.pending = self.pending.saturating_add(1);
        let due = match on_disk {
            OnDisk::Each => true,
            OnDisk::Every(lines) => self.pending >= lines,
            OnDisk::WhenTold => false,
        };
        if due { self.sync() } else { Ok(()) }
    }

    /// Cuts away what is more than whole lines, if there is any. Someone else may have cut more.
    fn take_back(&mut self) -> io::Result<()> {
        if let Some(length) = self.ragged {
            if self.file.metadata()?.len() > length {
                self.file.set_len(length)?;
            }
            self.ragged = None;
        }
        Ok(())
    }

    /// Makes sure that the file has a name still, else goes on with the one that has its name, or a new one: what is
    /// added to a file that was removed is gone with it. How long it is.
    fn there(&mut self, path: &Path) -> io::Result<u64> {
        let metadata = self.file.metadata()?;
        // Some file systems count no names at all.
        if !has_no_name(&metadata) || is_at(&self.file, path).unwrap_or(false) {
            return Ok(metadata.len());
        }
        let (file, _) = open_whole(path, WhenTorn::Keep)?;
        (self.file, self.pending) = (file, 0);
        Ok(self.file.metadata()?.len())
    }

    /// Counts a letter that is not kept.
    pub(super) fn fail(&mut self, why: String) {
        self.failed += 1;
        self.last_error = Some(why);
    }

    /// Makes sure that all lines are on disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        self.pending = 0;
        Ok(())
    }

    /// Renames the file, and goes on with an empty one. An error names the file that it is about.
    pub(super) fn rotate(&mut self, path: &Path, to: &Path) -> io::Result<()> {
        self.take_back().and_then(|()| self.there(path)).and_then(|_| self.sync()).map_err(named(path))?;
        if fs::exists(to).map_err(named(to))? {
            return Err(named(to)(io::Error::new(io::ErrorKind::AlreadyExists, "exists")));
        }
        if !is_at(&self.file, path).map_err(named(path))? {
            let replaced = "the file was renamed, and another is in its place";
            return Err(named(path)(io::Error::new(io::ErrorKind::NotFound, replaced)));
        }
        fs::rename(path, to).map_err(named(to))?; // `path` was there just now
        // All that can fail comes before the new file is taken, so that an error leaves the old one.
        let new = sync_directory(to).map_err(named(to)).and_then(|()| open(path).map_err(named(path)));
        match new {
            Ok(file) => {
                self.file = file;
                Ok(())
            }
            Err(error) => {
                // What someone else has put there meanwhile is not overwritten: then the old one keeps its new name.
                if !fs::exists(path).map_err(named(path))? {
                    fs::rename(to, path).map_err(named(to))?;
                }
                Err(error)
            }
        }
    }
}

/// What is written last is on disk, too, as far as the system allows: it is told of no failure here.
impl Drop for Open {
    fn drop(&mut self) {
        if self.pending > 0 {
            let _ = self.file.sync_data();
        }
    }
}

/// Opens the file, and makes sure that it ends with a whole line.
fn open_whole(path: &Path, when_torn: WhenTorn) -> io::Result<(File, Option<TornLine>)> {
    let mut file = open(path)?;
    let length = file.metadata()?.len();
    let torn = torn_end(&mut file, length)?;
    if let Some(torn) = &torn {
        match when_torn {
            WhenTorn::Cut => file.set_len(torn.at)?,
            WhenTorn::Keep => file.write_all(b"\n")?,
        }
        file.sync_data()?;
    }
    Ok((file, torn))
}

/// Opens the file to add to it, and nobody else besides. A new one is in its directory for good.
fn open(path: &Path) -> io::Result<File> {
    let existed = fs::exists(path)?;
    let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    lock(&file)?;
    if !is_at(&file, path)? {
        return open(path); // its writer turned it over before it let go of it
    }
    if !existed {
        file.sync_all()?;
        sync_directory(path)?;
    }
    Ok(file)
}

/// Refuses a file that another writer has open; its lock goes with it, however it ends. Only where locks do not keep
/// readers away, and of files that are some: a device may have many writers.
fn lock(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    if file.metadata()?.is_file()
        && let Err(TryLockError::WouldBlock) = file.try_lock()
    {
        return Err(io::Error::new(io::ErrorKind::ResourceBusy, "another writer has it open"));
    }
    // Any other error: a file system without locks, on which letters are better kept than refused.
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

/// Whether nothing but its writers' handles leads to the file; where that cannot be told, more does.
fn has_no_name(metadata: &Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        metadata.nlink() == 0
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        false
    }
}

/// Whether it is this file that has the name `path`; where that cannot be told, it has.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let (ours, there) = (file.metadata()?, fs::metadata(path)?);
        Ok((ours.dev(), ours.ino()) == (there.dev(), there.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        fs::exists(path)
    }
}

/// Makes sure that the names in the directory of `path` are on disk, where a system has that.
fn sync_directory(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// What stands at the end of a file without an end of its own.
fn torn_end(file: &mut File, length: u64) -> io::Result<Option<TornLine>> {
    const STEP: usize = 64 << 10;
    let mut from = length;
    let mut tail = Vec::new();
    while from > 0 {
        let step = from.min(STEP as u64);
        from -= step;
        file.seek(SeekFrom::Start(from))?;
        let mut part = Vec::new();
        file.take(step).read_to_end(&mut part)?;
        let end = part.iter().rposition(|byte| *byte == b'\n');
        let begin = end.map_or(0, |end| end + 1);
        part.drain(..begin);
        // Of a torn line longer than a step, its beginning tells most.
        part.append(&mut tail);
        part.truncate(STEP);
        tail = part;
        if end.is_some() {
            from += begin as u64;
            break;
        }
    }
    Ok((from < length).then(|| TornLine { at: from, length: length - from, bytes: tail }))
}

/// The error, and which file it is about.
pub(super) fn named(path: &Path) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
