//! The builder [`Retry`]. The loops are in `futures.rs`, `stateful.rs` and `blocking.rs`.

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
    ByClosure, ByOpaque, ByTrait, ClassifyOk, HasText, OnError, Progress, Timed, When, WithCauses,
    WithoutText,
};
use crate::config_error::ok_or_panic;
use crate::error::Cause;
use crate::key::Key;
use crate::name::Name;
use crate::observe::{Event, Observer, ObserverFn, observer_fn};
use crate::policy::{Failure, OfType, Policies, Policy, Rule, WithCurve};
use crate::runtime::{Entropy, Ready, WithEntropy};
use crate::verdict::Verdict;

/// Retries an operation by a policy, with a circuit, a budget, a classifier and an observer, on a runtime.
///
/// The function `retry(&POLICY)` of this crate or of an adapter makes one. A `run` method then makes a call. One
/// `Retry` serves any number of calls, also at the same time.
///
/// | method | for |
/// |---|---|
/// | [`run`](Self::run), [`run_with`](Self::run_with) | async operations |
/// | [`run_mut`](Self::run_mut), `run_mut_send` | async operations that borrow what they change |
/// | [`run_blocking`](Self::run_blocking), [`run_blocking_with`](Self::run_blocking_with) | blocking operations |
/// | [`until`](Self::until), [`return_last`](Self::return_last), [`dead_letters`](Self::dead_letters) | settings of one call, before its `run` method |
///
/// # Type parameters
///
/// | parameter | what | set by | default |
/// |---|---|---|---|
/// | `R` | the runtime: clock, sleep and random words | an adapter's `retry` | |
/// | `P` | the policy, or another source of policies: [`Policies`](crate::policy::Policies) | an adapter's `retry` | `&'static Policy` |
/// | `G` | the circuit: [`Gate`](crate::circuit::Gate) | [`circuit`](Self::circuit) | `NoCircuit` |
/// | `B` | the budget: [`Budget`](crate::budget::Budget) | [`budget`](Self::budget) | `NoBudget` |
/// | `K` | the classifier: [`Classifier`](crate::classify::Classifier) | [`classify`](Self::classify) or [`classifier`](Self::classifier), and the methods after them | `ByTrait` |
/// | `O` | the observer: [`Observer`](crate::observe::Observer) | [`observe`](Self::observe), [`on_event`](Self::on_event) | `()` |
///
/// Each part is owned or borrowed, as you give it: a circuit may be a `SharedCircuit`, a `&'static SharedCircuit` or an
/// `Arc<SharedCircuit>`. So a client can keep its `Retry` in a field. This one has every part:
///
/// ```
/// # #[cfg(all(feature = "std", feature = "tracing"))] {
/// use std::sync::Arc;
/// use retry_core::{
///     CircuitConfig, Class, Error, Failure, Policy, Retry, SharedBudget, SharedCircuit, TokenBucket,
///     classify::ByClosure, observe::{Metrics, TracingLog}, retry, runtime::StdRuntime,
/// };
///
/// type Calls = Retry<
///     StdRuntime,
///     Policy,
///     Arc<SharedCircuit>,
///     Arc<SharedBudget<TokenBucket>>,
///     ByClosure<fn(&u16) -> Failure>,
///     (Arc<Metrics>, TracingLog),
/// >;
///
/// struct Stock {
///     calls: Calls,
/// }
///
/// fn classify(status: &u16) -> Failure {
///     Class::of_http_status(*status).unwrap_or(Class::Unknown).into()
/// }
///
/// impl Stock {
///     fn new(policy: Policy, budget: Arc<SharedBudget<TokenBucket>>, metrics: Arc<Metrics>) -> Self {
///         let calls = retry(policy)
///             .circuit(Arc::new(SharedCircuit::new(CircuitConfig::DEFAULT)))
///             .budget(budget)
///             .classify(classify as fn(&_) -> _)
///             .observe((metrics, TracingLog))
///             .named("stock.read");
///         Self { calls }
///     }
///
///     fn count(&self) -> Result<u32, Error<u16>> {
///         self.calls.run_blocking(|| Ok(7)) // your request
///     }
/// }
///
/// let budget = Arc::new(SharedBudget::new(TokenBucket::DEFAULT));
/// let stock = Stock::new(Policy::DEFAULT, budget, Arc::new(Metrics::new()));
/// assert_eq!(stock.count(), Ok(7));
/// # }
/// ```
///
/// Every function and every closure has a type of its own, which has no name. The cast `classify as fn(&_) -> _` makes
/// a function pointer of it, and that type can be written. Leaving out the cast is a compile error: "expected fn
/// pointer, found fn item".
///
/// # Sharing
///
/// The `run` methods take `&self`. So threads and tasks can share one `Retry` in an `Arc` or in a `static`:
///
/// ```
/// # #[cfg(feature = "std")] {
/// use std::{io, sync::Arc, thread};
/// use retry_core::{Policy, retry};
///
/// let calls = Arc::new(retry(Policy::DEFAULT).named("stock.read"));
/// let mut threads = Vec::new();
/// for sku in 1..=3 {
///     let calls = Arc::clone(&calls);
///     threads.push(thread::spawn(move || calls.run_blocking(|| Ok::<u32, io::Error>(sku * 7))));
/// }
/// let counts: Vec<u32> = threads.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect();
/// assert_eq!(counts, [7, 14, 21]);
/// # }
/// ```
///
/// The page of `retry_tokio::retry` has the same loop with `tokio::spawn`. To change the name, the circuit or the
/// observer for one call, use [`by_ref`](Self::by_ref).
#[must_use = "a `Retry` does nothing until one of its `run` methods is called"]
#[derive(Clone)]
pub struct Retry<R, P = &'static Policy, G = NoCircuit, B = NoBudget, K = ByTrait, O = ()> {
    setup: Setup<P, G, B, O>,
    classifier: K,
    runtime: R,
}

impl<R, P> Retry<R, P> {
    /// Makes a `Retry` with this policy and runtime. It has no circuit, budget or observer yet, and takes the class of
    /// an error from its [`Classify`](crate::Classify).
    ///
    /// The policy is a [`Policy`], a reference to one, an `Arc` around one, or another source of
    /// [`Policies`](crate::policy::Policies).
    pub const fn new(policy: P, runtime: R) -> Self {
        Self { setup: Setup::new(policy), classifier: ByTrait, runtime }
    }
}

impl<R, P, G, B, O> Retry<R, P, G, B, ByTrait, O> {
    /// Sets the closure that returns the class of each error: a [`Class`](crate::Class), or a [`Failure`] with a
    /// server's hint. By default, the error's own [`Classify`](crate::Classify) returns
    /// it.
    ///
    /// Call it before [`when`](Self::when), [`classify_ok`](Self::classify_ok), [`on_error`](Self::on_error) and
    /// [`without_text`](Self::without_text): these add to the classifier. After them, rustc reports "no method named
    /// `classify` found".
    ///
    /// Events and logs show the error's `Display` text. For errors without `Display`, use
    /// [`classify_opaque`](Self::classify_opaque).
    ///
    /// ```
    /// use retry_core::{Class, Failure, Policy, Progress, Recovery, Retry, Rule, testing::FakeClock};
    ///
    /// const FAIL: Rule = Rule::ANY.recovery(Recovery::Fail);
    ///
    /// let clock = FakeClock::new();
    /// let retry = Retry::new(&Policy::DEFAULT, &clock)
    ///     .classify(|status: &u16| Class::of_http_status(*status).unwrap_or(Class::Unknown))
    ///     .when(|status: &u16, _: Progress| *status == 503, &FAIL);
    /// let error = retry.run_blocking(|| Err::<(), _>(503)).unwrap_err();
    /// assert_eq!((error.attempts(), error.class()), (1, Some(Class::Server)));
    /// ```
    pub fn classify<E, C, F>(self, classifier: F) -> Retry<R, P, G, B, ByClosure<F>, O>
    where
        E: HasText,
        C: Into<Failure>,
        F: Fn(&E) -> C,
    {
        self.map_classifier(|_| ByClosure(classifier))
    }

    /// Does the same as [`classify`](Self::classify), for errors without [`Display`](fmt::Display). Events then have no
    /// error text.
    pub fn classify_opaque<E, C, F>(self, classifier: F) -> Retry<R, P, G, B, ByOpaque<F>, O>
    where
        C: Into<Failure>,
        F: Fn(&E) -> C,
    {
        self.map_classifier(|_| ByOpaque(classifier))
    }
}

impl<R, P, G, B, K, O> Retry<R, P, G, B, K, O> {
    /// Sets the circuit. It is asked before each attempt, and records how each attempt ended.
    ///
    /// If each call has another circuit, such as the circuit of its host, set it for one call:
    /// `retry.by_ref().circuit(circuit)`. See [`by_ref`](Self::by_ref).
    #[doc(alias = "circuit_breaker")]
    pub fn circuit<H: Gate>(self, circuit: H) -> Retry<R, P, H, B, K, O> {
        let Self { setup, classifier, runtime } = self;
        Retry { setup: setup.circuit(circuit), classifier, runtime }
    }

    /// Sets the budget, which pays for each retry. If it is empty, the call gives up with
    /// [`GiveUp::Budget`](crate::GiveUp::Budget). First attempts are free.
    pub fn budget<C: Budget>(self, budget: C) -> Retry<R, P, G, C, K, O> {
        let Self { setup, classifier, runtime } = self;
        Retry { setup: setup.budget(budget), classifier, runtime }
    }

    /// Adds a rule for errors that meet a condition.
    ///
    /// Conditions are checked in the order in which they were added. The first that is met decides. If none is met, the
    /// policy's own rules follow.
    ///
    /// The delays of the rule are lowered to the policy's [`max_delay`](Policy::max_delay). Call this method after
    /// [`classify`](Self::classify).
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

    /// Sets the closure that marks some `Ok` values as failures, such as an empty body or a response with status 503.
    /// It returns the class of the failure, or `None` if the value is good.
    ///
    /// If the call gives up on such a value, the value is dropped, and the error's cause is [`Cause::Unacceptable`].
    /// [`return_last`](Self::return_last) returns the value instead.
    ///
    /// Call this method after [`classify`](Self::classify).
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

    /// Calls `told` after each failed attempt, with its cause, the progress of the call and the verdict.
    ///
    /// Call this method after [`classify`](Self::classify).
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

    /// Shows errors with their causes in events and logs, separated by `: `: see
    /// [`ErrorText::chain`](crate::observe::ErrorText::chain). It is for a closure in [`classify`](Self::classify), with
    /// which events show only the error's own `Display`. An [`ErrorChain`](crate::classify::ErrorChain), the classifiers
    /// of the adapters, `io::Error` and `BoxError` show the causes anyway.
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use std::{error::Error, fmt, io};
    /// use retry_core::{Class, Policy, Retry, testing::FakeClock};
    ///
    /// #[derive(Debug)]
    /// struct NotSent(io::Error);
    ///
    /// impl fmt::Display for NotSent {
    ///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    ///         f.write_str("the request was not sent")
    ///     }
    /// }
    ///
    /// impl Error for NotSent {
    ///     fn source(&self) -> Option<&(dyn Error + 'static)> {
    ///         Some(&self.0)
    ///     }
    /// }
    ///
    /// let clock = FakeClock::new();
    /// let retry = Retry::new(&Policy::DEFAULT, &clock)
    ///     .classify(|_: &NotSent| Class::Network)
    ///     .with_causes()
    ///     .on_event(|event| {
    ///         let text = event.text.map(|text| text.to_string());
    ///         assert!(text.is_none_or(|text| text == "the request was not sent: connection refused"));
    ///     });
    /// let refused = || Err::<(), _>(NotSent(io::ErrorKind::ConnectionRefused.into()));
    /// assert!(retry.run_blocking(refused).is_err());
    /// # }
    /// ```
    pub fn with_causes(self) -> Retry<R, P, G, B, WithCauses<K>, O> {
        self.map_classifier(WithCauses)
    }

    /// Leaves the text of errors out of events and logs. Use it if the text may contain personal data or secrets.
    ///
    /// ```
    /// use retry_core::{Class, Policy, Retry, testing::FakeClock};
    ///
    /// let clock = FakeClock::new();
    /// let retry = Retry::new(&Policy::DEFAULT, &clock)
    ///     .classify(|_: &&str| Class::Server)
    ///     .without_text()
    ///     .on_event(|event| assert!(event.text.is_none()));
    /// let error = retry.run_blocking(|| Err::<(), _>("password 1234 refused")).unwrap_err();
    /// assert_eq!(error.inner(), Some(&"password 1234 refused")); // the caller still has it
    /// ```
    pub fn without_text(self) -> Retry<R, P, G, B, WithoutText<K>, O> {
        self.map_classifier(WithoutText)
    }

    /// Sets a classifier of your own type, such as `retry_tokio::ReqwestClassifier`. Such a type has a name, so the
    /// type of the `Retry` can be written without a cast.
    ///
    /// It replaces the classifier set before, so call it before [`when`](Self::when),
    /// [`classify_ok`](Self::classify_ok), [`on_error`](Self::on_error) and [`without_text`](Self::without_text), which
    /// add to the classifier.
    ///
    /// ```
    /// use retry_core::{Class, Failure, Policy, Progress, Retry, classify::Classifier, testing::FakeClock};
    ///
    /// /// A classifier for status codes: 500 and above are failures.
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

    /// Replaces the classifier by a [`Classifier`](crate::classify::Classifier) that may wrap the present one, which
    /// the closure gets.
    pub fn map_classifier<L>(self, classifier: impl FnOnce(K) -> L) -> Retry<R, P, G, B, L, O> {
        let Self { setup, classifier: before, runtime } = self;
        Retry { setup, classifier: classifier(before), runtime }
    }

    /// Sets the observer, which gets every event of the calls: attempts, verdicts, changes of the circuit and ends.
    ///
    /// It replaces the observer set before. For several observers, give a tuple of them. For a closure, use
    /// [`on_event`](Self::on_event).
    pub fn observe<N: Observer>(self, observer: N) -> Retry<R, P, G, B, K, N> {
        let Self { setup, classifier, runtime } = self;
        Retry { setup: setup.observe(observer), classifier, runtime }
    }

    /// Sets a closure as the observer: see [`observe`](Self::observe).
    ///
    /// ```
    /// use core::cell::Cell;
    /// use retry_core::{Class, Policy, Retry, testing::FakeClock};
    ///
    /// let (clock, events) = (FakeClock::new(), Cell::new(0));
    /// let retry = Retry::new(&Policy::DEFAULT, &clock).on_event(|_| events.set(events.get() + 1));
    /// assert_eq!(retry.run_blocking(|| Ok::<_, Class>(7)), Ok(7));
    /// assert_eq!(events.get(), 3); // started, succeeded, ended
    /// ```
    pub fn on_event<F: Fn(&Event<'_>)>(self, observer: F) -> Retry<R, P, G, B, K, ObserverFn<F>> {
        self.observe(observer_fn(observer))
    }

    /// Sets the type of the operation, such as `"http"` or `"database"`, which events and metrics carry beside the name.
    /// The calls of an [`Operation`](crate::pool::Operation) have its name as their type.
    ///
    /// ```
    /// use core::cell::RefCell;
    /// use retry_core::{Class, Policy, Retry, testing::FakeClock};
    ///
    /// let (clock, lines) = (FakeClock::new(), RefCell::new(Vec::new()));
    /// let retry = Retry::new(&Policy::DEFAULT, &clock).named("users.read").of_type("database");
    /// let retry = retry.on_event(|event| lines.borrow_mut().push(event.to_string()));
    /// assert_eq!(retry.run_blocking(|| Ok::<_, Class>(7)), Ok(7));
    /// assert_eq!(lines.borrow()[0], "users.read (database): attempt 1");
    /// ```
    pub fn of_type(self, operation_type: &'static str) -> Retry<R, OfType<P>, G, B, K, O> {
        let Self { setup, classifier, runtime } = self;
        Retry { setup: setup.policies(|policies| OfType::new(operation_type, policies)), classifier, runtime }
    }

    /// Replaces the policy's backoff by this curve. It gets the number of failed attempts, counted from 1, and the
    /// policy's base delay, and returns the ceiling of the next delay.
    ///
    /// The policy's jitter, `min_delay` and `max_delay` still apply. A rule with a backoff of its own keeps it.
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

    /// Sets the readiness check that [`Recovery::WaitAndRetry`](crate::Recovery::WaitAndRetry) waits for. The wait ends
    /// early when `check` returns `true`.
    ///
    /// It is called when the policy's [`min_delay`](Policy::min_delay) has passed, which is zero by default, and then
    /// after each `every`, which is at least 1 ms: a shorter one counts as
    /// [1 ms](crate::runtime::Readiness::LEAST_EVERY). The wait is reckoned from the clock, so it ends in time although a
    /// check or a sleep takes long. The check runs on the thread of the call, so it should be
    /// short, such as a look at a flag that a health check sets.
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use core::time::Duration;
    /// use retry_core::{Class, Policy, Recovery, Retry, Rule, testing::FakeClock};
    ///
    /// const WAIT: Recovery = Recovery::WaitAndRetry(Duration::from_secs(30));
    /// const POLICY: Policy = Policy::DEFAULT.rules(&[Rule::class(Class::Server).recovery(WAIT)]);
    ///
    /// let clock = FakeClock::new();
    /// let is_up = || clock.now().as_millis() >= 7_000;
    /// let retry = Retry::new(&POLICY, &clock).ready(is_up, Duration::from_secs(1));
    /// let mut answers = [Err(Class::Server), Ok("up")].into_iter();
    /// assert_eq!(retry.run_blocking(|| answers.next().unwrap()), Ok("up"));
    /// assert_eq!(clock.now().as_millis(), 7_000);
    /// # }
    /// ```
    pub fn ready<F: Fn() -> bool + Sync>(
        self,
        check: F,
        every: Duration,
    ) -> Retry<Ready<R, F>, P, G, B, K, O> {
        self.on(|runtime| Ready::new(runtime, check, every))
    }

    /// Replaces the runtime's source of random words, such as for exact delays in tests on paused time.
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

    /// Sets the name of the operation for events, metrics and errors. It is a `&'static str`, or with `std` a `String`.
    ///
    /// Use a limited number of names, because `Metrics` has one series per name. A host or a tenant is a
    /// [key](Self::keyed).
    pub fn named(mut self, operation: impl Into<Name>) -> Self {
        self.setup.operation = operation.into();
        self
    }

    /// Sets the key for events and errors. It tells one of several similar dependencies, such as a host or a tenant.
    pub fn keyed(mut self, key: impl Into<Key>) -> Self {
        self.setup.key = key.into();
        self
    }

    /// Measures the time of each call from its start, so that its error says how long the call took. This reads the clock
    /// once more per call.
    ///
    /// A policy with a time limit and an observer measure the time anyway. See
    /// [`ErrorContext::elapsed`](crate::ErrorContext::elapsed) for calls without either. Call this method after
    /// [`classify`](Self::classify).
    ///
    /// ```
    /// use core::time::Duration;
    /// use retry_core::{Class, Policy, Retry, testing::FakeClock};
    ///
    /// const UNLIMITED: Policy = Policy::fixed(Duration::from_secs(1)).jitter(retry_core::Jitter::None);
    ///
    /// let clock = FakeClock::new();
    /// let slow = || {
    ///     clock.advance(Duration::from_secs(5)); // each attempt takes 5 s
    ///     Err::<(), _>(Class::Network)
    /// };
    /// let error = Retry::new(&UNLIMITED, &clock).timed().run_blocking(slow).unwrap_err();
    /// assert_eq!(error.elapsed(), Some(Duration::from_secs(3 * 5 + 2)));
    /// ```
    pub fn timed(self) -> Retry<R, P, G, B, Timed<K>, O> {
        self.map_classifier(Timed)
    }

    /// Returns the circuit.
    pub const fn gate(&self) -> &G {
        &self.setup.gate
    }

    /// Returns the runtime, for example to read its time.
    pub const fn runtime(&self) -> &R {
        &self.runtime
    }

    /// Returns the source of policies, for example to reload it.
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

    /// Makes a `Retry` that borrows all parts of this one. It can be changed for one call, such as by another name,
    /// circuit or observer.
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

    /// Replaces the runtime.
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
