//! Budgets and clocks: for any readings, a budget earns at most for the sum of the steps forward.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use retry_core::{
    Class, Instant, SharedBudget, TokenBucket,
    budget::{AdaptiveRate, AdaptiveThrottle, Budget, BudgetRules, RequestShare, RetryThrottle, Sending},
    runtime::LocalLock,
};

use crate::{FREE, asked, failed, secs};

const SECOND: u64 = 1_000_000_000;
const YEAR: u64 = 365 * 86_400 * SECOND;

/// The readings of a clock that runs, and also steps forward and back, by little, by much, and to the origin.
fn readings() -> impl Strategy<Value = Vec<Instant>> {
    let step = prop_oneof![
        6 => (0..3 * SECOND).prop_map(|by| by as i64),
        2 => (0..2 * SECOND).prop_map(|by| -(by as i64)),
        1 => (0..1_000 * SECOND).prop_map(|by| by as i64),
        1 => (0..1_000 * SECOND).prop_map(|by| -(by as i64)),
        1 => Just(YEAR as i64),
        1 => Just(-(YEAR as i64)),
    ];
    prop::collection::vec(step, 1..200).prop_map(|steps| {
        let mut now = 0_u64;
        let read = |by| {
            now = now.saturating_add_signed(by);
            Instant::from_nanos(now)
        };
        steps.into_iter().map(read).collect()
    })
}

/// The readings of threads that share a clock, in the order in which they reach the budget: each is late by up to a
/// second.
fn readings_of_threads() -> impl Strategy<Value = Vec<Instant>> {
    prop::collection::vec((0..SECOND, 0..=SECOND), 1..200).prop_map(|steps| {
        let mut now = 3_600 * SECOND;
        let read = |(by, late)| {
            now += by;
            Instant::from_nanos(now - late)
        };
        steps.into_iter().map(read).collect()
    })
}

/// The time of some readings: the sum of the steps forward since the origin, or what the latest reading says.
#[derive(Clone, Copy)]
enum Time {
    Forward,
    Latest,
}

impl Time {
    fn of(self, readings: &[Instant]) -> Vec<u64> {
        let (mut sum, mut last, mut latest) = (0, 0, 0);
        let read = |now: &Instant| {
            sum += now.as_nanos().saturating_sub(last);
            last = now.as_nanos();
            latest = latest.max(last);
            match self {
                Self::Forward => sum,
                Self::Latest => latest,
            }
        };
        readings.iter().map(read).collect()
    }
}

fn shared<B: BudgetRules>(rules: B) -> SharedBudget<B, LocalLock> {
    SharedBudget::with_lock(rules)
}

/// Asks for a retry at each reading. What the bucket has spent and still holds was there at first, or was earned.
fn token_bucket(readings: &[Instant], time: Time) {
    const RATE: u64 = 3_500_000; // millionths of a token per second
    let bucket = shared(TokenBucket::AWS.capacity(40).refill_per_second(3.5));
    let mut spent = 0;
    for (&now, time) in readings.iter().zip(time.of(readings)) {
        if bucket.withdraw(asked(Class::Server), now).is_some() {
            spent += 5_000_000;
        }
        let earned = u128::from(time) * u128::from(RATE) / u128::from(SECOND);
        let most = 40_000_000 + u64::try_from(earned).unwrap();
        let all = spent + bucket.held_millionths(now);
        assert!(all <= most, "{all} of {most} at {now:?}");
    }
}

/// Fails at each reading, most often without a token to lose.
fn retry_throttle(readings: &[Instant], time: Time) {
    let throttle = shared(RetryThrottle::GRPC.max_tokens(4).refill_per_second(0.7));
    let mut spent = 0;
    for (&now, time) in readings.iter().zip(time.of(readings)) {
        let before = throttle.held_thousandths(now);
        throttle.deposit(failed(Class::Server, FREE), now);
        spent += u64::from(before - throttle.held_thousandths(now));
        let most = 4_000 + time / SECOND * 700 + 700;
        assert!(spent + u64::from(throttle.held_thousandths(now)) <= most, "{spent} at {now:?}");
    }
}

/// A retry from the reserve does not come back before nine of ten slices of the ttl have passed.
fn request_share(readings: &[Instant], time: Time) {
    let share = shared(RequestShare::DEFAULT.share(0.0).min_retries_per_second(2).ttl(secs(5)));
    let mut granted = Vec::new();
    for (&now, time) in readings.iter().zip(time.of(readings)) {
        (0..20).for_each(|_| granted.extend(share.withdraw(asked(Class::Server), now).map(|_| time)));
        granted.retain(|at| time - at < 9 * SECOND / 2);
        assert!(granted.len() <= 10, "{} at {now:?}", granted.len());
    }
}

/// A failure counts until 11 of 12 slices of the window have passed.
fn adaptive_throttle(readings: &[Instant], time: Time) {
    let throttle = shared(AdaptiveThrottle::DEFAULT.window(secs(12)));
    let mut failures = Vec::new();
    for (&now, time) in readings.iter().zip(time.of(readings)) {
        throttle.deposit(failed(Class::Server, FREE), now);
        failures.push(time);
        failures.retain(|at| time - at < 11 * SECOND);
        let least = ((failures.len() as u64) << 32) / (failures.len() as u64 + 1);
        assert!(throttle.rejection_probability(now) >= least, "{} at {now:?}", failures.len());
    }
}

/// While nothing is reported, the rate stays as the throttling left it.
fn adaptive_rate(readings: &[Instant], time: Time) {
    let mut rate = AdaptiveRate::starting(readings[0]);
    rate.on_throttle(readings[0]);
    let (fill_rate, times) = (rate.state().fill_rate, time.of(readings));
    let mut taken = 0;
    for (&now, time) in readings.iter().zip(&times) {
        taken += u64::from(rate.acquire(Sending::First, now).is_ok());
        let most = (time - times[0]) as f64 / SECOND as f64 * fill_rate + 1e-6;
        assert!(taken as f64 <= most, "{taken} of {most} at {now:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0x51ED),
        ..ProptestConfig::with_cases(300)
    })]

    #[test]
    fn what_a_budget_earns_is_at_most_the_sum_of_the_steps_forward(readings in readings()) {
        token_bucket(&readings, Time::Forward);
        retry_throttle(&readings, Time::Forward);
        request_share(&readings, Time::Forward);
        adaptive_throttle(&readings, Time::Forward);
        adaptive_rate(&readings, Time::Forward);
    }

    #[test]
    fn what_threads_earn_is_at_most_the_time_of_their_clock(readings in readings_of_threads()) {
        token_bucket(&readings, Time::Latest);
        retry_throttle(&readings, Time::Latest);
        request_share(&readings, Time::Latest);
        adaptive_throttle(&readings, Time::Latest);
        adaptive_rate(&readings, Time::Latest);
    }

    /// The rate at which attempts ended is measured as if the readings were in order.
    #[test]
    fn threads_measure_a_rate_as_one_does(readings in readings_of_threads()) {
        let (mut rate, mut in_order) = (AdaptiveRate::starting(readings[0]), AdaptiveRate::starting(readings[0]));
        for (&now, time) in readings.iter().zip(Time::Latest.of(&readings)) {
            rate.on_success(now);
            in_order.on_success(Instant::from_nanos(time));
            prop_assert_eq!(rate.state().measured_rate, in_order.state().measured_rate);
        }
    }

    #[test]
    fn threads_earn_all_the_time_of_their_clock(readings in readings_of_threads()) {
        let bucket = shared(TokenBucket::DEFAULT);
        (0..100).for_each(|_| assert!(bucket.withdraw(asked(Class::Server), readings[0]).is_some()));
        let first = readings[0].as_nanos() / SECOND;
        for (&now, time) in readings.iter().zip(Time::Latest.of(&readings)) {
            prop_assert_eq!(bucket.held(now), time / SECOND - first);
        }
    }
}
