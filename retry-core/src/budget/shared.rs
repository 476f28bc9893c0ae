//! One budget, many callers.

use core::fmt;

use super::interface::{Budget, Deposit, Price, Request};
use crate::lock::{DefaultLock, Exclusive, Initial, Lock};
use crate::time::{Instant, Now};

/// The rules of a retry budget. They are immutable; what they count is passed in.
///
/// To write rules of your own, implement [`withdraw`](Self::withdraw) and [`deposit`](Self::deposit) for a state.
/// [`SharedBudget`] shares them:
///
/// ```
/// use retry_core::{
///     budget::{Budget, BudgetRules, Deposit, Price, Request}, runtime::{Initial, LocalLock}, Class, Instant,
///     SharedBudget,
/// };
///
/// /// This many retries in all.
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
    /// What is counted. Its first state is constant, so that a budget can be a `static`.
    type State: Initial;

    /// Whether a withdrawal needs the time. If not, no clock is read for it, and its `now` means nothing.
    fn withdrawal_asks_time(&self) -> bool {
        false
    }

    /// How far this deposit concerns the rules. It is asked without the lock, which is taken only for deposits that count.
    fn concern(&self, deposit: Deposit) -> Concern {
        let _ = deposit;
        Concern::Untimed
    }

    /// Takes out what one retry costs; `None` if the budget does not hold that much. The attempt that failed was deposited
    /// before.
    fn withdraw(&self, state: &mut Self::State, request: Request, now: Instant) -> Option<Price>;

    /// Learns what happened to an attempt.
    ///
    /// `now` may be earlier than an instant seen before: if the clock stepped back, if another thread was faster, or if the
    /// attempt was dropped and the time is not known. Then no time has passed.
    fn deposit(&self, state: &mut Self::State, deposit: Deposit, now: Instant);

    /// How much it holds, in whole units of its own: for events. `None` if that cannot be said.
    fn level(&self, state: &mut Self::State, now: Instant) -> Option<u64> {
        let _ = (state, now);
        None
    }
}

/// How far a deposit concerns the rules of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Concern {
    /// Not at all: no lock is taken, and no clock is read.
    None,
    /// It counts, whatever the time: no clock is read.
    Untimed,
    /// It counts at its time.
    Timed,
}

/// A retry budget that many callers share: its rules, what they count, and a lock.
///
/// It is usually a `static` or an `Arc`. `B` is its rules, and `L` its [`Lock`], the [`DefaultLock`] by default.
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
    /// A new budget by these rules, with the [`DefaultLock`].
    ///
    /// A budget with another lock is of another type, and is made by [`with_lock`](Self::with_lock).
    pub const fn new(rules: B) -> Self {
        Self::with_lock(rules)
    }
}

impl<B: BudgetRules, L: Lock> SharedBudget<B, L> {
    /// A new budget by these rules, with the lock of its type.
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

    /// The rules.
    pub const fn rules(&self) -> &B {
        &self.rules
    }

    /// Runs `f` with exclusive access to what is counted.
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
