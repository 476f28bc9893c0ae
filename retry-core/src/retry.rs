//! The loops: one for futures, one for blocking code.

use core::fmt;
use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;

use crate::call::{Attempt, Call};
use crate::circuit::{Gate, NoCircuit};
use crate::class::{ByTrait, Class, Classifier, Failure};
use crate::error::{Cause, Error, ErrorContext};
use crate::observe::Observer;
use crate::policy::Policy;
use crate::runtime::{BlockingSleep, Clock, Entropy, Sleep};
use crate::verdict::{GiveUp, Rejected, Verdict};

/// How an operation is retried: policy, circuit, classifier and observer, over a runtime.
///
/// Made by an adapter's `retry(&POLICY)`; then used for any number of calls, from any number of places at once.
///
/// ```
/// use core::time::Duration;
/// use retry_core::{Class, FakeClock, Jitter, Policy, Retry};
///
/// const POLICY: Policy = Policy::exponential(Duration::from_millis(100)).jitter(Jitter::None).attempts(4);
///
/// let clock = FakeClock::new();
/// let stock = Retry::new(&POLICY, &clock).classify(|_: &&str| Class::Network).named("stock.read");
///
/// let mut answers = [Err("refused"), Err("refused"), Ok(7)].into_iter();
/// let count = stock.run_blocking(|| answers.next().unwrap());
/// assert_eq!(count, Ok(7));
/// assert_eq!(clock.now().as_millis(), 100 + 200);
/// ```
pub struct Retry<'a, R, G = NoCircuit, K = ByTrait, O: ?Sized = ()> {
    policy: &'a Policy,
    gate: &'a G,
    classifier: K,
    observer: &'a O,
    runtime: R,
    operation: &'static str,
}

impl<'a, R> Retry<'a, R> {
    /// Retries by `policy` on `runtime`, without a circuit; errors say their own class.
    pub const fn new(policy: &'a Policy, runtime: R) -> Self {
        Self {
            policy,
            gate: &NoCircuit,
            classifier: ByTrait,
            observer: &(),
            runtime,
            operation: "",
        }
    }
}

impl<'a, R, G, K, O: ?Sized> Retry<'a, R, G, K, O> {
    /// Asks `circuit` before each attempt, and tells it how each ended.
    pub fn circuit<H: Gate>(self, circuit: &'a H) -> Retry<'a, R, H, K, O> {
        let Self {
            policy,
            gate: _,
            classifier,
            observer,
            runtime,
            operation,
        } = self;
        Retry {
            policy,
            gate: circuit,
            classifier,
            observer,
            runtime,
            operation,
        }
    }

    /// Asks `classifier` for the class of each error: a closure from `&E` to a [`Class`] or a [`Failure`].
    ///
    /// Without one, the error says it by its [`Classify`](crate::Classify).
    pub fn classify<E, C: Into<Failure>, F: Fn(&E) -> C>(self, classifier: F) -> Retry<'a, R, G, F, O> {
        let Self {
            policy,
            gate,
            classifier: _,
            observer,
            runtime,
            operation,
        } = self;
        Retry {
            policy,
            gate,
            classifier,
            observer,
            runtime,
            operation,
        }
    }

    /// Tells `observer` everything that happens.
    pub fn observe<P: Observer + ?Sized>(self, observer: &'a P) -> Retry<'a, R, G, K, P> {
        let Self {
            policy,
            gate,
            classifier,
            observer: _,
            runtime,
            operation,
        } = self;
        Retry {
            policy,
            gate,
            classifier,
            observer,
            runtime,
            operation,
        }
    }

    /// Gives the operation a name, for events and errors.
    #[must_use]
    pub fn named(self, operation: &'static str) -> Self {
        Self { operation, ..self }
    }
}

impl<R, G, K, O> Retry<'_, R, G, K, O>
where
    R: Clock + Entropy,
    G: Gate,
    O: Observer + ?Sized,
{
    /// Runs `operation` until it succeeds, the policy gives up or the circuit refuses.
    ///
    /// Dropping the future cancels the call: an attempt under way gives its place back to the circuit.
    ///
    /// # Errors
    /// [`Error::GaveUp`] with the last attempt's error, or [`Error::Rejected`].
    pub async fn run<T, E, F, A>(&self, mut operation: F) -> Result<T, Error<E>>
    where
        R: Sleep,
        K: Classifier<E>,
        F: FnMut() -> A,
        A: Future<Output = Result<T, E>>,
    {
        let mut call = self.start();
        let mut last = None;
        let rejected = loop {
            let attempt = match call.attempt(|| self.runtime.now()) {
                Ok(attempt) => self.in_flight(attempt),
                Err(rejected) => break rejected,
            };
            let outcome = match self.policy.timeout_of_attempt() {
                None => operation().await.map_err(Cause::Failed),
                Some(limit) => match within(operation(), self.runtime.sleep(limit)).await {
                    Some(outcome) => outcome.map_err(Cause::Failed),
                    None => Err(Cause::TimedOut(limit)),
                },
            };
            let cause = match outcome {
                Ok(value) => {
                    attempt.succeed();
                    return Ok(value);
                }
                Err(cause) => cause,
            };
            let failure = self.failure(&cause);
            match attempt.fail(failure) {
                Verdict::Retry(delay) => {
                    last = Some((cause, failure.class));
                    self.runtime.sleep(delay).await;
                }
                Verdict::GiveUp(reason) => {
                    return Err(self.gave_up(&mut call, reason, cause, failure.class));
                }
                Verdict::Rejected(rejected) => {
                    last = Some((cause, failure.class));
                    break rejected;
                }
            }
        };
        Err(self.rejected(&mut call, rejected, last))
    }

    /// Runs `operation` until it succeeds, the policy gives up or the circuit refuses, blocking the thread.
    ///
    /// An attempt timeout does not interrupt an attempt here: set one on the operation itself.
    ///
    /// # Errors
    /// [`Error::GaveUp`] with the last attempt's error, or [`Error::Rejected`].
    pub fn run_blocking<T, E, F>(&self, mut operation: F) -> Result<T, Error<E>>
    where
        R: BlockingSleep,
        K: Classifier<E>,
        F: FnMut() -> Result<T, E>,
    {
        let mut call = self.start();
        let mut last = None;
        let rejected = loop {
            let attempt = match call.attempt(|| self.runtime.now()) {
                Ok(attempt) => self.in_flight(attempt),
                Err(rejected) => break rejected,
            };
            let cause = match operation() {
                Ok(value) => {
                    attempt.succeed();
                    return Ok(value);
                }
                Err(error) => Cause::Failed(error),
            };
            let failure = self.failure(&cause);
            match attempt.fail(failure) {
                Verdict::Retry(delay) => {
                    last = Some((cause, failure.class));
                    self.runtime.sleep_blocking(delay);
                }
                Verdict::GiveUp(reason) => {
                    return Err(self.gave_up(&mut call, reason, cause, failure.class));
                }
                Verdict::Rejected(rejected) => {
                    last = Some((cause, failure.class));
                    break rejected;
                }
            }
        };
        Err(self.rejected(&mut call, rejected, last))
    }

    fn start(&self) -> Call<'_, G, O> {
        Call::new(self.policy, self.gate, || self.runtime.now())
            .observe(self.observer)
            .named(self.operation)
    }

    fn in_flight<'c, 'a>(&'c self, attempt: Attempt<'c, 'a, G, O>) -> InFlight<'c, 'a, R, G, O> {
        InFlight {
            attempt: Some(attempt),
            runtime: &self.runtime,
        }
    }

    fn failure<E>(&self, cause: &Cause<E>) -> Failure
    where
        K: Classifier<E>,
    {
        match cause {
            Cause::Failed(error) => self.classifier.classify(error),
            Cause::TimedOut(_) => Class::Timeout.into(),
        }
    }

    fn gave_up<E>(
        &self,
        call: &mut Call<'_, G, O>,
        reason: GiveUp,
        cause: Cause<E>,
        class: Class,
    ) -> Error<E> {
        Error::GaveUp {
            reason,
            cause,
            context: self.context(call, Some(class)),
        }
    }

    fn rejected<E>(
        &self,
        call: &mut Call<'_, G, O>,
        rejected: Rejected,
        last: Option<(Cause<E>, Class)>,
    ) -> Error<E> {
        let (cause, class) = last.unzip();
        Error::Rejected {
            rejected,
            cause,
            context: self.context(call, class),
        }
    }

    fn context(&self, call: &mut Call<'_, G, O>, class: Option<Class>) -> ErrorContext {
        let elapsed = call.elapsed(|| self.runtime.now());
        ErrorContext {
            operation: self.operation,
            attempts: call.attempts(),
            class,
            elapsed,
        }
    }
}

impl<R, G, K, O: ?Sized> fmt::Debug for Retry<'_, R, G, K, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            operation, policy, ..
        } = self;
        f.debug_struct("Retry")
            .field("operation", operation)
            .field("policy", policy)
            .finish_non_exhaustive()
    }
}

/// An attempt and the clock of its runtime, so that a drop can tell the time, too.
struct InFlight<'c, 'a, R: Clock + Entropy, G: Gate, O: Observer + ?Sized> {
    attempt: Option<Attempt<'c, 'a, G, O>>,
    runtime: &'c R,
}

impl<R: Clock + Entropy, G: Gate, O: Observer + ?Sized> InFlight<'_, '_, R, G, O> {
    fn succeed(mut self) {
        if let Some(attempt) = self.attempt.take() {
            attempt.succeed(|| self.runtime.now());
        }
    }

    fn fail(mut self, failure: Failure) -> Verdict {
        match self.attempt.take() {
            Some(attempt) => attempt.fail_with(failure, || self.runtime.now(), || self.runtime.word()),
            None => unreachable!("only the methods that consume it take the attempt"),
        }
    }
}

impl<R: Clock + Entropy, G: Gate, O: Observer + ?Sized> Drop for InFlight<'_, '_, R, G, O> {
    fn drop(&mut self) {
        if let Some(attempt) = self.attempt.take() {
            attempt.cancel(|| self.runtime.now());
        }
    }
}

/// The output of `future`, or `None` where `sleep` ends first.
async fn within<A: Future>(future: A, sleep: impl Future<Output = ()>) -> Option<A::Output> {
    let (mut future, mut sleep) = (pin!(future), pin!(sleep));
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => sleep.as_mut().poll(context).map(|()| None),
    })
    .await
}
