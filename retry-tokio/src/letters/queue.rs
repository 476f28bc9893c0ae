//! The lines that wait for the disk, and the thread that writes them.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use retry_core::dead_letter::{JsonLinesSink, LetterLine};
use tokio::sync::oneshot;

/// A line that waits, and the call that waits for it, if one does.
pub(super) struct Waiting {
    line: Arc<LetterLine>,
    kept: Option<oneshot::Sender<bool>>,
}

impl Waiting {
    pub(super) fn new(line: LetterLine, kept: Option<oneshot::Sender<bool>>) -> Self {
        Self { line: Arc::new(line), kept }
    }

    fn bytes(&self) -> usize {
        self.line.with_end().len()
    }
}

pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    most_letters: usize,
    most_bytes: usize,
}

#[derive(Default)]
struct State {
    /// The lines that are not known to be on disk. The thread may be writing the first ones.
    waiting: VecDeque<Waiting>,
    /// The size of these lines.
    bytes: usize,
    refused: u64,
    failed: u64,
    is_closed: bool,
    /// Whether the last lines could not be written, so that a pause comes before the next attempt.
    is_failing: bool,
    ended: bool,
    /// The lines that the thread is writing were given up.
    is_abandoned: bool,
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
        let bytes = waiting.bytes();
        let mut state = self.lock();
        let has_room =
            state.waiting.len() < self.most_letters && state.bytes.saturating_add(bytes) <= self.most_bytes;
        if state.is_closed || !has_room {
            state.refused += 1;
            return false;
        }
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
        (state.waiting.len(), state.bytes)
    }

    pub(super) fn refused(&self) -> u64 {
        self.lock().refused
    }

    pub(super) fn failed(&self) -> u64 {
        self.lock().failed
    }

    /// Gives up all lines, also those that the thread is writing. Returns those without a call that waits.
    pub(super) fn abandon(&self) -> Vec<LetterLine> {
        let mut state = self.lock();
        (state.is_closed, state.is_abandoned) = (true, true);
        let lines = state.give_up(|_| true);
        self.changed.notify_one();
        lines
    }

    /// Returns the lines that the thread could not write before it ended.
    pub(super) fn take_unwritten(&self) -> Vec<LetterLine> {
        let mut state = self.lock();
        if state.ended { state.give_up(|_| true) } else { Vec::new() }
    }

    /// Writes lines until the queue is closed and empty. This is the thread.
    pub(super) fn write_to(&self, sink: &JsonLinesSink) {
        while let Some(batch) = self.next_batch() {
            let results = sink.append_lines(batch.iter().map(|line| &**line));
            if self.settle(results.iter().map(Result::is_ok)).is_break() {
                break;
            }
        }
        let mut state = self.lock();
        state.ended = true;
        for ended in state.shutdowns.drain(..) {
            let _ = ended.send(()); // the shutdown may have been dropped
        }
    }

    /// Waits for lines; `None` if the thread is to end.
    fn next_batch(&self) -> Option<Vec<Arc<LetterLine>>> {
        let mut state = self.lock();
        if state.is_failing {
            // New lines do not shorten the pause.
            let waited = self.changed.wait_timeout_while(state, PAUSE, |state| !state.is_awaited());
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        while state.waiting.is_empty() && !state.is_closed {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let batch: Vec<_> = state.waiting.iter().take(BATCH).map(|waiting| waiting.line.clone()).collect();
        (!batch.is_empty()).then_some(batch)
    }

    /// Takes note of which of the first lines are written, and tells the calls that wait for them. The other lines wait
    /// on. Breaks if a shutdown waits, and the disk takes no line.
    fn settle(&self, written: impl ExactSizeIterator<Item = bool>) -> ControlFlow<()> {
        let mut state = self.lock();
        if state.is_abandoned {
            return ControlFlow::Break(());
        }
        let batch: Vec<_> = state.waiting.drain(..written.len()).zip(written).collect();
        let mut left = Vec::new();
        let mut any = false;
        for (mut waiting, written) in batch {
            any |= written;
            match waiting.kept.take() {
                None if !written => left.push(waiting),
                kept => state.release(waiting.bytes(), kept, written),
            }
        }
        state.is_failing = !left.is_empty();
        left.into_iter().rev().for_each(|waiting| state.waiting.push_front(waiting));
        // The letter of a call that waits goes to its next sink at once, and not after all lines before it.
        if !any {
            state.give_up(|waiting| waiting.kept.is_some());
        }
        let ends = !any && state.is_closed && state.is_awaited();
        if ends { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether a shutdown waits for the thread.
    fn is_awaited(&self) -> bool {
        self.is_abandoned || self.shutdowns.iter().any(|shutdown| !shutdown.is_closed())
    }

    /// Removes these lines, and returns those without a call that waits. The calls get their letters back.
    fn give_up(&mut self, which: impl Fn(&Waiting) -> bool) -> Vec<LetterLine> {
        let (given_up, left): (Vec<_>, Vec<_>) = self.waiting.drain(..).partition(which);
        self.waiting.extend(left);
        let mut lines = Vec::new();
        for waiting in given_up {
            let is_awaited = waiting.kept.is_some();
            self.release(waiting.bytes(), waiting.kept, false);
            if !is_awaited {
                lines.push(Arc::unwrap_or_clone(waiting.line));
            }
        }
        lines
    }

    /// Takes note that a line waits no longer, and tells its call.
    fn release(&mut self, bytes: usize, kept: Option<oneshot::Sender<bool>>, is_written: bool) {
        self.bytes -= bytes;
        self.failed += u64::from(!is_written);
        if let Some(kept) = kept {
            let _ = kept.send(is_written); // the call may have been dropped
        }
    }
}
