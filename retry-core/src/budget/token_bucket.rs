//! A bucket of tokens that retries use up, as the retry quota of the AWS SDKs.

use super::decimal::millionths;
use super::interface::{Deposit, Price, Request};
use super::shared::{BudgetRules, Concern, SharedBudget};
use super::steps::Seconds;
use crate::class::Class;
use crate::config_error::{ConfigError, Value, checked_setters};
use crate::lock::{Initial, Lock};
use crate::time::{Instant, Now};

/// A token bucket, full at first, from which each retry takes tokens, as in the retry quota of the AWS SDKs.
///
/// | rules | how tokens come back |
/// |---|---|
/// | [`DEFAULT`](Self::DEFAULT) | with successes, and 1 token per second |
/// | [`AWS`](Self::AWS) | with successes only, exactly as in the standard mode of the AWS SDKs |
///
/// - A retry costs [`retry_cost`](Self::retry_cost). After a [`Class::Timeout`] it costs
///   [`timeout_cost`](Self::timeout_cost), and after a [`Class::RateLimit`] [`rate_limit_cost`](Self::rate_limit_cost).
/// - If a retry succeeds or is cancelled, its price goes back. If it fails, the price is lost.
/// - If the first attempt of a call succeeds, it earns [`first_try_refund`](Self::first_try_refund).
/// - Any success also earns [`success_reward`](Self::success_reward).
/// - Every second earns [`refill_per_second`](Self::refill_per_second).
/// - The bucket holds at most its [`capacity`](Self::capacity).
///
/// So the bucket is full while most calls succeed. In an outage, it limits the retries of all callers together to
/// `capacity / cost`, and `refill_per_second / cost` more with each second. Without a refill, a bucket that an outage has
/// emptied stays empty until calls succeed at their first attempt.
///
/// Its [`Price`] is in millionths of a token. It reads the clock only for a refill. If the clock steps back by more than
/// 1 s, the refill continues from the new time; so the bucket earns at most for the sum of the clock's steps forward.
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
/// const RULES: TokenBucket = TokenBucket::AWS.capacity(12);
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
    // All amounts are in millionths of a token.
    capacity: u64,
    retry_cost: u64,
    timeout_cost: u64,
    /// `None` for the cost of any other retry.
    rate_limit_cost: Option<u64>,
    first_try_refund: u64,
    success_reward: u64,
    refill: u64,
}

const TOKEN: u64 = 1_000_000;

impl TokenBucket {
    /// A bucket of 500 tokens. A retry costs 5 tokens, and 10 after a timeout. A success at the first attempt earns 1
    /// token, and so does each second. An empty bucket is full again after 500 s.
    pub const DEFAULT: Self = Self { refill: TOKEN, ..Self::AWS };

    /// The rules of the AWS SDKs' standard mode: those of [`DEFAULT`](Self::DEFAULT), except that time earns nothing.
    ///
    /// After an outage, a bucket with these rules grants no retry until first attempts have succeeded, however long
    /// that takes.
    pub const AWS: Self = Self {
        capacity: 500 * TOKEN,
        retry_cost: 5 * TOKEN,
        timeout_cost: 10 * TOKEN,
        rate_limit_cost: None,
        first_try_refund: TOKEN,
        success_reward: 0,
        refill: 0,
    };

    /// Sets the capacity in tokens. The default is 500. The bucket is full at first. With 0, only retries that cost 0
    /// are granted.
    #[must_use]
    pub const fn capacity(self, tokens: u32) -> Self {
        Self { capacity: whole(tokens), ..self }
    }

    /// Sets the cost of a retry in tokens. The default is 5. A cost above the capacity is always refused, and a cost of
    /// 0 is always granted.
    #[must_use]
    pub const fn retry_cost(self, tokens: u32) -> Self {
        Self { retry_cost: whole(tokens), ..self }
    }

    /// Sets the cost of a retry after a [`Class::Timeout`] in tokens. The default is 10, because a timeout keeps caller
    /// and dependency busy for longer than other errors.
    #[must_use]
    pub const fn timeout_cost(self, tokens: u32) -> Self {
        Self { timeout_cost: whole(tokens), ..self }
    }

    /// Sets the cost of a retry after a [`Class::RateLimit`] in tokens. The default is
    /// [`retry_cost`](Self::retry_cost).
    #[must_use]
    pub const fn rate_limit_cost(self, tokens: u32) -> Self {
        Self { rate_limit_cost: Some(whole(tokens)), ..self }
    }

    /// Sets how many tokens a call earns if its first attempt succeeds. The default is 1.
    #[must_use]
    pub const fn first_try_refund(self, tokens: u32) -> Self {
        Self { first_try_refund: whole(tokens), ..self }
    }

    checked_setters! {
        /// Sets how many tokens any success earns in addition, rounded to the nearest millionth. The default is 0.
        #[fails_if("the number is NaN, infinite or negative.")]
        success_reward, try_success_reward(self, tokens: f64) {
            match fraction("success_reward", tokens) {
                Ok(success_reward) => Ok(Self { success_reward, ..self }),
                Err(error) => Err(error),
            }
        }

        /// Sets how many tokens each second earns, rounded to the nearest millionth. The default is 1. Only whole
        /// seconds count, as in the AWS SDKs. With 0, the bucket reads no clock.
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
        if self.refill > 0 {
            let seconds = state.seconds.passed(now);
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
            Deposit::Succeeded { .. }
            | Deposit::Cancelled { price: Price(1..), .. }
            | Deposit::Neutral { price: Price(1..) } => Concern::Untimed,
            // The price of a failed attempt is already spent.
            Deposit::Started { .. }
            | Deposit::Failed { .. }
            | Deposit::Cancelled { price: Price(0), .. }
            | Deposit::Neutral { price: Price(0) } => Concern::None,
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
        // The refill may be added later: between two withdrawals, the order makes no difference.
        match deposit {
            Deposit::Succeeded { first, price } => {
                let refund = if first { self.first_try_refund } else { 0 };
                state.give(price.0.saturating_add(refund).saturating_add(self.success_reward));
            }
            Deposit::Cancelled { price, .. } | Deposit::Neutral { price } => state.give(price.0),
            Deposit::Started { .. } | Deposit::Failed { .. } => {}
        }
    }

    /// Returns how many tokens the bucket holds, rounded down.
    fn level(&self, state: &mut Spent, now: Instant) -> Option<u64> {
        self.refill(state, now);
        Some((self.capacity - state.spent) / TOKEN)
    }
}

impl<L: Lock> SharedBudget<TokenBucket, L> {
    /// Returns how many tokens the bucket holds, rounded down.
    pub fn held(&self, now: impl Now) -> u64 {
        self.held_millionths(now) / TOKEN
    }

    /// Returns how many millionths of a token the bucket holds.
    pub fn held_millionths(&self, now: impl Now) -> u64 {
        let (rules, now) = (self.rules(), now.now());
        self.with_state(|state| {
            rules.refill(state, now);
            rules.capacity - state.spent
        })
    }
}

/// The tokens that are missing in a [`TokenBucket`]. At first it is zero, whatever the capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Spent {
    /// In millionths of a token, at most the capacity.
    spent: u64,
    /// Up to when the refill was counted.
    seconds: Seconds,
}

impl Spent {
    #[inline]
    fn give(&mut self, amount: u64) {
        self.spent = self.spent.saturating_sub(amount);
    }
}

impl Initial for Spent {
    const INITIAL: Self = Self { spent: 0, seconds: Seconds::INITIAL };
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

/// The values of a [`TokenBucket`] in the units of its setters, or in millionths.
#[cfg(feature = "serde")]
pub(crate) struct TokenBucketSettings {
    pub(crate) capacity: u32,
    pub(crate) retry_cost: u32,
    pub(crate) timeout_cost: u32,
    pub(crate) rate_limit_cost: Option<u32>,
    pub(crate) first_try_refund: u32,
    pub(crate) success_reward_millionths: u64,
    pub(crate) refill_millionths: u64,
}

#[cfg(feature = "serde")]
impl TokenBucket {
    pub(crate) fn settings(&self) -> TokenBucketSettings {
        #[allow(clippy::cast_possible_truncation)] // it was made of 32 bits
        let tokens = |millionths: u64| (millionths / TOKEN) as u32;
        TokenBucketSettings {
            capacity: tokens(self.capacity),
            retry_cost: tokens(self.retry_cost),
            timeout_cost: tokens(self.timeout_cost),
            rate_limit_cost: self.rate_limit_cost.map(tokens),
            first_try_refund: tokens(self.first_try_refund),
            success_reward_millionths: self.success_reward,
            refill_millionths: self.refill,
        }
    }
}
