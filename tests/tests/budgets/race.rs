//! Threads that race for a budget, which must not grant more than it holds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use retry_core::{
    Class, SharedBudget, TokenBucket,
    budget::{Budget, ConcurrencyShare, RequestShare},
};

use crate::{FREE, NOW, asked, cancelled, failed, started};

const THREADS: u64 = 4;
const EACH: u64 = 20_000;

/// The work of each thread, which is repeated `EACH` times and gets the thread's number.
fn race(work: impl Fn(u64) + Sync) {
    thread::scope(|scope| {
        for number in 0..THREADS {
            let work = &work;
            scope.spawn(move || (0..EACH).for_each(|_| work(number)));
        }
    });
}

#[test]
fn a_budget_never_grants_more_than_it_holds_under_a_race() {
    let count = AtomicU64::new(0);
    let counted = |granted: bool| count.fetch_add(granted.into(), Ordering::Relaxed);

    // All tokens are taken, and not more.
    let bucket = SharedBudget::new(TokenBucket::AWS.capacity(50_003));
    race(|_| _ = counted(bucket.withdraw(asked(Class::Server), NOW).is_some()));
    assert_eq!((count.swap(0, Ordering::Relaxed), bucket.held(NOW)), (10_000, 3));

    // Tokens are taken and returned: at no time more than it held, and in the end all are back.
    let bucket = SharedBudget::new(TokenBucket::AWS.capacity(10));
    race(|_| {
        if let Some(price) = bucket.withdraw(asked(Class::Server), NOW) {
            assert!(count.fetch_add(1, Ordering::SeqCst) < 2);
            thread::yield_now();
            count.fetch_sub(1, Ordering::SeqCst);
            bucket.deposit(cancelled(true, price), NOW);
        }
    });
    assert_eq!(bucket.held(NOW), 10);

    // Half of the threads make calls, and half ask for retries. The retries are a quarter of the calls.
    let share = SharedBudget::new(RequestShare::DEFAULT.share(0.25).min_retries_per_second(0));
    race(|number| match number % 2 {
        0 => share.deposit(started(true), NOW),
        _ => _ = counted(share.withdraw(asked(Class::Server), NOW).is_some()),
    });
    let granted = count.swap(0, Ordering::Relaxed);
    assert_eq!(granted + share.held(NOW), THREADS / 2 * EACH / 4);

    // At no time more than half of the attempts are retries, and no slot is lost.
    let rules = ConcurrencyShare::DEFAULT.share(0.5).min_retries(1);
    let under_way = SharedBudget::new(rules);
    race(|_| {
        under_way.deposit(started(true), NOW);
        under_way.deposit(failed(Class::Server, FREE), NOW);
        if let Some(price) = under_way.withdraw(asked(Class::Server), NOW) {
            // Each thread has at most one attempt in flight.
            assert!(count.fetch_add(1, Ordering::SeqCst) < THREADS / 2);
            under_way.deposit(started(false), NOW);
            thread::yield_now();
            count.fetch_sub(1, Ordering::SeqCst);
            under_way.deposit(failed(Class::Server, price), NOW);
        }
    });
    let left = (under_way.attempts_under_way(), under_way.retries_granted());
    assert_eq!(left, (0, 0));
}
