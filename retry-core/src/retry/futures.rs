//! The loop for futures.

use core::future::poll_fn;
use core::pin::{Pin, pin};
use core::task::Poll;

use super::Retry;
use super::keep::{Discard, Ends, Keep};
use super::one_call::{Never, OneCall, PollStop, Stop};
use super::step::{End, Missed, Run};
use crate::budget::Budget;
use crate::circuit::Gate;
use crate::classify::{Classifier, Progress};
use crate::error::{Cause, Error};
use crate::observe::Observer;
use crate::policy::Policies;
use crate::runtime::{Clock, Entropy, Sleep};

impl<R, P, G, B, K, O> Retry<R, P, G, B, K, O>
where
    R: Clock + Entropy,
    P: Policies,
    G: Gate,
    B: Budget,
    O: Observer,
{
    /// Runs an async operation until it succeeds, the policy gives up or the circuit refuses an attempt.
    ///
    /// The closure is called for each attempt, and returns that attempt's future. The call's future is `Send` if the
    /// closure, its futures and the `Retry` allow it.
    ///
    /// Dropping the future cancels the call. A half-open circuit then gets the slot of its probe back, and the budget
    /// gets back the price of a retry that had not begun. To stop a call and get its last error, use
    /// [`until`](Self::until).
    ///
    /// # If rustc says "captured variable cannot escape `FnMut` closure body"
    ///
    /// The operation's future borrows mutably what the closure captured, such as a `&mut` connection. `run` accepts
    /// only futures that own what they change. Use one of these:
    ///
    /// - [`run_mut`](Self::run_mut): `retry.run_mut(async || connection.query().await)`.
    /// - `run_mut_send`, with the feature `std`, if the call is spawned or must be `Send` for another reason:
    ///   `retry.run_mut_send(&mut connection, |connection| Box::pin(connection.query()))`.
    ///
    /// # Errors
    /// Returns an error if the call gives up, if the circuit refuses an attempt, or if the policy ignores the
    /// operation's error.
    pub fn run<T, E, F, A>(&self, mut operation: F) -> impl Future<Output = Result<T, Error<E>>>
    where
        R: Sleep,
        K: Classifier<T, E>,
        F: FnMut() -> A,
        A: Future<Output = Result<T, E>>,
    {
        self.run_with(move |_, _| operation())
    }

    /// Does the same as [`run`](Self::run), and tells the operation the progress of the call and the cause of the
    /// previous failure, which is `None` in the first attempt.
    ///
    /// The closure gets the cause by reference, but its future cannot borrow it. So copy what the future needs.
    ///
    /// ```
    /// use core::time::Duration;
    /// use retry_core::{Class, Jitter, Policy, Retry, testing::FakeClock};
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
    /// Returns an error if [`run`](Self::run) would return one.
    pub fn run_with<T, E, F, A>(&self, operation: F) -> impl Future<Output = Result<T, Error<E>>>
    where
        R: Sleep,
        K: Classifier<T, E>,
        F: FnMut(Progress, Option<&Cause<E>>) -> A,
        A: Future<Output = Result<T, E>>,
    {
        drive(self, Never, Discard, operation)
    }
}

impl<R, P, G, B, K, O, S, V> OneCall<'_, Retry<R, P, G, B, K, O>, S, V>
where
    R: Clock + Entropy,
    P: Policies,
    G: Gate,
    B: Budget,
    O: Observer,
    S: Stop,
{
    /// Runs `operation` as [`Retry::run`] does.
    ///
    /// # Errors
    /// Returns an error if [`Retry::run`] would return one, or if the stop signal ends the call.
    pub fn run<T, E, F, A>(self, mut operation: F) -> impl Future<Output = Result<T, Error<E>>>
    where
        R: Sleep,
        K: Classifier<T, E>,
        F: FnMut() -> A,
        A: Future<Output = Result<T, E>>,
        V: Keep<T>,
    {
        self.run_with(move |_, _| operation())
    }

    /// Runs `operation` as [`Retry::run_with`] does.
    ///
    /// # Errors
    /// Returns an error if [`run`](Self::run) would return one.
    pub fn run_with<T, E, F, A>(self, operation: F) -> impl Future<Output = Result<T, Error<E>>>
    where
        R: Sleep,
        K: Classifier<T, E>,
        F: FnMut(Progress, Option<&Cause<E>>) -> A,
        A: Future<Output = Result<T, E>>,
        V: Keep<T>,
    {
        self.run_as(operation)
    }

    #[allow(clippy::manual_async_fn)] // an async fn would store its arguments twice
    pub(crate) fn run_as<T, E, X, F, A>(self, operation: F) -> impl Future<Output = Result<T, X>>
    where
        R: Sleep,
        K: Classifier<T, E>,
        F: FnMut(Progress, Option<&Cause<E>>) -> A,
        A: Future<Output = Result<T, E>>,
        V: Keep<T>,
        X: Ends<T, E, V>,
    {
        async move {
            let Self { retry, stop, keep } = self;
            let mut stop = pin!(stop);
            if S::CAN && is_over(&mut stop).await {
                return Run::start(retry).end::<T, V, X>(End::Cancelled);
            }
            drive(retry, stop, keep, operation).await
        }
    }
}

/// Runs a call until it ends, or until `stop` is ready. This function itself runs only the first attempt, because most
/// calls end with it.
#[allow(clippy::manual_async_fn)] // an async fn would store its arguments twice
fn drive<T, E, X, F, A, R, P, G, B, K, O, V>(
    retry: &Retry<R, P, G, B, K, O>,
    mut stop: impl PollStop,
    _: V,
    mut operation: F,
) -> impl Future<Output = Result<T, X>>
where
    X: Ends<T, E, V>,
    F: FnMut(Progress, Option<&Cause<E>>) -> A,
    A: Future<Output = Result<T, E>>,
    R: Sleep + Entropy,
    P: Policies,
    G: Gate,
    B: Budget,
    K: Classifier<T, E>,
    O: Observer,
    V: Keep<T>,
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
                match run.judge::<T, V>(outcome) {
                    Ok(value) => return Ok(value),
                    Err(missed) => missed,
                }
            }
            Err(end) => Missed::Ended(end),
        };
        go_on::<_, _, _, _, _, _, _, _, _, _, _, V>(&mut run, missed, &mut stop, &mut operation).await
    }
}

/// Runs a call from the end of its first attempt on.
async fn go_on<T, E, X, F, A, R, P, G, B, K, O, V>(
    run: &mut Run<'_, R, P, G, B, K, O, E, V::Slot>,
    mut missed: Missed<E>,
    stop: &mut impl PollStop,
    operation: &mut F,
) -> Result<T, X>
where
    X: Ends<T, E, V>,
    F: FnMut(Progress, Option<&Cause<E>>) -> A,
    A: Future<Output = Result<T, E>>,
    R: Sleep + Entropy,
    P: Policies,
    G: Gate,
    B: Budget,
    K: Classifier<T, E>,
    O: Observer,
    V: Keep<T>,
{
    let end = 'call: loop {
        let steps = match run.settle_timed::<T, V>(missed) {
            Ok(steps) => steps,
            Err(end) => break end,
        };
        for step in steps {
            let sleep = pin!(run.runtime().sleep(step));
            if let Err(end) = slept(stop, sleep).await {
                break 'call end;
            }
        }
        if let Err(end) = run.begin_next() {
            break end;
        }
        let outcome = {
            let future = pin!(operation(run.progress(), run.last()));
            let timeout = pin!(run.timeout());
            outcome(stop, future, timeout).await
        };
        match run.judge::<T, V>(outcome) {
            Ok(value) => return Ok(value),
            Err(again) => missed = again,
        }
    };
    run.end::<T, V, X>(end)
}

/// Whether `stop` is ready before the first attempt. The call then ends without one.
pub(super) fn is_over(stop: &mut impl PollStop) -> impl Future<Output = bool> {
    poll_fn(|context| Poll::Ready(stop.poll_stop(context).is_ready()))
}

/// Drives an attempt until it ends, is stopped, or exceeds its time limit.
pub(super) fn outcome<T, E>(
    stop: &mut impl PollStop,
    mut future: Pin<&mut impl Future<Output = Result<T, E>>>,
    mut timeout: Pin<&mut Option<impl Future>>,
) -> impl Future<Output = Result<T, Missed<E>>> {
    poll_fn(move |context| {
        if stop.poll_stop(context).is_ready() {
            return Poll::Ready(Err(Missed::Ended(End::Cancelled)));
        }
        if let Poll::Ready(outcome) = future.as_mut().poll(context) {
            return Poll::Ready(outcome.map_err(Missed::Error));
        }
        match timeout.as_mut().as_pin_mut().map(|timeout| timeout.poll(context)) {
            Some(Poll::Ready(_)) => Poll::Ready(Err(Missed::TimedOut)),
            _ => Poll::Pending,
        }
    })
}

/// Waits until `sleep` ends or the call is stopped.
pub(super) fn slept(
    stop: &mut impl PollStop,
    mut sleep: Pin<&mut impl Future>,
) -> impl Future<Output = Result<(), End>> {
    poll_fn(move |context| {
        if stop.poll_stop(context).is_ready() {
            return Poll::Ready(Err(End::Cancelled));
        }
        sleep.as_mut().poll(context).map(|_| Ok(()))
    })
}
