//! A dead letter queue on the heap.

use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::vec::Vec;

use super::buffer::{WhenFull, drop_lost};
use super::letter::DeadLetter;
use super::sink::{DeadLetterSink, LetterContext};

/// A dead letter queue on the heap, shared by its callers, for a number of letters that is known at run time.
///
/// If it is full, it refuses the new letter or drops the oldest one, as its [`WhenFull`] says. Memory is allocated when
/// letters come in.
///
/// ```
/// use retry_core::{dead_letter::{DeadLetterQueue, WhenFull}, testing::FakeClock, Class, Policy, Retry};
///
/// let letters = DeadLetterQueue::new(2, WhenFull::DropOldest);
/// let clock = FakeClock::new();
/// let retry = Retry::new(&Policy::DEFAULT, &clock);
/// for order in ["7 apples", "3 pears", "1 plum"] {
///     let _ = retry.dead_letters(&letters).payload(|| order).run_blocking(|| Err::<(), _>(Class::Network));
/// }
/// assert_eq!((letters.len(), letters.lost()), (2, 1));
/// let orders: Vec<_> = letters.drain().into_iter().map(|letter| letter.payload).collect();
/// assert_eq!(orders, ["3 pears", "1 plum"]);
/// ```
#[doc(alias = "DLQ")]
#[doc(alias = "dead letter queue")]
pub struct DeadLetterQueue<T> {
    letters: Mutex<VecDeque<DeadLetter<T>>>,
    capacity: usize,
    when_full: WhenFull,
    lost: AtomicUsize,
    refused: AtomicUsize,
}

impl<T> DeadLetterQueue<T> {
    /// Makes an empty queue of at most this many letters. With a capacity of 0, it refuses every letter.
    pub const fn new(capacity: usize, when_full: WhenFull) -> Self {
        let letters = Mutex::new(VecDeque::new());
        Self { letters, capacity, when_full, lost: AtomicUsize::new(0), refused: AtomicUsize::new(0) }
    }

    /// Adds a letter as the newest.
    ///
    /// # Errors
    /// Returns an error if the queue is full and refuses the letter. The error is the letter.
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

    /// Removes and returns the oldest letter.
    pub fn pop(&self) -> Option<DeadLetter<T>> {
        self.lock().pop_front()
    }

    /// Puts a popped letter back as the oldest, and adds 1 to its [`requeued`](DeadLetter::requeued).
    ///
    /// # Errors
    /// Returns an error if the queue is full, also with [`WhenFull::DropOldest`]. The error is the letter, which counts
    /// as [`refused`](Self::refused).
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

    /// Removes and returns all letters, oldest first.
    pub fn drain(&self) -> Vec<DeadLetter<T>> {
        core::mem::take(&mut *self.lock()).into()
    }

    /// Returns the number of letters.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Returns whether the queue is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many letters were dropped to make room for others.
    pub fn lost(&self) -> usize {
        self.lost.load(Relaxed)
    }

    /// Returns how many letters were refused because the queue was full.
    pub fn refused(&self) -> usize {
        self.refused.load(Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<DeadLetter<T>>> {
        // The queue is whole between any two steps, so it can be used after a panic in another thread.
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, E> DeadLetterSink<T, E> for DeadLetterQueue<T> {
    fn accept(&self, letter: DeadLetter<T>, _: &LetterContext<'_, E>) -> Result<(), DeadLetter<T>> {
        self.push(letter)
    }
}

impl<T> fmt::Debug for DeadLetterQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { capacity, when_full, lost, refused, .. } = self;
        f.debug_struct("DeadLetterQueue")
            .field("len", &self.len())
            .field("capacity", capacity)
            .field("when_full", when_full)
            .field("lost", lost)
            .field("refused", refused)
            .finish()
    }
}
