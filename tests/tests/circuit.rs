//! Scripts for a circuit. Each row contains a time, a call, its action and the expected result.

use std::collections::HashMap;
use std::time::Duration;

use retry_core::{
    CircuitConfig, Class, SharedCircuit,
    circuit::{Change, CountWindow, Gate, Phase, Ticket},
    testing::FakeClock,
};
use tests::secs;

/// The time in milliseconds, the call, its action, and the expected result.
type Row = (u64, &'static str, &'static str, &'static str);

fn play(config: CircuitConfig, script: &[Row]) -> SharedCircuit<CountWindow<20>> {
    let circuit = SharedCircuit::with_window(config);
    let clock = FakeClock::new();
    let mut tickets: HashMap<&str, Ticket> = HashMap::new();
    for &(at, call, action, expected) in script {
        let now = clock.now().as_millis();
        clock.advance(Duration::from_millis(at.saturating_sub(now)));
        clock.step_back(Duration::from_millis(now.saturating_sub(at)));
        let now = clock.now();
        let mut ticket = || tickets.remove(call).unwrap_or_else(|| panic!("{at}: {call} has no ticket"));
        let seen = match action {
            "enter" => match circuit.admit(now) {
                Ok(admission) => {
                    tickets.insert(call, admission.ticket);
                    seen("in", admission.change)
                }
                Err(rejected) => format!("{} for {} ms", rejected.phase(), rejected.wait().as_millis()),
            },
            "ok" => seen("", circuit.succeed(ticket(), now)),
            "drop" => seen("", circuit.cancel(ticket(), now)),
            "invalid" => seen("", circuit.fail(ticket(), Class::Validation, now, None, 0).change),
            "fail" => seen("", circuit.fail(ticket(), Class::Server, now, None, 0).change),
            other => panic!("{at}: no such action: {other}"),
        };
        assert_eq!(seen, expected, "at {at} ms: {call} {action}");
    }
    circuit
}

fn seen(what: &str, change: Option<Change>) -> String {
    match change {
        Some(change) if what.is_empty() => format!("{}: {}", change.to, change.cause),
        Some(change) => format!("{what}, {}: {}", change.to, change.cause),
        None => what.into(),
    }
}

const THREE_IN_A_ROW: CircuitConfig =
    CircuitConfig::WITHOUT_RULES.consecutive_failures(3).open_for(secs(10)).lease(secs(60));

#[test]
fn failures_in_a_row_open_it_and_a_success_resets_them() {
    play(
        THREE_IN_A_ROW,
        &[
            (0, "a", "enter", "in"),
            (1, "a", "fail", ""),
            (2, "b", "enter", "in"),
            (3, "b", "fail", ""),
            (4, "c", "enter", "in"),
            (5, "c", "ok", ""),
            (6, "d", "enter", "in"),
            (7, "e", "enter", "in"),
            (8, "f", "enter", "in"),
            (9, "d", "fail", ""),
            (10, "e", "fail", ""),
            (11, "f", "fail", "open: 3 failures in a row"),
            (12, "g", "enter", "open for 9999 ms"),
            (10_010, "g", "enter", "open for 1 ms"),
            (10_011, "g", "enter", "in, half-open: the open time has passed"),
            (10_012, "g", "ok", "closed: 1 probe succeeded"),
        ],
    );
}

#[test]
fn an_error_of_the_caller_counts_as_a_success() {
    play(
        THREE_IN_A_ROW,
        &[
            (0, "a", "enter", "in"),
            (0, "b", "enter", "in"),
            (0, "c", "enter", "in"),
            (0, "d", "enter", "in"),
            (1, "a", "fail", ""),
            (2, "b", "fail", ""),
            (3, "c", "invalid", ""),
            (4, "d", "fail", ""),
        ],
    );
}

#[test]
fn a_failure_rate_opens_it_after_the_minimum_and_the_window_slides() {
    let config = CircuitConfig::WITHOUT_RULES.failure_rate(50).minimum_calls(4).window(4);
    let circuit = play(
        config,
        &[
            (0, "a", "enter", "in"),
            (0, "a", "fail", ""), // one of one call, but the minimum is higher
            (0, "b", "enter", "in"),
            (0, "b", "ok", ""),
            (0, "c", "enter", "in"),
            (0, "c", "ok", ""),
            (0, "d", "enter", "in"),
            (0, "d", "ok", ""), // one of four calls
            (0, "e", "enter", "in"),
            (0, "e", "fail", ""), // a leaves the window: one of four calls
            (0, "f", "enter", "in"),
            (0, "f", "ok", ""),
            (0, "g", "enter", "in"),
            (0, "g", "ok", ""),
            (0, "h", "enter", "in"),
            (0, "h", "fail", "open: 2 of the last 4 calls failed"),
        ],
    );
    assert_eq!(circuit.phase(), Phase::Open);
}

#[test]
fn the_minimum_may_be_reached_by_a_success() {
    let config = CircuitConfig::WITHOUT_RULES.failure_rate(50).minimum_calls(3);
    play(
        config,
        &[
            (0, "a", "enter", "in"),
            (0, "a", "fail", ""),
            (0, "b", "enter", "in"),
            (0, "b", "fail", ""),
            (0, "c", "enter", "in"),
            (0, "c", "ok", "open: 2 of the last 3 calls failed"),
        ],
    );
}

#[test]
fn half_open_admits_exactly_its_probes_and_one_failure_reopens() {
    play(
        THREE_IN_A_ROW.consecutive_failures(1).probes(2).success_threshold(3),
        &[
            (0, "a", "enter", "in"),
            (0, "a", "fail", "open: 1 failure in a row"),
            (10_000, "p", "enter", "in, half-open: the open time has passed"),
            (10_000, "q", "enter", "in"),
            (10_000, "r", "enter", "half-open for 0 ms"),
            (10_001, "p", "ok", ""),
            (10_001, "r", "enter", "in"),
            (10_001, "s", "enter", "half-open for 0 ms"),
            (10_002, "r", "ok", ""),
            (10_003, "q", "fail", "open: 1 probe failed"),
            (10_004, "s", "enter", "open for 9999 ms"),
            (20_003, "s", "enter", "in, half-open: the open time has passed"),
            (20_004, "s", "ok", ""),
            (20_004, "t", "enter", "in"),
            (20_005, "t", "ok", ""),
            (20_005, "u", "enter", "in"),
            (20_006, "u", "ok", "closed: 3 probes succeeded"),
        ],
    );
}

#[test]
fn a_late_result_changes_nothing_but_a_counter() {
    let circuit = play(
        THREE_IN_A_ROW.consecutive_failures(1),
        &[
            (0, "early", "enter", "in"),
            (0, "slow", "enter", "in"),
            (0, "dropped", "enter", "in"),
            (0, "a", "enter", "in"),
            (0, "a", "fail", "open: 1 failure in a row"),
            (5, "early", "ok", ""), // does not close it
            (10_000, "p", "enter", "in, half-open: the open time has passed"),
            (10_001, "slow", "ok", ""),      // does not close it, either
            (10_001, "dropped", "drop", ""), // and does not release the probe's slot
            (10_001, "q", "enter", "half-open for 0 ms"),
            (10_002, "p", "ok", "closed: 1 probe succeeded"),
        ],
    );
    assert_eq!(circuit.late(), 3);
}

#[test]
fn a_dropped_probe_releases_its_slot_and_a_lost_one_when_its_lease_expires() {
    let circuit = play(
        THREE_IN_A_ROW.consecutive_failures(1),
        &[
            (0, "a", "enter", "in"),
            (0, "a", "fail", "open: 1 failure in a row"),
            (10_000, "p", "enter", "in, half-open: the open time has passed"),
            (10_001, "p", "drop", ""),
            (10_001, "q", "enter", "in"),
            (70_000, "r", "enter", "half-open for 0 ms"),
            (70_001, "r", "enter", "in, half-open: no probe came back within its lease"),
            (70_002, "q", "fail", ""), // the lost probe comes too late
            (70_003, "s", "enter", "half-open for 0 ms"),
            (70_004, "r", "ok", "closed: 1 probe succeeded"),
        ],
    );
    assert_eq!(circuit.late(), 1);
}

#[test]
fn after_the_clock_steps_back_it_stays_open_for_the_open_time_at_most() {
    play(
        THREE_IN_A_ROW.consecutive_failures(1),
        &[
            (1_000_000, "a", "enter", "in"),
            (1_000_000, "a", "fail", "open: 1 failure in a row"),
            (1_000, "b", "enter", "open for 10000 ms"),
            (10_999, "b", "enter", "open for 1 ms"),
            (11_000, "b", "enter", "in, half-open: the open time has passed"),
            (500, "c", "enter", "half-open for 0 ms"),
            (60_500, "c", "enter", "in, half-open: no probe came back within its lease"),
        ],
    );
}

#[test]
fn an_open_time_of_584_years_does_not_overflow() {
    let config = THREE_IN_A_ROW.consecutive_failures(1).open_for(Duration::MAX).lease(Duration::MAX);
    let circuit = play(
        config,
        &[
            (5, "a", "enter", "in"),
            (5, "a", "fail", "open: 1 failure in a row"),
            (1_000_000_000_000, "b", "enter", "open for 17446744073709 ms"),
        ],
    );
    assert_eq!(circuit.phase(), Phase::Open);
}
