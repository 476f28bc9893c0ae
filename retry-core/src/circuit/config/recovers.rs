//! How a circuit recovers: the open time, the probes and the ramp.

use core::time::Duration;

use super::{CircuitConfig, above_zero, at_least_one, percentage};
use crate::config_error::{ConfigError, Value, ok_or_panic};
use crate::delay::Jitter;
use crate::ratio::Ratio;
use crate::time::nanos;

impl CircuitConfig {
    /// How long it stays open before the first probe; zero: whoever asks next is one.
    #[must_use]
    pub const fn open_for(self, duration: Duration) -> Self {
        let open_for = nanos(duration);
        // Without a growth, the cap is the open time itself.
        let follows = open_for > self.max_open_for || self.max_open_for == self.open_for;
        Self { open_for, max_open_for: if follows { open_for } else { self.max_open_for }, ..self }
    }

    /// How many times longer it stays open with each opening since it was last closed, and the longest.
    ///
    /// # Panics
    /// On a multiplier that is NaN, infinite or below 1, and on a cap below [`open_for`](Self::open_for).
    #[must_use]
    #[track_caller]
    pub const fn open_growth(self, multiplier: f64, cap: Duration) -> Self {
        ok_or_panic!(self.try_open_growth(multiplier, cap))
    }

    /// [`open_growth`](Self::open_growth) for values known only at run time.
    ///
    /// # Errors
    /// A multiplier that is NaN, infinite or below 1, and a cap below [`open_for`](Self::open_for).
    pub const fn try_open_growth(self, multiplier: f64, cap: Duration) -> Result<Self, ConfigError> {
        let Some(growth) = Ratio::from_float(multiplier, 1.0) else {
            let rule = "must be a finite number of at least 1";
            return Err(ConfigError::new("open_growth", Value::Float(multiplier), rule));
        };
        if nanos(cap) < self.open_for {
            let error = ConfigError::new("open_growth", Value::Duration(cap), "must be at least");
            let limit = Value::Duration(Duration::from_nanos(self.open_for));
            return Err(error.limit(limit, "open_for"));
        }
        Ok(Self { growth, max_open_for: nanos(cap), ..self })
    }

    /// The random spread of the open time, so that many circuits do not probe one dependency at once; below the
    /// cap of the growth. [`Jitter::Decorrelated`] counts from the open time without growth.
    #[must_use]
    pub const fn open_jitter(self, jitter: Jitter) -> Self {
        Self { open_jitter: jitter, ..self }
    }

    /// How many probes are under way at once while half-open.
    ///
    /// # Panics
    /// On 0.
    #[must_use]
    #[track_caller]
    pub const fn probes(self, probes: u32) -> Self {
        ok_or_panic!(self.try_probes(probes))
    }

    /// [`probes`](Self::probes) for a value known only at run time.
    ///
    /// # Errors
    /// 0.
    pub const fn try_probes(self, probes: u32) -> Result<Self, ConfigError> {
        match at_least_one("probes", probes) {
            Ok(probes) => Ok(Self { probes, ..self }),
            Err(error) => Err(error),
        }
    }

    /// How many probes must succeed to close it.
    ///
    /// # Panics
    /// On 0.
    #[must_use]
    #[track_caller]
    pub const fn success_threshold(self, successes: u32) -> Self {
        ok_or_panic!(self.try_success_threshold(successes))
    }

    /// [`success_threshold`](Self::success_threshold) for a value known only at run time.
    ///
    /// # Errors
    /// 0.
    pub const fn try_success_threshold(self, successes: u32) -> Result<Self, ConfigError> {
        match at_least_one("success_threshold", successes) {
            Ok(successes) => Ok(Self { success_threshold: successes, ..self }),
            Err(error) => Err(error),
        }
    }

    /// How many probes may fail before it opens again; 0 unless set.
    #[must_use]
    pub const fn probe_failures(self, failures: u32) -> Self {
        Self { probe_failures: failures, ..self }
    }

    /// How many probes are admitted until it is decided, those that have ended included; those that were dropped, or
    /// lost to their lease, are replaced. No limit unless set. At least what it takes to decide.
    ///
    /// # Panics
    /// On 0.
    #[must_use]
    #[track_caller]
    pub const fn max_probes(self, probes: u32) -> Self {
        ok_or_panic!(self.try_max_probes(probes))
    }

    /// [`max_probes`](Self::max_probes) for a value known only at run time.
    ///
    /// # Errors
    /// 0.
    pub const fn try_max_probes(self, probes: u32) -> Result<Self, ConfigError> {
        match at_least_one("max_probes", probes) {
            Ok(max_probes) => Ok(Self { max_probes, ..self }),
            Err(error) => Err(error),
        }
    }

    /// Lets `probes` probes decide by their failure rate: it opens again once so many failed that the rate must
    /// be `percent` or more, and closes once so many succeeded that it must be less.
    ///
    /// The same as the [`success_threshold`](Self::success_threshold) and [`probe_failures`](Self::probe_failures) that follow
    /// from it, with so many [`probes`](Self::probes) at once and [in all](Self::max_probes).
    ///
    /// # Panics
    /// On no probes, and on a percentage that is 0 or over 100.
    #[must_use]
    #[track_caller]
    pub const fn probe_rate(self, probes: u32, percent: u8) -> Self {
        ok_or_panic!(self.try_probe_rate(probes, percent))
    }

    /// [`probe_rate`](Self::probe_rate) for values known only at run time.
    ///
    /// # Errors
    /// No probes, and a percentage that is 0 or over 100.
    pub const fn try_probe_rate(self, probes: u32, percent: u8) -> Result<Self, ConfigError> {
        let (probes, percent) = match (at_least_one("probe_rate", probes), percentage("probe_rate", percent))
        {
            (Ok(probes), Ok(percent)) => (probes, percent),
            (Err(error), _) | (_, Err(error)) => return Err(error),
        };
        // The fewest failures that are `percent` of all, rounded up.
        let fatal = (probes as u64 * percent as u64).div_ceil(100);
        #[allow(clippy::cast_possible_truncation)] // at most `probes`
        let probe_failures = fatal as u32 - 1;
        let successes = probes - probe_failures;
        Ok(Self { probes, success_threshold: successes, probe_failures, max_probes: probes, ..self })
    }

    /// After closing, admits a share of the attempts that grows from nothing to all over this time.
    #[must_use]
    pub const fn ramp(self, duration: Duration) -> Self {
        Self { ramp: nanos(duration), ..self }
    }

    /// How long a probe holds its slot. Where every slot is taken and none was given out for this long, the
    /// probes are taken for lost and their slots given out anew.
    ///
    /// # Panics
    /// On zero.
    #[must_use]
    #[track_caller]
    pub const fn lease(self, duration: Duration) -> Self {
        ok_or_panic!(self.try_lease(duration))
    }

    /// [`lease`](Self::lease) for a value known only at run time.
    ///
    /// # Errors
    /// Zero.
    pub const fn try_lease(self, duration: Duration) -> Result<Self, ConfigError> {
        match above_zero("lease", duration) {
            Ok(lease) => Ok(Self { lease, ..self }),
            Err(error) => Err(error),
        }
    }
}
