//! The service of the layer, and the future of its calls.

use core::fmt;
use core::future::poll_fn;
use core::mem;
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use ::tower_service::Service;
use retry_core::{
    BoxError, Retry,
    budget::Budget,
    circuit::Gate,
    classify::Classifier,
    observe::Observer,
    policy::Policies,
    runtime::{Entropy, Sleep},
};

use super::circuits::{Circuits, OneCircuit};
use super::error::ServiceError;
use super::kept::{Answered, Judge, Kept};
use super::letters::{Letters, NoLetters};
use super::requests::{CallCloneRequestOrCloneAll, Requests};

/// A service with retries and a circuit around an inner service. A [`RetryLayer`](crate::RetryLayer) makes it.
pub struct RetryService<S, Y, Q = CallCloneRequestOrCloneAll, C = OneCircuit, L = NoLetters> {
    inner: S,
    parts: Arc<Parts<Y, Q, C, L>>,
}

/// The parts of a layer.
#[derive(Clone)]
pub(super) struct Parts<Y, Q, C, L> {
    pub(super) retry: Y,
    pub(super) requests: Q,
    pub(super) circuits: C,
    pub(super) letters: L,
}

/// The future of a call. Dropping it cancels the call.
// The error is in a box, so that a good answer is moved without room for an error.
#[must_use = "a future does nothing until it is awaited"]
pub struct ResponseFuture<T>(Pin<Box<dyn Future<Output = Result<T, Box<ServiceError>>> + Send>>);

impl<T> Future for ResponseFuture<T> {
    type Output = Result<T, ServiceError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context).map_err(|error| *error)
    }
}

impl<T> fmt::Debug for ResponseFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseFuture(..)")
    }
}

impl<S, Y, Q, C, L> RetryService<S, Y, Q, C, L> {
    pub(super) fn new(inner: S, parts: Parts<Y, Q, C, L>) -> Self {
        Self { inner, parts: Arc::new(parts) }
    }
}

impl<Request, S, R, P, G, B, K, O, Q, C, L> Service<Request>
    for RetryService<S, Retry<R, P, G, B, K, O>, Q, C, L>
where
    Request: Send + 'static,
    S: Service<Request, Response: Send, Error: Into<BoxError> + Send, Future: Send> + Clone + Send + 'static,
    R: Sleep<Sleep: Send> + Entropy + Send + Sync + 'static,
    P: Policies<Read: Send> + Send + Sync + 'static,
    G: Send + Sync + 'static,
    B: Budget + Send + Sync + 'static,
    K: Classifier<S::Response, S::Error> + Send + Sync + 'static,
    O: Observer + Send + Sync + 'static,
    Q: Requests<Request> + Send + Sync + 'static,
    C: Circuits<Request, G, Circuit: Gate<Ticket: Send> + Send + Sync> + Send + Sync + 'static,
    L: Letters<Request, S::Error> + Send + Sync + 'static,
{
    type Response = S::Response;
    type Error = ServiceError;
    type Future = ResponseFuture<S::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(|error| ServiceError::NotReady(error.into()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // `self.inner` is ready, so the call takes it. The clone in its place may not be.
        let next = self.inner.clone();
        let mut service = mem::replace(&mut self.inner, next);
        let parts = Arc::clone(&self.parts);
        // Values that are made here are stored once in the future. Arguments would be stored twice.
        let circuit = parts.circuits.choose(parts.retry.gate(), &request);
        let kept = Kept::new(request);
        // The box is allocated first, so that the future is made in it and need not be moved.
        let place = Box::new_uninit();
        let call = Box::write(place, async move {
            let Parts { retry, requests, letters, .. } = &*parts;
            let outcome = {
                let retry = match C::key(&circuit) {
                    Some(key) => retry.by_ref().keyed(key),
                    None => retry.by_ref(),
                };
                let retry =
                    retry.circuit(&circuit).map_classifier(|classifier| Judge { classifier, kept: &kept });

                let mut is_first = true;
                let operation = || {
                    let request = kept.begin(|request| match requests.again(request) {
                        // Usually, a letter is made when it is needed, from the request that would be sent next.
                        Some(again) => (Some(again), None),
                        None => (None, catch_unwind(AssertUnwindSafe(|| letters.payload(request))).ok()),
                    });
                    let attempt = if mem::take(&mut is_first) {
                        Attempt::Called(service.call(request))
                    } else {
                        Attempt::OfClone(service.clone(), request)
                    };
                    async {
                        let answer = match attempt {
                            Attempt::Called(answer) => answer.await,
                            Attempt::OfClone(mut service, request) => {
                                let ready = poll_fn(|context| service.poll_ready(context)).await;
                                ready.inspect_err(|_| kept.failed_to_get_ready())?;
                                service.call(request).await
                            }
                        };
                        answer.map(Answered::new)
                    }
                };
                let payload = || match kept.take() {
                    (Some(payload), _) => payload,
                    (None, Some(request)) => letters.payload(&request),
                    // Making the payload has panicked before. Another panic here reports the letter as lost.
                    (None, None) => resume_unwind(Box::new("no payload")),
                };
                let mut run = pin!(letters.run(&retry, payload, operation));
                poll_fn(|context| {
                    let polled = run.as_mut().poll(context);
                    if polled.is_pending() {
                        kept.forget_answer();
                    }
                    polled
                })
                .await
            };
            match outcome {
                Ok(answered) => Ok(answered.into_inner()),
                Err(error) => kept.end(error),
            }
        });
        ResponseFuture(Box::into_pin(call))
    }
}

/// The service for one attempt.
enum Attempt<S: Service<Request>, Request> {
    /// The service that was ready, and is already called.
    Called(S::Future),
    /// A clone that must become ready first.
    OfClone(S, Request),
}

impl<S: Clone, Y, Q, C, L> Clone for RetryService<S, Y, Q, C, L> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), parts: Arc::clone(&self.parts) }
    }
}

impl<S: fmt::Debug, Y: fmt::Debug, Q, C, L> fmt::Debug for RetryService<S, Y, Q, C, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inner, parts } = self;
        f.debug_struct("RetryService")
            .field("inner", inner)
            .field("retry", &parts.retry)
            .finish_non_exhaustive()
    }
}
