//! Replays what other systems' circuit breakers do.

mod compare;
mod failsafe_go;
mod failsafe_go_script;
mod kit;
mod plan;
mod polly;
mod polly_facts;
mod resilience4j;
mod resilience4j_script;
mod rig;
mod rules;
mod sliding_window;
mod steps;
mod trace;

use std::env;
use std::fmt::Debug;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;

use self::steps::Steps;
use crate::json::{Replayed, fail};
use crate::outcome::Outcome;

/// Replays one case, and counts its steps.
type Replay = fn(meta: &Value, case: &Value, steps: &mut Steps) -> Outcome;

macro_rules! files {
    ($($file:ident: $replay:path,)*) => {
        const FILES: &[(&str, Replay)] = &[$((stringify!($file), $replay)),*];

        $(
            pub(crate) fn $file(meta: &Value, case: &Value) -> Outcome {
                $replay(meta, case, &mut Steps::default())
            }
        )*
    };
}
files! {
    failsafe_go_breaker: failsafe_go_script::scripts,
    failsafe_go_traces: failsafe_go::traces,
    polly_breaker: polly::cases,
    r4j_sliding_window: sliding_window::sliding_window,
    r4j_state_machine: resilience4j_script::state_machine,
    r4j_traces: resilience4j::traces,
}

/// How many steps of each file of `tests/vectors` are the same, different by a rule, and not compared; and of the peer's,
/// how many results are late, permits given back that were not taken, and over-admissions. A replay that compares fewer
/// steps than before is a change to be seen.
const STEPS: [(&str, [u32; 6]); 6] = [
    ("failsafe_go_breaker", [123, 2, 0, 0, 0, 0]),
    ("failsafe_go_traces", [1700, 128, 12, 125, 4, 0]),
    ("polly_breaker", [109, 4, 0, 4, 0, 0]),
    ("r4j_sliding_window", [1, 5, 0, 0, 0, 0]),
    ("r4j_state_machine", [243, 6, 11, 0, 0, 0]),
    ("r4j_traces", [3464, 122, 42, 174, 0, 0]),
];

/// How many steps were compared, and how many of the peers' steps were against a rule of ours.
#[test]
fn steps_of_circuit_breakers() {
    let (mut all, mut tallies) = (Steps::default(), Vec::new());
    for (name, replay) in FILES {
        let Ok(text) = fs::read_to_string(crate::directory().join(format!("{name}.json"))) else {
            continue;
        };
        let file: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut steps = Steps::default();
        for case in file["cases"].as_array().into_iter().flatten() {
            // What fails is the other test's to tell.
            let _ = catch_unwind(AssertUnwindSafe(|| replay(&file["meta"], case, &mut steps)));
        }
        println!("{name}, {steps}");
        tallies.push((*name, steps.tally()));
        all += steps;
    }
    println!("circuit breakers in all, {all}");
    if env::var_os("RETRY_VECTORS").is_none() {
        assert_eq!(tallies, STEPS, "by file: what came of its steps");
    }
}

fn same<T: PartialEq + Debug + ?Sized>(what: &str, ours: &T, theirs: &T) -> Replayed<()> {
    if ours == theirs { Ok(()) } else { fail(format!("{what}: {ours:?} for {theirs:?}")) }
}

/// A peer's percentage, and the whole one that decides most like it.
#[derive(Clone, Copy)]
struct Percent {
    whole: u8,
    theirs: f64,
}

impl Percent {
    fn like(theirs: f64) -> Self {
        let deviations = |whole: u8| {
            let percent = Self { whole, theirs };
            let rates = (1..=100).flat_map(|calls| (0..=calls).map(move |count| (count, calls)));
            rates.filter(|&(count, calls)| percent.decides_otherwise(count, calls)).count()
        };
        let whole = (1..=100_u8).filter(|whole| (f64::from(*whole) - theirs).abs() <= 1.0);
        let whole = whole.min_by_key(|whole| deviations(*whole));
        Self { whole: whole.unwrap_or(if theirs < 1.0 { 1 } else { 100 }), theirs }
    }

    /// Whether the peer takes so many of so many calls for its percentage or more.
    fn reached(self, count: u32, calls: u32) -> bool {
        f64::from(count) * 100.0 >= (self.theirs - 1e-9) * f64::from(calls)
    }

    fn decides_otherwise(self, count: u32, calls: u32) -> bool {
        self.reached(count, calls) != (u64::from(count) * 100 >= u64::from(self.whole) * u64::from(calls))
    }
}
