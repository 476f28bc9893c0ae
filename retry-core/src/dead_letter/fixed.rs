//! A dead letter queue of a fixed size that many callers share.

use core::fmt;

use super::buffer::{DeadLetterBuffer, WhenFull, drop_lost};
use super::letter::DeadLetter;
use super::sink::{DeadLetterSink, LetterContext};
use crate::lock::{DefaultLock, Exclusive, Initial, Lock};

/// A dead letter queue of at most `N` letters, shared by its callers, without an allocator. It is usually a `static`.
///
/// It is a [`DeadLetterBuffer`] behind a lock. If it is full, it does one of these:
///
/// - With [`WhenFull::Refuse`], it returns the new letter, which counts as [`refused`](Self::refused).
///   [`OrElse`](crate::dead_letter::OrElse) hands that letter to the next sink.
/// - With [`WhenFull::DropOldest`], it drops the oldest letter, which counts as [`lost`](Self::lost).
///
/// ```
/// # #[cfg(feature = "std")] {
/// use retry_core::{
///     dead_letter::{FixedDeadLetterQueue, WhenFull}, testing::FakeClock, Class, Policy, Retry,
/// };
///
/// static LETTERS: FixedDeadLetterQueue<u16, 32> = FixedDeadLetterQueue::new(WhenFull::DropOldest);
///
/// let clock = FakeClock::new();
/// let uplink = Retry::new(&Policy::DEFAULT, &clock);
/// let mut down = true;
/// let mut send = |sample: u16, down: bool| {
///     uplink.dead_letters(&LETTERS).payload(|| sample).run_blocking(|| match down {
///         true => Err(Class::Network),
///         false => Ok(()),
///     })
/// };
/// for sample in [210, 215, 219] {
///     let _ = send(sample, true);
/// }
/// // Later, try each one once more.
/// let mut sent = 0;
/// while let Some(letter) = LETTERS.pop() {
///     match uplink.run_blocking(|| if sent < 2 { Ok(()) } else { Err(Class::Network) }) {
///         Ok(()) => sent += 1,
///         Err(_) => {
///             let _ = LETTERS.requeue(letter); // it is the oldest again
///             break;
///         }
///     }
/// }
/// assert_eq!((sent, LETTERS.len(), LETTERS.pop().unwrap().requeued), (2, 1, 1));
/// # }
/// ```
#[doc(alias = "DLQ")]
#[doc(alias = "dead letter queue")]
pub struct FixedDeadLetterQueue<T, const N: usize, L: Lock = DefaultLock> {
    guarded: L::Of<Guarded<T, N>>,
    when_full: WhenFull,
}

/// The state that the lock guards.
struct Guarded<T, const N: usize> {
    letters: DeadLetterBuffer<T, N>,
    refused: u32,
}

impl<T, const N: usize> Initial for Guarded<T, N> {
    const INITIAL: Self = Self { letters: DeadLetterBuffer::new(WhenFull::DropOldest), refused: 0 };
}

impl<T, const N: usize> FixedDeadLetterQueue<T, N> {
    /// Makes an empty queue with the [`DefaultLock`]. An `N` of 0 is a compile error.
    ///
    /// For another lock, use [`with_lock`](Self::with_lock).
    pub const fn new(when_full: WhenFull) -> Self {
        Self::with_lock(when_full)
    }
}

impl<T, const N: usize, L: Lock> FixedDeadLetterQueue<T, N, L> {
    /// Makes an empty queue with the lock of its type. An `N` of 0 is a compile error.
    ///
    /// ```
    /// use retry_core::{dead_letter::{FixedDeadLetterQueue, WhenFull}, runtime::LocalLock};
    ///
    /// let letters = FixedDeadLetterQueue::<u16, 32, LocalLock>::with_lock(WhenFull::DropOldest);
    /// assert!(letters.is_empty());
    /// ```
    pub const fn with_lock(when_full: WhenFull) -> Self {
        Self { guarded: Initial::INITIAL, when_full }
    }

    /// Adds a letter as the newest.
    ///
    /// # Errors
    /// Returns an error if the queue is full and refuses the letter. The error is the letter.
    pub fn push(&self, letter: DeadLetter<T>) -> Result<(), DeadLetter<T>> {
        self.add(letter).map(drop_lost)
    }

    /// Adds a letter, and returns the oldest one if that made room for it.
    fn add(&self, letter: DeadLetter<T>) -> Result<Option<DeadLetter<T>>, DeadLetter<T>> {
        self.guarded.with(|guarded| {
            if self.when_full == WhenFull::Refuse && guarded.letters.is_full() {
                guarded.refused = guarded.refused.saturating_add(1);
                return Err(letter);
            }
            Ok(guarded.letters.add(letter, self.when_full)) // `add` counts the oldest letter if it returns that
        })
    }

    /// Removes and returns the oldest letter.
    pub fn pop(&self) -> Option<DeadLetter<T>> {
        self.guarded.with(|guarded| guarded.letters.pop())
    }

    /// Puts a popped letter back as the oldest, and adds 1 to its [`requeued`](DeadLetter::requeued).
    ///
    /// # Errors
    /// Returns an error if the queue is full, also with [`WhenFull::DropOldest`]. The error is the letter, which counts
    /// as [`refused`](Self::refused).
    pub fn requeue(&self, letter: DeadLetter<T>) -> Result<(), DeadLetter<T>> {
        self.guarded.with(|guarded| match guarded.letters.is_full() {
            true => {
                guarded.refused = guarded.refused.saturating_add(1);
                Err(letter)
            }
            false => {
                guarded.letters.requeue(letter); // there is room, so this returns `None`
                Ok(())
            }
        })
    }

    /// Runs `f` with the queue's buffer while the lock is held, such as to look at all letters, to drain them or to
    /// save an image.
    ///
    /// A [`push`](DeadLetterBuffer::push) in `f` follows the buffer's own [`WhenFull`], which is `DropOldest` until `f`
    /// replaces the buffer, such as by a restored one.
    pub fn with<U>(&self, f: impl FnOnce(&mut DeadLetterBuffer<T, N>) -> U) -> U {
        self.guarded.with(|guarded| {
            // `f` may have put another buffer in its place before.
            guarded.letters.set_when_full(self.when_full);
            f(&mut guarded.letters)
        })
    }

    /// Returns the number of letters.
    pub fn len(&self) -> usize {
        self.with(|letters| letters.len())
    }

    /// Returns whether the queue is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many letters were dropped to make room for others. The count saturates.
    pub fn lost(&self) -> u32 {
        self.with(|letters| letters.lost())
    }

    /// Returns how many letters were refused because the queue was full. The count saturates.
    pub fn refused(&self) -> u32 {
        self.guarded.with(|guarded| guarded.refused)
    }
}

impl<T, E, const N: usize, L: Lock> DeadLetterSink<T, E> for FixedDeadLetterQueue<T, N, L> {
    fn accept(&self, letter: DeadLetter<T>, context: &LetterContext<'_, E>) -> Result<(), DeadLetter<T>> {
        let added = self.add(letter);
        if let Ok(Some(oldest)) = &added {
            context.dropped(oldest);
        }
        added.map(drop_lost)
    }
}

impl<T, const N: usize, L: Lock> fmt::Debug for FixedDeadLetterQueue<T, N, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FixedDeadLetterQueue")
            .field("len", &self.len())
            .field("lost", &self.lost())
            .field("refused", &self.refused())
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl<T, const N: usize, L: Lock> defmt::Format for FixedDeadLetterQueue<T, N, L> {
    fn format(&self, f: defmt::Formatter<'_>) {
        self.with(|letters| letters.format(f));
    }
}
