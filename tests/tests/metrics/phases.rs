use retry_core::circuit::{Phase::Closed, Phase::HalfOpen, Phase::Open};
use retry_core::{
    CircuitConfig, Class, Instant, Retry, SharedCircuit,
    circuit::{Change, ChangeCause, CountWindow, Phase},
    observe::{Event, Metrics, MetricsSnapshot, Name, Observer, OperationMetrics},
    runtime::LocalLock,
    testing::FakeClock,
};

use super::{POLICY, ms};

fn changed(from: Phase, to: Phase, at: u64) -> Event<'static> {
    static STOCK: Name = Name::new("stock");
    let at = Instant::from_millis(at);
    Event::phase_changed(&STOCK, Change { from, to, at, cause: ChangeCause::Manual })
}

/// Milliseconds closed, open and half-open until `now`, and how many circuits are open and half-open.
fn times(counts: &MetricsSnapshot, now: u64) -> ([u128; 3], [u64; 2]) {
    let now = Instant::from_millis(now);
    let times = [Closed, Open, HalfOpen].map(|phase| counts.time_in(phase, Instant::ORIGIN, now).as_millis());
    (times, [Open, HalfOpen].map(|phase| counts.circuits_in(phase)))
}

/// Of one circuit from closed at 0 on.
const SCRIPT: [(Phase, Phase, u64); 6] = [
    (Closed, Open, 1_000),
    (Open, HalfOpen, 1_500),
    (HalfOpen, Open, 1_520),
    (Open, HalfOpen, 2_020),
    (HalfOpen, Closed, 2_100),
    (Closed, Open, 2_900),
];

#[test]
fn the_time_in_each_phase_adds_up_to_all_of_it() {
    let metrics = OperationMetrics::<2>::sharded("stock");
    #[rustfmt::skip]
    let expected = [
        // closed, open, half-open until 100 ms later, circuits open and half-open
        ([1_000,   100,   0], [1, 0]),
        ([1_000,   500, 100], [0, 1]),
        ([1_000,   600,  20], [1, 0]),
        ([1_000, 1_000, 120], [0, 1]),
        ([1_100, 1_000, 100], [0, 0]),
        ([1_800, 1_100, 100], [1, 0]),
    ];
    assert_eq!(times(&metrics.snapshot(), 500), ([500, 0, 0], [0, 0]));
    for ((from, to, at), expected) in SCRIPT.into_iter().zip(expected) {
        metrics.observe(&changed(from, to, at));
        assert_eq!(times(&metrics.snapshot(), at + 100), expected, "at {at} ms");
    }
    let counts = metrics.snapshot();
    assert_eq!([Closed, Open, HalfOpen].map(|phase| counts.changes_to(phase)), [1, 3, 2]);
}

/// Threads tell of changes after they made them, in any order.
#[test]
fn the_order_in_which_changes_are_told_does_not_matter() {
    let (forwards, backwards) =
        (OperationMetrics::<1>::sharded("stock"), OperationMetrics::<1>::sharded("stock"));
    SCRIPT.iter().for_each(|(from, to, at)| forwards.observe(&changed(*from, *to, *at)));
    SCRIPT.iter().rev().for_each(|(from, to, at)| {
        backwards.observe(&changed(*from, *to, *at));
        let _ = times(&backwards.snapshot(), 3_000); // half of the story: wrong, but in bounds
    });
    assert_eq!(forwards.snapshot(), backwards.snapshot());
}

#[test]
fn what_was_seen_only_in_part_is_never_negative() {
    let metrics = OperationMetrics::<1>::sharded("stock");
    metrics.observe(&changed(Open, HalfOpen, 700)); // nobody told of the opening
    assert_eq!(times(&metrics.snapshot(), 800), ([0, 700, 100], [0, 1]));
    metrics.observe(&changed(HalfOpen, Closed, 600)); // a clock that stepped back
    assert_eq!(times(&metrics.snapshot(), 800), ([100, 700, 0], [0, 0]));
    metrics.observe(&changed(Closed, Open, u64::MAX));
    assert_eq!(metrics.snapshot().time_in(Closed, Instant::MAX, Instant::ORIGIN), ms(0));
}

#[test]
fn several_circuits_are_added_up_whoever_tells_of_them() {
    let metrics = Metrics::<4>::sized();
    let circuits = [(); 2].map(|()| {
        SharedCircuit::<CountWindow<20>, LocalLock>::with_window(
            CircuitConfig::DEFAULT.consecutive_failures(1).open_for(ms(500)),
        )
    });
    let clock = FakeClock::new();
    let retry = Retry::new(&POLICY, &clock).observe(&metrics);
    // Opened by one operation, closed by another.
    for (circuit, opens, closes) in
        [(&circuits[0], "stock.read", "stock.write"), (&circuits[1], "stock.write", "stock.list")]
    {
        let retry = retry.by_ref().circuit(circuit);
        let (opens, closes) = (retry.by_ref().named(opens), retry.by_ref().named(closes));
        let _ = opens.run_blocking(|| Err::<(), _>(Class::Permanent));
        let _ = opens.run_blocking(|| Err::<(), _>(Class::Network));
        clock.advance(ms(700));
        closes.run_blocking(|| Ok::<_, Class>(())).unwrap();
    }
    let now = clock.now().as_millis();
    let (times, still) = times(&metrics.snapshot(), now);
    assert_eq!((times[1], still), (1_400, [0, 0]));
    assert_eq!(metrics.circuits().snapshot().changes_to(Open), 2);
    assert_eq!(metrics.operation("stock.read").unwrap().snapshot().changes_to(Open), 0);
}
