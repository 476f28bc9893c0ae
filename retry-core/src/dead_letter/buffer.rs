//! Letters of a fixed number, oldest first, for one owner.

use heapless::Deque;

use super::letter::DeadLetter;
use crate::panics::caught;

/// Which letter is lost where there is room for one only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum WhenFull {
    /// The new one: what came first is worth more.
    Refuse,
    /// The oldest: what is new is worth more.
    DropOldest,
}

/// The letters of calls that gave up, at most `N` of them, oldest first, without an allocator.
///
/// None is lost without being counted in [`lost`](Self::lost), and what is lost is handed back. To take up the
/// letters again, [`pop`](Self::pop) one, try once more, and [`requeue`](Self::requeue) it where that failed.
/// To outlive a reset, the whole queue is [saved](Self::save) as plain bytes and [restored](Self::restore) from them.
///
/// ```
/// use retry_core::{
///     dead_letter::{DeadLetter, DeadLetterBuffer, WhenFull}, testing::FakeClock, Class, Policy, Retry,
/// };
///
/// let clock = FakeClock::new();
/// let uplink = Retry::new(&Policy::DEFAULT, &clock).named("uplink.send");
/// let mut letters = DeadLetterBuffer::<u16, 2>::new(WhenFull::DropOldest);
///
/// for sample in [210, 215, 219] {
///     if let Err(error) = uplink.run_blocking(|| Err::<(), _>(Class::Network)) {
///         letters.push(DeadLetter::of(&error, sample));
///     }
/// }
/// assert_eq!((letters.len(), letters.lost()), (2, 1));
///
/// let oldest = letters.pop().unwrap();
/// assert_eq!((oldest.payload, oldest.class, oldest.attempts), (215, Some(Class::Network), 3));
/// ```
#[doc(alias = "DLQ")]
#[doc(alias = "dead letter queue")]
#[derive(Clone, Debug)]
pub struct DeadLetterBuffer<T, const N: usize> {
    pub(super) letters: Deque<DeadLetter<T>, N>,
    when_full: WhenFull,
    pub(super) lost: u32,
    /// The oldest letter's number; those after it count up. It gives each letter its place in an image.
    pub(super) first: u32,
}

#[cfg(feature = "defmt")]
impl<T, const N: usize> defmt::Format for DeadLetterBuffer<T, N> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=usize} of {=usize} letters, {=u32} lost", self.len(), N, self.lost);
    }
}

impl<T, const N: usize> DeadLetterBuffer<T, N> {
    /// A queue without a letter. `N` is at least 1, else it does not compile.
    pub const fn new(when_full: WhenFull) -> Self {
        const { assert!(N > 0, "a queue holds at least one letter") }
        Self { letters: Deque::new(), when_full, lost: 0, first: 0 }
    }

    /// Adds a letter as the newest. Gives back the one that is lost where the queue is full: this one, or the oldest.
    pub fn push(&mut self, letter: DeadLetter<T>) -> Option<DeadLetter<T>> {
        let oldest = match self.when_full {
            WhenFull::DropOldest if self.letters.is_full() => self.pop(),
            _ => None,
        };
        let lost = self.letters.push_back(letter).err().or(oldest);
        self.count(lost)
    }

    /// Takes out the oldest letter.
    pub fn pop(&mut self) -> Option<DeadLetter<T>> {
        let letter = self.letters.pop_front()?;
        self.first = self.first.wrapping_add(1);
        Some(letter)
    }

    /// Puts a letter back that was taken out, as the oldest. It has lost its place where the queue is full by now,
    /// whatever happens then to others: it is given back.
    pub fn requeue(&mut self, mut letter: DeadLetter<T>) -> Option<DeadLetter<T>> {
        letter.requeued = letter.requeued.saturating_add(1);
        let lost = self.letters.push_front(letter).err();
        if lost.is_none() {
            self.first = self.first.wrapping_sub(1);
        }
        self.count(lost)
    }

    /// Takes out the letters one by one, oldest first. Those that are not asked for stay.
    pub fn pop_each(&mut self) -> impl Iterator<Item = DeadLetter<T>> {
        core::iter::from_fn(|| self.pop())
    }

    /// The letters, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &DeadLetter<T>> {
        self.letters.iter()
    }

    /// How many letters there are.
    pub const fn len(&self) -> usize {
        self.letters.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room for another.
    pub const fn is_full(&self) -> bool {
        self.len() == N
    }

    /// How many letters it holds at most: `N`.
    pub const fn capacity(&self) -> usize {
        N
    }

    /// How many letters were lost, for want of room or to a damaged image; saturates.
    pub const fn lost(&self) -> u32 {
        self.lost
    }

    fn count(&mut self, lost: Option<DeadLetter<T>>) -> Option<DeadLetter<T>> {
        self.lost = self.lost.saturating_add(lost.is_some().into());
        lost
    }
}

/// Drops what a queue has lost, when its lock is free again: a payload may look at the queue, or panic, in its `Drop`,
/// and the letter that took its place is kept all the same.
pub(super) fn drop_lost<T>(oldest: Option<DeadLetter<T>>) {
    caught(|| drop(oldest));
}
