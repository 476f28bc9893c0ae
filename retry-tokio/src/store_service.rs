//! The client below object_store that retries.

use std::sync::Arc;

use ::http::{HeaderMap, Method, StatusCode, header};
use ::object_store::client::{
    HttpClient, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use async_trait::async_trait;
use retry_core::budget::Budget;
use retry_core::circuit::Gate;
use retry_core::classify::{ByTrait, Classifier};
use retry_core::observe::{ErrorText, Observer};
use retry_core::policy::Policies;
use retry_core::runtime::{Entropy, Sleep, StdRuntime};
use retry_core::{Class, Failure, Progress, Retry};

use crate::error_chain;
use crate::store_errors::of_body;

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
        let answer = retry.return_last().run(|| attempt(&self.client, request.clone())).await;
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

/// A response, and what it means if it is an error.
struct Answer {
    response: HttpResponse,
    failure: Option<Failure>,
}

async fn attempt(client: &HttpClient, request: HttpRequest) -> Result<Answer, HttpError> {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let response = client.execute(request).await?;
    if response.status().is_success() && is_read {
        return Ok(Answer { response, failure: None });
    }
    // S3 answers 200 before it has put parts together or copied an object. Then an error may follow in the body.
    let (mut head, body) = response.into_parts();
    let body = body.bytes().await?;
    let failure = failure(head.status, &head.headers, &String::from_utf8_lossy(&body));
    if failure.is_some() && head.status.is_success() {
        // object_store knows two codes inside a 200, and takes a copy that failed for another reason for done.
        head.status = StatusCode::INTERNAL_SERVER_ERROR;
    }
    Ok(Answer { response: HttpResponse::from_parts(head, HttpResponseBody::from(body)), failure })
}

/// Returns the failure that a response means: status and hint by its head, and the class by the code in its body.
fn failure(status: StatusCode, headers: &HeaderMap, body: &str) -> Option<Failure> {
    let of_head = Failure::of_http_response(status, headers, StdRuntime::unix_secs);
    let Some(class) = of_body(body) else { return of_head };
    let mut failure = of_head.unwrap_or(Failure::new(class));
    failure.class = class;
    Some(failure)
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
