//! Random scenarios: every runtime gives the same log, and every processor gives the same hash.

use std::time::Duration;

use retry_core::{
    runtime::{CriticalSectionLock, LocalLock, StdLock},
    testing::FakeClock,
};
use tests::{Drawn, Fnv, Line, Log, MILLION, Paced, Scenario, Text, random_decisions};

use super::MILLI;

/// A change to a scenario before it is played.
type Change = for<'s> fn(&Scenario<'s>) -> Scenario<'s>;

fn as_drawn<'s>(scenario: &Scenario<'s>) -> Scenario<'s> {
    *scenario
}

/// Adds a total timeout of up to 700 ms.
fn hurried<'s>(scenario: &Scenario<'s>) -> Scenario<'s> {
    let timeout = Duration::from_millis(1 + scenario.seed % 700);
    Scenario { policy: scenario.policy.total_timeout(timeout), ..*scenario }
}

/// Returns the hash of the logs that `play` writes of `count` scenarios.
fn hash(count: u32, change: Change, play: impl Fn(&Scenario<'_>, &mut dyn Log)) -> u64 {
    let (mut fnv, mut seed) = (Fnv::EMPTY, 7);
    for _ in 0..count {
        let drawn = Drawn::new(seed);
        drawn.with(|scenario| play(&change(scenario), &mut fnv));
        seed = drawn.next_seed();
    }
    fnv.hash()
}

/// Compares the logs of `play` with those of a loop by hand, with and without a total timeout. If they differ, it finds
/// the scenario.
fn agrees(count: u32, play: impl Fn(&Scenario<'_>, &mut dyn Log)) {
    for change in [as_drawn, hurried] {
        agrees_on(count, change, &play);
    }
}

fn agrees_on(count: u32, change: Change, play: impl Fn(&Scenario<'_>, &mut dyn Log)) {
    if hash(count, change, &play) == hash(count, change, tests::by_hand::<LocalLock>) {
        return;
    }
    let mut seed = 7;
    for _ in 0..count {
        let drawn = Drawn::new(seed);
        drawn.with(|scenario| {
            let scenario = &change(scenario);
            let (mut expected, mut log) = (Text(String::new()), Text(String::new()));
            tests::by_hand::<LocalLock>(scenario, &mut expected);
            play(scenario, &mut log);
            assert_eq!(log.0, expected.0, "{scenario:#?}");
        });
        seed = drawn.next_seed();
    }
    unreachable!("one of the scenarios differs");
}

#[test]
fn a_million_decisions_have_one_hash() {
    let decisions = random_decisions(1, 1_000_000);
    println!("{:#018x} {:?}", decisions.fnv.hash(), decisions.counts);
    assert_eq!(decisions, MILLION);
}

#[test]
fn hurried_calls_run_out_of_time() {
    struct Ends(u32);
    impl Log for Ends {
        fn line(&mut self, line: &Line<'_>) {
            self.0 += u32::from(line.words.starts_with(&["end", "gave-up", "total-timeout"]));
        }
    }
    let (mut ends, mut seed) = (Ends(0), 7);
    for _ in 0..500 {
        let drawn = Drawn::new(seed);
        drawn.with(|scenario| tests::by_hand::<LocalLock>(&hurried(scenario), &mut ends));
        seed = drawn.next_seed();
    }
    println!("{} calls", ends.0);
    assert!(ends.0 > 500);
}

#[test]
fn blocking() {
    agrees_on(5_000, as_drawn, |scenario, log| match scenario.fits_blocking_loops() {
        true => tests::blocking::<StdLock>(scenario, FakeClock::new(), log),
        false => tests::by_hand::<LocalLock>(scenario, log), // a blocking loop does not play these
    });
}

#[test]
fn futures_on_a_fake_clock() {
    agrees(5_000, |scenario, log| {
        let clock = FakeClock::new();
        clock.run(tests::with_futures::<StdLock>(scenario, &clock, log));
    });
}

#[test]
fn tokio_with_paused_time() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    agrees(2_000, |scenario, log| {
        runtime.block_on(tests::with_futures::<StdLock>(scenario, retry_tokio::Tokio, log));
    });
}

#[test]
fn async_std() {
    agrees(200, |scenario, log| {
        let paced = Paced::new(retry_async_std::AsyncStd, MILLI);
        let play = tests::with_futures::<StdLock>(scenario, &paced, log);
        async_std::task::block_on(paced.drive(play));
    });
}

#[test]
fn smol() {
    agrees(200, |scenario, log| {
        let paced = Paced::new(retry_async_std::AsyncStd, MILLI);
        let play = tests::with_futures::<StdLock>(scenario, &paced, log);
        smol::block_on(paced.drive(play));
    });
}

#[test]
fn embassy_with_a_mock_driver() {
    let runtime = retry_embassy::Embassy::seeded(1);
    agrees(500, |scenario, log| {
        super::embassy::block_on(tests::with_futures::<CriticalSectionLock>(scenario, &runtime, log));
    });
}
