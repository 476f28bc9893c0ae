//! Defects of this circuit breaker that these schedules found. Each is fixed and has a test.

use std::time::Duration;

use retry_core::{
    CircuitConfig, Class, Instant, Jitter, SharedCircuit,
    circuit::{Breaker, CountWindow, Counts, Gate, Phase, SlowCalls, TimeWindow, Window},
    runtime::LocalLock,
};
use tests::ms;

type Circuit<W> = SharedCircuit<W, LocalLock>;

const ONE: CircuitConfig =
    CircuitConfig::WITHOUT_RULES.consecutive_failures(1).open_for(Duration::from_millis(10));

const fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn end<W: Window>(circuit: &Circuit<W>, now: Instant, failed: bool) {
    let ticket = circuit.admit(now).expect("it admits the call").ticket;
    if failed {
        let _ = circuit.fail(ticket, Class::Server, now, None, 0);
    } else {
        let _ = circuit.succeed(ticket, now);
    }
}

/// The new configuration closes after one success, but two are counted already. So no further probe was admitted, and
/// each expired lease began a new era without a report.
#[test]
fn after_a_reconfiguration_while_half_open_it_can_close() {
    let circuit = Circuit::<CountWindow<10>>::with_window(ONE.probes(2).success_threshold(3));
    circuit.trip(ms(10), at(0));
    end(&circuit, at(10), false);
    end(&circuit, at(10), false);
    circuit.reconfigure(ONE, at(0)).expect("it fits");
    let admitted = (1..1_000).any(|minute| circuit.admit(at(minute * 60_000)).is_ok());
    assert!(admitted || circuit.phase() == Phase::Closed, "{:?} for ever", circuit.phase());
}

/// The same with a snapshot of a circuit that needs more probes.
#[test]
fn after_a_restore_from_another_configuration_it_can_close() {
    let elsewhere = Circuit::<CountWindow<10>>::with_window(ONE.probes(2).success_threshold(3));
    elsewhere.trip(ms(10), at(0));
    end(&elsewhere, at(10), false);
    end(&elsewhere, at(10), false);
    let circuit = Circuit::<CountWindow<10>>::with_window(ONE);
    circuit.restore(&elsewhere.snapshot(at(10)), at(0));
    let admitted = (1..1_000).any(|minute| circuit.admit(at(minute * 60_000)).is_ok());
    assert!(admitted || circuit.phase() == Phase::Closed, "{:?} for ever", circuit.phase());
}

/// A window of 2 is restored from a snapshot of a window of 4. The two oldest outcomes stayed in it for ever.
#[test]
fn a_window_that_is_restored_into_a_smaller_one_slides() {
    let rate = CircuitConfig::WITHOUT_RULES.failure_rate(100).minimum_calls(1);
    let circuit = Circuit::<CountWindow<4>>::with_window(rate.window(4).minimum_calls(4));
    for failed in [false, false, true, true] {
        end(&circuit, at(0), failed);
    }
    let snapshot = circuit.snapshot(at(0));
    circuit.reconfigure(rate.window(2), at(0)).expect("it fits");
    circuit.restore(&snapshot, at(0));
    for _ in 0..100 {
        end(&circuit, at(0), false);
    }
    assert_eq!(circuit.counts(at(0)), Some(Counts { calls: 2, failures: 0, slow: 0 }), "after 100 successes");
}

/// A ticket contains its start only if a rule counts slow calls. Otherwise it counted as started at the origin.
#[test]
fn a_call_from_before_slow_calls_were_counted_is_not_slow() {
    let circuit = Circuit::<CountWindow<10>>::with_window(ONE);
    let ticket = circuit.admit(at(60_000)).expect("it is closed").ticket;
    circuit.reconfigure(ONE.slow_after(ms(1_000)), at(0)).expect("it fits");
    let change = circuit.cancel(ticket, at(60_001));
    assert_eq!(change, None, "a call that was dropped after 1 ms");
}

/// An opening by a success or a drop has no random word.
#[test]
fn an_opening_by_a_success_or_a_drop_has_jitter_too() {
    let config = ONE.slow_after(ms(1)).open_jitter(Jitter::Full);
    let opened_for: Vec<_> = (0..10)
        .map(|_| {
            let circuit = Circuit::<CountWindow<10>>::with_window(config);
            let ticket = circuit.admit(at(0)).expect("it is closed").ticket;
            circuit.cancel(ticket, at(5)).expect("a drop after 5 ms is a failure");
            circuit.admit(at(5)).map(|_| ()).map_err(|rejected| rejected.wait())
        })
        .collect();
    assert!(opened_for.iter().any(Result::is_err), "it was open for 0 ns each time: {opened_for:?}");
}

/// The gate word beside the lock matches the state after a restore at any nanosecond.
#[test]
fn the_gate_word_matches_the_state_after_a_restore() {
    let nanos = Instant::from_nanos;
    let circuit = Circuit::<CountWindow<10>>::with_window(ONE);
    let mut breaker = Breaker::<CountWindow<10>>::CLOSED;
    end(&circuit, nanos(0), true);
    let snapshot = circuit.snapshot(nanos(3));
    circuit.restore(&snapshot, nanos(0));
    breaker.restore(&ONE, &snapshot, nanos(0));
    let waits = [circuit.admit(nanos(0)).map(|_| ()), breaker.admit(&ONE, nanos(0)).map(|_| ())];
    assert_eq!(waits[0], waits[1]);
}

/// The same after the clock has stepped back.
#[test]
fn the_gate_word_matches_the_state_after_the_clock_stepped_back() {
    let nanos = Instant::from_nanos;
    let circuit = Circuit::<CountWindow<10>>::with_window(ONE);
    let mut breaker = Breaker::<CountWindow<10>>::CLOSED;
    end(&circuit, nanos(80), true);
    let ticket = breaker.admit(&ONE, nanos(80)).expect("it is closed").ticket;
    let _ = breaker.settle(&ONE, ticket, true, nanos(80), 0);
    for now in [3, 4] {
        let waits = [circuit.admit(nanos(now)).map(|_| ()), breaker.admit(&ONE, nanos(now)).map(|_| ())];
        assert_eq!(waits[0], waits[1], "at {now} ns");
    }
}

/// After the clock has stepped back by a second, it is open for 10 ms from now.
#[test]
fn a_snapshot_limits_the_open_time_too() {
    let circuit = Circuit::<CountWindow<10>>::with_window(ONE);
    end(&circuit, at(1_000), true);
    assert_eq!(circuit.snapshot(at(0)).open_for(), Some(ms(10)));
}

#[test]
fn forced_open_is_open_whatever_the_time() {
    let mut breaker = Breaker::<CountWindow<10>>::CLOSED;
    breaker.force_open(at(0));
    assert_eq!(breaker.admit(&ONE, Instant::MAX).unwrap_err().wait(), Duration::MAX);
}

#[test]
fn a_window_of_time_does_not_overflow_at_the_end_of_time() {
    let config = CircuitConfig::WITHOUT_RULES.failure_rate(100).window_time(Duration::from_nanos(2));
    let circuit = Circuit::<TimeWindow<2>>::with_window(config);
    end(&circuit, Instant::MAX, false);
    circuit.restore(&circuit.snapshot(Instant::MAX), Instant::MAX);
    assert_eq!(circuit.counts(at(0)), Some(Counts { calls: 1, failures: 0, slow: 0 }));
}

/// The first opening lasts 10 ms. After the clock stepped back by a second, it stayed open for a second longer.
#[test]
fn with_growth_each_opening_keeps_its_open_time_if_the_clock_steps_back() {
    let circuit = Circuit::<CountWindow<10>>::with_window(ONE.open_growth(2.0, ms(60_000)));
    end(&circuit, at(1_000), true);
    assert_eq!(circuit.admit(at(0)).unwrap_err().wait(), ms(10));
}

/// With `count_only`, a time window without a length held only two nanoseconds.
#[test]
fn count_only_counts_in_time_or_the_configuration_is_an_error() {
    let circuit = Circuit::<SlowCalls<TimeWindow<2>>>::try_with_window(ONE);
    let Ok(circuit) = circuit else { return };
    circuit.count_only(at(0));
    end(&circuit, at(1), true);
    end(&circuit, at(2), true);
    assert_eq!(circuit.counts(at(0)), Some(Counts { calls: 2, failures: 2, slow: 0 }));
}

/// Half of the calls failed. With the new rules, a fifth is enough. The next outcome is a success.
#[test]
fn after_a_lower_failure_rate_is_set_the_next_outcome_opens_it() {
    let rate = CircuitConfig::WITHOUT_RULES.minimum_calls(2).window(4);
    let circuit = Circuit::<CountWindow<4>>::with_window(rate.failure_rate(100));
    for failed in [true, false, true, false] {
        end(&circuit, at(0), failed);
    }
    circuit.reconfigure(rate.failure_rate(20), at(0)).expect("it fits");
    end(&circuit, at(0), false);
    assert_eq!(circuit.phase(), Phase::Open);
}
