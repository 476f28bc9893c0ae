//! The place that an error names: the operation, the key and the value, in one line, and the line of the file.

use std::collections::BTreeMap;

use retry_core::{CircuitConfig, Policy, Preset, config::OperationsFile};
use serde::Deserialize;

/// A program's own file around the tables.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Service {
    listen: String,
    #[serde(default)]
    policy: Policy,
    #[serde(default)]
    circuits: BTreeMap<String, CircuitConfig>,
    #[serde(default)]
    operations: OperationsFile,
}

/// The line of the file, counted from 1, and the message.
fn error(file: &str) -> (usize, String) {
    match toml::from_str::<Service>(file) {
        Err(error) => {
            let start = error.span().expect("TOML knows the place").start;
            (file[..start].matches('\n').count() + 1, error.message().to_owned())
        }
        Ok(service) => {
            let error = service
                .operations
                .over([Preset::HTTP, Preset::new("checkout", Policy::DEFAULT)])
                .unwrap_err();
            (0, error.to_string())
        }
    }
}

#[test]
fn an_error_names_the_operation_and_the_key() {
    let rows = [
        ("max_attempts = 0", 4, "checkout.policy.max_attempts = 0: must be at least 1"),
        ("\nmax_delay = '1M'", 5, "checkout.policy.max_delay = \"1M\": write \"1m\" for minutes"),
        ("\n\nmaxAttempts = 2", 6, "checkout.policy.maxAttempts: unknown key, did you mean `max_attempts`?"),
        ("total_timeout = '0s'", 4, "checkout.policy.total_timeout = 0 s: must be above zero"),
        (
            "rules = [{ after = 'x' }]",
            4,
            "checkout.policy.rules[0].after = \"x\": must be a duration such as \"250ms\"",
        ),
        // What depends on the program's own policy is known only when the program asks.
        (
            "max_delay = '10ms'",
            0,
            "checkout.policy.max_delay = 10 ms: must be at least 100 ms, the base delay",
        ),
        ("min_delay = '31s'", 0, "checkout.policy.min_delay = 31 s: must be at most 30 s, max_delay"),
        ("[operations.checkout.circuit]\nprobes = 0", 5, "checkout.circuit.probes = 0: must be at least 1"),
        (
            "[operations.checkout.circuit]\nslow_rate = 50",
            4,
            "checkout.circuit.slow_rate = 50: needs `slow_after`",
        ),
        (
            "[operations.checkout.budget]\nkind = 'bucket'",
            5,
            "checkout.budget.kind = \"bucket\": did you mean \"token_bucket\"?",
        ),
        (
            "[operations.checkuot]",
            0,
            "checkuot: no such operation, did you mean checkout? There are http, checkout",
        ),
        (
            "[operations.http]\nbudget = 'aws'",
            2,
            "http.budget = \"aws\": no such shared budget, there are none",
        ),
        (
            "[operations.budgets.aws]\nkind = 'aws'\nttl = '1s'",
            4,
            "budgets.aws.ttl: this kind, aws, has only capacity",
        ),
    ];
    for (lines, line, message) in rows {
        let file = format!(
            "listen = 'localhost:80'\n[operations.checkout]\n[operations.checkout.policy]\n{lines}\n"
        );
        let (at, said) = error(&file);
        assert!(said.starts_with(message) && !said.contains('\n'), "{file}{said}");
        assert!(at == line || message.contains("no such shared"), "{file}{at}: {said}");
    }
    // In a struct of the program's own, what is known is named; TOML shows the line.
    let (line, said) = error("listen = ''\n[circuits.stock]\nprobes = 0\n");
    assert_eq!((line, said.as_str()), (3, "probes = 0: must be at least 1"));
    let (line, said) = error("listen = ''\npolicy = 3\n");
    assert!(said.starts_with("3: must be a table of preset, backoff, base_delay") && line == 2, "{said}");
    let json = r#"{"checkout": {"policy": {"max_attempts": "many"}}}"#;
    assert_eq!(
        serde_json::from_str::<OperationsFile>(json).unwrap_err().to_string(),
        "checkout.policy.max_attempts = \"many\": must be a whole number from 0 to 4294967295 at line 1 column 48"
    );
}

#[test]
fn an_error_is_one_short_line_whatever_the_file_says() {
    let long = "x".repeat(1_000_000);
    let files = [
        format!("['a\\nb']\npolicy = {{ backoff = '{long}' }}"),
        format!("[\"a\\nb\"]\n\"{long}\" = 1"),
        format!("[\"a\\u202eb\".policy]\nbase_delay = \"\\u001b[31m{long}\""),
        format!("{long}.policy.backoff = 3"),
        format!("http.budget = '{long}'"),
    ];
    for file in files {
        let error = toml::from_str::<OperationsFile>(&file).unwrap_err().message().to_owned();
        assert!(error.len() < 400 && !error.contains(['\n', '\u{1b}', '\u{202e}']), "{error:?}");
    }
}
