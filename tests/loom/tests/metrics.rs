//! All interleavings of two threads that count in one shard of metrics, explored by loom.
#![cfg(loom)]

use std::time::Duration;

use loom::sync::Arc;
use loom::thread;
use retry_core::{Call, Class, Instant, Policy, observe::OperationMetrics, testing::FakeClock};

type Metrics = OperationMetrics<1>;

const POLICY: Policy = Policy::fixed(Duration::from_millis(5)).max_attempts(1);
const START: Instant = Instant::from_millis(1_000);
const END: Instant = Instant::from_millis(1_007);

/// Makes metrics with their counters, which loom makes at their first use.
fn metrics() -> Arc<Metrics> {
    let metrics = Metrics::sharded("stock.read");
    assert_eq!(metrics.snapshot().calls(), 0);
    Arc::new(metrics)
}

/// Makes a call of one attempt, which takes 7 ms.
fn call(metrics: &Metrics, fails: bool) {
    let mut call = Call::new(&POLICY, START).observe(metrics);
    let attempt = call.attempt(START).expect("there is no circuit");
    if fails {
        let _ = attempt.fail(Class::Server, END, &mut FakeClock::new().words(&[]));
    } else {
        attempt.succeed(END);
    }
}

#[test]
fn calls_of_two_threads_are_all_counted() {
    loom::model(|| {
        let metrics = metrics();
        let other = {
            let metrics = metrics.clone();
            thread::spawn(move || call(&metrics, true))
        };
        call(&metrics, true);
        other.join().unwrap();
        let counts = metrics.snapshot();
        assert_eq!((counts.calls(), counts.attempts(), counts.gave_up()), (2, 2, 2));
        assert_eq!(counts.failures_of(Class::Server), 2);
        assert_eq!(counts.duration(), Duration::from_millis(14));
    });
}

#[test]
fn a_snapshot_during_a_call_counts_no_more_than_there_is_and_a_later_one_no_less() {
    loom::model(|| {
        let metrics = metrics();
        let other = {
            let metrics = metrics.clone();
            thread::spawn(move || call(&metrics, false))
        };
        let [first, second] = [(); 2].map(|()| metrics.snapshot());
        other.join().unwrap();
        let of = |counts: &retry_core::observe::MetricsSnapshot| (counts.attempts(), counts.calls());
        let [first, second, last] = [of(&first), of(&second), of(&metrics.snapshot())];
        assert!(first.0 <= second.0 && first.1 <= second.1, "{first:?} {second:?}");
        assert!(second.0 <= 1 && second.1 <= 1, "{second:?}");
        assert_eq!(last, (1, 1));
    });
}
