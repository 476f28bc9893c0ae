//! Who takes the letters of calls that give up.

use core::fmt;

use retry_core::{
    Error, Retry,
    budget::Budget,
    circuit::Gate,
    classify::Classifier,
    dead_letter::{DeadLetterSink, ReasonSet},
    observe::Observer,
};

use crate::Tokio;

/// Says who takes the letter of a call that gives up, and what it holds of the request. Chosen by
/// [`RetryLayer::dead_letters`](crate::RetryLayer::dead_letters); there is no need to implement it.
pub trait Letters<Request, E> {
    /// What a letter holds.
    type Payload: Send;

    /// What the letter of this request holds.
    fn payload(&self, request: &Request) -> Self::Payload;

    /// Runs the call, and hands over its letter should it give up. `payload` makes what that holds.
    fn run<T, A, F, P, G, B, K, O>(
        &self,
        retry: &Retry<'_, Tokio, G, B, K, O>,
        payload: P,
        operation: F,
    ) -> impl Future<Output = Result<T, Error<E>>> + Send
    where
        T: Send,
        E: Send,
        A: Future<Output = Result<T, E>> + Send,
        F: FnMut() -> A + Send,
        P: FnOnce() -> Self::Payload + Send,
        G: Gate<Ticket: Send> + Sync,
        B: Budget + Sync,
        K: Classifier<T, E> + Sync,
        O: Observer + Sync + ?Sized;
}

/// No letters.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLetters;

impl<Request, E> Letters<Request, E> for NoLetters {
    type Payload = ();

    fn payload(&self, _: &Request) {}

    fn run<T, A, F, P, G, B, K, O>(
        &self,
        retry: &Retry<'_, Tokio, G, B, K, O>,
        _: P,
        operation: F,
    ) -> impl Future<Output = Result<T, Error<E>>> + Send
    where
        T: Send,
        E: Send,
        A: Future<Output = Result<T, E>> + Send,
        F: FnMut() -> A + Send,
        P: FnOnce() + Send,
        G: Gate<Ticket: Send> + Sync,
        B: Budget + Sync,
        K: Classifier<T, E> + Sync,
        O: Observer + Sync + ?Sized,
    {
        retry.run(operation)
    }
}

/// Letters to a sink, with what a closure makes of the request: see
/// [`RetryLayer::dead_letters`](crate::RetryLayer::dead_letters).
pub struct LettersTo<S: ?Sized + 'static, F> {
    pub(super) sink: &'static S,
    pub(super) payload: F,
    pub(super) reasons: ReasonSet,
}

impl<Request, E, L, S, M> Letters<Request, E> for LettersTo<S, M>
where
    L: Send,
    S: DeadLetterSink<L, E> + Sync + ?Sized,
    M: Fn(&Request) -> L + Sync,
{
    type Payload = L;

    fn payload(&self, request: &Request) -> L {
        (self.payload)(request)
    }

    fn run<T, A, F, P, G, B, K, O>(
        &self,
        retry: &Retry<'_, Tokio, G, B, K, O>,
        payload: P,
        operation: F,
    ) -> impl Future<Output = Result<T, Error<E>>> + Send
    where
        T: Send,
        E: Send,
        A: Future<Output = Result<T, E>> + Send,
        F: FnMut() -> A + Send,
        P: FnOnce() -> L + Send,
        G: Gate<Ticket: Send> + Sync,
        B: Budget + Sync,
        K: Classifier<T, E> + Sync,
        O: Observer + Sync + ?Sized,
    {
        retry.dead_letters(self.sink).only(self.reasons).payload(payload).run(operation)
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
