//! A dead letter: what is kept of a call that gave up.

use core::time::Duration;

use super::id::LetterId;
use crate::class::Class;
use crate::error::{Context, Error};
use crate::key::Key;
use crate::verdict::Reason;

/// A dead letter is what is kept of a call that gave up: which call it was, why it ended, and what it was to deliver.
///
/// It is plain data without references, because it may outlive the program that wrote it. Names are kept inline.
/// Instants are left out, because clocks start anew after a reset.
///
/// Every letter of a call has an [`id`](field@Self::id), which holds the time of day where one is known. It stays the same when
/// the letter is stored, saved, put back or read, so that duplicates can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct DeadLetter<T> {
    /// The id. With the feature `std`, [`of`](Self::of) makes it. Otherwise a queue does, if it has
    /// [`LetterIds`](super::LetterIds).
    pub id: LetterId,
    /// The operation's name, which a [`Key`] cuts if it is longer than 23 bytes; [`Key::NONE`] if the call is unnamed.
    pub operation: Key,
    /// Which one of several similar dependencies; [`Key::NONE`] if the call is without a key.
    pub key: Key,
    /// Why the call ended.
    pub reason: Reason,
    /// The class of the last attempt's error; `None` if no attempt ended.
    pub class: Option<Class>,
    /// The number of attempts.
    pub attempts: u32,
    /// How long the call took; `None` if the call did not count its time. An image holds up to 584 years.
    pub elapsed: Option<Duration>,
    /// How often the letter was put back after another failure. The count saturates.
    pub requeued: u16,
    /// The payload: what the call was to deliver.
    pub payload: T,
}

impl<T> DeadLetter<T> {
    /// Makes the letter of a call that ended for this reason. The other fields are empty, to be filled in by the
    /// caller.
    pub const fn new(reason: Reason, payload: T) -> Self {
        Self {
            id: LetterId::NONE,
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

    /// Makes the letter of a call that ended with this error. With the feature `std`, it has an id and the time of day.
    pub fn of<E>(error: &Error<E>, payload: T) -> Self {
        let context = error.context_ref();
        Self {
            id: Self::id(context),
            operation: Key::new(&context.operation),
            key: context.key,
            class: context.class,
            attempts: context.attempt,
            elapsed: context.elapsed(),
            ..Self::new(error.reason(), payload)
        }
    }

    /// The id of a letter of this call. The error has the time of day already, unless its runtime knows none.
    #[cfg(feature = "std")]
    fn id(context: &Context) -> LetterId {
        super::id::process_id_at(context.unix_time().unwrap_or_else(super::id::time_of_day))
    }

    #[cfg(not(feature = "std"))]
    const fn id(_: &Context) -> LetterId {
        LetterId::NONE
    }

    /// Changes the payload, and keeps all else, such as to add the text of the error.
    ///
    /// ```
    /// use retry_core::{Class, Policy, Retry, dead_letter::DeadLetter, testing::FakeClock};
    ///
    /// let clock = FakeClock::new();
    /// let error = Retry::new(&Policy::DEFAULT, &clock).run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err();
    /// let letter = DeadLetter::of(&error, "7 apples");
    /// let with_text = letter.map(|order| (order, error.to_string()));
    /// assert_eq!(with_text.payload.0, "7 apples");
    /// assert_eq!(with_text.map(|(order, _)| order), letter);
    /// ```
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> DeadLetter<U> {
        let Self { id, operation, key, reason, class, attempts, elapsed, requeued, payload } = self;
        DeadLetter { id, operation, key, reason, class, attempts, elapsed, requeued, payload: f(payload) }
    }

    /// Returns when the call ended, in whole milliseconds, as its [`id`](field@Self::id) says; `None` if that has no time.
    ///
    /// ```
    /// use retry_core::{Class, Policy, Retry, dead_letter::DeadLetter, testing::FakeClock};
    ///
    /// let clock = FakeClock::new();
    /// let error = Retry::new(&Policy::DEFAULT, &clock).run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err();
    /// let letter = DeadLetter::of(&error, "7 apples");
    /// assert!(letter.at().unwrap() > std::time::UNIX_EPOCH);
    /// ```
    #[cfg(feature = "std")]
    #[cfg_attr(docsrs, doc(cfg(feature = "std")))]
    pub fn at(&self) -> Option<std::time::SystemTime> {
        std::time::UNIX_EPOCH.checked_add(self.id.since_1970()?)
    }
}
