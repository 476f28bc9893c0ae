//! The system's clock, sleep and entropy, for blocking code.

use core::time::Duration;
use std::sync::OnceLock;

use super::os_rng::OsRng;
use super::{BlockingSleep, Clock, Entropy, Interrupted};
use crate::time::Instant;

/// The runtime of blocking code: the system's monotonic clock, a sleep that blocks the thread, and the system's
/// entropy.
#[derive(Clone, Copy, Debug, Default)]
pub struct StdRuntime;

impl StdRuntime {
    /// Returns the time on the system's monotonic clock, as [`Clock::now`] does, without importing the trait.
    #[allow(clippy::disallowed_methods)] // the one place that reads the clock
    pub fn now(&self) -> Instant {
        Self::instant(std::time::Instant::now())
    }

    /// Blocks the thread for at least `duration`, as [`BlockingSleep::sleep_blocking`] does, without importing the
    /// trait.
    #[allow(clippy::disallowed_methods)] // the one place that sleeps
    pub fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }

    /// Returns the seconds since 1970 by the system's wall clock, rounded down; 0 before 1970. Use it only for dates
    /// that others have written, such as that of a `Retry-After`.
    #[must_use]
    pub fn unix_secs() -> u64 {
        Self::wall_clock().as_secs()
    }

    /// Returns the time since 1970 by the system's wall clock; zero before 1970.
    #[allow(clippy::disallowed_methods)] // the one place that reads the wall clock
    fn wall_clock() -> Duration {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
    }

    /// Converts `at` to an instant on this clock, which the whole process shares.
    #[must_use]
    pub fn instant(at: std::time::Instant) -> Instant {
        // A reading from before the first one must stay positive, so the origin is a year before the first one.
        const FIRST: Instant = Instant::ORIGIN.after(Duration::from_secs(365 * 86_400));
        static FIRST_READING: OnceLock<std::time::Instant> = OnceLock::new();
        let first = *FIRST_READING.get_or_init(|| at);
        match at.checked_duration_since(first) {
            Some(later) => FIRST.after(later),
            None => Instant::from_nanos(
                FIRST.as_nanos().saturating_sub(crate::time::nanos(first.saturating_duration_since(at))),
            ),
        }
    }
}

impl Clock for StdRuntime {
    fn now(&self) -> Instant {
        self.now()
    }

    fn unix_time(&self) -> Option<Duration> {
        Some(Self::wall_clock())
    }
}

impl BlockingSleep for StdRuntime {
    fn sleep_blocking(&self, duration: Duration) -> Result<(), Interrupted> {
        self.sleep(duration);
        Ok(())
    }
}

impl Entropy for StdRuntime {
    fn word(&self) -> u64 {
        OsRng.word()
    }
}
