//! The rules of a configuration, applied to a circuit's counts.

use core::time::Duration;

use super::config::CircuitConfig;
use super::phase::{ChangeCause, OpenedBy};
use super::window::{Span, Window};
use crate::class::Class;
use crate::config_error::{ConfigError, Value};
use crate::time::{Instant, Now, nanos};

/// What the hint of a failure adds to the rules of opening.
#[derive(Clone, Copy)]
pub(super) struct Opening {
    /// The shortest open time if a rule opens the circuit, in nanoseconds.
    pub(super) least: u64,
    /// How long the attempt holds the circuit open if no rule opens it, in nanoseconds; 0 if it does not.
    pub(super) hold: u64,
}

impl Opening {
    pub(super) const WITHOUT_HINT: Self = Self { least: 0, hold: 0 };
}

impl CircuitConfig {
    /// Whether a rule needs the duration of a call.
    pub(super) const fn asks_duration(&self) -> bool {
        self.slow_after != u64::MAX
    }

    /// Whether a call from `started` to `now` was slow.
    pub(super) const fn is_slow(&self, started: Instant, now: Instant) -> bool {
        self.asks_duration() && now.nanos_since(started) >= self.slow_after
    }

    /// Whether a cancelled attempt may count as a failure without [`slow_after`](CircuitConfig::slow_after).
    pub(super) const fn counts_cancelled(&self) -> bool {
        self.cancelled_after != u64::MAX
    }

    /// Whether an attempt from `started` that is cancelled now counts as a failure. It does so only if its ticket
    /// carries the time.
    pub(super) fn fails_cancelled(&self, started: Instant, now: impl Now) -> bool {
        let least = self.slow_after.min(self.cancelled_after);
        started != Instant::MAX && now.now().nanos_since(started) >= least
    }

    /// What the hint of a failure of this class adds to the rules.
    pub(super) fn opening(&self, class: Class, hint: Duration) -> Opening {
        let hint = nanos(hint);
        let hold = if class == Class::RateLimit { hint.min(self.rate_limit_hold) } else { 0 };
        Opening { least: hint.min(self.max_hint).max(hold), hold }
    }

    /// Whether an opening may depend on a hint.
    pub(super) const fn follows_hints(&self) -> bool {
        self.max_hint > 0 || self.rate_limit_hold > 0
    }

    /// Whether a failure of this class may change more than the counts.
    pub(super) fn may_hold(&self, class: Class) -> bool {
        self.rate_limit_hold > 0 && class == Class::RateLimit
    }

    /// Whether a rule needs the window.
    pub(super) const fn counts_calls(&self) -> bool {
        self.failures_in_window > 0 || self.failure_rate > 0 || self.slow_rate > 0
    }

    /// The span of a window of this capacity.
    pub(super) const fn span(&self, capacity: u32) -> Span {
        let calls = if self.window == 0 { capacity } else { self.window };
        Span { calls, nanos: self.window_time }
    }

    /// The first rule that opens the circuit now, if any.
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    pub(super) fn trips<W: Window>(&self, streak: u32, window: &W) -> Option<ChangeCause> {
        if self.consecutive_failures > 0 && streak >= self.consecutive_failures {
            return Some(ChangeCause::ConsecutiveFailures(streak));
        }
        let (calls, failures) = (window.calls(), window.failures());
        if self.failures_in_window > 0 && failures >= self.failures_in_window {
            return Some(ChangeCause::FailureRate { failures, calls });
        }
        if calls < self.minimum_calls {
            return None;
        }
        let reached = |count: u32, percent: u8| {
            percent > 0 && u64::from(count) * 100 >= u64::from(calls) * u64::from(percent)
        };
        if reached(failures, self.failure_rate) {
            return Some(ChangeCause::FailureRate { failures, calls });
        }
        reached(window.slow(), self.slow_rate)
            .then(|| ChangeCause::SlowCallRate { slow: window.slow(), calls })
    }

    /// Whether a closed circuit is more than half of the way to opening, by any rule. A rate counts at least the
    /// minimum number of calls.
    pub(super) fn is_near<W: Window>(&self, streak: u32, window: &W) -> bool {
        let is_past_half = |count: u32, limit: u32| limit > 0 && u64::from(count) * 2 > u64::from(limit);
        let calls = u64::from(window.calls().max(self.minimum_calls));
        let is_half_the_rate =
            |count: u32, percent: u8| percent > 0 && u64::from(count) * 200 > calls * u64::from(percent);
        is_past_half(streak, self.consecutive_failures)
            || is_past_half(window.failures(), self.failures_in_window)
            || is_half_the_rate(window.failures(), self.failure_rate)
            || is_half_the_rate(window.slow(), self.slow_rate)
    }

    /// The open time in nanoseconds, after this many openings since the circuit was last closed.
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    pub(super) fn open_time(&self, openings: u32, word: u64) -> u64 {
        let ceiling = self.growth.scale(self.open_for, openings).min(self.max_open_for);
        self.open_jitter.any_delay_nanos(ceiling, self.open_for, ceiling, word).min(self.max_open_for)
    }

    /// The longest open time without a hint, in nanoseconds.
    pub(super) const fn longest_open(&self) -> u64 {
        self.max_open_for
    }

    /// The longest open time of a circuit that was opened by this, in nanoseconds.
    pub(super) fn longest_open_by(&self, by: OpenedBy) -> u64 {
        match by {
            OpenedBy::Rules => self.max_open_for.max(self.max_hint).max(self.rate_limit_hold),
            OpenedBy::RateLimit => self.rate_limit_hold,
            OpenedBy::Hand | OpenedBy::Fleet => u64::MAX,
        }
    }

    /// Whether every slot for a probe is taken, at once or in total.
    pub(super) const fn takes_no_more(&self, in_flight: u32, succeeded: u32, failed: u32) -> bool {
        in_flight >= self.probes || in_flight + succeeded + failed >= self.max_probes
    }

    /// Checks that this configuration fits the window.
    pub(crate) const fn for_window<W: Window>(self) -> Result<Self, ConfigError> {
        if W::TIMED && self.window_time == 0 {
            let zero = Value::Duration(Duration::ZERO);
            return Err(ConfigError::new(
                "window_time",
                zero,
                "must be above zero if the window counts time",
            ));
        }
        if !W::TIMED && self.window_time > 0 {
            let time = Value::Duration(Duration::from_nanos(self.window_time));
            return Err(ConfigError::new(
                "window_time",
                time,
                "needs a window that counts time, `TimeWindow`",
            ));
        }
        if W::TIMED && self.window > 0 {
            let calls = Value::Count(self.window as u64);
            return Err(ConfigError::new("window", calls, "needs a window that counts calls, `CountWindow`"));
        }
        if self.slow_rate > 0 && !W::SLOW {
            let rate = Value::Count(self.slow_rate as u64);
            return Err(ConfigError::new(
                "slow_rate",
                rate,
                "needs a window that counts slow calls, `SlowCalls`",
            ));
        }
        let window = self.span(W::CAPACITY).calls;
        if window > W::CAPACITY {
            let error = ConfigError::new("window", Value::Count(window as u64), "must be at most");
            return Err(error.limit(Value::Count(W::CAPACITY as u64), "what its type holds"));
        }
        match self.for_any_window(window) {
            Ok(()) => Ok(self),
            Err(error) => Err(error),
        }
    }

    /// Checks what is wrong for every window of at most this many calls.
    pub(crate) const fn for_any_window(&self, window: u32) -> Result<(), ConfigError> {
        if self.slow_rate > 0 && !self.asks_duration() {
            let rate = Value::Count(self.slow_rate as u64);
            return Err(ConfigError::new("slow_rate", rate, "needs `slow_after`"));
        }
        if self.minimum_calls > window {
            let calls = Value::Count(self.minimum_calls as u64);
            let error = ConfigError::new("minimum_calls", calls, "must be at most");
            return Err(error.limit(Value::Count(window as u64), "the window"));
        }
        if self.failures_in_window > window {
            let failures = Value::Count(self.failures_in_window as u64);
            let error = ConfigError::new("failures_in_window", failures, "must be at most");
            return Err(error.limit(Value::Count(window as u64), "the window"));
        }
        let decisive = self.success_threshold.saturating_add(self.probe_failures);
        if self.max_probes < decisive {
            let probes = Value::Count(self.max_probes as u64);
            let error = ConfigError::new("max_probes", probes, "must be at least");
            return Err(error.limit(Value::Count(decisive as u64), "success_threshold + probe_failures"));
        }
        Ok(())
    }
}
