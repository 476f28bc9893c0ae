//! Every runtime gives the same log for every scenario, byte for byte. `expected.log` was written by a loop by hand.
//!
//! The tests use each adapter's own clock and sleep. tokio's time is paused, and moves to the next timer by itself.
//! embassy's time is moved by its mock driver. The timers of async-io, which async-std and smol use, cannot be paused,
//! and end late by varying amounts. There the sleeps are real, but [`Paced`] gives the time, and checks that no sleep
//! was too short.

mod embassy;
mod random;

use std::collections::HashSet;
use std::time::Duration;

use retry_core::{
    runtime::{CriticalSectionLock, LocalLock, StdLock},
    testing::FakeClock,
};
use tests::{Log, Paced, Scenario, Text, table};

/// The log that all of them write.
const EXPECTED: &str = include_str!("expected.log");

/// The duration of a scenario's millisecond on real timers.
const MILLI: Duration = Duration::from_micros(1);

/// Returns the log of all scenarios, as `play` writes it.
fn logged(
    scenarios: impl Iterator<Item = &'static Scenario<'static>>,
    play: impl Fn(&Scenario<'_>, &mut dyn Log),
) -> String {
    let mut text = Text(String::new());
    scenarios.for_each(|scenario| play(scenario, &mut text));
    text.0
}

/// Compares the log of `play` with the expected log, and shows the first line that differs.
fn agrees(play: impl Fn(&Scenario<'_>, &mut dyn Log)) {
    compare(EXPECTED, &logged(table::all(), play));
}

fn compare(expected: &str, log: &str) {
    let mut scenario = "";
    for (expected, line) in expected.lines().zip(log.lines()) {
        scenario = if expected.contains(" scenario ") { expected } else { scenario };
        assert_eq!(line, expected, "in: {scenario}");
    }
    assert_eq!(log.len(), expected.len(), "one of the logs has more lines");
}

#[test]
fn by_hand() {
    let log = logged(table::all(), tests::by_hand::<LocalLock>);
    let written = concat!(env!("CARGO_TARGET_TMPDIR"), "/expected.log");
    std::fs::write(written, &log).unwrap();
    println!("written to {written}. If all changes are intended, copy it to tests/conformance/expected.log");
    compare(EXPECTED, &log);
}

#[test]
fn by_hand_behind_another_lock() {
    agrees(tests::by_hand::<StdLock>);
}

#[test]
fn blocking() {
    let fitting: Vec<_> = table::all().filter(|scenario| scenario.fits_blocking_loops()).collect();
    let others = table::all().count() - fitting.len();
    println!("not played: {others} scenarios that cut an attempt, which a blocking loop cannot do");
    assert_eq!(others, 20);
    let expected = logged(fitting.iter().copied(), tests::by_hand::<LocalLock>);
    let log = logged(fitting.iter().copied(), |scenario, log| {
        tests::blocking::<StdLock>(scenario, FakeClock::new(), log)
    });
    compare(&expected, &log);
}

#[test]
fn futures_on_a_fake_clock() {
    agrees(|scenario, log| {
        let clock = FakeClock::new();
        clock.run(tests::with_futures::<LocalLock>(scenario, &clock, log));
    });
}

#[test]
fn tokio_with_paused_time() {
    let runtime =
        || tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    agrees(|scenario, log| {
        runtime().block_on(tests::with_futures::<StdLock>(scenario, retry_tokio::Tokio, log));
    });
    // All on one runtime, because a scenario may begin at any time of the clock.
    let one = runtime();
    agrees(|scenario, log| {
        one.block_on(async {
            tokio::time::sleep(Duration::from_millis(3)).await;
            tests::with_futures::<StdLock>(scenario, retry_tokio::Tokio, log).await;
        });
    });
}

#[test]
fn async_std() {
    agrees(|scenario, log| {
        let paced = Paced::new(retry_async_std::AsyncStd, MILLI);
        let play = tests::with_futures::<StdLock>(scenario, &paced, log);
        async_std::task::block_on(paced.drive(play));
    });
}

#[test]
fn smol() {
    agrees(|scenario, log| {
        let paced = Paced::new(retry_async_std::AsyncStd, MILLI);
        let play = tests::with_futures::<StdLock>(scenario, &paced, log);
        smol::block_on(paced.drive(play));
    });
}

#[test]
fn embassy_with_a_mock_driver() {
    agrees(|scenario, log| {
        let runtime = retry_embassy::Embassy::seeded(1);
        embassy::block_on(tests::with_futures::<CriticalSectionLock>(scenario, &runtime, log));
    });
}

#[test]
fn there_are_enough_scenarios_and_each_has_a_name() {
    let names: HashSet<_> = table::all().map(|scenario| scenario.name).collect();
    assert_eq!(names.len(), table::all().count());
    println!("{} scenarios, {} lines", names.len(), EXPECTED.lines().count());
    assert!(names.len() >= 60);
}
