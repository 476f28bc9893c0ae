//! Classifiers for reqwest's requests, responses and errors.

use ::reqwest::{Error as ReqwestError, Request, Response};
use retry_core::{
    Failure, Progress,
    classify::{Classifier, Idempotency},
    observe::ErrorText,
    runtime::StdRuntime,
};

use crate::error_chain;

/// A classifier for the responses and errors of reqwest 0.13: [`reqwest_response`] and [`reqwest_error`] in one type.
/// Use it in [`Retry::classifier`](retry_core::Retry::classifier).
///
/// Its type has a name, so a client can keep its `Retry` in a field:
///
/// ```
/// use retry_core::{Error, Policy, Retry, circuit::NoCircuit, budget::NoBudget};
/// use retry_tokio::{ReqwestClassifier, Tokio, retry};
///
/// struct Stock {
///     client: reqwest::Client,
///     calls: Retry<Tokio, Policy, NoCircuit, NoBudget, ReqwestClassifier>,
/// }
///
/// impl Stock {
///     async fn read(&self, url: &str) -> Result<reqwest::Response, Error<reqwest::Error>> {
///         self.calls.run(|| self.client.get(url).send()).await
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let calls = retry(Policy::DEFAULT).classifier(ReqwestClassifier);
/// let stock = Stock { client: reqwest::Client::new(), calls };
/// assert_eq!(stock.read("no address").await.unwrap_err().attempts(), 1); // the request cannot be built
/// # }
/// ```
///
/// **A closure is retried whatever it sends, also a POST.** Only `RetryLayer::clone_request` with [`reqwest_requests`]
/// checks which requests may be sent again.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReqwestClassifier;

impl Classifier<Response, ReqwestError> for ReqwestClassifier {
    fn failure(&self, error: &ReqwestError, _: Progress) -> Failure {
        reqwest_error(error)
    }

    fn classify_ok(&self, response: &Response) -> Option<Failure> {
        reqwest_response(response)
    }

    fn text<'e>(&self, error: &'e ReqwestError) -> Option<ErrorText<'e>> {
        Some(ErrorText::chain(error))
    }
}

/// Classifies an error of reqwest 0.13. Use it in [`Retry::classify`](retry_core::Retry::classify), together with
/// [`reqwest_response`] in [`Retry::classify_ok`](retry_core::Retry::classify_ok). [`ReqwestClassifier`] combines both.
///
/// With another version of reqwest, the types differ, and the compiler reports mismatched types.
///
/// Both this function and `hyper_error` are [`error_chain`], and agree about every error.
///
/// | error | class |
/// |---|---|
/// | a call inside, such as that of a resolver or of a layer of the connector, has ended | [how it ended](retry_core::Error#impl-Classify-for-Error%3CE%3E): not again |
/// | a timeout, of whatever part | `Timeout` |
/// | the request could not be built; `https` in a program without TLS | `Validation`, [neutral](Failure::neutral) |
/// | the request's body failed | `Validation`; if the system said more, [that](retry_core::Class); [neutral](Failure::neutral) |
/// | too many redirects, or a loop | `Permanent` |
/// | a status, by `error_for_status` | [that of the status](retry_core::Class::of_http_status); without a hint, for the error has no headers |
/// | the connection failed or broke, also while the body was read; what came is not HTTP | `Network`; if the system said more, [that](retry_core::Class) |
/// | the TLS handshake failed, for a certificate, say | `Permanent` |
/// | the body was read, but could not be decoded | `Serialization` |
/// | a failed upgrade of the protocol | `Permanent` |
///
/// ```
/// use retry_core::{Class, Policy};
/// use retry_tokio::{reqwest_error, reqwest_response, retry};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let client = reqwest::Client::new();
/// let stock = retry(&Policy::DEFAULT).classify(reqwest_error).classify_ok(reqwest_response);
/// let error = stock.run(|| client.get("no address").send()).await.unwrap_err();
/// assert_eq!((error.class(), error.attempts()), (Some(Class::Validation), 1)); // this class is not retried
/// # }
/// ```
///
/// # `Retry-After`, and the error's text in logs
///
/// A response that [`reqwest_response`] marks as a failure has no error text, so logs contain its class and its status.
/// reqwest's `error_for_status` returns an error with a text and the URL, but loses `Retry-After`, because the error has no headers. To keep
/// both, use an error type of your own:
///
/// ```
/// use std::time::Duration;
/// use reqwest::Response;
/// use retry_core::{Classify, Failure, Policy, observe::ErrorText};
/// use retry_tokio::{reqwest_error, reqwest_response, retry};
///
/// /// reqwest's error, with the class and the hint of the response.
/// #[derive(Debug)]
/// struct HttpError {
///     error: reqwest::Error,
///     failure: Failure,
/// }
///
/// impl Classify for HttpError {
///     fn classify(&self) -> Failure {
///         self.failure
///     }
///
///     fn text(&self) -> Option<ErrorText<'_>> {
///         Some(ErrorText::chain(&self.error)) // for events and logs
///     }
/// }
///
/// impl From<reqwest::Error> for HttpError {
///     fn from(error: reqwest::Error) -> Self {
///         Self { failure: reqwest_error(&error), error }
///     }
/// }
///
/// fn check(response: Response) -> Result<Response, HttpError> {
///     match (reqwest_response(&response), response.error_for_status()) {
///         (Some(failure), Err(error)) => Err(HttpError { error, failure }),
///         (_, result) => Ok(result?),
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// # async fn send() -> Result<Response, reqwest::Error> {
/// #     Ok(http::Response::builder().status(503).header("retry-after", "7").body("busy").unwrap().into())
/// # }
/// // Here, `send()` is `client.get(url).send()`, and the server answers "503, Retry-After: 7".
/// let stock = retry(&Policy::DEFAULT).on_event(|event| println!("{event}"));
/// let error = stock.run(|| async { check(send().await?) }).await.unwrap_err();
/// assert!(error.elapsed() >= Some(Duration::from_secs(7 + 7)));
/// assert!(error.inner().unwrap().error.to_string().starts_with("HTTP status server error (503"));
/// # }
/// ```
pub fn reqwest_error(error: &ReqwestError) -> Failure {
    error_chain().classify(error)
}

/// Classifies a response of reqwest 0.13 by its status and its `Retry-After`; `None` if it is good. Use it in
/// [`Retry::classify_ok`](retry_core::Retry::classify_ok).
///
/// The rules are those of [`Failure::of_http_response`]. If the call gives up because of a response, it returns an error
/// without that response. [`return_last`](retry_core::Retry::return_last) returns the response instead, with its status
/// and body:
///
/// ```
/// use reqwest::Response;
/// use retry_core::Policy;
/// use retry_tokio::{reqwest_error, reqwest_response, retry};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// # async fn send() -> Result<Response, reqwest::Error> {
/// #     Ok(http::Response::builder().status(503).body("busy").unwrap().into())
/// # }
/// // Here, `send()` is `client.get(url).send()`, and the server always answers 503.
/// let stock = retry(&Policy::DEFAULT).classify(reqwest_error).classify_ok(reqwest_response);
/// assert!(stock.run(|| send()).await.unwrap_err().is_exhausted());
///
/// let last = stock.return_last().run(|| send()).await.unwrap();
/// assert_eq!((last.status().as_u16(), last.text().await.unwrap().as_str()), (503, "busy"));
/// # }
/// ```
///
/// **A closure is retried whatever it sends, also a POST.** Only `RetryLayer::clone_request` with [`reqwest_requests`]
/// checks which requests may be sent again.
pub fn reqwest_response(response: &Response) -> Option<Failure> {
    Failure::of_http_response(response.status(), response.headers(), StdRuntime::unix_secs)
}

/// Returns a closure that clones each request that may be sent again. Use it in `RetryLayer::clone_request`.
///
/// A request with a stream as its body is sent only once, because a stream cannot be cloned.
///
/// ```
/// use reqwest::{Body, Method, Request};
/// use retry_core::classify::Idempotency;
/// use retry_tokio::reqwest_requests;
///
/// let again = reqwest_requests(Idempotency::MethodOrKey);
/// let mut order = Request::new(Method::POST, "http://stock.example.com/orders".parse().unwrap());
/// *order.body_mut() = Some(Body::from("7 apples"));
/// assert!(again(&order).is_none());
/// order.headers_mut().insert("idempotency-key", "\"8e03978e\"".parse().unwrap());
/// assert_eq!(again(&order).unwrap().body().unwrap().as_bytes(), Some(&b"7 apples"[..]));
/// ```
pub fn reqwest_requests(
    idempotency: Idempotency,
) -> impl Fn(&Request) -> Option<Request> + Copy + Send + Sync + 'static {
    move |request| {
        if idempotency.allows(request.method(), request.headers()) { request.try_clone() } else { None }
    }
}
