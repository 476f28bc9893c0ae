//! Every reachable state of the shipped breaker, for small configurations, and proof that the checks bite:
//! `cargo test -p tests --test model -- --nocapture`.
//!
//! Breadth first from a new circuit, each state is a real [`Breaker`](retry_core::circuit::Breaker), the tickets that are
//! out, and a clock that steps forward, stands and steps back; each step is one call of the public API. `normal`
//! says when two states are one, `check` what must hold at each step, `setups` the configurations and `broken` the
//! machines with one rule broken each, which must be caught. Beside the machine walks the naive reference that
//! `tests/reference` also uses.

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

/// Runs all of these on as many threads as there are processors, and gives their results in order.
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
                println!("{:>21}  {}: {counterexample}", "BROKEN", setup.name);
                broken.push(setup.name);
            }
        }
    }
    println!("{states:>8} {transitions:>12}  in all");
    assert!(broken.is_empty(), "{broken:?}");
}

#[test]
fn every_broken_rule_is_caught() {
    let breaks = breaks::all();
    let caught = in_parallel(&breaks, breaks::Entry::explore);
    let mut survived = Vec::new();
    for (entry, caught) in breaks.iter().zip(caught) {
        match caught {
            Err(counterexample) => println!("{:?}, caught by {counterexample}", entry.rule),
            Ok(size) => {
                println!("{:?} SURVIVED {} states", entry.rule, size.states);
                survived.push(entry.rule);
            }
        }
    }
    println!("{} of {} broken rules caught", breaks.len() - survived.len(), breaks.len());
    assert!(survived.is_empty(), "{survived:?}");
}
