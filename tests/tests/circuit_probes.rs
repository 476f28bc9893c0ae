//! What decides while a circuit is half-open: probes that are slow, lost or counted already.

use core::time::Duration;

use retry_core::{
    CircuitConfig, Class, Instant, SharedCircuit,
    circuit::{Change, ChangeCause, CountWindow, Gate, Phase, SlowCalls},
    runtime::LocalLock,
};
use tests::{ms, secs};

type Circuit = SharedCircuit<CountWindow<10>, LocalLock>;

const ONE: CircuitConfig =
    CircuitConfig::WITHOUT_RULES.consecutive_failures(1).open_for(secs(30)).lease(secs(60));

const fn at(second: u64) -> Instant {
    Instant::from_millis(second * 1_000)
}

/// Makes a circuit that may probe from second 0 on.
fn half_open(config: CircuitConfig) -> Circuit {
    let circuit = Circuit::with_window(config);
    circuit.trip(Duration::ZERO, at(0));
    circuit
}

fn end(circuit: &Circuit, failed: bool, second: u64) -> Option<Change> {
    let ticket = circuit.admit(at(second)).expect("a slot is free").ticket;
    if failed {
        circuit.fail(ticket, Class::Server, at(second), None, 0).change
    } else {
        circuit.succeed(ticket, at(second))
    }
}

/// A slow probe is evidence only where slow calls open the circuit.
#[test]
fn a_slow_probe_that_succeeds_closes_a_circuit_without_a_rate_of_slow_calls() {
    let circuit = half_open(ONE.slow_after(ms(100)));
    let probe = circuit.admit(at(0)).expect("a slot is free").ticket;
    let change = circuit.succeed(probe, at(10)).expect("it decides");
    assert_eq!(change.cause, ChangeCause::ProbesSucceeded(1));

    let config = ONE.slow_after(ms(100)).slow_rate(50).minimum_calls(1);
    let circuit = SharedCircuit::<SlowCalls<CountWindow<10>>, LocalLock>::with_window(config);
    circuit.trip(Duration::ZERO, at(0));
    let probe = circuit.admit(at(0)).expect("a slot is free").ticket;
    let change = circuit.succeed(probe, at(10)).expect("it decides");
    assert_eq!(change.cause, ChangeCause::ProbesFailed(1));
}

/// The lease frees the slots of lost probes. What the others have found out stays.
#[test]
fn after_a_lost_probe_the_earlier_ones_still_count() {
    let config = ONE.success_threshold(2).probe_failures(1);
    for (failed, expected) in [(false, ChangeCause::ProbesSucceeded(2)), (true, ChangeCause::ProbesFailed(2))]
    {
        let circuit = half_open(config);
        assert_eq!(end(&circuit, failed, 0), None);
        let lost = circuit.admit(at(1)).expect("a slot is free").ticket;
        assert!(circuit.admit(at(60)).is_err(), "the lease is not over");
        let change = circuit.admit(at(61)).expect("it is over").change;
        assert_eq!(change.map(|change| change.cause), Some(ChangeCause::LeasePassed));
        // The probe that has just been admitted is lost, too.
        let change = end(&circuit, failed, 121).expect("it decides");
        assert_eq!(change.cause, expected);
        assert_eq!(circuit.fail(lost, Class::Server, at(122), None, 0).change, None);
        assert_eq!(circuit.late(), 1);
    }
}

/// Also if the time of the first opening and the length of both are the same.
#[test]
fn without_a_random_word_two_openings_spread_apart() {
    let config = ONE.open_for(secs(3_600)).open_jitter(retry_core::Jitter::Full);
    let circuit = half_open(config);
    end(&circuit, true, 0);
    let first = circuit.admit(at(0)).expect_err("open").wait();
    circuit.trip(Duration::ZERO, at(0));
    end(&circuit, true, 0);
    let second = circuit.admit(at(0)).expect_err("open").wait();
    assert_ne!(first, second);
}

#[test]
fn a_restored_circuit_goes_on_with_the_growth_of_its_open_time() {
    let config = ONE.open_for(secs(10)).open_growth(2.0, secs(600));
    let before = Circuit::with_window(config);
    for (second, wait) in [(0, 10), (10, 20), (30, 40)] {
        assert_eq!(end(&before, true, second).map(|change| change.to), Some(Phase::Open));
        assert_eq!(before.admit(at(second)).expect_err("open").wait(), secs(wait));
    }
    let after = Circuit::with_window(config);
    after.restore(&before.snapshot(at(30)), at(0));
    end(&after, true, 40);
    assert_eq!(after.admit(at(40)).expect_err("open").wait(), secs(80));
}

#[test]
fn the_longest_open_time_may_be_the_first_one() {
    assert!(ONE.try_open_growth(2.0, secs(30)).is_ok());
    assert!(ONE.try_open_growth(2.0, Duration::from_nanos(29_999_999_999)).is_err());
}

/// Each probe that has ended or is under way takes one of the places in total.
#[test]
fn probes_that_failed_count_against_their_number_in_total() {
    let config = ONE.probes(3).success_threshold(2).probe_failures(1).max_probes(3);
    let circuit = half_open(config);
    assert_eq!((end(&circuit, true, 0), end(&circuit, false, 0)), (None, None));
    let last = circuit.admit(at(0)).expect("one of three is left").ticket;
    assert_eq!(circuit.admit(at(0)).expect_err("none is left").phase(), Phase::HalfOpen);
    assert_eq!(circuit.succeed(last, at(0)).map(|change| change.to), Some(Phase::Closed));
}
