//! What one call keeps from attempt to attempt.

use core::cell::Cell;
use std::sync::{Mutex, PoisonError};

use retry_core::{BoxError, Error, ErrorKind, Failure, GiveUp, Progress, classify::Classifier};

use super::error::ServiceError;

/// What one call keeps from attempt to attempt. Only the call knows of it, so nobody ever waits for its lock, whoever's
/// code runs under it: it is there for the call to be `Send`.
pub(super) struct Kept<Request, Answer, Payload>(Mutex<State<Request, Answer, Payload>>);

struct State<Request, Answer, Payload> {
    /// What is sent next, if anything may be.
    unsent: Option<Request>,
    /// Whether there is something to send after the attempt under way.
    is_repeatable: bool,
    /// What the letter of the call holds, where there is no request left to make it of.
    payload: Option<Payload>,
    /// Whether the service failed before it was called.
    failed_to_get_ready: bool,
    /// That of the last attempt, where it was one, though not acceptable.
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

    /// An attempt begins: what it sends. `prepare` says what another one would send, and what a letter holds if that
    /// is nothing.
    pub(super) fn begin(
        &self,
        prepare: impl FnOnce(&Request) -> (Option<Request>, Option<Payload>),
    ) -> Request {
        let (request, last_answer) = self.with(|state| {
            let Some(request) = state.unsent.take() else {
                unreachable!("`Judge` lets no attempt be made that has nothing to send")
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

    /// The call waits, and so do those who wait for what an answer holds, such as its connection.
    pub(super) fn forget_answer(&self) {
        let answer = self.with(|state| state.answer.take());
        drop(answer);
    }

    /// For a letter: what it holds, or what that can be made of; neither, where to make it has panicked.
    pub(super) fn take(&self) -> (Option<Payload>, Option<Request>) {
        self.with(|state| (state.payload.take(), state.unsent.take()))
    }

    /// Ends a call with its last answer. If it has none, the call ends with `error`.
    // Out of line, so that a call that succeeds writes its value and nothing of an error.
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

    /// The failure, and the last where there is nothing to send.
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
            unreachable!("`Judge` takes only what is unacceptable")
        };
        answer
    }
}

/// The classifier of a service's answers and errors, for attempts that may have nothing left to send, and an answer
/// that may be the last.
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
        // Such a service is done for, and so are its clones.
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
}
