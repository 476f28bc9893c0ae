//! What is left of a call that gave up, and a queue of a fixed size for it.

use core::fmt;
use core::time::Duration;

use heapless::Deque;

use crate::class::Class;
use crate::error::Error;
use crate::key::Key;
use crate::verdict::GiveUp;

/// What is left of a call that gave up: which it was, why it ended, and what it was to deliver.
///
/// It is plain data that refers to nothing: names are kept inline, for it may outlive the program that wrote it, and
/// it holds no instant, for clocks start again after a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct DeadLetter<T> {
    /// The operation's name, of a long one the beginning; [`Key::NONE`] without one.
    pub operation: Key,
    /// Which of several like dependencies; [`Key::NONE`] without one.
    pub key: Key,
    /// Why the call ended.
    pub reason: Reason,
    /// The class of the last attempt's error; `None` where no attempt ended.
    pub class: Option<Class>,
    /// How many attempts were made.
    pub attempts: u32,
    /// How long the call took; `None` where nothing asked for the time at its start. From 584 years on, none either.
    pub elapsed: Option<Duration>,
    /// How often it was put back after another failure; saturates.
    pub requeued: u16,
    /// What the call was to deliver.
    pub payload: T,
}

impl<T> DeadLetter<T> {
    /// The letter of a call that ended for `reason`; what else is known of it is for the caller to fill in.
    pub const fn new(reason: Reason, payload: T) -> Self {
        Self {
            operation: Key::NONE,
            key: Key::NONE,
            reason,
            class: None,
            attempts: 0,
            elapsed: None,
            requeued: 0,
            payload,
        }
    }

    /// The letter of a call that ended with `error`.
    pub fn of<E>(error: &Error<E>, payload: T) -> Self {
        let context = error.context();
        Self {
            operation: Key::new(context.operation),
            key: context.key,
            class: context.class,
            attempts: context.attempt,
            elapsed: context.elapsed,
            ..Self::new(Reason::of(error), payload)
        }
    }
}

/// Why a call ended that left a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Reason {
    /// The policy or the budget allowed no further attempt.
    GaveUp(GiveUp),
    /// The circuit refused an attempt.
    Rejected,
    /// The call was stopped from outside.
    Cancelled,
}

impl Reason {
    /// The reason in a word, for metrics and logs: that to give up, `rejected` or `cancelled`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GaveUp(reason) => reason.name(),
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
        }
    }

    pub(crate) const fn of<E>(error: &Error<E>) -> Self {
        match error {
            Error::GaveUp { reason, .. } => Self::GaveUp(*reason),
            Error::Ignored { .. } => Self::GaveUp(GiveUp::Ignored),
            Error::Rejected { .. } => Self::Rejected,
            Error::Cancelled { .. } => Self::Cancelled,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GaveUp(reason) => write!(f, "gave up: {reason}"),
            Self::Rejected => f.write_str("rejected by the circuit"),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

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
/// use retry_core::{Class, DeadLetter, DeadLetters, FakeClock, Policy, Retry, WhenFull};
///
/// let clock = FakeClock::new();
/// let uplink = Retry::new(&Policy::DEFAULT, &clock).named("uplink.send");
/// let mut letters = DeadLetters::<u16, 2>::new(WhenFull::DropOldest);
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
#[derive(Clone, Debug)]
pub struct DeadLetters<T, const N: usize> {
    pub(super) letters: Deque<DeadLetter<T>, N>,
    when_full: WhenFull,
    pub(super) lost: u32,
    /// The oldest letter's number; those after it count up. It gives each letter its place in an image.
    pub(super) first: u32,
}

#[cfg(feature = "defmt")]
impl<T, const N: usize> defmt::Format for DeadLetters<T, N> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=usize} of {=usize} letters, {=u32} lost", self.len(), N, self.lost);
    }
}

impl<T, const N: usize> DeadLetters<T, N> {
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
    pub fn drain(&mut self) -> impl Iterator<Item = DeadLetter<T>> {
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
