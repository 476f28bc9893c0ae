//! Retries as a share of the calls, and a reserve: the retry budget of Finagle.

use core::time::Duration;

use super::decimal::millionths;
use super::interface::{Deposit, Price, Request};
use super::shared::{BudgetRules, Concern, SharedBudget};
use super::sliding::SlidingSum;
use crate::config_error::{ConfigError, Value, checked_setters};
use crate::lock::Lock;
use crate::time::{Instant, Now, nanos};

/// Grants retries in proportion to the calls, plus a small reserve for callers that make few calls. This is the retry
/// budget of Finagle and Tower.
///
/// Each call earns [`share`](Self::share) of a retry when it starts, which lasts for [`ttl`](Self::ttl). In addition,
/// there is a reserve of [`min_retries_per_second`](Self::min_retries_per_second) for the whole ttl. A retry from the
/// reserve comes back after the ttl. So over a ttl, the retries are at most that share of the calls plus the reserve,
/// up to the precision of its [`SlidingSum`].
///
/// The sum has ten slices, and each slice is forgotten as a whole. The [`Price`] names the slice in which a retry was
/// paid for. So what a cancelled retry gives back expires together with its slice.
///
/// Source: [Finagle's `RetryBudget`](https://twitter.github.io/finagle/guide/Clients.html#retries).
///
/// ```
/// use core::time::Duration;
/// use retry_core::{
///     budget::{Budget, Deposit, Request, RequestShare}, runtime::LocalLock, testing::FakeClock, Class,
///     SharedBudget,
/// };
///
/// const RULES: RequestShare = RequestShare::DEFAULT
///     .share(0.5)
///     .min_retries_per_second(0)
///     .ttl(Duration::from_secs(10));
///
/// let (budget, clock) = (SharedBudget::<_, LocalLock>::with_lock(RULES), FakeClock::new());
/// let request = || budget.withdraw(Request::new(Class::Server, 1, 0), clock.now());
/// for _ in 0..4 {
///     budget.deposit(Deposit::Started { first: true }, clock.now());
/// }
/// assert!(request().is_some());
/// assert_eq!(budget.held(clock.now()), 1);
/// clock.advance(Duration::from_secs(10));
/// assert!(request().is_none()); // the earnings have expired
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RequestShare {
    /// The earnings of a call, in millionths of a retry.
    share: i64,
    retries_per_second: u32,
    ttl: u64,
    // The next two follow from the others.
    /// In millionths of a retry.
    reserve: i64,
    /// In nanoseconds.
    slice: u64,
}

const RETRY: i64 = 1_000_000;
const SLICES: usize = 10;
const MOST_SHARE: u64 = 1_000;

impl RequestShare {
    /// One retry per five calls, a reserve of 10 retries per second, and a ttl of 10 s.
    pub const DEFAULT: Self = Self {
        share: RETRY / 5,
        retries_per_second: 10,
        ttl: nanos(Duration::from_secs(10)),
        reserve: 0,
        slice: 0,
    }
    .worked_out();

    checked_setters! {
        /// Sets how many retries a call earns, from 0 to 1000, rounded to the nearest millionth. The default is 0.2,
        /// which is one retry per five calls.
        #[fails_if("the share is NaN, below 0 or above 1000.")]
        share, try_share(self, retries: f64) {
            match millionths(retries) {
                Some(share) if share <= MOST_SHARE * RETRY.unsigned_abs() => {
                    Ok(Self { share: share.cast_signed(), ..self })
                }
                _ => {
                    let rule = "must be from 0 to 1000";
                    Err(ConfigError::new("share", Value::Float(retries), rule))
                }
            }
        }

        /// Sets how long a call and a retry count, from 1 s to 60 s. The default is 10 s.
        #[fails_if("the duration is shorter than 1 s or longer than 60 s.")]
        ttl, try_ttl(self, ttl: Duration) {
            const LEAST: u64 = nanos(Duration::from_secs(1));
            const MOST: u64 = nanos(Duration::from_secs(60));
            let nanos = nanos(ttl);
            if nanos < LEAST || nanos > MOST {
                let rule = "must be from 1 s to 60 s";
                return Err(ConfigError::new("ttl", Value::Duration(ttl), rule));
            }
            Ok(Self { ttl: nanos, ..self }.worked_out())
        }
    }

    /// Sets how many retries per second are granted for any number of calls. The default is 10. The reserve is this
    /// many times the ttl in seconds; 0 means no reserve.
    #[must_use]
    pub const fn min_retries_per_second(self, retries: u32) -> Self {
        Self { retries_per_second: retries, ..self }.worked_out()
    }

    const fn worked_out(self) -> Self {
        // Below 2^32 * 60 * 10^6, in whole milliseconds of the ttl.
        let reserve = self.retries_per_second as u64 * (self.ttl / 1_000_000) * 1_000;
        Self { reserve: reserve.cast_signed(), slice: self.ttl / SLICES as u64, ..self }
    }

    /// In millionths of a retry.
    #[inline]
    fn held(&self, state: &mut SlidingSum<SLICES>, now: Instant) -> i64 {
        state.advance(now, self.slice);
        state.sum().saturating_add(self.reserve)
    }
}

impl Default for RequestShare {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl BudgetRules for RequestShare {
    type State = SlidingSum<SLICES>;

    fn withdrawal_asks_time(&self) -> bool {
        true
    }

    #[inline]
    fn concern(&self, deposit: Deposit) -> Concern {
        match deposit {
            Deposit::Started { first: true } => Concern::Timed,
            Deposit::Cancelled { price: Price(1..), .. } | Deposit::Neutral { price: Price(1..) } => {
                Concern::Untimed
            }
            _ => Concern::None,
        }
    }

    #[inline]
    fn withdraw(&self, state: &mut SlidingSum<SLICES>, _: Request, now: Instant) -> Option<Price> {
        if self.held(state, now) < RETRY {
            return None;
        }
        // A price of 0 would be that of a first attempt.
        state.add(-RETRY).map(|slice| Price(slice + 1))
    }

    #[inline]
    fn deposit(&self, state: &mut SlidingSum<SLICES>, deposit: Deposit, now: Instant) {
        match deposit {
            Deposit::Started { first: true } => {
                state.advance(now, self.slice);
                let _ = state.add(self.share); // a full slice stays as it is
            }
            Deposit::Cancelled { price: Price(slice @ 1..), .. }
            | Deposit::Neutral { price: Price(slice @ 1..) } => state.take_back(-RETRY, slice - 1),
            _ => {}
        }
    }

    /// Returns how many whole retries would be granted now.
    fn level(&self, state: &mut SlidingSum<SLICES>, now: Instant) -> Option<u64> {
        u64::try_from(self.held(state, now) / RETRY).ok()
    }
}

impl<L: Lock> SharedBudget<RequestShare, L> {
    /// Returns how many whole retries would be granted now.
    pub fn held(&self, now: impl Now) -> u64 {
        let now = now.now();
        let held = self.with_state(|state| self.rules().held(state, now));
        u64::try_from(held / RETRY).unwrap_or(0)
    }
}

#[cfg(feature = "serde")]
impl RequestShare {
    /// The share in millionths, the ttl, and the retries per second.
    pub(crate) const fn settings(&self) -> (u64, Duration, u32) {
        (self.share.unsigned_abs(), Duration::from_nanos(self.ttl), self.retries_per_second)
    }
}
