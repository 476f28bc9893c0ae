//! A share of the requests, and a floor under it.

use core::time::Duration;

use super::decimal::millionths;
use super::interface::{Deposit, Price, Request};
use super::shared::{BudgetRules, Concern, SharedBudget};
use super::sliding::SlidingSum;
use crate::config_error::{ConfigError, Value, ok_or_panic};
use crate::lock::Lock;
use crate::time::{Instant, Now, nanos};

/// So many retries for each request, and a few for those who make few requests: Finagle's retry budget, and
/// Tower's.
///
/// Each call earns [`share`](Self::share) of a retry when it starts, which lasts for [`ttl`](Self::ttl). Beside
/// it there is a reserve of [`min_retries_per_second`](Self::min_retries_per_second) for all of the ttl; what was
/// taken of it comes back when the ttl has passed. So in any such time the retries are at most that share of the
/// calls, and the reserve.
///
/// The time is kept in ten slices, each forgotten as one: see [`SlidingSum`]. Its [`Price`] says in which of them
/// a retry was paid for, so that what a cancelled retry gives back is gone when it would have been anyway.
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
/// assert!(request().is_none()); // too late
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RequestShare {
    /// What a call earns, in millionths of a retry.
    share: i64,
    retries_per_second: u32,
    ttl: u64,
    // These two follow from the others.
    /// In millionths of a retry.
    reserve: i64,
    /// In nanoseconds.
    slice: u64,
}

const RETRY: i64 = 1_000_000;
const SLICES: usize = 10;
const MOST_SHARE: u64 = 1_000;

impl RequestShare {
    /// One retry for five calls, at least 10 a second, with a ttl of 10 s.
    pub const DEFAULT: Self = Self {
        share: RETRY / 5,
        retries_per_second: 10,
        ttl: nanos(Duration::from_secs(10)),
        reserve: 0,
        slice: 0,
    }
    .worked_out();

    /// How many retries a call earns, from 0 to 1000, to the nearest millionth: 0.2 is one retry for five calls,
    /// 2.0 two for each.
    ///
    /// # Panics
    /// On a share that is NaN, below 0 or above 1000.
    #[must_use]
    #[track_caller]
    pub const fn share(self, retries: f64) -> Self {
        ok_or_panic!(self.try_share(retries))
    }

    /// [`share`](Self::share) for a value known only at run time.
    ///
    /// # Errors
    /// A share that is NaN, below 0 or above 1000.
    pub const fn try_share(self, retries: f64) -> Result<Self, ConfigError> {
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

    /// How many retries a second are granted whatever the number of calls: this many times the ttl are in
    /// reserve. 0 for none.
    #[must_use]
    pub const fn min_retries_per_second(self, retries: u32) -> Self {
        Self { retries_per_second: retries, ..self }.worked_out()
    }

    /// For how long a call counts, and a retry; from 1 s to 60 s.
    ///
    /// # Panics
    /// On less than 1 s and on more than 60 s.
    #[must_use]
    #[track_caller]
    pub const fn ttl(self, ttl: Duration) -> Self {
        ok_or_panic!(self.try_ttl(ttl))
    }

    /// [`ttl`](Self::ttl) for a value known only at run time.
    ///
    /// # Errors
    /// Less than 1 s, and more than 60 s.
    pub const fn try_ttl(self, ttl: Duration) -> Result<Self, ConfigError> {
        const LEAST: u64 = nanos(Duration::from_secs(1));
        const MOST: u64 = nanos(Duration::from_secs(60));
        let nanos = nanos(ttl);
        if nanos < LEAST || nanos > MOST {
            let rule = "must be from 1 s to 60 s";
            return Err(ConfigError::new("ttl", Value::Duration(ttl), rule));
        }
        Ok(Self { ttl: nanos, ..self }.worked_out())
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
            Deposit::Cancelled { price: Price(1..), .. } => Concern::Untimed,
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
                let _ = state.add(self.share); // full is full
            }
            Deposit::Cancelled { price: Price(slice @ 1..), .. } => state.take_back(-RETRY, slice - 1),
            _ => {}
        }
    }

    /// Retries.
    fn level(&self, state: &mut SlidingSum<SLICES>, now: Instant) -> Option<u64> {
        u64::try_from(self.held(state, now) / RETRY).ok()
    }
}

impl<L: Lock> SharedBudget<RequestShare, L> {
    /// How many whole retries it would grant now.
    pub fn held(&self, now: impl Now) -> u64 {
        let now = now.now();
        let held = self.with_state(|state| self.rules().held(state, now));
        u64::try_from(held / RETRY).unwrap_or(0)
    }
}
