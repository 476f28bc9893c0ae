//! What requests and responses of the crate `http` mean to a policy.

use http::{Request, Response};
use retry_core::{Failure, classify::Idempotency, runtime::StdRuntime};

/// What an HTTP response says of its request, by its status and its `Retry-After`: [`Failure::of_http_response`]. For
/// [`Retry::classify_ok`](retry_core::Retry::classify_ok).
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

/// A clone of each request that may be sent again. For `RetryLayer::clone_request`.
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
