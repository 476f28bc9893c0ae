//! The time of a call with one thread and with two, sharing a circuit and not, in one run: the best of several rounds.

use std::time::{Duration, Instant};

use retry_core::{CircuitConfig, Class, Gate, SharedCircuit};

use crate::operations::succeed;

const CALLS: u32 = 2_000_000;
const ROUNDS: u32 = 7;

pub(crate) fn run() {
    println!("| per call | 1 thread | 2 threads, one circuit | 2 threads, one each | ratio |");
    println!("|---|---|---|---|---|");
    row("circuit, closed and healthy", |circuit, _| succeed(circuit));
    row("circuit, closed, 1 % failures", |circuit, i| {
        let now = retry_core::Instant::ORIGIN;
        if let Ok(admission) = circuit.admit(now) {
            if i % 100 == 0 {
                circuit.fail(admission.ticket, Class::Network, now, None, 0);
            } else {
                circuit.succeed(admission.ticket, now);
            }
        }
    });
}

fn row(what: &str, call: fn(&SharedCircuit, u32)) {
    let (one, shared, apart) = (best(1, 1, call), best(2, 1, call), best(2, 2, call));
    // What two threads that share nothing lose is the machine's; only what is beyond that is the circuit's.
    println!("| {what} | {one:.1} ns | {shared:.1} ns | {apart:.1} ns | {:.2} |", shared / apart);
}

/// Nanoseconds of wall time per call and thread.
fn best(threads: usize, circuits: usize, call: fn(&SharedCircuit, u32)) -> f64 {
    // Boxed, so that no two share a cache line.
    let circuits: Vec<_> =
        (0..circuits).map(|_| Box::new(SharedCircuit::new(CircuitConfig::DEFAULT))).collect();
    let round = |_| {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for circuit in circuits.iter().cycle().take(threads) {
                scope.spawn(|| (0..CALLS).for_each(|i| call(circuit, i)));
            }
        });
        start.elapsed()
    };
    let best = (0..ROUNDS).map(round).min().unwrap_or(Duration::MAX);
    best.as_secs_f64() * 1e9 / f64::from(CALLS)
}
