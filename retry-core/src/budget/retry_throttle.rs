//! Tokens that failures take and successes bring back: the retry throttling of gRPC.

use super::decimal::billionths;
use super::interface::{Deposit, Price, Request};
use super::shared::{BudgetRules, Concern, SharedBudget};
use crate::class::ClassSet;
use crate::config_error::{ConfigError, Value, checked_setters};
use crate::lock::{Initial, Lock};
use crate::time::Instant;

/// Tokens that failures take and successes bring back. Retries are granted while more than half of the tokens are left:
/// gRPC's retry throttling.
///
/// Every failed attempt takes one token; a retry itself takes none. Every success earns [`token_ratio`](Self::token_ratio).
/// So retries end once failures outnumber successes by the ratio, and `1 / token_ratio` successes make up for a failure. It
/// reads no clock, and counts in thousandths of a token.
///
/// Source: [gRFC A6](https://github.com/grpc/proposal/blob/master/A6-client-retries.md#throttling-retry-attempts-and-hedged-rpcs).
///
/// ```
/// use retry_core::{
///     budget::{Budget, Deposit, Price, Request, RetryThrottle}, runtime::LocalLock, Class, Instant,
///     SharedBudget,
/// };
///
/// const RULES: RetryThrottle = RetryThrottle::DEFAULT.max_tokens(4).token_ratio(0.8);
///
/// let (budget, now) = (SharedBudget::<_, LocalLock>::with_lock(RULES), Instant::ORIGIN);
/// let failed = Deposit::Failed { class: Class::Server, price: Price(0) };
/// let request = Request::new(Class::Server, 1, 0);
///
/// budget.deposit(failed, now);
/// assert!(budget.withdraw(request, now).is_some()); // 3 of 4 are left
/// budget.deposit(failed, now);
/// assert!(budget.withdraw(request, now).is_none()); // 2 of 4 are not more than half
/// assert_eq!(budget.held_thousandths(), 2_000);
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
}

const TOKEN: u32 = 1_000;
const MOST_TOKENS: u32 = 1_000;

impl RetryThrottle {
    /// 10 tokens, of which a success earns 0.1: the example of the proposal.
    pub const DEFAULT: Self = Self { failures: ClassSet::RETRYABLE, max: 10 * TOKEN, ratio: TOKEN / 10 };

    checked_setters! {
        /// Sets how many tokens it holds at most, and at first, from 1 to 1000; 10 unless set.
        #[fails_if("the number is 0 or more than 1000.")]
        max_tokens, try_max_tokens(self, tokens: u32) {
            if tokens == 0 || tokens > MOST_TOKENS {
                let rule = "must be from 1 to 1000";
                return Err(ConfigError::new("max_tokens", Value::Count(tokens as u64), rule));
            }
            Ok(Self { max: tokens * TOKEN, ..self })
        }

        /// Sets how many tokens a success earns, above 0, rounded down to thousandths; 0.1 unless set. As the proposal has it,
        /// decimals after the third are ignored, so that less than 0.001 earns nothing.
        #[fails_if("the number is NaN, infinite, 0 or negative.")]
        token_ratio, try_token_ratio(self, tokens: f64) {
            const MOST: u64 = (MOST_TOKENS * TOKEN) as u64;
            match billionths(tokens) {
                Some(billionths) if tokens.to_bits() > 0 => {
                    let thousandths = billionths / 1_000_000;
                    // More than it can ever hold makes no difference.
                    #[allow(clippy::cast_possible_truncation)] // at most a million
                    let ratio = if thousandths > MOST { MOST } else { thousandths } as u32;
                    Ok(Self { ratio, ..self })
                }
                _ => {
                    let rule = "must be a finite number above 0";
                    Err(ConfigError::new("token_ratio", Value::Float(tokens), rule))
                }
            }
        }
    }

    /// Sets which classes of error take a token; [`ClassSet::RETRYABLE`] unless set. An error of any other class neither takes
    /// nor earns one.
    #[must_use]
    pub const fn count_as_failure(self, classes: ClassSet) -> Self {
        Self { failures: classes, ..self }
    }

    /// How many thousandths of a token it holds at most.
    pub const fn max_thousandths(&self) -> u32 {
        self.max
    }

    /// How many thousandths of a token a success earns.
    pub const fn earns_thousandths(&self) -> u32 {
        self.ratio
    }

    const fn grants(&self, state: &UsedUp) -> bool {
        state.used < self.max - state.used
    }
}

impl Default for RetryThrottle {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl BudgetRules for RetryThrottle {
    type State = UsedUp;

    #[inline]
    fn concern(&self, deposit: Deposit) -> Concern {
        match deposit {
            Deposit::Succeeded { .. } => Concern::Untimed,
            Deposit::Failed { class, .. } if self.failures.contains(class) => Concern::Untimed,
            _ => Concern::None,
        }
    }

    #[inline]
    fn withdraw(&self, state: &mut UsedUp, _: Request, _: Instant) -> Option<Price> {
        self.grants(state).then_some(Price(0))
    }

    #[inline]
    fn deposit(&self, state: &mut UsedUp, deposit: Deposit, _: Instant) {
        match deposit {
            Deposit::Succeeded { .. } => state.used = state.used.saturating_sub(self.ratio),
            Deposit::Failed { class, .. } if self.failures.contains(class) => {
                state.used = self.max.min(state.used + TOKEN);
            }
            _ => {}
        }
    }

    /// How many tokens it holds.
    fn level(&self, state: &mut UsedUp, _: Instant) -> Option<u64> {
        Some(((self.max - state.used) / TOKEN).into())
    }
}

impl<L: Lock> SharedBudget<RetryThrottle, L> {
    /// How many thousandths of a token it holds.
    pub fn held_thousandths(&self) -> u32 {
        self.with_state(|state| self.rules().max - state.used)
    }

    /// Whether it would grant a retry: while more than half of its tokens are left.
    pub fn grants_retries(&self) -> bool {
        self.with_state(|state| self.rules().grants(state))
    }
}

/// What is missing in a [`RetryThrottle`]. Nothing is missing in the first state, whatever its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct UsedUp {
    /// In thousandths of a token, at most what it can hold.
    used: u32,
}

impl Initial for UsedUp {
    const INITIAL: Self = Self { used: 0 };
}
