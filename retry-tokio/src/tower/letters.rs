//! Dead letters of the calls of a layer.

use core::fmt;
use core::ops::Deref;

use retry_core::{
    Error, Retry,
    budget::Budget,
    circuit::Gate,
    classify::Classifier,
    dead_letter::{DeadLetterSink, ReasonSet},
    observe::Observer,
    policy::Policies,
    runtime::{Entropy, Sleep},
};

/// The dead letters of a layer: their sink, and their payload.
/// [`RetryLayer::dead_letters`](crate::RetryLayer::dead_letters) sets it.
pub trait Letters<Request, E> {
    /// The payload of a letter.
    type Payload: Send;

    /// Makes the payload of the letter for this request.
    fn payload(&self, request: &Request) -> Self::Payload;

    /// Runs the call, and passes its letter to the sink if it gives up. The closure `payload` makes the payload.
    fn run<'r, T, A, F, M, R, P, G, B, K, O>(
        &'r self,
        retry: &'r Retry<R, P, G, B, K, O>,
        payload: M,
        operation: F,
    ) -> impl Future<Output = Result<T, Error<E>>> + Send
    where
        T: Send,
        E: Send,
        A: Future<Output = Result<T, E>> + Send,
        F: FnMut() -> A + Send,
        M: FnOnce() -> Self::Payload + Send,
        R: Sleep<Sleep: Send> + Entropy + Sync,
        P: Policies<Read: Send> + Sync,
        G: Gate<Ticket: Send> + Sync,
        B: Budget + Sync,
        K: Classifier<T, E> + Sync,
        O: Observer + Sync;
}

/// A layer without dead letters. It is the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLetters;

impl<Request, E> Letters<Request, E> for NoLetters {
    type Payload = ();

    fn payload(&self, _: &Request) {}

    fn run<'r, T, A, F, M, R, P, G, B, K, O>(
        &'r self,
        retry: &'r Retry<R, P, G, B, K, O>,
        _: M,
        operation: F,
    ) -> impl Future<Output = Result<T, Error<E>>> + Send
    where
        T: Send,
        E: Send,
        A: Future<Output = Result<T, E>> + Send,
        F: FnMut() -> A + Send,
        M: FnOnce() + Send,
        R: Sleep<Sleep: Send> + Entropy + Sync,
        P: Policies<Read: Send> + Sync,
        G: Gate<Ticket: Send> + Sync,
        B: Budget + Sync,
        K: Classifier<T, E> + Sync,
        O: Observer + Sync,
    {
        retry.run(operation)
    }
}

/// A sink for dead letters, with a closure that makes the payload from the request: see
/// [`RetryLayer::dead_letters`](crate::RetryLayer::dead_letters).
#[derive(Clone)]
pub struct LettersTo<S, F> {
    pub(super) sink: S,
    pub(super) payload: F,
    pub(super) reasons: Option<ReasonSet>,
}

impl<Request, E, L, S, N> Letters<Request, E> for LettersTo<S, N>
where
    L: Send,
    S: Deref<Target: DeadLetterSink<L, E> + Sync> + Sync,
    N: Fn(&Request) -> L + Sync,
{
    type Payload = L;

    fn payload(&self, request: &Request) -> L {
        (self.payload)(request)
    }

    fn run<'r, T, A, F, M, R, P, G, B, K, O>(
        &'r self,
        retry: &'r Retry<R, P, G, B, K, O>,
        payload: M,
        operation: F,
    ) -> impl Future<Output = Result<T, Error<E>>> + Send
    where
        T: Send,
        E: Send,
        A: Future<Output = Result<T, E>> + Send,
        F: FnMut() -> A + Send,
        M: FnOnce() -> L + Send,
        R: Sleep<Sleep: Send> + Entropy + Sync,
        P: Policies<Read: Send> + Sync,
        G: Gate<Ticket: Send> + Sync,
        B: Budget + Sync,
        K: Classifier<T, E> + Sync,
        O: Observer + Sync,
    {
        let call = retry.dead_letters(&*self.sink).payload(payload);
        match self.reasons {
            Some(reasons) => call.only(reasons),
            None => call,
        }
        .run(operation)
    }
}

impl<S, F> fmt::Debug for LettersTo<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LettersTo").field("reasons", &self.reasons).finish_non_exhaustive()
    }
}
