//! A file that consists of whole lines.

use core::ops::Deref;
#[cfg(unix)]
use std::fs::TryLockError;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::string::String;
use std::sync::Arc;

use super::opening::{TornLine, end_of, set_aside};
use super::paths::{has_no_name, is_at, named, private, sync_directory};

/// When the lines of a [`JsonLinesSink`](super::JsonLinesSink) are synced to disk, by `fdatasync`.
///
/// Before that, they are in the cache of the operating system. There they survive `kill -9`, and a loss of power takes
/// them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDisk {
    /// Syncs each line before its letter counts as kept. This is the default. Each letter waits for the disk.
    #[default]
    Each,
    /// Syncs after this many lines, and when [`JsonLinesSink::sync`](super::JsonLinesSink::sync) is called. A loss of
    /// power may take up to this many letters.
    Every(u32),
    /// Syncs when [`JsonLinesSink::sync`](super::JsonLinesSink::sync) is called, and when the sink is dropped. A loss
    /// of power may take the letters since the last sync.
    WhenTold,
}

/// An open file, and what is known about it.
pub(super) struct Open {
    /// Shared with a `sync` that is under way.
    file: Arc<Locked>,
    /// The path of the file itself, with all symbolic links followed.
    path: PathBuf,
    pub(super) torn: Option<TornLine>,
    /// The length of the whole lines, if a failed write is still to be taken back.
    ragged: Option<u64>,
    /// The number of lines that are still to be synced.
    pending: u32,
    pub(super) kept: u64,
    pub(super) syncs: u64,
    pub(super) failed: u64,
    pub(super) last_error: Option<String>,
}

impl Open {
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        let (file, path, torn) = open_whole(path)?;
        Ok(Self {
            file: Arc::new(file),
            path,
            torn,
            ragged: None,
            pending: 0,
            kept: 0,
            syncs: 0,
            failed: 0,
            last_error: None,
        })
    }

    /// Adds a line. If that fails, leaves the file as it was.
    pub(super) fn add(&mut self, line: &[u8], on_disk: OnDisk) -> io::Result<()> {
        self.take_back()?;
        let before = self.there()?;
        let added = (&**self.file).write_all(line).and_then(|()| self.settle(on_disk));
        if added.is_err() {
            self.ragged = Some(before);
            // If this fails, too, the next line tries it again.
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

    /// Cuts the file back to whole lines after a failed write. Another program may have cut it further meanwhile.
    fn take_back(&mut self) -> io::Result<()> {
        if let Some(length) = self.ragged {
            if self.file.metadata()?.len() > length {
                self.file.set_len(length)?;
            }
            self.ragged = None;
        }
        Ok(())
    }

    /// Returns the length of the file. If the file was removed, first opens the one that is at the path now, or a new
    /// one: lines that are added to a removed file are gone with it.
    fn there(&mut self) -> io::Result<u64> {
        let metadata = self.file.metadata()?;
        // Some file systems do not count names.
        if !has_no_name(&metadata) || is_at(&self.file, &self.path).unwrap_or(false) {
            return Ok(metadata.len());
        }
        let (file, _, torn) = open_whole(&self.path)?;
        (self.file, self.pending) = (Arc::new(file), 0);
        self.torn = torn.or(self.torn.take());
        Ok(self.file.metadata()?.len())
    }

    /// Counts a letter that was refused.
    pub(super) fn fail(&mut self, why: String) {
        self.failed += 1;
        self.last_error = Some(why);
    }

    /// Syncs all lines to disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        self.pending = 0;
        self.syncs += 1;
        Ok(())
    }

    /// Returns the file, and how many of its lines are still to be synced, for a sync that lets others write.
    pub(super) fn unsynced(&self) -> (Arc<Locked>, u32) {
        (Arc::clone(&self.file), self.pending)
    }

    /// Takes note that this many lines of this file are synced.
    pub(super) fn synced(&mut self, file: &Arc<Locked>, lines: u32) {
        self.syncs += 1;
        if Arc::ptr_eq(&self.file, file) {
            self.pending = self.pending.saturating_sub(lines);
        }
    }

    /// Renames the file, and goes on with an empty one. An error names its file: `shown` is the sink's own.
    pub(super) fn rotate(&mut self, shown: &Path, to: &Path) -> io::Result<()> {
        self.take_back().and_then(|()| self.there()).and_then(|_| self.sync()).map_err(named(shown))?;
        if fs::exists(to).map_err(named(to))? {
            return Err(named(to)(io::Error::new(io::ErrorKind::AlreadyExists, "exists")));
        }
        let path = &self.path;
        if !is_at(&self.file, path).map_err(named(shown))? {
            let replaced = "the file was renamed, and another is in its place";
            return Err(named(shown)(io::Error::new(io::ErrorKind::NotFound, replaced)));
        }
        fs::rename(path, to).map_err(named(to))?; // `path` existed a moment ago
        // Everything that can fail comes before the new file is used, so that the old one is kept after an error.
        let new = sync_directory(to).map_err(named(to)).and_then(|()| open(path).map_err(named(shown)));
        match new {
            Ok((file, _)) => {
                self.file = Arc::new(file);
                Ok(())
            }
            Err(error) => {
                // A file that another program has put there meanwhile is not overwritten. The old file then keeps its
                // new name.
                if !fs::exists(path).map_err(named(shown))? {
                    fs::rename(to, path).map_err(named(to))?;
                }
                Err(error)
            }
        }
    }
}

/// Syncs the last lines. An error is lost here; `sync` would have reported it.
impl Drop for Open {
    fn drop(&mut self) {
        if self.pending > 0 {
            let _ = self.file.sync_data();
        }
    }
}

/// Opens the file, and makes sure that it ends with a whole line. Returns its path without symbolic links, and what was
/// torn at its end.
fn open_whole(path: &Path) -> io::Result<(Locked, PathBuf, Option<TornLine>)> {
    let (file, path) = open(path)?;
    let metadata = file.metadata()?;
    // Of a device, nothing is read.
    if !metadata.is_file() || metadata.len() == 0 {
        return Ok((file, path, None));
    }
    let length = metadata.len();
    let end = end_of(&file, length)?;
    let torn = match end.length < length {
        true => Some(set_aside(&file, &path, end.length, length - end.length)?),
        false => None,
    };
    if torn.is_some() {
        file.set_len(end.length)?;
    }
    if end.open {
        (&*file).write_all(b"\n")?;
    }
    if torn.is_some() || end.open {
        file.sync_data()?;
    }
    Ok((file, path, torn))
}

/// Opens the file for one writer, and returns its path without symbolic links. If the file is new, also syncs its entry
/// in the directory.
fn open(path: &Path) -> io::Result<(Locked, PathBuf)> {
    let existed = fs::exists(path)?;
    let file = private(OpenOptions::new().read(true).append(true).create(true)).open(path)?;
    let file = lock(file)?;
    // A device may have no other path than this one.
    let real = if file.metadata()?.is_file() { fs::canonicalize(path)? } else { path.to_path_buf() };
    if !is_at(&file, &real)? {
        return open(path); // its writer rotated it before releasing the lock
    }
    if !existed {
        file.sync_all()?;
        sync_directory(&real)?;
    }
    Ok((file, real))
}

/// Locks the file, or returns an error if another writer has it open. The lock ends with its program. Only unix has it,
/// because locks do not keep readers away there. Devices are not locked: they may have many writers.
fn lock(file: File) -> io::Result<Locked> {
    #[cfg(unix)]
    if file.metadata()?.is_file()
        && let Err(TryLockError::WouldBlock) = file.try_lock()
    {
        return Err(io::Error::new(io::ErrorKind::ResourceBusy, "another writer has it open"));
    }
    // Any other error means a file system without locks. It is better to keep letters there than to refuse them.
    Ok(Locked(file))
}

/// A file that is unlocked when it is dropped.
///
/// To close it is not enough. A process that another thread has just started holds a copy of every open file until it
/// runs its own program, and the lock with it.
#[derive(Debug)]
pub(super) struct Locked(File);

impl Deref for Locked {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        #[cfg(unix)]
        let _ = self.0.unlock();
    }
}
