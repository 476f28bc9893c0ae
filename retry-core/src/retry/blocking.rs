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
    /// Runs a blocking operation until it succeeds, the policy gives up or the circuit refuses an attempt. The thread
    /// sleeps between the attempts.
    ///
    /// An attempt always runs to its end, because the loop cannot interrupt blocking code. So set a timeout on the
    /// operation itself, such as on its socket. The policy's timeouts are checked between the attempts.
    /// [`run_blocking_with`](Self::run_blocking_with) tells the operation how much of the total timeout is left.
    ///
    /// The operation may change what it borrows. If the `Retry` is in the same struct, keep what an attempt changes in
    /// a field of its own, and borrow only that field. A closure that uses all of `&mut self` fails to compile with
    /// E0500, because `self.retry` is borrowed during the call:
    ///
    /// ```compile_fail,E0500
    /// # use retry_core::{Class, Error, Policy, Retry, testing::FakeClock};
    /// # struct Client { retry: Retry<FakeClock, Policy>, sent: u32 }
    /// # impl Client {
    /// #     fn try_it(&mut self) -> Result<u32, Class> { Ok(7) }
    /// fn count(&mut self) -> Result<u32, Error<Class>> {
    ///     self.retry.run_blocking(|| self.try_it())
    /// }
    /// # }
    /// ```
    ///
    /// ```
    /// use retry_core::{Class, Error, Policy, Retry, testing::FakeClock};
    ///
    /// struct Client {
    ///     retry: Retry<FakeClock, Policy>,
    ///     connection: Connection, // what an attempt changes
    /// }
    ///
    /// struct Connection {
    ///     sent: u32,
    /// }
    ///
    /// impl Connection {
    ///     fn try_it(&mut self) -> Result<u32, Class> {
    ///         self.sent += 1;
    ///         if self.sent < 3 { Err(Class::Network) } else { Ok(7) }
    ///     }
    /// }
    ///
    /// impl Client {
    ///     fn count(&mut self) -> Result<u32, Error<Class>> {
    ///         self.retry.run_blocking(|| self.connection.try_it())
    ///     }
    /// }
    ///
    /// let retry = Retry::new(Policy::DEFAULT, FakeClock::new());
    /// let mut client = Client { retry, connection: Connection { sent: 0 } };
    /// assert_eq!(client.count(), Ok(7));
    /// assert_eq!(client.connection.sent, 3);
    /// ```
    ///
    /// # Errors
    /// Returns an error if the call gives up, if the circuit refuses an attempt, if the policy ignores the operation's
    /// error, or if the runtime interrupts the call.
    pub fn run_blocking<T, E, F>(&self, mut operation: F) -> Result<T, Error<E>>
    where
        R: BlockingSleep,
        K: Classifier<T, E>,
        F: FnMut() -> Result<T, E>,
    {
        self.run_blocking_with(move |_, _| operation())
    }

    /// Does the same as [`run_blocking`](Self::run_blocking), and tells the operation the progress of the call and the
    /// cause of the previous failure, which is `None` in the first attempt.
    ///
    /// ```
    /// use retry_core::{testing::FakeClock, Cause, Class, Policy, Retry};
    ///
    /// let clock = FakeClock::new();
    /// let servers = ["eu-west-1", "eu-central-1"]; // the second is asked after the first has failed
    /// let used = Retry::new(&Policy::DEFAULT, &clock).run_blocking_with(|_, last| match last {
    ///     None => Err(Class::Network),
    ///     Some(Cause::Failed(Class::Network)) => Ok(servers[1]),
    ///     Some(_) => Ok(servers[0]),
    /// });
    /// assert_eq!(used, Ok("eu-central-1"));
    /// ```
    ///
    /// # Errors
    /// Returns an error if [`run_blocking`](Self::run_blocking) would return one.
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
    /// Returns an error if [`Retry::run_blocking`] would return one.
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
    /// Returns an error if [`Retry::run_blocking`] would return one.
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

/// Runs a call to its end.
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
        // On a small target, everything is in one function, so that the compiler drops what a constant policy leaves
        // unused.
        if let Err(end) = pause::<_, _, _, _, _, _, _, _, V>(&mut run, missed) {
            let ended = run.end::<T, V, X>(end);
            run.done();
            return ended;
        }
    }
}

/// Runs a call from the end of its first attempt on. All arguments are passed by value, so a call that succeeds at
/// once needs no memory for them.
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

/// Sleeps until the next attempt, or returns why the call ends.
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

// Inlined in both loops, so that the first attempt stays in registers.
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
