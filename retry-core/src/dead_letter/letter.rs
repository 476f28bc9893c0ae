//! What is left of a call that gave up.

use core::time::Duration;

use crate::class::Class;
use crate::error::Error;
use crate::key::Key;
use crate::verdict::Reason;

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
            operation: Key::new(&context.operation),
            key: context.key,
            class: context.class,
            attempts: context.attempt,
            elapsed: context.elapsed,
            ..Self::new(error.reason(), payload)
        }
    }
}
