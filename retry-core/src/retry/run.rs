//! The loops: one for futures, one for blocking code, over the same steps.

use core::convert::Infallible;
use core::future::{pending, poll_fn};
use core::mem;
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;

use super::{Readiness, Retry};
use crate::budget::Budget;
use crate::call::{Attempt, Call};
use crate::circuit::Gate;
use crate::class::Class;
use crate::classify::{Classifier, Progress};
use crate::error::{Cause, Error};
use crate::failure::Failure;
use crate::observe::Observer;
use crate::runtime::{BlockingSleep, Clock, Entropy, Interrupted, Sleep};
use crate::verdict::{GiveUp, Rejected, Verdict};

impl<R, G, B, K, O> Retry<'_, R, G, B, K, O>
where
    R: Clock + Entropy,
    G: Gate,
    B: Budget,
    O: Observer + ?Sized,
{
    /// Runs `operation` until it succeeds, the policy gives up or the circuit refuses.
    ///
    /// Dropping the future cancels the call: an attempt under way gives its place back to the circuit, and a retry
    /// not begun its price to the budget.
    ///
    /// # Errors
    /// [`Error::GaveUp`], [`Error::Rejected`] or [`Error::Ignored`].
    pub fn run<T, E, F, A>(&self, mut operation: F) -> impl Future<Output = Result<T, Error<E>>>
    where
        R: Sleep,
        K: Classifier<T, E>,
        F: FnMut() -> A,
        A: Future<Output = Result<T, E>>,
    {
        self.run_with(move |_, _| operation())
    }

    /// [`run`](Self::run), where the operation is told how far the call has come and what the attempt before ended
    /// with.
    ///
    /// It is told before it builds its future, which borrows nothing of it.
    ///
    /// ```
    /// use core::time::Duration;
    /// use retry_core::{Class, FakeClock, Jitter, Policy, Retry};
    ///
    /// const POLICY: Policy =
    ///     Policy::fixed(Duration::from_secs(1)).jitter(Jitter::None).deadline(Duration::from_secs(10));
    ///
    /// let clock = FakeClock::new();
    /// let retry = Retry::new(&POLICY, &clock);
    /// let told = clock.run(retry.run_with(|now, last| {
    ///     let failed = last.is_some();
    ///     async move { if failed { Ok((now.attempt, now.left)) } else { Err(Class::Server) } }
    /// }));
    /// assert_eq!(told, Ok((2, Some(Duration::from_secs(9)))));
    /// ```
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_with<T, E, F, A>(&self, operation: F) -> impl Future<Output = Result<T, Error<E>>>
    where
        R: Sleep,
        K: Classifier<T, E>,
        F: FnMut(Progress, Option<&Cause<E>>) -> A,
        A: Future<Output = Result<T, E>>,
    {
        self.run_until_with(pending::<Infallible>(), operation)
    }

    /// [`run`](Self::run), until `stop` ends: then the attempt or the sleep under way is dropped.
    ///
    /// ```
    /// use core::time::Duration;
    /// use retry_core::{Class, FakeClock, Policy, Retry, Sleep};
    ///
    /// let clock = FakeClock::new();
    /// let retry = Retry::new(&Policy::DEFAULT, &clock);
    /// let stop = (&clock).sleep(Duration::from_millis(150)); // any future will do
    /// let error = clock.run(retry.run_until(stop, || async { Err::<(), _>(Class::Server) })).unwrap_err();
    /// assert!(error.is_cancelled());
    /// assert_eq!(error.into_inner(), Some(Class::Server)); // the last cause is kept
    /// ```
    ///
    /// # Errors
    /// [`Error::Cancelled`] where `stop` ended first, else as [`run`](Self::run).
    pub fn run_until<T, E, F, A>(
        &self,
        stop: impl Future,
        mut operation: F,
    ) -> impl Future<Output = Result<T, Error<E>>>
    where
        R: Sleep,
        K: Classifier<T, E>,
        F: FnMut() -> A,
        A: Future<Output = Result<T, E>>,
    {
        self.run_until_with(stop, move |_, _| operation())
    }

    /// [`run_with`](Self::run_with), until `stop` ends, as in [`run_until`](Self::run_until).
    ///
    /// # Errors
    /// [`Error::Cancelled`] where `stop` ended first, else as [`run`](Self::run).
    pub async fn run_until_with<T, E, F, A>(&self, stop: impl Future, mut operation: F) -> Result<T, Error<E>>
    where
        R: Sleep,
        K: Classifier<T, E>,
        F: FnMut(Progress, Option<&Cause<E>>) -> A,
        A: Future<Output = Result<T, E>>,
    {
        let mut run = self.start();
        let mut stop = pin!(stop);
        // Stopped already, nothing is tried.
        let stopped = poll_fn(|context| Poll::Ready(stop.as_mut().poll(context).is_ready())).await;
        let end = 'call: loop {
            if stopped {
                break End::Cancelled;
            }
            let (attempt, last) = match run.attempt() {
                Ok(begun) => begun,
                Err(end) => break end,
            };
            let timeout =
                self.options.policy.timeout_of_attempt().map(|limit| (limit, self.runtime.sleep(limit)));
            let tried = timed(operation(attempt.begun(), last), timeout);
            let outcome = match first_of(stop.as_mut(), tried).await {
                Ok(_) => break End::Cancelled,
                Err(outcome) => outcome,
            };
            let (verdict, last) = match self.settle(attempt, outcome) {
                Ok(value) => return Ok(value),
                Err(failed) => failed,
            };
            let pause = match run.next(verdict, last) {
                Ok(pause) => pause,
                Err(end) => break end,
            };
            let pausing = Pausing { call: &mut run.call, runtime: run.runtime };
            for step in self.steps(&pause) {
                if first_of(stop.as_mut(), self.runtime.sleep(step)).await.is_ok() {
                    break 'call End::Cancelled;
                }
            }
            mem::forget(pausing); // nothing is left to cancel
        };
        Err(run.error(end))
    }

    /// Runs `operation` until it succeeds, the policy gives up or the circuit refuses, blocking the thread.
    ///
    /// An attempt timeout does not interrupt an attempt here: set one on the operation itself.
    ///
    /// # Errors
    /// [`Error::GaveUp`], [`Error::Rejected`] or [`Error::Ignored`]; [`Error::Cancelled`] where the runtime's sleep
    /// is interrupted.
    pub fn run_blocking<T, E, F>(&self, mut operation: F) -> Result<T, Error<E>>
    where
        R: BlockingSleep,
        K: Classifier<T, E>,
        F: FnMut() -> Result<T, E>,
    {
        self.run_blocking_with(move |_, _| operation())
    }

    /// [`run_blocking`](Self::run_blocking), where the operation is told how far the call has come and what the
    /// attempt before ended with.
    ///
    /// ```
    /// use retry_core::{Cause, Class, FakeClock, Policy, Retry};
    ///
    /// let clock = FakeClock::new();
    /// let servers = ["eu-west-1", "eu-central-1"]; // the second, once the first said no
    /// let used = Retry::new(&Policy::DEFAULT, &clock).run_blocking_with(|_, last| match last {
    ///     None => Err(Class::Network),
    ///     Some(Cause::Failed(Class::Network)) => Ok(servers[1]),
    ///     Some(_) => Ok(servers[0]),
    /// });
    /// assert_eq!(used, Ok("eu-central-1"));
    /// ```
    ///
    /// # Errors
    /// As [`run_blocking`](Self::run_blocking).
    pub fn run_blocking_with<T, E, F>(&self, mut operation: F) -> Result<T, Error<E>>
    where
        R: BlockingSleep,
        K: Classifier<T, E>,
        F: FnMut(Progress, Option<&Cause<E>>) -> Result<T, E>,
    {
        let mut run = self.start();
        let end = loop {
            if self.runtime.is_interrupted() {
                break run.abandon();
            }
            let (attempt, last) = match run.attempt() {
                Ok(begun) => begun,
                Err(end) => break end,
            };
            let outcome = operation(attempt.begun(), last).map_err(Cause::Failed);
            let (verdict, last) = match self.settle(attempt, outcome) {
                Ok(value) => return Ok(value),
                Err(failed) => failed,
            };
            let pause = match run.next(verdict, last) {
                Ok(pause) => pause,
                Err(end) => break end,
            };
            if self.steps(&pause).try_for_each(|step| self.runtime.sleep_blocking(step)) == Err(Interrupted) {
                break run.abandon();
            }
        };
        Err(run.error(end))
    }
}

impl<R, G, B, K, O> Retry<'_, R, G, B, K, O>
where
    R: Clock + Entropy,
    G: Gate,
    B: Budget,
    O: Observer + ?Sized,
{
    fn start<T, E>(&self) -> Run<'_, R, G, B, O, E>
    where
        K: Classifier<T, E>,
    {
        let Self { options, gate, budget, observer, runtime, .. } = self;
        let now = || runtime.now();
        let call = Call::with(*options, *gate, *budget, *observer, now);
        Run { call: if K::ASKS_TIME { call.timed(now) } else { call }, runtime, last: None }
    }

    /// Ends an attempt: its value, or what the call does now.
    fn settle<T, E>(
        &self,
        mut attempt: InFlight<'_, '_, R, G, B, O>,
        outcome: Result<T, Cause<E>>,
    ) -> Result<T, (Verdict, Last<E>)>
    where
        K: Classifier<T, E>,
    {
        let (cause, failure) = match outcome {
            Ok(value) => match self.classifier.unacceptable(&value) {
                None => {
                    attempt.succeed();
                    return Ok(value);
                }
                Some(failure) => (Cause::Unacceptable, failure),
            },
            Err(Cause::Failed(error)) => {
                let failure = self.classifier.failure(&error, attempt.progress(K::ASKS_TIME));
                (Cause::Failed(error), failure)
            }
            Err(cause) => (cause, Class::Timeout.into()),
        };
        Err((attempt.fail(failure), Last { cause, class: failure.class }))
    }

    /// What is slept, one after the other, until the next attempt.
    fn steps(&self, pause: &Pause) -> Steps<'_> {
        let Pause { delay, least } = *pause;
        match self.ready {
            Some(ready) if least < delay => {
                Steps { sure: Some(least), left: delay - least, ready: Some(ready) }
            }
            _ => Steps { sure: Some(delay), left: Duration::ZERO, ready: None },
        }
    }
}

/// One call on its way through a loop.
struct Run<'r, R, G: Gate, B: Budget, O: Observer + ?Sized, E> {
    call: Call<'r, G, B, O>,
    runtime: &'r R,
    last: Option<Last<E>>,
}

/// What the last attempt ended with.
struct Last<E> {
    cause: Cause<E>,
    class: Class,
}

/// An attempt, and what the one before ended with.
type Begun<'c, 'r, R, G, B, O, E> = (InFlight<'c, 'r, R, G, B, O>, Option<&'c Cause<E>>);

/// Why a call ends.
enum End {
    GaveUp(GiveUp),
    Rejected(Rejected),
    Cancelled,
}

struct Pause {
    delay: Duration,
    /// Below `delay` where readiness may end it early.
    least: Duration,
}

impl<'r, R: Clock + Entropy, G: Gate, B: Budget, O: Observer + ?Sized, E> Run<'r, R, G, B, O, E> {
    /// The next attempt, and what the one before ended with.
    fn attempt(&mut self) -> Result<Begun<'_, 'r, R, G, B, O, E>, End> {
        let Self { call, runtime, last } = self;
        let runtime = *runtime;
        match call.attempt(|| runtime.now()) {
            Ok(attempt) => {
                let last = last.as_ref().map(|last| &last.cause);
                Ok((InFlight { attempt: Some(attempt), runtime }, last))
            }
            Err(rejected) => Err(End::Rejected(rejected)),
        }
    }

    /// The sleep that the verdict asks for, or the end.
    fn next(&mut self, verdict: Verdict, last: Last<E>) -> Result<Pause, End> {
        self.last = Some(last);
        match verdict {
            Verdict::Retry(delay) => Ok(Pause { delay, least: self.call.earliest_retry() }),
            Verdict::GiveUp(reason) => Err(End::GaveUp(reason)),
            Verdict::Rejected(rejected) => Err(End::Rejected(rejected)),
        }
    }

    /// The call is cancelled between two attempts.
    fn abandon(&mut self) -> End {
        self.call.abandon(|| self.runtime.now());
        End::Cancelled
    }

    fn error(mut self, end: End) -> Error<E> {
        let when = self.runtime.now();
        let (cause, class) = self.last.map(|Last { cause, class }| (cause, class)).unzip();
        let context = self.call.context(when, class);
        match (end, cause) {
            (End::GaveUp(GiveUp::Ignored), Some(cause)) => Error::Ignored { cause, context },
            (End::GaveUp(reason), Some(cause)) => Error::GaveUp { reason, cause, context },
            (End::GaveUp(_), None) => unreachable!("`next` keeps the cause of every verdict"),
            (End::Rejected(rejected), cause) => Error::Rejected { rejected, cause, context },
            (End::Cancelled, cause) => Error::Cancelled { cause, context },
        }
    }
}

/// A sleep under way: a call that is dropped in it is cancelled, and its observer told when.
struct Pausing<'c, 'r, R: Clock, G: Gate, B: Budget, O: Observer + ?Sized> {
    call: &'c mut Call<'r, G, B, O>,
    runtime: &'r R,
}

impl<R: Clock, G: Gate, B: Budget, O: Observer + ?Sized> Drop for Pausing<'_, '_, R, G, B, O> {
    fn drop(&mut self) {
        self.call.abandon(|| self.runtime.now());
    }
}

/// An attempt and the clock of its runtime, so that a drop can tell the time, too.
struct InFlight<'c, 'a, R: Clock + Entropy, G: Gate, B: Budget, O: Observer + ?Sized> {
    attempt: Option<Attempt<'c, 'a, G, B, O>>,
    runtime: &'a R,
}

impl<R: Clock + Entropy, G: Gate, B: Budget, O: Observer + ?Sized> InFlight<'_, '_, R, G, B, O> {
    /// How far the call had come when the attempt began.
    fn begun(&self) -> Progress {
        match &self.attempt {
            Some(attempt) => attempt.begun(),
            None => unreachable!("only the methods that consume it take the attempt"),
        }
    }

    /// How far the call has come; the time only where it is `timed`.
    fn progress(&mut self, timed: bool) -> Progress {
        match &mut self.attempt {
            Some(attempt) if timed => attempt.progress(|| self.runtime.now()),
            Some(attempt) => attempt.begun(),
            None => unreachable!("only the methods that consume it take the attempt"),
        }
    }

    fn succeed(mut self) {
        if let Some(attempt) = self.attempt.take() {
            attempt.succeed(|| self.runtime.now());
        }
        mem::forget(self); // nothing is left to cancel
    }

    fn fail(mut self, failure: Failure) -> Verdict {
        match self.attempt.take() {
            Some(attempt) => attempt.fail_with(failure, || self.runtime.now(), || self.runtime.word()),
            None => unreachable!("only the methods that consume it take the attempt"),
        }
    }
}

impl<R: Clock + Entropy, G: Gate, B: Budget, O: Observer + ?Sized> Drop for InFlight<'_, '_, R, G, B, O> {
    fn drop(&mut self) {
        if let Some(attempt) = self.attempt.take() {
            attempt.cancel(|| self.runtime.now());
        }
    }
}

/// The parts of a pause: one that is sure, and then as many as the dependency is not ready for.
struct Steps<'a> {
    sure: Option<Duration>,
    left: Duration,
    ready: Option<Readiness<'a>>,
}

impl Iterator for Steps<'_> {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        if let Some(sure) = self.sure.take() {
            return Some(sure);
        }
        let Readiness { check, every } = self.ready?;
        if self.left.is_zero() || check() {
            return None;
        }
        // A step of nothing would ask for ever.
        let step = every.max(Duration::from_nanos(1)).min(self.left);
        self.left -= step;
        Some(step)
    }
}

/// What `future` ends with, or that it had no end in time.
async fn timed<T, E, S: Future>(
    future: impl Future<Output = Result<T, E>>,
    timeout: Option<(Duration, S)>,
) -> Result<T, Cause<E>> {
    match timeout {
        None => future.await.map_err(Cause::Failed),
        Some((limit, sleep)) => match first_of(future, sleep).await {
            Ok(outcome) => outcome.map_err(Cause::Failed),
            Err(_) => Err(Cause::TimedOut(limit)),
        },
    }
}

/// The output of `future`, or as an error that of `other`, whichever ends first; `future` where both do.
async fn first_of<A: Future, S: Future>(future: A, other: S) -> Result<A::Output, S::Output> {
    let (mut future, mut other) = (pin!(future), pin!(other));
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending => other.as_mut().poll(context).map(Err),
    })
    .await
}
