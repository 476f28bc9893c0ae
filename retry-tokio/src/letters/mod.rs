//! Dead letters to a file, without blocking the threads of the runtime.

mod queue;

use core::fmt;
use core::panic::AssertUnwindSafe;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

use retry_core::dead_letter::{
    DeadLetter, DeadLetterSink, Deliver, JsonLinesSink, LetterAdmission, LetterContext, LetterLine, OnDisk,
};
use serde::Serialize;
use tokio::sync::oneshot;
use tokio::time::Sleep;

use self::queue::{Queue, Waiting};

/// Writes dead letters to a file on a thread of its own, so that neither a write nor `fdatasync` blocks the runtime.
///
/// Letters that come while the disk is busy are written together and synced once. They wait in memory, up to a number
/// and a size. If there is no room, a letter goes to the next sink and counts as [`refused`](Self::refused).
///
/// | a call with | waits for | its letter survives `kill -9` |
/// |---|---|---|
/// | `deliver_dead_letters(writer.or(&next))` | the disk | if the call has ended with [`Kept`](retry_core::dead_letter::LetterOutcome::Kept) |
/// | `dead_letters(&writer)` | nothing | once the thread has written it |
///
/// If a write fails, the letter of a call that waits goes to `next`. A letter without a call that waits stays in memory,
/// and is tried again ten times per second. If the sync after a write fails, the file is cut back to its length before, so
/// that it does not grow meanwhile.
///
/// | count | letters |
/// |---|---|
/// | [`waiting`](Self::waiting) | in memory, not known to be on disk |
/// | [`refused`](Self::refused) | for which there was no room |
/// | [`unwritable`](Self::unwritable) | that cannot be a line, such as a float that is not finite |
/// | [`failed`](Self::failed) | that the disk did not take: their calls, or the shutdown, got them back |
///
/// ```
/// use retry_core::{
///     Class, Policy,
///     dead_letter::{DeadLetterQueue, JsonLinesReader, JsonLinesSink, LetterOutcome, WhenFull},
/// };
/// use retry_tokio::LetterWriter;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// # let path = std::env::temp_dir().join(format!("retry-tokio-letters-{}.jsonl", std::process::id()));
/// let writer = LetterWriter::start(JsonLinesSink::open(&path).unwrap(), 10_000, 64 << 20).unwrap();
/// let rest = DeadLetterQueue::new(1_000, WhenFull::Refuse); // if the disk is full, or too slow
///
/// let stock = retry_tokio::retry(&Policy::DEFAULT).named("stock.write");
/// let write = stock.deliver_dead_letters(writer.or(&rest)).payload(|| "7 apples");
/// let error = write.run(|| async { Err::<(), _>(Class::Network) }).await.unwrap_err();
/// assert_eq!(error.letter(), Some(LetterOutcome::Kept)); // it is on disk
///
/// writer.shutdown().await.unwrap(); // when the program stops: writes what still waits
/// let stored = JsonLinesReader::<String>::open(&path).unwrap().next().unwrap().unwrap();
/// assert_eq!(stored.letter.payload, "7 apples");
/// # std::fs::remove_file(path).unwrap();
/// # }
/// ```
pub struct LetterWriter {
    shared: Arc<Shared>,
}

struct Shared {
    sink: JsonLinesSink,
    queue: Queue,
    unwritable: AtomicU64,
}

impl LetterWriter {
    /// Starts the thread that writes to `sink`. At most `letters` letters wait for the disk, of at most `bytes` bytes
    /// together, as lines. When lines are synced is up to the writer, so the sink's [`OnDisk`] is ignored.
    ///
    /// # Errors
    /// Returns an error if the system cannot start a thread.
    pub fn start(sink: JsonLinesSink, letters: usize, bytes: usize) -> io::Result<Self> {
        let sink = sink.on_disk(OnDisk::WhenTold);
        let shared = Shared { sink, queue: Queue::new(letters, bytes), unwritable: AtomicU64::new(0) };
        let shared = Arc::new(shared);
        let writing = Arc::clone(&shared);
        let thread = thread::Builder::new().name("dead-letters".to_owned());
        thread.spawn(move || writing.queue.write_to(&writing.sink))?;
        Ok(Self { shared })
    }

    /// Returns what delivers the letter of a call and waits until it is on disk, for
    /// [`deliver_dead_letters`](retry_core::Retry::deliver_dead_letters). A letter that is not kept goes to `next`; `&()`
    /// is a sink that keeps none.
    pub const fn or<'a, N: ?Sized>(&'a self, next: &'a N) -> KeptOr<'a, N> {
        KeptOr { writer: self, next, limit: None }
    }

    /// Hands a letter to the thread, and returns a future that waits until it is on disk. The letter is on its way even
    /// if the future is dropped.
    ///
    /// # Errors
    /// The future returns an error if the letter is not kept, or if the sink's
    /// [limit](JsonLinesSink::rejected_limit) of letters of refused calls is reached. The error is the letter.
    pub fn keep<T: Serialize, E: fmt::Display>(
        &self,
        letter: DeadLetter<T>,
        context: &LetterContext<'_, E>,
    ) -> Keeping<T> {
        match DeadLetterSink::<T, E>::admit(self, context) {
            LetterAdmission::Take => self.keep_admitted(letter, context, None),
            LetterAdmission::LeaveOut { first } => {
                context.left_out(first);
                Keeping { letter: Some(letter), kept: None, timeout: None }
            }
        }
    }

    fn keep_admitted<T: Serialize, E: fmt::Display>(
        &self,
        letter: DeadLetter<T>,
        context: &LetterContext<'_, E>,
        limit: Option<Duration>,
    ) -> Keeping<T> {
        let (send, kept) = oneshot::channel();
        let kept = self.push(&letter, context, Some(send)).then_some(kept);
        let timeout = limit.map(|limit| Box::pin(tokio::time::sleep(limit)));
        Keeping { letter: Some(letter), kept, timeout }
    }

    /// Writes what waits, and ends the thread. From now on, letters go to the next sink.
    ///
    /// If the disk fails, this ends after one more attempt. If the disk hangs, it waits as long as the disk hangs: see
    /// [`shutdown_within`](Self::shutdown_within). If its future is dropped, the thread goes on, and a further call waits
    /// for it.
    ///
    /// # Errors
    /// Returns an error if letters could not be written. The error has their lines.
    pub async fn shutdown(&self) -> Result<(), Unwritten> {
        let (send, ended) = oneshot::channel();
        self.shared.queue.close(Some(send));
        let _ = ended.await; // an error says that it has ended before
        let lines = self.shared.queue.take_unwritten();
        if lines.is_empty() { Ok(()) } else { Err(Unwritten { lines, why: self.shared.sink.last_error() }) }
    }

    /// Does the same as [`shutdown`](Self::shutdown), and waits at most for this time.
    ///
    /// # Errors
    /// Returns an error if letters could not be written, or if the disk took longer. The error has the lines that are not
    /// known to be on disk. If the disk answers later, some of them may be in the file, too; they have the same ids.
    ///
    /// # Panics
    /// Panics if tokio's timer is not enabled.
    pub async fn shutdown_within(&self, limit: Duration) -> Result<(), Unwritten> {
        if let Ok(ended) = tokio::time::timeout(limit, self.shutdown()).await {
            return ended;
        }
        let lines = self.shared.queue.abandon();
        let why = format!("the disk did not answer within {limit:?}");
        if lines.is_empty() { Ok(()) } else { Err(Unwritten { lines, why: Some(why) }) }
    }

    /// Returns how many letters wait for the disk.
    pub fn waiting(&self) -> usize {
        self.shared.queue.waiting().0
    }

    /// Returns the size of the letters that wait for the disk, in bytes.
    pub fn waiting_bytes(&self) -> usize {
        self.shared.queue.waiting().1
    }

    /// Returns how many letters were refused, because there was no room or because of a [shutdown](Self::shutdown).
    pub fn refused(&self) -> u64 {
        self.shared.queue.refused()
    }

    /// Returns how many letters the disk did not take: their calls, or the shutdown, got them back. A letter counts once,
    /// however often it was tried.
    pub fn failed(&self) -> u64 {
        self.shared.queue.failed()
    }

    /// Returns how many letters could not be made to a line: their payload cannot be written as JSON, or the line is
    /// longer than the sink's limit.
    pub fn unwritable(&self) -> u64 {
        self.shared.unwritable.load(Relaxed)
    }

    /// Returns the sink, such as for its counts, or to rotate the file. It counts what the thread has written, and
    /// [`failed`](Self::failed) of the writer what it has not.
    pub fn sink(&self) -> &JsonLinesSink {
        &self.shared.sink
    }

    fn push<T: Serialize, E: fmt::Display>(
        &self,
        letter: &DeadLetter<T>,
        context: &LetterContext<'_, E>,
        kept: Option<oneshot::Sender<bool>>,
    ) -> bool {
        // The payload and the error are code of the user. If they panic, the next sink gets the letter.
        let line = catch_unwind(AssertUnwindSafe(|| LetterLine::of(letter, context)));
        match line {
            Ok(Ok(line)) if line.with_end().len() <= self.shared.sink.line_limit() => {
                self.shared.queue.push(Waiting::new(line, kept))
            }
            _ => {
                self.shared.unwritable.fetch_add(1, Relaxed);
                false
            }
        }
    }
}

/// The thread writes what waits, unless the program ends first. If the disk fails, it tries again until then. To wait for
/// that, use [`shutdown`](LetterWriter::shutdown).
impl Drop for LetterWriter {
    fn drop(&mut self) {
        self.shared.queue.close(None);
    }
}

/// Hands letters to the thread without waiting for the disk. The observer is then told that a letter is kept while it is
/// still in memory.
impl<T: Serialize, E: fmt::Display> DeadLetterSink<T, E> for LetterWriter {
    fn accept(&self, letter: DeadLetter<T>, context: &LetterContext<'_, E>) -> Result<(), DeadLetter<T>> {
        if self.push(&letter, context, None) { Ok(()) } else { Err(letter) }
    }

    fn admit(&self, context: &LetterContext<'_, E>) -> LetterAdmission {
        DeadLetterSink::<T, E>::admit(&self.shared.sink, context)
    }
}

/// Delivers a letter to a [`LetterWriter`], and if that does not keep it, to the next sink: see [`LetterWriter::or`].
pub struct KeptOr<'a, N: ?Sized> {
    writer: &'a LetterWriter,
    next: &'a N,
    limit: Option<Duration>,
}

impl<N: ?Sized> KeptOr<'_, N> {
    /// Sets the longest time that a call waits for the disk. After that, its letter goes to the next sink. If the disk
    /// answers later, the letter may be in the file, too, with the same id. By default there is no limit.
    #[must_use]
    pub const fn within(self, limit: Duration) -> Self {
        Self { limit: Some(limit), ..self }
    }
}

impl<T, E, N> Deliver<T, E> for KeptOr<'_, N>
where
    T: Serialize,
    E: fmt::Display,
    N: DeadLetterSink<T, E> + ?Sized,
{
    type Delivery = Keeping<T>;

    fn deliver(&self, letter: DeadLetter<T>, context: &LetterContext<'_, E>) -> Keeping<T> {
        self.writer.keep_admitted(letter, context, self.limit)
    }

    fn admit(&self, context: &LetterContext<'_, E>) -> LetterAdmission {
        DeadLetterSink::<T, E>::admit(self.writer, context)
    }

    fn returned(&self, letter: DeadLetter<T>, context: &LetterContext<'_, E>) -> Result<(), DeadLetter<T>> {
        self.next.accept_returned(letter, context)
    }
}

/// Waits until a letter is on disk: see [`LetterWriter::keep`].
#[must_use = "a future does nothing until it is awaited"]
pub struct Keeping<T> {
    /// `None` once it was returned.
    letter: Option<DeadLetter<T>>,
    /// `None` if the letter was refused.
    kept: Option<oneshot::Receiver<bool>>,
    timeout: Option<Pin<Box<Sleep>>>,
}

impl<T> Unpin for Keeping<T> {} // the letter is never pinned

impl<T> Future for Keeping<T> {
    type Output = Result<(), DeadLetter<T>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { kept, timeout, .. } = &mut *self;
        let kept = match kept.as_mut().map(|kept| Pin::new(kept).poll(context)) {
            None => false,
            Some(Poll::Ready(kept)) => kept.unwrap_or(false),
            Some(Poll::Pending) => {
                ready!(timeout.as_mut().map_or(Poll::Pending, |timeout| timeout.as_mut().poll(context)));
                false
            }
        };
        let letter = self.letter.take();
        Poll::Ready(if kept { Ok(()) } else { letter.map_or(Ok(()), Err) })
    }
}

/// The error of a [shutdown](LetterWriter::shutdown): letters that could not be written.
#[derive(Debug)]
#[non_exhaustive]
pub struct Unwritten {
    /// The lines of the letters.
    pub lines: Vec<LetterLine>,
    /// The error of the last attempt.
    pub why: Option<String>,
}

impl fmt::Display for Unwritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} dead letters could not be written", self.lines.len())?;
        self.why.as_ref().map_or(Ok(()), |why| write!(f, ": {why}"))
    }
}

impl core::error::Error for Unwritten {}

impl fmt::Debug for LetterWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LetterWriter")
            .field("sink", self.sink())
            .field("waiting", &self.waiting())
            .field("waiting_bytes", &self.waiting_bytes())
            .field("refused", &self.refused())
            .field("unwritable", &self.unwritable())
            .field("failed", &self.failed())
            .finish()
    }
}

impl<N: ?Sized> Clone for KeptOr<'_, N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<N: ?Sized> Copy for KeptOr<'_, N> {}

impl<N: ?Sized> fmt::Debug for KeptOr<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptOr")
            .field("writer", self.writer)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Keeping<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keeping(..)")
    }
}
