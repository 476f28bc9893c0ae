//! Blocking code on the system's clock.

use core::ops::Deref;

use super::Retry;
use crate::policy::Policy;
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
pub const fn retry(policy: &Policy) -> Retry<'_, StdRuntime> {
    Retry::new(policy, StdRuntime)
}

impl<'a, G, B, K, O: ?Sized> Retry<'a, StdRuntime, G, B, K, O> {
    /// Lets this token, by reference or in an `Arc`, end blocking calls: as
    /// [`Error::Cancelled`](crate::Error::Cancelled), with what the last attempt ended with.
    pub fn cancel_by<C: Deref<Target = CancelToken>>(
        self,
        token: C,
    ) -> Retry<'a, Cancellable<C>, G, B, K, O> {
        self.on(Cancellable(token))
    }
}
