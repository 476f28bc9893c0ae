//! The retry throttle of gRPC: it grants retries while more than half of the tokens are left.

use retry_core::{Class, ClassSet, Instant, SharedBudget, budget::RetryThrottle, runtime::LocalLock};

use crate::script::play;

fn held(budget: &SharedBudget<RetryThrottle, LocalLock>, now: Instant) -> u64 {
    let (held, most) = (budget.held_thousandths(now), budget.rules().max_thousandths());
    assert_eq!(budget.grants_retries(now), 2 * held > most);
    u64::from(held)
}

#[test]
fn a_retry_throttle_grants_while_more_than_half_is_left() {
    let rules = RetryThrottle::GRPC.max_tokens(4).token_ratio(0.8);
    let script = "
        0 | granted Server                    | 4000
        0 | fails Server                      | 3000
        0 | granted Server                    | 3000
        0 | retry starts, retry fails Timeout | 2000
        0 | refused Server                    | 2000
        0 | succeeds                          | 2800
        0 | granted Server                    | 2800
        0 | dropped                           | 2800
        0 | fails Validation                  | 2800
        0 | start, cancelled                  | 2800
        0 | 9x fails Server                   |    0
        0 | 2x succeeds                       | 1600
        0 | refused Server                    | 1600
        0 | 9x succeeds                       | 4000";
    play(rules, held, script);
    let script = "
        0 | granted Server                    | 1000
        0 | fails Server, refused Server      |    0";
    play(rules.max_tokens(1), held, script);
    let only = rules.count_as_failure(ClassSet::NONE.with(Class::Validation));
    play(only, held, "0 | fails Server, fails Validation | 3000");
}

/// A failure takes its token after the time before it was counted, so it is not forgiven by that time.
#[test]
fn a_retry_throttle_earns_with_each_whole_second() {
    let script = "
         10500 | 9x fails Server                 | 1000
         10500 | refused Server                  | 1000
         10999 |                                 | 1000
         11000 |                                 | 1100
         50999 | refused Server                  | 5000
         51000 | granted Server                  | 5100
         51000 | succeeds                        | 5200
        999000 | fails Server                    | 9000
        999000 | 9x fails Server, refused Server |    0
       1001000 |                                 |  200";
    play(RetryThrottle::DEFAULT, held, script);
    let script = "
              0 | 9x fails Server |  1000
         999999 | refused Server  |  1000";
    play(RetryThrottle::GRPC, held, script);
    play(RetryThrottle::DEFAULT.refill_per_second(0.0), held, script);
    let script = "
              0 | 9x fails Server |  1000
           1000 |                 | 10000";
    play(RetryThrottle::GRPC.refill_per_second(1e300), held, script);
    let script = "
              0 | 9x fails Server |  1000
           9000 |                 |  1009";
    play(RetryThrottle::GRPC.refill_per_second(0.001_9), held, script);
    let largest = RetryThrottle::GRPC.max_tokens(1_000).refill_per_second(1_000.0);
    let script = "
              0 | 999x fails Server |    1000
        4294968000 |                | 1000000";
    play(largest, held, script);
}

#[test]
fn a_ratio_is_read_as_it_is_written() {
    let rows: &[(f64, u32)] = &[
        (0.1, 100),
        (0.29, 290), // slightly less as a float
        (0.5466, 546),
        (0.5469, 546),
        (0.999_999_9, 999),
        (1.001, 1_001),
        (0.001, 1),
        (0.000_9, 0),
        (f64::MIN_POSITIVE, 0),
        (5e-324, 0),
        (4.035, 4_035),
        (999.999, 999_999),
        (1000.001, 1_000_000), // too large, so it saturates
        (1e300, 1_000_000),
    ];
    for (written, thousandths) in rows {
        let rules = RetryThrottle::GRPC.try_token_ratio(*written).unwrap();
        assert_eq!(rules.earns_thousandths(), *thousandths, "{written}");
    }
    for thousandths in 1..=20_000 {
        let rules = RetryThrottle::GRPC.token_ratio(f64::from(thousandths) / 1_000.0);
        assert_eq!(rules.earns_thousandths(), thousandths);
    }
}
