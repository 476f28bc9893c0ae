//! Budgets and time: clocks that step, and sums over a sliding time. `steps` has the same for any readings.

use retry_core::{
    Class, Instant, SharedBudget, TokenBucket,
    budget::{AdaptiveThrottle, Budget, RequestShare, RetryThrottle, SlidingSum},
    runtime::LocalLock,
};

use crate::adaptive_throttle::millionths;
use crate::script::play;
use crate::{FREE, NOW, asked, failed, secs};

const SHARE: RequestShare = RequestShare::DEFAULT.ttl(secs(1)).min_retries_per_second(3).share(1.0);
const BUCKET: TokenBucket = TokenBucket::DEFAULT.capacity(10);

fn held(budget: &SharedBudget<TokenBucket, LocalLock>, now: Instant) -> u64 {
    budget.held(now)
}

fn thousandths(budget: &SharedBudget<RetryThrottle, LocalLock>, now: Instant) -> u64 {
    budget.held_thousandths(now).into()
}

#[test]
fn after_a_step_back_of_the_clock_a_budget_earns_at_once_again() {
    let script = "
        3600000 | 2x granted Server          |  0
        2600000 | refused Server             |  0
        2600999 |                            |  0
        2601000 |                            |  1
        2605000 |                            |  5
           1000 |                            |  5
           3000 |                            |  7
        3600000 |                            | 10";
    play(BUCKET, held, script);
    let script = "
        3600000 | 9x fails Server            | 1000
        2600000 | refused Server             | 1000
        2601000 |                            | 1100
           5000 | fails Server               |  100
           7000 |                            |  300";
    play(RetryThrottle::DEFAULT, thousandths, script);
    let script = "
        3600000 | 2x start                   | 5
        3600000 | 5x granted Server          | 0
          10000 | refused Server             | 0
          10000 | start, granted Server      | 0
          10999 | refused Server             | 0
          11099 |                            | 3";
    play(SHARE, |budget, now| budget.held(now), script);
    let script = "
        3600000 | 9x fails Server            | 900000
          10000 |                            | 900000
          10000 | succeeds                   | 727273
         129999 |                            | 727273
         139999 |                            |      0";
    play(AdaptiveThrottle::DEFAULT, millionths, script);
}

/// A reading a year ahead fills a bucket and empties a window, and no more.
#[test]
fn after_a_reading_a_year_ahead_a_budget_recovers() {
    let script = "
           3600000 | 2x granted Server       |  0
       31539600000 |                         | 10
       31539600000 | 2x granted Server       |  0
           3600001 | refused Server          |  0
           3605001 |                         |  5";
    play(BUCKET, held, script);
    let script = "
           3600000 | 9x fails Server         | 1000
       31539600000 |                         | 10000
       31539600000 | 9x fails Server         | 1000
           3600000 | refused Server          | 1000
           3641000 | granted Server          | 5100";
    play(RetryThrottle::DEFAULT, thousandths, script);
    let script = "
           3600000 | 3x granted Server       | 0
       31539600000 | 3x granted Server       | 0
           3600000 | refused Server          | 0
           3601000 |                         | 3
           3601000 | 3x granted Server       | 0
           3602000 | 3x granted Server       | 0";
    play(SHARE, |budget, now| budget.held(now), script);
    let script = "
       31539600000 | 9x fails Server         | 900000
           3600000 |                         | 900000
           3720000 |                         |      0
           3720000 | 9x fails Server         | 900000
           3840000 |                         |      0";
    play(AdaptiveThrottle::DEFAULT, millionths, script);
}

/// A thread reads the clock, and others are faster to the lock of the budget.
#[test]
fn readings_out_of_order_count_no_time_twice() {
    let script = "
        3600000 | 2x granted Server          | 0
        3599000 |                            | 0
        3600000 |                            | 0
        3601000 |                            | 1
        3600001 |                            | 1
        3601999 |                            | 1
        3602000 |                            | 2
        3600999 |                            | 2
        3602000 |                            | 3";
    play(BUCKET, held, script); // The step at the end is longer than 1 s.
    let script = "
        3600000 | 3x granted Server          | 0
        3599001 |                            | 0
        3600900 |                            | 0
        3599900 |                            | 0
        3600950 |                            | 0
        3601000 |                            | 3";
    play(SHARE, |budget, now| budget.held(now), script);
}

#[test]
fn the_level_in_events_has_what_time_has_earned() {
    let bucket = SharedBudget::<_, LocalLock>::with_lock(BUCKET);
    (0..2).for_each(|_| assert!(bucket.withdraw(asked(Class::Server), NOW).is_some()));
    assert_eq!([0, 3_000].map(|ms| bucket.level(Instant::from_millis(ms))), [Some(0), Some(3)]);
    let throttle = SharedBudget::<_, LocalLock>::with_lock(RetryThrottle::DEFAULT);
    (0..9).for_each(|_| throttle.deposit(failed(Class::Server, FREE), NOW));
    assert_eq!([0, 40_000].map(|ms| throttle.level(Instant::from_millis(ms))), [Some(1), Some(5)]);
}

/// An attempt that is dropped has no time, which is the origin. Rules of one's own may hand it on.
#[test]
fn a_sum_takes_no_notice_of_an_unknown_time() {
    const SECOND: u64 = 1_000_000_000;
    let mut sum = SlidingSum::<3>::EMPTY;
    sum.advance(Instant::from_millis(1_000_000), SECOND);
    assert_eq!(sum.add(5), Some(3));
    sum.advance(Instant::ORIGIN, SECOND);
    sum.advance(Instant::from_millis(1_002_999), SECOND);
    assert_eq!(sum.sum(), 5);
    sum.advance(Instant::from_millis(1_003_999), SECOND);
    assert_eq!(sum.sum(), 0);
}

#[test]
fn an_amount_is_taken_back_from_its_own_slice() {
    const SECOND: u64 = 1_000_000_000;
    for taken in 2..=5 {
        let mut sum = SlidingSum::<4>::EMPTY;
        for second in 0..=5 {
            sum.advance(Instant::from_nanos(second * SECOND), SECOND);
            assert_eq!(sum.add(1 << second), Some(second));
        }
        sum.take_back(1 << taken, taken);
        for second in 5..=9 {
            sum.advance(Instant::from_nanos(second * SECOND), SECOND);
            let left = (second - 3..=5).filter(|slice| *slice != taken);
            let left: i64 = left.map(|slice| 1 << slice).sum();
            assert_eq!(sum.sum(), left, "{taken} taken back, at {second} s");
        }
    }
}

#[test]
fn a_sum_that_is_full_stays_within_its_bounds() {
    const SECOND: u64 = 1_000_000_000;
    let mut sum = SlidingSum::<4>::EMPTY;
    let most = i64::MAX / 4;
    assert_eq!(sum.add(most), Some(0));
    assert_eq!(sum.add(1), None);
    assert_eq!(sum.add(i64::MAX), None);
    for second in 1..=9 {
        sum.advance(Instant::from_nanos(second * SECOND), SECOND);
        assert_eq!(sum.add(most), Some(second));
        assert_eq!(sum.add(i64::MIN), None);
    }
    assert_eq!(sum.sum(), 4 * most);
    sum.take_back(most, 8);
    sum.take_back(most, 5); // this slice has expired
    sum.take_back(i64::MIN, 8);
    assert_eq!(sum.sum(), 3 * most);
    sum.advance(Instant::MAX, SECOND);
    assert_eq!(sum.sum(), 0);
    sum.advance(Instant::MAX, 0); // a slice of length 0 has always ended
    assert_eq!(sum.sum(), 0);
}
