//! The time of a call with one thread and with two, in one run: the best of several rounds each.

use std::time::{Duration, Instant};

use retry_core::{CircuitConfig, Class, Gate, SharedCircuit};

use crate::operations::succeed;

const CALLS: u32 = 2_000_000;
const ROUNDS: u32 = 7;

pub(crate) fn run() {
    println!("| per call | 1 thread | 2 threads | ratio |");
    println!("|---|---|---|---|");
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
    let (one, two) = (best(1, call), best(2, call));
    println!("| {what} | {one:.1} ns | {two:.1} ns | {:.2} |", two / one);
}

/// Nanoseconds of wall time per call and thread.
fn best(threads: u32, call: fn(&SharedCircuit, u32)) -> f64 {
    let circuit = SharedCircuit::new(CircuitConfig::DEFAULT);
    let round = |_| {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| (0..CALLS).for_each(|i| call(&circuit, i)));
            }
        });
        start.elapsed()
    };
    let best = (0..ROUNDS).map(round).min().unwrap_or(Duration::MAX);
    best.as_secs_f64() * 1e9 / f64::from(CALLS)
}
