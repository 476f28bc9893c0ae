//! All interleavings of two and three threads at the gate word and the lock of one circuit, explored by loom:
//! `RUSTFLAGS="--cfg loom" cargo test --release`.
#![cfg(loom)]

use std::time::Duration;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;
use loom_tests::LoomLock;
use retry_core::{
    CircuitConfig, Class, Instant, SharedCircuit,
    circuit::{CountWindow, Counts, Gate, Mode, Phase},
};

type Circuit = SharedCircuit<CountWindow<2>, LoomLock>;

const NOW: Instant = Instant::from_millis(1_000);

/// Makes a circuit with a published gate word.
fn circuit(config: CircuitConfig) -> Arc<Circuit> {
    let circuit = Circuit::with_window(config.window(2));
    succeed(&circuit);
    Arc::new(circuit)
}

fn succeed(circuit: &Circuit) {
    let ticket = circuit.admit(NOW).expect("closed").ticket;
    circuit.succeed(ticket, NOW);
}

fn fail(circuit: &Circuit) {
    let ticket = circuit.admit(NOW).expect("closed").ticket;
    circuit.fail(ticket, Class::Server, NOW, None, 0);
}

/// A success after a failure resets the failures in a row, so the circuit must record it.
#[test]
fn a_success_after_a_failure_is_recorded() {
    loom::model(|| {
        let circuit = circuit(CircuitConfig::WITHOUT_RULES.consecutive_failures(2));
        let failed = Arc::new(AtomicBool::new(false));
        let other = {
            let (circuit, failed) = (circuit.clone(), failed.clone());
            thread::spawn(move || {
                fail(&circuit);
                failed.store(true, Ordering::Release);
            })
        };
        let after = failed.load(Ordering::Acquire);
        if after {
            succeed(&circuit);
        }
        other.join().unwrap();
        fail(&circuit);
        // Two failures in a row, unless the success came between them.
        assert_eq!(circuit.phase(), if after { Phase::Closed } else { Phase::Open });
    });
}

/// If a success races a failure, it comes before or after it, and the window contains both.
#[test]
fn a_success_that_races_a_failure_is_not_lost() {
    loom::model(|| {
        let circuit = circuit(CircuitConfig::WITHOUT_RULES.failure_rate(100).minimum_calls(2));
        let other = {
            let circuit = circuit.clone();
            thread::spawn(move || fail(&circuit))
        };
        succeed(&circuit);
        other.join().unwrap();
        let Counts { calls, failures, .. } = circuit.counts(NOW).expect("closed");
        assert_eq!((calls, failures), (2, 1), "the window holds two calls");
    });
}

/// If successes that only the gate word counts race a failure, the window contains all of them.
#[test]
fn successes_that_only_the_word_counts_are_not_lost() {
    loom::model(|| {
        let config = CircuitConfig::WITHOUT_RULES.failure_rate(100).minimum_calls(4).window(4);
        let circuit = Arc::new(SharedCircuit::<CountWindow<4>, LoomLock>::with_window(config));
        let call = |circuit: &SharedCircuit<CountWindow<4>, LoomLock>, failed: bool| {
            let ticket = circuit.admit(NOW).expect("closed").ticket;
            if failed {
                circuit.fail(ticket, Class::Server, NOW, None, 0);
            } else {
                circuit.succeed(ticket, NOW);
            }
        };
        call(&circuit, true); // from now on, the gate word can count two successes
        let other = {
            let circuit = circuit.clone();
            thread::spawn(move || call(&circuit, false))
        };
        call(&circuit, false);
        call(&circuit, true);
        other.join().unwrap();
        assert_eq!(circuit.counts(NOW), Some(Counts { calls: 4, failures: 2, slow: 0 }));
    });
}

/// The clock has stepped back, and a longer opening follows a shorter one. A rejection without the lock reports the
/// wait of one of them, and never more.
#[test]
fn a_rejection_waits_for_one_opening() {
    loom::model(|| {
        let circuit = circuit(CircuitConfig::WITHOUT_RULES.consecutive_failures(1));
        let trip = |circuit: &Circuit, secs| circuit.trip(Duration::from_secs(secs), NOW);
        trip(&circuit, 10);
        let other = {
            let circuit = circuit.clone();
            thread::spawn(move || trip(&circuit, 20))
        };
        let wait = circuit.admit(Instant::ORIGIN).expect_err("open").wait();
        other.join().unwrap();
        assert!([10, 20].map(Duration::from_secs).contains(&wait), "{wait:?}");
    });
}

/// A caller that knows that the circuit has opened is rejected.
#[test]
fn callers_are_rejected_after_it_opened() {
    loom::model(|| {
        let circuit = circuit(CircuitConfig::WITHOUT_RULES.consecutive_failures(1));
        let opened = Arc::new(AtomicBool::new(false));
        let other = {
            let (circuit, opened) = (circuit.clone(), opened.clone());
            thread::spawn(move || {
                fail(&circuit);
                opened.store(true, Ordering::Release);
            })
        };
        if opened.load(Ordering::Acquire) {
            let rejected = circuit.admit(NOW).expect_err("open");
            assert_eq!(rejected.phase(), Phase::Open);
            assert_eq!(rejected.wait(), Duration::from_secs(30));
        }
        other.join().unwrap();
    });
}

/// Three callers find that the open time has passed, and one probe is allowed at once.
#[test]
fn of_three_threads_one_is_the_probe() {
    loom::model(|| {
        let circuit = circuit(CircuitConfig::WITHOUT_RULES.consecutive_failures(1));
        fail(&circuit);
        let later = NOW.after(Duration::from_secs(30));
        let admitted = Arc::new(AtomicUsize::new(0));
        let ask = move |circuit: &Circuit, admitted: &AtomicUsize| {
            if let Ok(admission) = circuit.admit(later) {
                admitted.fetch_add(1, Ordering::Relaxed);
                let _never_handed_back = admission;
            }
        };
        let others = [(); 2].map(|()| {
            let (circuit, admitted) = (circuit.clone(), admitted.clone());
            thread::spawn(move || ask(&circuit, &admitted))
        });
        ask(&circuit, &admitted);
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(admitted.load(Ordering::Relaxed), 1);
    });
}

/// A failure of an older era changes nothing, also if it races the reset that ends its era.
#[test]
fn a_late_failure_does_not_open_the_circuit_anew() {
    loom::model(|| {
        let circuit = circuit(CircuitConfig::WITHOUT_RULES.consecutive_failures(2));
        let ticket = circuit.admit(NOW).expect("closed").ticket;
        let other = {
            let circuit = circuit.clone();
            thread::spawn(move || {
                circuit.reset(NOW);
            })
        };
        circuit.fail(ticket, Class::Server, NOW, None, 0);
        other.join().unwrap();
        fail(&circuit); // the first of the new era, in either order
        assert_eq!(circuit.phase(), Phase::Closed);
        assert!(circuit.late() <= 1);
    });
}

/// A success of an older era only counts as late, also if the circuit is quiet again.
#[test]
fn a_late_success_is_counted_as_late() {
    loom::model(|| {
        let circuit = circuit(CircuitConfig::WITHOUT_RULES.consecutive_failures(2));
        let ticket = circuit.admit(NOW).expect("closed").ticket;
        let reset = Arc::new(AtomicBool::new(false));
        let other = {
            let (circuit, reset) = (circuit.clone(), reset.clone());
            thread::spawn(move || {
                circuit.reset(NOW);
                reset.store(true, Ordering::Release);
            })
        };
        let is_late = reset.load(Ordering::Acquire);
        circuit.succeed(ticket, NOW);
        other.join().unwrap();
        assert!(!is_late || circuit.late() == 1);
    });
}

/// After it was forced open, the circuit rejects every attempt, also if a success races the operation.
#[test]
fn forced_open_stays_open() {
    loom::model(|| {
        let circuit = circuit(CircuitConfig::WITHOUT_RULES.consecutive_failures(2));
        let other = {
            let circuit = circuit.clone();
            thread::spawn(move || {
                circuit.force_open(NOW);
            })
        };
        if let Ok(admission) = circuit.admit(NOW) {
            circuit.succeed(admission.ticket, NOW);
        }
        other.join().unwrap();
        assert_eq!(circuit.mode(), Mode::ForcedOpen);
        assert!(circuit.admit(NOW).is_err());
    });
}
