//! The presets: their table in `docs/choosing-a-policy.md`, and what a failed call means for the circuit.

use retry_core::{
    Call, CircuitConfig, Class, Failure, Policy, Preset, SharedCircuit, Verdict, circuit::Phase,
    testing::FakeClock,
};
use tests::{ms, secs};

const GUIDE: &str = include_str!("../../docs/choosing-a-policy.md");
const HEAD: &str = "| preset | attempts | backoff | longest delay | jitter | retries | also |";

#[test]
fn the_guide_lists_each_preset() {
    let table = GUIDE.lines().skip_while(|line| *line != HEAD).skip(2);
    let rows: Vec<&str> = table.take_while(|line| line.starts_with('|')).collect();
    assert_eq!(rows, Preset::ALL.map(row));
}

/// Makes whole calls that fail in this way, until one is refused or `calls` have ended. Returns the attempts.
fn fail(policy: &Policy, circuit: &SharedCircuit, failure: Failure, calls: u32) -> u32 {
    let (clock, mut attempts) = (FakeClock::new(), 0);
    for _ in 0..calls {
        let mut call = Call::new(policy, clock.now()).circuit(circuit);
        while let Ok(attempt) = call.attempt(clock.now()) {
            attempts += 1;
            match attempt.fail(failure, clock.now(), &mut clock.words(&[])) {
                Verdict::Retry(delay) => clock.advance(delay),
                _ => break,
            }
        }
    }
    attempts
}

/// Errors of each class, throttling with and without a hint, and polls that stay pending.
#[test]
fn two_failed_calls_open_no_circuit_of_a_preset() {
    for preset in Preset::ALL {
        let Preset { name, policy, circuit, .. } = preset;
        let Some(config) = circuit else {
            continue;
        };
        let most = policy.settings().max_attempts.unwrap();
        let mut failures: Vec<(Failure, Policy)> =
            Class::ALL.map(|class| (Failure::new(class), policy)).to_vec();
        failures.push((Failure::new(Class::RateLimit).retry_after(ms(300)), policy));
        failures.push((Failure::new(Class::Transient).pending(), policy));
        failures.push((Failure::new(Class::Transient).pending(), policy.poll_every(ms(10)).max_polls(100)));
        for (failure, policy) in failures {
            let circuit = SharedCircuit::new(config);
            let attempts = fail(&policy, &circuit, failure, 2);
            assert_eq!(circuit.phase(), Phase::Closed, "{name}: {failure:?}");
            if policy.retries(failure.class) || failure.is_pending {
                let most =
                    if failure.is_pending { policy.settings().max_polls.unwrap_or(most) } else { most };
                assert_eq!(attempts, 2 * most, "{name}: {failure:?}");
            }
        }
        // The circuit does open in an outage: after as few calls as have 20 attempts.
        let circuit = SharedCircuit::new(config);
        assert_eq!(fail(&policy, &circuit, Class::Network.into(), 20_u32.div_ceil(most)), 20, "{name}");
        assert_eq!(circuit.phase(), Phase::Open, "{name}");
    }
}

/// Makes a row of the table from the preset's line for a log.
fn row(preset: Preset) -> String {
    let line = preset.policy.to_string();
    let (limits, retries) =
        line.split_once(", retries ").expect("the line contains the classes that are retried");
    let limits: Vec<&str> = limits.split(", ").collect();
    let [attempts, backoff, longest, jitter, more @ .., hints] = limits.as_slice() else {
        panic!("too few parts: {line}");
    };
    let attempts = attempts.trim_end_matches(" attempts");
    let longest = longest.trim_start_matches("at most ");
    assert_eq!(*hints, format!("hints up to {longest}"));

    let mut also = more.to_vec();
    if preset.dead_letter {
        also.push("dead letters");
    }
    match preset.circuit {
        None => also.push("without a circuit"),
        Some(circuit) if circuit == CircuitConfig::DEFAULT => {}
        Some(circuit) => {
            assert_eq!(circuit, CircuitConfig::DEFAULT.max_hint(secs(120)));
            also.push("circuit follows hints");
        }
    }
    let name = preset.name.to_uppercase();
    let cells =
        [&*format!("`{name}`"), attempts, backoff, longest, jitter, retries, &also.join(", ")].join(" | ");
    format!("| {cells} |").replace("  ", " ")
}
