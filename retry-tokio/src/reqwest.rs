//! What reqwest's errors and responses mean to a policy.

use core::fmt::Display;

use ::reqwest::{Error as ReqwestError, Request, Response};
use retry_core::{
    Failure, Progress,
    classify::{Classifier, Idempotency},
    runtime::StdRuntime,
};

use crate::error_chain;

/// Classifies the responses and errors of reqwest: [`reqwest_response`] and [`reqwest_error`] in one type, for
/// [`Retry::classifier`](retry_core::Retry::classifier).
///
/// A client can hold a `Retry` with it, because its type can be written down:
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
/// assert_eq!(stock.read("no address").await.unwrap_err().attempts(), 1); // its request cannot be built
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ReqwestClassifier;

impl Classifier<Response, ReqwestError> for ReqwestClassifier {
    fn failure(&self, error: &ReqwestError, _: Progress) -> Failure {
        reqwest_error(error)
    }

    fn classify_ok(&self, response: &Response) -> Option<Failure> {
        reqwest_response(response)
    }

    fn text<'e>(&self, error: &'e ReqwestError) -> Option<&'e dyn Display> {
        Some(error)
    }
}

/// The class of an error of reqwest's, for [`Retry::classify`](retry_core::Retry::classify).
///
/// Both this function and `hyper_error` are [`error_chain`], and agree about every error.
///
/// | error | class |
/// |---|---|
/// | a call inside, such as that of a resolver or of a layer of the connector, has ended | [how it ended](retry_core::Error#impl-Classify-for-Error%3CE%3E): not again |
/// | a timeout, of whatever part | `Timeout` |
/// | the request could not be built; `https` in a program without TLS | `Validation` |
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
/// assert_eq!(error.context().class, Some(Class::Validation)); // and so not tried again
/// # }
/// ```
pub fn reqwest_error(error: &ReqwestError) -> Failure {
    error_chain().classify(error)
}

/// What a response of reqwest's says of its request, by its status and its `Retry-After`:
/// [`Failure::of_http_response`]. For [`Retry::classify_ok`](retry_core::Retry::classify_ok).
pub fn reqwest_response(response: &Response) -> Option<Failure> {
    Failure::of_http_response(response.status(), response.headers(), StdRuntime::unix_secs)
}

/// A clone of each request that may be sent again, and can be: a body that is a stream cannot. For
/// `RetryLayer::clone_request`.
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
