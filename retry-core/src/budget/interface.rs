//! What a call asks of a budget.

use crate::class::Class;
use crate::time::Now;

/// A retry budget: a shared allowance of retries, which never grants more than it holds.
///
/// A call [withdraws](Self::withdraw) each retry from it, and [deposits](Self::deposit) what becomes of each attempt.
///
/// | type | grants |
/// |---|---|
/// | [`SharedBudget`](crate::SharedBudget) | what its [rules](crate::budget#rules) say |
/// | [`NoBudget`] | every retry |
/// | `&B`, `Arc<B>` | what `B` grants |
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a budget that calls can share",
    note = "a budget is made with `SharedBudget::new(rules)`, and given as `&budget` or in an `Arc`"
)]
pub trait Budget {
    /// Takes out what one retry costs; `None` if the budget does not hold that much. The attempt that failed was
    /// deposited before.
    fn withdraw(&self, request: Request, now: impl Now) -> Option<Price>;

    /// Learns what happened to an attempt.
    fn deposit(&self, deposit: Deposit, now: impl Now);

    /// How much it holds, in whole units of its own: for events, not for decisions. `None` if that cannot be said.
    fn level(&self, now: impl Now) -> Option<u64> {
        let _ = now;
        None
    }
}

/// A retry that a call wants to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Request {
    /// The class of the error that the failed attempt ended with.
    pub class: Class,
    /// The number of the attempt that failed, from 1.
    pub attempt: u32,
    /// The random word of the delay, for budgets that refuse at random. They mix it first, so that they do not refuse the
    /// retries with short delays.
    pub word: u64,
}

impl Request {
    /// A request after this attempt, which failed with an error of this class.
    pub const fn new(class: Class, attempt: u32, word: u64) -> Self {
        Self { class, attempt, word }
    }
}

/// What was taken out for one retry, in units of the budget's own. The call hands it back unchanged when it deposits what
/// became of the retry. It is zero for a first attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Price(pub u64);

/// What happened to an attempt, and what was paid for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Deposit {
    /// It started.
    Started {
        /// Whether it is the first of its call.
        first: bool,
    },
    /// It succeeded.
    Succeeded {
        /// Whether it was the first of its call.
        first: bool,
        /// What was paid for it.
        price: Price,
    },
    /// It failed.
    Failed {
        /// The class of the error.
        class: Class,
        /// What was paid for it.
        price: Price,
    },
    /// It was dropped before it ended, or it was paid for and never started.
    Cancelled {
        /// Whether it had started.
        started: bool,
        /// What was paid for it.
        price: Price,
    },
}

/// No budget: it grants every retry, and costs nothing.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NoBudget;

impl Budget for NoBudget {
    fn withdraw(&self, _: Request, _: impl Now) -> Option<Price> {
        Some(Price(0))
    }

    fn deposit(&self, _: Deposit, _: impl Now) {}
}

/// Every method of a [`Budget`], forwarded to the one that `self` points to.
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

/// The same budget, borrowed.
impl<B: Budget + ?Sized> Budget for &B {
    forward!();
}

/// The same budget, shared by reference counting.
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
impl<B: Budget + ?Sized> Budget for std::sync::Arc<B> {
    forward!();
}
