//! The policy: a file, and over it the options of the command line.

use core::time::Duration;
use std::fs;
use std::path::PathBuf;

use retry_core::Policy;
use toml::{Table, Value};

/// The settings of a policy, as a file has them.
#[derive(Debug, Default)]
pub(crate) struct PolicyOptions {
    file: Table,
    options: Table,
}

impl PolicyOptions {
    /// Reads a policy file: JSON if its name ends in `.json`, and TOML otherwise.
    pub(crate) fn read_file(&mut self, path: PathBuf) -> Result<(), String> {
        let explain = |error: &dyn core::fmt::Display| format!("{}: {error}", path.display());
        let text = fs::read_to_string(&path).map_err(|error| explain(&error))?;
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        // The whole policy is read first, because only then an error has its place in the file.
        self.file = if is_json {
            serde_json::from_str::<Policy>(&text).map_err(|error| match serde_json::from_str(&text) {
                Ok(table) => explain(&at_top_level(&error.to_string(), &table)),
                Err(_) => explain(&error),
            })?;
            serde_json::from_str(&text).map_err(|error| explain(&error))?
        } else {
            let explain = |error: toml::de::Error| {
                let before = &text[..error.span().map_or(0, |span| span.start)];
                let message = at_top_level(error.message(), &text.parse().unwrap_or_default());
                explain(&format_args!("line {}: {message}", before.matches('\n').count() + 1))
            };
            toml::from_str::<Policy>(&text).map_err(explain)?;
            toml::from_str(&text).map_err(explain)?
        };
        Ok(())
    }

    /// Returns an error if there is no such option: a policy has no key of this name, or a command cannot use it.
    pub(crate) fn check_key(option: &str) -> Result<(), String> {
        let (key, unknown) = (key(option), format!("--{option}: unknown option, "));
        let table = Table::from_iter([(key.clone(), Value::Boolean(false))]);
        let Err(error) = table.try_into::<Policy>() else { return Ok(()) };
        match error.message().strip_prefix(&format!("{key}: unknown key, ")) {
            Some(meant) if meant.starts_with("did you mean") && names_options(meant) => {
                Err(unknown + &as_options(meant))
            }
            None if !IN_FILES_ONLY.contains(&key.as_str()) => Ok(()),
            _ => Err(unknown + "see --help"),
        }
    }

    /// Sets the key of an option to its value. The last one of a name counts.
    pub(crate) fn set(&mut self, option: &str, value: &str) {
        let value = match (key(option).as_str(), value) {
            // Files write the largest number.
            ("max_attempts", "none") => Value::Integer(u32::MAX.into()),
            _ => typed(value),
        };
        self.options.insert(key(option), value);
    }

    /// Returns the policy. The error names the option and its value.
    pub(crate) fn policy(self) -> Result<Policy, String> {
        let has_file = !self.file.is_empty();
        let mut table = self.file;
        table.extend(self.options.clone());
        // A user that sets a time for the whole run does not expect the default of another limit to end it sooner.
        let has_time = |value: &Value| value.as_str() != Some("none");
        if self.options.get("total_timeout").is_some_and(has_time) {
            table.entry("start_within").or_insert(Value::String("none".into()));
        }
        let policy = table.try_into().map_err(|error: toml::de::Error| {
            let message = error.message();
            let key = message.split([' ', ':']).next().unwrap_or_default();
            match missing(key, &self.options) {
                Some(line) => line,
                // A default that does not fit an option is no key of a file.
                None if self.options.contains_key(key) || !has_file => as_option(key, message),
                None => message.to_owned(),
            }
        })?;
        Ok(policy)
    }

    /// Parses the duration that is the value of `option`; `None` for `none`.
    pub(crate) fn duration(option: &str, value: &str) -> Result<Option<Duration>, String> {
        const KEY: &str = "attempt_timeout"; // a duration, or none
        let policy = Table::from_iter([(KEY.to_owned(), typed(value))]).try_into::<Policy>();
        let policy = policy.map_err(|error| as_option(option, &error.message().replacen(KEY, option, 1)))?;
        Ok(policy.settings().attempt_timeout)
    }
}

/// Rewrites an error about an unknown key if it is a table: as in many other files, `[retry]` is meant to hold the policy.
fn at_top_level(message: &str, file: &Table) -> String {
    match message.split_once(": unknown key, ") {
        Some((key, _)) if file.get(key).is_some_and(Value::is_table) => {
            format!("{key}: is a table, but the settings of a policy stand at the top level of its file")
        }
        _ => message.to_owned(),
    }
}

/// The key of a file that an option sets: `max_delay` for `--max-delay`.
fn key(option: &str) -> String {
    option.replace('-', "_")
}

/// A value as TOML has it: a number if it is one, and a text otherwise.
fn typed(value: &str) -> Value {
    if let Ok(integer) = value.parse() {
        return Value::Integer(integer);
    }
    value.parse().map_or_else(|_| Value::String(value.to_owned()), Value::Float)
}

/// Returns the error about an option that lacks a second one, such as `--backoff linear` without `--increment`. `key` is
/// what the library misses.
fn missing(key: &str, options: &Table) -> Option<String> {
    let (option, example) = match key {
        "increment" => ("backoff", "1s"),
        "degree" => ("backoff", "2"),
        "deviation" => ("jitter", "0.1"),
        _ => return None,
    };
    match (options.get(option), options.contains_key(key)) {
        (Some(Value::String(value)), false) => {
            Some(format!("--{option} {value}: needs --{key}, such as {example}"))
        }
        _ => None,
    }
}

/// Rewrites an error of the library, such as `max_attempts = 0: must be at least 1`, for the option that it is about.
fn as_option(key: &str, message: &str) -> String {
    let rest = message.strip_prefix(key).unwrap_or(message);
    // Such as `increment: needs backoff = "linear"`.
    let mut rest = rest.replace("backoff = ", "--backoff ").replace("jitter = ", "--jitter ");
    // The value of the option stands before the first colon, and may be any text.
    let reason = rest.split_off(rest.find(": ").unwrap_or(0));
    rest += &NAMED
        .iter()
        .fold(reason, |reason, key| reason.replace(key, &format!("--{}", key.replace('_', "-"))));
    // 0 is a whole number, too, but one attempt is the least.
    let rest = if key == "max_attempts" {
        rest.replace("from 0 to 4294967295", "of at least 1, or none")
    } else {
        rest
    };
    format!("--{}{}", key.replace('_', "-"), rest.replacen(" = ", " ", 1))
}

/// Returns `true` if a suggestion of the library names only keys of a policy that are options.
fn names_options(text: &str) -> bool {
    let is_file_only = |key: &str| IN_FILES_ONLY.contains(&key) && key != "retry_on";
    !text.contains("in the table of") && !text.split('`').skip(1).step_by(2).any(is_file_only)
}

/// Rewrites a list of keys, such as `` did you mean `max_attempts`? ``, as a list of options.
fn as_options(text: &str) -> String {
    // The option has values of its own.
    let text = text.replace("classes such as \"timeout\"", "exit statuses such as 75");
    let mut parts = text.split('`');
    let mut rewritten = parts.next().unwrap_or_default().to_owned();
    while let Some(key) = parts.next() {
        rewritten += &format!("--{}{}", key.replace('_', "-"), parts.next().unwrap_or_default());
    }
    rewritten
}

/// The keys that errors about other keys name.
const NAMED: [&str; 3] = ["base_delay", "max_delay", "min_delay"];

/// The keys that are not options: a command sends no hints and no pending answers, and lists are clearer in a file.
const IN_FILES_ONLY: [&str; 7] =
    ["hints", "max_hint", "poll_every", "max_polls", "retry_on", "neutral_on", "rules"];
