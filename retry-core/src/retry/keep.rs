//! What becomes of a value that is not acceptable.

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
