//! The time that circuits spend in each phase.

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

/// Returns the milliseconds in the phases closed, open and half-open until `now`, and how many circuits are open and
/// half-open.
fn times(counts: &MetricsSnapshot, now: u64) -> ([u128; 3], [u64; 2]) {
    let now = Instant::from_millis(now);
    let times = [Closed, Open, HalfOpen].map(|phase| counts.time_in(phase, Instant::ORIGIN, now).as_millis());
    (times, [Open, HalfOpen].map(|phase| counts.circuits_in(phase)))
}

/// The changes of one circuit, which is closed at 0.
const SCRIPT: [(Phase, Phase, u64); 6] = [
    (Closed, Open, 1_000),
    (Open, HalfOpen, 1_500),
    (HalfOpen, Open, 1_520),
    (Open, HalfOpen, 2_020),
    (HalfOpen, Closed, 2_100),
    (Closed, Open, 2_900),
];

#[test]
fn the_times_in_the_phases_add_up() {
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

/// Threads report changes after they made them, so they may arrive in any order.
#[test]
fn the_order_of_the_changes_does_not_matter() {
    let (forwards, backwards) =
        (OperationMetrics::<1>::sharded("stock"), OperationMetrics::<1>::sharded("stock"));
    SCRIPT.iter().for_each(|(from, to, at)| forwards.observe(&changed(*from, *to, *at)));
    SCRIPT.iter().rev().for_each(|(from, to, at)| {
        backwards.observe(&changed(*from, *to, *at));
        let _ = times(&backwards.snapshot(), 3_000); // incomplete, so wrong, but within bounds
    });
    assert_eq!(forwards.snapshot(), backwards.snapshot());
}

#[test]
fn times_from_incomplete_events_are_not_negative() {
    let metrics = OperationMetrics::<1>::sharded("stock");
    metrics.observe(&changed(Open, HalfOpen, 700)); // the event of the opening is missing
    assert_eq!(times(&metrics.snapshot(), 800), ([0, 700, 100], [0, 1]));
    metrics.observe(&changed(HalfOpen, Closed, 600)); // the clock stepped back
    assert_eq!(times(&metrics.snapshot(), 800), ([100, 700, 0], [0, 0]));
    metrics.observe(&changed(Closed, Open, u64::MAX));
    assert_eq!(metrics.snapshot().time_in(Closed, Instant::MAX, Instant::ORIGIN), ms(0));
}

#[test]
fn several_circuits_are_added_up_for_any_operation() {
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
