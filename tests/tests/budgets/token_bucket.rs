//! Token buckets: what a retry costs, what a success earns, and what is refunded.

use retry_core::{SharedBudget, TokenBucket, runtime::LocalLock};

use crate::script::play;

#[test]
fn a_token_bucket_charges_by_the_class_and_refunds_by_the_outcome() {
    let held = |budget: &SharedBudget<TokenBucket, LocalLock>, now| budget.held(now);
    let rules = TokenBucket::AWS.capacity(30);
    let script = "
        0 | granted Server                       | 25
        0 | retry starts, retry succeeds         | 30
        0 | granted Timeout                      | 20
        0 | retry starts, retry fails Timeout    | 20
        0 | granted RateLimit                    | 15
        0 | retry cancelled                      | 20
        0 | granted Network                      | 15
        0 | dropped                              | 20
        0 | start, succeeds                      | 21
        0 | start, fails Server                  | 21
        0 | start, cancelled                     | 21
        0 | granted Timeout                      | 11
        0 | granted Timeout                      |  1
        0 | refused Timeout, refused Server      |  1
        0 | 4x succeeds                          |  5
        0 | refused Timeout                      |  5
        0 | granted Server                       |  0
        0 | retry succeeds                       |  5";
    play(rules, held, script);
    let costs = rules.retry_cost(14).timeout_cost(3).rate_limit_cost(2);
    let script = "0 | granted Server, granted Timeout, granted RateLimit | 11";
    play(costs, held, script);
    play(rules.capacity(0), held, "0 | refused Server | 0");
    play(rules.capacity(0).retry_cost(0), held, "0 | 1000x granted Server | 0");
}

#[test]
fn a_token_bucket_never_holds_more_than_its_capacity() {
    let held = |budget: &SharedBudget<TokenBucket, LocalLock>, now| budget.held_millionths(now);
    let rules = TokenBucket::AWS.capacity(10);
    let script = "
             0 | succeeds            | 10000000
        100000 |                     | 10000000
        100000 | granted Server      |  5000000
        102000 |                     | 10000000
        102000 | retry succeeds      | 10000000
        102000 | granted Server      |  5000000
        102000 | 2x succeeds         |  8500000
        102000 | dropped             | 10000000";
    play(rules.success_reward(0.75).refill_per_second(3.0), held, script);

    let rich = rules
        .capacity(u32::MAX)
        .success_reward(f64::MAX)
        .refill_per_second(f64::MAX)
        .first_try_refund(u32::MAX);
    let script = "
           0 | granted Server                | 4294967290000000
           0 | succeeds, retry succeeds      | 4294967295000000
           0 | granted Timeout               | 4294967285000000
        1000 |                               | 4294967295000000
        1000 | granted Timeout               | 4294967285000000
        18446744073709 |                     | 4294967295000000";
    play(rich, held, script);
}

#[test]
fn a_token_bucket_earns_to_the_nearest_millionth_and_saturates() {
    let held = |budget: &SharedBudget<TokenBucket, LocalLock>, now| budget.held_millionths(now);
    let rules = TokenBucket::AWS.capacity(1_000_000).retry_cost(1_000_000).first_try_refund(0);
    for (reward, millionths) in [
        (0.000_000_4, 0_u64),
        (0.000_000_6, 1),
        (0.29, 290_000),
        (300_000.25, 300_000_250_000), // its lower half has both ones and zeros
        (999_999.999_999, 999_999_999_999),
    ] {
        let script = format!("0 | granted Server, succeeds | {millionths}");
        play(rules.success_reward(reward), held, &script);
    }
    // 2^32 millionths per second, for 2^32 seconds.
    let script = "
                    0 | granted Server |             0
        4294967296000 |                | 1000000000000";
    play(rules.refill_per_second(4_294.967_296), held, script);
}

#[test]
fn a_token_bucket_earns_with_each_whole_second() {
    let held = |budget: &SharedBudget<TokenBucket, LocalLock>, now| budget.held_millionths(now);
    let script = "
        10500 |                   | 10000000
        10500 | 2x granted Server |        0
        10999 |                   |        0
        11000 |                   |   400000
        11999 |                   |   400000
        23000 |                   |  5200000
        23000 | granted Server    |   200000
        23000 | refused Server    |   200000";
    play(TokenBucket::AWS.capacity(10).refill_per_second(0.4), held, script);
}
