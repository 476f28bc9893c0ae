//! Cases of the same files that no other system states: other parameters, other orders, limits.
//!
//! What is expected follows from the rules that the other systems document, not from what this project does.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::outcome::Tally;

/// How many of the cases of each file pass and are declared.
const FILES: &[(&str, u32, u32)] = &[
    ("aws_adaptive_rate_limiter", 14, 0),
    ("aws_exponential_backoff", 10, 3),
    ("aws_standard_retry", 12, 1),
    ("aws_token_bucket", 10, 8),
    ("envoy_backoff_budget_throttle", 40, 1),
    ("failsafe_go_breaker", 5, 2),
    ("failsafe_go_delays_budget_throttle", 64, 1),
    ("failsafe_go_traces", 11, 2),
    ("finagle_budget_backoff_accrual", 42, 3),
    ("grpc_a6", 54, 9),
    ("polly_breaker", 39, 6),
    ("polly_delays", 37, 8),
    ("polly_jitter_v2_tables", 1, 1),
    ("r4j_interval_function", 20, 7),
    ("r4j_retry", 8, 3),
    ("r4j_sliding_window", 4, 2),
    ("r4j_state_machine", 11, 4),
    ("r4j_traces", 13, 5),
    ("tenacity_wait_stop", 60, 8),
    ("tower_tps_budget", 7, 2),
];

#[test]
fn invented_cases() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let read = |path: &str| -> Value {
        let text = fs::read_to_string(vectors.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    let invented: BTreeMap<String, Vec<Value>> =
        serde_json::from_value(read("invented/cases.json")).expect("lists of cases by file");
    let mut tallies = Vec::new();
    let mut total = Tally::default();
    for (name, cases) in &invented {
        let (meta, mut tally) = (&read(&format!("{name}.json"))["meta"], Tally::default());
        for case in cases {
            tally.add(name, case, crate::replay(name, meta, case));
        }
        tallies.push((&**name, tally.pass(), tally.declared()));
        total += tally;
    }
    assert!(total.passed(), "{total}");
    assert_eq!(tallies, FILES, "by file: cases that pass, cases that are declared");
}
