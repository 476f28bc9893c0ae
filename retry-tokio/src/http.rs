//! Classifiers for the requests and responses of the crate `http`.

use http::{Request, Response};
use retry_core::{Failure, classify::Idempotency, runtime::StdRuntime};

/// Classifies an HTTP response by its status and its `Retry-After`; `None` if it is good. Use it in
/// [`Retry::classify_ok`](retry_core::Retry::classify_ok).
///
/// The rules are those of [`Failure::of_http_response`].
///
/// ```
/// use retry_core::Class;
/// use retry_tokio::http_response;
///
/// let response = http::Response::builder().status(503).header("retry-after", "7").body(()).unwrap();
/// let failure = http_response(&response).unwrap();
/// assert_eq!((failure.class, failure.hint), (Class::Server, Some(core::time::Duration::from_secs(7))));
/// ```
pub fn http_response<B>(response: &Response<B>) -> Option<Failure> {
    Failure::of_http_response(response.status(), response.headers(), StdRuntime::unix_secs)
}

/// Returns a closure that clones each request that may be sent again. Use it in `RetryLayer::clone_request`.
///
/// ```
/// use http::Request;
/// use retry_core::classify::Idempotency;
/// use retry_tokio::http_requests;
///
/// let again = http_requests(Idempotency::Method);
/// assert!(again(&Request::put("/stock/apple").body("7").unwrap()).is_some());
/// assert!(again(&Request::post("/orders").body("7").unwrap()).is_none());
/// ```
pub fn http_requests<B: Clone>(
    idempotency: Idempotency,
) -> impl Fn(&Request<B>) -> Option<Request<B>> + Copy + Send + Sync + 'static {
    move |request| idempotency.allows(request.method(), request.headers()).then(|| request.clone())
}
