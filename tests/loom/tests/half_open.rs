//! All interleavings of two threads at a half-open circuit, at one that is reconfigured or restored, at one with
//! cancelled attempts, and at a budget, explored by loom.
#![cfg(loom)]

use std::time::Duration;

use loom::sync::Arc;
use loom::thread;
use loom_tests::LoomLock;
use retry_core::{
    CircuitConfig, Class, Instant, SharedBudget, SharedCircuit, TokenBucket,
    budget::{Budget, Request},
    circuit::{ChangeCause, CountWindow, Gate, Phase, Ticket},
};

type Circuit = SharedCircuit<CountWindow<2>, LoomLock>;

const ONE: CircuitConfig = CircuitConfig::WITHOUT_RULES.consecutive_failures(1).window(2);
const TWO: CircuitConfig = ONE.consecutive_failures(2);
const NOW: Instant = Instant::from_millis(1_000);
/// After the open time.
const LATER: Instant = Instant::from_millis(31_000);
/// After the lease of a probe that was admitted then.
const AFTER_LEASE: Instant = Instant::from_millis(91_000);

fn admit(circuit: &Circuit, now: Instant) -> Ticket {
    circuit.admit(now).expect("admitted").ticket
}

fn fail(circuit: &Circuit, now: Instant) {
    let ticket = admit(circuit, now);
    circuit.fail(ticket, Class::Server, now, None, 0);
}

/// Makes a circuit that is open until [`LATER`].
fn open(config: CircuitConfig) -> Arc<Circuit> {
    let circuit = Circuit::with_window(config);
    fail(&circuit, NOW);
    Arc::new(circuit)
}

/// Runs one of the two in another thread, and returns what both return.
fn both<A: 'static, B>(
    circuit: &Arc<Circuit>,
    there: impl FnOnce(&Circuit) -> A + 'static,
    here: impl FnOnce(&Circuit) -> B,
) -> (A, B) {
    let other = {
        let circuit = circuit.clone();
        thread::spawn(move || there(&circuit))
    };
    let here = here(circuit);
    (other.join().unwrap(), here)
}

/// One failed probe opens the circuit, whether the other one succeeds before it or comes back late.
#[test]
fn of_two_probes_one_decides() {
    loom::model(|| {
        let circuit = open(ONE.probes(2).success_threshold(2));
        let [one, two] = [(); 2].map(|()| admit(&circuit, LATER));
        let (succeeded, failed) = both(
            &circuit,
            |circuit| circuit.succeed(one, LATER),
            |circuit| circuit.fail(two, Class::Server, LATER, None, 0).change,
        );
        assert!(succeeded.is_none() && failed.is_some(), "{succeeded:?} {failed:?}");
        assert_eq!(circuit.phase(), Phase::Open);
        assert!(circuit.late() <= 1);
    });
}

/// The slot of a probe that is dropped is given out once.
#[test]
fn a_freed_slot_is_given_out_once() {
    loom::model(|| {
        let circuit = open(ONE);
        let probe = admit(&circuit, LATER);
        let (_, asked) = both(
            &circuit,
            |circuit| circuit.cancel(probe, LATER),
            |circuit| circuit.admit(LATER).map(|admission| admission.ticket),
        );
        // The slot is free unless the asker got it.
        assert_eq!(circuit.admit(LATER).is_ok(), asked.is_err());
        assert_eq!((circuit.phase(), circuit.late()), (Phase::HalfOpen, 0));
    });
}

/// A lost probe comes back at the moment at which its lease passes: it decides, or it is late, and never both.
#[test]
fn a_probe_that_comes_back_with_its_lease_decides_or_is_late() {
    loom::model(|| {
        let circuit = open(ONE);
        let probe = admit(&circuit, LATER);
        let (decided, asked) = both(
            &circuit,
            |circuit| circuit.succeed(probe, AFTER_LEASE),
            |circuit| circuit.admit(AFTER_LEASE).expect("the slot is free, or the circuit closed").change,
        );
        match asked.map(|change| change.cause) {
            Some(ChangeCause::LeasePassed) => {
                assert_eq!((decided, circuit.phase(), circuit.late()), (None, Phase::HalfOpen, 1));
                assert!(circuit.admit(AFTER_LEASE).is_err(), "the new probe has the slot");
            }
            other => {
                assert_eq!(other, None);
                assert!(decided.is_some());
                assert_eq!((circuit.phase(), circuit.late()), (Phase::Closed, 0));
            }
        }
    });
}

/// A shorter opening follows a longer one on a clock that has stepped back. A rejection without the lock reports the
/// wait of one of them.
#[test]
fn a_rejection_waits_for_one_opening_also_if_the_later_one_is_shorter() {
    loom::model(|| {
        let circuit = Arc::new(Circuit::with_window(ONE));
        let trip = |circuit: &Circuit, secs| circuit.trip(Duration::from_secs(secs), NOW);
        trip(&circuit, 20);
        let (_, wait) = both(
            &circuit,
            move |circuit| trip(circuit, 10),
            |circuit| circuit.admit(Instant::ORIGIN).expect_err("open").wait(),
        );
        assert!([10, 20].map(Duration::from_secs).contains(&wait), "{wait:?}");
    });
}

/// A failure comes before a stricter configuration or after it, and it is counted in both cases.
#[test]
fn a_failure_that_races_a_reconfiguration_is_counted() {
    loom::model(|| {
        let circuit = Arc::new(Circuit::with_window(TWO));
        circuit.succeed(admit(&circuit, NOW), NOW);
        let (_, change) = both(
            &circuit,
            |circuit| circuit.reconfigure(ONE, NOW).expect("it fits"),
            |circuit| {
                let ticket = admit(circuit, NOW);
                circuit.fail(ticket, Class::Server, NOW, None, 0).change
            },
        );
        assert_eq!(circuit.phase(), if change.is_some() { Phase::Open } else { Phase::Closed });
        if change.is_none() {
            assert_eq!(circuit.failures_in_a_row(), 1);
            fail(&circuit, NOW);
            assert_eq!(circuit.phase(), Phase::Open);
        }
    });
}

/// After a restore, the restored state decides, and an attempt that was admitted before is late.
#[test]
fn a_restored_opening_holds_whatever_ends_at_the_same_time() {
    loom::model(|| {
        let circuit = Arc::new(Circuit::with_window(TWO));
        let snapshot = open(ONE).snapshot(NOW);
        let ticket = admit(&circuit, NOW);
        let (_, change) = both(
            &circuit,
            move |circuit| circuit.restore(&snapshot, NOW),
            |circuit| circuit.succeed(ticket, NOW),
        );
        assert_eq!(change, None);
        assert!(circuit.admit(NOW).is_err());
        assert_eq!(circuit.phase(), Phase::Open);
        assert!(circuit.late() <= 1);
    });
}

/// A cancelled attempt arms the circuit, and a success disarms it. Whichever comes last, three more attempts that are
/// cancelled late open it: at most the first of them has no time.
#[test]
fn an_attempt_that_arms_and_a_success_that_disarms_leave_a_circuit_that_opens() {
    loom::model(|| {
        let circuit = Arc::new(Circuit::with_window(TWO.cancelled_after(Duration::from_secs(1))));
        let [one, two] = [(); 2].map(|()| admit(&circuit, NOW));
        both(&circuit, |circuit| circuit.cancel(one, NOW), |circuit| circuit.succeed(two, NOW));
        assert_eq!((circuit.phase(), circuit.failures_in_a_row()), (Phase::Closed, 0));
        let changes: Vec<_> = (0..3)
            .map_while(|_| circuit.admit(NOW).ok())
            .map(|admission| circuit.cancel(admission.ticket, LATER).is_some())
            .collect();
        assert!(changes == [false, true] || changes == [false, false, true], "{changes:?}");
    });
}

/// Two threads want the last retry that a budget holds: it has 7 tokens, and a retry costs 5.
#[test]
fn the_last_retry_of_a_budget_is_granted_once() {
    loom::model(|| {
        let budget = Arc::new(SharedBudget::<_, LoomLock>::with_lock(TokenBucket::AWS.capacity(7)));
        let asked = Request::new(Class::Server, 1, 0);
        let other = {
            let budget = budget.clone();
            thread::spawn(move || budget.withdraw(asked, NOW).is_some())
        };
        let here = budget.withdraw(asked, NOW).is_some();
        assert!(here != other.join().unwrap(), "it is granted once");
        assert_eq!(budget.level(NOW), Some(2));
    });
}
