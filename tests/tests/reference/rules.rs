//! The settings of a circuit as plain numbers, because a configuration does not return them.

use std::time::Duration;

use retry_core::{CircuitConfig, Jitter};

/// The settings of a circuit. Times are in nanoseconds, and 0 means that there is no such rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// The number of buckets of a time window. 0 means that the window counts calls.
    pub(crate) buckets: u64,
    pub(crate) tells_slow: bool,
    pub(crate) window_calls: u32,
    pub(crate) window_time: u64,
    pub(crate) consecutive_failures: u32,
    pub(crate) failures_in_window: u32,
    pub(crate) failure_rate: u8,
    pub(crate) slow_rate: u8,
    pub(crate) slow_after: u64,
    pub(crate) cancelled_after: u64,
    pub(crate) minimum_calls: u32,
    pub(crate) open_for: u64,
    pub(crate) growth: f64,
    pub(crate) max_open_for: u64,
    pub(crate) jitter: Jitter,
    pub(crate) max_hint: u64,
    pub(crate) rate_limit_hold: u64,
    pub(crate) probes: u32,
    pub(crate) successes: u32,
    pub(crate) probe_failures: u32,
    /// The probes beyond those that decide. `u32::MAX` means no limit.
    pub(crate) probes_to_spare: u32,
    pub(crate) lease: u64,
    pub(crate) ramp: u64,
}

impl Rules {
    /// No rule opens it. One probe runs at a time, and one success closes it.
    pub(crate) const NONE: Self = Self {
        buckets: 0,
        tells_slow: false,
        window_calls: 1,
        window_time: 0,
        consecutive_failures: 0,
        failures_in_window: 0,
        failure_rate: 0,
        slow_rate: 0,
        slow_after: 0,
        cancelled_after: 0,
        minimum_calls: 1,
        open_for: 1,
        growth: 1.0,
        max_open_for: 1,
        jitter: Jitter::None,
        max_hint: 0,
        rate_limit_hold: 0,
        probes: 1,
        successes: 1,
        probe_failures: 0,
        probes_to_spare: u32::MAX,
        lease: 1,
        ramp: 0,
    };

    pub(crate) fn config(&self) -> CircuitConfig {
        let nanos = Duration::from_nanos;
        let mut config = CircuitConfig::WITHOUT_RULES
            .open_for(nanos(self.open_for))
            .open_growth(self.growth, nanos(self.max_open_for))
            .open_jitter(self.jitter)
            .max_hint(nanos(self.max_hint))
            .rate_limit_hold(nanos(self.rate_limit_hold))
            .cancelled_after(if self.cancelled_after > 0 {
                nanos(self.cancelled_after)
            } else {
                Duration::MAX
            })
            .minimum_calls(self.minimum_calls)
            .probes(self.probes)
            .success_threshold(self.successes)
            .probe_failures(self.probe_failures)
            .lease(nanos(self.lease))
            .ramp(nanos(self.ramp));
        if self.buckets == 0 {
            config = config.window(self.window_calls);
        } else {
            config = config.window_time(nanos(self.window_time));
        }
        if self.consecutive_failures > 0 {
            config = config.consecutive_failures(self.consecutive_failures);
        }
        if self.probes_to_spare < u32::MAX {
            config = config.max_probes(self.max_probes());
        }
        if self.failures_in_window > 0 {
            config = config.failures_in_window(self.failures_in_window);
        }
        if self.failure_rate > 0 {
            config = config.failure_rate(self.failure_rate);
        }
        if self.slow_rate > 0 {
            config = config.slow_rate(self.slow_rate);
        }
        if self.slow_after > 0 {
            config = config.slow_after(nanos(self.slow_after));
        }
        config
    }

    /// Returns whether a rule uses the window.
    pub(crate) fn looks_at_window(&self) -> bool {
        self.failures_in_window > 0 || self.failure_rate > 0 || self.slow_rate > 0
    }

    /// Returns the length of a bucket.
    pub(crate) fn bucket(&self) -> u64 {
        (self.window_time / self.buckets).max(1)
    }

    /// Returns how many probes there may be until they decide.
    pub(crate) fn max_probes(&self) -> u32 {
        (self.successes + self.probe_failures).saturating_add(self.probes_to_spare)
    }

    /// Returns how many slots are taken, so that one more probe takes the last one.
    pub(crate) fn lost_if_asked_once(&self) -> u32 {
        (self.probes - 1).min(self.probes_to_spare)
    }

    /// Returns how long it stays open after a number of earlier openings.
    pub(crate) fn open_time(&self, openings: u32, word: u64) -> u64 {
        let grown = self.open_for as f64 * self.growth.powi(openings.min(1_000) as i32);
        let ceiling = (grown.round() as u64).min(self.max_open_for);
        let up_to = |most: u64| (((u128::from(most) + 1) * u128::from(word)) >> 64) as u64;
        match self.jitter {
            Jitter::None => ceiling,
            Jitter::Full => up_to(ceiling),
            Jitter::Equal => ceiling - ceiling / 2 + up_to(ceiling / 2),
            other => unreachable!("no schedule uses {other:?}"),
        }
    }
}
