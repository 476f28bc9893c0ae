//! The tower layer.

use core::fmt;
use core::ops::Deref;

use ::tower_layer::Layer;
use retry_core::{Key, Retry, circuit::Gate, dead_letter::ReasonSet};

use super::circuits::{CircuitBy, OneCircuit};
use super::letters::{LettersTo, NoLetters};
use super::requests::{AgainBy, CallCloneRequestOrCloneAll, Cloned, RequestsChosen};
use super::service::{Parts, RetryService};

/// A tower [`Layer`](tower_layer::Layer) that adds retries, a circuit and a budget to a service.
///
/// It is made of a [`Retry`], with its policy, circuit, budget, classifiers, observer and name. Each part is owned, in
/// an `Arc`, or borrowed for `'static`.
///
/// You must also state which requests may be sent again: [`clone_request`](Self::clone_request) for HTTP, or
/// [`clone_all`](Self::clone_all). Leaving this out is a compile error.
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
///     .layer(RetryLayer::new(retry).clone_all()) // these requests only read
///     .service(service_fn(move |_sku: &'static str| {
///         let answer = (answer.lock().unwrap())();
///         async move { Ok::<u32, std::io::Error>(answer) }
///     }));
/// assert_eq!(stock.ready().await?.call("apple").await?, 200);
/// # Ok(())
/// # }
/// ```
///
/// # Requests
///
/// A request is cloned before it is sent. If the clone is `None`, the request is sent once, and the call returns the
/// answer or the error of that attempt. Circuit and rules work as usual. If the error would have been retried, the call
/// returns [`NotRepeatable`](crate::ServiceError::NotRepeatable).
///
/// # Services
///
/// The service must be `Clone`. Put any other service behind tower's `Buffer`. The first attempt uses the service on
/// which `poll_ready` was called, and each further one uses a clone, after that clone is ready.
///
/// The wait until a clone is ready is part of the attempt, so the attempt timeout and the circuit's slow calls include
/// it. If `poll_ready` fails, the call ends.
///
/// # Answers
///
/// If the last attempt ended with an answer, the call returns it, also if [`classify_ok`](Retry::classify_ok) marked it
/// as a failure. An answer that is retried is dropped before the delay, so that its connection is free. If the circuit
/// then refuses the next attempt, or that attempt fails with an error, the call returns a
/// [`ServiceError`](crate::ServiceError).
///
/// Dropping the future cancels the call. A half-open circuit then gets the slot of its probe back, and the budget gets
/// back the price of a retry that had not begun.
///
/// # Limits
///
/// A call allocates once, for its future. All calls share one observer. A [`Recorder`](retry_core::record::Recorder)
/// needs one observer per call, so it does not work with the layer. To record decisions, retry a closure that calls the
/// service, by [`Retry::run`].
#[doc(alias = "RetryPolicy")]
#[doc(alias = "middleware")]
#[derive(Clone)]
pub struct RetryLayer<Y, Q = CallCloneRequestOrCloneAll, C = OneCircuit, L = NoLetters> {
    parts: Parts<Y, Q, C, L>,
}

impl<R, P, G, B, K, O> RetryLayer<Retry<R, P, G, B, K, O>> {
    /// Makes a layer of this `Retry`.
    pub const fn new(retry: Retry<R, P, G, B, K, O>) -> Self {
        let (requests, circuits, letters) = (CallCloneRequestOrCloneAll, OneCircuit, NoLetters);
        Self { parts: Parts { retry, requests, circuits, letters } }
    }
}

impl<Y, Q, C, L> RetryLayer<Y, Q, C, L> {
    /// Allows every request to be sent again. Use it only if every request may be repeated, such as requests that only
    /// read.
    ///
    /// For HTTP, use [`clone_request`](Self::clone_request) with `http_requests` or `reqwest_requests`, because a POST
    /// must be sent only once. A layer with neither of the two is a compile error:
    ///
    /// ```compile_fail
    /// use retry_core::Policy;
    /// use retry_tokio::{RetryLayer, retry};
    /// use tower::{Layer, service_fn};
    ///
    /// let service = service_fn(|order: String| async { Ok::<_, std::io::Error>(order) });
    /// RetryLayer::new(retry(&Policy::DEFAULT)).layer(service); // lacks `.clone_all()` or `.clone_request(..)`
    /// ```
    pub fn clone_all(self) -> RetryLayer<Y, Cloned, C, L> {
        let Parts { retry, requests: _, circuits, letters } = self.parts;
        RetryLayer { parts: Parts { retry, requests: Cloned, circuits, letters } }
    }

    /// Sets the closure that makes the request to send again; `None` if a request may be sent only once, or cannot be
    /// cloned.
    ///
    /// For HTTP, `http_requests` and `reqwest_requests` make such a closure, which checks the request's method.
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

    /// Sets the closure that chooses the circuit of each request, usually from a
    /// [`CircuitPool`](retry_core::CircuitPool). The key of the circuit becomes the key of the call.
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

    /// Sets the sink for dead letters. A call that gives up leaves a letter there. The closure `payload` makes the
    /// letter's payload from the request, such as a clone of its body.
    ///
    /// A call that returns an unacceptable answer has also given up, and leaves a letter. The payload is made when the
    /// call gives up. For a request that is sent only once, it is made before the request is sent.
    ///
    /// The sink runs as part of the call. Put a slow handler behind a channel: see
    /// [`sink_fn`](retry_core::dead_letter::sink_fn). As with [`Retry::dead_letters`], the letter leaves the result of
    /// the call as it is, and a future that is dropped leaves no letter.
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
        let letters = LettersTo { sink, payload, reasons: None };
        RetryLayer { parts: Parts { retry, requests, circuits, letters } }
    }
}

impl<Y, Q, C, S, F> RetryLayer<Y, Q, C, LettersTo<S, F>> {
    /// Sets the reasons for which a call leaves a letter. The default is [`ReasonSet::DEFAULT`].
    pub fn only(mut self, reasons: ReasonSet) -> Self {
        self.parts.letters.reasons = Some(reasons);
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
