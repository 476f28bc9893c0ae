//! Queues of dead letters that many callers share.

use core::fmt;

use super::buffer::{DeadLetterBuffer, WhenFull, drop_lost};
use super::letter::DeadLetter;
use super::sink::{DeadLetterSink, LetterContext};
use crate::lock::{DefaultLock, Exclusive, Initial, Lock};

/// A [`DeadLetterBuffer`] behind a lock: a sink without an allocator, usually a `static`.
///
/// Where it is full, it refuses: then the letter goes to whoever is asked [next](crate::dead_letter::OrElse), and only
/// counts as [`refused`](Self::refused). Or it drops the oldest, which counts as [`lost`](Self::lost).
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
/// // Later, each is tried once more.
/// let mut sent = 0;
/// while let Some(letter) = LETTERS.pop() {
///     match uplink.run_blocking(|| if sent < 2 { Ok(()) } else { Err(Class::Network) }) {
///         Ok(()) => sent += 1,
///         Err(_) => {
///             let _ = LETTERS.requeue(letter); // it keeps its place, and no other is tried
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

/// What the lock guards.
struct Guarded<T, const N: usize> {
    letters: DeadLetterBuffer<T, N>,
    refused: u32,
}

impl<T, const N: usize> Initial for Guarded<T, N> {
    const INITIAL: Self = Self { letters: DeadLetterBuffer::new(WhenFull::DropOldest), refused: 0 };
}

impl<T, const N: usize> FixedDeadLetterQueue<T, N> {
    /// An empty queue with the [`DefaultLock`]. With an `N` of 0 it does not compile.
    ///
    /// A queue with another lock is of another type, and is made by [`with_lock`](Self::with_lock).
    pub const fn new(when_full: WhenFull) -> Self {
        Self::with_lock(when_full)
    }
}

impl<T, const N: usize, L: Lock> FixedDeadLetterQueue<T, N, L> {
    /// An empty queue with the lock of its type. With an `N` of 0 it does not compile.
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
    /// The letter, where the queue is full and refuses it.
    pub fn push(&self, letter: DeadLetter<T>) -> Result<(), DeadLetter<T>> {
        let oldest = self.guarded.with(|guarded| {
            if self.when_full == WhenFull::Refuse && guarded.letters.is_full() {
                guarded.refused = guarded.refused.saturating_add(1);
                return Err(letter);
            }
            Ok(guarded.letters.push(letter)) // which counts the oldest that it may give back
        })?;
        drop_lost(oldest);
        Ok(())
    }

    /// Takes out the oldest letter.
    pub fn pop(&self) -> Option<DeadLetter<T>> {
        self.guarded.with(|guarded| guarded.letters.pop())
    }

    /// Puts a letter back that was taken out, as the oldest. It has lost its place where the queue is full by now.
    ///
    /// # Errors
    /// The letter, where the queue is full.
    pub fn requeue(&self, letter: DeadLetter<T>) -> Result<(), DeadLetter<T>> {
        self.guarded.with(|guarded| match guarded.letters.is_full() {
            true => {
                guarded.refused = guarded.refused.saturating_add(1);
                Err(letter)
            }
            false => {
                guarded.letters.requeue(letter); // there is room: it gives none back
                Ok(())
            }
        })
    }

    /// Runs `f` with the queue to itself: to look through it, to drain it at once, to save an image.
    pub fn with<U>(&self, f: impl FnOnce(&mut DeadLetterBuffer<T, N>) -> U) -> U {
        self.guarded.with(|guarded| f(&mut guarded.letters))
    }

    /// How many letters there are.
    pub fn len(&self) -> usize {
        self.with(|letters| letters.len())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many letters were dropped to make room for others; saturates.
    pub fn lost(&self) -> u32 {
        self.with(|letters| letters.lost())
    }

    /// How many letters were given back for want of room; saturates.
    pub fn refused(&self) -> u32 {
        self.guarded.with(|guarded| guarded.refused)
    }
}

impl<T, E, const N: usize, L: Lock> DeadLetterSink<T, E> for FixedDeadLetterQueue<T, N, L> {
    fn accept(&self, letter: DeadLetter<T>, _: &LetterContext<'_, E>) -> Result<(), DeadLetter<T>> {
        self.push(letter)
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
