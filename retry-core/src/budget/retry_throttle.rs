//! Tokens that failures use up and successes bring back, as in the retry throttling of gRPC.

use super::decimal::billionths;
use super::interface::{Deposit, Price, Request};
use super::shared::{BudgetRules, Concern, SharedBudget};
use super::steps::Seconds;
use crate::class::ClassSet;
use crate::config_error::{ConfigError, Value, checked_setters};
use crate::lock::{Initial, Lock};
use crate::time::{Instant, Now};

/// Tokens that failures use up and successes bring back, as in gRPC's retry throttling. A retry is granted while more
/// than half of the tokens are left.
///
/// Every failed attempt takes one token; the retry itself is free. Every success earns
/// [`token_ratio`](Self::token_ratio), so `1 / token_ratio` successes make up for one failure. Every second earns
/// [`refill_per_second`](Self::refill_per_second). It counts in thousandths of a token.
///
/// | rules | how tokens come back |
/// |---|---|
/// | [`DEFAULT`](Self::DEFAULT) | with successes, and 0.1 tokens per second |
/// | [`GRPC`](Self::GRPC) | with successes only, exactly as in gRPC |
///
/// It reads the clock only for a refill: at failures that take a token, and for each retry. If the clock steps back by
/// more than 1 s, the refill continues from the new time; so it earns at most for the sum of the clock's steps forward.
///
/// Source: [gRFC
/// A6](https://github.com/grpc/proposal/blob/master/A6-client-retries.md#throttling-retry-attempts-and-hedged-rpcs).
///
/// ```
/// use retry_core::{
///     budget::{Budget, Deposit, Price, Request, RetryThrottle}, runtime::LocalLock, Class, Instant,
///     SharedBudget,
/// };
///
/// const RULES: RetryThrottle = RetryThrottle::GRPC.max_tokens(4).token_ratio(0.8);
///
/// let (budget, now) = (SharedBudget::<_, LocalLock>::with_lock(RULES), Instant::ORIGIN);
/// let failed = Deposit::Failed { class: Class::Server, price: Price(0) };
/// let request = Request::new(Class::Server, 1, 0);
///
/// budget.deposit(failed, now);
/// assert!(budget.withdraw(request, now).is_some()); // 3 of 4 are left
/// budget.deposit(failed, now);
/// assert!(budget.withdraw(request, now).is_none()); // 2 of 4 are not more than half
/// assert_eq!(budget.held_thousandths(now), 2_000);
/// ```
///
/// ```compile_fail
/// # use retry_core::budget::RetryThrottle;
/// const NONE: RetryThrottle = RetryThrottle::DEFAULT.max_tokens(0);
/// # let _ = NONE;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RetryThrottle {
    failures: ClassSet,
    // In thousandths of a token.
    max: u32,
    ratio: u32,
    refill: u32,
}

const TOKEN: u32 = 1_000;
const MOST_TOKENS: u32 = 1_000;

impl RetryThrottle {
    /// 10 tokens, of which each success earns 0.1, and so does each second. If there are none, there are 10 again after
    /// 100 s.
    pub const DEFAULT: Self = Self { refill: TOKEN / 10, ..Self::GRPC };

    /// The rules of gRPC: 10 tokens, of which each success earns 0.1, as in the example of the proposal. Time earns
    /// nothing.
    ///
    /// After an outage, these rules grant no retry until enough calls have succeeded, however long that takes.
    pub const GRPC: Self =
        Self { failures: ClassSet::RETRYABLE, max: 10 * TOKEN, ratio: TOKEN / 10, refill: 0 };

    checked_setters! {
        /// Sets the largest number of tokens, from 1 to 1000. The default is 10. At first, there are this many.
        #[fails_if("the number is 0 or more than 1000.")]
        max_tokens, try_max_tokens(self, tokens: u32) {
            if tokens == 0 || tokens > MOST_TOKENS {
                let rule = "must be from 1 to 1000";
                return Err(ConfigError::new("max_tokens", Value::Count(tokens as u64), rule));
            }
            Ok(Self { max: tokens * TOKEN, ..self })
        }

        /// Sets how many tokens a success earns, above 0, rounded down to thousandths. The default is 0.1. Less than
        /// 0.001 earns nothing, as the proposal says.
        #[fails_if("the number is NaN, infinite, 0 or negative.")]
        token_ratio, try_token_ratio(self, tokens: f64) {
            match billionths(tokens) {
                Some(billionths) if tokens.to_bits() > 0 => {
                    Ok(Self { ratio: thousandths(billionths), ..self })
                }
                _ => {
                    let rule = "must be a finite number above 0";
                    Err(ConfigError::new("token_ratio", Value::Float(tokens), rule))
                }
            }
        }

        /// Sets how many tokens each whole second earns, rounded down to thousandths. The default is 0.1. With less than
        /// 0.001, time earns nothing and no clock is read.
        #[fails_if("the number is NaN, infinite or negative.")]
        refill_per_second, try_refill_per_second(self, tokens: f64) {
            match billionths(tokens) {
                Some(billionths) => Ok(Self { refill: thousandths(billionths), ..self }),
                None => {
                    let rule = "must be a finite number of at least 0";
                    Err(ConfigError::new("refill_per_second", Value::Float(tokens), rule))
                }
            }
        }
    }

    /// Sets which classes of error take a token. The default is [`ClassSet::RETRYABLE`]. Errors of other classes leave
    /// the tokens as they are.
    #[must_use]
    pub const fn count_as_failure(self, classes: ClassSet) -> Self {
        Self { failures: classes, ..self }
    }

    /// Returns the largest number of tokens, in thousandths of a token.
    pub const fn max_thousandths(&self) -> u32 {
        self.max
    }

    /// Returns how much a success earns, in thousandths of a token.
    pub const fn earns_thousandths(&self) -> u32 {
        self.ratio
    }

    const fn grants(&self, state: &UsedUp) -> bool {
        state.used < self.max - state.used
    }

    #[inline]
    fn refill(&self, state: &mut UsedUp, now: Instant) {
        if self.refill > 0 {
            let seconds = state.seconds.passed(now);
            let earned = seconds.saturating_mul(self.refill.into());
            state.used = state.used.saturating_sub(u32::try_from(earned).unwrap_or(u32::MAX));
        }
    }
}

impl Default for RetryThrottle {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl BudgetRules for RetryThrottle {
    type State = UsedUp;

    fn withdrawal_asks_time(&self) -> bool {
        self.refill > 0
    }

    #[inline]
    fn concern(&self, deposit: Deposit) -> Concern {
        match deposit {
            // Two earnings make the same sum in any order. But what was earned before a failure is lost if there was
            // no room for it.
            Deposit::Succeeded { .. } => Concern::Untimed,
            Deposit::Failed { class, .. } if self.failures.contains(class) => {
                if self.refill > 0 {
                    Concern::Timed
                } else {
                    Concern::Untimed
                }
            }
            _ => Concern::None,
        }
    }

    #[inline]
    fn withdraw(&self, state: &mut UsedUp, _: Request, now: Instant) -> Option<Price> {
        self.refill(state, now);
        self.grants(state).then_some(Price(0))
    }

    #[inline]
    fn deposit(&self, state: &mut UsedUp, deposit: Deposit, now: Instant) {
        match deposit {
            Deposit::Succeeded { .. } => state.used = state.used.saturating_sub(self.ratio),
            Deposit::Failed { class, .. } if self.failures.contains(class) => {
                self.refill(state, now);
                state.used = self.max.min(state.used + TOKEN);
            }
            _ => {}
        }
    }

    /// Returns how many tokens are left, rounded down.
    fn level(&self, state: &mut UsedUp, now: Instant) -> Option<u64> {
        self.refill(state, now);
        Some(((self.max - state.used) / TOKEN).into())
    }
}

impl<L: Lock> SharedBudget<RetryThrottle, L> {
    /// Returns how many thousandths of a token are left.
    pub fn held_thousandths(&self, now: impl Now) -> u32 {
        let (rules, now) = (self.rules(), now.now());
        self.with_state(|state| {
            rules.refill(state, now);
            rules.max - state.used
        })
    }

    /// Returns `true` if a retry would be granted now: more than half of the tokens are left.
    pub fn grants_retries(&self, now: impl Now) -> bool {
        let (rules, now) = (self.rules(), now.now());
        self.with_state(|state| {
            rules.refill(state, now);
            rules.grants(state)
        })
    }
}

/// The tokens that are missing in a [`RetryThrottle`]. At first it is zero, whatever the largest number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct UsedUp {
    /// In thousandths of a token, at most the largest number.
    used: u32,
    /// Up to when the refill was counted.
    seconds: Seconds,
}

impl Initial for UsedUp {
    const INITIAL: Self = Self { used: 0, seconds: Seconds::INITIAL };
}

/// Makes thousandths of billionths, rounded down. More than the largest number of tokens makes no difference.
#[allow(clippy::cast_possible_truncation)] // at most a million
const fn thousandths(billionths: u64) -> u32 {
    const MOST: u64 = (MOST_TOKENS * TOKEN) as u64;
    let thousandths = billionths / 1_000_000;
    (if thousandths > MOST { MOST } else { thousandths }) as u32
}

#[cfg(feature = "serde")]
impl RetryThrottle {
    pub(crate) const fn refill_thousandths(&self) -> u32 {
        self.refill
    }

    pub(crate) const fn failures(&self) -> ClassSet {
        self.failures
    }
}
