//! Defects that these schedules, or a look at them, found in this breaker, each mended and kept as a test.

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
    let ticket = circuit.admit(now).expect("it admits").ticket;
    if failed {
        let _ = circuit.fail(ticket, Class::Server, now, None, 0);
    } else {
        let _ = circuit.succeed(ticket, now);
    }
}

/// The new configuration closes after one success, two are there, so no further probe is admitted; each lease that
/// passes changes nothing, and begins an era that nobody is told of.
#[test]
fn a_reconfiguration_while_half_open_does_not_wedge_it() {
    let circuit = Circuit::<CountWindow<10>>::with_window(ONE.probes(2).success_threshold(3));
    circuit.trip(ms(10), at(0));
    end(&circuit, at(10), false);
    end(&circuit, at(10), false);
    circuit.reconfigure(ONE, at(0)).expect("it fits");
    let admitted = (1..1_000).any(|minute| circuit.admit(at(minute * 60_000)).is_ok());
    assert!(admitted || circuit.phase() == Phase::Closed, "{:?} for ever", circuit.phase());
}

/// The same by a snapshot of a circuit that asks for more probes.
#[test]
fn a_snapshot_from_elsewhere_does_not_wedge_it() {
    let elsewhere = Circuit::<CountWindow<10>>::with_window(ONE.probes(2).success_threshold(3));
    elsewhere.trip(ms(10), at(0));
    end(&elsewhere, at(10), false);
    end(&elsewhere, at(10), false);
    let circuit = Circuit::<CountWindow<10>>::with_window(ONE);
    circuit.restore(&elsewhere.snapshot(at(10)), at(0));
    let admitted = (1..1_000).any(|minute| circuit.admit(at(minute * 60_000)).is_ok());
    assert!(admitted || circuit.phase() == Phase::Closed, "{:?} for ever", circuit.phase());
}

/// A window of 2 goes on from a snapshot of one of 4: the two oldest outcomes never leave.
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
    assert_eq!(circuit.counts(at(0)), Some(Counts { calls: 2, failures: 0, slow: 0 }), "100 successes later");
}

/// A ticket that was given out when nothing asked how long a call takes says that it began at the origin.
#[test]
fn a_call_from_before_slow_calls_were_looked_for_is_not_slow() {
    let circuit = Circuit::<CountWindow<10>>::with_window(ONE);
    let ticket = circuit.admit(at(60_000)).expect("it is closed").ticket;
    circuit.reconfigure(ONE.slow_after(ms(1_000)), at(0)).expect("it fits");
    let change = circuit.cancel(ticket, at(60_001));
    assert_eq!(change, None, "a call dropped after 1 ms");
}

/// What opens by a success or a drop takes no random word.
#[test]
fn an_opening_by_a_success_or_a_drop_is_spread_too() {
    let config = ONE.slow_after(ms(1)).open_jitter(Jitter::Full);
    let opened_for: Vec<_> = (0..10)
        .map(|_| {
            let circuit = Circuit::<CountWindow<10>>::with_window(config);
            let ticket = circuit.admit(at(0)).expect("it is closed").ticket;
            circuit.cancel(ticket, at(5)).expect("a drop after 5 ms is a failure");
            circuit.admit(at(5)).map(|_| ()).map_err(|rejected| rejected.wait())
        })
        .collect();
    assert!(
        opened_for.iter().any(Result::is_err),
        "it is open for no time at all, each time: {opened_for:?}"
    );
}

/// The word beside the lock says the same as the state, after a restore at an odd time.
#[test]
fn the_word_is_not_seen_after_a_restore() {
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

/// The same where the clock stepped back.
#[test]
fn the_word_is_not_seen_after_the_clock_stepped_back() {
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

/// It is open for 10 ms from now, not for a second.
#[test]
fn a_snapshot_knows_the_longest_time_too() {
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

/// By the rule its first opening lasts 10 ms; the clock steps back by a second, and it is open for a second more.
#[test]
fn with_growth_each_opening_keeps_to_its_own_time_as_the_clock_steps_back() {
    let circuit = Circuit::<CountWindow<10>>::with_window(ONE.open_growth(2.0, ms(60_000)));
    end(&circuit, at(1_000), true);
    assert_eq!(circuit.admit(at(0)).unwrap_err().wait(), ms(10));
}

/// Held closed and counting, a window of time without a length holds two nanoseconds.
#[test]
fn count_only_counts_in_time_or_says_why_not() {
    let circuit = Circuit::<SlowCalls<TimeWindow<2>>>::try_with_window(ONE);
    let Ok(circuit) = circuit else { return };
    circuit.count_only(at(0));
    end(&circuit, at(1), true);
    end(&circuit, at(2), true);
    assert_eq!(circuit.counts(at(0)), Some(Counts { calls: 2, failures: 2, slow: 0 }));
}

/// Half of the calls failed; by the new rules a fifth is enough, and the next outcome is a success.
#[test]
fn what_is_bad_enough_for_a_new_rate_opens_it_at_the_next_outcome() {
    let rate = CircuitConfig::WITHOUT_RULES.minimum_calls(2).window(4);
    let circuit = Circuit::<CountWindow<4>>::with_window(rate.failure_rate(100));
    for failed in [true, false, true, false] {
        end(&circuit, at(0), failed);
    }
    circuit.reconfigure(rate.failure_rate(20), at(0)).expect("it fits");
    end(&circuit, at(0), false);
    assert_eq!(circuit.phase(), Phase::Open);
}
