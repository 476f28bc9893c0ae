//! Policies and circuits by type of operation.

use std::sync::LazyLock;

use retry_core::{
    CircuitConfig, Class, Policy, Preset, Retry,
    circuit::{CountWindow, Phase},
    config::OperationsFile,
    dead_letter::{DeadLetterQueue, ReasonSet, WhenFull},
    observe::{Event, observer_fn},
    pool::{Operation, Operations},
    runtime::LocalLock,
    testing::FakeClock,
};

use super::{at, secs};

const PRESETS: [Preset; 4] = [Preset::DATABASE, Preset::HTTP, Preset::S3, Preset::CACHE];

static ALL: Operations<4> = Operations::new(PRESETS);
static DATABASE: &Operation = ALL.named("database");

#[test]
fn each_type_has_its_own_policy_circuit_and_name() {
    let names: Vec<_> = ALL.iter().map(Operation::name).collect();
    assert_eq!(names, ["database", "http", "s3", "cache"]);
    assert!(std::ptr::eq(DATABASE, ALL.find("database").unwrap()));
    assert!(ALL.find("databas").is_none() && ALL.find("databases").is_none() && ALL.find("").is_none());

    let clock = FakeClock::new();
    let log = std::cell::RefCell::new(Vec::new());
    let observer = observer_fn(|event: &Event| log.borrow_mut().push(event.operation.to_owned()));
    for (operation, attempts, phase) in [("database", 3, Some(Phase::Closed)), ("cache", 2, None)] {
        let operation = ALL.named(operation);
        let retry = operation.retry(&clock).observe(&observer);
        let error = retry.run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err();
        assert_eq!(error.context().attempt, attempts);
        assert_eq!(operation.circuit().map(|circuit| circuit.phase()), phase);
        assert!(log.take().iter().all(|name| *name == operation.name()));
    }
    // 20 failures in a row open its circuit, and not the circuit of another type: 3 above, 15 here, and 2 of the next call.
    let database = DATABASE.retry(&clock);
    for _ in 0..5 {
        assert!(database.run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err().is_exhausted());
    }
    assert!(database.run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err().is_circuit_open());
    assert!(database.run_blocking(|| Ok::<_, Class>(7)).unwrap_err().is_circuit_open());
    assert_eq!(ALL.named("http").retry(&clock).run_blocking(|| Ok::<_, Class>(7)), Ok(7));
}

#[test]
fn a_dropped_call_releases_its_probe_slot() {
    let operations = Operations::<1, CountWindow<100>, LocalLock>::with_window([Preset::HTTP]);
    let http = operations.named("http");
    let circuit = http.circuit().unwrap();
    circuit.trip(secs(1), at(0));
    let clock = FakeClock::new();
    clock.advance(secs(1));
    for _ in 0..3 {
        let retry = http.retry(&clock);
        let mut call = Box::pin(retry.run(std::future::pending::<Result<(), Class>>));
        let waker = std::task::Waker::noop();
        assert!(call.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_pending());
    }
    assert_eq!(http.retry(&clock).run_blocking(|| Ok::<_, Class>(7)), Ok(7), "the only probe slot is free");
}

#[test]
fn invalid_operations_are_an_error() {
    type Ten<const N: usize> = Operations<N, CountWindow<10>>;
    let mut wide = Preset::HTTP;
    wide.circuit = Some(CircuitConfig::DEFAULT.window(11));
    let mut fits = Preset::HTTP;
    fits.circuit = Some(CircuitConfig::WITHOUT_RULES.consecutive_failures(2));
    let error = Ten::try_with_window([wide]).unwrap_err();
    assert_eq!(error.to_string(), "window = 11: must be at most 10, what its type holds");
    let error = Ten::try_with_window([Preset::CACHE, fits, Preset::CACHE]).unwrap_err();
    assert_eq!(error.to_string(), "name of preset = 2: must differ from the names before it");
    assert!(Ten::<0>::with_window([]).find("http").is_none());
}

#[test]
fn a_file_contains_only_the_differences() {
    static CONFIGURED: LazyLock<Operations<4>> = LazyLock::new(|| {
        let file: OperationsFile = toml::from_str(
            "[s3.policy]\n max_attempts = 9\n\n [s3.circuit]\n consecutive_failures = 2\n\n [cache]\n circuit = {}\n\n \
             [http]\n circuit = 'none'\n dead_letter = true\n policy = { preset = 'fast', max_attempts = 2 }",
        )
        .unwrap();
        Operations::new(file.over(PRESETS).unwrap())
    });
    let of = |name| CONFIGURED.named(name).preset();
    assert_eq!(of("database"), Preset::DATABASE);
    assert_eq!(of("s3").policy, Preset::S3.policy.max_attempts(9));
    // Like the table of a `CircuitConfig`: if it contains rules, only these apply.
    let two = CircuitConfig::WITHOUT_RULES.consecutive_failures(2);
    assert_eq!((of("s3").circuit, of("s3").dead_letter), (Some(two), true));
    assert_eq!(
        (of("cache").policy, of("cache").circuit),
        (Preset::CACHE.policy, Some(CircuitConfig::DEFAULT))
    );
    assert_eq!(of("http").policy, Preset::FAST.policy.max_attempts(2));
    assert_eq!((of("http").circuit, of("http").dead_letter), (None, true));
}

#[test]
fn all_operations_are_replaced_while_calls_are_in_progress() {
    let all = Operations::new(PRESETS);
    let clock = FakeClock::new();
    let retry = all.named("cache").retry(&clock);
    let error = |retry: &retry_core::Retry<_, _, _>, during: &dyn Fn()| {
        let failing = || {
            during();
            Err::<(), _>(Class::Network)
        };
        retry.run_blocking(failing).unwrap_err()
    };
    let mut presets = PRESETS;
    presets[3].policy = presets[3].policy.max_attempts(4);
    presets[3].dead_letter = true;
    presets[0].circuit = Some(CircuitConfig::DEFAULT.consecutive_failures(1));
    // The call in progress keeps its policy. The next call has the new one.
    let attempts = error(&retry, &|| all.reload(presets, clock.now()).unwrap()).attempts();
    assert_eq!((attempts, error(&retry, &|| ()).attempts()), (2, 4));
    assert_eq!((all.named("cache").dead_letter(), all.named("s3").dead_letter()), (true, true));
    assert!(all.iter().map(Operation::preset).eq(presets));
    assert!(error(&all.named("database").retry(&clock), &|| ()).is_circuit_open(), "one failure opens it");

    // Invalid operations are an error, and replace nothing.
    type Change = fn(&mut [Preset; 4]);
    let of = |change: Change| {
        let mut presets = PRESETS;
        change(&mut presets);
        all.reload(presets, clock.now()).unwrap_err().to_string()
    };
    let rows: [(Change, &str); 5] = [
        (|presets| presets.swap(0, 1), "name of preset = 0: must be the same as before"),
        (|presets| presets[3].name = "database", "name of preset = 3: must differ from the names before it"),
        (|presets| presets[2].circuit = None, "circuit of preset = \"s3\": must be set or unset, as before"),
        (
            |presets| presets[3].circuit = Some(CircuitConfig::DEFAULT),
            "circuit of preset = \"cache\": must be set or unset, as before",
        ),
        (
            |presets| presets[1].circuit = Some(CircuitConfig::DEFAULT.window(101)),
            "window = 101: must be at most 100, what its type holds",
        ),
    ];
    for (change, line) in rows {
        assert_eq!(of(change), line);
    }
    assert!(all.iter().map(Operation::preset).eq(presets));
}

#[test]
fn a_thousand_reloads_do_not_grow_memory() {
    let all = Operations::new(PRESETS);
    let reload = |rounds: u32| {
        allocation_counter::measure(|| {
            for round in 1..=rounds {
                let mut presets = PRESETS;
                for preset in &mut presets {
                    preset.policy = preset.policy.max_attempts(round);
                }
                all.reload(presets, at(round.into())).unwrap();
            }
        })
    };
    assert!(reload(1).bytes_current > 0);
    assert_eq!(reload(1_000).bytes_current, 0);
    assert_eq!(all.named("s3").policy().settings().max_attempts, Some(1_000));
}

#[test]
fn an_error_in_a_file_names_its_place() {
    let rows = [
        (
            r#"{"htpp": {}}"#,
            "htpp: no such operation, did you mean http? There are database, http, s3, cache",
        ),
        (r#"{"mail": {}}"#, "mail: no such operation, expected one of database, http, s3, cache"),
        (r#"{"http": {"polcy": {}}}"#, "http.polcy: unknown key, did you mean `policy`?"),
        (
            r#"{"http": {"policy": {"atempts": 1}}}"#,
            "http.policy.atempts: unknown key, did you mean `max_attempts`?",
        ),
        (r#"{"http": {"policy": {"max_attempts": 0}}}"#, "http.policy.max_attempts = 0: must be at least 1"),
        (r#"{"http": {"circuit": {"window": 0}}}"#, "http.circuit.window = 0: must be at least 1"),
        (
            r#"{"http": {"circuit": "off"}}"#,
            "http.circuit = \"off\": must be a circuit's table, or \"none\"; write \"none\"",
        ),
        (r#"{"http": {"circuit": 7}}"#, "http.circuit = 7: must be a circuit's table, or \"none\""),
        (r#"{"http": {"dead_letter": 1}}"#, "http.dead_letter = 1: must be true or false, write true"),
        (r#"{"http": 1}"#, "http = 1: must be a table of policy, circuit, budget"),
        (r#"{"http": {}, "http": {}}"#, "http: is given twice"),
        (r#"[]"#, "invalid type: sequence, expected a table of operations by name"),
        (
            r#"{"cache": {"policy": {"multiplier": 2}}}"#,
            "cache.policy.multiplier: needs backoff = \"exponential\"",
        ),
    ];
    for (json, line) in rows {
        let error = match serde_json::from_str::<OperationsFile>(json) {
            Ok(file) => file.over(PRESETS).unwrap_err().to_string(),
            Err(error) => error.to_string(),
        };
        assert!(error.starts_with(line), "{json}\n{error}");
    }
    let file: OperationsFile = toml::from_str("").unwrap();
    assert_eq!(file.over(PRESETS), Ok(PRESETS));
    const SEARCH: Policy = Policy::DEFAULT;
    let file: OperationsFile = toml::from_str("search.policy.max_attempts = 1").unwrap();
    assert_eq!(file.over([Preset::new("search", SEARCH)]).unwrap()[0].policy, SEARCH.max_attempts(1));
}

#[test]
fn calls_of_operations_leave_letters_where_the_preset_says_so() {
    let all = Operations::new([Preset::S3, Preset::HTTP, Preset::CACHE]);
    let clock = FakeClock::new();
    let letters = DeadLetterQueue::new(100, WhenFull::Refuse);
    let left = |name: &str, only: Option<ReasonSet>| {
        let retry = all.named(name).retry(&clock);
        let call = retry.dead_letters(&letters).payload(|| 7);
        let call = if let Some(only) = only { call.only(only) } else { call };
        let error = call.run_blocking(|| Err::<(), _>(Class::Validation)).unwrap_err();
        assert_eq!(error.letter().is_some(), !letters.is_empty());
        let future = retry.dead_letters(&letters).payload(|| 7);
        let future = if let Some(only) = only { future.only(only) } else { future };
        clock.run(future.run(|| async { Err::<(), _>(Class::Validation) })).unwrap_err();
        letters.drain().len()
    };
    for preset in all.iter().map(|operation| operation.preset()) {
        let expected = if preset.dead_letter { 2 } else { 0 };
        assert_eq!(left(preset.name, None), expected, "{}", preset.name);
        // What a call says itself counts more.
        assert_eq!(left(preset.name, Some(ReasonSet::ALL)), 2);
        assert_eq!(left(preset.name, Some(ReasonSet::NONE)), 0);
    }
    // It can be changed while live.
    let mut presets = [Preset::S3, Preset::HTTP, Preset::CACHE];
    presets[0].dead_letter = false;
    presets[1].dead_letter = true;
    all.reload(presets, clock.now()).unwrap();
    assert_eq!((left("s3", None), left("http", None)), (0, 2));
    // It passes through an `Arc` and another curve.
    for (name, expected) in [("s3", 0), ("http", 1)] {
        let retry = Retry::new(std::sync::Arc::new(all.named(name)), &clock).backoff(|_, base| base);
        let call = retry.dead_letters(&letters).payload(|| 7);
        call.run_blocking(|| Err::<(), _>(Class::Validation)).unwrap_err();
        assert_eq!(letters.drain().len(), expected, "{name}");
    }
}
