//! A file to which dead letters are added.

use core::fmt;
use core::mem;
use std::io;
use std::path::{Path, PathBuf};
use std::string::{String, ToString};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use serde::Serialize;

use super::file::{OnDisk, Open, TornLine, WhenTorn, named};
use super::line::{Line, StoredLetter};
use crate::dead_letter::letter::DeadLetter;
use crate::dead_letter::sink::{DeadLetterSink, LetterContext};
use crate::panics::caught;

/// A file to which dead letters are added, a line of JSON each, so that they survive the program.
///
/// A letter counts as kept once its line is written and [on disk](OnDisk), so that neither `kill -9` nor, with
/// [`OnDisk::Each`], the loss of power takes it away again. What is cut off in the middle of a line is recognised when
/// the file is opened again, reported as [`torn`](Self::torn), and cut away. A write that fails leaves the file as it
/// was, and the letter comes back to whoever is asked [next](crate::dead_letter::OrElse).
///
/// One writer has a file at a time; threads may share it. On unix it locks the file, so that a second one is refused
/// with [`ResourceBusy`](io::ErrorKind::ResourceBusy), whichever program it is of; elsewhere that is for the program to
/// see to. A program that is killed has lost its lock with its life. Where the file is removed, the next letter makes
/// it anew, on unix, which alone lets an open file be removed. Each call waits for the disk: where that is too
/// long, or on a thread of asynchronous code, put a channel in between.
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
/// assert_eq!(
///     lines.lines().next().unwrap(),
///     r#"{"v":1,"operation":"stock.write","reason":"attempts","class":"Network","attempts":3,"elapsed_ns":300000000,"error":"Network","metadata":{"tenant":"north"},"payload":"7 apples"}"#,
/// );
///
/// // Later: out of the way of those that come in meanwhile, and each tried again.
/// let taken = dir.join("taken.jsonl");
/// letters.rotate(&taken)?;
/// for stored in JsonLinesReader::<String>::open(&taken)? {
///     let stored = stored?;
///     if stock.run_blocking(|| if stored.letter.payload == "7 apples" { Ok(()) } else { Err(Class::Server) }).is_err() {
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
    torn: Option<TornLine>,
    on_disk: OnDisk,
    limit: usize,
    stamp: Option<fn() -> SystemTime>,
}

/// Why a letter was not kept.
#[derive(Debug)]
#[non_exhaustive]
pub enum JsonLinesError {
    /// The payload has no JSON.
    Payload(serde_json::Error),
    /// The line is longer than the limit.
    TooLong {
        /// How long it would be, in bytes.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// It could not be written.
    Io(io::Error),
}

impl JsonLinesSink {
    /// The longest line that is written, in bytes, unless set.
    pub const LIMIT: usize = 1 << 20;

    /// Opens the file, or makes it; a torn line at its end is cut away, and reported as [`torn`](Self::torn).
    ///
    /// # Errors
    /// Where the file cannot be opened, read, or cut, or where another writer has it open.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::open_with(path, WhenTorn::Cut)
    }

    /// [`open`](Self::open), and what is done with a torn line.
    ///
    /// # Errors
    /// Where the file cannot be opened, read, or cut, or where another writer has it open.
    pub fn open_with(path: impl AsRef<Path>, when_torn: WhenTorn) -> io::Result<Self> {
        let path = path.as_ref().to_path_buf();
        let (open, torn) = Open::new(&path, when_torn).map_err(named(&path))?;
        let (on_disk, limit) = (OnDisk::default(), Self::LIMIT);
        Ok(Self { path, open: Mutex::new(open), torn, on_disk, limit, stamp: None })
    }

    /// When a line is made sure to be on disk; [`OnDisk::Each`] unless set.
    #[must_use]
    pub fn on_disk(self, on_disk: OnDisk) -> Self {
        Self { on_disk, ..self }
    }

    /// Refuses letters whose line would be longer than this, in bytes; [`LIMIT`](Self::LIMIT) unless set.
    #[must_use]
    pub fn limit(self, bytes: usize) -> Self {
        Self { limit: bytes, ..self }
    }

    /// Puts the time to each letter, by this clock: `SystemTime::now`, most often. Without one, no clock is read.
    #[must_use]
    pub fn stamped(self, clock: fn() -> SystemTime) -> Self {
        Self { stamp: Some(clock), ..self }
    }

    /// Adds a letter, with the error of its call and with its metadata.
    ///
    /// # Errors
    /// Returns an error if it is not kept; the file is then as it was.
    pub fn append<T: Serialize, E: fmt::Display>(
        &self,
        letter: &DeadLetter<T>,
        about: &LetterContext<'_, E>,
    ) -> Result<(), JsonLinesError> {
        // Others' code runs before the lock is taken: what shows the error, and the payload.
        self.write(&Line::of(letter, about, self.stamp.map(|now| now())))
    }

    /// Adds a letter that waited elsewhere, such as in a [queue](crate::dead_letter::DeadLetterQueue) that a program empties
    /// when it stops. Its line has no error and no metadata.
    ///
    /// # Errors
    /// Returns an error if it is not kept; the file is then as it was.
    pub fn store<T: Serialize>(&self, letter: DeadLetter<T>) -> Result<(), JsonLinesError> {
        let at = self.stamp.map(|now| now());
        self.write(&Line::again(&StoredLetter { at, ..letter.into() }))
    }

    /// Adds a letter that was read and could not be delivered again, as the newest.
    ///
    /// # Errors
    /// Returns an error if it is not kept; the file is then as it was.
    pub fn requeue<T: Serialize>(&self, mut stored: StoredLetter<T>) -> Result<(), JsonLinesError> {
        stored.letter.requeued = stored.letter.requeued.saturating_add(1);
        self.write(&Line::again(&stored))
    }

    fn write<T: Serialize>(&self, line: &Line<'_, T>) -> Result<(), JsonLinesError> {
        let mut bytes = mem::take(&mut self.lock().line);
        bytes.clear();
        let written = match line.write(&mut bytes) {
            Err(error) => Err(JsonLinesError::Payload(error)),
            Ok(()) if bytes.len() > self.limit => {
                Err(JsonLinesError::TooLong { length: bytes.len(), limit: self.limit })
            }
            Ok(()) => Ok(()),
        };
        let mut open = self.lock();
        let outcome =
            written.and_then(|()| open.add(&bytes, self.on_disk, &self.path).map_err(JsonLinesError::Io));
        match &outcome {
            Ok(()) => open.kept += 1,
            Err(error) => open.fail(error.to_string()),
        }
        bytes.clear();
        bytes.shrink_to(64 << 10);
        open.line = bytes;
        outcome
    }

    /// Makes sure that all lines are on disk.
    ///
    /// # Errors
    /// Where they are not.
    pub fn sync(&self) -> io::Result<()> {
        self.lock().sync()
    }

    /// Renames the file to `to`, where no file may be, and goes on with an empty one: to work on the letters so far.
    ///
    /// # Errors
    /// Where it cannot be renamed, or the new one cannot be made: then all goes on with the old one, under its old name
    /// unless another file has that by then.
    pub fn rotate(&self, to: impl AsRef<Path>) -> io::Result<()> {
        self.lock().rotate(&self.path, to.as_ref())
    }

    /// The torn line that the file ended with when it was opened.
    pub const fn torn(&self) -> Option<&TornLine> {
        self.torn.as_ref()
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many letters were kept since the file was opened.
    pub fn kept(&self) -> u64 {
        self.lock().kept
    }

    /// How many letters could not be kept since the file was opened.
    pub fn failed(&self) -> u64 {
        self.lock().failed
    }

    /// Why the last of those could not.
    pub fn last_error(&self) -> Option<String> {
        self.lock().last_error.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        // The file is whole between any two of its steps, so a panic elsewhere is no reason to stop.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the payload or the error panics when it is written, the letter is not kept, and comes back.
impl<T: Serialize, E: fmt::Display> DeadLetterSink<T, E> for JsonLinesSink {
    fn accept(&self, letter: DeadLetter<T>, about: &LetterContext<'_, E>) -> Result<(), DeadLetter<T>> {
        // Why not is in `last_error`.
        match caught(|| self.append(&letter, about)) {
            Some(appended) => appended.map_err(|_| letter),
            None => {
                self.lock().fail("the payload or the error panicked".to_string());
                Err(letter)
            }
        }
    }
}

impl fmt::Display for JsonLinesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payload(error) => write!(f, "the payload has no JSON: {error}"),
            Self::TooLong { length, limit } => {
                write!(f, "the line would have {length} bytes, more than the limit of {limit}")
            }
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for JsonLinesError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Payload(error) => Some(error),
            Self::Io(error) => Some(error),
            Self::TooLong { .. } => None,
        }
    }
}

impl fmt::Debug for JsonLinesSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, torn, on_disk, limit, .. } = self;
        f.debug_struct("JsonLinesSink")
            .field("path", path)
            .field("torn", torn)
            .field("on_disk", on_disk)
            .field("limit", limit)
            .field("kept", &self.kept())
            .field("failed", &self.failed())
            .finish_non_exhaustive()
    }
}
