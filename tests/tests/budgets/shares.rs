//! Shares of the recent calls, and of the attempts in flight.

use retry_core::{
    SharedBudget,
    budget::{ConcurrencyShare, RequestShare},
    runtime::LocalLock,
};

use crate::script::play;
use crate::{ms, secs};

#[test]
fn a_request_share_grants_a_share_of_the_recent_calls_and_a_reserve() {
    let held = |budget: &SharedBudget<RequestShare, LocalLock>, now| budget.held(now);
    let rules = RequestShare::DEFAULT.ttl(secs(1)).min_retries_per_second(0);
    let script = "
           0 | refused Server                | 0
           0 | start, refused Server         | 0
           0 | start                         | 1
           0 | retry starts                  | 1
           0 | granted Server                | 0
           0 | refused Server                | 0
           0 | retry fails Server            | 0
           0 | 4x start                      | 2
         900 |                               | 2
         900 | granted Server                | 1
         900 | dropped                       | 2
        1000 |                               | 0
        1000 | refused Server                | 0";
    play(rules.share(0.5), held, script);
    let script = "
           0 | 50x start                     |  2
           0 | granted Server                |  1
         500 | granted Server                |  0
         500 | refused Server                |  0
         999 | refused Server                |  0
        1100 |                               |  1
        1100 | granted Server                |  0
        9000 |                               |  2";
    play(rules.share(0.0).min_retries_per_second(2), held, script);
    let script = "0 | 3x start, 7x granted Server, refused Server | 0";
    play(rules.share(2.5), held, script);
    play(rules.share(0.999_999), held, "0 | start, refused Server | 0");
    let script = "0 | 4x granted Server, refused Server | 0";
    play(rules.ttl(ms(1_500)).min_retries_per_second(3), held, script);
    let script = "
            0 | 4x start                     | 100
            0 | start                        | 101
        10000 |                              | 100";
    play(RequestShare::DEFAULT, held, script);
}

/// The refund of a cancelled retry expires at the same time as the retry would have.
#[test]
fn a_share_refunds_into_the_slice_that_paid() {
    let held = |budget: &SharedBudget<RequestShare, LocalLock>, now| budget.held(now);
    let rules = RequestShare::DEFAULT.ttl(secs(1)).share(0.0);
    let script = "
           0 | 2x granted Server             | 0
         900 |                               | 0
         900 | dropped                       | 1
        1000 |                               | 2
        1000 | dropped                       | 2
        1000 | 2x granted Server             | 0
        1300 | retry cancelled               | 1
        1300 | granted Server                | 0
        1900 | retry cancelled               | 1
        1900 | retry cancelled               | 2
        5000 |                               | 2";
    play(rules.min_retries_per_second(2), held, script);
}

#[test]
fn a_concurrency_share_grants_a_share_of_the_attempts_in_flight() {
    // What it holds is shown as 100 times the attempts, plus the retries.
    let held = |budget: &SharedBudget<ConcurrencyShare, LocalLock>, _| {
        u64::from(budget.attempts_under_way() * 100 + budget.retries_granted())
    };
    let rules = ConcurrencyShare::DEFAULT.min_retries(0);
    let script = "
        0 | 3x start                         | 300
        0 | fails Server, refused Server     | 200
        0 | 6x start                         | 800
        0 | fails Server, granted Server     | 701
        0 | fails Server, refused Server     | 601
        0 | retry starts                     | 701
        0 | fails Server, refused Server     | 601
        0 | retry fails Server               | 500
        0 | granted Server                   | 501
        0 | dropped                          | 500
        0 | granted Server, retry starts     | 601
        0 | retry cancelled                  | 500
        0 | granted Server, retry starts     | 601
        0 | retry succeeds                   | 500
        0 | 4x succeeds                      | 100
        0 | cancelled                        |   0";
    play(rules.share(0.25), held, script);
    let script = "
        0 | start, fails Server              |    0
        0 | 3x granted Server                |    3
        0 | refused Server                   |    3
        0 | 19x start                        | 1903
        0 | granted Server                   | 1904
        0 | refused Server                   | 1904";
    play(ConcurrencyShare::DEFAULT, held, script);
    let script = "0 | start, fails Server, granted Server, refused Server | 1";
    play(rules.share(1.0), held, script);
    play(rules.share(0.0), held, "0 | 50x start, refused Server | 5000");
}

#[test]
fn the_limit_of_retries_is_a_share_rounded_down_or_the_minimum() {
    let rows: &[(f64, u32, u32, u32)] = &[
        (0.2, 3, 0, 3),
        (0.2, 3, 25, 5),
        (0.25, 3, 100, 25),
        (0.29, 0, 100, 29), // 0.29 * 100 is 28.999999999999996 as a float
        (0.999_999, 0, 1_000_000, 999_999),
        (1.0, 7, u32::MAX, u32::MAX),
        (0.0, 0, u32::MAX, 0),
        (0.25, 0, 3, 0),
        (0.25, u32::MAX, 3, u32::MAX),
    ];
    for (share, minimum, attempts, most) in rows {
        let rules = ConcurrencyShare::DEFAULT.share(*share).min_retries(*minimum);
        assert_eq!(rules.allowed_retries(*attempts), *most, "{share}, {attempts}");
    }
}
