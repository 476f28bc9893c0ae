//! A budget that many callers share.

use core::fmt;

use super::interface::{Budget, Deposit, Price, Request};
use crate::lock::{DefaultLock, Exclusive, Initial, Lock};
use crate::time::{Instant, Now};

/// The rules of a retry budget. They are immutable; their counts are passed in.
///
/// For rules of your own, implement [`withdraw`](Self::withdraw) and [`deposit`](Self::deposit) for a state. A
/// [`SharedBudget`] shares them:
///
/// ```
/// use retry_core::{
///     budget::{Budget, BudgetRules, Deposit, Price, Request}, runtime::{Initial, LocalLock}, Class, Instant,
///     SharedBudget,
/// };
///
/// /// Grants this many retries in total.
/// struct Allotment(u32);
///
/// struct Used(u32);
///
/// impl Initial for Used {
///     const INITIAL: Self = Self(0);
/// }
///
/// impl BudgetRules for Allotment {
///     type State = Used;
///
///     fn withdraw(&self, used: &mut Used, _: Request, _: Instant) -> Option<Price> {
///         (used.0 < self.0).then(|| {
///             used.0 += 1;
///             Price(1)
///         })
///     }
///
///     fn deposit(&self, used: &mut Used, deposit: Deposit, _: Instant) {
///         if let Deposit::Cancelled { price: Price(1), .. } = deposit {
///             used.0 -= 1;
///         }
///     }
/// }
///
/// let budget = SharedBudget::<_, LocalLock>::with_lock(Allotment(1));
/// let request = Request::new(Class::Server, 1, 0);
/// assert!(budget.withdraw(request, Instant::ORIGIN).is_some());
/// assert!(budget.withdraw(request, Instant::ORIGIN).is_none());
/// ```
pub trait BudgetRules {
    /// The counts. Their first value is constant, so that a budget can be a `static`.
    type State: Initial;

    /// Returns `true` if a withdrawal needs the time. Otherwise the clock is left alone, and the `now` of a withdrawal
    /// has no meaning.
    fn withdrawal_asks_time(&self) -> bool {
        false
    }

    /// Returns whether this deposit counts, and whether it needs the time. It is asked before the lock is taken.
    fn concern(&self, deposit: Deposit) -> Concern {
        let _ = deposit;
        Concern::Untimed
    }

    /// Withdraws the price of one retry; `None` if the budget holds less. The failed attempt was deposited before.
    fn withdraw(&self, state: &mut Self::State, request: Request, now: Instant) -> Option<Price>;

    /// Records that an attempt started or ended.
    ///
    /// `now` may be earlier than an instant seen before. The clock may have stepped back, another thread may have been
    /// faster, or an attempt was dropped at an unknown time, which is [`Instant::ORIGIN`]. In these cases, no time has
    /// passed. A [`SlidingSum`](crate::budget::SlidingSum) takes all three into account.
    fn deposit(&self, state: &mut Self::State, deposit: Deposit, now: Instant);

    /// Returns how much the budget holds, in whole units of its own, for events; `None` if it has no such number.
    fn level(&self, state: &mut Self::State, now: Instant) -> Option<u64> {
        let _ = (state, now);
        None
    }
}

/// Whether a deposit counts for the rules of a budget, and whether they need its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Concern {
    /// The deposit does not count. The lock and the clock are left alone.
    None,
    /// The deposit counts, and its time is irrelevant. The clock is left alone.
    Untimed,
    /// The deposit counts at its time.
    Timed,
}

/// A retry budget that many callers share. It holds the rules, their counts and a lock.
///
/// It is usually a `static`, or in an `Arc`. `B` is the rules. `L` is the [`Lock`], by default the [`DefaultLock`].
///
/// ```
/// # #[cfg(feature = "std")] {
/// use retry_core::{testing::FakeClock, Policy, Retry, SharedBudget, TokenBucket};
///
/// static STOCK: SharedBudget<TokenBucket> = SharedBudget::new(TokenBucket::DEFAULT);
///
/// let clock = FakeClock::new();
/// let retry = Retry::new(&Policy::DEFAULT, &clock).budget(&STOCK);
/// # let _ = retry;
/// assert_eq!(STOCK.held(clock.now()), 500);
/// # }
/// ```
#[doc(alias = "retry budget")]
pub struct SharedBudget<B: BudgetRules, L: Lock = DefaultLock> {
    rules: B,
    state: L::Of<B::State>,
}

impl<B: BudgetRules> SharedBudget<B> {
    /// Makes a budget with these rules and the [`DefaultLock`].
    ///
    /// For another lock, use [`with_lock`](Self::with_lock).
    pub const fn new(rules: B) -> Self {
        Self::with_lock(rules)
    }
}

impl<B: BudgetRules, L: Lock> SharedBudget<B, L> {
    /// Makes a budget with these rules and the lock of its type.
    ///
    /// ```
    /// use retry_core::{runtime::LocalLock, Instant, SharedBudget, TokenBucket};
    ///
    /// let budget = SharedBudget::<_, LocalLock>::with_lock(TokenBucket::DEFAULT);
    /// assert_eq!(budget.held(Instant::ORIGIN), 500);
    /// ```
    pub const fn with_lock(rules: B) -> Self {
        Self { rules, state: L::Of::<B::State>::INITIAL }
    }

    /// Returns the rules.
    pub const fn rules(&self) -> &B {
        &self.rules
    }

    /// Runs `f` with exclusive access to the counts.
    pub fn with_state<R>(&self, f: impl FnOnce(&mut B::State) -> R) -> R {
        self.state.with(f)
    }
}

impl<B: BudgetRules, L: Lock> Budget for SharedBudget<B, L> {
    #[inline]
    fn withdraw(&self, request: Request, now: impl Now) -> Option<Price> {
        let now = if self.rules.withdrawal_asks_time() { now.now() } else { Instant::ORIGIN };
        self.with_state(|state| self.rules.withdraw(state, request, now))
    }

    #[inline]
    fn deposit(&self, deposit: Deposit, now: impl Now) {
        let now = match self.rules.concern(deposit) {
            Concern::None => return,
            Concern::Untimed => Instant::ORIGIN,
            Concern::Timed => now.now(),
        };
        self.with_state(|state| self.rules.deposit(state, deposit, now));
    }

    fn level(&self, now: impl Now) -> Option<u64> {
        let now = now.now();
        self.with_state(|state| self.rules.level(state, now))
    }
}

#[cfg(feature = "defmt")]
impl<B: BudgetRules + defmt::Format, L: Lock> defmt::Format for SharedBudget<B, L> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "SharedBudget {{ rules: {} }}", self.rules);
    }
}

impl<B: BudgetRules + fmt::Debug, L: Lock> fmt::Debug for SharedBudget<B, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedBudget").field("rules", &self.rules).finish_non_exhaustive()
    }
}
