//! Client-side throttling, as the SRE book has it.

use core::time::Duration;

use super::decimal::billionths;
use super::interface::{Deposit, Price, Request};
use super::shared::{BudgetRules, Concern, SharedBudget};
use super::sliding::SlidingSum;
use crate::class::ClassSet;
use crate::config_error::{ConfigError, Value, ok_or_panic};
use crate::lock::Lock;
use crate::ratio::mixed;
use crate::time::{Instant, Now, nanos};

/// Refuses retries at random, the likelier the more attempts the dependency turned down: the adaptive throttling
/// of the SRE book.
///
/// Over the last [`window`](Self::window), with `requests` the attempts that have ended and the retries refused
/// here, and `accepts` those of them that the dependency dealt with, a retry is refused with the probability
///
/// ```text
/// max(0, (requests - multiplier * accepts) / (requests + 1))        at most max_rejection
/// ```
///
/// So with the multiplier of 2, retries flow freely while half of the attempts get through, and fade out as fewer
/// do. It holds nothing, and a retry costs nothing. First attempts are never refused; they are what it learns of a
/// recovery from. The random word is that of the delay, mixed first, so that it is not the short delays that are
/// refused.
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
    minimum_attempts: u32,
    /// A slice of the window, in nanoseconds.
    slice: u64,
}

const SLICES: usize = 12;
const BILLION: u64 = 1_000_000_000;
/// One request, in the upper half of a sum; the lower half counts the accepts. No more than 2^31 requests fit,
/// so that the halves never touch.
const REQUEST: i64 = 1 << 32;
const ACCEPT: i64 = 1;

impl AdaptiveThrottle {
    /// A multiplier of 2 over the last two minutes, whatever the probability, from the first attempt on.
    pub const DEFAULT: Self = Self {
        rejections: ClassSet::DEPENDENCY,
        multiplier: 2 << 24,
        max_rejection: 1 << 32,
        minimum_attempts: 0,
        slice: nanos(Duration::from_secs(120)) / SLICES as u64,
    };

    /// How many requests for each accept are let through, from 1 to 100; 2 unless set. Less refuses sooner: the
    /// inverse of the rate of success under which retries are refused.
    ///
    /// # Panics
    /// On a multiplier that is NaN, below 1 or above 100.
    #[must_use]
    #[track_caller]
    pub const fn multiplier(self, multiplier: f64) -> Self {
        ok_or_panic!(self.try_multiplier(multiplier))
    }

    /// [`multiplier`](Self::multiplier) for a value known only at run time.
    ///
    /// # Errors
    /// A multiplier that is NaN, below 1 or above 100.
    #[allow(clippy::cast_possible_truncation)] // at most 100 * 2^24
    pub const fn try_multiplier(self, multiplier: f64) -> Result<Self, ConfigError> {
        match billionths(multiplier) {
            Some(billionths @ BILLION..=100_000_000_000) => {
                Ok(Self { multiplier: ((billionths * (1 << 24) + BILLION / 2) / BILLION) as u32, ..self })
            }
            _ => {
                let rule = "must be from 1 to 100";
                Err(ConfigError::new("multiplier", Value::Float(multiplier), rule))
            }
        }
    }

    /// The highest probability of a refusal, from 0 to 1; 1 unless set.
    ///
    /// # Panics
    /// On a probability that is NaN, below 0 or above 1.
    #[must_use]
    #[track_caller]
    pub const fn max_rejection(self, probability: f64) -> Self {
        ok_or_panic!(self.try_max_rejection(probability))
    }

    /// [`max_rejection`](Self::max_rejection) for a value known only at run time.
    ///
    /// # Errors
    /// A probability that is NaN, below 0 or above 1.
    pub const fn try_max_rejection(self, probability: f64) -> Result<Self, ConfigError> {
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

    /// Nothing is refused before the window holds this many requests; 0 unless set.
    #[must_use]
    pub const fn minimum_attempts(self, attempts: u32) -> Self {
        Self { minimum_attempts: attempts, ..self }
    }

    /// For how long an attempt counts, in twelve slices, see [`SlidingSum`]; from 1 s.
    ///
    /// # Panics
    /// On less than 1 s.
    #[must_use]
    #[track_caller]
    pub const fn window(self, window: Duration) -> Self {
        ok_or_panic!(self.try_window(window))
    }

    /// [`window`](Self::window) for a value known only at run time.
    ///
    /// # Errors
    /// Less than 1 s.
    pub const fn try_window(self, window: Duration) -> Result<Self, ConfigError> {
        let nanos = nanos(window);
        if nanos < BILLION {
            let rule = "must be at least 1 s";
            return Err(ConfigError::new("window", Value::Duration(window), rule));
        }
        Ok(Self { slice: nanos / SLICES as u64, ..self })
    }

    /// The classes of error that say that the dependency did not deal with the attempt; [`ClassSet::DEPENDENCY`]
    /// unless set. An error of any other class is an answer, and so an accept.
    #[must_use]
    pub const fn count_as_rejection(self, classes: ClassSet) -> Self {
        Self { rejections: classes, ..self }
    }

    /// `requests - multiplier * accepts` in parts of 2^32, 0 where below, and the requests. As of now.
    #[inline]
    fn excess(&self, state: &mut SlidingSum<SLICES>, now: Instant) -> (u64, u64) {
        state.advance(now, self.slice);
        let sum = state.sum().cast_unsigned();
        let (requests, accepts) = (sum >> 32, sum & 0xffff_ffff);
        // Both are below 2^31, and the multiplier below 2^32.
        let excess = (requests << 24).saturating_sub(accepts * u64::from(self.multiplier));
        let excess = if requests < u64::from(self.minimum_attempts) { 0 } else { excess };
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
            Deposit::Started { .. } | Deposit::Cancelled { .. } => Concern::None,
        }
    }

    #[inline]
    fn withdraw(&self, state: &mut SlidingSum<SLICES>, request: Request, now: Instant) -> Option<Price> {
        let (excess, requests) = self.excess(state, now);
        // A number below the probability times 2^32, without dividing.
        let drawn = mixed(request.word) >> 32;
        if drawn < self.max_rejection && drawn * (requests + 1) < excess {
            let _ = state.add(REQUEST); // full is full
            return None;
        }
        Some(Price(0))
    }

    #[inline]
    fn deposit(&self, state: &mut SlidingSum<SLICES>, deposit: Deposit, now: Instant) {
        let accepted = match deposit {
            Deposit::Succeeded { .. } => true,
            Deposit::Failed { class, .. } => !self.rejections.contains(class),
            Deposit::Started { .. } | Deposit::Cancelled { .. } => return,
        };
        state.advance(now, self.slice);
        let _ = state.add(if accepted { REQUEST + ACCEPT } else { REQUEST }); // full is full
    }
}

impl<L: Lock> SharedBudget<AdaptiveThrottle, L> {
    /// The probability with which a retry would be refused now, in parts of 2^32, rounded down.
    pub fn rejection_probability(&self, now: impl Now) -> u64 {
        let (rules, now) = (self.rules(), now.now());
        let (excess, requests) = self.with_state(|state| rules.excess(state, now));
        (excess / (requests + 1)).min(rules.max_rejection)
    }
}
