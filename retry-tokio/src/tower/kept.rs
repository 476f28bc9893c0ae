//! The state that one call keeps between its attempts.

use core::cell::Cell;
use std::sync::{Mutex, PoisonError};

use retry_core::{
    BoxError, Cause, Error, ErrorKind, Failure, GiveUp, Progress, Verdict, classify::Classifier,
    observe::ErrorText,
};

use super::error::ServiceError;

/// The state that one call keeps between its attempts.
///
/// The lock makes the call's future `Send`. Only the call uses it, so it is always free.
pub(super) struct Kept<Request, Answer, Payload>(Mutex<State<Request, Answer, Payload>>);

struct State<Request, Answer, Payload> {
    /// The request for the next attempt, if it may be sent again.
    unsent: Option<Request>,
    /// Whether another attempt has a request to send.
    is_repeatable: bool,
    /// The payload of the dead letter, made early if the request is sent only once.
    payload: Option<Payload>,
    /// Whether the service failed in `poll_ready`.
    failed_to_get_ready: bool,
    /// The unacceptable answer of the last attempt, if it ended with one.
    answer: Option<Answer>,
}

impl<Request, Answer, Payload> Kept<Request, Answer, Payload> {
    pub(super) fn new(request: Request) -> Self {
        Self(Mutex::new(State {
            unsent: Some(request),
            is_repeatable: true,
            payload: None,
            failed_to_get_ready: false,
            answer: None,
        }))
    }

    /// Begins an attempt, and returns the request that it sends. `prepare` makes the request of the next attempt, or
    /// the payload of a letter if there is no next one.
    pub(super) fn begin(
        &self,
        prepare: impl FnOnce(&Request) -> (Option<Request>, Option<Payload>),
    ) -> Request {
        let (request, last_answer) = self.with(|state| {
            let Some(request) = state.unsent.take() else {
                unreachable!("`Judge` allows an attempt only if there is a request to send")
            };
            (state.unsent, state.payload) = prepare(&request);
            state.is_repeatable = state.unsent.is_some();
            (request, state.answer.take())
        });
        drop(last_answer);
        request
    }

    pub(super) fn failed_to_get_ready(&self) {
        self.with(|state| state.failed_to_get_ready = true);
    }

    /// Drops the last answer when the call begins to wait, because the answer may hold a connection of a pool.
    pub(super) fn forget_answer(&self) {
        let answer = self.with(|state| state.answer.take());
        drop(answer);
    }

    /// Takes the payload of a letter, or the request to make it from. Both are `None` if making the payload panicked.
    pub(super) fn take(&self) -> (Option<Payload>, Option<Request>) {
        self.with(|state| (state.payload.take(), state.unsent.take()))
    }

    /// Ends a call with its last answer. If it has none, the call ends with `error`.
    // Out of line, so that a call that succeeds does not write an error to memory.
    #[cold]
    #[inline(never)]
    pub(super) fn end<E: Into<BoxError>>(self, error: Error<E>) -> Result<Answer, Box<ServiceError>> {
        let State { is_repeatable, answer, .. } = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = answer {
            return Ok(answer);
        }
        let error = error.map(Into::into);
        Err(Box::new(match error.kind() {
            ErrorKind::GaveUp(GiveUp::Attempts) if !is_repeatable => ServiceError::NotRepeatable(error),
            _ => ServiceError::Ended(error),
        }))
    }

    /// Marks the failure as the last one if there is no request for another attempt.
    fn if_repeatable(&self, failure: Failure) -> Failure {
        if self.with(|state| state.is_repeatable) { failure } else { failure.last() }
    }

    fn with<R>(&self, f: impl FnOnce(&mut State<Request, Answer, Payload>) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// An answer on its way to the [`Judge`].
pub(super) struct Answered<T>(Cell<Option<T>>);

impl<T> Answered<T> {
    pub(super) fn new(answer: T) -> Self {
        Self(Cell::new(Some(answer)))
    }

    pub(super) fn into_inner(self) -> T {
        let Some(answer) = self.0.into_inner() else {
            unreachable!("`Judge` takes only unacceptable answers")
        };
        answer
    }
}

/// The classifier of a service's answers and errors. It ends a call that lacks a request to send again, and keeps an
/// unacceptable answer, which may be the last one.
pub(super) struct Judge<'k, K, Request, Answer, Payload> {
    pub(super) classifier: K,
    pub(super) kept: &'k Kept<Request, Answer, Payload>,
}

impl<T, E, K, Request, Payload> Classifier<Answered<T>, E> for Judge<'_, K, Request, T, Payload>
where
    K: Classifier<T, E>,
{
    const ASKS_TIME: bool = K::ASKS_TIME;

    fn failure(&self, error: &E, progress: Progress) -> Failure {
        let failure = self.classifier.failure(error, progress);
        // By tower's contract, such a service has failed for good, and so have its clones.
        if self.kept.with(|state| state.failed_to_get_ready) {
            return failure.not_retried();
        }
        self.kept.if_repeatable(failure)
    }

    fn timed_out(&self) -> Failure {
        self.kept.if_repeatable(self.classifier.timed_out())
    }

    fn classify_ok(&self, answered: &Answered<T>) -> Option<Failure> {
        let answer = answered.0.take()?;
        let Some(failure) = self.classifier.classify_ok(&answer) else {
            answered.0.set(Some(answer));
            return None;
        };
        self.kept.with(|state| state.answer = Some(answer));
        Some(self.kept.if_repeatable(failure))
    }

    fn text<'e>(&self, error: &'e E) -> Option<ErrorText<'e>> {
        self.classifier.text(error)
    }

    fn failed(&self, cause: &Cause<E>, progress: Progress, verdict: Verdict) {
        self.classifier.failed(cause, progress, verdict);
    }
}
