//! The adaptive rate of the AWS SDKs: at its limits, shared, and on runtimes. The peer's vectors are in `vectors`.

use std::cell::Cell;
use std::time::Duration;

use retry_core::{
    Class, Instant, Policy, Retry,
    budget::{AdaptiveRate, AdaptiveRateState, Sending, SharedAdaptiveRate},
    runtime::LocalLock,
    testing::FakeClock,
};
use tests::secs;

const ALL: [Sending; 3] = [Sending::First, Sending::Retry, Sending::RetryAfterTimeout];

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn throttled(now: Instant) -> AdaptiveRate {
    let mut rate = AdaptiveRate::starting(now);
    rate.on_throttle(now);
    rate
}

#[test]
fn each_kind_of_attempt_has_its_price() {
    let rows = [(Sending::First, 2), (Sending::Retry, 10), (Sending::RetryAfterTimeout, 20)];
    for (sending, wait) in rows {
        assert_eq!(throttled(at(0)).acquire(sending, at(0)), Err(secs(wait)), "{sending:?}");
    }
}

#[test]
fn there_is_no_limit_before_the_service_throttles() {
    let mut rate = AdaptiveRate::NEW;
    for millis in 0..10_000 {
        assert_eq!(rate.acquire(ALL[millis as usize % 3], at(millis)), Ok(()));
        rate.on_success(at(millis));
    }
    assert!(!rate.state().is_limited);
}

#[test]
fn a_clock_that_steps_back_costs_no_time() {
    let mut rate = throttled(at(1_000_000));
    rate.on_success(at(1_000_000));
    assert_eq!(rate.acquire(Sending::First, at(0)), Err(secs(2)));
    assert_eq!(rate.acquire(Sending::First, at(2_000)), Ok(()));
    for second in 3..100 {
        rate.on_success(at(second * 1_000));
    }
    // It measures anew and recovers, though the old time is far ahead.
    let state = rate.state();
    assert!(state.fill_rate > 1.0 && state.half_second == 198, "{state:?}");
}

#[test]
fn numbers_at_every_limit_stay_finite() {
    let edges = [0.0, -1.0, f64::MIN_POSITIVE, 1.0, f64::MAX, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    let times = [Instant::ORIGIN, at(1), Instant::MAX];
    for a in edges {
        for b in edges {
            for (i, &first) in times.iter().enumerate() {
                let mut rate = AdaptiveRate::restored(AdaptiveRateState {
                    is_limited: i % 2 == 0,
                    fill_rate: a,
                    max_capacity: b,
                    capacity: b,
                    measured_rate: a,
                    throttled_rate: b,
                    throttled_at: Instant::MAX,
                    half_second: u64::MAX,
                    ended: u32::MAX,
                    refilled: Some(first),
                });
                for &now in &times {
                    let _ = rate.acquire(ALL[i], now);
                    rate.on_success(now);
                    let _ = rate.acquire(ALL[i], now);
                    rate.on_throttle(now);
                    let AdaptiveRateState { fill_rate, max_capacity, capacity, .. } = rate.state();
                    assert!(fill_rate.is_finite() && fill_rate >= 0.5, "{rate:?}");
                    assert!((0.0..=f64::MAX).contains(&capacity) && max_capacity >= 1.0, "{rate:?}");
                }
            }
        }
    }
}

/// An operation that asks before each attempt; the service throttles the first.
#[test]
fn an_operation_waits_on_its_runtime_before_it_sends() {
    let (clock, rate) = (FakeClock::new(), SharedAdaptiveRate::<LocalLock>::with_lock());
    let (policy, attempts) = (Policy::fixed(Duration::ZERO), Cell::new(0));
    let sending = || {
        attempts.set(attempts.get() + 1);
        if attempts.get() == 1 { Sending::First } else { Sending::Retry }
    };
    let sent = || match attempts.get() {
        1 => {
            rate.on_throttle(clock.now());
            Err(Class::RateLimit)
        }
        _ => {
            rate.on_success(clock.now());
            Ok(())
        }
    };

    let retry = Retry::new(&policy, &clock);
    let future = retry.run(|| async {
        rate.wait(sending(), &clock).await;
        sent()
    });
    assert_eq!(clock.run(future), Ok(()));
    assert_eq!(clock.now(), at(10_000)); // 5 tokens, one per 2 s

    rate.on_throttle(clock.now());
    let before = clock.now();
    assert_eq!(rate.wait_blocking(Sending::First, &clock), Ok(()));
    assert!(clock.now().since(before) > secs(1));
}

#[tokio::test(start_paused = true)]
async fn tokio_and_threads_share_one_rate() {
    static RATE: SharedAdaptiveRate = SharedAdaptiveRate::new();
    let clock = retry_tokio::Tokio;
    let now = || retry_core::runtime::Clock::now(&clock);
    RATE.on_throttle(now());
    let before = now();
    let waiting: Vec<_> =
        (0..3).map(|_| tokio::spawn(async { RATE.wait(Sending::First, retry_tokio::Tokio).await })).collect();
    for task in waiting {
        task.await.unwrap();
    }
    assert!(now().since(before) >= secs(6), "{:?}", now().since(before)); // one token per 2 s
}
