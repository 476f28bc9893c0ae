//! Rules of any kind, such as those that a configuration file names.

use super::adaptive_throttle::AdaptiveThrottle;
use super::concurrency_share::ConcurrencyShare;
use super::interface::{Deposit, Price, Request};
use super::request_share::RequestShare;
use super::retry_throttle::RetryThrottle;
use super::shared::{BudgetRules, Concern};
use super::token_bucket::TokenBucket;
use crate::lock::Initial;
use crate::time::Instant;

/// The rules of a retry budget of a kind that is known only at run time, such as from a configuration file.
///
/// ```
/// use retry_core::{
///     budget::{Budget, BudgetConfig, Request, RequestShare}, runtime::LocalLock, Class, Instant, SharedBudget,
/// };
///
/// let rules = BudgetConfig::RequestShare(RequestShare::DEFAULT);
/// let budget = SharedBudget::<_, LocalLock>::with_lock(rules);
/// assert!(budget.withdraw(Request::new(Class::Server, 1, 0), Instant::ORIGIN).is_some());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum BudgetConfig {
    /// The rules of a [`TokenBucket`].
    TokenBucket(TokenBucket),
    /// The rules of a [`RetryThrottle`].
    RetryThrottle(RetryThrottle),
    /// The rules of a [`RequestShare`].
    RequestShare(RequestShare),
    /// The rules of a [`ConcurrencyShare`].
    ConcurrencyShare(ConcurrencyShare),
    /// The rules of an [`AdaptiveThrottle`].
    AdaptiveThrottle(AdaptiveThrottle),
}

type State<B> = <B as BudgetRules>::State;

/// The counts of a [`BudgetConfig`]. They become those of its kind at their first use.
#[derive(Debug)]
pub struct BudgetCounts(Counts);

#[derive(Debug)]
enum Counts {
    Unused,
    TokenBucket(State<TokenBucket>),
    RetryThrottle(State<RetryThrottle>),
    RequestShare(State<RequestShare>),
    ConcurrencyShare(State<ConcurrencyShare>),
    AdaptiveThrottle(State<AdaptiveThrottle>),
}

impl Initial for BudgetCounts {
    const INITIAL: Self = Self(Counts::Unused);
}

/// Calls a method of the rules with their own counts.
macro_rules! with_counts {
    ($rules:expr, $state:expr, |$its:ident, $counts:ident| $call:expr) => {
        with_counts!(
            @kinds $rules, $state, $its, $counts, $call,
            TokenBucket RetryThrottle RequestShare ConcurrencyShare AdaptiveThrottle
        )
    };
    (@kinds $rules:expr, $state:expr, $its:ident, $counts:ident, $call:expr, $($kind:ident)+) => {
        match $rules {
            $(BudgetConfig::$kind($its) => {
                // A budget keeps its rules, so the counts of another kind are unused ones.
                if !matches!($state.0, Counts::$kind(_)) {
                    $state.0 = Counts::$kind(<State<$kind>>::INITIAL);
                }
                match &mut $state.0 {
                    Counts::$kind($counts) => $call,
                    _ => unreachable!("the counts were made to be of this kind"),
                }
            })+
        }
    };
}

impl BudgetRules for BudgetConfig {
    type State = BudgetCounts;

    fn withdrawal_asks_time(&self) -> bool {
        match self {
            Self::TokenBucket(rules) => rules.withdrawal_asks_time(),
            Self::RetryThrottle(rules) => rules.withdrawal_asks_time(),
            Self::RequestShare(rules) => rules.withdrawal_asks_time(),
            Self::ConcurrencyShare(rules) => rules.withdrawal_asks_time(),
            Self::AdaptiveThrottle(rules) => rules.withdrawal_asks_time(),
        }
    }

    fn concern(&self, deposit: Deposit) -> Concern {
        match self {
            Self::TokenBucket(rules) => rules.concern(deposit),
            Self::RetryThrottle(rules) => rules.concern(deposit),
            Self::RequestShare(rules) => rules.concern(deposit),
            Self::ConcurrencyShare(rules) => rules.concern(deposit),
            Self::AdaptiveThrottle(rules) => rules.concern(deposit),
        }
    }

    fn withdraw(&self, state: &mut BudgetCounts, request: Request, now: Instant) -> Option<Price> {
        with_counts!(self, state, |rules, counts| rules.withdraw(counts, request, now))
    }

    fn deposit(&self, state: &mut BudgetCounts, deposit: Deposit, now: Instant) {
        with_counts!(self, state, |rules, counts| rules.deposit(counts, deposit, now));
    }

    fn level(&self, state: &mut BudgetCounts, now: Instant) -> Option<u64> {
        with_counts!(self, state, |rules, counts| rules.level(counts, now))
    }
}
