//! The payload of a letter.

use core::fmt;

/// The payload of a letter, or how to make it: see [`DeadLetterCall::payload`](super::DeadLetterCall::payload).
pub trait Payload {
    /// The type of the payload.
    type Of;

    /// Makes the payload.
    fn payload(self) -> Self::Of;
}

/// The payload `()`.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPayload;

impl Payload for NoPayload {
    type Of = ();

    fn payload(self) {}
}

/// A payload that a closure makes.
#[derive(Clone, Copy)]
pub struct PayloadFn<F>(pub(super) F);

impl<T, F: FnOnce() -> T> Payload for PayloadFn<F> {
    type Of = T;

    fn payload(self) -> T {
        (self.0)()
    }
}

impl<F> fmt::Debug for PayloadFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PayloadFn(..)")
    }
}
