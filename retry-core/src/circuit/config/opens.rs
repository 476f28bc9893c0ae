//! What opens a circuit: the rules, the window they look at, and what counts.

use core::time::Duration;

use super::{CircuitConfig, above_zero, at_least_one, percentage};
use crate::class::{Class, ClassSet};
use crate::config_error::{ConfigError, ok_or_panic};

impl CircuitConfig {
    /// Opens after this many failures, one after the other.
    ///
    /// # Panics
    /// On 0.
    #[must_use]
    #[track_caller]
    pub const fn consecutive_failures(self, failures: u32) -> Self {
        ok_or_panic!(self.try_consecutive_failures(failures))
    }

    /// [`consecutive_failures`](Self::consecutive_failures) for a value known only at run time.
    ///
    /// # Errors
    /// 0.
    pub const fn try_consecutive_failures(self, failures: u32) -> Result<Self, ConfigError> {
        match at_least_one("consecutive_failures", failures) {
            Ok(consecutive_failures) => Ok(Self { consecutive_failures, ..self }),
            Err(error) => Err(error),
        }
    }

    /// Opens once this many of the window's calls failed, however many it holds: "3 of the last 5", or "100 within a
    /// minute".
    ///
    /// # Panics
    /// On 0.
    #[must_use]
    #[track_caller]
    pub const fn failures_in_window(self, failures: u32) -> Self {
        ok_or_panic!(self.try_failures_in_window(failures))
    }

    /// [`failures_in_window`](Self::failures_in_window) for a value known only at run time.
    ///
    /// # Errors
    /// 0.
    pub const fn try_failures_in_window(self, failures: u32) -> Result<Self, ConfigError> {
        match at_least_one("failures_in_window", failures) {
            Ok(failures_in_window) => Ok(Self { failures_in_window, ..self }),
            Err(error) => Err(error),
        }
    }

    /// Opens once this percentage of the window's calls failed, or more.
    ///
    /// # Panics
    /// On 0 and on more than 100.
    #[must_use]
    #[track_caller]
    pub const fn failure_rate(self, percent: u8) -> Self {
        ok_or_panic!(self.try_failure_rate(percent))
    }

    /// [`failure_rate`](Self::failure_rate) for a value known only at run time.
    ///
    /// # Errors
    /// 0, and more than 100.
    pub const fn try_failure_rate(self, percent: u8) -> Result<Self, ConfigError> {
        match percentage("failure_rate", percent) {
            Ok(failure_rate) => Ok(Self { failure_rate, ..self }),
            Err(error) => Err(error),
        }
    }

    /// A call that takes this long or longer is slow: see [`slow_rate`](Self::slow_rate). An attempt dropped
    /// after this long counts as a failure, so that an outer timeout does not hide an outage. From then on the
    /// time is asked for at each admission.
    ///
    /// # Panics
    /// On zero.
    #[must_use]
    #[track_caller]
    pub const fn slow_after(self, duration: Duration) -> Self {
        ok_or_panic!(self.try_slow_after(duration))
    }

    /// [`slow_after`](Self::slow_after) for a value known only at run time.
    ///
    /// # Errors
    /// Zero.
    pub const fn try_slow_after(self, duration: Duration) -> Result<Self, ConfigError> {
        match above_zero("slow_after", duration) {
            Ok(slow_after) => Ok(Self { slow_after, ..self }),
            Err(error) => Err(error),
        }
    }

    /// Opens once this percentage of the window's calls were slow, or more; a slow probe counts as failed then.
    /// Needs a window that tells slow calls, [`SlowCalls`](crate::circuit::SlowCalls), and [`slow_after`](Self::slow_after).
    ///
    /// # Panics
    /// On 0 and on more than 100.
    #[must_use]
    #[track_caller]
    pub const fn slow_rate(self, percent: u8) -> Self {
        ok_or_panic!(self.try_slow_rate(percent))
    }

    /// [`slow_rate`](Self::slow_rate) for a value known only at run time.
    ///
    /// # Errors
    /// 0, and more than 100.
    pub const fn try_slow_rate(self, percent: u8) -> Result<Self, ConfigError> {
        match percentage("slow_rate", percent) {
            Ok(slow_rate) => Ok(Self { slow_rate, ..self }),
            Err(error) => Err(error),
        }
    }

    /// The failure rate is not looked at before the window holds this many calls. At most the window.
    ///
    /// # Panics
    /// On 0.
    #[must_use]
    #[track_caller]
    pub const fn minimum_calls(self, calls: u32) -> Self {
        ok_or_panic!(self.try_minimum_calls(calls))
    }

    /// [`minimum_calls`](Self::minimum_calls) for a value known only at run time.
    ///
    /// # Errors
    /// 0.
    pub const fn try_minimum_calls(self, calls: u32) -> Result<Self, ConfigError> {
        match at_least_one("minimum_calls", calls) {
            Ok(minimum_calls) => Ok(Self { minimum_calls, ..self }),
            Err(error) => Err(error),
        }
    }

    /// The window is the last so many calls: at most what its type holds, and just that unless set.
    ///
    /// # Panics
    /// On 0.
    #[must_use]
    #[track_caller]
    pub const fn window(self, calls: u32) -> Self {
        ok_or_panic!(self.try_window(calls))
    }

    /// [`window`](Self::window) for a value known only at run time.
    ///
    /// # Errors
    /// 0.
    pub const fn try_window(self, calls: u32) -> Result<Self, ConfigError> {
        match at_least_one("window", calls) {
            Ok(window) => Ok(Self { window, ..self }),
            Err(error) => Err(error),
        }
    }

    /// The window is the last so much time, for one that counts time: see [`TimeWindow`](crate::circuit::TimeWindow).
    ///
    /// # Panics
    /// On zero.
    #[must_use]
    #[track_caller]
    pub const fn window_time(self, duration: Duration) -> Self {
        ok_or_panic!(self.try_window_time(duration))
    }

    /// [`window_time`](Self::window_time) for a value known only at run time.
    ///
    /// # Errors
    /// Zero.
    pub const fn try_window_time(self, duration: Duration) -> Result<Self, ConfigError> {
        match above_zero("window_time", duration) {
            Ok(window_time) => Ok(Self { window_time, ..self }),
            Err(error) => Err(error),
        }
    }

    /// The classes of error that count as a failure of the dependency; [`ClassSet::DEPENDENCY`] unless set.
    /// Any other answer counts as a success: the dependency was there to give it.
    #[must_use]
    pub const fn count_as_failure(self, classes: ClassSet) -> Self {
        Self { failures: classes, ..self }
    }

    /// Whether an error of this class counts as a failure of the dependency.
    pub const fn counts(&self, class: Class) -> bool {
        self.failures.contains(class)
    }
}
