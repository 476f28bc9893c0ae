//! Calls as a method of the operation: `operation.retry(&retry)`.

use super::Retry;
use crate::budget::Budget;
use crate::circuit::Gate;
use crate::classify::Classifier;
use crate::error::Error;
use crate::observe::Observer;
use crate::policy::Policies;
use crate::runtime::{BlockingSleep, Entropy, Sleep};

/// The methods `retry` and `retry_blocking` of closures and functions without arguments: `fetch.retry(&retry)` instead
/// of `retry.run(fetch)`.
///
/// ```
/// use retry_core::{testing::FakeClock, Class, Policy, Retry, Retryable};
///
/// let clock = FakeClock::new();
/// let stock = Retry::new(&Policy::DEFAULT, &clock).named("stock.read");
///
/// let mut answers = [Err(Class::Timeout), Ok(7)].into_iter();
/// let mut query = || answers.next().unwrap(); // it may borrow, and change what it borrows
/// assert_eq!(query.retry_blocking(&stock), Ok(7));
///
/// async fn fetch() -> Result<u32, Class> {
///     Ok(8)
/// }
/// assert_eq!(clock.run(fetch.retry(&stock)), Ok(8));
/// ```
pub trait Retryable: Sized {
    /// Runs the operation as [`Retry::run`] does.
    ///
    /// # Errors
    /// Returns an error if [`Retry::run`] would return one.
    fn retry<T, E, A, R, P, G, B, K, O>(
        self,
        retry: &Retry<R, P, G, B, K, O>,
    ) -> impl Future<Output = Result<T, Error<E>>>
    where
        Self: FnMut() -> A,
        A: Future<Output = Result<T, E>>,
        R: Sleep + Entropy,
        P: Policies,
        G: Gate,
        B: Budget,
        K: Classifier<T, E>,
        O: Observer,
    {
        retry.run(self)
    }

    /// Runs the operation as [`Retry::run_blocking`] does.
    ///
    /// # Errors
    /// Returns an error if [`Retry::run_blocking`] would return one.
    fn retry_blocking<T, E, R, P, G, B, K, O>(self, retry: &Retry<R, P, G, B, K, O>) -> Result<T, Error<E>>
    where
        Self: FnMut() -> Result<T, E>,
        R: BlockingSleep + Entropy,
        P: Policies,
        G: Gate,
        B: Budget,
        K: Classifier<T, E>,
        O: Observer,
    {
        retry.run_blocking(self)
    }
}

impl<F: FnMut() -> A, A> Retryable for F {}
