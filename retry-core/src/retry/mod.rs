//! How an operation is retried: the builder that users call. The loops are in `run.rs` and `blocking.rs`.

mod blocking;
mod retryable;
mod run;
#[cfg(feature = "std")]
mod std;
mod step;

pub use retryable::Retryable;
#[cfg(feature = "std")]
pub use std::retry;

use core::fmt;
use core::time::Duration;

use crate::budget::{Budget, NoBudget};
use crate::call::Setup;
use crate::circuit::{Gate, NoCircuit};
use crate::classify::{ByClosure, ByTrait, ClassifyOk, Progress, When};
use crate::config_error::ok_or_panic;
use crate::key::Key;
use crate::observe::{Event, Observer};
use crate::policy::Failure;
use crate::policy::{Policy, Rule};

/// How an operation is retried: policy, circuit, budget, classifier and observer, over a runtime.
///
/// Made by an adapter's `retry(&POLICY)`; then used for any number of calls, from any number of places at once.
///
/// ```
/// use core::time::Duration;
/// use retry_core::{testing::FakeClock, Class, Jitter, Policy, Retry};
///
/// const POLICY: Policy = Policy::exponential(Duration::from_millis(100)).jitter(Jitter::None).max_attempts(4);
///
/// let clock = FakeClock::new();
/// let stock = Retry::new(&POLICY, &clock).classify(|_: &&str| Class::Network).named("stock.read");
///
/// let mut answers = [Err("refused"), Err("refused"), Ok(7)].into_iter();
/// let count = stock.run_blocking(|| answers.next().unwrap());
/// assert_eq!(count, Ok(7));
/// assert_eq!(clock.now().as_millis(), 100 + 200);
/// ```
#[must_use = "it does nothing until it runs"]
pub struct Retry<'a, R, G = NoCircuit, B = NoBudget, K = ByTrait, O: ?Sized = ()> {
    setup: Setup<'a, G, B, O>,
    classifier: K,
    ready: Option<Readiness<'a>>,
    runtime: R,
}

/// Asks whether a dependency is ready, every so often.
#[derive(Clone, Copy)]
struct Readiness<'a> {
    check: &'a (dyn Fn() -> bool + Sync),
    every: Duration,
}

impl<'a, R> Retry<'a, R> {
    /// Retries by `policy` on `runtime`, without a circuit and a budget; errors say their own class.
    pub const fn new(policy: &'a Policy, runtime: R) -> Self {
        let setup = Setup::new(policy, &NoCircuit, &NoBudget, &());
        Self { setup, classifier: ByTrait, ready: None, runtime }
    }
}

impl<'a, R, G, B, O: ?Sized> Retry<'a, R, G, B, ByTrait, O> {
    /// Asks `classifier` for the class of each error: a closure from `&E` to a [`Class`](crate::Class) or a [`Failure`].
    ///
    /// Without one, the error says it by its [`Classify`](crate::Classify). Comes before [`when`](Self::when) and
    /// [`unacceptable`](Self::unacceptable).
    pub fn classify<E, C: Into<Failure>, F: Fn(&E) -> C>(
        self,
        classifier: F,
    ) -> Retry<'a, R, G, B, ByClosure<F>, O> {
        self.map_classifier(|_| ByClosure(classifier))
    }
}

impl<'a, R, G, B, K, O: ?Sized> Retry<'a, R, G, B, K, O> {
    /// Asks `circuit` before each attempt, and tells it how each ended.
    pub fn circuit<H: Gate>(self, circuit: &'a H) -> Retry<'a, R, H, B, K, O> {
        let Self { setup, classifier, ready, runtime } = self;
        Retry { setup: setup.circuit(circuit), classifier, ready, runtime }
    }

    /// Pays for each retry out of `budget`.
    pub fn budget<C: Budget>(self, budget: &'a C) -> Retry<'a, R, G, C, K, O> {
        let Self { setup, classifier, ready, runtime } = self;
        Retry { setup: setup.budget(budget), classifier, ready, runtime }
    }

    /// Puts errors that meet `condition` under `rule`. Conditions are asked in the order they were added, and
    /// before the policy's own rules; the first that is met is the only one.
    ///
    /// # Panics
    /// On a rule whose own delay, or whose backoff's base, is above the policy's cap.
    ///
    /// ```
    /// use retry_core::{testing::FakeClock, Class, Policy, Progress, Recovery, Retry, Rule};
    ///
    /// const FAIL: Rule = Rule::ANY.recovery(Recovery::Fail);
    ///
    /// let clock = FakeClock::new();
    /// let retry = Retry::new(&Policy::DEFAULT, &clock)
    ///     .classify(|_: &&str| Class::Server)
    ///     .when(|error: &&str, now: Progress| *error == "disk full" && now.attempt > 1, &FAIL);
    /// let mut errors = ["busy", "disk full", "busy"].into_iter();
    /// let error = retry.run_blocking(|| Err::<(), _>(errors.next().unwrap())).unwrap_err();
    /// assert_eq!(error.context().attempt, 2);
    /// ```
    pub fn when<E, F: Fn(&E, Progress) -> bool>(
        self,
        condition: F,
        rule: &'static Rule,
    ) -> Retry<'a, R, G, B, When<K, F>, O> {
        ok_or_panic!(self.setup.policy.allows(rule));
        self.map_classifier(|before| When { before, condition, rule })
    }

    /// Takes a value for a failure where `judge` says which: "200, but empty: try again".
    ///
    /// A value that still is one when the call gives up is gone: [`Cause::Unacceptable`](crate::Cause::Unacceptable). Where it is wanted, let
    /// the operation return it as an error.
    ///
    /// ```
    /// use retry_core::{testing::FakeClock, Class, Policy, Retry};
    ///
    /// let clock = FakeClock::new();
    /// let retry = Retry::new(&Policy::DEFAULT, &clock)
    ///     .classify(|class: &Class| *class)
    ///     .classify_ok(|body: &&str| body.is_empty().then_some(Class::Transient));
    /// let mut bodies = ["", "7 apples"].into_iter();
    /// assert_eq!(retry.run_blocking(|| Ok(bodies.next().unwrap())), Ok("7 apples"));
    /// ```
    pub fn classify_ok<T, C: Into<Failure>, F: Fn(&T) -> Option<C>>(
        self,
        judge: F,
    ) -> Retry<'a, R, G, B, ClassifyOk<K, F>, O> {
        self.map_classifier(|before| ClassifyOk { before, judge })
    }

    /// Tells `observer` everything that happens. For a closure, [`on_event`](Self::on_event) finds out its type.
    pub fn observe<P: Observer + ?Sized>(self, observer: &'a P) -> Retry<'a, R, G, B, K, P> {
        let Self { setup, classifier, ready, runtime } = self;
        Retry { setup: setup.observe(observer), classifier, ready, runtime }
    }

    /// Tells a closure everything that happens.
    pub fn on_event<F: Fn(&Event)>(self, observer: &'a F) -> Retry<'a, R, G, B, K, F> {
        self.observe(observer)
    }

    /// Takes this curve instead of the policy's, for one use: from the number of failed attempts, from 1, and the
    /// policy's base to a ceiling. Jitter, minimum and cap stay the policy's.
    pub fn backoff(mut self, curve: &'a (dyn Fn(u32, Duration) -> Duration + Sync)) -> Self {
        self.setup.curve = Some(curve);
        self
    }

    /// What [`Recovery::WaitAndRetry`](crate::Recovery::WaitAndRetry) waits for: `check`, asked once at first and
    /// then as often as `every` says. It is asked on the thread of the call, so it should only look at what a health
    /// check elsewhere found out.
    pub fn ready(mut self, check: &'a (dyn Fn() -> bool + Sync), every: Duration) -> Self {
        self.ready = Some(Readiness { check, every });
        self
    }

    /// Gives the operation a name, for events and errors.
    pub fn named(mut self, operation: &'static str) -> Self {
        self.setup.operation = operation;
        self
    }

    /// Says which of several like dependencies it goes to, for events and errors.
    pub fn keyed(mut self, key: impl Into<Key>) -> Self {
        self.setup.key = key.into();
        self
    }

    /// For what happens to a call after it ended.
    pub(crate) const fn runtime(&self) -> &R {
        &self.runtime
    }

    pub(crate) const fn observer(&self) -> &'a O {
        self.setup.observer
    }

    #[cfg(feature = "std")]
    pub(crate) fn on<S>(self, runtime: S) -> Retry<'a, S, G, B, K, O> {
        let Self { setup, classifier, ready, runtime: _ } = self;
        Retry { setup, classifier, ready, runtime }
    }

    /// Puts a [`Classifier`](crate::classify::Classifier) of an adapter's own around, or in place of, the one so far.
    pub fn map_classifier<L>(self, classifier: impl FnOnce(K) -> L) -> Retry<'a, R, G, B, L, O> {
        let Self { setup, classifier: before, ready, runtime } = self;
        Retry { setup, classifier: classifier(before), ready, runtime }
    }
}

impl<R: Clone, G, B, K: Clone, O: ?Sized> Clone for Retry<'_, R, G, B, K, O> {
    fn clone(&self) -> Self {
        let Self { setup, classifier, ready, runtime } = self;
        Self { setup: *setup, classifier: classifier.clone(), ready: *ready, runtime: runtime.clone() }
    }
}

impl<R: Copy, G, B, K: Copy, O: ?Sized> Copy for Retry<'_, R, G, B, K, O> {}

#[cfg(feature = "defmt")]
impl<R, G, B, K, O: ?Sized> defmt::Format for Retry<'_, R, G, B, K, O> {
    fn format(&self, f: defmt::Formatter<'_>) {
        let Setup { operation, policy, .. } = self.setup;
        defmt::write!(f, "Retry {{ operation: {=str}, policy: {} }}", operation, policy);
    }
}

impl<R, G, B, K, O: ?Sized> fmt::Debug for Retry<'_, R, G, B, K, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Setup { operation, policy, .. } = &self.setup;
        f.debug_struct("Retry").field("operation", operation).field("policy", policy).finish_non_exhaustive()
    }
}
