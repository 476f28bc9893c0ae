//! The client below object_store that retries.

use std::sync::Arc;

use ::http::header;
use ::object_store::client::{HttpClient, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService};
use async_trait::async_trait;
use retry_core::budget::Budget;
use retry_core::circuit::Gate;
use retry_core::classify::{ByTrait, Classifier};
use retry_core::observe::{ErrorText, Observer};
use retry_core::policy::Policies;
use retry_core::runtime::{Entropy, Sleep};
use retry_core::{Class, Failure, Progress, Retry};

use super::answer::Answer;
use crate::error_chain;

/// A client of object_store's, and the `Retry` of its requests.
#[derive(Debug)]
pub(crate) struct RetryingClient<Y> {
    pub(crate) client: HttpClient,
    pub(crate) retry: Arc<Y>,
}

#[async_trait]
impl<R, P, G, B, O> HttpService for RetryingClient<Retry<R, P, G, B, ByTrait, O>>
where
    R: Sleep<Sleep: Send> + Entropy + Send + Sync + 'static,
    P: Policies<Read: Send> + Send + Sync + 'static,
    G: Gate<Ticket: Send> + Send + Sync + 'static,
    B: Budget + Send + Sync + 'static,
    O: Observer + Send + Sync + 'static,
{
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let retry = self.retry.by_ref().classifier(OfRequest { may_repeat: may_repeat(&request) });
        let answer = retry.return_last().run(|| Answer::of(&self.client, request.clone())).await;
        answer.map(|answer| answer.response).map_err(|error| {
            let kind = error.inner().map_or(HttpErrorKind::Unknown, HttpError::kind);
            HttpError::new(kind, error)
        })
    }
}

/// Returns whether the server may get a request again that it may have carried out already.
fn may_repeat(request: &HttpRequest) -> bool {
    let is_conditional =
        [header::IF_MATCH, header::IF_NONE_MATCH].iter().any(|name| request.headers().contains_key(name));
    request.method().is_safe() || !is_conditional
}

/// The classifier of the attempts of one request.
struct OfRequest {
    may_repeat: bool,
}

impl Classifier<Answer, HttpError> for OfRequest {
    fn failure(&self, error: &HttpError, _: Progress) -> Failure {
        let failure = error_chain().classify(error);
        if self.may_repeat || error.kind() == HttpErrorKind::Connect {
            failure
        } else {
            failure.not_retried()
        }
    }

    fn classify_ok(&self, answer: &Answer) -> Option<Failure> {
        answer.failure
    }

    fn timed_out(&self) -> Failure {
        let failure = Failure::new(Class::Timeout);
        if self.may_repeat { failure } else { failure.not_retried() }
    }

    fn text<'e>(&self, error: &'e HttpError) -> Option<ErrorText<'e>> {
        Some(ErrorText::chain(error))
    }
}
