//! The handling of unacceptable values, and the result of a failed call.

use core::mem;

use crate::error::Error;

/// What a call does with a value that [`Retry::classify_ok`](crate::Retry::classify_ok) marks as a failure.
pub trait Keep<T> {
    /// The place that keeps the value until the verdict.
    type Slot: Default;

    /// Keeps the value.
    fn keep(slot: &mut Self::Slot, value: T);

    /// Takes the last value out; `None` if none was kept.
    fn take(slot: &mut Self::Slot) -> Option<T>;
}

/// Drops a value that [`classify_ok`](crate::Retry::classify_ok) marks as a failure.
#[derive(Clone, Copy, Debug, Default)]
pub struct Discard;

impl<T> Keep<T> for Discard {
    type Slot = ();

    #[inline]
    fn keep((): &mut (), value: T) {
        drop(value);
    }

    #[inline]
    fn take((): &mut ()) -> Option<T> {
        None
    }
}

/// Returns the last value that [`classify_ok`](crate::Retry::classify_ok) marks as a failure, if the call gives up on
/// it. If the call retries instead, the value is dropped before the delay.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeepLast;

impl<T> Keep<T> for KeepLast {
    type Slot = Option<T>;

    fn keep(slot: &mut Option<T>, value: T) {
        *slot = Some(value);
    }

    fn take(slot: &mut Option<T>) -> Option<T> {
        slot.take()
    }
}

/// The `Err` of a failed call.
pub(crate) trait Ends<T, E, V: Keep<T>>: Sized {
    /// Ends the call with the value in `slot`, or with an error.
    fn end(slot: &mut V::Slot, error: impl FnOnce() -> Error<E>) -> Result<T, Self>;
}

impl<T, E, V: Keep<T>> Ends<T, E, V> for Error<E> {
    #[inline]
    fn end(slot: &mut V::Slot, error: impl FnOnce() -> Self) -> Result<T, Self> {
        match V::take(slot) {
            Some(value) => Ok(value),
            None => Err(error()),
        }
    }
}

/// Ends with both, for dead letters: a letter has the error of a call that returns its last value.
impl<T, E, V: Keep<T>> Ends<T, E, V> for (Error<E>, V::Slot) {
    #[inline]
    fn end(slot: &mut V::Slot, error: impl FnOnce() -> Error<E>) -> Result<T, Self> {
        Err((error(), mem::take(slot)))
    }
}
