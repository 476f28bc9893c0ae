//! The decision of a policy after a failed attempt.

use core::time::Duration;

use super::Failure;
use super::{Hints, NO_LIMIT, Policy, Rule};
use crate::class::{Class, Recovery};
use crate::delay::{Backoff, Jitter};
use crate::time::{duration, nanos};
use crate::verdict::GiveUp;

/// A failed attempt, as a policy sees it.
pub(crate) struct FailedAttempt<'a> {
    /// Its number in its series, counted from 1. Polls are a series, and so are the other attempts since the last
    /// pending answer.
    pub(crate) number: u32,
    /// Its number in the call, counted from 1.
    pub(crate) made: u32,
    pub(crate) failure: Failure,
    /// The delay before this attempt in nanoseconds; 0 before the first.
    pub(crate) previous: u64,
    /// The policy's rules.
    pub(crate) rules: &'a [Rule],
}

/// The delay that a policy decides on.
pub(crate) struct Plan {
    /// The delay before the next attempt, in nanoseconds.
    pub(crate) delay: u64,
    /// The shortest form of the delay. It is below `delay` if a readiness check may end the wait early.
    pub(crate) least: u64,
    /// The random word that made the delay.
    pub(crate) word: u64,
}

/// The factor for delays after an error of class `RateLimit`.
const RATE_LIMIT_STRETCH: u64 = 5;

impl Policy {
    /// Whether the server's hints are left aside.
    #[inline]
    pub(crate) const fn ignores_hints(&self) -> bool {
        matches!(self.hints, Hints::Ignore)
    }

    /// Decides what comes after a failed attempt, as far as the policy is concerned.
    ///
    /// `ceiling` is the call's own curve, if it has one: from the number of failed attempts and the base delay.
    /// `max_attempts` receives the number of attempts that the call makes if it goes on failing in this way; 0 stands for
    /// the policy's number. `word` is called exactly once for each delay, so that a recorded
    /// sequence of words replays.
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    pub(crate) fn decide(
        &self,
        attempt: &FailedAttempt<'_>,
        ceiling: impl Fn(u32, Duration) -> Option<Duration>,
        max_attempts: &mut u32,
        mut elapsed: impl FnMut() -> u64,
        word: impl FnOnce() -> u64,
    ) -> Result<Plan, GiveUp> {
        let Failure { hint, rule, is_last, is_pending, .. } = attempt.failure;
        // Most policies have no rules, and then the search costs nothing.
        let rule = if is_pending || (rule.is_none() && attempt.rules.is_empty()) {
            None
        } else {
            rule_for(attempt, &mut elapsed)
        };
        let most = match rule.and_then(|rule| rule.max_attempts) {
            Some(most) => most,
            None if is_pending => self.max_polls.unwrap_or(self.max_attempts),
            None => self.max_attempts,
        };
        // Otherwise the policy's number applies, as from the start.
        if rule.is_some() || is_pending || *max_attempts != 0 {
            let before = attempt.made.saturating_sub(attempt.number);
            *max_attempts = before.saturating_add(most).max(attempt.made);
        }
        if is_last {
            *max_attempts = attempt.made;
        }
        let mut plan = self.plan(rule, attempt, most, ceiling, word)?;
        if let Some(hint) = hint {
            let waits = plan.least < plan.delay;
            plan.delay = self.hinted(plan.delay, nanos(hint)).ok_or(GiveUp::Hint)?;
            plan.least =
                if waits { self.hinted(plan.least, nanos(hint)).ok_or(GiveUp::Hint)? } else { plan.delay };
        }
        if self.asks_time {
            self.limit(&mut plan, elapsed)?;
        }
        Ok(plan)
    }

    /// Limits the delay to the rest of the call's time. A wait may end at any time after its shortest form, so only
    /// that form must be in time.
    #[inline]
    fn limit(&self, plan: &mut Plan, mut elapsed: impl FnMut() -> u64) -> Result<(), GiveUp> {
        if self.start_within != NO_LIMIT {
            match self.start_within.checked_sub(elapsed()) {
                Some(left) if plan.delay <= left => {}
                Some(left) if plan.least <= left => plan.delay = left,
                _ => return Err(GiveUp::StartWithin),
            }
        }
        if self.total_timeout != NO_LIMIT {
            // Some of the time must be left for the attempt.
            match self.total_timeout.checked_sub(elapsed()) {
                Some(left) if plan.delay < left => {}
                Some(left) if plan.least < left => plan.delay = left,
                _ => return Err(GiveUp::TotalTimeout),
            }
        }
        Ok(())
    }

    /// The plan of a rule, if there is one. The policy fills in what the rule leaves open.
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    fn plan(
        &self,
        rule: Option<&Rule>,
        attempt: &FailedAttempt<'_>,
        most: u32,
        ceiling: impl Fn(u32, Duration) -> Option<Duration>,
        word: impl FnOnce() -> u64,
    ) -> Result<Plan, GiveUp> {
        let Failure { is_last, is_pending, .. } = attempt.failure;
        let recovery = match rule.and_then(Rule::recovers) {
            Some(recovery) => recovery,
            None if is_pending => Recovery::RetryWithBackoff,
            None => self.recovery(attempt.failure.class),
        };
        let fixed = match recovery {
            Recovery::Fail => return Err(GiveUp::Class),
            Recovery::Ignore => return Err(GiveUp::Ignored),
            Recovery::Circuit => return Err(GiveUp::LeftToCircuit),
            Recovery::RetryWithDelay(delay) | Recovery::WaitAndRetry(delay) => Some(Backoff::fixed(delay)),
            Recovery::RetryWithBackoff => None,
        };
        if is_last || exhausted(attempt.number, most) {
            return Err(GiveUp::Attempts);
        }
        let word = word();
        if is_pending && let Some(delay) = self.poll_every {
            return Ok(Plan { delay, least: delay, word });
        }
        let (own, usual_jitter) = match fixed {
            Some(fixed) => (Some(fixed), Jitter::None),
            None => (rule.and_then(|rule| rule.backoff), self.jitter),
        };
        let FailedAttempt { number, failure: Failure { class, .. }, previous, .. } = *attempt;
        let (ceiling, base) = match own {
            Some(own) => (own.ceiling_nanos(number, self.max_delay), own.base_nanos()),
            None => self.own_ceiling(number, class, ceiling),
        };
        let jitter = rule.and_then(|rule| rule.jitter).unwrap_or(usual_jitter);
        let delay = self.spread(jitter, ceiling, base, previous, word);
        let least = if let Recovery::WaitAndRetry(_) = recovery { self.min_delay } else { delay };
        Ok(Plan { delay, least, word })
    }

    /// The recovery after an error of this class, unless a rule sets it.
    const fn recovery(&self, class: Class) -> Recovery {
        match class.recovery() {
            _ if self.retries(class) => Recovery::RetryWithBackoff,
            Recovery::Circuit => Recovery::Circuit,
            _ => Recovery::Fail,
        }
    }

    /// The ceiling, at most `max_delay`, and the base delay. They follow the call's or the policy's curve, and are
    /// stretched after an error of class `RateLimit`.
    #[inline]
    fn own_ceiling(
        &self,
        number: u32,
        class: Class,
        ceiling: impl Fn(u32, Duration) -> Option<Duration>,
    ) -> (u64, u64) {
        let base = self.backoff.base_nanos();
        let ceiling = match ceiling(number, duration(base)) {
            None => self.backoff.ceiling_nanos(number, self.max_delay),
            Some(ceiling) => nanos(ceiling).min(self.max_delay),
        };
        match class {
            Class::RateLimit => {
                let stretched = |nanos: u64| nanos.saturating_mul(RATE_LIMIT_STRETCH);
                (stretched(ceiling).min(self.max_delay), stretched(base))
            }
            _ => (ceiling, base),
        }
    }

    /// Applies the jitter, then `min_delay`, and `max_delay` last. The ceiling is already at most `max_delay`.
    #[inline]
    pub(super) fn spread(&self, jitter: Jitter, ceiling: u64, base: u64, previous: u64, word: u64) -> u64 {
        jitter
            .delay_nanos(ceiling, base.min(self.max_delay), previous, self.max_delay, word)
            .max(self.min_delay)
            .min(self.max_delay)
    }

    /// The delay with a server's hint; `None` if the hint is longer than accepted.
    fn hinted(&self, delay: u64, hint: u64) -> Option<u64> {
        let limit = self.max_hint.unwrap_or(self.max_delay);
        match self.hints {
            Hints::Ignore => Some(delay),
            Hints::Clamp => Some(delay.max(hint.min(limit))),
            _ if hint > limit => None,
            Hints::Floor => Some(delay.max(hint)),
            Hints::Exact => Some(hint),
        }
    }
}

/// Whether this was the last attempt. `u32::MAX` means an unlimited number.
const fn exhausted(attempt: u32, most: u32) -> bool {
    attempt >= most && most != u32::MAX
}

/// The first rule that applies to the failure.
#[inline]
fn rule_for<'a>(attempt: &FailedAttempt<'a>, mut elapsed: impl FnMut() -> u64) -> Option<&'a Rule> {
    let Failure { class, rule, .. } = attempt.failure;
    let mut applies = |rule: &Rule| rule.applies(class, attempt.number, &mut elapsed);
    match rule {
        Some(rule) if applies(rule) => Some(rule),
        _ => attempt.rules.iter().find(|rule| applies(rule)),
    }
}
