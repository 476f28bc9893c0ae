//! `docs/settings.md` against the code: every setter and every key of a file is in its tables, every name in its tables
//! is in the code, and ranges and defaults are tried by setting values.

mod guides;
mod page;
mod settings;
mod sources;
mod values;

use std::collections::BTreeSet;

use retry_core::{CircuitConfig, Policy, budget::BudgetConfig, config::OperationsFile};

use page::{PAGE, keys, names, quoted, sections};
use sources::SOURCES;

/// The sections that a type's settings are in.
const SECTIONS: [(&str, &[&str]); 30] = [
    ("Policy", &["Policy"]),
    ("Backoff", &["Policy"]),
    ("Jitter", &["Policy"]),
    ("Rule", &["Rules"]),
    ("Retry", &["Calls", "Dead letters"]),
    ("OneCall", &["Calls", "Dead letters"]),
    ("Call", &["Calls"]),
    ("Failure", &["Errors"]),
    ("Messages", &["Errors"]),
    ("CircuitConfig", &["Circuits"]),
    ("SharedCircuit", &["Circuits"]),
    ("HealthCheck", &["Circuits"]),
    ("TokenBucket", &["TokenBucket"]),
    ("RetryThrottle", &["RetryThrottle"]),
    ("RequestShare", &["RequestShare"]),
    ("ConcurrencyShare", &["ConcurrencyShare"]),
    ("AdaptiveThrottle", &["AdaptiveThrottle"]),
    ("CircuitPool", &["Pools"]),
    ("FixedCircuitPool", &["Pools"]),
    ("DeadLetterCall", &["Dead letters"]),
    ("JsonLinesSink", &["Dead letters"]),
    ("JsonLinesReader", &["Dead letters"]),
    ("DeadLetterQueue", &["Dead letters"]),
    ("KeptOr", &["Dead letters"]),
    ("OperationMetrics", &["Metrics, logs and records"]),
    ("Metrics", &["Metrics, logs and records"]),
    ("MetricsFacade", &["Metrics, logs and records"]),
    ("Recorder", &["Metrics, logs and records"]),
    ("Replay", &["Metrics, logs and records"]),
    ("RetryLayer", &["Tower"]),
];

/// Types whose methods of this shape set nothing of a program, with the reason.
const NO_SETTINGS: [(&str, &str); 7] = [
    ("ClassSet", "a set"),
    ("ReasonSet", "a set"),
    ("Instant", "arithmetic"),
    ("MetricsSnapshot", "arithmetic"),
    ("Event", "what observers are told"),
    ("FakeClock", "for tests"),
    ("LetterContext", "what a sink is told"),
];

#[test]
fn every_setter_is_in_the_table_of_its_type() {
    let sections = sections();
    let mut missing = Vec::new();
    for (name, titles) in SECTIONS {
        let setters = SOURCES.setters.get(name).unwrap_or_else(|| panic!("{name} has no setters"));
        let listed: BTreeSet<_> = titles.iter().flat_map(|title| names(&sections[title])).collect();
        // A reference to itself sets nothing.
        for setter in setters.iter().filter(|setter| !listed.contains(setter.as_str()) && *setter != "by_ref")
        {
            missing.push(format!("{name}::{setter} is in no row under {titles:?}"));
        }
    }
    assert_eq!(missing, Vec::<String>::new());

    let fields = &SOURCES.public_fields["Preset"];
    assert_eq!(fields.iter().map(String::as_str).collect::<BTreeSet<_>>(), names(&sections["Operations"]));
}

#[test]
fn no_type_with_setters_is_forgotten() {
    let known = SECTIONS.map(|(name, _)| name).into_iter().chain(NO_SETTINGS.map(|(name, _)| name));
    let known: BTreeSet<_> = known.map(String::from).collect();
    // `Operation::retry` makes a `Retry`.
    let types: BTreeSet<_> = SOURCES.setters.keys().filter(|name| *name != "Operation").cloned().collect();
    assert_eq!(types, known);
}

#[test]
fn every_name_in_a_table_is_in_the_code() {
    for (title, rows) in sections() {
        for name in names(&rows) {
            let is_field = SOURCES.public_fields.values().any(|fields| fields.contains(name));
            assert!(SOURCES.names.contains(name) || is_field, "{title}: {name}");
        }
    }
}
/// What an error says would have been right.
fn expected(error: &str) -> BTreeSet<&str> {
    let (_, names) = error.split_once("expected one of ").expect("the error says what is expected");
    quoted(names).into_iter().collect()
}

#[test]
fn every_key_of_a_file_is_in_its_table() {
    let sections = sections();
    let error = serde_json::from_str::<Policy>(r#"{"?": 0}"#).unwrap_err().to_string();
    assert_eq!(keys(&sections["Policy"]), expected(&error));
    let error = serde_json::from_str::<CircuitConfig>(r#"{"?": 0}"#).unwrap_err().to_string();
    assert_eq!(keys(&sections["Circuits"]), expected(&error));
    let error = serde_json::from_str::<OperationsFile>(r#"{"http": {"?": 0}}"#).unwrap_err().to_string();
    assert_eq!(keys(&sections["Operations"]), expected(&error));
    let error = serde_json::from_str::<Policy>(r#"{"rules": [{"?": 0}]}"#).unwrap_err().to_string();
    assert_eq!(keys(&sections["Rules"]), expected(&error));
    let error = serde_json::from_str::<BudgetConfig>(r#"{"?": 0}"#).unwrap_err().to_string();
    let budgets = ["Budgets"].into_iter().chain(BUDGETS);
    assert_eq!(budgets.flat_map(|title| keys(&sections[title])).collect::<BTreeSet<_>>(), expected(&error));
    for (title, rows) in sections {
        let has_keys = ["Policy", "Rules", "Circuits", "Operations", "Budgets", "Keys that need others"]
            .contains(&title);
        assert!(has_keys || BUDGETS.contains(&title) || keys(&rows).is_empty(), "{title}: {:?}", keys(&rows));
    }
}

const BUDGETS: [&str; 5] =
    ["TokenBucket", "RetryThrottle", "RequestShare", "ConcurrencyShare", "AdaptiveThrottle"];

/// Setters that no key has, with the reason.
const WITHOUT_KEY: [(&str, &str, &str); 1] = [("Backoff", "custom", "a function")];

/// Setters and keys are both read from the sources.
#[test]
fn every_setter_has_a_key_of_its_name() {
    let tables: [(&str, &str); 9] = [
        ("Policy", "PolicyFile"),
        ("Backoff", "PolicyFile"),
        ("Rule", "RuleFile"),
        ("CircuitConfig", "CircuitFile"),
        ("TokenBucket", "BudgetFile"),
        ("RetryThrottle", "BudgetFile"),
        ("RequestShare", "BudgetFile"),
        ("ConcurrencyShare", "BudgetFile"),
        ("AdaptiveThrottle", "BudgetFile"),
    ];
    for (name, table) in tables {
        let keys = &SOURCES.keys[table];
        assert!(keys.len() > 4, "{table}: {keys:?}");
        for setter in &SOURCES.setters[name] {
            let is_exempt = WITHOUT_KEY.iter().any(|(of, exempt, _)| of == &name && exempt == setter);
            assert!(keys.contains(setter) || is_exempt, "{name}::{setter} has no key in {table}");
        }
    }
    // The other way round: a key is a setter, a constructor, a field of a preset, or a part of one of these.
    let parts = [
        "preset",
        "base_delay",
        "increment",
        "degree",
        "deviation",
        "open_deviation",
        "max_open_for",
        "without_rules",
    ];
    let parts = parts
        .into_iter()
        .chain(["kind", "delay", "classes", "budget"])
        .map(String::from)
        .collect::<BTreeSet<_>>();
    let setters = SOURCES.setters.values().flatten().chain(&SOURCES.public_fields["Preset"]);
    let known: BTreeSet<_> = setters.cloned().chain(parts).collect();
    for (table, keys) in &SOURCES.keys {
        assert!(keys.is_subset(&known), "{table}: {:?}", keys.difference(&known));
    }
    assert_eq!(SOURCES.keys.len(), 5, "policy, rule, circuit, budget and operation");
}

#[test]
fn the_page_has_every_class() {
    let error = serde_json::from_str::<Policy>(r#"{"retry_on": ["?"]}"#).unwrap_err().to_string();
    let (_, classes) = PAGE.split_once("a list of names in a file: ").expect("the page lists the classes");
    let classes = quoted(classes.split(".\n").next().expect("a split has a first part"));
    assert!(error.contains(&format!("must be one of {} at line", classes.join(", "))), "{error}");
}
const COMMON_NAMES: [&str; 21] = [
    "MaxAttempts",
    "BaseDelay",
    "MaxDelay",
    "Timeout",
    "Strategy",
    "Multiplier",
    "JitterType",
    "JitterMaxDeviation",
    "EnableCircuitBreaker",
    "RetryableErrors",
    "PermanentErrors",
    "CustomConditions",
    "EnableDeadLetter",
    "DeadLetterHandler",
    "CustomBackoff",
    "EnableMetrics",
    "EnableLogging",
    "LogLevel",
    "OperationName",
    "OperationType",
    "Tags",
];
const LIBRARIES: [&str; 5] = ["Polly", "Resilience4j", "tower", "AWS SDKs", "gRPC"];

#[test]
fn names_elsewhere_lead_to_settings() {
    let sections = sections();
    let rows = &sections["Names elsewhere"];
    let common: Vec<_> = rows.iter().filter_map(|row| quoted(row.get("name")?).first().copied()).collect();
    assert_eq!(common, COMMON_NAMES);

    let others: Vec<_> = rows.iter().filter(|row| row.contains_key("Polly")).collect();
    for library in LIBRARIES {
        assert!(others.iter().filter(|row| !row[library].is_empty()).count() >= 5, "{library}");
    }
    let in_files: BTreeSet<_> = sections.values().flat_map(|rows| keys(rows)).collect();
    for row in others {
        for name in quoted(row["here"]) {
            let is_known =
                name.split("::").all(|name| SOURCES.names.contains(name) || in_files.contains(name));
            assert!(is_known, "{name}");
        }
        assert!(LIBRARIES.iter().any(|library| !row[library].is_empty()), "{row:?}");
    }
}
