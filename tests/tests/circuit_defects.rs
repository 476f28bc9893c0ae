//! Defects of other circuit breakers. Each test has the name of a defect, and shows that this library does not have it.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use allocation_counter::measure;
use retry_core::{
    CircuitConfig, Class, Instant, Policy, Retry, SharedCircuit,
    circuit::{Breaker, CountWindow, Counts, Gate, Outcome, Phase, Span, TimeWindow, Window},
    observe::{Event, EventKind},
    runtime::{LocalLock, Sleep},
    testing::FakeClock,
};
use tests::ms;

fn at(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

const ONE: CircuitConfig = CircuitConfig::WITHOUT_RULES.consecutive_failures(1).open_for(ms(1_000));

fn fail(circuit: &impl Gate, now: Instant) {
    let ticket = circuit.admit(now).expect("admitted").ticket;
    circuit.fail(ticket, Class::Server, now, None, 0);
}

/// Seen: a half-open circuit admits 1000 of 1000 callers, because of races or counters that wrap around.
#[test]
fn half_open_admits_everyone() {
    for probes in [1, 2, 7] {
        let circuit = SharedCircuit::new(ONE.probes(probes).success_threshold(probes));
        fail(&circuit, at(0));
        let (admitted, start) = (AtomicU32::new(0), Barrier::new(8));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    start.wait();
                    for _ in 0..125 {
                        // The attempt is in progress until its ticket is handed back.
                        if circuit.admit(at(1_000)).is_ok() {
                            admitted.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(admitted.into_inner(), probes);
    }
}

/// Seen in seven of them: a call that began before the outage succeeds, and this closes the half-open circuit.
#[test]
fn a_success_from_before_the_outage_closes_the_half_open_breaker() {
    let circuit = SharedCircuit::new(ONE);
    let before = circuit.admit(at(0)).unwrap().ticket;
    fail(&circuit, at(1));
    let probe = circuit.admit(at(1_001)).unwrap().ticket;
    assert_eq!(circuit.succeed(before, at(1_002)), None);
    assert_eq!((circuit.phase(), circuit.late()), (Phase::HalfOpen, 1));
    assert!(circuit.admit(at(1_003)).is_err(), "the late result releases no slot");
    assert_eq!(circuit.succeed(probe, at(1_004)).unwrap().to, Phase::Closed);
}

/// Seen: a probe is dropped, panics or never returns, and the circuit stays half-open for ever.
#[test]
fn a_probe_that_is_dropped_panics_or_never_returns_wedges_it() {
    const ONCE: Policy = Policy::exponential(ms(1)).max_attempts(1);
    let clock = FakeClock::new();
    let circuit = SharedCircuit::new(ONE.lease(ms(5_000)));
    fail(&circuit, clock.now());
    clock.advance(ms(1_000));
    let retry = Retry::new(&ONCE, &clock).circuit(&circuit);

    drop(retry.run(|| async { Ok::<(), Class>(()) })); // never polled
    let hung =
        clock.run(retry.until(Sleep::sleep(&&clock, ms(10))).run(std::future::pending::<Result<(), Class>>));
    assert!(hung.unwrap_err().is_cancelled());
    let panic =
        catch_unwind(AssertUnwindSafe(|| retry.run_blocking(|| -> Result<(), Class> { panic!("a bug") })));
    assert!(panic.is_err());
    let lost = circuit.admit(clock.now()).expect("the slot was released each time"); // never returns
    assert!(circuit.admit(clock.now()).is_err());
    let _ = lost;
    clock.advance(ms(5_000));
    assert_eq!(retry.run_blocking(|| Ok::<(), Class>(())), Ok(()));
    assert_eq!(circuit.phase(), Phase::Closed);
}

/// Seen in all five asynchronous ones: an outer timeout drops each call, and the circuit counts none of them.
#[test]
fn a_thousand_calls_cut_off_by_an_outer_timeout_never_open_it() {
    let clock = FakeClock::new();
    let config = CircuitConfig::WITHOUT_RULES.failure_rate(50).minimum_calls(10).slow_after(ms(100));
    let circuit = SharedCircuit::new(config);
    let retry = Retry::new(&Policy::DEFAULT, &clock).circuit(&circuit);
    let opened_after = (1..=1_000).find(|_| {
        let outer_timeout = Sleep::sleep(&&clock, ms(150));
        let cut_off = clock.run(retry.until(outer_timeout).run(std::future::pending::<Result<(), Class>>));
        assert!(cut_off.is_err());
        circuit.phase() == Phase::Open
    });
    assert_eq!(opened_after, Some(10));
    // A call that is dropped before it is slow does not count.
    circuit.reset(clock.now());
    for _ in 0..100 {
        let caller_left = Sleep::sleep(&&clock, ms(99));
        let _ = clock.run(retry.until(caller_left).run(std::future::pending::<Result<(), Class>>));
    }
    assert_eq!(circuit.counts(at(0)), Some(Counts { calls: 0, failures: 0, slow: 0 }));
}

/// Seen: after 10,000 successes, it takes 10,000 failures to open the circuit.
#[test]
fn a_sliding_count_window_that_does_not_slide() {
    let circuit: SharedCircuit =
        SharedCircuit::new(CircuitConfig::WITHOUT_RULES.failure_rate(50).minimum_calls(100));
    for _ in 0..10_000 {
        let ticket = circuit.admit(at(0)).unwrap().ticket;
        circuit.succeed(ticket, at(0));
    }
    for failures in 1..=50 {
        assert_eq!(circuit.phase(), Phase::Closed, "after {failures} failures");
        fail(&circuit, at(0));
    }
    assert_eq!(circuit.phase(), Phase::Open);
}

/// Seen: a time window keeps every call, and each new call searches all of them.
#[test]
fn a_time_window_that_grows_without_bound() {
    const { assert!(size_of::<TimeWindow<10>>() <= 10 * 8 + 16) };
    let span = Span::time(ms(10_000));
    let mut window = TimeWindow::<10>::EMPTY;
    let allocated = measure(|| {
        for call in 0..1_000_000_u64 {
            let outcome = Outcome { failed: call % 2 == 0, slow: false };
            window.record(outcome, span, Instant::from_nanos(call * 100_000));
        }
    });
    assert_eq!(allocated.count_total, 0);
    // 10,000 calls per second. The window holds ten seconds.
    assert_eq!((window.calls(), window.failures()), (100_000, 50_000));
}

/// Seen: each opening leaks memory.
#[test]
fn memory_leaks_with_each_trip() {
    let circuit = SharedCircuit::new(ONE);
    let allocated = measure(|| {
        for second in 0..10_000 {
            fail(&circuit, at(second * 1_000));
            let now = at((second + 1) * 1_000);
            let ticket = circuit.admit(now).unwrap().ticket;
            circuit.succeed(ticket, now);
        }
    });
    assert_eq!(allocated.count_total, 0);
}

/// Seen: the clock is set back, so the circuit stays open for as long as the step, and a window is emptied by any step.
#[test]
fn the_clock_steps_back_and_it_stays_open() {
    let circuit = SharedCircuit::new(ONE);
    fail(&circuit, at(1_000_000));
    assert_eq!(circuit.admit(at(0)).unwrap_err().wait(), ms(1_000));
    assert!(circuit.admit(at(1_000)).is_ok());

    let span = Span::time(ms(10_000));
    let mut window = TimeWindow::<10>::EMPTY;
    for now in [1_000_000, 999_500, 1_000_500, 995_000] {
        window.record(Outcome::FAILURE, span, at(now));
    }
    assert_eq!(window.calls(), 4);
    // After a longer step, how old they are is unknown.
    window.record(Outcome::FAILURE, span, at(0));
    assert_eq!(window.calls(), 1);
}

/// Seen: panics, and endless loops after them.
#[test]
fn an_open_time_of_max_and_a_window_of_zero() {
    let circuit = SharedCircuit::<CountWindow<1>, LocalLock>::with_window(
        ONE.open_for(Duration::MAX).lease(Duration::MAX),
    );
    fail(&circuit, Instant::MAX);
    let wait = circuit.admit(at(0)).unwrap_err().wait();
    assert!(wait > Duration::from_secs(500 * 365 * 86_400));
    assert!(ONE.try_window(0).is_err());
    // A window of 0 calls as a type does not compile: see `compile_fail/src/bin/window_type_zero.rs`.
}

/// Seen: a callback fails during a change of phase, and the circuit rejects every call for ever.
#[test]
fn an_error_inside_a_callback_leaves_it_rejecting_for_ever() {
    let clock = FakeClock::new();
    let circuit = SharedCircuit::new(ONE);
    let armed = Cell::new(true);
    let observer = |event: &Event| {
        if armed.get() && matches!(event.kind, EventKind::PhaseChanged(_)) {
            panic!("a bug in the observer");
        }
    };
    let retry = Retry::new(&Policy::DEFAULT, &clock).circuit(&circuit).on_event(observer);
    // It panics when the circuit opens, and when it becomes half-open, after the probe has taken a slot.
    for phase in [Phase::Open, Phase::HalfOpen] {
        assert!(
            catch_unwind(AssertUnwindSafe(|| retry.run_blocking(|| Err::<(), _>(Class::Server)))).is_err()
        );
        assert_eq!(circuit.phase(), phase);
        clock.advance(ms(1_000));
    }
    armed.set(false);
    assert_eq!(retry.run_blocking(|| Ok::<(), Class>(())), Ok(()));
    assert_eq!(circuit.phase(), Phase::Closed);
}

#[test]
fn the_state_machine_is_a_value() {
    // The tests above rely on this: it contains no pointers.
    fn is_copyable<T: Clone + Send + Sync + 'static>() {}
    is_copyable::<Breaker<CountWindow<100>>>();
}
