//! Retries as a share of the attempts under way: the retry budget of Envoy.

use super::decimal::millionths;
use super::interface::{Deposit, Price, Request};
use super::shared::{BudgetRules, SharedBudget};
use crate::config_error::{ConfigError, Value, checked_setters};
use crate::lock::{Initial, Lock};
use crate::time::Instant;

/// Grants retries in proportion to the attempts under way, as the retry budgets of Envoy and failsafe-go do.
///
/// A retry takes a slot when it is granted, and holds it through its delay until it has ended. The number of slots is
/// the [`share`](Self::share) of the attempts under way, rounded down, but at least [`min_retries`](Self::min_retries).
/// While a call asks, its failed attempt still counts as one of them. It works without a clock.
///
/// Source: [Envoy's `RetryBudget`](https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/circuit_breaker.proto#config-cluster-v3-circuitbreakers-thresholds-retrybudget).
///
/// ```
/// use retry_core::{
///     budget::{Budget, ConcurrencyShare, Deposit, Price, Request}, runtime::LocalLock, Class, Instant,
///     SharedBudget,
/// };
///
/// const RULES: ConcurrencyShare = ConcurrencyShare::DEFAULT.share(0.25).min_retries(0);
///
/// let (budget, now) = (SharedBudget::<_, LocalLock>::with_lock(RULES), Instant::ORIGIN);
/// for _ in 0..4 {
///     budget.deposit(Deposit::Started { first: true }, now);
/// }
/// for granted in [true, false] {
///     budget.deposit(Deposit::Failed { class: Class::Server, price: Price(0) }, now);
///     assert_eq!(budget.withdraw(Request::new(Class::Server, 1, 0), now).is_some(), granted);
/// }
/// assert_eq!((budget.attempts_under_way(), budget.retries_granted()), (2, 1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ConcurrencyShare {
    /// In millionths.
    share: u64,
    min_retries: u32,
}

const WHOLE: u64 = 1_000_000;

impl ConcurrencyShare {
    /// A fifth of the attempts under way, but at least 3 retries.
    pub const DEFAULT: Self = Self { share: WHOLE / 5, min_retries: 3 };

    checked_setters! {
        /// Sets the share of the attempts under way that may be retries, from 0 to 1, rounded to the nearest millionth.
        /// The default is 0.2.
        #[fails_if("the share is NaN, below 0 or above 1.")]
        share, try_share(self, share: f64) {
            match millionths(share) {
                Some(millionths) if millionths <= WHOLE => Ok(Self { share: millionths, ..self }),
                _ => Err(ConfigError::new("share", Value::Float(share), "must be from 0 to 1")),
            }
        }
    }

    /// Sets how many retries may always be under way at once, even if few attempts are. The default is 3. With 0 and a
    /// share below 1, a call that is alone gets no retry.
    #[must_use]
    pub const fn min_retries(self, retries: u32) -> Self {
        Self { min_retries: retries, ..self }
    }

    /// Returns how many retries may be under way at once while this many attempts are.
    #[allow(clippy::cast_possible_truncation)] // no more than `attempts`
    pub const fn allowed_retries(&self, attempts: u32) -> u32 {
        let shared = (self.share * attempts as u64 / WHOLE) as u32;
        if shared > self.min_retries { shared } else { self.min_retries }
    }
}

impl Default for ConcurrencyShare {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl BudgetRules for ConcurrencyShare {
    type State = UnderWay;

    #[inline]
    fn withdraw(&self, state: &mut UnderWay, _: Request, _: Instant) -> Option<Price> {
        // The division of `allowed_retries`, written as a product. Both products are below 2^53.
        let retries = u64::from(state.retries) + 1;
        let shared = retries * WHOLE <= self.share * (u64::from(state.attempts) + 1);
        if !shared && state.retries >= self.min_retries {
            return None;
        }
        state.retries = state.retries.checked_add(1)?;
        Some(Price(1))
    }

    #[inline]
    fn deposit(&self, state: &mut UnderWay, deposit: Deposit, _: Instant) {
        let (started, price) = match deposit {
            Deposit::Started { .. } => {
                state.attempts = state.attempts.saturating_add(1);
                return;
            }
            Deposit::Succeeded { price, .. } | Deposit::Failed { price, .. } | Deposit::Neutral { price } => {
                (true, price)
            }
            Deposit::Cancelled { started, price } => (started, price),
        };
        state.attempts = state.attempts.saturating_sub(started.into());
        state.retries = state.retries.saturating_sub((price > Price(0)).into());
    }
}

impl<L: Lock> SharedBudget<ConcurrencyShare, L> {
    /// Returns how many attempts are under way, retries included.
    pub fn attempts_under_way(&self) -> u32 {
        self.with_state(|state| state.attempts)
    }

    /// Returns how many retries were granted and are still waiting or running.
    pub fn retries_granted(&self) -> u32 {
        self.with_state(|state| state.retries)
    }
}

/// The counts of a [`ConcurrencyShare`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct UnderWay {
    attempts: u32,
    retries: u32,
}

impl Initial for UnderWay {
    const INITIAL: Self = Self { attempts: 0, retries: 0 };
}

#[cfg(feature = "serde")]
impl ConcurrencyShare {
    /// The share in millionths, and the retries.
    pub(crate) const fn settings(&self) -> (u64, u32) {
        (self.share, self.min_retries)
    }
}
