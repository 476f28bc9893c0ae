//! Shared allowances of retries, so that an outage is not made worse by everyone trying again.
//!
//! A limit of attempts bounds one call; it says nothing about a thousand calls that fail together, each of which
//! then asks three times. A budget bounds what all callers of one dependency retry in sum.

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
