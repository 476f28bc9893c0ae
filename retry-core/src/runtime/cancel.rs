//! Cancellation of blocking calls from another thread.

use core::ops::Deref;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::std::StdRuntime;
use super::{BlockingSleep, Clock, Entropy, Interrupted};
use crate::time::Instant;

/// A token that cancels blocking calls: sleeping calls wake up at once, and no further attempt begins.
///
/// It is shared by reference, as a `static`, or in an `Arc`, by any number of calls and the code that cancels them. A
/// call gets it from [`Retry::cancel_by`](crate::Retry::cancel_by). The token cannot interrupt an attempt under way.
/// Cancelling is final.
///
/// ```
/// use core::time::Duration;
/// use retry_core::{runtime::CancelToken, Class, Jitter, Policy, retry};
///
/// const HOURLY: Policy = Policy::fixed(Duration::from_secs(3600)).jitter(Jitter::None);
/// static SHUTDOWN: CancelToken = CancelToken::new();
///
/// let upload = retry(&HOURLY).cancel_by(&SHUTDOWN);
/// let caller = std::thread::spawn(move || upload.run_blocking(|| Err::<(), _>(Class::Network)));
/// SHUTDOWN.cancel(); // the caller does not sleep for an hour
/// assert!(caller.join().unwrap().unwrap_err().is_cancelled());
/// ```
#[doc(alias = "CancellationToken")]
#[derive(Debug, Default)]
pub struct CancelToken {
    cancelled: AtomicBool,
    /// How many calls are asleep.
    asleep: Mutex<usize>,
    wake: Condvar,
}

impl CancelToken {
    /// Makes a token that is not cancelled yet.
    pub const fn new() -> Self {
        Self { cancelled: AtomicBool::new(false), asleep: Mutex::new(0), wake: Condvar::new() }
    }

    /// Cancels all calls that use the token, now and later.
    pub fn cancel(&self) {
        // Under the lock, so that no sleep can begin between its look at the flag and its wait.
        let _asleep = self.asleep();
        self.cancelled.store(true, Ordering::Release);
        self.wake.notify_all();
    }

    /// Returns `true` if the token is cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    fn sleep(&self, duration: Duration) -> Result<(), Interrupted> {
        let mut asleep = self.asleep();
        *asleep += 1;
        // After a spurious wake-up, it waits for the rest.
        let woken = self.wake.wait_timeout_while(asleep, duration, |_| !self.is_cancelled());
        *woken.unwrap_or_else(PoisonError::into_inner).0 -= 1;
        if self.is_cancelled() { Err(Interrupted) } else { Ok(()) }
    }

    fn asleep(&self) -> MutexGuard<'_, usize> {
        self.asleep.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The system's clock and entropy, with a sleep that a [`CancelToken`] interrupts.
/// [`Retry::cancel_by`](crate::Retry::cancel_by) puts it in place of [`StdRuntime`].
#[derive(Clone, Copy, Debug)]
pub struct Cancellable<C>(pub(crate) C);

impl<C> Clock for Cancellable<C> {
    fn now(&self) -> Instant {
        StdRuntime.now()
    }

    fn unix_time(&self) -> Option<Duration> {
        StdRuntime.unix_time()
    }
}

impl<C: Deref<Target = CancelToken>> BlockingSleep for Cancellable<C> {
    fn sleep_blocking(&self, duration: Duration) -> Result<(), Interrupted> {
        self.0.sleep(duration)
    }

    fn is_interrupted(&self) -> bool {
        self.0.is_cancelled()
    }
}

impl<C> Entropy for Cancellable<C> {
    fn word(&self) -> u64 {
        StdRuntime.word()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleeper_woken_for_nothing_sleeps_on() {
        let token = CancelToken::new();
        std::thread::scope(|scope| {
            let sleeper = scope.spawn(|| token.sleep(Duration::from_secs(3600)));
            while *token.asleep() == 0 {
                std::thread::yield_now();
            }
            for _ in 0..1_000 {
                token.wake.notify_all();
                std::thread::yield_now();
            }
            token.cancel();
            assert_eq!(sleeper.join().unwrap(), Err(Interrupted));
        });
    }
}
