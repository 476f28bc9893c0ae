//! Configuration files as people write them: keys without effect, wrong keys and names, units, places of errors, budgets,
//! levels of logs, and any text at all.

mod any_text;
mod budgets;
mod effects;
mod logs;
mod places;
mod suggestions;
mod units;

use retry_core::{CircuitConfig, Policy, budget::BudgetConfig, config::OperationsFile};

/// Reads a file as a table of this kind. The error is its line alone.
fn read(table: &str, file: &str) -> Result<(), String> {
    fn parsed<T: serde::de::DeserializeOwned>(file: &str) -> Result<(), String> {
        toml::from_str::<T>(file).map(|_| ()).map_err(|error| error.message().to_owned())
    }
    match table {
        "policy" => parsed::<Policy>(file),
        "rule" => parsed::<Policy>(&format!("[[rules]]\n{file}")),
        "circuit" => parsed::<CircuitConfig>(file),
        "budget" => parsed::<BudgetConfig>(file),
        "operation" => parsed::<OperationsFile>(&format!("[http]\n{file}")),
        _ => panic!("{table} is no kind of table"),
    }
}

/// The keys of this kind of table, as its error lists them.
fn keys(table: &str) -> Vec<String> {
    let error = read(table, "'?' = 0").unwrap_err();
    let (_, list) = error.split_once("expected one of ").expect("the error lists the keys");
    list.split('`').skip(1).step_by(2).map(String::from).collect()
}
