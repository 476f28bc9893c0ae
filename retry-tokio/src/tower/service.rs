//! The service, and one call of it.

use core::error::Error as StdError;
use core::fmt;
use core::future::poll_fn;
use core::mem;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use core::task::{Context, Poll};

use ::tower_service::Service;
use retry_core::{Budget, Cause, Class, Classifier, Classify, Error, Failure, Gate, Observer, Progress};

use super::circuits::Circuits;
use super::requests::Requests;
use super::{Cloned, OneCircuit, RetryLayer};

/// A service with retries and a circuit around it, made by a [`RetryLayer`].
pub struct RetryService<S, G: 'static, B: 'static, K, O: ?Sized + 'static = (), Q = Cloned, C = OneCircuit> {
    inner: S,
    layer: RetryLayer<G, B, K, O, Q, C>,
}

/// Why a call had no answer.
///
/// Holds the inner service's error in a box, as most of tower does, whatever its type: so stacks fit together.
/// [`source`](StdError::source) is that error.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServiceError {
    /// The inner service failed before the call, when it was asked whether it is ready.
    NotReady(BoxError),
    /// The call gave up, or the circuit refused it.
    Ended(Error<BoxError>),
}

/// An error of any type.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// A call under way. Dropping it gives back what it holds.
pub type CallFuture<T> = Pin<Box<dyn Future<Output = Result<T, ServiceError>> + Send>>;

impl<S, G, B, K, O: ?Sized, Q, C> RetryService<S, G, B, K, O, Q, C> {
    pub(super) const fn new(inner: S, layer: RetryLayer<G, B, K, O, Q, C>) -> Self {
        Self { inner, layer }
    }
}

impl<Request, S, G, B, K, O, Q, C> Service<Request> for RetryService<S, G, B, K, O, Q, C>
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
        let ready = mem::replace(&mut self.inner, next);
        Box::pin(call(ready, request, self.layer.clone()))
    }
}

async fn call<Request, S, G, B, K, O, Q, C>(
    mut service: S,
    request: Request,
    layer: RetryLayer<G, B, K, O, Q, C>,
) -> Result<S::Response, ServiceError>
where
    S: Service<Request, Error: Into<BoxError>> + Clone,
    G: Gate,
    B: Budget,
    K: Classifier<S::Response, S::Error>,
    O: Observer + ?Sized,
    Q: Requests<Request>,
    C: Circuits<Request, G>,
{
    let RetryLayer { retry, requests, circuits } = layer;
    let held = circuits.choose(&request);
    let mut judge = None;
    let retry = C::through(retry, &held).judged(|classifier| judge = Some(classifier));
    let Some(judge) = &judge else { unreachable!("`judged` hands over the classifier") };
    let repeatable = AtomicBool::new(false);
    let retry = retry.judged(|()| Judge { judge, repeatable: &repeatable });

    let (mut unsent, mut is_first) = (Some(request), true);
    let operation = || {
        let Some(request) = unsent.take() else {
            unreachable!("`Judge` lets no attempt be retried that leaves nothing to send")
        };
        unsent = requests.again(&request);
        repeatable.store(unsent.is_some(), Relaxed);
        let attempt = if mem::take(&mut is_first) {
            Attempt::Called(service.call(request))
        } else {
            Attempt::OfClone(service.clone(), request)
        };
        async move {
            let answer = match attempt {
                Attempt::Called(answer) => answer.await,
                Attempt::OfClone(mut service, request) => {
                    poll_fn(|context| service.poll_ready(context)).await.map_err(End::NotReady)?;
                    service.call(request).await
                }
            };
            let answer = answer.map_err(End::Failed)?;
            match judge.unacceptable(&answer) {
                None => Ok(answer),
                Some(failure) => Err(End::Unacceptable(answer, failure)),
            }
        }
    };
    retry.run(operation).await.or_else(End::answer_of)
}

/// What an attempt is made on.
enum Attempt<S: Service<Request>, Request> {
    /// The service that was ready, called already.
    Called(S::Future),
    /// One that has to become ready.
    OfClone(S, Request),
}

/// What an attempt ends with that is no success.
enum End<T, E> {
    Failed(E),
    NotReady(E),
    /// Kept, for it may be the last.
    Unacceptable(T, Failure),
}

impl<T, E: Into<BoxError>> End<T, E> {
    /// The answer that the call ended with; where it had none, its error.
    fn answer_of(error: Error<Self>) -> Result<T, ServiceError> {
        let mut answer = None;
        let error = error.map(|end| match end {
            Self::Failed(error) | Self::NotReady(error) => error.into(),
            Self::Unacceptable(last, _) => {
                answer = Some(last);
                // Not to be seen: there is an answer.
                fmt::Error.into()
            }
        });
        answer.ok_or(ServiceError::Ended(error))
    }
}

/// The classifier of a service's answers and errors, as one of what attempts end with.
struct Judge<'c, K> {
    judge: &'c K,
    /// Whether there is something to send again after the attempt under way.
    repeatable: &'c AtomicBool,
}

impl<K> Judge<'_, K> {
    fn if_repeatable(&self, failure: Failure) -> Failure {
        if self.repeatable.load(Relaxed) { failure } else { failure.not_retried() }
    }
}

impl<T, E, K: Classifier<T, E>> Classifier<T, End<T, E>> for Judge<'_, K> {
    const ASKS_TIME: bool = K::ASKS_TIME;

    fn failure(&self, end: &End<T, E>, progress: Progress) -> Failure {
        self.if_repeatable(match end {
            End::Failed(error) => self.judge.failure(error, progress),
            // Such a service is done for, and so are its clones.
            End::NotReady(error) => self.judge.failure(error, progress).not_retried(),
            End::Unacceptable(_, failure) => *failure,
        })
    }

    fn timed_out(&self) -> Failure {
        self.if_repeatable(self.judge.timed_out())
    }
}

impl ServiceError {
    /// The inner service's own error, if there is one.
    pub fn into_inner(self) -> Option<BoxError> {
        match self {
            Self::NotReady(error) => Some(error),
            Self::Ended(error) => error.into_inner(),
        }
    }

    /// Whether the circuit refused an attempt.
    pub const fn is_circuit_open(&self) -> bool {
        matches!(self, Self::Ended(error) if error.is_circuit_open())
    }
}

/// Retried already, or of a service that is done for: not again.
impl Classify for ServiceError {
    fn classify(&self) -> Failure {
        match self {
            Self::NotReady(_) => Class::Exhausted.into(),
            Self::Ended(error) => error.classify(),
        }
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReady(_) => f.write_str("the service failed to become ready"),
            Self::Ended(error) => error.fmt(f),
        }
    }
}

impl StdError for ServiceError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::NotReady(error) => Some(&**error),
            Self::Ended(error) => match error.cause() {
                Some(Cause::Failed(error)) => Some(&**error),
                _ => None,
            },
        }
    }
}

impl<S: Clone, G, B, K: Clone, O: ?Sized, Q: Clone, C: Clone> Clone for RetryService<S, G, B, K, O, Q, C> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S: fmt::Debug, G, B, K, O: ?Sized, Q, C> fmt::Debug for RetryService<S, G, B, K, O, Q, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryService").field("inner", &self.inner).field("layer", &self.layer).finish()
    }
}
