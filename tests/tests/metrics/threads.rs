//! Metrics that several threads update at once.

use std::sync::Barrier;
use std::thread;

use retry_core::{
    Class, Jitter, Policy, Retry,
    observe::{EventKind, Metrics, Observer, OperationMetrics},
    testing::FakeClock,
};

const THREADS: u64 = 6;
const CALLS: u64 = 2_000;

/// Runs threads that make calls. Every third call fails once.
fn hammer(observer: &(impl Observer + Sync), names: [&'static str; 2]) {
    const POLICY: Policy = Policy::fixed(super::ms(1)).jitter(Jitter::None).max_attempts(2);
    let together = Barrier::new(THREADS.try_into().unwrap());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let clock = FakeClock::new();
                let retry = Retry::new(&POLICY, &clock).observe(observer);
                together.wait();
                for i in 0..CALLS {
                    let mut answers =
                        [Ok(()), Err(Class::Network)].into_iter().cycle().skip(usize::from(i % 3 == 0));
                    retry
                        .by_ref()
                        .named(names[usize::from(i % 2 == 0)])
                        .run_blocking(|| answers.next().unwrap())
                        .unwrap();
                }
            });
        }
    });
}

#[test]
fn no_count_is_lost_between_threads_with_any_number_of_shards() {
    const RETRIES: u64 = CALLS.div_ceil(3) * THREADS;
    let (one, three, many) = (
        OperationMetrics::<1>::sharded("a"),
        OperationMetrics::<3>::sharded("b"),
        OperationMetrics::<16>::sharded("c"),
    );
    let names = Metrics::<4>::sized();
    hammer(&(&one, &three, &many, &names), ["read", "write"]);
    let counts = one.snapshot();
    assert_eq!((counts.calls(), counts.succeeded()), (THREADS * CALLS, THREADS * CALLS));
    assert_eq!((counts.attempts(), counts.retries_of(Class::Network)), (THREADS * CALLS + RETRIES, RETRIES));
    assert_eq!(counts.backoff(), super::ms(RETRIES));
    assert_eq!([three.snapshot(), many.snapshot(), names.snapshot()], [counts; 3]);
    let each = Vec::from_iter(names.operations().map(|operation| operation.snapshot().calls()));
    assert_eq!(each, [THREADS * CALLS / 2; 2]);
}

/// With one shard and no other work, an update that is not atomic would lose counts sooner or later.
#[test]
fn threads_that_only_count_lose_no_count() {
    const EVENTS: u64 = 300_000;
    let metrics = OperationMetrics::<1>::sharded("a");
    let together = Barrier::new(4);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let letter = super::event(EventKind::DeadLettered { kept: true });
                together.wait();
                (0..EVENTS).for_each(|_| metrics.observe(&letter));
            });
        }
    });
    assert_eq!(metrics.snapshot().dead_letters_kept(), 4 * EVENTS);
}

/// If several threads use a new name at the same time, it is added once.
#[test]
fn a_new_name_from_several_threads_is_added_once() {
    for _ in 0..50 {
        let metrics = Metrics::<2>::sized();
        hammer_once(&metrics);
        assert_eq!(metrics.operations().count(), 1);
        assert_eq!(metrics.operation("new").unwrap().snapshot().calls(), THREADS);
    }
}

fn hammer_once(metrics: &Metrics<2>) {
    let together = Barrier::new(THREADS.try_into().unwrap());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let clock = FakeClock::new();
                let retry = Retry::new(&Policy::DEFAULT, &clock).named("new").observe(metrics);
                together.wait();
                retry.run_blocking(|| Ok::<_, Class>(())).unwrap();
            });
        }
    });
}
