//! The time that a policy leaves a call and its attempts.

use core::time::Duration;

use super::{NO_LIMIT, Policy};
use crate::time::duration;
use crate::verdict::GiveUp;

impl Policy {
    /// Updates the longest attempt after one of the timeouts has changed.
    pub(super) const fn with_longest_attempt(self) -> Self {
        let Self { total_timeout, attempt_timeout, .. } = self;
        let longest_attempt = if total_timeout < attempt_timeout { total_timeout } else { attempt_timeout };
        Self { longest_attempt, ..self }
    }

    /// The time left after this many nanoseconds: of the total timeout, or else of the time to start within.
    pub(crate) const fn time_left(&self, elapsed: u64) -> Option<Duration> {
        match (self.total_timeout, self.start_within) {
            (NO_LIMIT, NO_LIMIT) => None,
            (NO_LIMIT, limit) | (limit, _) => Some(duration(limit.saturating_sub(elapsed))),
        }
    }

    /// Whether the time of an attempt has a limit.
    pub(crate) const fn limits_attempts(&self) -> bool {
        self.longest_attempt != NO_LIMIT
    }

    /// The longest time for an attempt that begins after this many nanoseconds.
    #[cfg_attr(target_pointer_width = "64", inline(never))]
    pub(crate) fn time_limit(&self, began: u64) -> Duration {
        duration(match self.total_timeout {
            NO_LIMIT => self.attempt_timeout,
            total if total.saturating_sub(began) >= self.reset_after => self.attempt_timeout,
            total => self.attempt_timeout.min(total.saturating_sub(began)),
        })
    }

    /// Whether an attempt that begins after this many nanoseconds reaches the total timeout first, or both timeouts at
    /// once.
    pub(crate) const fn reaches_total(&self, began: u64) -> bool {
        let left = self.total_timeout.saturating_sub(began);
        self.total_timeout != NO_LIMIT && left <= self.attempt_timeout && left < self.reset_after
    }

    /// How long an attempt must last before its failure begins the call anew, in nanoseconds.
    #[inline]
    pub(crate) const fn resets_after(&self) -> Option<u64> {
        if self.reset_after == NO_LIMIT { None } else { Some(self.reset_after) }
    }

    /// Whether an attempt that ran for this many nanoseconds had its full attempt timeout.
    pub(crate) const fn is_whole_attempt(&self, ran: u64) -> bool {
        ran >= self.attempt_timeout
    }

    /// Whether the start of a retry has a limit.
    #[inline]
    pub(crate) const fn limits_starts(&self) -> bool {
        self.start_within != NO_LIMIT || self.total_timeout != NO_LIMIT
    }

    /// The limit that forbids a retry to start after this many nanoseconds, if one does.
    pub(crate) const fn late(&self, elapsed: u64) -> Option<GiveUp> {
        if self.has_passed(GiveUp::StartWithin, elapsed) {
            Some(GiveUp::StartWithin)
        } else if self.has_passed(GiveUp::TotalTimeout, elapsed) {
            Some(GiveUp::TotalTimeout)
        } else {
            None
        }
    }

    /// Whether the limit of this name has passed after this many nanoseconds, if the policy has it.
    #[inline]
    pub(crate) const fn has_passed(&self, limit: GiveUp, elapsed: u64) -> bool {
        match limit {
            GiveUp::StartWithin => self.start_within != NO_LIMIT && elapsed > self.start_within,
            GiveUp::TotalTimeout => self.total_timeout != NO_LIMIT && elapsed >= self.total_timeout,
            _ => false,
        }
    }
}
