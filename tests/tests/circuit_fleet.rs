//! What a circuit adopts from other processes that share its dependency.

use core::time::Duration;

use retry_core::{
    CircuitConfig, Class, Instant, SharedCircuit,
    circuit::{Adoption, ChangeCause, CountWindow, Gate, Phase},
    runtime::LocalLock,
};
use tests::secs;

type Circuit = SharedCircuit<CountWindow<10>, LocalLock>;

const ONE: CircuitConfig = CircuitConfig::WITHOUT_RULES.consecutive_failures(1).open_for(secs(30));

const fn at(second: u64) -> Instant {
    Instant::from_millis(second * 1_000)
}

fn wait(circuit: &Circuit, second: u64) -> Duration {
    circuit.admit(at(second)).expect_err("open").wait()
}

fn end(circuit: &Circuit, failed: bool, second: u64) {
    let ticket = circuit.admit(at(second)).expect("admitted").ticket;
    if failed {
        circuit.fail(ticket, Class::Server, at(second), None, 0);
    } else {
        circuit.succeed(ticket, at(second));
    }
}

#[test]
fn the_rest_of_an_open_time_has_a_limit_and_the_grace_comes_on_top() {
    // The rest of their open time, the grace, and how long this circuit waits.
    for (open_for, grace, expected) in [(20, 10, 30), (30, 10, 40), (60, 10, 40), (60, 0, 30), (0, 7, 7)] {
        let circuit = Circuit::with_window(ONE);
        let open = Adoption::Open { open_for: secs(open_for), grace: secs(grace) };
        let change = circuit.adopt(open, at(0)).expect("it was closed");
        assert_eq!((change.to, change.cause), (Phase::Open, ChangeCause::Fleet));
        assert_eq!(wait(&circuit, 0), secs(expected), "{open_for} s and {grace} s");
        // After that time, it probes by itself.
        end(&circuit, false, expected);
        assert_eq!(circuit.phase(), Phase::Closed);
    }
}

#[test]
fn an_open_circuit_stays_open_at_least_as_long_as_before() {
    for (second, expected) in [(0, 30), (9, 21), (10, 20), (11, 20), (25, 20)] {
        let circuit = Circuit::with_window(ONE);
        end(&circuit, true, 0);
        let open = Adoption::Open { open_for: secs(15), grace: secs(5) };
        assert_eq!(circuit.adopt(open, at(second)), None, "it is already open");
        assert_eq!(wait(&circuit, second), secs(expected), "after {second} s");
    }
}

#[test]
fn an_adopted_opening_is_none_for_the_growth() {
    let circuit = Circuit::with_window(ONE.open_growth(2.0, secs(600)));
    circuit.adopt(Adoption::Open { open_for: secs(20), grace: secs(0) }, at(0));
    end(&circuit, true, 20);
    assert_eq!(wait(&circuit, 20), secs(30), "its own first opening");
}

/// However many probes the configuration asks for.
#[test]
fn if_it_asks_once_one_call_decides() {
    let config = ONE.probes(3).success_threshold(2).probe_failures(1);
    for (failed, expected) in [(false, Phase::Closed), (true, Phase::Open)] {
        let circuit = Circuit::with_window(config);
        let change = circuit.adopt(Adoption::AskOnce, at(0)).expect("it was closed");
        assert_eq!((change.to, change.cause), (Phase::HalfOpen, ChangeCause::Fleet));
        let probe = circuit.admit(at(0)).expect("one slot is free").ticket;
        assert_eq!(circuit.admit(at(0)).expect_err("it is taken").phase(), Phase::HalfOpen);
        circuit.cancel(probe, at(0)); // says nothing, and gives its slot back
        end(&circuit, failed, 0);
        assert_eq!(circuit.phase(), expected);
    }
}

#[test]
fn the_probe_and_the_recovery_of_another_process_belong_to_one_opening() {
    let circuit = Circuit::with_window(ONE);
    assert_eq!(circuit.adopt(Adoption::Close { era: 0 }, at(0)), None, "it is closed");
    end(&circuit, true, 0);
    let era = circuit.health_check_era().expect("open");
    let change = circuit.adopt(Adoption::Probe { era }, at(1)).expect("it was open in this era");
    assert_eq!((change.to, change.cause), (Phase::HalfOpen, ChangeCause::Fleet));
    end(&circuit, true, 1); // a second opening
    let late = circuit.late();
    for adoption in [Adoption::Probe { era }, Adoption::Close { era }] {
        assert_eq!(circuit.adopt(adoption, at(2)), None, "{adoption:?}");
    }
    assert_eq!((circuit.phase(), circuit.late() - late), (Phase::Open, 2));
    let era = circuit.health_check_era().expect("open");
    let change = circuit.adopt(Adoption::Close { era }, at(2)).expect("it was open in this era");
    assert_eq!((change.to, change.cause), (Phase::Closed, ChangeCause::Fleet));
}

#[test]
fn a_manual_operation_decides_alone() {
    type Operation = fn(&Circuit);
    let operations: [(Operation, Phase); 3] = [
        (|circuit| _ = circuit.force_open(at(0)), Phase::Open),
        (|circuit| _ = circuit.disable(at(0)), Phase::Closed),
        (|circuit| _ = circuit.count_only(at(0)), Phase::Closed),
    ];
    for (operate, phase) in operations {
        let circuit = Circuit::with_window(ONE);
        operate(&circuit);
        let open = Adoption::Open { open_for: secs(1), grace: secs(1) };
        for adoption in [open, Adoption::AskOnce, Adoption::Probe { era: 1 }, Adoption::Close { era: 1 }] {
            assert_eq!((circuit.adopt(adoption, at(0)), circuit.phase()), (None, phase), "{adoption:?}");
        }
    }
}
