//! The loops for operations that borrow what they change, such as a connection or a buffer.

use core::pin::pin;

use super::Retry;
use super::futures::{is_over, outcome, slept};
use super::keep::{Ends, Keep};
use super::one_call::{OneCall, Stop};
use super::step::{End, Missed, Run};
use crate::budget::Budget;
use crate::circuit::Gate;
use crate::classify::Classifier;
use crate::error::Error;
use crate::observe::Observer;
use crate::policy::Policies;
use crate::runtime::{Clock, Entropy, Sleep};

/// Runs a whole call. The future of each attempt is the value of `$operation`, an expression that may borrow.
macro_rules! drive {
    ($call:expr, $operation:expr) => {{
        let OneCall { retry, stop, keep: _ } = $call;
        let mut stop = pin!(stop);
        let mut run = Run::start(retry);
        let mut missed =
            if S::CAN && is_over(&mut stop).await { Some(Missed::Ended(End::Cancelled)) } else { None };
        let end = 'call: loop {
            if let Some(missed) = missed.take() {
                match run.settle_timed::<T, V>(missed) {
                    Ok(steps) => {
                        for step in steps {
                            let sleep = pin!(run.runtime().sleep(step));
                            if let Err(end) = slept(&mut stop, sleep).await {
                                break 'call end;
                            }
                        }
                    }
                    Err(end) => break end,
                }
            }
            if let Err(end) = run.begin_next() {
                break end;
            }
            let outcome = {
                let future = pin!($operation);
                let timeout = pin!(run.timeout());
                outcome(&mut stop, future, timeout).await
            };
            match run.judge::<T, V>(outcome) {
                Ok(value) => return Ok(value),
                Err(again) => missed = Some(again),
            }
        };
        run.end::<T, V, X>(end)
    }};
}

impl<R, P, G, B, K, O> Retry<R, P, G, B, K, O>
where
    R: Clock + Entropy,
    P: Policies,
    G: Gate,
    B: Budget,
    O: Observer,
{
    /// Does the same as [`run`](Self::run), for an async closure that mutably borrows what it captured.
    ///
    /// The future of this call is not `Send`. In `tokio::spawn`, rustc reports "implementation of `Send` is not general
    /// enough". The form to spawn is `run_mut_send`, with the feature `std`.
    ///
    /// ```
    /// use retry_core::{Class, Policy, Retry, testing::FakeClock};
    ///
    /// struct Connection { queries: u32 }
    ///
    /// impl Connection {
    ///     async fn query(&mut self) -> Result<u32, Class> {
    ///         self.queries += 1;
    ///         if self.queries < 3 { Err(Class::Network) } else { Ok(7) }
    ///     }
    /// }
    ///
    /// let (clock, mut connection) = (FakeClock::new(), Connection { queries: 0 });
    /// let retry = Retry::new(&Policy::DEFAULT, &clock);
    /// assert_eq!(clock.run(retry.run_mut(async || connection.query().await)), Ok(7));
    /// assert_eq!(connection.queries, 3);
    /// ```
    ///
    /// # Errors
    /// Returns an error if [`run`](Self::run) would return one.
    pub async fn run_mut<T, E, F>(&self, operation: F) -> Result<T, Error<E>>
    where
        R: Sleep,
        K: Classifier<T, E>,
        F: AsyncFnMut() -> Result<T, E>,
    {
        self.one_call().run_mut(operation).await
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
    /// Runs `operation` as [`Retry::run_mut`] does.
    ///
    /// # Errors
    /// Returns an error if [`Retry::run`] would return one, or if the stop signal ends the call.
    pub async fn run_mut<T, E, F>(self, operation: F) -> Result<T, Error<E>>
    where
        R: Sleep,
        K: Classifier<T, E>,
        F: AsyncFnMut() -> Result<T, E>,
        V: Keep<T>,
    {
        self.run_mut_as(operation).await
    }

    pub(crate) async fn run_mut_as<T, E, X, F>(self, mut operation: F) -> Result<T, X>
    where
        R: Sleep,
        K: Classifier<T, E>,
        F: AsyncFnMut() -> Result<T, E>,
        V: Keep<T>,
        X: Ends<T, E, V>,
    {
        drive!(self, operation())
    }
}

#[cfg(feature = "std")]
pub(crate) use send::AttemptFuture;

#[cfg(feature = "std")]
mod send {
    use core::pin::{Pin, pin};
    use std::boxed::Box;

    use super::*;

    impl<R, P, G, B, K, O> Retry<R, P, G, B, K, O>
    where
        R: Clock + Entropy,
        P: Policies,
        G: Gate,
        B: Budget,
        O: Observer,
    {
        /// Does the same as [`run`](Self::run), for an operation that changes `state`. The future can be spawned.
        ///
        /// Each attempt borrows the state. If a timeout ends the attempt, the state stays as the attempt left it.
        ///
        /// The operation returns its future in a box, `Box::pin(..)`, and that future must be `Send`. Then a spawned
        /// `async move` block can own the state and await this call.
        ///
        /// ```
        /// use retry_core::{Class, Policy, Retry, testing::FakeClock};
        ///
        /// struct Connection { queries: u32 }
        ///
        /// impl Connection {
        ///     async fn query(&mut self) -> Result<u32, Class> {
        ///         self.queries += 1;
        ///         if self.queries < 3 { Err(Class::Network) } else { Ok(7) }
        ///     }
        /// }
        ///
        /// let (clock, mut connection) = (FakeClock::new(), Connection { queries: 0 });
        /// let retry = Retry::new(&Policy::DEFAULT, &clock);
        /// let count = retry.run_mut_send(&mut connection, |connection| Box::pin(connection.query()));
        /// assert_eq!(clock.run(count), Ok(7));
        /// assert_eq!(connection.queries, 3);
        /// ```
        ///
        /// # Errors
        /// Returns an error if [`run`](Self::run) would return one.
        pub async fn run_mut_send<M, T, E, F>(&self, state: &mut M, operation: F) -> Result<T, Error<E>>
        where
            R: Sleep,
            K: Classifier<T, E>,
            F: for<'s> FnMut(&'s mut M) -> AttemptFuture<'s, T, E>,
        {
            self.one_call().run_mut_send(state, operation).await
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
        /// Runs `operation` as [`Retry::run_mut_send`] does.
        ///
        /// # Errors
        /// Returns an error if [`Retry::run`] would return one, or if the stop signal ends the call.
        pub async fn run_mut_send<M, T, E, F>(self, state: &mut M, operation: F) -> Result<T, Error<E>>
        where
            R: Sleep,
            K: Classifier<T, E>,
            F: for<'s> FnMut(&'s mut M) -> AttemptFuture<'s, T, E>,
            V: Keep<T>,
        {
            self.run_mut_send_as(state, operation).await
        }

        pub(crate) async fn run_mut_send_as<M, T, E, X, F>(
            self,
            state: &mut M,
            mut operation: F,
        ) -> Result<T, X>
        where
            R: Sleep,
            K: Classifier<T, E>,
            F: for<'s> FnMut(&'s mut M) -> AttemptFuture<'s, T, E>,
            V: Keep<T>,
            X: Ends<T, E, V>,
        {
            drive!(self, operation(&mut *state))
        }
    }

    /// The future of one attempt, which borrows the state.
    pub(crate) type AttemptFuture<'s, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 's>>;
}
