//! The time per call with one thread, with two threads that share a circuit, and with two that have one each. It is the
//! best of several rounds.

use std::time::{Duration, Instant};

use retry_core::{CircuitConfig, Class, SharedCircuit, circuit::Gate, observe::OperationMetrics};

use crate::circuits::succeed;
use crate::watched::call_before;

const CALLS: u32 = 2_000_000;
const ROUNDS: u32 = 7;

pub(crate) fn run() {
    println!("| per call | 1 thread | 2 threads, shared | 2 threads, one each | ratio |");
    println!("|---|---|---|---|---|");
    let circuit = || SharedCircuit::new(CircuitConfig::DEFAULT);
    row("circuit, closed and healthy", circuit, |circuit, _| succeed(circuit));
    row("circuit, closed, 1 % failures", circuit, |circuit, i| {
        let now = retry_core::Instant::ORIGIN;
        if let Ok(admission) = circuit.admit(now) {
            if i % 100 == 0 {
                circuit.fail(admission.ticket, Class::Network, now, None, 0);
            } else {
                circuit.succeed(admission.ticket, now);
            }
        }
    });
    let metrics = || OperationMetrics::<8>::sharded("stock.read");
    row("call by hand, counted by OperationMetrics", metrics, |metrics, _| call_before(metrics));
    let one_shard = || OperationMetrics::<1>::sharded("stock.read");
    row("the same, not sharded", one_shard, |metrics, _| call_before(metrics));
}

fn row<T: Sync + Send>(what: &str, make: fn() -> T, call: fn(&T, u32)) {
    let (one, shared, apart) = (best(1, 1, make, call), best(2, 1, make, call), best(2, 2, make, call));
    // Two threads with one each also take longer, because of the machine. Only the ratio shows the cost of sharing.
    println!("| {what} | {one:.1} ns | {shared:.1} ns | {apart:.1} ns | {:.2} |", shared / apart);
}

/// Returns the nanoseconds of wall time per call and thread.
fn best<T: Sync + Send>(threads: usize, number: usize, make: fn() -> T, call: fn(&T, u32)) -> f64 {
    // Boxed, so that each is in a cache line of its own.
    let all: Vec<_> = (0..number).map(|_| Box::new(make())).collect();
    let round = |_| {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for one in all.iter().cycle().take(threads) {
                scope.spawn(|| (0..CALLS).for_each(|i| call(one, i)));
            }
        });
        start.elapsed()
    };
    let best = (0..ROUNDS).map(round).min().unwrap_or(Duration::MAX);
    best.as_secs_f64() * 1e9 / f64::from(CALLS)
}
