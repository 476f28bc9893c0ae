//! Any text at all: it is read, or refused in one line. What is read and written again is the same.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use retry_core::{CircuitConfig, Policy, Preset, TokenBucket, budget::BudgetConfig, config::OperationsFile};
use serde::{Serialize, de::DeserializeOwned};

use super::keys;

/// Values that people and fuzzers write.
fn value() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        any::<i64>().prop_map(|it| it.to_string()),
        (0..100_i64).prop_map(|it| it.to_string()),
        any::<f64>().prop_map(|it| format!("{it:?}").replace("NaN", "nan")),
        any::<bool>().prop_map(|it| it.to_string()),
        "[0-9]{1,4}(ns|us|ms|s|m|h|d|w|M|S|%| min|)( [0-9]{1,3}(s|ms|))?".prop_map(|it| format!("'{it}'")),
        "[0-9._]{1,12}[a-zA-Z%]{0,3}".prop_map(|it| format!("'{it}'")),
        "P[0-9DTHMSWY.]{0,10}".prop_map(|it| format!("'{it}'")),
        prop::sample::select(vec![
            "none",
            "full",
            "additive",
            "decorrelated",
            "fixed",
            "linear",
            "exponential",
            "polynomial",
            "floor",
            "ignore",
            "http",
            "cache",
            "max_delay",
            "info",
            "fail",
            "retry_with_delay",
            "token_bucket",
            "grpc",
            "request_share",
        ])
        .prop_map(|it| format!("'{it}'")),
        any::<String>().prop_map(|it| toml::Value::String(it).to_string()),
    ];
    let classes =
        prop::collection::vec(prop::sample::select(vec!["'timeout'", "'Timeout'", "'server'", "3"]), 0..4);
    prop_oneof![8 => scalar, 1 => classes.prop_map(|it| format!("[{}]", it.join(", "))), 1 => Just("{ a = [{}] }".into())]
}

fn lines(table: &'static str) -> impl Strategy<Value = String> {
    let key = prop_oneof![
        12 => prop::sample::select(keys(table)),
        1 => any::<String>().prop_map(|it| toml::Value::String(it).to_string()),
    ];
    prop::collection::vec((key, value()), 0..5)
        .prop_map(|lines| lines.into_iter().map(|(key, value)| format!("{key} = {value}\n")).collect())
}

fn file() -> impl Strategy<Value = String> {
    let parts = (
        lines("operation"),
        lines("policy"),
        lines("rule"),
        lines("circuit"),
        lines("budget"),
        lines("budget"),
    );
    (parts, any::<[bool; 6]>()).prop_map(|((operation, policy, rule, circuit, budget, shared), has)| {
        let part = |has: bool, head: &str, lines: &str| {
            if has { format!("[{head}]\n{lines}") } else { String::new() }
        };
        [
            part(has[0], "http", &operation),
            part(has[1], "http.policy", &policy),
            part(has[2], "[http.policy.rules]", &rule),
            part(has[3], "http.circuit", &circuit),
            part(has[4], "http.budget", &budget),
            part(has[5], "budgets.shared", &shared),
        ]
        .concat()
    })
}

fn is_one_line(error: &str) -> Result<(), TestCaseError> {
    prop_assert!(!error.is_empty() && error.len() < 1_500, "{}", error);
    prop_assert!(!error.contains(|it: char| it.is_control()), "{:?}", error);
    Ok(())
}

/// Reads the text; if that works, what is written is read as the same, and written as the same.
fn reads_and_writes<T>(text: &str) -> Result<bool, TestCaseError>
where
    T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug,
{
    let value = match toml::from_str::<T>(text) {
        Ok(value) => value,
        Err(error) => {
            // What is no TOML at all is refused by its parser, in its own words.
            if toml::from_str::<toml::Table>(text).is_ok() {
                is_one_line(error.message())?;
            }
            return Ok(false);
        }
    };
    let (toml, json) = (toml::to_string(&value).unwrap(), serde_json::to_string(&value).unwrap());
    prop_assert_eq!(&toml::from_str::<T>(&toml).unwrap(), &value, "{}\n{}", text, toml);
    prop_assert_eq!(&serde_json::from_str::<T>(&json).unwrap(), &value, "{}\n{}", text, json);
    Ok(true)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn tables_are_read_or_refused_in_one_line(
        (policy, rule, circuit, budget) in (lines("policy"), lines("rule"), lines("circuit"), lines("budget")),
    ) {
        reads_and_writes::<Policy>(&policy)?;
        reads_and_writes::<Policy>(&format!("[[rules]]\n{rule}"))?;
        reads_and_writes::<CircuitConfig>(&circuit)?;
        reads_and_writes::<BudgetConfig>(&budget)?;
        reads_and_writes::<TokenBucket>(&budget)?;
    }

    #[test]
    fn files_of_operations_are_read_or_refused_in_one_line(text in file()) {
        if toml::from_str::<toml::Table>(&text).is_err() {
            return Ok(()); // a key twice, or no TOML
        }
        match toml::from_str::<OperationsFile>(&text) {
            Err(error) => is_one_line(error.message())?,
            Ok(file) => {
                let _ = file.budgets();
                match file.over([Preset::HTTP]) {
                    Err(error) => is_one_line(&error.to_string())?,
                    Ok(presets) => {
                        let written = toml::to_string(&file).unwrap();
                        let again: OperationsFile = toml::from_str(&written).unwrap();
                        prop_assert_eq!(again.over([Preset::HTTP]), Ok(presets), "{}", written);
                    }
                }
            }
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn any_json_is_read_or_refused_in_one_line(text in "[\\[\\]{}\":,a-z0-9_. -]{0,60}", key in any::<String>()) {
        for text in [text.clone(), format!("{{{}: {text}}}", serde_json::to_string(&key).unwrap())] {
            if let Err(error) = serde_json::from_str::<Policy>(&text) {
                is_one_line(&error.to_string())?;
            }
            if let Err(error) = serde_json::from_str::<OperationsFile>(&text) {
                is_one_line(&error.to_string())?;
            }
        }
    }
}

/// Values nested deeper than any parser follows end in an error, and so does a list of a million rules.
#[test]
fn a_huge_file_is_an_error() {
    for text in [
        format!("{{\"retry_on\": {}", "[".repeat(100_000)),
        format!("{}1", "{\"a\":".repeat(100_000)),
        format!("{{\"rules\": [{}{{}}]}}", "{},".repeat(100_000)),
    ] {
        let error = serde_json::from_str::<Policy>(&text).unwrap_err().to_string();
        assert!(error.len() < 400, "{error}");
    }
}

#[test]
fn most_generated_tables_with_few_keys_are_valid_for_some() {
    // The property above would prove nothing if no file were read.
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let valid = |table: &'static str, runner: &mut proptest::test_runner::TestRunner| {
        let strategy = lines(table);
        let texts = (0..2_000).map(|_| strategy.new_tree(runner).unwrap().current());
        texts.filter(|text| !text.is_empty() && super::read(table, text).is_ok()).count()
    };
    for table in ["policy", "rule", "circuit"] {
        let count = valid(table, &mut runner);
        assert!(count > 10, "{table}: {count}");
    }
}
