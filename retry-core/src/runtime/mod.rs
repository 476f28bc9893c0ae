//! Runtimes: the clock, the sleep and the random words that a loop needs of its surroundings.
//!
//! The decisions of this crate read no clock and sleep nowhere. A [`Retry`](crate::Retry) runs over a runtime, which is
//! any type with [`Clock`], [`Entropy`] and either [`Sleep`], for futures, or [`BlockingSleep`]. `StdRuntime` is the one
//! for blocking code, with the feature `std`; the adapters `retry-tokio`, `retry-async-std` and `retry-embassy` bring
//! theirs; [`FakeClock`](crate::testing::FakeClock) is the one for tests. [`Lock`]s, which guard circuits, budgets and
//! queues, are chosen here, too.
//!
//! ```
//! use core::time::Duration;
//! use retry_core::{
//!     Class, Instant, Policy, Retry,
//!     runtime::{BlockingSleep, Clock, Entropy, Interrupted},
//! };
//!
//! /// A chip: a timer, a busy wait and a noise source.
//! struct Chip;
//!
//! impl Clock for Chip {
//!     fn now(&self) -> Instant {
//!         Instant::from_millis(0) // read the timer
//!     }
//! }
//!
//! impl BlockingSleep for Chip {
//!     fn sleep_blocking(&self, _: Duration) -> Result<(), Interrupted> {
//!         Ok(()) // wait for the timer
//!     }
//! }
//!
//! impl Entropy for Chip {
//!     fn word(&self) -> u64 {
//!         0x9e37_79b9_7f4a_7c15 // ask the noise source
//!     }
//! }
//!
//! let mut answers = [Err(Class::Network), Ok(7)].into_iter();
//! assert_eq!(Retry::new(&Policy::DEFAULT, Chip).run_blocking(|| answers.next().unwrap()), Ok(7));
//! ```

#[cfg(feature = "std")]
mod cancel;
#[cfg(feature = "std")]
mod std;
mod wrappers;

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
pub use wrappers::{Ready, WithEntropy};

pub use crate::lock::{DefaultLock, Exclusive, Initial, LocalLock, Lock};
use crate::time::Instant;
pub use crate::time::Now;

/// Reads the time. May stand or step back; the machine copes. It may be read under a circuit's lock, so it must not
/// ask a circuit anything itself.
pub trait Clock {
    /// The time since this clock's origin.
    fn now(&self) -> Instant;

    /// What a call that waits for its dependency asks: see [`Retry::ready`](crate::Retry::ready). `None` unless set.
    #[inline]
    fn readiness(&self) -> Option<Readiness<'_>> {
        None
    }
}

/// How a dependency is asked whether it is ready, and how often.
#[derive(Clone, Copy)]
pub struct Readiness<'a> {
    /// Whether it is ready.
    pub check: &'a (dyn Fn() -> bool + Sync),
    /// The time between two questions.
    pub every: Duration,
}

impl fmt::Debug for Readiness<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readiness").field("every", &self.every).finish_non_exhaustive()
    }
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

/// What a pointer points to does the work. The four are separate, so that a runtime may have some of them only.
macro_rules! by_pointer {
    ($target:ident, $pointer:ty) => {
        impl<$target: Clock> Clock for $pointer {
            fn now(&self) -> Instant {
                (**self).now()
            }

            #[inline]
            fn readiness(&self) -> Option<Readiness<'_>> {
                (**self).readiness()
            }
        }

        impl<$target: Sleep> Sleep for $pointer {
            type Sleep = $target::Sleep;

            fn sleep(&self, duration: Duration) -> Self::Sleep {
                (**self).sleep(duration)
            }
        }

        impl<$target: BlockingSleep> BlockingSleep for $pointer {
            fn sleep_blocking(&self, duration: Duration) -> Result<(), Interrupted> {
                (**self).sleep_blocking(duration)
            }

            fn is_interrupted(&self) -> bool {
                (**self).is_interrupted()
            }
        }

        impl<$target: Entropy> Entropy for $pointer {
            fn word(&self) -> u64 {
                (**self).word()
            }
        }
    };
}

by_pointer!(R, &R);
#[cfg(feature = "std")]
by_pointer!(R, ::std::sync::Arc<R>);
