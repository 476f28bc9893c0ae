//! A sink that adds dead letters to a file.

use core::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::string::{String, ToString};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::vec::Vec;

use serde::Serialize;

use super::counts::Counts;
use super::error::JsonLinesError;
use super::file::{OnDisk, Open};
use super::line::{LetterLine, StoredLetter};
use super::opening::TornLine;
use super::paths::named;
use crate::dead_letter::letter::DeadLetter;
use crate::dead_letter::rejected_limit::{LetterAdmission, Limiter, RejectedLimit};
use crate::dead_letter::sink::{DeadLetterSink, LetterContext};
use crate::panics::caught;

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
    rejected: RejectedLimit,
    /// Not in `open`, because that is locked while the disk is written.
    counts: Mutex<Counts>,
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
        let mut open = Open::new(&path).map_err(named(&path))?;
        let torn = open.torn.take();
        Ok(Self {
            path,
            open: Mutex::new(open),
            on_disk: OnDisk::default(),
            limit: Self::LIMIT,
            rejected: RejectedLimit::DEFAULT,
            counts: Mutex::new(Counts::new(torn)),
        })
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
        Self { rejected: limit, ..self }
    }

    /// Adds a letter, with the error of its call and the metadata. A call does this by itself if the file is its sink.
    ///
    /// # Errors
    /// Returns an error if the letter could not be written, or if the [limit](Self::rejected_limit) of letters of refused
    /// calls is reached. The file is then as it was.
    pub fn append<T: Serialize, E: fmt::Display>(
        &self,
        letter: &DeadLetter<T>,
        context: &LetterContext<'_, E>,
    ) -> Result<(), JsonLinesError> {
        if let LetterAdmission::LeaveOut { first } = self.admission(context) {
            context.left_out(first);
            return Err(JsonLinesError::LeftOut);
        }
        self.append_admitted(letter, context)
    }

    fn append_admitted<T: Serialize, E: fmt::Display>(
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
        let added = self.fits(line).and_then(|()| {
            let mut open = self.lock();
            let added = open.add(line.with_end().as_bytes(), self.on_disk).map_err(JsonLinesError::Io);
            self.note(&mut open);
            added
        });
        let mut counts = self.counts();
        match &added {
            Ok(()) => counts.keep(line),
            Err(error) => counts.fail(error.to_string()),
        }
        added
    }

    /// Adds lines, and syncs them once, whatever [`OnDisk`] says. Returns the results in the order of the lines.
    ///
    /// A line that cannot be written leaves the file as it was, and the next ones are tried. If the sync fails, the file is
    /// cut back to its length before, and no line is kept. So each line may be added again: it is not in the file yet.
    /// Therefore a line that fails does not count as [`failed`](Self::failed).
    ///
    /// ```
    /// use retry_core::{GiveUp, dead_letter::{DeadLetter, JsonLinesSink, LetterLine, Reason}};
    ///
    /// # let path = std::env::temp_dir().join(format!("retry-core-lines-{}.jsonl", std::process::id()));
    /// let letters = JsonLinesSink::open(&path).unwrap();
    /// let line = |order: &str| {
    ///     LetterLine::again(&DeadLetter::new(Reason::GaveUp(GiveUp::Attempts), order).into()).unwrap()
    /// };
    /// let results = letters.append_lines(&[line("7 apples"), line("3 pears")]);
    /// assert!(results.iter().all(Result::is_ok));
    /// assert_eq!((letters.kept(), letters.syncs()), (2, 1));
    /// # std::fs::remove_file(path).unwrap();
    /// ```
    pub fn append_lines<'a>(
        &self,
        lines: impl IntoIterator<Item = &'a LetterLine>,
    ) -> Vec<Result<(), JsonLinesError>> {
        let lines: Vec<_> = lines.into_iter().map(|line| (line, self.fits(line))).collect();
        let fitting = lines.iter().filter(|(_, fits)| fits.is_ok());
        let mut open = self.lock();
        let mut added = open.add_all(fitting.map(|(line, _)| line.with_end().as_bytes())).into_iter();
        self.note(&mut open);
        drop(open);
        let mut counts = self.counts();
        let add = |(line, fits): (&LetterLine, Result<(), JsonLinesError>)| {
            let added = fits.and_then(|()| added.next().unwrap_or(Ok(())).map_err(JsonLinesError::Io));
            match &added {
                Ok(()) => counts.keep(line),
                Err(error) => counts.last_error = Some(error.to_string()),
            }
            added
        };
        lines.into_iter().map(add).collect()
    }

    fn fits(&self, line: &LetterLine) -> Result<(), JsonLinesError> {
        let (length, limit) = (line.with_end().len(), self.limit);
        if length > limit { Err(JsonLinesError::TooLong { length, limit }) } else { Ok(()) }
    }

    fn add(&self, line: Result<LetterLine, JsonLinesError>) -> Result<(), JsonLinesError> {
        match line {
            Ok(line) => self.append_line(&line),
            Err(error) => {
                self.counts().fail(error.to_string());
                Err(error)
            }
        }
    }

    /// Syncs all lines so far to disk, whatever [`OnDisk`] says. Letters that come meanwhile are written, but may be
    /// left to the next sync.
    ///
    /// # Errors
    /// Returns an error if syncing fails. A loss of power may then take the lines since the last sync, even if a later
    /// sync succeeds: the system may report a failed write of its cache only once.
    pub fn sync(&self) -> io::Result<()> {
        let (file, lines) = self.lock().unsynced();
        file.sync_data()?;
        let mut open = self.lock();
        open.synced(&file, lines);
        self.note(&mut open);
        Ok(())
    }

    /// Renames the file to `to`, and goes on with an empty one, so that the letters so far can be delivered again.
    ///
    /// # Errors
    /// Returns an error if `to` exists, or if renaming the file or creating the new one fails. The sink then goes on
    /// with the old file, under its old name unless another file has that name by then.
    pub fn rotate(&self, to: impl AsRef<Path>) -> io::Result<()> {
        let mut open = self.lock();
        let rotated = open.rotate(&self.path, to.as_ref());
        self.note(&mut open);
        if rotated.is_ok() {
            self.counts().limiter.new_file();
        }
        rotated
    }

    /// Returns the beginning of a letter that the file ended with when it was opened, and the file that keeps it.
    pub fn torn(&self) -> Option<TornLine> {
        self.counts().torn.clone()
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
        self.counts().kept
    }

    /// Returns how often lines were synced to disk since the file was opened.
    pub fn syncs(&self) -> u64 {
        self.counts().syncs
    }

    /// Returns how many letters could not be kept since the file was opened. Lines of
    /// [`append_lines`](Self::append_lines) are left out.
    pub fn failed(&self) -> u64 {
        self.counts().failed
    }

    /// Returns how many letters of refused calls were left out since the file was opened, because of the
    /// [limit](Self::rejected_limit).
    pub fn left_out(&self) -> u64 {
        self.counts().limiter.left_out
    }

    /// Returns the error of the last letter that could not be kept.
    pub fn last_error(&self) -> Option<String> {
        self.counts().last_error.clone()
    }

    fn admission<E>(&self, context: &LetterContext<'_, E>) -> LetterAdmission {
        Limiter::admit(self.rejected, context.error, |admit| admit(&mut self.counts().limiter))
    }

    /// Takes note of what happened to the open file.
    fn note(&self, open: &mut Open) {
        let mut counts = self.counts();
        counts.syncs = open.syncs;
        if let Some(torn) = open.torn.take() {
            counts.torn = Some(torn);
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
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
        match caught(|| self.append_admitted(&letter, context)) {
            Some(appended) => appended.map_err(|_| letter),
            None => {
                self.counts().fail("the payload or the error panicked".to_string());
                Err(letter)
            }
        }
    }

    fn admit(&self, context: &LetterContext<'_, E>) -> LetterAdmission {
        self.admission(context)
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
