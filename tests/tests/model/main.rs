//! Explores every reachable state of the breaker for small configurations, and shows that the checks find broken rules:
//! `cargo test -p tests --test model -- --nocapture`.
//!
//! The search is breadth first, from a new circuit. A state consists of a real
//! [`Breaker`](retry_core::circuit::Breaker), the tickets of the calls in progress, and a clock that moves forward,
//! stands still or steps back. Each step is one call of the public API, and is also applied to the naive reference from
//! `tests/reference`.
//!
//! - `normal` decides when two states are equal.
//! - `check` contains what must hold at each step.
//! - `setups` contains the configurations.
//! - `broken` contains machines with one broken rule each, which the checks must find.

mod breaks;
mod broken;
mod check;
mod explore;
mod machine;
#[allow(dead_code)] // what only `tests/reference` asks of it
#[path = "../reference/naive.rs"]
mod naive;
mod normal;
#[path = "../reference/rules.rs"]
mod rules;
mod setups;
mod state;
mod step;
mod word;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// Runs all jobs on as many threads as there are processors, and returns their results in order.
fn in_parallel<J: Sync, R: Send>(jobs: &[J], run: impl Fn(&J) -> R + Sync) -> Vec<R> {
    let (next, (send, receive)) = (AtomicUsize::new(0), mpsc::channel());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, Into::into) {
            let (send, next, run) = (send.clone(), &next, &run);
            scope.spawn(move || {
                while let Some((place, job)) =
                    jobs.iter().enumerate().nth(next.fetch_add(1, Ordering::Relaxed))
                {
                    send.send((place, run(job))).expect("the receiver outlives the scope");
                }
            });
        }
    });
    drop(send);
    let mut results: Vec<(usize, R)> = receive.into_iter().collect();
    results.sort_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
}

#[test]
fn every_reachable_state_keeps_every_rule() {
    let setups = setups::all();
    let found = in_parallel(&setups, |setup| (setup.explore)(setup));
    let (mut states, mut transitions, mut broken) = (0, 0, Vec::new());
    println!("{:>8} {:>12}  configuration", "states", "transitions");
    for (setup, found) in setups.iter().zip(found) {
        match found {
            Ok(size) => {
                println!("{:>8} {:>12}  {}", size.states, size.transitions, setup.name);
                states += size.states;
                transitions += size.transitions;
            }
            Err(counterexample) => {
                println!("{:>21}  {}: {counterexample}", "FAILED", setup.name);
                broken.push(setup.name);
            }
        }
    }
    println!("{states:>8} {transitions:>12}  total");
    assert!(broken.is_empty(), "{broken:?}");
}

#[test]
fn every_broken_rule_is_found() {
    let breaks = breaks::all();
    let caught = in_parallel(&breaks, breaks::Entry::explore);
    let mut survived = Vec::new();
    for (entry, caught) in breaks.iter().zip(caught) {
        match caught {
            Err(counterexample) => println!("{:?}: found by {counterexample}", entry.rule),
            Ok(size) => {
                println!("{:?}: NOT FOUND in {} states", entry.rule, size.states);
                survived.push(entry.rule);
            }
        }
    }
    println!("{} of {} broken rules found", breaks.len() - survived.len(), breaks.len());
    assert!(survived.is_empty(), "{survived:?}");
}
