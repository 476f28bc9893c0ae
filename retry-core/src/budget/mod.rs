//! Retry budgets: a limit on the retries of all callers of one dependency together, so that retries cannot make an
//! outage worse.
//!
//! Guides: [best practices](crate::_guides::best_practices), [settings](crate::_guides::settings).
//!
//! [`max_attempts`](crate::Policy::max_attempts) bounds one call. But if a thousand calls fail at once and each makes
//! three attempts, the dependency gets three times the load while it is already overloaded. A budget is shared by these
//! calls. It grants each retry while most calls succeed, and stops granting when most calls fail.
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
//! Calls report each attempt to the budget, and ask it for each retry. Its rules decide:
//!
//! | rules | a retry is granted while | known from | reads the clock |
//! |---|---|---|---|
//! | [`TokenBucket`] | there are tokens: failed retries use them up, and successes and time bring them back | AWS SDKs | per retry, unless time earns nothing |
//! | [`RetryThrottle`] | more than half of the tokens are left: failures use them up, and successes and time bring them back | gRPC | per failure and per retry, unless time earns nothing |
//! | [`RequestShare`] | retries are at most a share of the recent calls | Finagle, Tower | once per call and per retry |
//! | [`ConcurrencyShare`] | retries are at most a share of the attempts under way | Envoy | no |
//! | [`AdaptiveThrottle`] | a random draw allows it: less often as fewer attempts get through | the SRE book | at the end of an attempt, and per retry |
//!
//! The two that come from SDKs also exist exactly as there, where time earns nothing: [`TokenBucket::AWS`] and
//! [`RetryThrottle::GRPC`].
//!
//! A [`SharedBudget`] combines rules, their counts and a lock. Several circuits may share one budget, and a call
//! without a circuit may have one, too. For rules of your own, implement [`BudgetRules`]; for a budget of your own
//! kind, implement [`Budget`].
//!
//! # In a call
//!
//! A call asks the budget last, after the policy has decided to retry and the circuit would admit the attempt. If the
//! budget refuses, the call gives up with [`GiveUp::Budget`](crate::GiveUp::Budget). If a retry that was paid for is
//! cancelled, its price goes back.
//!
//! # Clocks that step
//!
//! What a budget earns with time is at most the sum of the clock's steps forward. After a step back of more than 1 s, it
//! continues from the new time at once. A smaller step may be that of a thread that was held up after it read the clock.
//! Then time stands still until the clock has caught up, so that several threads never earn the same time twice.
//!
//! # Limits
//!
//! A budget only concerns retries. First attempts always start at once. For a limit on those, an operation waits for an
//! [`AdaptiveRate`] before it sends, or for a rate limiter of another library.

#![doc(alias = "retry budget")]
#![doc(alias = "retry quota")]
#![doc(alias = "retry throttling")]
#![doc(alias = "rate limiter")]
#![doc(alias = "adaptive retry mode")]

mod adaptive_rate;
mod adaptive_throttle;
mod concurrency_share;
mod config;
mod decimal;
mod interface;
mod request_share;
mod retry_throttle;
mod shared;
mod sliding;
pub(crate) mod steps;
mod token_bucket;

pub use adaptive_rate::{AdaptiveRate, AdaptiveRateState, Sending, SharedAdaptiveRate};
pub use adaptive_throttle::AdaptiveThrottle;
pub use concurrency_share::ConcurrencyShare;
pub use config::{BudgetConfig, BudgetCounts};
pub use interface::{Budget, Deposit, NoBudget, Price, Request};
pub use request_share::RequestShare;
pub use retry_throttle::RetryThrottle;
pub use shared::{BudgetRules, Concern, SharedBudget};
pub use sliding::SlidingSum;
pub use token_bucket::TokenBucket;
