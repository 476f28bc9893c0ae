//! A queue of dead letters on the heap.

use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::vec::Vec;

use super::buffer::{WhenFull, drop_lost};
use super::letter::DeadLetter;
use super::sink::{DeadLetterSink, LetterContext};

/// A queue of dead letters on the heap, of a size that is known at run time only.
///
/// As [`FixedDeadLetterQueue`](crate::dead_letter::FixedDeadLetterQueue), it refuses where it is full, or drops the oldest. Its memory grows with its letters.
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
