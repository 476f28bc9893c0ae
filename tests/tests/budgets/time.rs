//! Budgets and time: clocks that step back, and sums over a sliding time.

use retry_core::{
    Instant, TokenBucket,
    budget::{AdaptiveThrottle, RequestShare, SlidingSum},
};

use crate::adaptive_throttle::millionths;
use crate::script::play;
use crate::secs;

/// Checks the time after the step back, the time when the clock has caught up, and the expiry of old entries.
#[test]
fn a_clock_that_steps_back_grants_no_more_retries() {
    let share = RequestShare::DEFAULT.ttl(secs(1)).min_retries_per_second(3).share(1.0);
    let script = "
        3600000 | 2x start                   | 5
        3600000 | 4x granted Server          | 1
              0 |                            | 1
              0 | granted Server             | 0
          10000 | refused Server             | 0
          10000 | start, granted Server      | 0
        3600000 | refused Server             | 0
        3600900 |                            | 0
        3601000 |                            | 3";
    play(share, |budget, now| budget.held(now), script);
    let bucket = TokenBucket::DEFAULT.capacity(10).refill_per_second(1.0);
    let script = "
        3600000 | 2x granted Server          | 0
              0 | refused Server             | 0
        3600000 | refused Server             | 0
        3604000 |                            | 4
        3601000 |                            | 4
        3604000 |                            | 4
        3605000 |                            | 5";
    play(bucket, |budget, now| budget.held(now), script);
    let script = "
        3600000 | 9x fails Server            | 900000
              0 |                            | 900000
        3600000 |                            | 900000
              0 | succeeds                   | 727273
        3600000 |                            | 727273
        3719000 |                            | 727273
        3730000 |                            |      0";
    play(AdaptiveThrottle::DEFAULT, millionths, script);
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
