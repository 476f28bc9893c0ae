//! Runtimes that change one thing of another runtime.

use core::fmt;
use core::time::Duration;

use super::{BlockingSleep, Clock, Entropy, Interrupted, Readiness, Sleep};
use crate::time::Instant;

/// A runtime with a readiness check, which may end waits early: see [`Retry::ready`](crate::Retry::ready).
#[derive(Clone, Copy)]
pub struct Ready<R, F> {
    runtime: R,
    check: F,
    every: Duration,
}

impl<R, F> Ready<R, F> {
    pub(crate) const fn new(runtime: R, check: F, every: Duration) -> Self {
        Self { runtime, check, every }
    }
}

impl<R: Clock, F: Fn() -> bool + Sync> Clock for Ready<R, F> {
    fn now(&self) -> Instant {
        self.runtime.now()
    }

    #[inline]
    fn readiness(&self) -> Option<Readiness<'_>> {
        Some(Readiness { check: &self.check, every: self.every })
    }

    #[inline]
    fn unix_time(&self) -> Option<Duration> {
        self.runtime.unix_time()
    }
}

impl<R: Entropy, F> Entropy for Ready<R, F> {
    fn word(&self) -> u64 {
        self.runtime.word()
    }
}

/// A runtime with another source of random words: see [`Retry::entropy`](crate::Retry::entropy).
#[derive(Clone, Copy, Debug)]
pub struct WithEntropy<R, N> {
    runtime: R,
    entropy: N,
}

impl<R, N> WithEntropy<R, N> {
    pub(crate) const fn new(runtime: R, entropy: N) -> Self {
        Self { runtime, entropy }
    }
}

impl<R: Clock, N> Clock for WithEntropy<R, N> {
    fn now(&self) -> Instant {
        self.runtime.now()
    }

    #[inline]
    fn readiness(&self) -> Option<Readiness<'_>> {
        self.runtime.readiness()
    }

    #[inline]
    fn unix_time(&self) -> Option<Duration> {
        self.runtime.unix_time()
    }
}

impl<R, N: Entropy> Entropy for WithEntropy<R, N> {
    fn word(&self) -> u64 {
        self.entropy.word()
    }
}

/// Sleeps as the wrapped runtime does.
macro_rules! sleeps_as {
    ($([$($bounds:tt)*] $wrapper:ty;)*) => {$(
        impl<R: Sleep, $($bounds)*> Sleep for $wrapper {
            type Sleep = R::Sleep;

            fn sleep(&self, duration: Duration) -> R::Sleep {
                self.runtime.sleep(duration)
            }
        }

        impl<R: BlockingSleep, $($bounds)*> BlockingSleep for $wrapper {
            fn sleep_blocking(&self, duration: Duration) -> Result<(), Interrupted> {
                self.runtime.sleep_blocking(duration)
            }

            fn is_interrupted(&self) -> bool {
                self.runtime.is_interrupted()
            }
        }
    )*};
}
sleeps_as! {
    [F: Fn() -> bool + Sync] Ready<R, F>;
    [N] WithEntropy<R, N>;
}

impl<R: fmt::Debug, F> fmt::Debug for Ready<R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runtime, every, .. } = self;
        f.debug_struct("Ready").field("runtime", runtime).field("every", every).finish_non_exhaustive()
    }
}
