//! Retries and a circuit around a tower service.

mod circuits;
mod requests;
mod service;

use core::fmt;

pub use circuits::{CircuitBy, Circuits, OneCircuit};
pub use requests::{AgainBy, Cloned, Requests};
pub use service::{BoxError, CallFuture, RetryService, ServiceError};

use ::tower_layer::Layer;
use retry_core::Retry;

use crate::Tokio;

/// Puts retries, circuit and budget around a tower service: a [`Layer`](tower_layer::Layer).
///
/// It is made of a [`Retry`], and does what that says: policy, circuit, budget, classes of errors, answers that are
/// unacceptable, observer, name. Policy, circuit and budget are `'static`, as the futures of a service are.
///
/// ```
/// use core::time::Duration;
/// use retry_core::{CircuitConfig, Class, Policy, SharedCircuit};
/// use retry_tokio::RetryLayer;
/// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
///
/// const POLICY: Policy = Policy::exponential(Duration::from_millis(100)).attempts(4);
/// static STOCK: SharedCircuit = SharedCircuit::new(CircuitConfig::DEFAULT);
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), retry_tokio::ServiceError> {
/// let retry = retry_tokio::retry(&POLICY)
///     .circuit(&STOCK)
///     .unacceptable(|answer: &u32| (*answer == 503).then_some(Class::Server))
///     .named("stock.read");
/// let mut answers = [503, 200].into_iter();
/// let answer = std::sync::Arc::new(std::sync::Mutex::new(move || answers.next().unwrap()));
/// let mut stock = ServiceBuilder::new()
///     .layer(RetryLayer::new(retry))
///     .service(service_fn(move |_sku: &'static str| {
///         let answer = (answer.lock().unwrap())();
///         async move { Ok::<u32, std::io::Error>(answer) }
///     }));
/// assert_eq!(stock.ready().await?.call("apple").await?, 200);
/// # Ok(())
/// # }
/// ```
///
/// # What it does with requests and services
///
/// - A request is cloned before it is sent, so that there is one to send again; [`requests`](Self::requests) says which
///   may be, and how. One without a clone is tried once, and fails with whatever that ends with.
/// - Every attempt is made on a service that has said that it is ready: the first on the one that `poll_ready` was asked
///   of, the others on a clone of it. To wait for that is part of the attempt, as far as its timeout and the circuit's
///   limit of slow calls go. Where a service fails to become ready, nothing is tried again on it.
/// - The last answer is handed over as it is, also where it is unacceptable: an answer never turns into an error. An
///   error of a call that had no answer is a [`ServiceError`].
/// - Dropping the future gives everything back: the attempt's place in the circuit, and what was paid for a retry.
///
/// A call allocates once, for its future.
pub struct RetryLayer<G: 'static, B: 'static, K, O: ?Sized + 'static = (), Q = Cloned, C = OneCircuit> {
    retry: Retry<'static, Tokio, G, B, K, O>,
    requests: Q,
    circuits: C,
}

impl<G, B, K, O: ?Sized> RetryLayer<G, B, K, O> {
    /// Does as `retry` says.
    pub const fn new(retry: Retry<'static, Tokio, G, B, K, O>) -> Self {
        Self { retry, requests: Cloned, circuits: OneCircuit }
    }
}

impl<G, B, K, O: ?Sized, Q, C> RetryLayer<G, B, K, O, Q, C> {
    /// Asks `again` for what to send should this request fail, in place of a clone of it: `None` where it must not be
    /// sent again, or cannot.
    ///
    /// ```
    /// # #[cfg(feature = "http")] {
    /// use retry_core::{Idempotency, Policy};
    /// use retry_tokio::{RetryLayer, http_requests, retry};
    ///
    /// // The same as `http_requests(Idempotency::Method)`.
    /// let layer = RetryLayer::new(retry(&Policy::DEFAULT)).requests(|request: &http::Request<String>| {
    ///     Idempotency::Method.allows(request.method(), request.headers()).then(|| request.clone())
    /// });
    /// # let _ = (layer, http_requests::<String>(Idempotency::Method));
    /// # }
    /// ```
    pub fn requests<Request, F: Fn(&Request) -> Option<Request>>(
        self,
        again: F,
    ) -> RetryLayer<G, B, K, O, AgainBy<F>, C> {
        let Self { retry, requests: _, circuits } = self;
        RetryLayer { retry, requests: AgainBy(again), circuits }
    }

    /// Takes the circuit that `circuit` chooses for each request, usually out of a
    /// [`CircuitPool`](retry_core::CircuitPool), in place of one for all. Its key is the call's.
    ///
    /// ```
    /// use std::sync::LazyLock;
    /// use retry_core::{CircuitConfig, CircuitPool, Policy};
    /// use retry_tokio::{RetryLayer, retry};
    ///
    /// static SHELVES: LazyLock<CircuitPool> = LazyLock::new(|| CircuitPool::new(1_000, CircuitConfig::DEFAULT));
    ///
    /// let layer = RetryLayer::new(retry(&Policy::DEFAULT)).circuit_by(|shelf: &String| SHELVES.get(shelf));
    /// # let _ = layer;
    /// ```
    pub fn circuit_by<Request, H, F: Fn(&Request) -> H>(
        self,
        circuit: F,
    ) -> RetryLayer<G, B, K, O, Q, CircuitBy<F>> {
        let Self { retry, requests, circuits: _ } = self;
        RetryLayer { retry, requests, circuits: CircuitBy(circuit) }
    }
}

impl<S, G, B, K: Clone, O: ?Sized, Q: Clone, C: Clone> Layer<S> for RetryLayer<G, B, K, O, Q, C> {
    type Service = RetryService<S, G, B, K, O, Q, C>;

    fn layer(&self, inner: S) -> Self::Service {
        RetryService::new(inner, self.clone())
    }
}

impl<G, B, K: Clone, O: ?Sized, Q: Clone, C: Clone> Clone for RetryLayer<G, B, K, O, Q, C> {
    fn clone(&self) -> Self {
        let Self { retry, requests, circuits } = self;
        Self { retry: retry.clone(), requests: requests.clone(), circuits: circuits.clone() }
    }
}

impl<G, B, K, O: ?Sized, Q, C> fmt::Debug for RetryLayer<G, B, K, O, Q, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryLayer").field("retry", &self.retry).finish_non_exhaustive()
    }
}
