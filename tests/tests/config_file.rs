//! Policies and circuits from TOML and JSON files.

use std::collections::BTreeMap;

use retry_core::{
    Backoff, CircuitConfig, Class, ClassSet, Jitter, Policy, Preset, Recovery, Rule, config::OperationsFile,
    policy::Hints,
};
use tests::ms;

const RULES: &[Rule] = &[
    Rule::class(Class::RateLimit).backoff(Backoff::fixed(ms(5_000))).max_attempts(10),
    Rule::class(Class::Timeout).from_attempt(2).recovery(Recovery::Fail),
    Rule::ANY.after(ms(2_000)).recovery(Recovery::WaitAndRetry(ms(900))).jitter(Jitter::Equal),
];

#[test]
fn every_key_reaches_its_setter() {
    let rows: &[(&str, Policy)] = &[
        ("", Policy::DEFAULT),
        ("preset = 'aggressive'", Preset::AGGRESSIVE.policy),
        ("preset = 'fast'\nmax_attempts = 9", Preset::FAST.policy.max_attempts(9)),
        (
            "preset = 'http'\nstart_within = 'none'",
            Policy::exponential(ms(200)).max_attempts(5).retry_on(Preset::HTTP.policy.settings().retry_on),
        ),
        ("preset = 'http'\nstart_within = '2m'", Preset::HTTP.policy),
        ("start_within = 'none'", Policy::exponential(ms(100))),
        (
            "preset = 's3'\nattempt_timeout = 'none'\nstart_within = 'none'\nmax_hint = 'max_delay'",
            Policy::exponential(ms(500)).max_attempts(4).retry_on(Preset::S3.policy.settings().retry_on),
        ),
        ("total_timeout = '10s'", Policy::DEFAULT.total_timeout(ms(10_000))),
        ("total_timeout = 'none'", Policy::DEFAULT),
        ("preset = 's3'\ntotal_timeout = '90s'", Preset::S3.policy.total_timeout(ms(90_000))),
        ("base_delay = '7ms'", Policy::exponential(ms(7)).start_within(ms(300_000))),
        ("base_delay = '1m'\nmax_delay = '1m'", Policy::exponential(ms(60_000)).start_within(ms(300_000))),
        ("backoff = 'fixed'\nbase_delay = '1m'", Policy::fixed(ms(60_000)).start_within(ms(300_000))),
        ("preset = 'aggressive'\ndeviation = 0.2", Preset::AGGRESSIVE.policy.jitter(Jitter::additive(0.2))),
        (
            "[[rules]]\nclasses = 'rate_limit'\nbackoff = 'fixed'\nbase_delay = '5s'\nmax_attempts = 10\n\
             [[rules]]\nclasses = ['timeout']\nfrom_attempt = 2\nrecovery = 'fail'\n\
             [[rules]]\nafter = '2s'\nrecovery = 'wait_and_retry'\ndelay = '900ms'\njitter = 'equal'",
            Policy::DEFAULT.rules(RULES),
        ),
        ("multiplier = 3", Policy::exponential(ms(100)).multiplier(3.0).start_within(ms(300_000))),
        (
            "backoff = 'linear'\nincrement = '50ms'\nhints = 'clamp'\nmax_hint = '2m'",
            Policy::backoff(Backoff::linear(ms(100), ms(50)))
                .start_within(ms(300_000))
                .hints(Hints::Clamp)
                .max_hint(ms(120_000)),
        ),
        (
            "backoff = 'polynomial'\ndegree = 2\njitter = 'equal'\nmin_delay = '5ms'",
            Policy::backoff(Backoff::polynomial(ms(100), 2))
                .start_within(ms(300_000))
                .jitter(Jitter::Equal)
                .min_delay(ms(5)),
        ),
        (
            "backoff = 'fibonacci'\njitter = 'decorrelated'\nattempt_timeout = '1s 500ms'",
            Policy::backoff(Backoff::fibonacci(ms(100)))
                .start_within(ms(300_000))
                .jitter(Jitter::Decorrelated)
                .attempt_timeout(ms(1_500)),
        ),
        (
            "backoff = 'fixed'\njitter = 'proportional'\ndeviation = 0.25\nmax_delay = '200ms'\nstart_within = '1h'",
            Policy::fixed(ms(100))
                .jitter(Jitter::proportional(0.25))
                .max_delay(ms(200))
                .start_within(ms(3_600_000)),
        ),
        (
            "jitter = 'none'\nretry_on = ['rate_limit', 'not_found']\nneutral_on = ['serialization']",
            Policy::DEFAULT
                .jitter(Jitter::None)
                .retry_on(ClassSet::of(&[Class::RateLimit, Class::NotFound]))
                .neutral_on(ClassSet::of(&[Class::Serialization])),
        ),
    ];
    for (file, policy) in rows {
        assert_eq!(toml::from_str::<Policy>(file).as_ref(), Ok(policy), "{file}");
    }

    let file = r#"{"consecutive_failures": 3, "window": 50, "minimum_calls": 9, "open_for": "5s", "probes": 4,
        "success_threshold": 2, "lease": "20s", "count_as_failure": ["timeout"], "slow_rate": 40, "slow_after": "2s", 
        "open_growth": 1.5, "max_open_for": "1m", "open_jitter": "proportional", "open_deviation": 0.1, "probe_failures": 1,
        "max_probes": 5, "ramp": "9s"}"#;
    let config = CircuitConfig::WITHOUT_RULES
        .consecutive_failures(3)
        .window(50)
        .minimum_calls(9)
        .open_for(ms(5_000))
        .probes(4)
        .success_threshold(2)
        .lease(ms(20_000))
        .slow_rate(40)
        .slow_after(ms(2_000))
        .open_growth(1.5, ms(60_000))
        .open_jitter(Jitter::proportional(0.1))
        .probe_failures(1)
        .max_probes(5)
        .ramp(ms(9_000))
        .count_as_failure(ClassSet::of(&[Class::Timeout]));
    assert_eq!(serde_json::from_str::<CircuitConfig>(file).unwrap(), config);
    let rate = CircuitConfig::WITHOUT_RULES.failure_rate(25);
    let config = serde_json::from_str::<CircuitConfig>(r#"{"failure_rate": 25}"#);
    assert_eq!(config.unwrap(), rate.minimum_calls(20));
    let config = serde_json::from_str::<CircuitConfig>(r#"{"failure_rate": 25, "window": 8}"#);
    assert_eq!(config.unwrap(), rate.minimum_calls(8).window(8));
    let config = serde_json::from_str::<CircuitConfig>(r#"{"failure_rate": 25, "window_time": "1m"}"#);
    assert_eq!(config.unwrap(), rate.minimum_calls(20).window_time(ms(60_000)));
    let config = serde_json::from_str::<CircuitConfig>(r#"{"probe_rate": 40, "probes": 10}"#);
    assert_eq!(config.unwrap(), CircuitConfig::DEFAULT.probe_rate(10, 40));
    let config = serde_json::from_str::<CircuitConfig>(r#"{"consecutive_failures": 3}"#);
    assert_eq!(config.unwrap(), CircuitConfig::WITHOUT_RULES.consecutive_failures(3));
    assert_eq!(serde_json::from_str::<CircuitConfig>("{}").unwrap(), CircuitConfig::DEFAULT);
    let config = serde_json::from_str::<CircuitConfig>(r#"{"without_rules": true}"#);
    assert_eq!(config.unwrap(), CircuitConfig::WITHOUT_RULES);
    let config = serde_json::from_str::<CircuitConfig>(r#"{"without_rules": false}"#);
    assert_eq!(config.unwrap(), CircuitConfig::DEFAULT);
}

#[test]
fn every_error_names_the_key_in_both_formats() {
    // Each file is JSON. It is also read as TOML if TOML can express it.
    let rows: &[(&str, &str)] = &[
        (r#"{"max_attempts": 0}"#, "max_attempts = 0: must be at least 1"),
        (r#"{"max_attempts": -1}"#, "max_attempts = -1: must be a whole number from 0 to 4294967295"),
        (
            r#"{"max_attempts": "three"}"#,
            "max_attempts = \"three\": must be a whole number from 0 to 4294967295",
        ),
        (r#"{"color": 3}"#, "color: unknown key, expected one of `preset`"),
        (r#"{"base_delay": "soon"}"#, "base_delay = \"soon\": must be a duration such as \"250ms\""),
        (r#"{"base_delay": 250}"#, "base_delay = 250: has no unit, write \"250ms\" or \"250s\""),
        (
            r#"{"base_delay": "1s", "max_delay": "10ms"}"#,
            "max_delay = 10 ms: must be at least 1 s, the base delay",
        ),
        (r#"{"min_delay": "31s"}"#, "min_delay = 31 s: must be at most 30 s, max_delay"),
        (r#"{"multiplier": 0.5}"#, "multiplier = 0.5: must be a finite number of at least 1"),
        (r#"{"backoff": "fixed", "multiplier": 2}"#, "multiplier: needs backoff = \"exponential\""),
        (r#"{"preset": "cache", "multiplier": 2}"#, "multiplier: needs backoff = \"exponential\""),
        (
            r#"{"start_within": "soon"}"#,
            "start_within = \"soon\": must be a duration such as \"250ms\", or \"none\"",
        ),
        (r#"{"max_attempts": 2.5}"#, "max_attempts = 2.5: must be a whole number from 0 to 4294967295"),
        (
            r#"{"max_hint": "none"}"#,
            "max_hint = \"none\": must be a duration such as \"250ms\", or \"max_delay\"",
        ),
        (r#"{"increment": "1s"}"#, "increment: needs backoff = \"linear\""),
        (r#"{"backoff": "linear"}"#, "increment: linear backoff needs one"),
        (r#"{"backoff": "curve"}"#, "backoff = \"curve\": must be one of fixed, linear, exponential"),
        (r#"{"degree": 2}"#, "degree: needs backoff = \"polynomial\""),
        (r#"{"jitter": "additive"}"#, "deviation: this jitter needs one"),
        (r#"{"jitter": "proportional", "deviation": 1.5}"#, "deviation = 1.5: must be from 0 to 1"),
        (r#"{"jitter": "full", "deviation": 0.1}"#, "deviation: only proportional and additive jitter"),
        (r#"{"deviation": 0.1}"#, "deviation: needs jitter ="),
        (r#"{"attempt_timeout": "0s"}"#, "attempt_timeout = 0 s: must be above zero"),
        (r#"{"total_timeout": "0s"}"#, "total_timeout = 0 s: must be above zero"),
        (r#"{"total_timeout": "soon"}"#, "total_timeout = \"soon\": must be a duration"),
        (r#"{"start_within": "0s"}"#, "start_within = 0 s: must be above zero"),
        (r#"{"neutral_on": ["own"]}"#, "neutral_on = \"own\": must be one of transient, timeout"),
        (
            r#"{"retry_on": ["timeout", "Timeout"]}"#,
            "retry_on = \"Timeout\": did you mean \"timeout\"? It must be one of transient, timeout",
        ),
        (r#"{"preset": "nothing"}"#, "preset = \"nothing\": must be one of default, database"),
        (r#"{"max_attempts": 1, "max_attempts": 2}"#, "max_attempts: is given twice"),
    ];
    for (json, line) in rows {
        let error = serde_json::from_str::<Policy>(json).unwrap_err().to_string();
        assert!(error.contains(line), "{json}\n{error}");
        assert!(!error.contains('\n'), "{json}\n{error}");
        let Ok(table) = serde_json::from_str::<toml::Table>(json) else {
            continue;
        };
        let file = table.to_string();
        let error = toml::from_str::<Policy>(&file).unwrap_err();
        // TOML is written from a map, which cannot contain a key twice.
        assert!(line.ends_with("is given twice") || error.message().contains(line), "{file}\n{error}");
    }

    let rows: &[(&str, &str)] = &[
        (r#"{"window": 0}"#, "window = 0: must be at least 1"),
        (r#"{"failure_rate": 101}"#, "failure_rate = 101: must be a percentage from 1 to 100"),
        (r#"{"failure_rate": 256}"#, "failure_rate = 256: must be a whole percentage from 1 to 100"),
        (r#"{"lease": "0s"}"#, "lease = 0 s: must be above zero"),
        (r#"{"open_growth": 2.0}"#, "open_growth: needs max_open_for"),
        (r#"{"max_open_for": "1s"}"#, "max_open_for: needs open_growth"),
        (
            r#"{"open_deviation": 0.1}"#,
            "open_deviation: needs open_jitter = \"proportional\" or \"additive\"",
        ),
        (r#"{"open_jitter": "additive"}"#, "open_deviation: this jitter needs one"),
        (
            r#"{"open_jitter": "full", "open_deviation": 0.1}"#,
            "open_deviation: only proportional and additive",
        ),
        (
            r#"{"open_jitter": "proportional", "open_deviation": 1.5}"#,
            "open_deviation = 1.5: must be from 0 to 1",
        ),
        (r#"{"openfor": "1s"}"#, "openfor: unknown key, did you mean `open_for`?"),
    ];
    for (json, line) in rows {
        let error = serde_json::from_str::<CircuitConfig>(json).unwrap_err().to_string();
        assert!(error.contains(line), "{json}\n{error}");
    }
}

#[test]
fn every_key_that_is_set_is_written() {
    let policy = toml::to_string(&Policy::DEFAULT).unwrap();
    assert_eq!(
        policy,
        "backoff = \"exponential\"\nbase_delay = \"100ms\"\nmultiplier = 2.0\njitter = \"full\"\nmin_delay = \"0s\"\n\
         max_delay = \"30s\"\nmax_attempts = 3\nstart_within = \"5m\"\ntotal_timeout = \"none\"\nattempt_timeout = \"none\"\nreset_after = \"none\"\nhints = \"floor\"\n\
         max_hint = \"max_delay\"\n\
         retry_on = [\"transient\", \"timeout\", \"rate_limit\", \"network\", \"server\", \"unknown\"]\n\
         neutral_on = []\n"
    );
    let config = CircuitConfig::WITHOUT_RULES.count_as_failure(ClassSet::of(&[Class::RateLimit]));
    assert_eq!(
        serde_json::to_string(&config).unwrap(),
        r#"{"without_rules":true,"cancelled_after":"1s","open_for":"30s","open_jitter":"none","max_hint":"0s","#.to_owned()
            + r#""rate_limit_hold":"0s","probes":1,"success_threshold":1,"probe_failures":0,"lease":"1m","ramp":"0s","count_as_failure":["rate_limit"]}"#
    );
    // Numbers are written as they were given, also at the limits of what can be read.
    for multiplier in [1.1, 1.0, 2.0, 1.000_000_001, 123_456.789, 1e9, 1e30, 1.5e300, f64::MAX] {
        let policy = Policy::exponential(ms(1)).multiplier(multiplier);
        let (json, toml) = (serde_json::to_string(&policy).unwrap(), toml::to_string(&policy).unwrap());
        assert_eq!(serde_json::from_str::<Policy>(&json).unwrap(), policy, "{json}");
        assert_eq!(toml::from_str::<Policy>(&toml).unwrap(), policy, "{toml}");
        let shown = format!("multiplier = {multiplier:?}\n");
        assert!(toml.contains(&shown) || multiplier > 1e9, "{toml}");
    }
    // Settings that a file cannot express.
    let custom = Policy::backoff(Backoff::custom(ms(100), |failed, base| base / failed));
    let ruled = Policy::DEFAULT
        .rules(const { &[Rule::ANY.backoff(Backoff::custom(ms(100), |failed, base| base / failed))] });
    for (policy, line) in [
        (custom, "backoff: a function cannot be written to a file"),
        (ruled, "rules[0].backoff: a function cannot be written to a file"),
    ] {
        assert_eq!(serde_json::to_string(&policy).unwrap_err().to_string(), line);
        assert_eq!(toml::to_string(&policy).unwrap_err().to_string(), line);
    }
    // Files with operations are written as they were read.
    let file = "[http]\ncircuit = \"none\"\ndead_letter = true\n\n[http.policy]\nmax_attempts = 2\n";
    let operations: OperationsFile = toml::from_str(file).unwrap();
    let written = toml::to_string(&operations).unwrap();
    let again: OperationsFile = toml::from_str(&written).unwrap();
    assert_eq!(again.over([Preset::HTTP]), operations.over([Preset::HTTP]), "{written}");
    assert!(written.contains("max_attempts = 2\n") && !written.contains("multiplier"), "{written}");
}

/// The whole text of an error: TOML shows the place, and the last line is the message.
#[test]
fn an_error_in_a_toml_file_shows_its_place() {
    type Config = BTreeMap<String, Policy>;
    fn shown<T: serde::de::DeserializeOwned + std::fmt::Debug>(file: &str) -> (String, String) {
        let error = toml::from_str::<T>(file).unwrap_err();
        assert!(!error.message().contains('\n'), "{error}");
        let all = error.to_string();
        let (shown, message) = all.trim_end().rsplit_once('\n').unwrap_or(("", all.trim_end()));
        assert_eq!(message, error.message());
        // The first key of the list is enough.
        let (line, _) = message.split_once(", `").unwrap_or((message, ""));
        (shown.to_owned(), line.to_owned())
    }
    let whole = "must be a whole number from 0 to 4294967295";
    let rows = [
        (
            shown::<Policy>("# my service\n\nbase_delay = '1s'\natempts = 3\n"),
            "TOML parse error at line 4, column 1\n  |\n4 | atempts = 3\n  | ^^^^^^^",
            "atempts: unknown key, did you mean `max_attempts`?".to_owned(),
        ),
        (
            shown::<Config>("# my service\n\n[policy]\nbase_delay = '1s'\nmax_attempts = 'x'\n"),
            "TOML parse error at line 5, column 16\n  |\n5 | max_attempts = 'x'\n  |                ^^^",
            format!("max_attempts = \"x\": {whole}"),
        ),
        (
            shown::<OperationsFile>("# all\n[http]\ndead_letter = true\n[http.policy]\natempts = 3\n"),
            "TOML parse error at line 5, column 1\n  |\n5 | atempts = 3\n  | ^^^^^^^",
            "http.policy.atempts: unknown key, did you mean `max_attempts`?".to_owned(),
        ),
        (
            shown::<OperationsFile>("[http]\ncircuit = { window = -1 }\n"),
            "TOML parse error at line 2, column 22\n  |\n2 | circuit = { window = -1 }\n  |                      ^^",
            format!("http.circuit.window = -1: {whole}"),
        ),
        (
            shown::<OperationsFile>("[http]\ncircuit = 'some'\n"),
            "TOML parse error at line 2, column 11\n  |\n2 | circuit = 'some'\n  |           ^^^^^^",
            "http.circuit = \"some\": must be a circuit's table, or \"none\"".to_owned(),
        ),
        (
            shown::<OperationsFile>("[http]\ncircuit = 'none'\npolicy = 3\n"),
            "TOML parse error at line 3, column 10\n  |\n3 | policy = 3\n  |          ^",
            "http.policy = 3: must be a table of preset, backoff, base_delay, multiplier, \
             increment, degree, jitter, deviation, min_delay, max_delay, max_attempts, start_within, total_timeout, \
              attempt_timeout, reset_after, hints, max_hint, poll_every, max_polls, retry_on, neutral_on, rules"
                .to_owned(),
        ),
        (
            shown::<Policy>("\nstart_within = 5\n"),
            "TOML parse error at line 2, column 16\n  |\n2 | start_within = 5\n  |                ^",
            "start_within = 5: has no unit, write \"5ms\" or \"5s\"".to_owned(),
        ),
        (
            shown::<Policy>("# my service\nmax_attempts = 0\n"),
            "TOML parse error at line 2, column 16\n  |\n2 | max_attempts = 0\n  |                ^",
            "max_attempts = 0: must be at least 1".to_owned(),
        ),
        // If keys contradict each other, the error shows the table, if it has a place.
        (
            shown::<Config>("# my service\n\n[policy]\ndegree = 2\n"),
            "TOML parse error at line 3, column 1\n  |\n3 | [policy]\n  | ^^^^^^^^",
            "degree: needs backoff = \"polynomial\"".to_owned(),
        ),
        (shown::<Policy>("# my service\ndegree = 2\n"), "", "degree: needs backoff = \"polynomial\"".to_owned()),
    ];
    for ((shown, line), place, message) in rows {
        assert_eq!((shown.as_str(), line.as_str()), (place, message.as_str()));
    }

    let json = r#"{"http": {"policy": {"max_attempts": "x"}}}"#;
    let error = serde_json::from_str::<OperationsFile>(json).unwrap_err().to_string();
    assert_eq!(error, format!("http.policy.max_attempts = \"x\": {whole} at line 1 column 41"));
}

const GUIDE: &str = include_str!("../../docs/configuration.md");

/// Returns the rows of the table below this heading of the guide, each as its cells.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let (_, section) = GUIDE.split_once(heading).expect("the guide has this heading");
    let section = section.split("\n## ").next().expect("a split has a first part");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.skip(1).map(|row| row.split(" | ").collect()).collect()
}

/// Returns the text between backquotes.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_guide_shows_the_error_messages() {
    let rows = table("\n## Error messages\n");
    assert!(rows.len() >= 6, "{rows:?}");
    for row in rows {
        let file = quoted(row[0]).join("\n");
        let line = row[1]
            .strip_prefix("``")
            .and_then(|line| line.strip_suffix("``"))
            .unwrap_or(row[1].trim_matches('`'));
        let error = toml::from_str::<Policy>(&file).unwrap_err();
        assert!(error.message().contains(line), "{file}: {error}");
    }
}
