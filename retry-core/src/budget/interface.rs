//! The budget as a call sees it.

use crate::class::Class;
use crate::time::Now;

/// A retry budget: a shared allowance of retries, which grants at most what it holds.
///
/// A call [withdraws](Self::withdraw) each retry from it, and [deposits](Self::deposit) the start and the end of each
/// attempt.
///
/// | type | grants |
/// |---|---|
/// | [`SharedBudget`](crate::SharedBudget) | what its [rules](crate::budget#rules) allow |
/// | [`NoBudget`] | every retry |
/// | `&B`, `Arc<B>` | what `B` grants |
/// | `Option<B>` | what `B` grants; every retry if it is `None` |
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a budget that calls can share",
    note = "a budget is made with `SharedBudget::new(rules)`, and given as `&budget` or in an `Arc`"
)]
pub trait Budget {
    /// Withdraws the price of one retry; `None` if the budget holds less. The failed attempt was deposited before.
    fn withdraw(&self, request: Request, now: impl Now) -> Option<Price>;

    /// Records that an attempt started or ended.
    fn deposit(&self, deposit: Deposit, now: impl Now);

    /// Returns how much the budget holds, in whole units of its own, for events; `None` if it has no such number.
    fn level(&self, now: impl Now) -> Option<u64> {
        let _ = now;
        None
    }
}

/// A retry that a call asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Request {
    /// The class of the error that the failed attempt ended with.
    pub class: Class,
    /// The number of the failed attempt, counted from 1.
    pub attempt: u32,
    /// The random word of the delay, for budgets that refuse at random. They mix it first, so that the refusals are
    /// independent of the lengths of the delays.
    pub word: u64,
}

impl Request {
    /// Makes a request after this attempt, which failed with an error of this class.
    pub const fn new(class: Class, attempt: u32, word: u64) -> Self {
        Self { class, attempt, word }
    }
}

/// The price that was withdrawn for one retry, in units of the budget's own. The call hands it back unchanged when it
/// deposits the end of the retry. It is zero for a first attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Price(pub u64);

/// The start or the end of an attempt, and the price that was paid for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Deposit {
    /// The attempt started.
    Started {
        /// Whether it is the first attempt of its call.
        first: bool,
    },
    /// The attempt succeeded.
    Succeeded {
        /// Whether it was the first attempt of its call.
        first: bool,
        /// The price that was paid for it.
        price: Price,
    },
    /// The attempt failed.
    Failed {
        /// The class of the error.
        class: Class,
        /// The price that was paid for it.
        price: Price,
    },
    /// The attempt ended with a [neutral](crate::Failure::neutral) failure. The price goes back, and nothing else is
    /// recorded.
    Neutral {
        /// The price that was paid for it.
        price: Price,
    },
    /// The attempt was dropped before it ended, or was paid for and then never started.
    Cancelled {
        /// Whether the attempt had started.
        started: bool,
        /// The price that was paid for it.
        price: Price,
    },
}

/// The budget for a call that has no budget. It grants every retry, and costs nothing.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NoBudget;

impl Budget for NoBudget {
    fn withdraw(&self, _: Request, _: impl Now) -> Option<Price> {
        Some(Price(0))
    }

    fn deposit(&self, _: Deposit, _: impl Now) {}
}

/// Forwards every method of a [`Budget`] to the budget that `self` points to.
macro_rules! forward {
    () => {
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
    };
}

/// Forwards to the borrowed budget.
impl<B: Budget + ?Sized> Budget for &B {
    forward!();
}

/// Forwards to the shared budget.
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
impl<B: Budget + ?Sized> Budget for std::sync::Arc<B> {
    forward!();
}

/// Forwards to the budget. `None` grants every retry.
impl<B: Budget> Budget for Option<B> {
    #[inline]
    fn withdraw(&self, request: Request, now: impl Now) -> Option<Price> {
        match self {
            Some(budget) => budget.withdraw(request, now),
            None => NoBudget.withdraw(request, now),
        }
    }

    #[inline]
    fn deposit(&self, deposit: Deposit, now: impl Now) {
        if let Some(budget) = self {
            budget.deposit(deposit, now);
        }
    }

    #[inline]
    fn level(&self, now: impl Now) -> Option<u64> {
        self.as_ref().and_then(|budget| budget.level(now))
    }
}
