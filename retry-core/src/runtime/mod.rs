//! What a loop needs of its surroundings.

#[cfg(feature = "std")]
mod cancel;
#[cfg(feature = "std")]
mod std;

use core::fmt;
use core::time::Duration;

#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use cancel::{CancelToken, Cancellable};
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use std::{OsRng, StdRuntime};

#[cfg(feature = "critical-section")]
#[cfg_attr(docsrs, doc(cfg(feature = "critical-section")))]
pub use crate::lock::CriticalSectionLock;
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use crate::lock::StdLock;
pub use crate::lock::{DefaultLock, Exclusive, Initial, LocalLock, Lock};
use crate::time::Instant;
pub use crate::time::Now;

/// Reads the time. May stand or step back; the machine copes. It may be read under a circuit's lock, so it must not
/// ask a circuit anything itself.
pub trait Clock {
    /// The time since this clock's origin.
    fn now(&self) -> Instant;
}

/// Sleeps without blocking the thread.
///
/// The sleep is an associated type, so that whether the whole retry is `Send` follows from its parts.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot sleep without blocking",
    note = "for async code, take an adapter's `retry`, such as `retry_tokio::retry`"
)]
pub trait Sleep: Clock {
    /// The sleep.
    type Sleep: Future<Output = ()>;

    /// A sleep of `duration` or a little longer, never shorter.
    fn sleep(&self, duration: Duration) -> Self::Sleep;
}

/// Sleeps by blocking the thread.
#[diagnostic::on_unimplemented(
    message = "`{Self}` must not block",
    note = "for blocking code, take `retry_core::retry`, with the feature `std`"
)]
pub trait BlockingSleep: Clock {
    /// Sleeps for `duration` or a little longer; shorter only where it is interrupted.
    ///
    /// # Errors
    /// Where someone who wants the call to end interrupts the sleep, or did so before.
    fn sleep_blocking(&self, duration: Duration) -> Result<(), Interrupted>;

    /// Whether a sleep would be interrupted now: asked before each attempt. Never, unless it is implemented.
    fn is_interrupted(&self) -> bool {
        false
    }
}

/// A blocking sleep was interrupted: the call is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sleep was interrupted")
    }
}

impl core::error::Error for Interrupted {}

/// Gives out random words, all 64 bits of each random, different for every caller and every device.
pub trait Entropy {
    /// The next word.
    fn word(&self) -> u64;
}

impl<C: Clock> Clock for &C {
    fn now(&self) -> Instant {
        (*self).now()
    }
}

impl<S: Sleep> Sleep for &S {
    type Sleep = S::Sleep;

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        (*self).sleep(duration)
    }
}

impl<S: BlockingSleep> BlockingSleep for &S {
    fn sleep_blocking(&self, duration: Duration) -> Result<(), Interrupted> {
        (*self).sleep_blocking(duration)
    }

    fn is_interrupted(&self) -> bool {
        (*self).is_interrupted()
    }
}

impl<R: Entropy> Entropy for &R {
    fn word(&self) -> u64 {
        (*self).word()
    }
}
