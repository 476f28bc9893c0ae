//! A sink that adds dead letters to a file.

use core::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::string::{String, ToString};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::error::JsonLinesError;
use super::file::{OnDisk, Open};
use super::line::{LetterLine, StoredLetter};
use super::opening::TornLine;
use super::paths::named;
use crate::dead_letter::letter::DeadLetter;
use crate::dead_letter::rejected_limit::{LetterAdmission, Limiter, RejectedLimit};
use crate::dead_letter::sink::{DeadLetterSink, LetterContext};
use crate::panics::caught;
use crate::verdict::Reason;

/// Adds dead letters to a file, one line of JSON per letter, so that they survive the program.
///
/// A letter counts as kept when its line is written and synced to disk, as [`OnDisk`] says. It then survives `kill -9`,
/// and with [`OnDisk::Each`], the default, also a loss of power. If a write fails, the file is cut back to whole lines,
/// and the letter goes to the next sink: see [`OrElse`](crate::dead_letter::OrElse). If the program is killed in the
/// middle of a line, the next [`open`](Self::open) moves that line to a file beside it and reports it by
/// [`torn`](Self::torn).
///
/// | method | error and metadata of the call |
/// |---|---|
/// | as the sink of a call, [`append`](Self::append) | written |
/// | [`requeue`](Self::requeue) | written again, as they were read |
/// | [`store`](Self::store) | absent: the letter comes from a queue or a channel, which does not keep them |
///
/// # One writer
///
/// Threads may share a sink, and only one sink has a file open. On unix, the file is locked. A second writer gets
/// [`ResourceBusy`](io::ErrorKind::ResourceBusy), also in another program, until the first one has ended in any way. On
/// other systems, the program must ensure that itself. If the file is removed, on unix the next letter creates it
/// again.
///
/// # Access
///
/// On unix, a new file has the mode 0600: only its owner may read it, because payloads may be confidential. The mode of
/// a file that exists stays as it is. If the path is a symbolic link, the file behind it is locked, synced and rotated,
/// and the link stays.
///
/// # In asynchronous code
///
/// With [`OnDisk::Each`], each letter waits for `fdatasync` on the thread of its call, which may be a thread of the
/// executor. On tokio, the `LetterWriter` of `retry-tokio` writes letters on a thread of its own. With another runtime,
/// there are two ways around that:
///
/// - With [`OnDisk::WhenTold`], a letter waits for the write only. Call [`sync`](Self::sync) from another thread, such
///   as once per second. Letters that come during a `sync` are written meanwhile. A loss of power may take the letters
///   since the last one.
/// - Put a channel in between: a `SyncSender<DeadLetter<T>>` is a sink. A thread receives the letters and calls
///   [`store`](Self::store). Their lines lack the error and the metadata.
///
/// # Example
///
/// ```
/// use retry_core::{dead_letter::{JsonLinesReader, JsonLinesSink}, testing::FakeClock, Class, Policy, Retry};
///
/// # let dir = std::env::temp_dir().join(format!("retry-core-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&dir)?;
/// # let path = dir.join("dead-letters.jsonl");
/// let letters = JsonLinesSink::open(&path)?;
/// let clock = FakeClock::new();
/// let stock = Retry::new(&Policy::DEFAULT, &clock).named("stock.write");
/// for order in ["7 apples", "3 pears"] {
///     let write = stock.dead_letters(&letters).metadata(&[("tenant", "north")]).payload(|| order);
///     let _ = write.run_blocking(|| Err::<(), _>(Class::Network));
/// }
/// let lines = std::fs::read_to_string(&path)?;
/// assert!(lines.starts_with(r#"{"v":1,"id":"0"#)); // and then more of the id, and the time
/// assert!(lines.lines().next().unwrap().ends_with(
///     r#""operation":"stock.write","reason":"attempts","class":"Network","attempts":3,"elapsed_ns":300000000,"error":"Network","metadata":{"tenant":"north"},"payload":"7 apples"}"#,
/// ));
///
/// // Later: move the file away from new letters, and try each letter again.
/// let taken = dir.join("taken.jsonl");
/// letters.rotate(&taken)?;
/// for stored in JsonLinesReader::<String>::open(&taken)? {
///     let stored = stored?;
///     let send = || if stored.letter.payload == "7 apples" { Ok(()) } else { Err(Class::Server) };
///     if stock.run_blocking(send).is_err() {
///         letters.requeue(stored)?;
///     }
/// }
/// std::fs::remove_file(&taken)?;
/// let left: Vec<_> = JsonLinesReader::<String>::open(&path)?.collect::<Result<_, _>>()?;
/// assert_eq!((left.len(), left[0].letter.payload.as_str(), left[0].letter.requeued), (1, "3 pears", 1));
/// # std::fs::remove_dir_all(&dir)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct JsonLinesSink {
    path: PathBuf,
    open: Mutex<Open>,
    on_disk: OnDisk,
    limit: usize,
    /// Not in `open`, because that is locked while the disk is written.
    rejected: Mutex<Limiter>,
}

impl JsonLinesSink {
    /// The default limit on the length of a line, in bytes: 1 MiB.
    pub const LIMIT: usize = 1 << 20;

    /// Opens the file, or creates it. Nothing is removed that a sink did not write:
    ///
    /// - If the last letter is whole and only lacks its line end, it is kept, and the line is ended.
    /// - If the file ends with the beginning of a letter, that is moved to a file beside it: see [`torn`](Self::torn).
    ///   Zeros that a loss of power left at the end of the file are moved with it.
    /// - If the file holds something else than letters, it is refused and left as it is. The first line shows that, and
    ///   a last line without a line end.
    ///
    /// # Errors
    /// Returns an error if the file cannot be opened, read or changed, if another writer has it open, or if it is not a
    /// file of dead letters ([`InvalidData`](io::ErrorKind::InvalidData)).
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref().to_path_buf();
        let open = Open::new(&path).map_err(named(&path))?;
        let (on_disk, limit) = (OnDisk::default(), Self::LIMIT);
        let rejected = Mutex::new(Limiter::new(RejectedLimit::DEFAULT));
        Ok(Self { path, open: Mutex::new(open), on_disk, limit, rejected })
    }

    /// Sets when lines are synced to disk. The default is [`OnDisk::Each`].
    #[must_use]
    pub fn on_disk(self, on_disk: OnDisk) -> Self {
        Self { on_disk, ..self }
    }

    /// Sets the longest line, in bytes, with its line end. Letters with a longer line are refused. The default is
    /// [`LIMIT`](Self::LIMIT).
    #[must_use]
    pub fn limit(self, bytes: usize) -> Self {
        Self { limit: bytes, ..self }
    }

    /// Sets how many letters of refused calls are written. The default is [`RejectedLimit::DEFAULT`]. Letters above that
    /// are counted by [`left_out`](Self::left_out) instead, so that an outage does not fill the disk.
    #[must_use]
    pub fn rejected_limit(self, limit: RejectedLimit) -> Self {
        Self { rejected: Mutex::new(Limiter::new(limit)), ..self }
    }

    /// Adds a letter, with the error of its call and the metadata. A call does this by itself if the file is its sink.
    ///
    /// # Errors
    /// Returns an error if the letter could not be written. The file is then as it was.
    pub fn append<T: Serialize, E: fmt::Display>(
        &self,
        letter: &DeadLetter<T>,
        context: &LetterContext<'_, E>,
    ) -> Result<(), JsonLinesError> {
        // The error and the payload are formatted before the lock is taken, because that runs code of the user.
        self.add(LetterLine::of(letter, context))
    }

    /// Adds a letter that waited elsewhere, such as in a [queue](crate::dead_letter::DeadLetterQueue) that a program
    /// empties when it stops, or in a channel. Its line lacks the error and the metadata.
    ///
    /// # Errors
    /// Returns an error if the letter could not be written. The file is then as it was.
    pub fn store<T: Serialize>(&self, letter: DeadLetter<T>) -> Result<(), JsonLinesError> {
        self.add(LetterLine::again(&letter.into()))
    }

    /// Adds a letter that was read but could not be delivered, as the newest, with its error and metadata. Adds 1 to
    /// its [`requeued`](DeadLetter::requeued).
    ///
    /// # Errors
    /// Returns an error if the letter could not be written. The file is then as it was.
    pub fn requeue<T: Serialize>(&self, mut stored: StoredLetter<T>) -> Result<(), JsonLinesError> {
        stored.letter.requeued = stored.letter.requeued.saturating_add(1);
        self.add(LetterLine::again(&stored))
    }

    /// Adds a letter that was made to a line before, such as on another thread.
    ///
    /// # Errors
    /// Returns an error if the letter could not be written. The file is then as it was.
    pub fn append_line(&self, line: &LetterLine) -> Result<(), JsonLinesError> {
        let bytes = line.with_end().as_bytes();
        let (length, limit) = (bytes.len(), self.limit);
        let mut open = self.lock();
        let added = match length > limit {
            true => Err(JsonLinesError::TooLong { length, limit }),
            false => open.add(bytes, self.on_disk).map_err(JsonLinesError::Io),
        };
        match &added {
            Ok(()) => open.kept += 1,
            Err(error) => open.fail(error.to_string()),
        }
        drop(open);
        if added.is_ok() && line.reason() == Reason::Rejected {
            self.rejected().wrote(length as u64);
        }
        added
    }

    fn add(&self, line: Result<LetterLine, JsonLinesError>) -> Result<(), JsonLinesError> {
        match line {
            Ok(line) => self.append_line(&line),
            Err(error) => {
                self.lock().fail(error.to_string());
                Err(error)
            }
        }
    }

    /// Syncs all lines so far to disk, whatever [`OnDisk`] says. Letters that come meanwhile are written, but may be
    /// left to the next sync.
    ///
    /// # Errors
    /// Returns an error if syncing fails.
    pub fn sync(&self) -> io::Result<()> {
        let (file, lines) = self.lock().unsynced();
        file.sync_data()?;
        self.lock().synced(&file, lines);
        Ok(())
    }

    /// Renames the file to `to`, and goes on with an empty one, so that the letters so far can be delivered again.
    ///
    /// # Errors
    /// Returns an error if `to` exists, or if renaming the file or creating the new one fails. The sink then goes on
    /// with the old file, under its old name unless another file has that name by then.
    pub fn rotate(&self, to: impl AsRef<Path>) -> io::Result<()> {
        self.lock().rotate(&self.path, to.as_ref())?;
        self.rejected().new_file();
        Ok(())
    }

    /// Returns the beginning of a letter that the file ended with when it was opened, and the file that keeps it.
    pub fn torn(&self) -> Option<TornLine> {
        self.lock().torn.clone()
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the longest line, in bytes, with its line end.
    pub const fn line_limit(&self) -> usize {
        self.limit
    }

    /// Returns how many letters were kept since the file was opened.
    pub fn kept(&self) -> u64 {
        self.lock().kept
    }

    /// Returns how often lines were synced to disk since the file was opened.
    pub fn syncs(&self) -> u64 {
        self.lock().syncs
    }

    /// Returns how many letters could not be kept since the file was opened.
    pub fn failed(&self) -> u64 {
        self.lock().failed
    }

    /// Returns how many letters of refused calls were left out since the file was opened, because of the
    /// [limit](Self::rejected_limit).
    pub fn left_out(&self) -> u64 {
        self.rejected().left_out
    }

    /// Returns the error of the last letter that could not be kept.
    pub fn last_error(&self) -> Option<String> {
        self.lock().last_error.clone()
    }

    fn rejected(&self) -> MutexGuard<'_, Limiter> {
        self.rejected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        // The file is whole between any two steps, so it can be used after a panic in another thread.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a letter with the error and the metadata of its call. If the payload or the error panics while it is
/// formatted, the letter is returned.
impl<T: Serialize, E: fmt::Display> DeadLetterSink<T, E> for JsonLinesSink {
    fn accept(&self, letter: DeadLetter<T>, context: &LetterContext<'_, E>) -> Result<(), DeadLetter<T>> {
        // `last_error` says why.
        match caught(|| self.append(&letter, context)) {
            Some(appended) => appended.map_err(|_| letter),
            None => {
                self.lock().fail("the payload or the error panicked".to_string());
                Err(letter)
            }
        }
    }

    fn admit(&self, context: &LetterContext<'_, E>) -> LetterAdmission {
        match context.error.reason() {
            Reason::Rejected => self.rejected().admit(context.error.context_ref().when),
            _ => LetterAdmission::Take,
        }
    }
}

impl fmt::Debug for JsonLinesSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, on_disk, limit, .. } = self;
        f.debug_struct("JsonLinesSink")
            .field("path", path)
            .field("torn", &self.torn())
            .field("on_disk", on_disk)
            .field("limit", limit)
            .field("kept", &self.kept())
            .field("failed", &self.failed())
            .field("left_out", &self.left_out())
            .finish_non_exhaustive()
    }
}
