//! Budgets: what each grants, and that none grants more than it holds.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use retry_core::{
    AdaptiveThrottle, Budget, BudgetRules, Call, CircuitConfig, Class, ClassSet, Concern, ConcurrencyShare,
    ConfigError, Deposit, Error, FakeClock, Gate, GiveUp, Instant, Jitter, LocalLock, Policy, Price, Request,
    RequestShare, Retry, RetryThrottle, SharedBudget, SharedCircuit, Sleep, SlidingSum, StdLock, TokenBucket,
    Verdict,
};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

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

/// Plays a script: lines of `milliseconds | what happens, one after the other | what the budget then holds`.
///
/// What happens is `granted` and `refused`, with the class of the error; the end of a first attempt, `succeeds`,
/// `fails` with a class, or `cancelled`; the same of the retry granted last, with `retry` before it, or `dropped`
/// before it starts; and `start` and `retry starts`. `3x` before it is three times the same.
fn play<B: BudgetRules>(rules: B, held: impl Fn(&SharedBudget<B, LocalLock>, Instant) -> u64, script: &str) {
    let (budget, mut prices) = (SharedBudget::new(rules), Vec::new());
    for line in script.lines().filter(|line| !line.trim().is_empty()) {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [at, steps, expected] = columns[..] else {
            panic!("not three columns: {line}");
        };
        let now = Instant::from_millis(at.parse().expect("milliseconds"));
        for step in steps.split(',') {
            let words: Vec<&str> = step.split_whitespace().collect();
            let times = words.first().and_then(|word| word.strip_suffix('x'));
            let (times, words) = match times {
                Some(times) => (times.parse().expect("a number"), &words[1..]),
                None => (1, &words[..]),
            };
            (0..times).for_each(|_| take(&budget, &mut prices, words, now, line));
        }
        assert_eq!(held(&budget, now), expected.parse().expect("a number"), "{line}");
    }
}

fn take<B: BudgetRules>(
    budget: &SharedBudget<B, LocalLock>,
    prices: &mut Vec<Price>,
    words: &[&str],
    now: Instant,
    line: &str,
) {
    let class = |name: &str| {
        let class = Class::ALL.into_iter().find(|class| class.name() == name);
        class.unwrap_or_else(|| panic!("{name}: {line}"))
    };
    let mut paid = || prices.pop().expect("a retry was granted");
    let deposit = match words {
        [] => return,
        [answer @ ("granted" | "refused"), name] => {
            let price = budget.withdraw(asked(class(name)), now);
            assert_eq!(price.is_some(), *answer == "granted", "{line}");
            return prices.extend(price);
        }
        ["start"] => started(true),
        ["retry", "starts"] => started(false),
        ["succeeds"] => succeeded(true, FREE),
        ["retry", "succeeds"] => succeeded(false, paid()),
        ["fails", name] => failed(class(name), FREE),
        ["retry", "fails", name] => failed(class(name), paid()),
        ["cancelled"] => cancelled(true, FREE),
        ["retry", "cancelled"] => cancelled(true, paid()),
        ["dropped"] => cancelled(false, paid()),
        _ => panic!("{words:?}: {line}"),
    };
    // What is dropped cannot tell the time.
    let now = match deposit {
        Deposit::Cancelled { .. } => Instant::ORIGIN,
        _ => now,
    };
    budget.deposit(deposit, now);
}

#[test]
fn a_token_bucket_takes_by_the_class_and_gives_back_by_the_outcome() {
    let held = |budget: &SharedBudget<TokenBucket, LocalLock>, now| budget.held(now);
    let rules = TokenBucket::DEFAULT.capacity(30);
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
    let rules = TokenBucket::DEFAULT.capacity(10);
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
fn what_a_token_bucket_earns_is_to_the_nearest_millionth_and_saturates() {
    let held = |budget: &SharedBudget<TokenBucket, LocalLock>, now| budget.held_millionths(now);
    let rules = TokenBucket::DEFAULT.capacity(1_000_000).retry_cost(1_000_000).first_try_refund(0);
    for (reward, millionths) in [
        (0.000_000_4, 0_u64),
        (0.000_000_6, 1),
        (0.29, 290_000),
        (300_000.25, 300_000_250_000), // with bits of both kinds in its lower half
        (999_999.999_999, 999_999_999_999),
    ] {
        let script = format!("0 | granted Server, succeeds | {millionths}");
        play(rules.success_reward(reward), held, &script);
    }
    // 2^32 millionths a second, for 2^32 seconds.
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
    play(TokenBucket::DEFAULT.capacity(10).refill_per_second(0.4), held, script);
}

#[test]
fn a_retry_throttle_grants_while_more_than_half_is_left() {
    fn held(budget: &SharedBudget<RetryThrottle, LocalLock>, _: Instant) -> u64 {
        let (held, most) = (budget.held_thousandths(), budget.rules().most_thousandths());
        assert_eq!(budget.grants_retries(), 2 * held > most);
        u64::from(held)
    }
    let rules = RetryThrottle::DEFAULT.max_tokens(4).token_ratio(0.8);
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

#[test]
fn a_ratio_is_read_as_it_is_written() {
    let rows: &[(f64, u32)] = &[
        (0.1, 100),
        (0.29, 290), // as a float it is a little less
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
        (1000.001, 1_000_000), // more than fits
        (1e300, 1_000_000),
    ];
    for (written, thousandths) in rows {
        let rules = RetryThrottle::DEFAULT.try_token_ratio(*written).unwrap();
        assert_eq!(rules.earns_thousandths(), *thousandths, "{written}");
    }
    for thousandths in 1..=20_000 {
        let rules = RetryThrottle::DEFAULT.token_ratio(f64::from(thousandths) / 1_000.0);
        assert_eq!(rules.earns_thousandths(), thousandths);
    }
}

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

/// What a cancelled retry gives back is gone when it would have been anyway.
#[test]
fn a_share_gives_back_into_the_slice_it_took_from() {
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
fn a_concurrency_share_grants_a_share_of_what_is_under_way() {
    // Attempts in hundreds, and retries.
    let held = |budget: &SharedBudget<ConcurrencyShare, LocalLock>, _| {
        u64::from(budget.attempts_under_way() * 100 + budget.retries_granted())
    };
    let rules = ConcurrencyShare::DEFAULT.minimum(0);
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
fn the_most_retries_are_a_share_rounded_down_but_a_minimum() {
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
        let rules = ConcurrencyShare::DEFAULT.share(*share).minimum(*minimum);
        assert_eq!(rules.most_retries(*attempts), *most, "{share}, {attempts}");
    }
}

/// The probability of a refusal, to the nearest millionth.
fn millionths(budget: &SharedBudget<AdaptiveThrottle, LocalLock>, now: Instant) -> u64 {
    (budget.rejection_probability(now) * 1_000_000 + (1 << 31)) >> 32
}

#[test]
fn an_adaptive_throttle_refuses_by_what_the_dependency_took() {
    let rules = AdaptiveThrottle::DEFAULT;
    let script = "
             0 | granted Server, start       |      0
             0 | 2x succeeds, 2x fails Server|      0
             0 | fails Server                | 166667
             0 | 5x fails Timeout            | 545455
             0 | cancelled                   | 545455
             0 | fails Validation            | 416667
             0 | fails CircuitOpen           | 461538
        119000 |                             | 461538
        129000 |                             |      0";
    play(rules, millionths, script);
    let script = "
             0 | fails Server                | 500000
             0 | 99x fails Server            | 800000";
    play(rules.max_rejection(0.8), millionths, script);
    let script = "
             0 | 2x fails Server             |      0
             0 | fails Server                | 750000";
    play(rules.minimum_attempts(3), millionths, script);
    let script = "
             0 | fails Server                |      0
             0 | fails RateLimit             | 333333";
    let only = rules.count_as_rejection(ClassSet::NONE.with(Class::RateLimit));
    play(only.multiplier(1.0), millionths, script);
    let script = "
             0 | fails Server, refused Server| 666667
         11000 | refused Server              | 750000
         22000 | refused Server              | 666667
         34000 | granted Server              |      0";
    play(rules.window(secs(12)), millionths, script);
}

/// Whether a retry with each of these words is refused, always out of the same state.
fn refused(rules: AdaptiveThrottle, requests: u32, words: impl Iterator<Item = u64>) -> Vec<bool> {
    let budget = SharedBudget::<_, LocalLock>::new(rules);
    (0..requests).for_each(|_| budget.deposit(failed(Class::Server, FREE), NOW));
    let before: SlidingSum<12> = budget.with_state(|state| *state);
    let answer = |word| {
        let mut state = before;
        let price = rules.withdraw(&mut state, Request::new(Class::Server, 1, word), NOW);
        // A refusal is a request that was made and not accepted.
        assert_eq!(state == before, price.is_some());
        price.is_none()
    };
    words.map(answer).collect()
}

#[test]
fn a_refusal_is_as_likely_as_it_says_and_not_for_the_short_delays() {
    let rules = AdaptiveThrottle::DEFAULT;
    for (rules, requests, expected) in [
        (rules, 0, 0),
        (rules, 1, 5_000),
        (rules, 3, 7_500),
        (rules, 99, 9_900),
        (rules.max_rejection(0.25), 99, 2_500),
        (rules.max_rejection(0.0), 99, 0),
    ] {
        let small = refused(rules, requests, 0..10_000);
        // In order of size: the first half of them make the short delays.
        let spread = refused(rules, requests, (0..20_000).map(|i| i * (u64::MAX / 20_000)));
        for answers in [&small[..], &spread[..10_000], &spread[10_000..]] {
            let refused = answers.iter().filter(|refused| **refused).count();
            assert!(refused.abs_diff(expected) < 150, "{refused} instead of {expected}");
        }
    }
}

#[test]
fn no_clock_is_read_and_no_lock_taken_where_no_rule_needs_it() {
    fn never() -> Instant {
        unreachable!("nothing asks")
    }
    fn untimed<B: BudgetRules>(rules: B) {
        let budget = SharedBudget::<_, LocalLock>::new(rules);
        let price = budget.withdraw(asked(Class::Server), never).unwrap();
        budget.deposit(started(true), never);
        budget.deposit(succeeded(true, price), never);
        budget.deposit(failed(Class::Server, price), never);
        budget.deposit(cancelled(true, price), never);
    }
    untimed(TokenBucket::DEFAULT);
    untimed(RetryThrottle::DEFAULT);
    untimed(ConcurrencyShare::DEFAULT);

    let share = SharedBudget::<_, LocalLock>::new(RequestShare::DEFAULT);
    let price = share.withdraw(asked(Class::Server), NOW).unwrap();
    share.deposit(cancelled(false, price), never);
    // The lock is held here, and a `RefCell` cannot be borrowed twice.
    share.with_state(|_| {
        share.deposit(started(false), never);
        share.deposit(succeeded(true, FREE), never);
        share.deposit(failed(Class::Server, price), never);
    });
    let bucket = SharedBudget::<_, LocalLock>::new(TokenBucket::DEFAULT);
    bucket.with_state(|_| {
        bucket.deposit(started(true), never);
        bucket.deposit(failed(Class::Server, Price(5)), never);
        bucket.deposit(cancelled(true, FREE), never);
    });
}

/// What is said not to concern the rules may be deposited or not.
#[test]
fn what_does_not_concern_the_rules_changes_nothing() {
    fn unconcerned<B: BudgetRules<State: PartialEq + Copy + std::fmt::Debug>>(rules: B, expected: usize) {
        let budget = SharedBudget::<_, LocalLock>::new(rules);
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
    unconcerned(TokenBucket::DEFAULT, 2 + 2 * 13 + 2);
    unconcerned(RetryThrottle::DEFAULT, 2 + 2 * 7 + 4);
    unconcerned(RequestShare::DEFAULT, 1 + 2 * 2 + 2 * 13 + 2);
    unconcerned(ConcurrencyShare::DEFAULT, 0);
    unconcerned(AdaptiveThrottle::DEFAULT, 2 + 4);
}

/// Neither while it is back, nor once it is where it was, nor by what it forgets.
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
fn what_is_taken_back_leaves_the_slice_it_was_added_to() {
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
    sum.take_back(most, 5); // has left
    sum.take_back(i64::MIN, 8);
    assert_eq!(sum.sum(), 3 * most);
    sum.advance(Instant::MAX, SECOND);
    assert_eq!(sum.sum(), 0);
    sum.advance(Instant::MAX, 0); // a slice of no length has always ended
    assert_eq!(sum.sum(), 0);
}

#[test]
fn a_budget_that_cannot_be_is_an_error_with_field_and_value() {
    fn line<B: std::fmt::Debug>(result: Result<B, ConfigError>) -> String {
        let error = result.unwrap_err();
        assert!(error.to_string().starts_with(error.field()));
        error.to_string()
    }
    let (tokens, ratio, requests) = (TokenBucket::DEFAULT, RetryThrottle::DEFAULT, RequestShare::DEFAULT);
    let (under_way, chance) = (ConcurrencyShare::DEFAULT, AdaptiveThrottle::DEFAULT);
    let said = [
        line(tokens.try_success_reward(-0.5)),
        line(tokens.try_success_reward(f64::INFINITY)),
        line(tokens.try_refill_per_second(f64::NAN)),
        line(tokens.try_refill_per_second(-5.0)),
        line(ratio.try_max_tokens(0)),
        line(ratio.try_max_tokens(1_001)),
        line(ratio.try_token_ratio(0.0)),
        line(ratio.try_token_ratio(-0.1)),
        line(ratio.try_token_ratio(f64::NAN)),
        line(requests.try_share(-1.0)),
        line(requests.try_share(1_000.000_001)),
        line(requests.try_share(f64::INFINITY)),
        line(requests.try_ttl(Duration::ZERO)),
        line(requests.try_ttl(ms(999))),
        line(requests.try_ttl(secs(61))),
        line(under_way.try_share(1.000_001)),
        line(under_way.try_share(f64::NAN)),
        line(chance.try_multiplier(0.999)),
        line(chance.try_multiplier(100.001)),
        line(chance.try_multiplier(f64::NAN)),
        line(chance.try_max_rejection(1.01)),
        line(chance.try_max_rejection(-0.5)),
        line(chance.try_window(ms(999))),
    ];
    let expected = "\
success_reward = -0.5: must be a finite number of at least 0
success_reward = inf: must be a finite number of at least 0
refill_per_second = NaN: must be a finite number of at least 0
refill_per_second = -5: must be a finite number of at least 0
max_tokens = 0: must be from 1 to 1000
max_tokens = 1001: must be from 1 to 1000
token_ratio = 0: must be a finite number above 0
token_ratio = -0.1: must be a finite number above 0
token_ratio = NaN: must be a finite number above 0
share = -1: must be from 0 to 1000
share = 1000.000001: must be from 0 to 1000
share = inf: must be from 0 to 1000
ttl = 0 s: must be from 1 s to 60 s
ttl = 999 ms: must be from 1 s to 60 s
ttl = 61 s: must be from 1 s to 60 s
share = 1.000001: must be from 0 to 1
share = NaN: must be from 0 to 1
multiplier = 0.999: must be from 1 to 100
multiplier = 100.001: must be from 1 to 100
multiplier = NaN: must be from 1 to 100
max_rejection = 1.01: must be from 0 to 1
max_rejection = -0.5: must be from 0 to 1
window = 999 ms: must be at least 1 s";
    assert_eq!(said.join("\n"), expected);
}

#[test]
fn the_edge_of_what_a_budget_can_be_is() {
    let (tokens, ratio, requests) = (TokenBucket::DEFAULT, RetryThrottle::DEFAULT, RequestShare::DEFAULT);
    let (under_way, chance) = (ConcurrencyShare::DEFAULT, AdaptiveThrottle::DEFAULT);
    for edge in [0.0, f64::MAX] {
        assert!(tokens.try_success_reward(edge).is_ok());
        assert!(tokens.try_refill_per_second(edge).is_ok());
    }
    assert!(ratio.try_max_tokens(1).is_ok());
    assert!(ratio.try_max_tokens(1_000).is_ok());
    assert!(requests.try_share(0.0).is_ok());
    assert!(requests.try_share(1_000.0).is_ok());
    assert!(requests.try_ttl(secs(1)).is_ok());
    assert!(requests.try_ttl(secs(60)).is_ok());
    assert!(under_way.try_share(0.0).is_ok());
    assert!(under_way.try_share(1.0).is_ok());
    assert!(chance.try_multiplier(1.0).is_ok());
    assert!(chance.try_multiplier(100.0).is_ok());
    assert!(chance.try_max_rejection(0.0).is_ok());
    assert!(chance.try_max_rejection(1.0).is_ok());
    assert!(chance.try_window(secs(1)).is_ok());
    assert!(chance.try_window(Duration::MAX).is_ok());
}

#[test]
#[should_panic(expected = "max_tokens = 0: must be from 1 to 1000")]
fn the_plain_setter_panics_with_the_same_line() {
    let _ = RetryThrottle::DEFAULT.max_tokens(std::hint::black_box(0));
}

const THREADS: u64 = 4;
const EACH: u64 = 20_000;

/// What each of the threads does, `EACH` times, given its number.
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

    // All is taken, and not a token more.
    let bucket = SharedBudget::<_, StdLock>::new(TokenBucket::DEFAULT.capacity(50_003));
    race(|_| _ = counted(bucket.withdraw(asked(Class::Server), NOW).is_some()));
    assert_eq!((count.swap(0, Ordering::Relaxed), bucket.held(NOW)), (10_000, 3));

    // Taken and given back: never more at once than it held, and all is back in the end.
    let bucket = SharedBudget::<_, StdLock>::new(TokenBucket::DEFAULT.capacity(10));
    race(|_| {
        if let Some(price) = bucket.withdraw(asked(Class::Server), NOW) {
            assert!(count.fetch_add(1, Ordering::SeqCst) < 2);
            thread::yield_now();
            count.fetch_sub(1, Ordering::SeqCst);
            bucket.deposit(cancelled(true, price), NOW);
        }
    });
    assert_eq!(bucket.held(NOW), 10);

    // Half of the threads make calls, half ask for retries: a quarter of the calls in sum.
    let share = SharedBudget::<_, StdLock>::new(RequestShare::DEFAULT.share(0.25).min_retries_per_second(0));
    race(|number| match number % 2 {
        0 => share.deposit(started(true), NOW),
        _ => _ = counted(share.withdraw(asked(Class::Server), NOW).is_some()),
    });
    let granted = count.swap(0, Ordering::Relaxed);
    assert_eq!(granted + share.held(NOW), THREADS / 2 * EACH / 4);

    // Never more at once than half of what is under way, and no slot is lost.
    let rules = ConcurrencyShare::DEFAULT.share(0.5).minimum(1);
    let under_way = SharedBudget::<_, StdLock>::new(rules);
    race(|_| {
        under_way.deposit(started(true), NOW);
        under_way.deposit(failed(Class::Server, FREE), NOW);
        if let Some(price) = under_way.withdraw(asked(Class::Server), NOW) {
            // Each thread has at most one attempt under way.
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

const POLICY: Policy = Policy::exponential(ms(100)).jitter(Jitter::None).attempts(4);

fn gave_up_for<T, E>(result: Result<T, Error<E>>) -> Option<GiveUp> {
    match result {
        Err(Error::GaveUp { reason, .. }) => Some(reason),
        _ => None,
    }
}

#[test]
fn a_call_gives_up_where_the_budget_is_empty() {
    let clock = FakeClock::new();
    let budget = SharedBudget::<_, StdLock>::new(TokenBucket::DEFAULT.capacity(13));
    let retry = Retry::new(&POLICY, &clock).classify(|class: &Class| *class).budget(&budget);
    // A call whose first attempts fail, so many: why it gave up, how many it made, what is left.
    let call = |fails: u32| {
        let mut made = 0;
        let result = retry.run_blocking(|| {
            made += 1;
            if made <= fails { Err(Class::Server) } else { Ok(()) }
        });
        (gave_up_for(result), made, budget.held(clock.now()))
    };
    assert_eq!(call(1), (None, 2, 13)); // takes 5, gives back 5
    assert_eq!(call(9), (Some(GiveUp::Budget), 3, 3));
    assert_eq!(call(9), (Some(GiveUp::Budget), 1, 3));
    assert_eq!(call(0), (None, 1, 4));
    assert_eq!(call(0), (None, 1, 5));
    assert_eq!(call(1), (None, 2, 5));
}

/// Asked last: what another rule refuses costs nothing.
#[test]
fn nothing_is_taken_where_the_call_gives_up_for_another_reason() {
    let clock = FakeClock::new();
    let budget = SharedBudget::<_, StdLock>::new(TokenBucket::DEFAULT);
    for (policy, class, reason) in [
        (POLICY.attempts(1), Class::Server, GiveUp::Attempts),
        (POLICY, Class::Validation, GiveUp::Class),
        (POLICY.deadline(ms(99)), Class::Server, GiveUp::Deadline),
    ] {
        let retry = Retry::new(&policy, &clock).classify(|class: &Class| *class).budget(&budget);
        let result = retry.run_blocking(|| Err::<(), _>(class));
        assert_eq!(gave_up_for(result), Some(reason));
        assert_eq!(budget.held(clock.now()), 500);
    }
}

/// Where a call was that was stopped.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stopped {
    InFirst,
    InRetry,
    Asleep,
    /// It had ended already.
    Not,
}

/// A call that fails twice, waits between, and succeeds, dropped after so many polls 10 ms apart: where that was,
/// and how many retries had failed.
fn stopped<B: Budget>(budget: &B, polls: u32) -> (Stopped, u64) {
    let clock = FakeClock::new();
    let (started, failed) = (Cell::new(0), Cell::new(0));
    let retry = Retry::new(&POLICY, &clock).classify(|class: &Class| *class).budget(budget);
    let mut call = pin!(retry.run(|| async {
        started.set(started.get() + 1);
        (&clock).sleep(ms(10)).await;
        if started.get() == 3 {
            return Ok(());
        }
        failed.set(failed.get() + 1);
        Err(Class::Server)
    }));
    for _ in 0..polls {
        let polled = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        if polled == Poll::Ready(Ok(())) {
            return (Stopped::Not, 1);
        }
        clock.advance(ms(10));
    }
    let place = match (started.get(), failed.get()) {
        (1, 0) => Stopped::InFirst,
        (started, failed) if started > failed => Stopped::InRetry,
        _ => Stopped::Asleep,
    };
    (place, u64::saturating_sub(failed.get(), 1))
}

/// After any number of polls all comes back that was taken, but for the retry that failed.
#[test]
fn a_dropped_call_gives_back_what_it_was_granted() {
    let mut places = Vec::new();
    for polls in 1.. {
        let bucket = SharedBudget::<_, LocalLock>::new(TokenBucket::DEFAULT);
        let (place, failed) = stopped(&bucket, polls);
        assert_eq!(bucket.held(NOW), 500 - 5 * failed, "{place:?}, {polls} polls");

        // A retry that was made counts, however it ended; one that was not, or was cancelled, does not.
        let made = failed + u64::from(place == Stopped::Not);
        let share = SharedBudget::<_, LocalLock>::new(RequestShare::DEFAULT.share(0.0).ttl(secs(60)));
        let _ = stopped(&share, polls);
        assert_eq!(share.held(NOW), 600 - made, "{place:?}, {polls} polls");

        let under_way = SharedBudget::<_, LocalLock>::new(ConcurrencyShare::DEFAULT);
        under_way.deposit(started(true), NOW); // another call's
        let _ = stopped(&under_way, polls);
        let left = (under_way.attempts_under_way(), under_way.retries_granted());
        assert_eq!(left, (1, 0), "{place:?}, {polls} polls");

        places.push(place);
        if place == Stopped::Not {
            break;
        }
    }
    for place in [Stopped::InFirst, Stopped::InRetry, Stopped::Asleep] {
        assert!(places.contains(&place), "{place:?} is not among {places:?}");
    }
}

#[test]
fn a_call_cancelled_by_hand_leaves_the_budget_exact() {
    let clock = FakeClock::new();
    let budget = SharedBudget::<_, StdLock>::new(TokenBucket::DEFAULT);
    let mut rng = clock.words(&[]);
    let mut call = Call::new(&POLICY, clock.now()).budget(&budget);

    let verdict = call.attempt(clock.now()).unwrap().fail(Class::Timeout, clock.now(), &mut rng);
    assert_eq!(verdict, Verdict::Retry(ms(100)));
    assert_eq!(budget.held(clock.now()), 490);
    call.attempt(clock.now()).unwrap().cancel(clock.now());
    assert_eq!(budget.held(clock.now()), 500);

    let attempt = call.attempt(clock.now()).unwrap();
    let _ = attempt.fail(Class::Server, clock.now(), &mut rng);
    assert_eq!(budget.held(clock.now()), 495);
    drop(call); // before its last attempt
    assert_eq!(budget.held(clock.now()), 500);
}

#[test]
fn a_retry_that_the_circuit_refuses_in_the_end_costs_nothing() {
    let clock = FakeClock::new();
    let budget = SharedBudget::<_, StdLock>::new(TokenBucket::DEFAULT);
    let config = CircuitConfig::WITHOUT_RULES.consecutive_failures(2);
    let circuit: SharedCircuit = SharedCircuit::new(config);
    let mut call = Call::new(&POLICY, clock.now()).circuit(&circuit).budget(&budget);

    let attempt = call.attempt(clock.now()).unwrap();
    let _ = attempt.fail(Class::Server, clock.now(), &mut clock.words(&[]));
    assert_eq!(budget.held(clock.now()), 495);
    let other = circuit.admit(clock.now()).unwrap();
    circuit.fail(other.ticket, Class::Server, clock.now(), None);
    assert!(call.attempt(clock.now()).is_err(), "it opened meanwhile");
    drop(call);
    assert_eq!(budget.held(clock.now()), 500);
}
