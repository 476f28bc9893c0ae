//! How an operation is retried: the builder that users call. The loops are in `futures.rs` and `blocking.rs`.

mod blocking;
mod futures;
mod keep;
mod one_call;
mod retryable;
mod stateful;
#[cfg(feature = "std")]
mod std;
mod step;
#[cfg(not(feature = "std"))]
mod without_std;

pub(crate) use keep::{Discard, Keep, KeepLast};
pub use one_call::OneCall;
pub(crate) use one_call::{Never, Stop};
pub use retryable::Retryable;
#[cfg(feature = "std")]
pub(crate) use stateful::AttemptFuture;
#[cfg(feature = "std")]
pub use std::retry;
#[cfg(not(feature = "std"))]
pub use without_std::retry_without_std;

use core::fmt;
use core::time::Duration;

use crate::budget::{Budget, NoBudget};
use crate::call::Setup;
use crate::circuit::{Gate, NoCircuit};
use crate::classify::{
    ByClosure, ByOpaque, ByTrait, ClassifyOk, HasText, OnError, Progress, When, WithoutText,
};
use crate::config_error::ok_or_panic;
use crate::error::Cause;
use crate::key::Key;
use crate::name::Name;
use crate::observe::{Event, Observer, ObserverFn, observer_fn};
use crate::policy::{Failure, Policies, Policy, Rule, WithCurve};
use crate::runtime::{Entropy, Ready, WithEntropy};
use crate::verdict::Verdict;

/// How an operation is retried: policy, circuit, budget, classifier and observer, over a runtime.
///
/// An adapter's `retry(&POLICY)` makes one; it then serves any number of calls, from any number of places at once. It
/// owns its parts or borrows them, as each is given to it: `&CIRCUIT` and `Arc<SharedCircuit>` are circuits both, so a
/// client can hold a `Retry` in a field of a type that can be written down:
///
/// ```
/// # #[cfg(feature = "std")] {
/// use std::{io, sync::Arc};
/// use retry_core::{CircuitConfig, Policy, Retry, SharedCircuit, retry, runtime::StdRuntime};
///
/// struct Stock {
///     retry: Retry<StdRuntime, Arc<Policy>, Arc<SharedCircuit>>,
/// }
///
/// impl Stock {
///     fn new(policy: Policy) -> Self {
///         let circuit = Arc::new(SharedCircuit::new(CircuitConfig::DEFAULT));
///         Self { retry: retry(Arc::new(policy)).circuit(circuit).named("stock.read") }
///     }
///
///     fn count(&self) -> Result<u32, retry_core::Error<io::Error>> {
///         self.retry.run_blocking(|| Ok(7))
///     }
/// }
/// assert_eq!(Stock::new(Policy::DEFAULT).count().unwrap(), 7);
/// # }
/// ```
///
/// | parameter | what | set by |
/// |---|---|---|
/// | `R` | the runtime: clock, sleep and entropy | an adapter's `retry` |
/// | `P` | the source of policies: [`Policies`](crate::policy::Policies) | the same |
/// | `G` | the circuit: [`Gate`](crate::circuit::Gate) | [`circuit`](Self::circuit) |
/// | `B` | the budget: [`Budget`](crate::budget::Budget) | [`budget`](Self::budget) |
/// | `K` | the classifier: [`Classifier`](crate::classify::Classifier) | [`classify`](Self::classify) and its like |
/// | `O` | the observer: [`Observer`](crate::observe::Observer) | [`observe`](Self::observe), [`on_event`](Self::on_event) |
#[must_use = "it does nothing until it runs"]
#[derive(Clone)]
pub struct Retry<R, P = &'static Policy, G = NoCircuit, B = NoBudget, K = ByTrait, O = ()> {
    setup: Setup<P, G, B, O>,
    classifier: K,
    runtime: R,
}

impl<R, P> Retry<R, P> {
    /// Retries by `policy` on `runtime`, without a circuit and a budget; errors say their own class.
    ///
    /// The policy is a [`Policy`], a reference to one, an `Arc` around one, or another source of policies.
    pub const fn new(policy: P, runtime: R) -> Self {
        Self { setup: Setup::new(policy), classifier: ByTrait, runtime }
    }
}

impl<R, P, G, B, O> Retry<R, P, G, B, ByTrait, O> {
    /// Asks `classifier` for the class of each error: a closure from `&E` to a [`Class`](crate::Class) or a [`Failure`].
    ///
    /// Without one, the error says it by its [`Classify`](crate::Classify). Comes before [`when`](Self::when),
    /// [`classify_ok`](Self::classify_ok) and [`on_error`](Self::on_error). Events show the error's own text; an error
    /// that has none is for [`classify_opaque`](Self::classify_opaque).
    pub fn classify<E, C, F>(self, classifier: F) -> Retry<R, P, G, B, ByClosure<F>, O>
    where
        E: HasText,
        C: Into<Failure>,
        F: Fn(&E) -> C,
    {
        self.map_classifier(|_| ByClosure(classifier))
    }

    /// [`classify`](Self::classify) for errors that have no text, as they are not [`Display`](fmt::Display).
    pub fn classify_opaque<E, C, F>(self, classifier: F) -> Retry<R, P, G, B, ByOpaque<F>, O>
    where
        C: Into<Failure>,
        F: Fn(&E) -> C,
    {
        self.map_classifier(|_| ByOpaque(classifier))
    }
}

impl<R, P, G, B, K, O> Retry<R, P, G, B, K, O> {
    /// Asks `circuit` before each attempt, and tells it how each ended. If it depends on the call, such as the circuit of a
    /// host out of a pool, it is given to [`by_ref`](Self::by_ref).
    #[doc(alias = "circuit_breaker")]
    pub fn circuit<H: Gate>(self, circuit: H) -> Retry<R, P, H, B, K, O> {
        let Self { setup, classifier, runtime } = self;
        Retry { setup: setup.circuit(circuit), classifier, runtime }
    }

    /// Pays for each retry out of `budget`.
    pub fn budget<C: Budget>(self, budget: C) -> Retry<R, P, G, C, K, O> {
        let Self { setup, classifier, runtime } = self;
        Retry { setup: setup.budget(budget), classifier, runtime }
    }

    /// Puts errors that meet `condition` under `rule`. Conditions are asked in the order they were added, and
    /// before the policy's own rules; the first that is met is the only one.
    ///
    /// Its delays are no longer than the policy's [`max_delay`](Policy::max_delay) when they are slept.
    ///
    /// ```
    /// use retry_core::{Class, Policy, Progress, Recovery, Retry, Rule, testing::FakeClock};
    ///
    /// const FAIL: Rule = Rule::ANY.recovery(Recovery::Fail);
    ///
    /// let clock = FakeClock::new();
    /// let retry = Retry::new(&Policy::DEFAULT, &clock)
    ///     .classify(|_: &&str| Class::Server)
    ///     .when(|error: &&str, now: Progress| *error == "disk full" && now.attempt > 1, &FAIL);
    /// let mut errors = ["busy", "disk full", "busy"].into_iter();
    /// let error = retry.run_blocking(|| Err::<(), _>(errors.next().unwrap())).unwrap_err();
    /// assert_eq!(error.attempts(), 2);
    /// ```
    ///
    /// # Panics
    /// Panics if the rule's own delay, or its backoff's base delay, is above the policy's `max_delay`.
    #[doc(alias = "retry_if")]
    pub fn when<E, F: Fn(&E, Progress) -> bool>(
        self,
        condition: F,
        rule: &'static Rule,
    ) -> Retry<R, P, G, B, When<K, F>, O>
    where
        P: Policies,
    {
        let read = self.setup.policies.read();
        ok_or_panic!(self.setup.policies.policy(&read).allows(rule));
        self.map_classifier(|before| When { before, condition, rule })
    }

    /// Takes a value for a failure if `classifier` says which: "200, but empty: try again".
    ///
    /// A value that is still one when the call gives up is dropped ([`Cause::Unacceptable`]);
    /// [`return_last`](Self::return_last) hands it back instead.
    ///
    /// ```
    /// use retry_core::{Class, Policy, Retry, testing::FakeClock};
    ///
    /// let clock = FakeClock::new();
    /// let retry = Retry::new(&Policy::DEFAULT, &clock)
    ///     .classify(|class: &Class| *class)
    ///     .classify_ok(|body: &&str| body.is_empty().then_some(Class::Transient));
    /// let mut bodies = ["", "7 apples"].into_iter();
    /// assert_eq!(retry.run_blocking(|| Ok(bodies.next().unwrap())), Ok("7 apples"));
    /// ```
    #[doc(alias = "retry_if_result")]
    #[doc(alias = "handle_result")]
    pub fn classify_ok<T, C: Into<Failure>, F: Fn(&T) -> Option<C>>(
        self,
        classifier: F,
    ) -> Retry<R, P, G, B, ClassifyOk<K, F>, O> {
        self.map_classifier(|before| ClassifyOk { before, judge: classifier })
    }

    /// Calls `told` after each failed attempt, with what it ended with, how far the call has come and what it does now.
    ///
    /// ```
    /// use retry_core::{Cause, Class, Policy, Progress, Retry, Verdict, testing::FakeClock};
    ///
    /// let clock = FakeClock::new();
    /// let retry = Retry::new(&Policy::DEFAULT, &clock).classify(|_: &&str| Class::Server).on_error(
    ///     |cause: &Cause<&str>, now: Progress, verdict: Verdict| {
    ///         let line = format!("attempt {}: {cause}: {verdict}", now.attempt);
    ///         assert!(line.starts_with("attempt 1: disk is busy: retry in 100 ms"), "{line}");
    ///     },
    /// );
    /// let mut answers = [Err("disk is busy"), Ok(7)].into_iter();
    /// assert_eq!(retry.run_blocking(|| answers.next().unwrap()), Ok(7));
    /// ```
    #[doc(alias = "notify")]
    #[doc(alias = "on_retry")]
    pub fn on_error<E, F>(self, told: F) -> Retry<R, P, G, B, OnError<K, F>, O>
    where
        F: Fn(&Cause<E>, Progress, Verdict),
    {
        self.map_classifier(|before| OnError { before, told })
    }

    /// Keeps the text of errors out of events and logs, where it may hold what is not for others to read.
    pub fn without_text(self) -> Retry<R, P, G, B, WithoutText<K>, O> {
        self.map_classifier(WithoutText)
    }

    /// Takes this [`Classifier`](crate::classify::Classifier) in place of the one so far.
    ///
    /// It has a type that can be written down, such as `retry_tokio::ReqwestClassifier`.
    ///
    /// ```
    /// use retry_core::{Class, Failure, Policy, Progress, Retry, classify::Classifier, testing::FakeClock};
    ///
    /// /// For status codes: 500 and above are failures.
    /// struct Status;
    ///
    /// impl<E> Classifier<u16, E> for Status {
    ///     fn failure(&self, _: &E, _: Progress) -> Failure {
    ///         Class::Network.into()
    ///     }
    ///
    ///     fn classify_ok(&self, status: &u16) -> Option<Failure> {
    ///         (*status >= 500).then_some(Class::Server.into())
    ///     }
    /// }
    ///
    /// let clock = FakeClock::new();
    /// let retry: Retry<_, _, _, _, Status> = Retry::new(&Policy::DEFAULT, &clock).classifier(Status);
    /// let mut answers = [Err("connection lost"), Ok(503), Ok(200)].into_iter();
    /// assert_eq!(retry.run_blocking(|| answers.next().unwrap()), Ok(200));
    /// ```
    pub fn classifier<L>(self, classifier: L) -> Retry<R, P, G, B, L, O> {
        self.map_classifier(|_| classifier)
    }

    /// Puts a [`Classifier`](crate::classify::Classifier) around the one so far.
    pub fn map_classifier<L>(self, classifier: impl FnOnce(K) -> L) -> Retry<R, P, G, B, L, O> {
        let Self { setup, classifier: before, runtime } = self;
        Retry { setup, classifier: classifier(before), runtime }
    }

    /// Tells `observer` everything that happens. A closure is for [`on_event`](Self::on_event).
    pub fn observe<N: Observer>(self, observer: N) -> Retry<R, P, G, B, K, N> {
        let Self { setup, classifier, runtime } = self;
        Retry { setup: setup.observe(observer), classifier, runtime }
    }

    /// Tells a closure everything that happens.
    pub fn on_event<F: Fn(&Event<'_>)>(self, observer: F) -> Retry<R, P, G, B, K, ObserverFn<F>> {
        self.observe(observer_fn(observer))
    }

    /// Takes this curve instead of the policy's: from the number of failed attempts, from 1, and the policy's base
    /// delay to a ceiling. Jitter, `min_delay` and `max_delay` stay the policy's.
    ///
    /// ```
    /// use core::time::Duration;
    /// use retry_core::{Class, Policy, Retry, testing::FakeClock};
    ///
    /// let clock = FakeClock::new();
    /// let retry = Retry::new(&Policy::DEFAULT, &clock).backoff(|failed, base| base * failed * 7);
    /// let _ = retry.run_blocking(|| Err::<(), _>(Class::Network));
    /// assert_eq!(clock.now().as_millis(), 700 + 1_400);
    /// ```
    #[doc(alias = "custom_backoff")]
    pub fn backoff<F>(self, curve: F) -> Retry<R, WithCurve<P, F>, G, B, K, O>
    where
        F: Fn(u32, Duration) -> Duration,
    {
        let Self { setup, classifier, runtime } = self;
        Retry { setup: setup.policies(|policies| WithCurve::new(policies, curve)), classifier, runtime }
    }

    /// What [`Recovery::WaitAndRetry`](crate::Recovery::WaitAndRetry) waits for: `check`, asked once at first and
    /// then as often as `every` says. It is asked on the thread of the call, so it should only look at what a health
    /// check elsewhere found out.
    pub fn ready<F: Fn() -> bool + Sync>(
        self,
        check: F,
        every: Duration,
    ) -> Retry<Ready<R, F>, P, G, B, K, O> {
        self.on(|runtime| Ready::new(runtime, check, every))
    }

    /// Takes its random words from `entropy` instead of the runtime's: for exact delays in tests on paused time.
    ///
    /// ```
    /// use retry_core::{Class, Policy, Retry, testing::FakeClock};
    ///
    /// let (clock, half) = (FakeClock::new(), FakeClock::new().with_words(&[1 << 63]));
    /// let retry = Retry::new(Policy::DEFAULT.max_attempts(2), &clock).entropy(&half);
    /// let _ = retry.run_blocking(|| Err::<(), _>(Class::Network));
    /// assert_eq!(clock.now().as_millis(), 50); // half of 100 ms
    /// ```
    pub fn entropy<N: Entropy>(self, entropy: N) -> Retry<WithEntropy<R, N>, P, G, B, K, O> {
        self.on(|runtime| WithEntropy::new(runtime, entropy))
    }

    /// Gives the operation a name, for events and errors: a `&'static str`, or with `std` a `String`.
    pub fn named(mut self, operation: impl Into<Name>) -> Self {
        self.setup.operation = operation.into();
        self
    }

    /// Says which of several like dependencies it goes to, for events and errors.
    pub fn keyed(mut self, key: impl Into<Key>) -> Self {
        self.setup.key = key.into();
        self
    }

    /// The circuit.
    pub const fn gate(&self) -> &G {
        &self.setup.gate
    }

    /// The runtime, such as for its time.
    pub const fn runtime(&self) -> &R {
        &self.runtime
    }

    /// Where calls get their policy, such as to reload it.
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use retry_core::{policy::ReloadablePolicy, testing::FakeClock, Policy, Retry};
    ///
    /// let retry = Retry::new(ReloadablePolicy::new(Policy::DEFAULT), FakeClock::new());
    /// retry.policies().reload(Policy::DEFAULT.max_attempts(5));
    /// assert_eq!(retry.policies().current().settings().max_attempts, Some(5));
    /// assert_eq!(retry.runtime().now().as_millis(), 0);
    /// # }
    /// ```
    pub const fn policies(&self) -> &P {
        &self.setup.policies
    }

    /// The same by reference, to be changed for one use: another name, circuit or observer.
    ///
    /// ```
    /// use retry_core::{Class, Policy, Retry, observe::OperationMetrics, testing::FakeClock};
    ///
    /// static SLOW_PATH: OperationMetrics = OperationMetrics::new("stock.slow_path");
    ///
    /// let clock = FakeClock::new();
    /// let stock = Retry::new(Policy::DEFAULT, &clock).named("stock.read"); // a client's
    /// let watched = stock.by_ref().observe(&SLOW_PATH);
    /// assert_eq!(watched.run_blocking(|| Ok::<_, Class>(7)), Ok(7));
    /// assert_eq!(SLOW_PATH.snapshot().calls(), 1);
    /// ```
    pub fn by_ref(&self) -> Retry<&R, &P, &G, &B, &K, &O> {
        let Self { setup: Setup { policies, operation, key, gate, budget, observer }, classifier, runtime } =
            self;
        let (operation, key) = (operation.clone(), *key);
        Retry { setup: Setup { policies, operation, key, gate, budget, observer }, classifier, runtime }
    }

    /// The same on another runtime.
    pub(crate) fn on<S>(self, runtime: impl FnOnce(R) -> S) -> Retry<S, P, G, B, K, O> {
        let Self { setup, classifier, runtime: before } = self;
        Retry { setup, classifier, runtime: runtime(before) }
    }

    pub(crate) const fn observer(&self) -> &O {
        &self.setup.observer
    }
}

#[cfg(feature = "defmt")]
impl<R, P: Policies, G, B, K, O> defmt::Format for Retry<R, P, G, B, K, O> {
    fn format(&self, f: defmt::Formatter<'_>) {
        let Setup { operation, policies, .. } = &self.setup;
        defmt::write!(
            f,
            "Retry {{ operation: {}, policy: {} }}",
            operation,
            policies.policy(&policies.read())
        );
    }
}

impl<R, P: Policies, G, B, K, O> fmt::Debug for Retry<R, P, G, B, K, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Setup { operation, policies, .. } = &self.setup;
        f.debug_struct("Retry")
            .field("operation", operation)
            .field("policy", policies.policy(&policies.read()))
            .finish_non_exhaustive()
    }
}
