//! The loop for blocking code.

use super::Retry;
use super::keep::{Discard, Ends, Keep};
use super::one_call::{Never, OneCall};
use super::step::{End, Missed, Run};
use crate::budget::Budget;
use crate::circuit::Gate;
use crate::classify::{Classifier, Progress};
use crate::error::{Cause, Error};
use crate::observe::Observer;
use crate::policy::Policies;
use crate::runtime::{BlockingSleep, Clock, Entropy, Interrupted};

impl<R, P, G, B, K, O> Retry<R, P, G, B, K, O>
where
    R: Clock + Entropy,
    P: Policies,
    G: Gate,
    B: Budget,
    O: Observer,
{
    /// Runs `operation` until it succeeds, the policy gives up or the circuit refuses, blocking the thread.
    ///
    /// Neither an attempt timeout nor the total timeout interrupts an attempt here: set one on the operation itself. By
    /// [`run_blocking_with`](Self::run_blocking_with) it is told what is left of the total timeout.
    ///
    /// # Errors
    /// Returns an error if the call gives up, is refused by the circuit or ends with an error that the policy ignores,
    /// and if the runtime's sleep is interrupted.
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
    /// use retry_core::{testing::FakeClock, Cause, Class, Policy, Retry};
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
    pub fn run_blocking_with<T, E, F>(&self, operation: F) -> Result<T, Error<E>>
    where
        R: BlockingSleep,
        K: Classifier<T, E>,
        F: FnMut(Progress, Option<&Cause<E>>) -> Result<T, E>,
    {
        run(self, Discard, operation)
    }
}

impl<R, P, G, B, K, O, V> OneCall<'_, Retry<R, P, G, B, K, O>, Never, V>
where
    R: Clock + Entropy,
    P: Policies,
    G: Gate,
    B: Budget,
    O: Observer,
{
    /// Runs `operation` as [`Retry::run_blocking`] does.
    ///
    /// # Errors
    /// As [`Retry::run_blocking`].
    pub fn run_blocking<T, E, F>(self, mut operation: F) -> Result<T, Error<E>>
    where
        R: BlockingSleep,
        K: Classifier<T, E>,
        F: FnMut() -> Result<T, E>,
        V: Keep<T>,
    {
        self.run_blocking_with(move |_, _| operation())
    }

    /// Runs `operation` as [`Retry::run_blocking_with`] does.
    ///
    /// # Errors
    /// As [`Retry::run_blocking`].
    pub fn run_blocking_with<T, E, F>(self, operation: F) -> Result<T, Error<E>>
    where
        R: BlockingSleep,
        K: Classifier<T, E>,
        F: FnMut(Progress, Option<&Cause<E>>) -> Result<T, E>,
        V: Keep<T>,
    {
        self.run_blocking_as(operation)
    }

    #[inline]
    pub(crate) fn run_blocking_as<T, E, X, F>(self, operation: F) -> Result<T, X>
    where
        R: BlockingSleep,
        K: Classifier<T, E>,
        F: FnMut(Progress, Option<&Cause<E>>) -> Result<T, E>,
        V: Keep<T>,
        X: Ends<T, E, V>,
    {
        run(self.retry, self.keep, operation)
    }
}

/// A call until it ends.
#[inline]
fn run<T, E, X, F, R, P, G, B, K, O, V>(
    retry: &Retry<R, P, G, B, K, O>,
    _: V,
    mut operation: F,
) -> Result<T, X>
where
    X: Ends<T, E, V>,
    F: FnMut(Progress, Option<&Cause<E>>) -> Result<T, E>,
    R: BlockingSleep + Entropy,
    P: Policies,
    G: Gate,
    B: Budget,
    K: Classifier<T, E>,
    O: Observer,
    V: Keep<T>,
{
    let mut run = Run::start(retry);
    loop {
        let missed = match attempt::<_, _, _, _, _, _, _, _, _, V>(&mut run, &mut operation) {
            Ok(value) => {
                run.done();
                return Ok(value);
            }
            Err(missed) => missed,
        };
        if cfg!(target_pointer_width = "64") {
            return go_on::<_, _, _, _, _, _, _, _, _, _, V>(run, missed, operation);
        }
        // On a small machine all is in one place, where what a constant policy does not ask for is not there.
        if let Err(end) = pause::<_, _, _, _, _, _, _, _, V>(&mut run, missed) {
            let ended = run.end::<T, V, X>(end);
            run.done();
            return ended;
        }
    }
}

/// The call from the end of its first attempt on. Everything is handed over by value: a call that succeeds at once
/// keeps nothing in memory for it.
#[cold]
#[inline(never)]
fn go_on<T, E, X, F, R, P, G, B, K, O, V>(
    mut run: Run<'_, R, P, G, B, K, O, E, V::Slot>,
    mut missed: Missed<E>,
    mut operation: F,
) -> Result<T, X>
where
    X: Ends<T, E, V>,
    F: FnMut(Progress, Option<&Cause<E>>) -> Result<T, E>,
    R: BlockingSleep + Entropy,
    P: Policies,
    G: Gate,
    B: Budget,
    K: Classifier<T, E>,
    O: Observer,
    V: Keep<T>,
{
    loop {
        if let Err(end) = pause::<_, _, _, _, _, _, _, _, V>(&mut run, missed) {
            let ended = run.end::<T, V, X>(end);
            run.done();
            return ended;
        }
        match attempt::<_, _, _, _, _, _, _, _, _, V>(&mut run, &mut operation) {
            Ok(value) => return Ok(value),
            Err(again) => missed = again,
        }
    }
}

/// Sleeps until the next attempt, if there is one.
#[cfg_attr(not(target_pointer_width = "64"), inline(always))]
fn pause<T, E, R, P, G, B, K, O, V>(
    run: &mut Run<'_, R, P, G, B, K, O, E, V::Slot>,
    missed: Missed<E>,
) -> Result<(), End>
where
    R: BlockingSleep + Entropy,
    P: Policies,
    G: Gate,
    B: Budget,
    K: Classifier<T, E>,
    O: Observer,
    V: Keep<T>,
{
    let mut steps = run.settle::<T, V>(missed)?;
    let slept = steps.try_for_each(|step| run.runtime().sleep_blocking(step));
    slept.map_err(|Interrupted| End::Cancelled)?;
    run.check_time()
}

// In each of the two places: the first attempt keeps what it can in registers.
#[inline(always)]
fn attempt<T, E, F, R, P, G, B, K, O, V>(
    run: &mut Run<'_, R, P, G, B, K, O, E, V::Slot>,
    operation: &mut F,
) -> Result<T, Missed<E>>
where
    F: FnMut(Progress, Option<&Cause<E>>) -> Result<T, E>,
    R: BlockingSleep + Entropy,
    P: Policies,
    G: Gate,
    B: Budget,
    K: Classifier<T, E>,
    O: Observer,
    V: Keep<T>,
{
    if run.runtime().is_interrupted() {
        return Err(Missed::Ended(End::Cancelled));
    }
    run.begin().map_err(Missed::Ended)?;
    let outcome = operation(run.progress(), run.last());
    run.judge::<T, V>(outcome.map_err(Missed::Error))
}
