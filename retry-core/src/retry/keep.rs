//! What becomes of a value that is not acceptable, and what a call that did not succeed returns.

use core::mem;

use crate::error::Error;

/// What a call does with a value that [`Retry::classify_ok`](crate::Retry::classify_ok) takes for a failure.
pub trait Keep<T> {
    /// Where it is kept until the verdict.
    type Slot: Default;

    /// Keeps it.
    fn keep(slot: &mut Self::Slot, value: T);

    /// Takes out the last one, if it was kept.
    fn take(slot: &mut Self::Slot) -> Option<T>;
}

/// Drops a value that [`classify_ok`](crate::Retry::classify_ok) takes for a failure.
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

/// Returns the last value that [`classify_ok`](crate::Retry::classify_ok) takes for a failure if the call gives up on it. A
/// value that is tried again is dropped before the delay.
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

/// What a call that did not succeed returns.
pub(crate) trait Ends<T, E, V: Keep<T>>: Sized {
    /// Ends with the value in `slot`, or with an error.
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

/// Both, for a dead letter: it tells the error of a call that returns its last value.
impl<T, E, V: Keep<T>> Ends<T, E, V> for (Error<E>, V::Slot) {
    #[inline]
    fn end(slot: &mut V::Slot, error: impl FnOnce() -> Error<E>) -> Result<T, Self> {
        Err((error(), mem::take(slot)))
    }
}
