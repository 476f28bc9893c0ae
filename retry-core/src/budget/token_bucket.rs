//! A bucket of tokens that retries take: the retry quota of the AWS SDKs.

use super::decimal::millionths;
use super::interface::{Deposit, Price, Request};
use super::shared::{BudgetRules, Concern, SharedBudget};
use crate::class::Class;
use crate::config_error::{ConfigError, Value, checked_setters};
use crate::lock::{Initial, Lock};
use crate::time::{Instant, Now};

/// A bucket of tokens, full at first, of which each retry takes some: the retry quota of the AWS SDKs' standard mode.
///
/// - A retry costs [`retry_cost`](Self::retry_cost): after a [`Class::Timeout`] it costs
///   [`timeout_cost`](Self::timeout_cost), after a [`Class::RateLimit`] [`rate_limit_cost`](Self::rate_limit_cost).
/// - A retry that succeeds or is cancelled gives back what was paid for it. A retry that fails does not.
/// - A call whose first attempt succeeds earns [`first_try_refund`](Self::first_try_refund). Any success earns
///   [`success_reward`](Self::success_reward), and every second [`refill_per_second`](Self::refill_per_second).
/// - The bucket never holds more than its [`capacity`](Self::capacity).
///
/// So it is full while most calls succeed. In an outage it bounds the retries of all callers together to
/// `capacity / cost`. Its [`Price`] is in millionths of a token. Without a refill it reads no clock.
///
/// Source: [Retry behavior] of the AWS SDKs.
///
/// [Retry behavior]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
///
/// ```
/// use retry_core::{
///     budget::{Budget, Deposit, Request}, runtime::LocalLock, Class, Instant, SharedBudget, TokenBucket,
/// };
///
/// const RULES: TokenBucket = TokenBucket::DEFAULT.capacity(12);
///
/// let (budget, now) = (SharedBudget::<_, LocalLock>::with_lock(RULES), Instant::ORIGIN);
/// let request = |class| budget.withdraw(Request::new(class, 1, 0), now);
///
/// let price = request(Class::Timeout).unwrap();
/// assert_eq!(budget.held(now), 2);
/// assert_eq!(request(Class::Server), None); // would cost 5
/// budget.deposit(Deposit::Succeeded { first: false, price }, now);
/// assert_eq!(budget.held(now), 12);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TokenBucket {
    // In millionths of a token, all of them.
    capacity: u64,
    retry_cost: u64,
    timeout_cost: u64,
    /// `None`: as any other retry.
    rate_limit_cost: Option<u64>,
    first_try_refund: u64,
    success_reward: u64,
    refill: u64,
}

const TOKEN: u64 = 1_000_000;
const NANOS_PER_SEC: u64 = 1_000_000_000;

impl TokenBucket {
    /// 500 tokens. A retry costs 5, after a timeout 10. A success at the first attempt earns 1. No reward, no refill.
    pub const DEFAULT: Self = Self {
        capacity: 500 * TOKEN,
        retry_cost: 5 * TOKEN,
        timeout_cost: 10 * TOKEN,
        rate_limit_cost: None,
        first_try_refund: TOKEN,
        success_reward: 0,
        refill: 0,
    };

    /// Sets how many tokens it holds at most, and at first; 500 unless set. With 0 it grants no retry that costs anything.
    #[must_use]
    pub const fn capacity(self, tokens: u32) -> Self {
        Self { capacity: whole(tokens), ..self }
    }

    /// Sets what a retry costs; 5 tokens unless set. A cost above the capacity is never granted, and a cost of 0 always is.
    #[must_use]
    pub const fn retry_cost(self, tokens: u32) -> Self {
        Self { retry_cost: whole(tokens), ..self }
    }

    /// Sets what a retry costs after a [`Class::Timeout`]; 10 tokens unless set. A timeout keeps caller and dependency busy for
    /// longer than other errors.
    #[must_use]
    pub const fn timeout_cost(self, tokens: u32) -> Self {
        Self { timeout_cost: whole(tokens), ..self }
    }

    /// Sets what a retry costs after a [`Class::RateLimit`]; [`retry_cost`](Self::retry_cost) unless set.
    #[must_use]
    pub const fn rate_limit_cost(self, tokens: u32) -> Self {
        Self { rate_limit_cost: Some(whole(tokens)), ..self }
    }

    /// Sets what a call earns whose first attempt succeeds; 1 token unless set.
    #[must_use]
    pub const fn first_try_refund(self, tokens: u32) -> Self {
        Self { first_try_refund: whole(tokens), ..self }
    }

    checked_setters! {
        /// Sets how many tokens any success earns besides, to the nearest millionth; 0 unless set.
        #[fails_if("the number is NaN, infinite or negative.")]
        success_reward, try_success_reward(self, tokens: f64) {
            match fraction("success_reward", tokens) {
                Ok(success_reward) => Ok(Self { success_reward, ..self }),
                Err(error) => Err(error),
            }
        }

        /// Sets how many tokens time earns per second, to the nearest millionth; 0 unless set. Only whole seconds count, as in
        /// the AWS SDKs.
        #[fails_if("the number is NaN, infinite or negative.")]
        refill_per_second, try_refill_per_second(self, tokens: f64) {
            match fraction("refill_per_second", tokens) {
                Ok(refill) => Ok(Self { refill, ..self }),
                Err(error) => Err(error),
            }
        }
    }

    #[inline]
    const fn cost(&self, class: Class) -> u64 {
        match (class, self.rate_limit_cost) {
            (Class::Timeout, _) => self.timeout_cost,
            (Class::RateLimit, Some(cost)) => cost,
            _ => self.retry_cost,
        }
    }

    #[inline]
    fn refill(&self, state: &mut Spent, now: Instant) {
        let passed = now.nanos_since(state.refilled);
        if self.refill > 0 && passed >= NANOS_PER_SEC {
            let seconds = passed / NANOS_PER_SEC;
            state.refilled = state.refilled.after_nanos(seconds * NANOS_PER_SEC);
            state.give(seconds.saturating_mul(self.refill));
        }
    }
}

impl Default for TokenBucket {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl BudgetRules for TokenBucket {
    type State = Spent;

    fn withdrawal_asks_time(&self) -> bool {
        self.refill > 0
    }

    #[inline]
    fn concern(&self, deposit: Deposit) -> Concern {
        match deposit {
            Deposit::Succeeded { .. } | Deposit::Cancelled { price: Price(1..), .. } => Concern::Untimed,
            // What a failed attempt has cost is spent already.
            Deposit::Started { .. } | Deposit::Failed { .. } | Deposit::Cancelled { price: Price(0), .. } => {
                Concern::None
            }
        }
    }

    #[inline]
    fn withdraw(&self, state: &mut Spent, request: Request, now: Instant) -> Option<Price> {
        self.refill(state, now);
        let cost = self.cost(request.class);
        let spent = state.spent + cost; // each below 2^52
        if spent > self.capacity {
            return None;
        }
        state.spent = spent;
        Some(Price(cost))
    }

    #[inline]
    fn deposit(&self, state: &mut Spent, deposit: Deposit, _: Instant) {
        // What time has earned until now may be added later: between two withdrawals the order makes no difference.
        match deposit {
            Deposit::Succeeded { first, price } => {
                let refund = if first { self.first_try_refund } else { 0 };
                state.give(price.0.saturating_add(refund).saturating_add(self.success_reward));
            }
            Deposit::Cancelled { price, .. } => state.give(price.0),
            Deposit::Started { .. } | Deposit::Failed { .. } => {}
        }
    }

    /// Tokens.
    fn level(&self, state: &mut Spent, now: Instant) -> Option<u64> {
        self.refill(state, now);
        Some((self.capacity - state.spent) / TOKEN)
    }
}

impl<L: Lock> SharedBudget<TokenBucket, L> {
    /// How many tokens it holds, rounded down.
    pub fn held(&self, now: impl Now) -> u64 {
        self.held_millionths(now) / TOKEN
    }

    /// How many millionths of a token it holds.
    pub fn held_millionths(&self, now: impl Now) -> u64 {
        let (rules, now) = (self.rules(), now.now());
        self.with_state(|state| {
            rules.refill(state, now);
            rules.capacity - state.spent
        })
    }
}

/// What is missing in a [`TokenBucket`]. Nothing is missing in the first state, whatever its capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Spent {
    /// In millionths of a token, at most the capacity.
    spent: u64,
    /// The time up to which the refill was counted.
    refilled: Instant,
}

impl Spent {
    #[inline]
    fn give(&mut self, amount: u64) {
        self.spent = self.spent.saturating_sub(amount);
    }
}

impl Initial for Spent {
    const INITIAL: Self = Self { spent: 0, refilled: Instant::ORIGIN };
}

const fn whole(tokens: u32) -> u64 {
    tokens as u64 * TOKEN
}

const fn fraction(field: &'static str, tokens: f64) -> Result<u64, ConfigError> {
    match millionths(tokens) {
        Some(amount) => Ok(amount),
        None => {
            let rule = "must be a finite number of at least 0";
            Err(ConfigError::new(field, Value::Float(tokens), rule))
        }
    }
}
