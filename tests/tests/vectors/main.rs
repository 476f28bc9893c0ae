//! Replays what other systems do: `cargo test -p tests --test vectors -- --nocapture`.
//!
//! Each file of `tests/vectors` (or of the directory that `RETRY_VECTORS` names) holds cases: inputs, and what the
//! other system made of them. A case passes, diverges by a rule that is declared here, or fails. What this runner
//! does not know, a file, an operation or an expectation, is a failure and not a skip.

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
mod grpc_pushback;
mod http;
mod json;
mod machine;
mod outcome;
mod polly;
mod polly_v2;
mod resilience4j;
mod rules;
mod tenacity;
mod tenacity_stop;

use std::path::{Path, PathBuf};
use std::{env, fs, panic};

use outcome::{Outcome, Tally};
use serde_json::Value;

/// Replays one case, given the file's `meta`.
type Replay = fn(meta: &Value, case: &Value) -> Outcome;

/// Who replays which file.
const FILES: &[(&str, Replay)] = &[
    ("aws_adaptive_rate_limiter", aws_adaptive::rate_limiter),
    ("aws_adaptive_traces", aws_adaptive::traces),
    ("aws_backoff_simulator", aws_simulator::cases),
    ("aws_exponential_backoff", aws::exponential_backoff),
    ("aws_standard_retry", aws::standard_retry),
    ("aws_token_bucket", budgets::aws_token_bucket),
    ("envoy_backoff_budget_throttle", envoy::cases),
    ("error_texts", error_texts::cases),
    ("failsafe_go_breaker", breaker::failsafe_go_breaker),
    ("failsafe_go_delays_budget_throttle", failsafe_go::cases),
    ("failsafe_go_traces", breaker::failsafe_go_traces),
    ("finagle_budget_backoff_accrual", finagle::cases),
    ("grpc_a6", grpc::cases),
    ("http_retry_after", http::replay),
    ("polly_breaker", breaker::polly_breaker),
    ("polly_delays", polly::delays),
    ("polly_jitter_v2_tables", polly_v2::tables),
    ("r4j_interval_function", resilience4j::intervals),
    ("r4j_retry", resilience4j::retries),
    ("r4j_sliding_window", breaker::r4j_sliding_window),
    ("r4j_state_machine", breaker::r4j_state_machine),
    ("r4j_traces", breaker::r4j_traces),
    ("tenacity_wait_stop", tenacity::cases),
    ("tower_tps_budget", budgets::tower_tps_budget),
];

/// Replays one case of a file; a panic is a failure of that case alone.
fn replay(file: &str, meta: &Value, case: &Value) -> Outcome {
    let Some((_, replay)) = FILES.iter().find(|(name, _)| *name == file) else {
        return Outcome::Fail("nobody replays this file".into());
    };
    panic::catch_unwind(|| replay(meta, case)).unwrap_or_else(|_| Outcome::Fail("panicked".into()))
}

fn directory() -> PathBuf {
    match env::var_os("RETRY_VECTORS") {
        Some(directory) => directory.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors"),
    }
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

    let mut total = Tally::default();
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
        total += tally;
    }
    println!("all: {total}");
    total.print_declared();
    assert!(total.passed(), "{total}");
}
