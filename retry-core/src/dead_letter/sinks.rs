//! Sinks of the standard library: a queue on the heap, a channel; and one that counts what others do.

use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::collections::VecDeque;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::vec::Vec;

use super::{About, DeadLetterSink, drop_lost};
use crate::observe::{DeadLetter, WhenFull};

/// A queue of dead letters on the heap, of a size that is known at run time only.
///
/// As [`SharedDeadLetters`](crate::SharedDeadLetters), it refuses where it is full, or drops the oldest. Its memory grows with its letters.
///
/// ```
/// use retry_core::{Class, FakeClock, LetterQueue, Policy, Retry, WhenFull};
///
/// let letters = LetterQueue::new(2, WhenFull::DropOldest);
/// let clock = FakeClock::new();
/// let retry = Retry::new(&Policy::DEFAULT, &clock);
/// for order in ["7 apples", "3 pears", "1 plum"] {
///     let _ = retry.dead_letters(&letters).carrying(|| order).run_blocking(|| Err::<(), _>(Class::Network));
/// }
/// assert_eq!((letters.len(), letters.lost()), (2, 1));
/// let orders: Vec<_> = letters.drain().into_iter().map(|letter| letter.payload).collect();
/// assert_eq!(orders, ["3 pears", "1 plum"]);
/// ```
pub struct LetterQueue<T> {
    letters: Mutex<VecDeque<DeadLetter<T>>>,
    capacity: usize,
    when_full: WhenFull,
    lost: AtomicUsize,
    refused: AtomicUsize,
}

impl<T> LetterQueue<T> {
    /// A queue for at most so many letters; for none, it refuses all.
    pub const fn new(capacity: usize, when_full: WhenFull) -> Self {
        let letters = Mutex::new(VecDeque::new());
        Self { letters, capacity, when_full, lost: AtomicUsize::new(0), refused: AtomicUsize::new(0) }
    }

    /// Adds a letter as the newest.
    ///
    /// # Errors
    /// The letter, where the queue is full and refuses it.
    pub fn push(&self, letter: DeadLetter<T>) -> Result<(), DeadLetter<T>> {
        let oldest = {
            let mut letters = self.lock();
            let full = letters.len() >= self.capacity;
            if full && (self.when_full == WhenFull::Refuse || self.capacity == 0) {
                self.refused.fetch_add(1, Relaxed);
                return Err(letter);
            }
            let oldest = if full { letters.pop_front() } else { None };
            self.lost.fetch_add(oldest.is_some().into(), Relaxed);
            letters.push_back(letter);
            oldest
        };
        drop_lost(oldest);
        Ok(())
    }

    /// Takes out the oldest letter.
    pub fn pop(&self) -> Option<DeadLetter<T>> {
        self.lock().pop_front()
    }

    /// Puts a letter back that was taken out, as the oldest. It has lost its place where the queue is full by now.
    ///
    /// # Errors
    /// The letter, where the queue is full.
    pub fn requeue(&self, mut letter: DeadLetter<T>) -> Result<(), DeadLetter<T>> {
        let mut letters = self.lock();
        if letters.len() >= self.capacity {
            self.refused.fetch_add(1, Relaxed);
            return Err(letter);
        }
        letter.requeued = letter.requeued.saturating_add(1);
        letters.push_front(letter);
        Ok(())
    }

    /// Takes out all letters, oldest first.
    pub fn drain(&self) -> Vec<DeadLetter<T>> {
        core::mem::take(&mut *self.lock()).into()
    }

    /// How many letters there are.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many letters were dropped to make room for others.
    pub fn lost(&self) -> usize {
        self.lost.load(Relaxed)
    }

    /// How many letters were given back for want of room.
    pub fn refused(&self) -> usize {
        self.refused.load(Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<DeadLetter<T>>> {
        // The queue is whole between any two of its steps, so a panic elsewhere is no reason to stop.
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, E> DeadLetterSink<T, E> for LetterQueue<T> {
    fn accept(&self, letter: DeadLetter<T>, _: &About<'_, E>) -> Result<(), DeadLetter<T>> {
        self.push(letter)
    }
}

/// A channel: what is done with the letters at its other end may take as long as it likes, and no call waits for it.
///
/// A letter that finds the channel full, or nobody at its other end, comes back.
///
/// ```
/// use std::sync::mpsc::sync_channel;
/// use retry_core::{Class, Counted, DeadLetter, FakeClock, Policy, Retry};
///
/// let (send, letters) = sync_channel::<DeadLetter<u32>>(100);
/// let sink = Counted::new(send); // a channel does not count by itself
/// let worker = std::thread::spawn(move || letters.iter().map(|letter| letter.payload).sum::<u32>());
///
/// let clock = FakeClock::new();
/// let retry = Retry::new(&Policy::DEFAULT, &clock);
/// for order in [7, 8] {
///     let _ = retry.dead_letters(&sink).carrying(|| order).run_blocking(|| Err::<(), _>(Class::Network));
/// }
/// assert_eq!((sink.kept(), sink.returned()), (2, 0));
/// drop(sink);
/// assert_eq!(worker.join().unwrap(), 15);
/// ```
impl<T, E> DeadLetterSink<T, E> for SyncSender<DeadLetter<T>> {
    fn accept(&self, letter: DeadLetter<T>, _: &About<'_, E>) -> Result<(), DeadLetter<T>> {
        self.try_send(letter)
            .map_err(|(TrySendError::Full(letter) | TrySendError::Disconnected(letter))| letter)
    }
}

/// A sink whose letters are counted: those it kept, those it gave back, and those it panicked with.
///
/// A handler that panics gives its letter back, to whoever is asked [next](crate::Or). A sink of one's own
/// that panics has taken the letter with it.
///
/// ```
/// use retry_core::{About, Class, Counted, DeadLetter, FakeClock, Policy, Retry};
///
/// let sink = Counted::new(|letter: &DeadLetter<()>, _: &About<'_, Class>| letter.attempts > 5);
/// let clock = FakeClock::new();
/// let retry = Retry::new(&Policy::DEFAULT, &clock);
/// let _ = retry.dead_letters(&sink).run_blocking(|| Err::<(), _>(Class::Network));
/// assert_eq!((sink.kept(), sink.returned(), sink.panicked()), (0, 1, 0));
/// ```
#[derive(Debug, Default)]
pub struct Counted<S> {
    sink: S,
    kept: AtomicUsize,
    returned: AtomicUsize,
    panicked: AtomicUsize,
}

impl<S> Counted<S> {
    /// Counts the letters of `sink`.
    pub const fn new(sink: S) -> Self {
        Self { sink, kept: AtomicUsize::new(0), returned: AtomicUsize::new(0), panicked: AtomicUsize::new(0) }
    }

    /// The sink itself.
    pub const fn sink(&self) -> &S {
        &self.sink
    }

    /// How many letters it kept.
    pub fn kept(&self) -> usize {
        self.kept.load(Relaxed)
    }

    /// How many letters it gave back, among them those of a handler that panicked.
    pub fn returned(&self) -> usize {
        self.returned.load(Relaxed)
    }

    /// How many letters were lost because it panicked.
    pub fn panicked(&self) -> usize {
        self.panicked.load(Relaxed)
    }
}

impl<T, E, S: DeadLetterSink<T, E>> DeadLetterSink<T, E> for Counted<S> {
    fn accept(&self, letter: DeadLetter<T>, about: &About<'_, E>) -> Result<(), DeadLetter<T>> {
        match std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| self.sink.accept(letter, about))) {
            Ok(accepted) => {
                let count = if accepted.is_ok() { &self.kept } else { &self.returned };
                count.fetch_add(1, Relaxed);
                accepted
            }
            Err(panic) => {
                self.panicked.fetch_add(1, Relaxed);
                std::panic::resume_unwind(panic)
            }
        }
    }
}

impl<T> fmt::Debug for LetterQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { capacity, when_full, lost, refused, .. } = self;
        f.debug_struct("LetterQueue")
            .field("len", &self.len())
            .field("capacity", capacity)
            .field("when_full", when_full)
            .field("lost", lost)
            .field("refused", refused)
            .finish()
    }
}
