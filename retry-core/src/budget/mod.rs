//! Shared allowances of retries, so that an outage is not made worse by everyone trying again.
//!
//! A limit of attempts bounds one call; it says nothing about a thousand calls that fail together, each of which
//! then asks three times. A budget bounds what all callers of one dependency retry in sum.

mod adaptive_throttle;
mod concurrency_share;
mod decimal;
mod request_share;
mod retry_throttle;
mod shared;
mod sliding;
mod token_bucket;

pub use adaptive_throttle::AdaptiveThrottle;
pub use concurrency_share::ConcurrencyShare;
pub use request_share::RequestShare;
pub use retry_throttle::RetryThrottle;
pub use shared::{BudgetRules, Concern, SharedBudget};
pub use sliding::SlidingSum;
pub use token_bucket::TokenBucket;

use crate::class::Class;
use crate::time::Now;

/// A shared allowance of retries, of which no more is ever taken out than it holds.
///
/// The calls tell it what happens, and it makes of that what its rules say: a budget may earn with each request,
/// with each success, or with time. [`NoBudget`] grants all; a [`SharedBudget`] does by one of these rules, or by
/// some of one's own:
///
/// | rules | a retry is granted while | reads the clock |
/// |---|---|---|
/// | [`TokenBucket`] | there are tokens: failed retries use them up, successes bring them back | with a refill only |
/// | [`RetryThrottle`] | failures do not outnumber successes by a ratio | no |
/// | [`RequestShare`] | retries are no more than a share of the recent calls | for a call and for a retry |
/// | [`ConcurrencyShare`] | retries are no more than a share of the attempts under way | no |
/// | [`AdaptiveThrottle`] | chance has it: the more attempts are turned down, the less | for an end and for a retry |
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a budget that calls can share",
    note = "a budget is made with `SharedBudget::new(rules)`, and given as `&budget` or in an `Arc`"
)]
pub trait Budget {
    /// Takes out what one retry costs; `None` where it does not hold that much. The attempt that failed was
    /// deposited before.
    fn withdraw(&self, request: Request, now: impl Now) -> Option<Price>;

    /// Learns what happened to an attempt.
    fn deposit(&self, deposit: Deposit, now: impl Now);

    /// How much it holds, in whole units of its own, if that can be said: for events, never for a decision.
    fn level(&self, now: impl Now) -> Option<u64> {
        let _ = now;
        None
    }
}

/// A retry that asks to be paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Request {
    /// The class of the error that is to be retried.
    pub class: Class,
    /// The attempt that failed, from 1.
    pub attempt: u32,
    /// The random word that the delay was made of, for budgets that refuse at random. They mix it first.
    pub word: u64,
}

impl Request {
    /// A request after this attempt, which failed like this.
    pub const fn new(class: Class, attempt: u32, word: u64) -> Self {
        Self { class, attempt, word }
    }
}

/// What was taken out for one retry, as the budget itself counts it: it gets it back unchanged with what became of
/// the retry. Zero for a first attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Price(pub u64);

/// What happened to an attempt, and what had been paid for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Deposit {
    /// It started; `first` of its call.
    Started {
        /// Whether it is the first of its call.
        first: bool,
    },
    /// It succeeded.
    Succeeded {
        /// Whether it was the first of its call.
        first: bool,
        /// What had been paid for it.
        price: Price,
    },
    /// It failed.
    Failed {
        /// The class of the error.
        class: Class,
        /// What had been paid for it.
        price: Price,
    },
    /// It was dropped before it ended, or never started though it was paid for.
    Cancelled {
        /// Whether it had started.
        started: bool,
        /// What had been paid for it.
        price: Price,
    },
}

/// No budget: grants every retry, costs nothing.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NoBudget;

impl Budget for NoBudget {
    fn withdraw(&self, _: Request, _: impl Now) -> Option<Price> {
        Some(Price(0))
    }

    fn deposit(&self, _: Deposit, _: impl Now) {}
}

/// Passes everything on to what it points to.
macro_rules! pointer {
    ($(#[$attribute:meta])* $pointer:ty) => {
        $(#[$attribute])*
        impl<B: Budget + ?Sized> Budget for $pointer {
            #[inline]
            fn withdraw(&self, request: Request, now: impl Now) -> Option<Price> {
                (**self).withdraw(request, now)
            }

            #[inline]
            fn deposit(&self, deposit: Deposit, now: impl Now) {
                (**self).deposit(deposit, now);
            }

            #[inline]
            fn level(&self, now: impl Now) -> Option<u64> {
                (**self).level(now)
            }
        }
    };
}
pointer!(&B);
#[cfg(feature = "std")]
pointer!(std::sync::Arc<B>);
