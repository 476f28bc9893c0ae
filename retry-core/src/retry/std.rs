//! Blocking code on the system's clock.

use core::ops::Deref;

use super::Retry;
use crate::policy::Policies;
use crate::runtime::{CancelToken, Cancellable, StdRuntime};

/// Retries by `policy` in blocking code, on the system's clock.
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
    /// Lets this token, by reference or in an `Arc`, end blocking calls: as
    /// an [error that was cancelled](crate::Error::is_cancelled), with what the last attempt ended with.
    pub fn cancel_by<C: Deref<Target = CancelToken>>(self, token: C) -> Retry<Cancellable<C>, P, G, B, K, O> {
        self.on(|StdRuntime| Cancellable(token))
    }
}
