//! Retries in blocking code, on the system's clock.

use core::ops::Deref;

use super::Retry;
use crate::policy::Policies;
use crate::runtime::{CancelToken, Cancellable, StdRuntime};

/// Makes a [`Retry`] for blocking code, on the system's clock.
///
/// The policy is given by reference, by value or in an `Arc`. If the policy is made in the same line, give it by value
/// or make it a `const`. With a reference, `let reads = retry(&Policy::DEFAULT.max_attempts(5));` fails: "temporary
/// value dropped while borrowed".
///
/// ```
/// use std::fs;
/// use retry_core::{Policy, retry};
///
/// let reads = retry(Policy::DEFAULT.max_attempts(5)).named("config.read");
/// let text = reads.run_blocking(|| fs::read_to_string("Cargo.toml"))?; // an io::Error has a class
/// assert!(text.starts_with("[package]"));
/// # Ok::<(), retry_core::Error<std::io::Error>>(())
/// ```
///
/// For an error type of your own, implement [`Classify`](crate::Classify), or set a closure by
/// [`classify`](Retry::classify):
///
/// ```
/// use retry_core::{Class, Policy, retry};
///
/// let count = retry(&Policy::DEFAULT).run_blocking(|| "42".parse::<u32>().map_err(NotANumber))?;
/// assert_eq!(count, 42);
///
/// #[derive(Debug)]
/// struct NotANumber(std::num::ParseIntError);
///
/// impl retry_core::Classify for NotANumber {
///     fn classify(&self) -> retry_core::Failure {
///         Class::Validation.into()
///     }
/// }
/// # Ok::<(), retry_core::Error<NotANumber>>(())
/// ```
pub const fn retry<P: Policies>(policy: P) -> Retry<StdRuntime, P> {
    Retry::new(policy, StdRuntime)
}

impl<P, G, B, K, O> Retry<StdRuntime, P, G, B, K, O> {
    /// Sets the token that cancels blocking calls, by reference or in an `Arc`.
    ///
    /// A cancelled call returns an error that [is cancelled](crate::Error::is_cancelled) and has the last attempt's
    /// error. An attempt under way runs to its end first.
    ///
    /// ```
    /// use retry_core::{Class, Policy, retry, runtime::CancelToken};
    ///
    /// let token = CancelToken::new();
    /// let upload = retry(&Policy::DEFAULT).cancel_by(&token);
    /// let error = upload.run_blocking(|| {
    ///     token.cancel(); // in a program, another thread does this
    ///     Err::<(), _>(Class::Network)
    /// });
    /// let error = error.unwrap_err();
    /// assert!(error.is_cancelled());
    /// assert_eq!(error.into_inner(), Some(Class::Network));
    /// ```
    pub fn cancel_by<C: Deref<Target = CancelToken>>(self, token: C) -> Retry<Cancellable<C>, P, G, B, K, O> {
        self.on(|StdRuntime| Cancellable(token))
    }
}
