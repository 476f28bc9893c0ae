//! The service, and one call of it.

use core::fmt;
use core::future::poll_fn;
use core::mem;
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use ::tower_service::Service;
use retry_core::{Error, GiveUp, budget::Budget, circuit::Gate, classify::Classifier, observe::Observer};

use super::circuits::Circuits;
use super::error::{BoxError, ServiceError};
use super::kept::{Answered, Judge, Kept};
use super::letters::Letters;
use super::requests::Requests;
use super::{CallCloneRequestOrCloneAll, NoLetters, OneCircuit, RetryLayer};

/// A service with retries and a circuit around it, made by a [`RetryLayer`].
pub struct RetryService<
    S,
    G: 'static,
    B: 'static,
    K,
    O: ?Sized + 'static = (),
    Q = CallCloneRequestOrCloneAll,
    C = OneCircuit,
    L = NoLetters,
> {
    inner: S,
    layer: RetryLayer<G, B, K, O, Q, C, L>,
}

/// A call under way. Dropping it gives back what it holds.
pub type CallFuture<T> = Pin<Box<dyn Future<Output = Result<T, ServiceError>> + Send>>;

impl<S, G, B, K, O: ?Sized, Q, C, L> RetryService<S, G, B, K, O, Q, C, L> {
    pub(super) const fn new(inner: S, layer: RetryLayer<G, B, K, O, Q, C, L>) -> Self {
        Self { inner, layer }
    }
}

impl<Request, S, G, B, K, O, Q, C, L> Service<Request> for RetryService<S, G, B, K, O, Q, C, L>
where
    Request: Send + 'static,
    S: Service<Request, Response: Send, Error: Into<BoxError> + Send, Future: Send> + Clone + Send + 'static,
    G: Gate + Sync,
    B: Budget + Sync,
    K: Classifier<S::Response, S::Error> + Clone + Send + Sync + 'static,
    O: Observer + Sync + ?Sized,
    Q: Requests<Request> + Clone + Send + Sync + 'static,
    C: Circuits<Request, G, Circuit: Sync, Held: 'static> + Clone + Send + Sync + 'static,
    <C::Circuit as Gate>::Ticket: Send,
    L: Letters<Request, S::Error> + Clone + Send + Sync + 'static,
{
    type Response = S::Response;
    type Error = ServiceError;
    type Future = CallFuture<S::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(|error| ServiceError::NotReady(error.into()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // The clone is not ready; the one that is goes with the call.
        let next = self.inner.clone();
        let mut service = mem::replace(&mut self.inner, next);
        // What is made out here is stored once in the future, and not once more on its way into it.
        let RetryLayer { retry, requests, circuits, letters } = self.layer.clone();
        let held = circuits.choose(&request);
        let kept = Kept::new(request);
        Box::pin(async move {
            let retry =
                C::through(retry, &held).map_classifier(|classifier| Judge { classifier, kept: &kept });

            let mut is_first = true;
            let operation = || {
                let request = kept.begin(|request| match requests.again(request) {
                    // Most letters are made of what would be sent next, when one is needed.
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
                // To make it has panicked, which whoever hands over letters takes for one that is not kept.
                (None, None) => resume_unwind(Box::new("no payload")),
            };
            let outcome = {
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
            drop(retry);
            match outcome {
                Ok(answered) => Ok(answered.into_inner()),
                Err(error) => kept.end().map_err(|is_repeatable| match error.map(Into::into) {
                    error @ Error::GaveUp { reason: GiveUp::Attempts, .. } if !is_repeatable => {
                        ServiceError::NotRepeatable(error)
                    }
                    error => ServiceError::Ended(error),
                }),
            }
        })
    }
}

/// What an attempt is made on.
enum Attempt<S: Service<Request>, Request> {
    /// The service that was ready, called already.
    Called(S::Future),
    /// One that has to become ready.
    OfClone(S, Request),
}

impl<S: Clone, G, B, K: Clone, O: ?Sized, Q: Clone, C: Clone, L: Clone> Clone
    for RetryService<S, G, B, K, O, Q, C, L>
{
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S: fmt::Debug, G, B, K, O: ?Sized, Q, C, L> fmt::Debug for RetryService<S, G, B, K, O, Q, C, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryService").field("inner", &self.inner).field("layer", &self.layer).finish()
    }
}
