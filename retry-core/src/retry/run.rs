//! The loop for futures.

use core::convert::Infallible;
use core::future::{pending, poll_fn};
use core::pin::{Pin, pin};
use core::task::Poll;

use super::Retry;
use super::step::{End, Miss, Missed, Run};
use crate::budget::Budget;
use crate::circuit::Gate;
use crate::classify::{Classifier, Progress};
use crate::error::{Cause, Error};
use crate::observe::Observer;
use crate::runtime::{Clock, Entropy, Sleep};

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
    /// use retry_core::{testing::FakeClock, Class, Jitter, Policy, Retry};
    ///
    /// const POLICY: Policy =
    ///     Policy::fixed(Duration::from_secs(1)).jitter(Jitter::None).start_within(Duration::from_secs(10));
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
        drive(self, pending::<Infallible>(), operation)
    }

    /// [`run`](Self::run), until `stop` ends: then the attempt or the sleep under way is dropped.
    ///
    /// ```
    /// use core::time::Duration;
    /// use retry_core::{runtime::Sleep, testing::FakeClock, Class, Policy, Retry};
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
    pub async fn run_until_with<T, E, F, A>(&self, stop: impl Future, operation: F) -> Result<T, Error<E>>
    where
        R: Sleep,
        K: Classifier<T, E>,
        F: FnMut(Progress, Option<&Cause<E>>) -> A,
        A: Future<Output = Result<T, E>>,
    {
        let mut stop = pin!(stop);
        // Stopped already, nothing is tried.
        if poll_fn(|context| Poll::Ready(stop.as_mut().poll(context).is_ready())).await {
            return Err(Run::start(self).error(End::Cancelled));
        }
        drive(self, stop, operation).await
    }
}

/// A call until it ends, or `stop` does. Up to the end of its first attempt here, as most go no further.
#[allow(clippy::manual_async_fn)] // whose arguments would be stored twice
fn drive<T, E, F, A, R, G, B, K, O>(
    retry: &Retry<'_, R, G, B, K, O>,
    mut stop: impl Future + Unpin,
    mut operation: F,
) -> impl Future<Output = Result<T, Error<E>>>
where
    F: FnMut(Progress, Option<&Cause<E>>) -> A,
    A: Future<Output = Result<T, E>>,
    R: Sleep + Entropy,
    G: Gate,
    B: Budget,
    K: Classifier<T, E>,
    O: Observer + ?Sized,
{
    async move {
        let mut run = Run::start(retry);
        let missed = match run.begin() {
            Ok(()) => {
                let outcome = {
                    let future = pin!(operation(run.progress(), None));
                    let timeout = pin!(run.timeout());
                    outcome(&mut stop, future, timeout).await
                };
                match run.judge(outcome) {
                    Ok(value) => return Ok(value),
                    Err(missed) => missed,
                }
            }
            Err(end) => Missed::Ended(end),
        };
        go_on(&mut run, missed, &mut stop, &mut operation).await
    }
}

/// The call from the end of its first attempt on.
async fn go_on<T, E, F, A, R, G, B, K, O>(
    run: &mut Run<'_, '_, R, G, B, K, O, E>,
    mut missed: Missed<E>,
    stop: &mut (impl Future + Unpin),
    operation: &mut F,
) -> Result<T, Error<E>>
where
    F: FnMut(Progress, Option<&Cause<E>>) -> A,
    A: Future<Output = Result<T, E>>,
    R: Sleep + Entropy,
    G: Gate,
    B: Budget,
    K: Classifier<T, E>,
    O: Observer + ?Sized,
{
    let end = 'call: loop {
        let steps = match run.settle_timed(missed) {
            Ok(steps) => steps,
            Err(end) => break end,
        };
        for step in steps {
            let sleep = pin!(run.runtime().sleep(step));
            if first_of(&mut *stop, sleep).await.is_ok() {
                break 'call End::Cancelled;
            }
        }
        if let Err(end) = run.begin_next() {
            break end;
        }
        let outcome = {
            let future = pin!(operation(run.progress(), run.last()));
            let timeout = pin!(run.timeout());
            outcome(&mut *stop, future, timeout).await
        };
        match run.judge(outcome) {
            Ok(value) => return Ok(value),
            Err(again) => missed = again,
        }
    };
    Err(run.error(end))
}

/// What an attempt ends with, unless it is stopped or takes too long.
fn outcome<T, E>(
    stop: &mut (impl Future + Unpin),
    mut future: Pin<&mut impl Future<Output = Result<T, E>>>,
    mut timeout: Pin<&mut Option<impl Future>>,
) -> impl Future<Output = Result<T, Missed<E>>> {
    poll_fn(move |context| {
        if Pin::new(&mut *stop).poll(context).is_ready() {
            return Poll::Ready(Err(Missed::Ended(End::Cancelled)));
        }
        if let Poll::Ready(outcome) = future.as_mut().poll(context) {
            return Poll::Ready(outcome.map_err(|error| Missed::Failed(Miss::Failed(error))));
        }
        match timeout.as_mut().as_pin_mut().map(|timeout| timeout.poll(context)) {
            Some(Poll::Ready(_)) => Poll::Ready(Err(Missed::Failed(Miss::TimedOut))),
            _ => Poll::Pending,
        }
    })
}

/// The output of `future`, or as an error that of `other`, whichever ends first; `future` where both do.
fn first_of<A: Future + Unpin, S: Future + Unpin>(
    mut future: A,
    mut other: S,
) -> impl Future<Output = Result<A::Output, S::Output>> {
    poll_fn(move |context| match Pin::new(&mut future).poll(context) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending => Pin::new(&mut other).poll(context).map(Err),
    })
}
