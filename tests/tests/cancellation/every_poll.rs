//! Cuts each call of the table after 0, 1, 2 and more polls, until it ends by itself. Runs on every runtime, with its
//! own executor and timers.

use std::collections::BTreeSet;
use std::time::Duration;

use retry_core::testing::FakeClock;
use tests::{Paced, Scenario, Scripted};

use super::cut::When;
use super::table::{Outcome, Place, Row, Stage, TABLE};

/// A scripted millisecond on real timers. Long enough that a busy machine still sees each sleep while it lasts.
const MILLI: Duration = Duration::from_micros(10);

/// Cuts every call of the table in every way and after every number of polls.
fn after_every_poll(runtime: &str, cut: impl Fn(&Row, u32, When) -> Outcome) {
    for row in TABLE {
        for when in When::ALL {
            let mut places = BTreeSet::new();
            let (polls, all) = (0..)
                .find_map(|polls| {
                    let outcome = cut(row, polls, when);
                    if !outcome.over {
                        places.insert(outcome.place);
                    }
                    outcome.over.then_some((polls, outcome.place))
                })
                .expect("the call ends");
            println!("{runtime}: {}: {when:?} after each of {polls} polls", row.name);
            assert_eq!(places, everywhere(all.0), "{runtime}: {}: {when:?}", row.name);
        }
    }
}

/// Returns all places: before the first attempt, in each attempt, and between two attempts.
fn everywhere(attempts: u32) -> BTreeSet<Place> {
    let mut places = BTreeSet::from([(0, 0)]);
    for attempt in 1..=attempts {
        places.insert((attempt, attempt - 1));
        if attempt < attempts {
            places.insert((attempt, attempt));
        }
    }
    places
}

/// Makes a runtime with its own clock and sleep. Its time starts at zero, as in the conformance tests.
fn scripted<R: retry_core::runtime::Clock>(runtime: R) -> Scripted<'static, R> {
    Scripted::new(&Scenario::PLAIN, runtime)
}

#[test]
fn on_a_fake_clock() {
    after_every_poll("fake clock", |row, polls, when| {
        let clock = FakeClock::new();
        clock.run(Stage::cut(row, &&clock, polls, when))
    });
}

#[test]
fn on_tokio() {
    after_every_poll("tokio", |row, polls, when| {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(Stage::cut(row, &retry_tokio::Tokio, polls, when))
    });
}

#[test]
fn on_async_std() {
    after_every_poll("async-std", |row, polls, when| {
        let paced = Paced::new(retry_async_std::AsyncStd, MILLI);
        let runtime = scripted(&paced);
        async_std::task::block_on(paced.drive(Stage::cut(row, &runtime, polls, when)))
    });
}

#[test]
fn on_smol() {
    after_every_poll("smol", |row, polls, when| {
        let paced = Paced::new(retry_async_std::AsyncStd, MILLI);
        let runtime = scripted(&paced);
        smol::block_on(paced.drive(Stage::cut(row, &runtime, polls, when)))
    });
}

#[test]
fn on_embassy() {
    after_every_poll("embassy", |row, polls, when| {
        let runtime = retry_embassy::Embassy::seeded(1);
        super::embassy::block_on(Stage::cut(row, &&runtime, polls, when))
    });
}
