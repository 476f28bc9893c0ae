//! A dead letter: what is kept of a call that gave up.

use core::time::Duration;

use crate::class::Class;
use crate::error::Error;
use crate::key::Key;
use crate::verdict::Reason;

/// A dead letter is what is kept of a call that gave up: which call it was, why it ended, and what it was to deliver.
///
/// It is plain data without references, because it may outlive the program that wrote it. Names are kept inline.
/// Instants are left out, because clocks start anew after a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct DeadLetter<T> {
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

    /// Makes the letter of a call that ended with this error.
    pub fn of<E>(error: &Error<E>, payload: T) -> Self {
        let context = error.context();
        Self {
            operation: Key::new(&context.operation),
            key: context.key,
            class: context.class,
            attempts: context.attempt,
            elapsed: context.elapsed,
            ..Self::new(error.reason(), payload)
        }
    }
}
