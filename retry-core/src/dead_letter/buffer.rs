//! A dead letter queue of a fixed size, for one owner.

use heapless::Deque;

use super::id::LetterIds;
use super::letter::DeadLetter;
use crate::panics::caught;

/// Which letter a full dead letter queue gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum WhenFull {
    /// Refuses the new letter. The letter goes to the next sink, if there is one: see
    /// [`OrElse`](crate::dead_letter::OrElse).
    Refuse,
    /// Drops the oldest letter to make room for the new one.
    ///
    /// When the dropped letter came in, the observer was told that it is kept. If a later call's letter
    /// takes its place, that call's observer is told `DeadLettered { kept: false }`, with the name of the dropped
    /// letter's call. A `push` by hand tells no observer. The queue's `lost` counts both.
    DropOldest,
}

/// A dead letter queue of at most `N` letters for one owner, without an allocator.
///
/// If it is full, [`push`](Self::push) and [`requeue`](Self::requeue) return the letter that is lost, and
/// [`lost`](Self::lost) counts it. To deliver letters again, [`pop`](Self::pop) the oldest one, try it, and
/// [`requeue`](Self::requeue) it if it fails again. [`save`](Self::save) writes the queue as plain bytes that survive a
/// reset, and [`restore`](Self::restore) reads them.
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
    /// The number of the oldest letter; each later letter has the next number. The number decides the letter's place in
    /// an image.
    pub(super) first: u32,
    ids: Option<LetterIds>,
}

#[cfg(feature = "defmt")]
impl<T, const N: usize> defmt::Format for DeadLetterBuffer<T, N> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=usize} of {=usize} letters, {=u32} lost", self.len(), N, self.lost);
    }
}

impl<T, const N: usize> DeadLetterBuffer<T, N> {
    /// Makes an empty queue. An `N` of 0 is a compile error.
    pub const fn new(when_full: WhenFull) -> Self {
        const { assert!(N > 0, "a queue holds at least one letter") }
        Self { letters: Deque::new(), when_full, lost: 0, first: 0, ids: None }
    }

    /// Gives each letter that comes without an id one of these. Letters of a program with the feature `std` come with
    /// one.
    ///
    /// ```
    /// use retry_core::{GiveUp, dead_letter::{DeadLetter, DeadLetterBuffer, LetterIds, Reason, WhenFull}};
    ///
    /// let mut letters = DeadLetterBuffer::<u16, 8>::new(WhenFull::DropOldest);
    /// letters.set_ids(LetterIds::new(0x9e37_79b9_7f4a_7c15)); // from the noise source, after each reset
    /// letters.push(DeadLetter::new(Reason::GaveUp(GiveUp::Attempts), 215));
    /// assert!(!letters.pop().unwrap().id.is_none());
    /// ```
    pub const fn set_ids(&mut self, ids: LetterIds) {
        self.ids = Some(ids);
    }

    /// Adds a letter as the newest. If the queue is full, returns the letter that is lost: the new one or the oldest,
    /// as [`WhenFull`] says.
    pub fn push(&mut self, letter: DeadLetter<T>) -> Option<DeadLetter<T>> {
        self.add(letter, self.when_full)
    }

    pub(super) const fn set_when_full(&mut self, when_full: WhenFull) {
        self.when_full = when_full;
    }

    pub(super) fn add(&mut self, mut letter: DeadLetter<T>, when_full: WhenFull) -> Option<DeadLetter<T>> {
        if letter.id.is_none()
            && let Some(ids) = &mut self.ids
        {
            letter.id = ids.make();
        }
        let mut oldest = None;
        if self.letters.is_full() {
            self.lost = self.lost.saturating_add(1);
            match when_full {
                WhenFull::Refuse => return Some(letter),
                WhenFull::DropOldest => oldest = self.pop(),
            }
        }
        let added = self.letters.push_back(letter);
        debug_assert!(added.is_ok(), "there is room");
        oldest
    }

    /// Removes and returns the oldest letter.
    pub fn pop(&mut self) -> Option<DeadLetter<T>> {
        let letter = self.letters.pop_front()?;
        self.first = Self::after(self.first);
        Some(letter)
    }

    /// Puts a popped letter back as the oldest, and adds 1 to its [`requeued`](DeadLetter::requeued).
    ///
    /// If the queue is full, this letter is lost and returned, also with [`WhenFull::DropOldest`].
    pub fn requeue(&mut self, mut letter: DeadLetter<T>) -> Option<DeadLetter<T>> {
        letter.requeued = letter.requeued.saturating_add(1);
        let lost = self.letters.push_front(letter).err();
        match lost {
            None => self.first = Self::before(self.first),
            Some(_) => self.lost = self.lost.saturating_add(1),
        }
        lost
    }

    /// Returns an iterator that removes the letters one by one, oldest first. Letters that it did not reach stay in the
    /// queue.
    pub fn pop_each(&mut self) -> impl Iterator<Item = DeadLetter<T>> {
        core::iter::from_fn(|| self.pop())
    }

    /// Returns the letters, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &DeadLetter<T>> {
        self.letters.iter()
    }

    /// Returns the number of letters.
    pub const fn len(&self) -> usize {
        self.letters.len()
    }

    /// Returns whether the queue is empty.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether the queue is full.
    pub const fn is_full(&self) -> bool {
        self.len() == N
    }

    /// Returns the largest number of letters, `N`.
    pub const fn capacity(&self) -> usize {
        N
    }

    /// Returns how many letters were lost, because the queue was full or an image was damaged. The count saturates.
    pub const fn lost(&self) -> u32 {
        self.lost
    }

    /// The numbers of letters are below this multiple of `N`, so that `N` letters in a row have `N` different places,
    /// also where the numbers begin anew.
    #[allow(clippy::cast_possible_truncation)] // a queue of more letters does not fit into memory
    pub(super) const NUMBERS: u32 = u32::MAX - u32::MAX % (N as u32);

    /// Returns the number of the letter after the one with this number.
    pub(super) const fn after(number: u32) -> u32 {
        if number + 1 < Self::NUMBERS { number + 1 } else { 0 }
    }

    const fn before(number: u32) -> u32 {
        match number {
            0 => Self::NUMBERS - 1,
            number => number - 1,
        }
    }
}

/// Drops a letter that a queue has lost, after the queue's lock was released. The payload's `Drop` may use the queue or
/// panic, and the letter that took its place is kept either way.
pub(super) fn drop_lost<T>(oldest: Option<DeadLetter<T>>) {
    caught(|| drop(oldest));
}
