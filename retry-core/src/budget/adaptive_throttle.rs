//! Client-side throttling by the share of attempts that get through: the adaptive throttling of the SRE book.

use core::time::Duration;

use super::decimal::billionths;
use super::interface::{Deposit, Price, Request};
use super::shared::{BudgetRules, Concern, SharedBudget};
use super::sliding::SlidingSum;
use crate::class::ClassSet;
use crate::config_error::{ConfigError, Value, checked_setters};
use crate::lock::Lock;
use crate::ratio::mixed;
use crate::time::{Instant, Now, nanos};

/// Refuses retries at random, more often as fewer attempts get through. This is the adaptive throttling of the SRE
/// book.
///
/// It counts over the last [`window`](Self::window). `requests` is the number of attempts that have ended, plus the
/// retries refused here. `accepts` is the number of attempts that the dependency handled. A retry is refused with this
/// probability:
///
/// ```text
/// max(0, (requests - multiplier * accepts) / (requests + 1))        at most max_rejection
/// ```
///
/// With the default multiplier of 2, every retry is granted while half of the attempts or more get through. Below that,
/// retries become rarer. First attempts are always admitted: they show when the dependency recovers. A retry has no
/// price.
///
/// It draws from the random word of the delay, and mixes it first, so that the refusals are independent of the lengths
/// of the delays.
///
/// Source: [Handling Overload](https://sre.google/sre-book/handling-overload/), equation 21-1.
///
/// ```
/// use retry_core::{
///     budget::{AdaptiveThrottle, Budget, Deposit, Price}, runtime::LocalLock, Class, Instant, SharedBudget,
/// };
///
/// const RULES: AdaptiveThrottle = AdaptiveThrottle::DEFAULT.multiplier(1.5);
///
/// let (budget, now) = (SharedBudget::<_, LocalLock>::with_lock(RULES), Instant::ORIGIN);
/// for _ in 0..3 {
///     budget.deposit(Deposit::Failed { class: Class::Server, price: Price(0) }, now);
/// }
/// assert_eq!(budget.rejection_probability(now), (3 << 32) / 4);
/// budget.deposit(Deposit::Succeeded { first: true, price: Price(0) }, now);
/// assert_eq!(budget.rejection_probability(now), (5 << 32) / 10); // (4 - 1.5) / (4 + 1)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AdaptiveThrottle {
    rejections: ClassSet,
    /// In parts of 2^24.
    multiplier: u32,
    /// In parts of 2^32.
    max_rejection: u64,
    min_attempts: u32,
    /// In nanoseconds.
    window: u64,
}

const SLICES: usize = 12;
const BILLION: u64 = 1_000_000_000;
/// One request, in the upper half of a sum; the lower half counts the accepts. At most 2^31 requests fit, so the halves
/// stay apart.
const REQUEST: i64 = 1 << 32;
const ACCEPT: i64 = 1;

impl AdaptiveThrottle {
    /// A multiplier of 2 over the last 2 min, from the first attempt on, with a probability of up to 1.
    pub const DEFAULT: Self = Self {
        rejections: ClassSet::DEPENDENCY,
        multiplier: 2 << 24,
        max_rejection: 1 << 32,
        min_attempts: 0,
        window: nanos(Duration::from_secs(120)),
    };

    checked_setters! {
        /// Sets how many requests are let through per accept, from 1 to 100. The default is 2. Retries are refused once
        /// the success rate falls below its inverse, so a smaller multiplier refuses sooner.
        #[fails_if("the multiplier is NaN, below 1 or above 100.")]
        multiplier, try_multiplier(self, multiplier: f64) {
            match billionths(multiplier) {
                Some(billionths @ BILLION..=100_000_000_000) => {
                    #[allow(clippy::cast_possible_truncation)] // at most 100 * 2^24
                    let multiplier = ((billionths * (1 << 24) + BILLION / 2) / BILLION) as u32;
                    Ok(Self { multiplier, ..self })
                }
                _ => {
                    let rule = "must be from 1 to 100";
                    Err(ConfigError::new("multiplier", Value::Float(multiplier), rule))
                }
            }
        }

        /// Sets the highest probability of a refusal, from 0 to 1. The default is 1.
        #[fails_if("the probability is NaN, below 0 or above 1.")]
        max_rejection, try_max_rejection(self, probability: f64) {
            match billionths(probability) {
                Some(billionths @ ..=BILLION) => {
                    Ok(Self { max_rejection: ((billionths << 32) + BILLION / 2) / BILLION, ..self })
                }
                _ => {
                    let rule = "must be from 0 to 1";
                    Err(ConfigError::new("max_rejection", Value::Float(probability), rule))
                }
            }
        }

        /// Sets how long an attempt counts, at least 1 s. The default is 2 min. The time is kept in twelve slices: see
        /// [`SlidingSum`].
        #[fails_if("the window is shorter than 1 s.")]
        window, try_window(self, window: Duration) {
            let nanos = nanos(window);
            if nanos < BILLION {
                let rule = "must be at least 1 s";
                return Err(ConfigError::new("window", Value::Duration(window), rule));
            }
            Ok(Self { window: nanos, ..self })
        }
    }

    /// Sets how many requests the window must hold before a retry may be refused. The default is 0.
    #[must_use]
    pub const fn min_attempts(self, attempts: u32) -> Self {
        Self { min_attempts: attempts, ..self }
    }

    /// Sets which classes of error mean that the dependency did not handle the attempt. The default is
    /// [`ClassSet::DEPENDENCY`]. An error of any other class is an answer, and counts as an accept.
    #[must_use]
    pub const fn count_as_rejection(self, classes: ClassSet) -> Self {
        Self { rejections: classes, ..self }
    }

    /// Returns the length of one of the twelve parts of the window in nanoseconds, rounded down.
    const fn slice(&self) -> u64 {
        self.window / SLICES as u64
    }

    /// Returns `requests - multiplier * accepts` in parts of 2^32, at least 0, and the requests, as of `now`.
    #[inline]
    fn excess(&self, state: &mut SlidingSum<SLICES>, now: Instant) -> (u64, u64) {
        state.advance(now, self.slice());
        let sum = state.sum().cast_unsigned();
        let (requests, accepts) = (sum >> 32, sum & 0xffff_ffff);
        // Both are below 2^31, and the multiplier is below 2^32.
        let excess = (requests << 24).saturating_sub(accepts * u64::from(self.multiplier));
        let excess = if requests < u64::from(self.min_attempts) { 0 } else { excess };
        (excess << 8, requests)
    }
}

impl Default for AdaptiveThrottle {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl BudgetRules for AdaptiveThrottle {
    type State = SlidingSum<SLICES>;

    fn withdrawal_asks_time(&self) -> bool {
        true
    }

    #[inline]
    fn concern(&self, deposit: Deposit) -> Concern {
        match deposit {
            Deposit::Succeeded { .. } | Deposit::Failed { .. } => Concern::Timed,
            Deposit::Started { .. } | Deposit::Neutral { .. } | Deposit::Cancelled { .. } => Concern::None,
        }
    }

    #[inline]
    fn withdraw(&self, state: &mut SlidingSum<SLICES>, request: Request, now: Instant) -> Option<Price> {
        let (excess, requests) = self.excess(state, now);
        // A number below the probability times 2^32, without a division.
        let drawn = mixed(request.word) >> 32;
        if drawn < self.max_rejection && drawn * (requests + 1) < excess {
            let _ = state.add(REQUEST); // a full slice stays as it is
            return None;
        }
        Some(Price(0))
    }

    #[inline]
    fn deposit(&self, state: &mut SlidingSum<SLICES>, deposit: Deposit, now: Instant) {
        let accepted = match deposit {
            Deposit::Succeeded { .. } => true,
            Deposit::Failed { class, .. } => !self.rejections.contains(class),
            Deposit::Started { .. } | Deposit::Neutral { .. } | Deposit::Cancelled { .. } => return,
        };
        state.advance(now, self.slice());
        let _ = state.add(if accepted { REQUEST + ACCEPT } else { REQUEST }); // a full slice stays as it is
    }
}

impl<L: Lock> SharedBudget<AdaptiveThrottle, L> {
    /// Returns the probability that a retry would be refused now, in parts of 2^32, rounded down.
    pub fn rejection_probability(&self, now: impl Now) -> u64 {
        let (rules, now) = (self.rules(), now.now());
        let (excess, requests) = self.with_state(|state| rules.excess(state, now));
        (excess / (requests + 1)).min(rules.max_rejection)
    }
}

/// The values of an [`AdaptiveThrottle`].
#[cfg(feature = "serde")]
pub(crate) struct AdaptiveThrottleSettings {
    pub(crate) multiplier: f64,
    pub(crate) max_rejection: f64,
    pub(crate) window: Duration,
    pub(crate) min_attempts: u32,
    pub(crate) count_as_rejection: ClassSet,
}

#[cfg(feature = "serde")]
impl AdaptiveThrottle {
    #[allow(clippy::float_arithmetic)] // exact: powers of two
    pub(crate) fn settings(&self) -> AdaptiveThrottleSettings {
        AdaptiveThrottleSettings {
            multiplier: f64::from(self.multiplier) / f64::from(1 << 24),
            max_rejection: self.max_rejection as f64 / (1_u64 << 32) as f64,
            window: Duration::from_nanos(self.window),
            min_attempts: self.min_attempts,
            count_as_rejection: self.rejections,
        }
    }
}
