//! The table of presets in `docs/choosing-a-policy.md` matches the presets.

use std::time::Duration;

use retry_core::{CircuitConfig, Preset};

const GUIDE: &str = include_str!("../../docs/choosing-a-policy.md");
const HEAD: &str = "| preset | attempts | backoff | longest delay | jitter | retries | also |";

#[test]
fn the_guide_lists_each_preset() {
    let table = GUIDE.lines().skip_while(|line| *line != HEAD).skip(2);
    let rows: Vec<&str> = table.take_while(|line| line.starts_with('|')).collect();
    assert_eq!(rows, Preset::ALL.map(row));
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
            assert_eq!(circuit, CircuitConfig::DEFAULT.max_hint(Duration::from_secs(120)));
            also.push("circuit follows hints");
        }
    }
    let name = preset.name.to_uppercase();
    let cells =
        [&*format!("`{name}`"), attempts, backoff, longest, jitter, retries, &also.join(", ")].join(" | ");
    format!("| {cells} |").replace("  ", " ")
}
