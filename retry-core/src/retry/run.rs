//! The loops: one for futures, one for blocking code, over the same steps.

use core::future::poll_fn;
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
use crate::runtime::{BlockingSleep, Clock, Entropy, Sleep};
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
    pub async fn run<T, E, F, A>(&self, operation: F) -> Result<T, Error<E>>
    where
        R: Sleep,
        K: Classifier<T, E>,
        F: FnMut() -> A,
        A: Future<Output = Result<T, E>>,
    {
        let mut run = self.start();
        match self.drive(&mut run, operation).await {
            Ok(value) => Ok(value),
            Err(end) => Err(run.error(end)),
        }
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
    pub async fn run_until<T, E, F, A>(&self, stop: impl Future, operation: F) -> Result<T, Error<E>>
    where
        R: Sleep,
        K: Classifier<T, E>,
        F: FnMut() -> A,
        A: Future<Output = Result<T, E>>,
    {
        let mut run = self.start();
        let end = match first_of(stop, self.drive(&mut run, operation)).await {
            Err(Ok(value)) => return Ok(value),
            Err(Err(end)) => end,
            Ok(_) => End::Cancelled,
        };
        Err(run.error(end))
    }

    /// Runs `operation` until it succeeds, the policy gives up or the circuit refuses, blocking the thread.
    ///
    /// An attempt timeout does not interrupt an attempt here: set one on the operation itself.
    ///
    /// # Errors
    /// [`Error::GaveUp`], [`Error::Rejected`] or [`Error::Ignored`].
    pub fn run_blocking<T, E, F>(&self, mut operation: F) -> Result<T, Error<E>>
    where
        R: BlockingSleep,
        K: Classifier<T, E>,
        F: FnMut() -> Result<T, E>,
    {
        let mut run = self.start();
        let end = loop {
            let attempt = match run.attempt() {
                Ok(attempt) => attempt,
                Err(end) => break end,
            };
            let (verdict, last) = match self.settle(attempt, operation().map_err(Cause::Failed)) {
                Ok(value) => return Ok(value),
                Err(failed) => failed,
            };
            match run.next(verdict, last) {
                Ok(pause) => self.steps(&pause).for_each(|step| self.runtime.sleep_blocking(step)),
                Err(end) => break end,
            }
        };
        Err(run.error(end))
    }

    async fn drive<T, E, F, A>(&self, run: &mut Run<'_, R, G, B, O, E>, mut operation: F) -> Result<T, End>
    where
        R: Sleep,
        K: Classifier<T, E>,
        F: FnMut() -> A,
        A: Future<Output = Result<T, E>>,
    {
        loop {
            let attempt = run.attempt()?;
            let outcome = match self.options.policy.timeout_of_attempt() {
                None => operation().await.map_err(Cause::Failed),
                Some(limit) => match first_of(operation(), self.runtime.sleep(limit)).await {
                    Ok(outcome) => outcome.map_err(Cause::Failed),
                    Err(()) => Err(Cause::TimedOut(limit)),
                },
            };
            let (verdict, last) = match self.settle(attempt, outcome) {
                Ok(value) => return Ok(value),
                Err(failed) => failed,
            };
            let pause = run.next(verdict, last)?;
            let pausing = Pausing { call: &mut run.call, runtime: run.runtime };
            for step in self.steps(&pause) {
                self.runtime.sleep(step).await;
            }
            mem::forget(pausing); // nothing is left to cancel
        }
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
    fn attempt(&mut self) -> Result<InFlight<'_, 'r, R, G, B, O>, End> {
        let runtime = self.runtime;
        match self.call.attempt(|| runtime.now()) {
            Ok(attempt) => Ok(InFlight { attempt: Some(attempt), runtime }),
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
    fn progress(&mut self, timed: bool) -> Progress {
        match &mut self.attempt {
            Some(attempt) if timed => attempt.progress(|| self.runtime.now()),
            Some(attempt) => Progress::new(attempt.number(), None),
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

/// The output of `future`, or as an error that of `other`, whichever ends first; `future` where both do.
async fn first_of<A: Future, S: Future>(future: A, other: S) -> Result<A::Output, S::Output> {
    let (mut future, mut other) = (pin!(future), pin!(other));
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending => other.as_mut().poll(context).map(Err),
    })
    .await
}
