//! Invalid configurations: a compile error in a `const`, an `Err` from the `try_` form, with the same one-line message.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use retry_core::{
    Backoff, CircuitConfig, ConfigError, Jitter, Policy, Recovery, Rule, SharedCircuit,
    circuit::{CountWindow, SlowCalls, TimeWindow, Window},
    runtime::LocalLock,
};

const POLICY: Policy = Policy::exponential(Duration::from_millis(100));
const CONFIG: CircuitConfig = CircuitConfig::DEFAULT;
const TEN: Rule = Rule::ANY.recovery(Recovery::RetryWithDelay(Duration::from_secs(10)));
const TOO_LONG: Rule = Rule::ANY.backoff(Backoff::fixed(Duration::from_secs(31)));

#[test]
fn the_try_form_names_field_and_value() {
    fn policy(result: Result<Policy, ConfigError>) -> ConfigError {
        result.unwrap_err()
    }
    fn config(result: Result<CircuitConfig, ConfigError>) -> ConfigError {
        result.unwrap_err()
    }
    fn circuit<W: Window>(config: CircuitConfig) -> ConfigError {
        SharedCircuit::<W, LocalLock>::try_with_window(config).unwrap_err()
    }
    let float = |multiplier| policy(POLICY.try_multiplier(multiplier));
    let rows: &[(ConfigError, &str)] = &[
        (policy(POLICY.try_max_attempts(0)), "max_attempts = 0: must be at least 1"),
        (
            policy(POLICY.try_max_delay(Duration::ZERO)),
            "max_delay = 0 s: must be at least 100 ms, the base delay",
        ),
        (
            policy(POLICY.try_max_delay(Duration::new(0, 99_999_999))),
            "max_delay = 99999999 ns: must be at least 100 ms, the base delay",
        ),
        (
            policy(POLICY.try_min_delay(Duration::from_secs(31))),
            "min_delay = 31 s: must be at most 30 s, max_delay",
        ),
        (
            policy(POLICY.min_delay(Duration::from_secs(2)).try_max_delay(Duration::from_millis(1_500))),
            "max_delay = 1500 ms: must be at least 2 s, min_delay",
        ),
        (policy(POLICY.try_rules(&[TOO_LONG])), "rules = 31 s: must be at most 30 s, max_delay"),
        (
            policy(POLICY.rules(&[TEN]).try_max_delay(Duration::from_secs(9))),
            "rules = 10 s: must be at most 9 s, max_delay",
        ),
        (
            policy(Policy::fixed(Duration::from_secs(1)).try_multiplier(2.0)),
            "multiplier = 2: only an exponential backoff has one",
        ),
        (Rule::ANY.try_max_attempts(0).unwrap_err(), "max_attempts = 0: must be at least 1"),
        (Jitter::try_proportional(1.01).unwrap_err(), "deviation = 1.01: must be from 0 to 1"),
        (Jitter::try_proportional(-0.5).unwrap_err(), "deviation = -0.5: must be from 0 to 1"),
        (Jitter::try_proportional(f64::NAN).unwrap_err(), "deviation = NaN: must be from 0 to 1"),
        (
            Jitter::try_additive(f64::INFINITY).unwrap_err(),
            "deviation = inf: must be a finite number of at least 0",
        ),
        (Jitter::try_additive(-1.0).unwrap_err(), "deviation = -1: must be a finite number of at least 0"),
        (policy(POLICY.try_attempt_timeout(Duration::ZERO)), "attempt_timeout = 0 s: must be above zero"),
        (float(0.5), "multiplier = 0.5: must be a finite number of at least 1"),
        (float(1.0 - f64::EPSILON), "multiplier = 0.999999: must be a finite number of at least 1"),
        (float(0.0), "multiplier = 0: must be a finite number of at least 1"),
        (float(1e-300), "multiplier = 0: must be a finite number of at least 1"),
        (float(-2.25), "multiplier = -2.25: must be a finite number of at least 1"),
        (float(-1e300), "multiplier = -huge: must be a finite number of at least 1"),
        (float(-0.000_25), "multiplier = -0.00025: must be a finite number of at least 1"),
        (float(f64::NAN), "multiplier = NaN: must be a finite number of at least 1"),
        (float(f64::INFINITY), "multiplier = inf: must be a finite number of at least 1"),
        (float(f64::NEG_INFINITY), "multiplier = -inf: must be a finite number of at least 1"),
        (config(CONFIG.try_failure_rate(0)), "failure_rate = 0: must be a percentage from 1 to 100"),
        (config(CONFIG.try_failure_rate(101)), "failure_rate = 101: must be a percentage from 1 to 100"),
        (config(CONFIG.try_consecutive_failures(0)), "consecutive_failures = 0: must be at least 1"),
        (config(CONFIG.try_failures_in_window(0)), "failures_in_window = 0: must be at least 1"),
        (config(CONFIG.try_max_probes(0)), "max_probes = 0: must be at least 1"),
        (config(CONFIG.try_minimum_calls(0)), "minimum_calls = 0: must be at least 1"),
        (config(CONFIG.try_window(0)), "window = 0: must be at least 1"),
        (config(CONFIG.try_probes(0)), "probes = 0: must be at least 1"),
        (config(CONFIG.try_success_threshold(0)), "success_threshold = 0: must be at least 1"),
        (config(CONFIG.try_lease(Duration::ZERO)), "lease = 0 s: must be above zero"),
        (config(CONFIG.try_slow_rate(0)), "slow_rate = 0: must be a percentage from 1 to 100"),
        (config(CONFIG.try_slow_after(Duration::ZERO)), "slow_after = 0 s: must be above zero"),
        (config(CONFIG.try_window_time(Duration::ZERO)), "window_time = 0 s: must be above zero"),
        (config(CONFIG.try_probe_rate(0, 50)), "probe_rate = 0: must be at least 1"),
        (config(CONFIG.try_probe_rate(5, 101)), "probe_rate = 101: must be a percentage from 1 to 100"),
        (
            config(CONFIG.try_open_growth(0.9, Duration::MAX)),
            "open_growth = 0.9: must be a finite number of at least 1",
        ),
        (
            config(CONFIG.try_open_growth(2.0, Duration::from_secs(29))),
            "max_open_for = 29 s: must be at least 30 s, open_for",
        ),
        (
            circuit::<CountWindow<100>>(CONFIG.slow_rate(50)),
            "slow_rate = 50: needs a window that counts slow calls, `SlowCalls`",
        ),
        (circuit::<SlowCalls<CountWindow<100>>>(CONFIG.slow_rate(50)), "slow_rate = 50: needs `slow_after`"),
        (
            circuit::<TimeWindow<10>>(CONFIG),
            "window_time = 0 s: must be above zero if the window counts time",
        ),
        (
            circuit::<CountWindow<100>>(CONFIG.window(101)),
            "window = 101: must be at most 100, what its type holds",
        ),
        (circuit::<CountWindow<10>>(CONFIG), "minimum_calls = 20: must be at most 10, the window"),
        (
            circuit::<CountWindow<100>>(CONFIG.failures_in_window(51).window(50)),
            "failures_in_window = 51: must be at most 50, the window",
        ),
        (
            circuit::<CountWindow<100>>(CONFIG.success_threshold(3).probe_failures(2).max_probes(4)),
            "max_probes = 4: must be at least 5, success_threshold + probe_failures",
        ),
        (
            circuit::<CountWindow<100>>(CONFIG.window(19)),
            "minimum_calls = 20: must be at most 19, the window",
        ),
    ];
    for (error, line) in rows {
        assert_eq!(error.to_string(), *line);
        assert!(line.starts_with(error.field()), "{line}");
    }
}

#[test]
fn the_limits_themselves_are_valid() {
    assert!(POLICY.try_max_delay(Duration::from_millis(100)).is_ok());
    assert!(POLICY.try_min_delay(Duration::from_secs(30)).is_ok());
    assert!(Jitter::try_proportional(1.0).is_ok() && Jitter::try_proportional(0.0).is_ok());
    assert!(POLICY.try_multiplier(1.0).is_ok());
    assert!(POLICY.try_multiplier(f64::MAX).is_ok());
    assert!(POLICY.try_max_attempts(u32::MAX).is_ok());
    assert!(CONFIG.try_failure_rate(1).and_then(|config| config.try_failure_rate(100)).is_ok());
    assert!(SharedCircuit::<CountWindow<1024>, LocalLock>::try_with_window(CONFIG).is_ok());
    assert!(SharedCircuit::<CountWindow<1>, LocalLock>::try_with_window(CONFIG.minimum_calls(1)).is_ok());
}

#[test]
#[should_panic(expected = "max_attempts = 0: must be at least 1")]
fn the_plain_setter_panics_with_the_same_message_at_run_time() {
    let _ = POLICY.max_attempts(std::hint::black_box(0));
}

/// The first line of each program in `compile_fail/src/bin` is part of the compiler's message.
#[test]
fn an_invalid_const_does_not_compile() {
    does_not_compile("compile_fail", 15);
}

/// The same for programs that need the feature `std`, and are built without it.
#[test]
fn the_message_names_the_missing_feature_std() {
    does_not_compile("compile_fail/without_std", 2);
}

fn does_not_compile(package: &str, at_least: usize) {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(package);
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join(package);
    let name = package.file_name().unwrap().to_str().unwrap().to_owned();
    let cargo = Command::new(env!("CARGO"))
        .args(["check", "--quiet", "--keep-going", "--bins", "--color=never", "--target-dir"])
        .arg(target)
        .current_dir(&package)
        .env_remove("RUSTFLAGS")
        .output()
        .expect("cargo runs");
    assert!(!cargo.status.success());
    let said = String::from_utf8(cargo.stderr).expect("cargo prints text");

    let mut missing = BTreeSet::new();
    let mut programs = 0;
    for program in fs::read_dir(package.join("src/bin")).expect("the programs are there") {
        let path = program.expect("the directory can be read").path();
        let program = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let source = fs::read_to_string(&path).expect("the program can be read");
        let line = source.lines().next().unwrap().trim_start_matches("// ");
        // The diagnostics of one program: from its error to the summary of the next.
        let summary = format!("could not compile `{name}` (bin \"{program}\")");
        let place = format!("{program}.rs:");
        let said_here =
            said.split("\n\n").any(|diagnostic| diagnostic.contains(&place) && diagnostic.contains(line));
        if !said_here || !said.contains(&summary) {
            missing.insert(format!("{program}: {line}"));
        }
        programs += 1;
    }
    assert!(missing.is_empty(), "these messages are missing:\n{missing:#?}\nThe compiler said:\n{said}");
    assert!(programs >= at_least, "only {programs} programs");
}
