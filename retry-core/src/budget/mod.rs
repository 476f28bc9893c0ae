//! Retry budgets: they bound what all callers of one dependency retry together, so that retries do not make an outage
//! worse.
//!
//! [`max_attempts`](crate::Policy::max_attempts) bounds one call. It does not help if a thousand calls fail at once and each
//! makes three attempts: the dependency gets three times the load when it can least bear it. A budget is shared by these
//! calls. It grants each retry while the dependency is well, and stops granting when most calls fail.
//!
//! ```
//! use retry_core::{Class, Policy, Retry, SharedBudget, TokenBucket, testing::FakeClock};
//!
//! const RULES: TokenBucket = TokenBucket::DEFAULT.capacity(25).retry_cost(5); // 5 retries in an outage
//!
//! let (budget, clock, mut attempts) = (SharedBudget::new(RULES), FakeClock::new(), 0);
//! let mut call = || {
//!     Retry::new(&Policy::DEFAULT, &clock).budget(&budget).run_blocking(|| {
//!         attempts += 1;
//!         Err::<(), _>(Class::Server)
//!     })
//! };
//!
//! let last = (0..100).map(|_| call()).last().unwrap();
//! assert!(last.unwrap_err().is_budget_empty());
//! assert_eq!(attempts, 100 + 5); // without the budget: three attempts per call
//! ```
//!
//! # Rules
//!
//! Calls tell the budget what happens to their attempts, and ask it for each retry. What it makes of that are its rules:
//!
//! | rules | a retry is granted while | known from | reads the clock |
//! |---|---|---|---|
//! | [`TokenBucket`] | there are tokens: failed retries use them up, and successes bring them back | AWS SDKs | with a refill only |
//! | [`RetryThrottle`] | failures do not outnumber successes by a ratio | gRPC | no |
//! | [`RequestShare`] | retries are at most a share of the recent calls | Finagle, Tower | for a call and for a retry |
//! | [`ConcurrencyShare`] | retries are at most a share of the attempts under way | Envoy | no |
//! | [`AdaptiveThrottle`] | a random draw allows it: less often, as fewer attempts get through | the SRE book | for an end and for a retry |
//!
//! A [`SharedBudget`] has rules, what they count, and a lock. Several circuits may share one budget, and a call
//! without a circuit may have one. To write rules of your own, implement [`BudgetRules`]; for a budget of your own kind,
//! implement [`Budget`].
//!
//! # In a call
//!
//! The budget is asked last: after the policy has decided to retry, and the circuit would admit the attempt. If the
//! budget refuses, the call gives up with [`GiveUp::Budget`](crate::GiveUp::Budget). What was paid for a retry that is
//! cancelled goes back.
//!
//! # What is not there
//!
//! A budget is not a rate limiter: it never delays or refuses a first attempt.

#![doc(alias = "retry budget")]
#![doc(alias = "retry quota")]
#![doc(alias = "retry throttling")]
#![doc(alias = "rate limiter")]

mod adaptive_throttle;
mod concurrency_share;
mod decimal;
mod interface;
mod request_share;
mod retry_throttle;
mod shared;
mod sliding;
mod token_bucket;

pub use adaptive_throttle::AdaptiveThrottle;
pub use concurrency_share::ConcurrencyShare;
pub use interface::{Budget, Deposit, NoBudget, Price, Request};
pub use request_share::RequestShare;
pub use retry_throttle::RetryThrottle;
pub use shared::{BudgetRules, Concern, SharedBudget};
pub use sliding::SlidingSum;
pub use token_bucket::TokenBucket;
