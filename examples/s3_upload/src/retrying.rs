//! Retries below object_store: of each request, such as one part of a multipart upload.
//!
//! object_store's own errors leave out the headers of a response. A service between it and its HTTP client sees
//! `Retry-After`, and sends again only the request that failed.

use std::sync::Arc;

use async_trait::async_trait;
use http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::BodyExt;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
    HttpService,
};
use reqwest::{Body, Client};
use retry_core::circuit::NoCircuit;
use retry_core::classify::Classifier;
use retry_core::runtime::StdRuntime;
use retry_core::{Class, Error, Failure, Policy, Progress, Retry, SharedBudget, TokenBucket};
use retry_tokio::{Tokio, reqwest_error, retry};

type Calls = Retry<Tokio, Policy, NoCircuit, SharedBudget<TokenBucket>, S3Classifier>;

/// Connects stores to an HTTP client that retries. All of them share one budget.
#[derive(Clone, Debug)]
pub struct Retrying {
    client: Client,
    calls: Arc<Calls>,
}

impl Retrying {
    /// Makes a connector with this client and this policy.
    pub fn new(client: Client, policy: Policy) -> Self {
        let budget = SharedBudget::new(TokenBucket::DEFAULT);
        let calls = retry(policy).budget(budget).classifier(S3Classifier).named("s3");
        Self { client, calls: Arc::new(calls) }
    }
}

impl HttpConnector for Retrying {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Retrying {
    /// Sends a request until it succeeds or the policy ends the call. The last response is that of the call, so that
    /// object_store sees its status.
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let answer = self.calls.return_last().run(|| attempt(&self.client, request.clone())).await;
        answer.map(|answer| answer.response).map_err(|error| HttpError::new(kind(&error), error))
    }
}

/// A response, and what it means if it is an error.
struct Answer {
    response: HttpResponse,
    failure: Option<Failure>,
}

/// Sends a request. The body of an error is read, because it has the code of the error.
async fn attempt(client: &Client, request: HttpRequest) -> reqwest::Result<Answer> {
    let (head, body) = request.into_parts();
    // S3 answers 200 before it has put the parts together. Then an error may follow in the body.
    let is_late = head.method == Method::POST;
    let response = client.execute(http::Request::from_parts(head, Body::wrap(body)).try_into()?).await?;
    if response.status().is_success() && !is_late {
        let streamed = Response::<Body>::from(response);
        let response = streamed.map(|body| HttpResponseBody::new(body.map_err(broken)));
        return Ok(Answer { response, failure: None });
    }
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.bytes().await?;
    let failure = failure(status, &headers, &String::from_utf8_lossy(&body));
    let mut response = Response::new(HttpResponseBody::from(body));
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    Ok(Answer { response, failure })
}

/// Returns the failure that a response means: status and hint by its head, and the class by the code in its body.
fn failure(status: StatusCode, headers: &HeaderMap, body: &str) -> Option<Failure> {
    let of_head = Failure::of_http_response(status, headers, StdRuntime::unix_secs);
    let code = body.contains("<Error>").then(|| between(body, "<Code>", "</Code>")).flatten();
    let Some(class) = code.and_then(Class::of_aws_code) else { return of_head };
    let mut failure = of_head.unwrap_or(Failure::new(class));
    failure.class = class;
    Some(failure)
}

fn between<'t>(text: &'t str, begin: &str, end: &str) -> Option<&'t str> {
    Some(text.split_once(begin)?.1.split_once(end)?.0)
}

/// A body that broke after a good head.
fn broken(error: reqwest::Error) -> HttpError {
    HttpError::new(HttpErrorKind::Interrupted, error)
}

/// The kind that object_store shows for a call that ended without a response.
fn kind(error: &Error<reqwest::Error>) -> HttpErrorKind {
    match error.class() {
        Some(Class::Timeout) => HttpErrorKind::Timeout,
        _ => HttpErrorKind::Unknown,
    }
}

/// The classifier of S3's responses, and of reqwest's errors.
#[derive(Clone, Copy, Debug)]
struct S3Classifier;

impl Classifier<Answer, reqwest::Error> for S3Classifier {
    fn failure(&self, error: &reqwest::Error, _: Progress) -> Failure {
        reqwest_error(error)
    }

    fn classify_ok(&self, answer: &Answer) -> Option<Failure> {
        answer.failure
    }
}
