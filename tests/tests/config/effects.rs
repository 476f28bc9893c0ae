//! The table of `docs/settings.md` that says which key needs which.

use std::collections::BTreeSet;

use retry_core::{
    CircuitConfig, Policy, SharedCircuit,
    circuit::{CountWindow, TimeWindow},
    runtime::LocalLock,
};

use super::{keys, read};

const PAGE: &str = include_str!("../../../docs/settings.md");

fn section() -> &'static str {
    let (_, section) = PAGE.split_once("\n## Keys that need others\n").expect("the page has this heading");
    section.split("\n## ").next().expect("a split has a first part")
}

fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The rows: kind of table, key, the file that is refused, and the one that is accepted.
fn rows() -> Vec<(&'static str, &'static str, String, String)> {
    let rows = section().lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows = rows.skip(1).map(|row| row.split(" | ").collect::<Vec<_>>());
    let file = |cell: &str| quoted(cell).join("\n");
    rows.map(|row| (row[0], quoted(row[1])[0], file(row[3]), file(row[4]))).collect()
}

#[test]
fn a_key_without_effect_is_refused() {
    let rows = rows();
    assert!(rows.len() > 30);
    for (table, key, refused, accepted) in rows {
        let error = read(table, &refused).unwrap_err();
        // The key itself, or one of the others that it needs.
        let named = error.trim_start_matches("rules[0].").split([' ', ':']).next().unwrap();
        assert!(refused.contains(named) || error.starts_with(key), "{refused}\n{error}");
        assert!(refused.contains(key) && accepted.contains(key), "{key}: {refused}\n{accepted}");
        assert_eq!(read(table, &accepted), Ok(()), "{accepted}");
    }
}

/// A file with this key alone.
fn alone(key: &str) -> String {
    let value = match key {
        "preset" => "'http'",
        "hints" => "'exact'",
        "retry_on" | "neutral_on" | "count_as_failure" => "[]",
        "rules" => "[{ recovery = 'fail' }]",
        "without_rules" => "true",
        "max_attempts"
        | "max_polls"
        | "from_attempt"
        | "consecutive_failures"
        | "failure_rate"
        | "probes" => "1",
        _ => "'1s'",
    };
    format!("{key} = {value}")
}

#[test]
fn the_page_says_of_each_key_what_it_needs() {
    let (_, others) = section().split_once("All other keys have an effect").expect("the page says so");
    let mut tables =
        others.split("\nin a ").flat_map(|part| part.split("; in a ")).flat_map(|it| it.split(";\nin a "));
    let (policy, rule, circuit) = (tables.next().unwrap(), tables.next().unwrap(), tables.next().unwrap());
    let circuit = circuit.split(". A budget").next().unwrap();
    for (table, free) in [("policy", policy), ("rule", rule), ("circuit", circuit)] {
        let free: BTreeSet<_> = quoted(free).into_iter().map(String::from).collect();
        let needy: BTreeSet<_> =
            rows().iter().filter(|row| row.0 == table).map(|row| row.1.to_owned()).collect();
        assert!(free.is_disjoint(&needy), "{table}");
        assert_eq!(keys(table).into_iter().collect::<BTreeSet<_>>(), &free | &needy, "{table}");
        for key in free {
            assert_eq!(read(table, &alone(&key)), Ok(()), "{table}: {key}");
        }
    }
}

#[test]
fn a_call_may_be_made_once() {
    for file in ["max_attempts = 1", "retry_on = []", "max_attempts = 1\nbase_delay = '1s'\njitter = 'equal'"]
    {
        assert_eq!(read("policy", file), Ok(()), "{file}");
    }
}

#[test]
fn a_window_that_the_circuit_lacks_is_an_error_when_it_is_made() {
    let config: CircuitConfig = toml::from_str("failure_rate = 50\nwindow_time = '1m'").unwrap();
    let error = SharedCircuit::<CountWindow<100>, LocalLock>::try_with_window(config).unwrap_err();
    assert_eq!(error.to_string(), "window_time = 60 s: needs a window that counts time, `TimeWindow`");
    assert!(SharedCircuit::<TimeWindow<6>, LocalLock>::try_with_window(config).is_ok());

    // A window of time needs its length also if no rule looks at it.
    for rule in ["consecutive_failures = 5", "without_rules = true"] {
        let config: CircuitConfig = toml::from_str(&format!("{rule}\nwindow_time = '1m'")).unwrap();
        assert!(SharedCircuit::<TimeWindow<6>, LocalLock>::try_with_window(config).is_ok(), "{rule}");
        assert_eq!(toml::from_str(&toml::to_string(&config).unwrap()), Ok(config), "{rule}");
    }
    let config: CircuitConfig = toml::from_str("failure_rate = 50\nwindow = 50").unwrap();
    let config = config.window_time(std::time::Duration::from_secs(60));
    let error = SharedCircuit::<TimeWindow<6>, LocalLock>::try_with_window(config).unwrap_err();
    assert_eq!(error.to_string(), "window = 50: needs a window that counts calls, `CountWindow`");
    assert_eq!(
        Policy::DEFAULT.try_start_within(std::time::Duration::ZERO).unwrap_err().to_string(),
        "start_within = 0 s: must be above zero"
    );
}

#[test]
fn a_key_of_another_kind_of_budget_is_refused() {
    let kinds = [
        "token_bucket",
        "aws",
        "retry_throttle",
        "grpc",
        "request_share",
        "concurrency_share",
        "adaptive_throttle",
    ];
    for key in keys("budget").into_iter().filter(|key| key != "kind") {
        let value = match key.as_str() {
            "window" | "ttl" => "'10s'",
            "count_as_failure" | "count_as_rejection" => "['timeout']",
            _ => "1",
        };
        let accepted =
            kinds.iter().filter(|kind| read("budget", &format!("kind = '{kind}'\n{key} = {value}")).is_ok());
        let accepted = accepted.count();
        assert!((1..=4).contains(&accepted), "{key}: {accepted}");
    }
    assert_eq!(
        read("budget", "kind = 'concurrency_share'\nttl = '10s'").unwrap_err(),
        "ttl: this kind, concurrency_share, has only share, min_retries"
    );
    assert_eq!(read("budget", "").unwrap_err(), "kind: a budget needs one, such as \"token_bucket\"");
}
