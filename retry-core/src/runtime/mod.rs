//! Runtimes: the clock, the sleep and the random words that a retry loop needs.
//!
//! Guides: [testing](crate::_guides::testing), [design](crate::_guides::design).
//!
//! The decisions of this crate need none of these; only the loops do. A [`Retry`](crate::Retry) runs on a runtime,
//! which is any type with [`Clock`], [`Entropy`], and either [`Sleep`] for futures or [`BlockingSleep`].
//!
//! - `StdRuntime` is the runtime for blocking code, with the feature `std`.
//! - The adapters `retry-tokio`, `retry-async-std` and `retry-embassy` have runtimes of their own.
//! - [`FakeClock`](crate::testing::FakeClock) is the runtime for tests.
//!
//! This module also has the [`Lock`]s, which guard circuits, budgets and queues.
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
mod os_rng;
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
pub use os_rng::OsRng;
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use std::StdRuntime;

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

/// A clock that tells the time.
///
/// It may stand still or step back: the decisions allow for that. It may be read under a circuit's lock, so it must not
/// use a circuit itself: a clock that asks the circuit that reads it waits for itself forever. Nor should it panic. If it
/// does while an attempt ends, the attempt counts as dropped: a probe gives its slot back.
pub trait Clock {
    /// Returns the time since this clock's origin.
    fn now(&self) -> Instant;

    /// Returns the readiness check for calls that wait for their dependency: see [`Retry::ready`](crate::Retry::ready).
    /// The default is `None`.
    #[inline]
    fn readiness(&self) -> Option<Readiness<'_>> {
        None
    }

    /// Returns the wall-clock time as the time since 1970 in UTC. The default is `None`.
    ///
    /// Errors and dead letters carry it: see [`ErrorContext::unix_time`](crate::ErrorContext::unix_time). No decision
    /// depends on it, so it may jump. It is read only when a call fails.
    #[inline]
    fn unix_time(&self) -> Option<Duration> {
        None
    }
}

/// A check whether a dependency is ready, and how often to make it.
#[derive(Clone, Copy)]
pub struct Readiness<'a> {
    /// Returns `true` if the dependency is ready.
    pub check: &'a (dyn Fn() -> bool + Sync),
    /// The time between two checks. A time below [`LEAST_EVERY`](Self::LEAST_EVERY) counts as that.
    pub every: Duration,
}

impl Readiness<'_> {
    /// The shortest time between two checks: one millisecond, the resolution of common timers. With a shorter one, a
    /// wait would be spent on checks and on the overhead of sleeps.
    pub const LEAST_EVERY: Duration = Duration::from_millis(1);
}

impl fmt::Debug for Readiness<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readiness").field("every", &self.every).finish_non_exhaustive()
    }
}

/// Sleeps without blocking the thread.
///
/// The sleep is an associated type, so that the future of a retry is `Send` if its parts are.
#[diagnostic::on_unimplemented(
    // All in the message: if rustc has a suggestion of its own, it shows neither label nor note.
    message = "`{Self}` cannot sleep without blocking: take an adapter's `retry`, such as `retry_tokio::retry`, or a `&FakeClock`"
)]
pub trait Sleep: Clock {
    /// The future that ends when the sleep is over.
    type Sleep: Future<Output = ()>;

    /// Returns a future that sleeps for at least `duration`.
    fn sleep(&self, duration: Duration) -> Self::Sleep;
}

/// Sleeps by blocking the thread.
#[diagnostic::on_unimplemented(
    message = "`{Self}` must not block: take `retry_core::retry`, which needs the feature `std`, or a `&FakeClock`"
)]
pub trait BlockingSleep: Clock {
    /// Sleeps for at least `duration`, unless the sleep is interrupted.
    ///
    /// # Errors
    /// Returns an error if the sleep is interrupted, or if an interruption came before it. The call then ends as
    /// cancelled.
    fn sleep_blocking(&self, duration: Duration) -> Result<(), Interrupted>;

    /// Returns `true` if a sleep would be interrupted now. It is asked before each attempt. The default is `false`.
    fn is_interrupted(&self) -> bool {
        false
    }
}

/// The error of a blocking sleep that was interrupted. It ends the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sleep was interrupted")
    }
}

impl core::error::Error for Interrupted {}

/// A source of random words. All 64 bits of each word are random, and every caller and every device gets different
/// words.
pub trait Entropy {
    /// Returns the next word.
    fn word(&self) -> u64;
}

/// Forwards to the runtime that the pointer points to. The four traits are separate, so that a runtime may have only
/// some of them.
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

            #[inline]
            fn unix_time(&self) -> Option<Duration> {
                (**self).unix_time()
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
