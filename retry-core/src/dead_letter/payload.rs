//! What a letter carries.

use core::fmt;

/// What a call was to deliver. There is no need to implement it: see [`DeadLetterCall::payload`](super::DeadLetterCall::payload).
pub trait Payload {
    /// Its type.
    type Of;

    /// Makes it.
    fn payload(self) -> Self::Of;
}

/// A letter without a payload.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPayload;

impl Payload for NoPayload {
    type Of = ();

    fn payload(self) {}
}

/// What a closure makes: [`DeadLetterCall::payload`](super::DeadLetterCall::payload).
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
