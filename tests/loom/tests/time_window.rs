//! All interleavings of two threads at a circuit whose window counts time, explored by loom.
#![cfg(loom)]

use std::time::Duration;

use loom::sync::Arc;
use loom::thread::{self, JoinHandle};
use loom_tests::LoomLock;
use retry_core::{
    CircuitConfig, Class, Instant, SharedCircuit,
    circuit::{Counts, Gate, Phase, TimeWindow},
};

type Circuit = SharedCircuit<TimeWindow<2>, LoomLock>;

/// Two buckets of 10 s. A healthy circuit with such a window takes the lock for each outcome.
const CONFIG: CircuitConfig =
    CircuitConfig::WITHOUT_RULES.failures_in_window(3).window_time(Duration::from_secs(20));

const fn second(second: u64) -> Instant {
    Instant::from_millis(second * 1_000)
}

/// Ends an attempt of this circuit at this time, and returns whether that changed the phase.
fn end(circuit: &Circuit, failed: bool, now: Instant) -> bool {
    let Ok(admission) = circuit.admit(now) else { return false };
    let change = if failed {
        circuit.fail(admission.ticket, Class::Server, now, None, 0).change
    } else {
        circuit.succeed(admission.ticket, now)
    };
    change.is_some()
}

/// A circuit with a failure at 1 s.
fn with_a_failure() -> Arc<Circuit> {
    let circuit = Arc::new(Circuit::with_window(CONFIG));
    end(&circuit, true, second(1));
    circuit
}

/// Does something in another thread.
fn beside<A: 'static>(circuit: &Arc<Circuit>, act: impl FnOnce(&Circuit) -> A + 'static) -> JoinHandle<A> {
    let circuit = circuit.clone();
    thread::spawn(move || act(&circuit))
}

/// One thread has read the clock before the end of a bucket, and the other one after it. Whichever records first, no call
/// is lost, and each leaves the window with a bucket.
#[test]
fn calls_at_the_edge_of_a_bucket_are_counted_in_any_order() {
    loom::model(|| {
        let circuit = with_a_failure();
        let other = beside(&circuit, |circuit| end(circuit, true, second(9)));
        end(&circuit, false, second(10));
        other.join().unwrap();
        let counts =
            |now| circuit.counts(second(now)).map(|Counts { calls, failures, .. }| (calls, failures));
        assert_eq!(counts(19), Some((3, 2)));
        // The failure at 9 s is in the bucket of its time, or in the newest one.
        let at_twenty = counts(20);
        assert!(at_twenty == Some((1, 0)) || at_twenty == Some((2, 1)), "{at_twenty:?}");
        assert_eq!(counts(30), Some((0, 0)));
    });
}

/// The third failure opens the circuit, in whichever thread it is. It does so once.
#[test]
fn failures_of_two_threads_open_a_window_of_time_once() {
    loom::model(|| {
        let circuit = with_a_failure();
        let other = beside(&circuit, |circuit| end(circuit, true, second(9)));
        let here = end(&circuit, true, second(11));
        assert!(here != other.join().unwrap(), "one of the two opens it");
        assert_eq!(circuit.phase(), Phase::Open);
    });
}

/// A reading of the counts at a later time leaves the window as it is, also during a call.
#[test]
fn a_reading_during_a_call_removes_nothing() {
    loom::model(|| {
        let circuit = with_a_failure();
        let other = beside(&circuit, |circuit| circuit.counts(second(25)).unwrap().calls);
        end(&circuit, true, second(2));
        assert!(other.join().unwrap() == 0, "the bucket is over by then");
        assert_eq!(circuit.counts(second(2)).unwrap().failures, 2);
    });
}
