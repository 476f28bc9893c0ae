//! What is sent again.

use core::fmt;

/// Says what to send should a request fail. Chosen by [`RetryLayer::clone_request`](crate::RetryLayer::clone_request); there is
/// no need to implement it.
pub trait Requests<Request> {
    /// What to send should this request fail; `None` where it is not to be sent again.
    fn again(&self, request: &Request) -> Option<Request>;
}

/// Which requests may be sent again has been chosen: what it takes to put a layer around a service.
#[diagnostic::on_unimplemented(
    message = "nothing says which requests may be sent again",
    note = "for HTTP, `.clone_request(http_requests(Idempotency::Method))`; where all may be, `.clone_all()`"
)]
pub trait RequestsChosen {}

/// Which requests may be sent again has not been chosen yet. For HTTP, choose by `.clone_request(http_requests(..))`; where
/// all may be sent again, by `.clone_all()`. The name says it where the compiler shows no more than that.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallCloneRequestOrCloneAll;

/// Sends a clone: see [`RetryLayer::clone_all`](crate::RetryLayer::clone_all).
#[derive(Clone, Copy, Debug, Default)]
pub struct Cloned;

impl<Request: Clone> Requests<Request> for Cloned {
    fn again(&self, request: &Request) -> Option<Request> {
        Some(request.clone())
    }
}

impl RequestsChosen for Cloned {}

/// Sends what a closure says: see [`RetryLayer::clone_request`](crate::RetryLayer::clone_request).
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
