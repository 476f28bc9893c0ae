//! Replays what other systems do: `cargo test -p tests --test vectors -- --nocapture`.
//!
//! Each file of `tests/vectors` (or of the directory that `RETRY_VECTORS` names) holds cases: inputs, and what the
//! other system made of them. A case passes, diverges by a rule that is declared here, or fails. What this runner
//! does not know, a file, an operation or an expectation, is a failure and not a skip. How many cases of each file of
//! `tests/vectors` pass and are declared is pinned in [`FILES`].

mod aws;
mod aws_adaptive;
mod aws_simulator;
mod breaker;
mod budgets;
mod draw;
mod envoy;
mod error_texts;
mod failsafe_go;
mod finagle;
mod grpc;
mod grpc_calls;
mod grpc_pushback;
mod http;
mod invented;
mod json;
mod machine;
mod outcome;
mod polly;
mod polly_v2;
mod resilience4j;
mod rules;
mod service_hints;
mod tenacity;
mod tenacity_stop;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs, panic};

use outcome::{Outcome, Tally};
use serde_json::Value;

/// Replays one case, given the file's `meta`.
type Replay = fn(meta: &Value, case: &Value) -> Outcome;

/// A file of `tests/vectors`, what replays its cases, and how many of them pass and are declared there.
struct File {
    name: &'static str,
    replay: Replay,
    pass: u32,
    declared: u32,
}

const fn file(name: &'static str, replay: Replay, pass: u32, declared: u32) -> File {
    File { name, replay, pass, declared }
}

const FILES: &[File] = &[
    file("aws_adaptive_rate_limiter", aws_adaptive::rate_limiter, 12, 0),
    file("aws_adaptive_traces", aws_adaptive::traces, 17, 0),
    file("aws_backoff_simulator", aws_simulator::cases, 33, 0),
    file("aws_exponential_backoff", aws::exponential_backoff, 6, 0),
    file("aws_standard_retry", aws::standard_retry, 26, 0),
    file("aws_token_bucket", budgets::aws_token_bucket, 13, 1),
    file("envoy_backoff_budget_throttle", envoy::cases, 20, 2),
    file("error_texts", error_texts::cases, 169, 0),
    file("failsafe_go_breaker", breaker::failsafe_go_breaker, 21, 2),
    file("failsafe_go_delays_budget_throttle", failsafe_go::cases, 32, 3),
    file("failsafe_go_traces", breaker::failsafe_go_traces, 0, 23),
    file("finagle_budget_backoff_accrual", finagle::cases, 30, 3),
    file("grpc_a6", grpc::cases, 19, 10),
    file("http_retry_after", http::replay, 58, 0),
    file("polly_breaker", breaker::polly_breaker, 27, 4),
    file("polly_delays", polly::delays, 40, 7),
    file("polly_jitter_v2_tables", polly_v2::tables, 3, 7),
    file("r4j_interval_function", resilience4j::intervals, 10, 4),
    file("r4j_retry", resilience4j::retries, 5, 0),
    file("r4j_sliding_window", breaker::r4j_sliding_window, 1, 5),
    file("r4j_state_machine", breaker::r4j_state_machine, 33, 8),
    file("r4j_traces", breaker::r4j_traces, 10, 27),
    file("service_hints", service_hints::cases, 21, 0),
    file("tenacity_wait_stop", tenacity::cases, 82, 5),
    file("tower_tps_budget", budgets::tower_tps_budget, 3, 0),
];

/// Replays one case of a file; a panic is a failure of that case alone.
fn replay(file: &str, meta: &Value, case: &Value) -> Outcome {
    let Some(known) = FILES.iter().find(|known| known.name == file) else {
        return Outcome::Fail("this runner does not know the file".into());
    };
    panic::catch_unwind(|| (known.replay)(meta, case)).unwrap_or_else(|_| Outcome::Fail("panicked".into()))
}

fn directory() -> PathBuf {
    match env::var_os("RETRY_VECTORS") {
        Some(directory) => directory.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors"),
    }
}

/// Whether the cases are not those of `tests/vectors`, so that only what holds of any cases is checked.
fn is_of_others() -> bool {
    env::var_os("RETRY_VECTORS").is_some()
}

#[test]
fn vectors() {
    let directory = directory();
    let mut files: Vec<PathBuf> = fs::read_dir(&directory)
        .unwrap_or_else(|error| panic!("RETRY_VECTORS: {}: {error}", directory.display()))
        .map(|entry| entry.expect("the directory can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "RETRY_VECTORS: {}: no .json file", directory.display());

    let (mut total, mut tallies) = (Tally::default(), BTreeMap::new());
    for path in files {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let file: Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut tally = Tally::default();
        match file["cases"].as_array().map(Vec::as_slice) {
            None | Some([]) => tally.add(&name, &file, Outcome::Fail("no cases".into())),
            Some(cases) => {
                for case in cases {
                    tally.add(&name, case, replay(&name, &file["meta"], case));
                }
            }
        }
        println!("{name}: {tally}");
        tallies.insert(name, (tally.pass(), tally.declared()));
        total += tally;
    }
    println!("all: {total}");
    total.print_declared();
    assert!(total.passed(), "{total}");
    if !is_of_others() {
        // A case that passed, and is only declared now, is a change to be seen; so is a file that went missing.
        let pinned = FILES.iter().map(|file| (file.name.to_owned(), (file.pass, file.declared)));
        assert_eq!(tallies, pinned.collect(), "by file: cases that pass, cases that are declared");
    }
}
