//! Budgets: what each grants, and that it does not grant more than it holds. This file tests what all have in common.

mod adaptive_throttle;
mod bad_input;
mod calls;
mod race;
mod retry_throttle;
mod script;
mod shares;
mod steps;
mod time;
mod token_bucket;

use retry_core::{
    Class, Instant, SharedBudget, TokenBucket,
    budget::{
        AdaptiveThrottle, Budget, BudgetRules, Concern, ConcurrencyShare, Deposit, Price, Request,
        RequestShare, RetryThrottle,
    },
    runtime::LocalLock,
};
use tests::{ms, secs};

const FREE: Price = Price(0);
const NOW: Instant = Instant::ORIGIN;

fn asked(class: Class) -> Request {
    Request::new(class, 1, 0)
}

fn started(first: bool) -> Deposit {
    Deposit::Started { first }
}

fn succeeded(first: bool, price: Price) -> Deposit {
    Deposit::Succeeded { first, price }
}

fn failed(class: Class, price: Price) -> Deposit {
    Deposit::Failed { class, price }
}

fn cancelled(started: bool, price: Price) -> Deposit {
    Deposit::Cancelled { started, price }
}

#[test]
fn without_need_no_clock_is_read_and_no_lock_is_taken() {
    fn never() -> Instant {
        unreachable!("no rule needs the time")
    }
    fn untimed<B: BudgetRules>(rules: B) {
        let budget = SharedBudget::<_, LocalLock>::with_lock(rules);
        let price = budget.withdraw(asked(Class::Server), never).unwrap();
        budget.deposit(started(true), never);
        budget.deposit(succeeded(true, price), never);
        budget.deposit(failed(Class::Server, price), never);
        budget.deposit(cancelled(true, price), never);
    }
    untimed(TokenBucket::AWS);
    untimed(RetryThrottle::GRPC);
    untimed(ConcurrencyShare::DEFAULT);

    let share = SharedBudget::<_, LocalLock>::with_lock(RequestShare::DEFAULT);
    let price = share.withdraw(asked(Class::Server), NOW).unwrap();
    share.deposit(cancelled(false, price), never);
    // The lock is taken here. A deposit that also takes it would panic, because the lock is a `RefCell`.
    share.with_state(|_| {
        share.deposit(started(false), never);
        share.deposit(succeeded(true, FREE), never);
        share.deposit(failed(Class::Server, price), never);
    });
    let bucket = SharedBudget::<_, LocalLock>::with_lock(TokenBucket::AWS);
    bucket.with_state(|_| {
        bucket.deposit(started(true), never);
        bucket.deposit(failed(Class::Server, Price(5)), never);
        bucket.deposit(cancelled(true, FREE), never);
    });
}

/// A deposit that does not concern the rules leaves the state as it is.
#[test]
fn a_deposit_that_does_not_concern_the_rules_changes_nothing() {
    fn unconcerned<B: BudgetRules<State: PartialEq + Copy + std::fmt::Debug>>(rules: B, expected: usize) {
        let budget = SharedBudget::<_, LocalLock>::with_lock(rules);
        (0..3).for_each(|_| budget.deposit(failed(Class::Server, FREE), NOW));
        let _ = budget.withdraw(asked(Class::Server), NOW);
        let before = budget.with_state(|state| *state);
        let mut deposits = vec![started(true), started(false)];
        for price in [FREE, Price(1)] {
            deposits.extend([true, false].map(|first| succeeded(first, price)));
            deposits.extend(Class::ALL.map(|class| failed(class, price)));
            deposits.extend([true, false].map(|started| cancelled(started, price)));
        }
        deposits.retain(|deposit| budget.rules().concern(*deposit) == Concern::None);
        assert_eq!(deposits.len(), expected);
        for deposit in deposits {
            let mut state = before;
            budget.rules().deposit(&mut state, deposit, Instant::MAX);
            assert_eq!(state, before, "{deposit:?}");
        }
    }
    unconcerned(TokenBucket::AWS, 2 + 2 * 13 + 2);
    unconcerned(RetryThrottle::GRPC, 2 + 2 * 7 + 4);
    unconcerned(RequestShare::DEFAULT, 1 + 2 * 2 + 2 * 13 + 2);
    unconcerned(ConcurrencyShare::DEFAULT, 0);
    unconcerned(AdaptiveThrottle::DEFAULT, 2 + 4);
}
