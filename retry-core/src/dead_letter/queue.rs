//! A dead letter queue on the heap.

use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::vec::Vec;

use super::buffer::{WhenFull, drop_lost};
use super::letter::DeadLetter;
use super::rejected_limit::{LetterAdmission, Limiter, RejectedLimit};
use super::sink::{DeadLetterSink, LetterContext};
use crate::lock::{Exclusive, Initial};

/// A dead letter queue on the heap, shared by its callers, for a number of letters that is known at run time.
///
/// If it is full, it refuses the new letter or drops the oldest one, as its [`WhenFull`] says. Memory is allocated when
/// letters come in. [`max_bytes`](Self::max_bytes) also bounds the memory that their payloads take.
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
    letters: Mutex<Letters<T>>,
    capacity: usize,
    bytes: Option<Bytes<T>>,
    when_full: WhenFull,
    lost: AtomicUsize,
    refused: AtomicUsize,
    limit: RejectedLimit,
    limiter: Mutex<Limiter>,
}

/// The letters, each with its size, and the sum of the sizes.
struct Letters<T> {
    letters: VecDeque<(DeadLetter<T>, usize)>,
    bytes: usize,
}

/// A bound in bytes.
struct Bytes<T> {
    most: usize,
    of: fn(&T) -> usize,
}

impl<T> Letters<T> {
    fn pop(&mut self) -> Option<DeadLetter<T>> {
        let (letter, size) = self.letters.pop_front()?;
        self.bytes = self.bytes.saturating_sub(size);
        Some(letter)
    }
}

impl<T> DeadLetterQueue<T> {
    /// Makes an empty queue of at most this many letters. With a capacity of 0, it refuses every letter.
    pub const fn new(capacity: usize, when_full: WhenFull) -> Self {
        let letters = Mutex::new(Letters { letters: VecDeque::new(), bytes: 0 });
        let (lost, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (limit, limiter) = (RejectedLimit::DEFAULT, Mutex::new(Limiter::INITIAL));
        Self { letters, capacity, bytes: None, when_full, lost, refused, limit, limiter }
    }

    /// Also bounds the size of all letters together, in bytes. By default, only their number is bounded, because the queue
    /// cannot know how many bytes a payload holds on the heap.
    ///
    /// A letter takes its own size, `size_of::<DeadLetter<T>>()`, and what `heap` returns: the bytes on the heap that its
    /// payload holds. If there is no room for a letter, the queue does the same as with too many letters. A letter that
    /// is larger than the bound is refused, also with [`WhenFull::DropOldest`].
    ///
    /// ```
    /// use retry_core::{GiveUp, dead_letter::{DeadLetter, DeadLetterQueue, Reason, WhenFull}};
    ///
    /// static LETTERS: DeadLetterQueue<String> =
    ///     DeadLetterQueue::new(1_000, WhenFull::DropOldest).max_bytes(1 << 20, String::capacity);
    ///
    /// for _ in 0..10 {
    ///     let letter = DeadLetter::new(Reason::GaveUp(GiveUp::Attempts), "x".repeat(300_000));
    ///     LETTERS.push(letter).unwrap();
    /// }
    /// assert_eq!((LETTERS.len(), LETTERS.lost()), (3, 7));
    /// assert!(LETTERS.bytes() <= 1 << 20);
    /// ```
    #[must_use]
    pub const fn max_bytes(mut self, bytes: usize, heap: fn(&T) -> usize) -> Self {
        self.bytes = Some(Bytes { most: bytes, of: heap });
        self
    }

    /// Sets how many letters of refused calls the queue takes per second. The default is [`RejectedLimit::DEFAULT`]. Of
    /// the limit, only the letters per second count here. Letters above it are counted by [`left_out`](Self::left_out)
    /// instead, so that an outage does not push out all other letters. A [`push`](Self::push) is not limited.
    #[must_use]
    pub const fn rejected_limit(mut self, limit: RejectedLimit) -> Self {
        self.limit = limit;
        self
    }

    /// Adds a letter as the newest.
    ///
    /// # Errors
    /// Returns an error if the queue is full and refuses the letter. The error is the letter.
    pub fn push(&self, letter: DeadLetter<T>) -> Result<(), DeadLetter<T>> {
        self.add(letter).map(|dropped| dropped.into_iter().for_each(|letter| drop_lost(Some(letter))))
    }

    /// Adds a letter, and returns the oldest ones that made room for it.
    fn add(&self, letter: DeadLetter<T>) -> Result<Vec<DeadLetter<T>>, DeadLetter<T>> {
        let size = self.size(&letter); // before the lock is taken, because that runs code of the user
        let mut letters = self.lock();
        let never = self.capacity == 0 || self.bytes.as_ref().is_some_and(|bytes| size > bytes.most);
        if never || self.when_full == WhenFull::Refuse && !self.has_room(&letters, size) {
            self.refused.fetch_add(1, Relaxed);
            return Err(letter);
        }
        let mut dropped = Vec::new();
        while !self.has_room(&letters, size) {
            dropped.extend(letters.pop());
        }
        self.lost.fetch_add(dropped.len(), Relaxed);
        letters.bytes = letters.bytes.saturating_add(size);
        letters.letters.push_back((letter, size));
        Ok(dropped)
    }

    fn has_room(&self, letters: &Letters<T>, size: usize) -> bool {
        letters.letters.len() < self.capacity
            && self.bytes.as_ref().is_none_or(|bytes| letters.bytes.saturating_add(size) <= bytes.most)
    }

    fn size(&self, letter: &DeadLetter<T>) -> usize {
        let heap = |bytes: &Bytes<T>| (bytes.of)(&letter.payload).saturating_add(size_of::<DeadLetter<T>>());
        self.bytes.as_ref().map_or(0, heap)
    }

    /// Removes and returns the oldest letter.
    pub fn pop(&self) -> Option<DeadLetter<T>> {
        self.lock().pop()
    }

    /// Puts a popped letter back as the oldest, and adds 1 to its [`requeued`](DeadLetter::requeued).
    ///
    /// # Errors
    /// Returns an error if the queue is full, also with [`WhenFull::DropOldest`]. The error is the letter, which counts
    /// as [`refused`](Self::refused).
    pub fn requeue(&self, mut letter: DeadLetter<T>) -> Result<(), DeadLetter<T>> {
        let size = self.size(&letter);
        let mut letters = self.lock();
        if !self.has_room(&letters, size) {
            self.refused.fetch_add(1, Relaxed);
            return Err(letter);
        }
        letter.requeued = letter.requeued.saturating_add(1);
        letters.bytes = letters.bytes.saturating_add(size);
        letters.letters.push_front((letter, size));
        Ok(())
    }

    /// Removes and returns all letters, oldest first.
    pub fn drain(&self) -> Vec<DeadLetter<T>> {
        let mut letters = self.lock();
        letters.bytes = 0;
        let all = core::mem::take(&mut letters.letters);
        drop(letters);
        all.into_iter().map(|(letter, _)| letter).collect()
    }

    /// Returns the number of letters.
    pub fn len(&self) -> usize {
        self.lock().letters.len()
    }

    /// Returns the size of all letters together, in bytes; 0 without a [bound](Self::max_bytes) in bytes.
    pub fn bytes(&self) -> usize {
        self.lock().bytes
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

    /// Returns how many letters of refused calls were left out, because of the [limit](Self::rejected_limit).
    pub fn left_out(&self) -> u64 {
        self.limiter.with(|limiter| limiter.left_out)
    }

    fn lock(&self) -> MutexGuard<'_, Letters<T>> {
        // The queue is whole between any two steps, so it can be used after a panic in another thread.
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, E> DeadLetterSink<T, E> for DeadLetterQueue<T> {
    fn accept(&self, letter: DeadLetter<T>, context: &LetterContext<'_, E>) -> Result<(), DeadLetter<T>> {
        for oldest in self.add(letter)? {
            context.dropped(&oldest);
            drop_lost(Some(oldest));
        }
        Ok(())
    }

    fn admit(&self, context: &LetterContext<'_, E>) -> LetterAdmission {
        Limiter::admit(self.limit, context.error, |admit| self.limiter.with(admit))
    }
}

impl<T> fmt::Debug for DeadLetterQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { capacity, when_full, lost, refused, .. } = self;
        f.debug_struct("DeadLetterQueue")
            .field("len", &self.len())
            .field("capacity", capacity)
            .field("bytes", &self.bytes())
            .field("when_full", when_full)
            .field("lost", lost)
            .field("refused", refused)
            .field("left_out", &self.left_out())
            .finish()
    }
}
