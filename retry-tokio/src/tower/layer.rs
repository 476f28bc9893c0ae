//! The layer.

use core::fmt;
use core::ops::Deref;

use ::tower_layer::Layer;
use retry_core::{Key, Retry, circuit::Gate, dead_letter::ReasonSet};

use super::circuits::{CircuitBy, OneCircuit};
use super::letters::{LettersTo, NoLetters};
use super::requests::{AgainBy, CallCloneRequestOrCloneAll, Cloned, RequestsChosen};
use super::service::{Parts, RetryService};

/// Puts retries, circuit and budget around a tower service: a [`Layer`](tower_layer::Layer).
///
/// It is made of a [`Retry`], and does what that says: policy, circuit, budget, classes of errors, answers that are
/// unacceptable, observer, name. It owns its parts, or borrows them for `'static`: a policy in an `Arc`, which comes from a
/// file, is as good as a constant. What it has to be told besides is which requests may be sent again: without that, it does not go around a service.
///
/// ```
/// use core::time::Duration;
/// use retry_core::{CircuitConfig, Class, Policy, SharedCircuit};
/// use retry_tokio::RetryLayer;
/// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
///
/// const POLICY: Policy = Policy::exponential(Duration::from_millis(100)).max_attempts(4);
/// static STOCK: SharedCircuit = SharedCircuit::new(CircuitConfig::DEFAULT);
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), retry_tokio::ServiceError> {
/// let retry = retry_tokio::retry(&POLICY)
///     .circuit(&STOCK)
///     .classify_ok(|answer: &u32| (*answer == 503).then_some(Class::Server))
///     .named("stock.read");
/// let mut answers = [503, 200].into_iter();
/// let answer = std::sync::Arc::new(std::sync::Mutex::new(move || answers.next().unwrap()));
/// let mut stock = ServiceBuilder::new()
///     .layer(RetryLayer::new(retry).clone_all()) // they only read
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
/// - A request is cloned before it is sent, so that there is one to send again; [`clone_request`](Self::clone_request) says
///   which may be sent again, and how it is cloned. A request without a clone is tried once, and the call ends with what that
///   attempt ends with: an answer, or an error. The circuit and the rules are told of it as of any other. If it would have
///   been tried again, the error is [`NotRepeatable`](crate::ServiceError::NotRepeatable).
/// - Every attempt is made on a service that is ready. The first is made on the service that `poll_ready` was called on, the
///   others on clones of it. Waiting for a service is part of the attempt: its timeout and the circuit's limit of slow calls
///   include it. If a service fails to become ready, nothing is tried again on it. A service that is not `Clone` goes
///   behind tower's `Buffer`.
/// - If the last attempt ended with an answer, the call returns that answer, even if it is not acceptable. An answer that is
///   tried again is dropped before the delay, so that its connection is free. If the circuit refuses the next attempt, or if
///   that fails, there is no answer any more, and the call returns a [`ServiceError`](crate::ServiceError).
/// - Dropping the future gives back what the call holds: the attempt's place in the circuit, and the price of a retry.
///
/// A call allocates once, for its future.
///
/// One observer sees all calls. A [`Recorder`](retry_core::record::Recorder) has one observer per call, so it does not work
/// with the layer: to record and replay decisions, retry a closure that calls the service, by [`Retry::run`].
#[derive(Clone)]
pub struct RetryLayer<Y, Q = CallCloneRequestOrCloneAll, C = OneCircuit, L = NoLetters> {
    parts: Parts<Y, Q, C, L>,
}

impl<R, P, G, B, K, O> RetryLayer<Retry<R, P, G, B, K, O>> {
    /// Does as `retry` says.
    pub const fn new(retry: Retry<R, P, G, B, K, O>) -> Self {
        let (requests, circuits, letters) = (CallCloneRequestOrCloneAll, OneCircuit, NoLetters);
        Self { parts: Parts { retry, requests, circuits, letters } }
    }
}

impl<Y, Q, C, L> RetryLayer<Y, Q, C, L> {
    /// Sends a clone of any request again: for services where every request may be repeated, or that only read.
    ///
    /// An HTTP request with a method such as POST must not be: for those,
    /// [`clone_request`](Self::clone_request) with `http_requests` or `reqwest_requests`. Not to choose does not compile:
    ///
    /// ```compile_fail
    /// use retry_core::Policy;
    /// use retry_tokio::{RetryLayer, retry};
    /// use tower::{Layer, service_fn};
    ///
    /// let service = service_fn(|order: String| async { Ok::<_, std::io::Error>(order) });
    /// RetryLayer::new(retry(&Policy::DEFAULT)).layer(service); // nothing says which requests may be sent again
    /// ```
    pub fn clone_all(self) -> RetryLayer<Y, Cloned, C, L> {
        let Parts { retry, requests: _, circuits, letters } = self.parts;
        RetryLayer { parts: Parts { retry, requests: Cloned, circuits, letters } }
    }

    /// Asks `again` for what to send should this request fail, in place of a clone of it: `None` where it must not be
    /// sent again, or cannot.
    ///
    /// ```
    /// # #[cfg(feature = "http")] {
    /// use retry_core::{classify::Idempotency, Policy};
    /// use retry_tokio::{RetryLayer, http_requests, retry};
    ///
    /// // The same as `http_requests(Idempotency::Method)`.
    /// let layer = RetryLayer::new(retry(&Policy::DEFAULT)).clone_request(|request: &http::Request<String>| {
    ///     Idempotency::Method.allows(request.method(), request.headers()).then(|| request.clone())
    /// });
    /// # let _ = (layer, http_requests::<String>(Idempotency::Method));
    /// # }
    /// ```
    pub fn clone_request<Request, F: Fn(&Request) -> Option<Request>>(
        self,
        again: F,
    ) -> RetryLayer<Y, AgainBy<F>, C, L> {
        let Parts { retry, requests: _, circuits, letters } = self.parts;
        RetryLayer { parts: Parts { retry, requests: AgainBy(again), circuits, letters } }
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
    /// let layer =
    ///     RetryLayer::new(retry(&Policy::DEFAULT)).clone_all().circuit_by(|shelf: &String| SHELVES.get(shelf));
    /// # let _ = layer;
    /// ```
    pub fn circuit_by<Request, H, F>(self, circuit: F) -> RetryLayer<Y, Q, CircuitBy<F>, L>
    where
        H: Gate,
        for<'h> &'h H: Into<Key>,
        F: Fn(&Request) -> H,
    {
        let Parts { retry, requests, circuits: _, letters } = self.parts;
        RetryLayer { parts: Parts { retry, requests, circuits: CircuitBy(circuit), letters } }
    }

    /// Hands calls that give up to `sink`, with what `payload` makes of the request: most often a clone of its body.
    ///
    /// A call that ends with an unacceptable answer has given up, too, though the caller gets the answer. `payload` is
    /// asked when the call gives up, for the request that would have been sent next; of one that may be sent only once,
    /// before that. The sink is asked on the path of the call; a handler that takes its time belongs behind a channel,
    /// [`sink_fn`](retry_core::dead_letter::sink_fn). What is true of [`Retry::dead_letters`] is true here: no letter changes how the
    /// call ends, and a future that is dropped leaves none.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use retry_core::{dead_letter::{DeadLetterQueue, WhenFull}, Policy};
    /// use retry_tokio::{RetryLayer, retry};
    /// use tower::{Layer, ServiceExt, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let lost = Arc::new(DeadLetterQueue::new(1_000, WhenFull::DropOldest));
    /// let layer = RetryLayer::new(retry(&Policy::DEFAULT).named("orders"))
    ///     .clone_request(|_: &String| None) // an order is sent once
    ///     .dead_letters(Arc::clone(&lost), String::clone);
    /// let orders = layer.layer(service_fn(|_: String| async { Err::<(), _>(std::io::Error::other("down")) }));
    /// let error = orders.oneshot("7 apples".to_owned()).await.unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "orders: gave up after attempt 1 of 1, 0 ms (Unknown): no attempts left, and the request may not be sent again",
    /// );
    /// assert_eq!(lost.pop().unwrap().payload, "7 apples");
    /// # }
    /// ```
    pub fn dead_letters<Request, T, S: Deref, F: Fn(&Request) -> T>(
        self,
        sink: S,
        payload: F,
    ) -> RetryLayer<Y, Q, C, LettersTo<S, F>> {
        let Parts { retry, requests, circuits, letters: _ } = self.parts;
        let letters = LettersTo { sink, payload, reasons: ReasonSet::DEFAULT };
        RetryLayer { parts: Parts { retry, requests, circuits, letters } }
    }
}

impl<Y, Q, C, S, F> RetryLayer<Y, Q, C, LettersTo<S, F>> {
    /// Which ends leave a letter; [`ReasonSet::DEFAULT`] unless set.
    pub fn only(mut self, reasons: ReasonSet) -> Self {
        self.parts.letters.reasons = reasons;
        self
    }
}

impl<S, Y: Clone, Q: Clone + RequestsChosen, C: Clone, L: Clone> Layer<S> for RetryLayer<Y, Q, C, L> {
    type Service = RetryService<S, Y, Q, C, L>;

    fn layer(&self, inner: S) -> Self::Service {
        RetryService::new(inner, self.parts.clone())
    }
}

impl<Y: fmt::Debug, Q, C, L> fmt::Debug for RetryLayer<Y, Q, C, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryLayer").field("retry", &self.parts.retry).finish_non_exhaustive()
    }
}
