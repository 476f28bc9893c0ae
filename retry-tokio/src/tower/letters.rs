//! Who takes the letters of calls that give up.

use core::fmt;

use retry_core::{DeadLetterSink, ReasonSet};

/// Says who takes the letter of a call that gives up, and what it holds of the request. Chosen by
/// [`RetryLayer::dead_letters`](crate::RetryLayer::dead_letters); there is no need to implement it.
pub trait Letters<Request, E> {
    /// What a letter holds.
    type Payload: Send;
    /// Who takes it.
    type Sink: DeadLetterSink<Self::Payload, E> + Sync + ?Sized + 'static;

    /// What the letter of this request holds.
    fn payload(&self, request: &Request) -> Self::Payload;

    /// Who takes it, and which ends of a call leave one.
    fn sink(&self) -> (&Self::Sink, ReasonSet);
}

/// No letters.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLetters;

impl<Request, E> Letters<Request, E> for NoLetters {
    type Payload = ();
    type Sink = ();

    fn payload(&self, _: &Request) {}

    fn sink(&self) -> (&(), ReasonSet) {
        (&(), ReasonSet::NONE)
    }
}

/// Letters to a sink, with what a closure makes of the request: see
/// [`RetryLayer::dead_letters`](crate::RetryLayer::dead_letters).
pub struct LettersTo<S: ?Sized + 'static, F> {
    pub(super) sink: &'static S,
    pub(super) payload: F,
    pub(super) reasons: ReasonSet,
}

impl<Request, E, T, S, F> Letters<Request, E> for LettersTo<S, F>
where
    T: Send,
    S: DeadLetterSink<T, E> + Sync + ?Sized,
    F: Fn(&Request) -> T,
{
    type Payload = T;
    type Sink = S;

    fn payload(&self, request: &Request) -> T {
        (self.payload)(request)
    }

    fn sink(&self) -> (&S, ReasonSet) {
        (self.sink, self.reasons)
    }
}

impl<S: ?Sized, F: Clone> Clone for LettersTo<S, F> {
    fn clone(&self) -> Self {
        Self { payload: self.payload.clone(), ..*self }
    }
}

impl<S: ?Sized, F> fmt::Debug for LettersTo<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LettersTo").field("reasons", &self.reasons).finish_non_exhaustive()
    }
}
