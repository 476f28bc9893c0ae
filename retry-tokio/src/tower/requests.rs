//! The choice of requests that may be sent again.

use core::fmt;

/// The choice of requests that may be sent again. [`RetryLayer::clone_request`](crate::RetryLayer::clone_request) and
/// [`RetryLayer::clone_all`](crate::RetryLayer::clone_all) set it.
pub trait Requests<Request> {
    /// Returns the request to send again if this one fails; `None` if it may be sent only once.
    fn again(&self, request: &Request) -> Option<Request>;
}

/// A marker for layers that have a choice of requests. Only such a layer can wrap a service.
#[diagnostic::on_unimplemented(
    message = "this `RetryLayer` has no rule for which requests may be sent again",
    note = "for HTTP, add `.clone_request(http_requests(Idempotency::Method))`; if all may be, add `.clone_all()`"
)]
pub trait RequestsChosen {}

/// A layer that still lacks its choice of requests. Before it can wrap a service, call
/// `.clone_request(http_requests(..))` for HTTP, or `.clone_all()` if all requests may be sent again.
///
/// The compiler shows this name in errors about bounds, so the name tells what to do.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallCloneRequestOrCloneAll;

/// A clone of every request may be sent again: see [`RetryLayer::clone_all`](crate::RetryLayer::clone_all).
#[derive(Clone, Copy, Debug, Default)]
pub struct Cloned;

impl<Request: Clone> Requests<Request> for Cloned {
    fn again(&self, request: &Request) -> Option<Request> {
        Some(request.clone())
    }
}

impl RequestsChosen for Cloned {}

/// A closure chooses the requests: see [`RetryLayer::clone_request`](crate::RetryLayer::clone_request).
#[derive(Clone, Copy)]
pub struct AgainBy<F>(pub(super) F);

impl<Request, F: Fn(&Request) -> Option<Request>> Requests<Request> for AgainBy<F> {
    fn again(&self, request: &Request) -> Option<Request> {
        (self.0)(request)
    }
}

impl<F> RequestsChosen for AgainBy<F> {}

impl<F> fmt::Debug for AgainBy<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AgainBy(..)")
    }
}
