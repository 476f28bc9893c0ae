//! The lines that wait for the disk, and the thread that writes them.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use retry_core::dead_letter::{JsonLinesSink, LetterLine};
use tokio::sync::oneshot;

/// A line that waits, and the call that waits for it, if one does.
pub(super) struct Waiting {
    pub(super) line: LetterLine,
    pub(super) kept: Option<oneshot::Sender<bool>>,
}

pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    most_letters: usize,
    most_bytes: usize,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    /// The letters and their bytes, those that the thread is writing included.
    letters: usize,
    bytes: usize,
    refused: u64,
    is_closed: bool,
    /// Whether the last lines could not be written, so that a pause comes before the next attempt.
    is_failing: bool,
    unwritten: Vec<LetterLine>,
    ended: bool,
    shutdowns: Vec<oneshot::Sender<()>>,
}

/// The most lines that are written before they are synced together.
const BATCH: usize = 256;
/// The time between two attempts to write to a disk that fails.
const PAUSE: Duration = Duration::from_millis(100);

impl Queue {
    pub(super) fn new(most_letters: usize, most_bytes: usize) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), most_letters, most_bytes }
    }

    /// Adds a line, or returns `false` if there is no room for it.
    pub(super) fn push(&self, waiting: Waiting) -> bool {
        let bytes = waiting.line.with_end().len();
        let mut state = self.lock();
        let has_room =
            state.letters < self.most_letters && state.bytes.saturating_add(bytes) <= self.most_bytes;
        if state.is_closed || !has_room {
            state.refused += 1;
            return false;
        }
        state.letters += 1;
        state.bytes += bytes;
        state.waiting.push_back(waiting);
        self.changed.notify_one();
        true
    }

    /// Lets the thread write what waits, and end. `ended` is told then.
    pub(super) fn close(&self, ended: Option<oneshot::Sender<()>>) {
        let mut state = self.lock();
        state.is_closed = true;
        // If the thread has ended, the sender is dropped, which tells the same.
        if !state.ended {
            state.shutdowns.extend(ended);
        }
        self.changed.notify_one();
    }

    /// Returns the number of letters that wait, and their size in bytes.
    pub(super) fn waiting(&self) -> (usize, usize) {
        let state = self.lock();
        (state.letters, state.bytes)
    }

    pub(super) fn refused(&self) -> u64 {
        self.lock().refused
    }

    pub(super) fn take_unwritten(&self) -> Vec<LetterLine> {
        std::mem::take(&mut self.lock().unwritten)
    }

    /// Writes lines until the queue is closed and empty. This is the thread.
    pub(super) fn write_to(&self, sink: &JsonLinesSink) {
        while let Some(batch) = self.next_batch() {
            let failed = write(batch, sink, |written| self.release(written));
            self.put_back(failed);
        }
        let mut state = self.lock();
        state.ended = true;
        for ended in state.shutdowns.drain(..) {
            let _ = ended.send(()); // the shutdown may have been dropped
        }
    }

    fn next_batch(&self) -> Option<Vec<Waiting>> {
        let mut state = self.lock();
        if state.is_failing && !state.is_closed {
            (state, _) = self.changed.wait_timeout(state, PAUSE).unwrap_or_else(PoisonError::into_inner);
        }
        while state.waiting.is_empty() && !state.is_closed {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let batch = state.waiting.len().min(BATCH);
        (batch > 0).then(|| state.waiting.drain(..batch).collect())
    }

    /// Takes note that a line is written, or returned to its call.
    fn release(&self, line: &LetterLine) {
        let mut state = self.lock();
        state.letters -= 1;
        state.bytes -= line.with_end().len();
    }

    /// Puts lines back that could not be written, as the oldest ones. If the queue is closed, they are given up.
    fn put_back(&self, failed: Vec<Waiting>) {
        let mut state = self.lock();
        state.is_failing = !failed.is_empty();
        for waiting in failed.into_iter().rev() {
            state.waiting.push_front(waiting);
        }
        if state.is_failing && state.is_closed {
            let unwritten: Vec<_> = state.waiting.drain(..).collect();
            state.letters -= unwritten.len();
            state.bytes -= unwritten.iter().map(|waiting| waiting.line.with_end().len()).sum::<usize>();
            for Waiting { line, kept } in unwritten {
                match kept {
                    Some(kept) => _ = kept.send(false),
                    None => state.unwritten.push(line),
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes lines and syncs them together. Tells the calls that wait for them. Returns the lines that are still to be
/// written.
fn write(batch: Vec<Waiting>, sink: &JsonLinesSink, release: impl Fn(&LetterLine)) -> Vec<Waiting> {
    let appended: Vec<_> =
        batch.into_iter().map(|each| (sink.append_line(&each.line).is_ok(), each)).collect();
    let synced = appended.iter().any(|(appended, _)| *appended) && sink.sync().is_ok();
    let mut failed = Vec::new();
    for (appended, waiting) in appended {
        let written = appended && synced;
        match waiting.kept {
            // The letter of a call that waits goes to the next sink at once.
            Some(kept) => {
                release(&waiting.line);
                let _ = kept.send(written); // the call may have been dropped
            }
            None if written => release(&waiting.line),
            None => failed.push(waiting),
        }
    }
    failed
}
