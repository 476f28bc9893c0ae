//! Scenarios that give the same log on every runtime, and the loops that play them.
//!
//! A [`Scenario`] is plain data: a policy, a circuit, a budget, and a script of calls. The script contains the duration
//! and the end of each attempt. Playing a scenario writes a [`Log`] of all decisions and their times. The same scenario
//! must give the same log, byte for byte, on every runtime:
//!
//! | played by | with |
//! |---|---|
//! | [`by_hand`] | only [`Call`](retry_core::Call) and [`Attempt`](retry_core::Attempt) |
//! | [`blocking`] | `run_blocking_with` |
//! | [`with_futures`] | `run_with` and `until(..).run_with`, on any adapter |
//!
//! This library is `no_std` and needs no allocator, so that a microcontroller can play the same scenarios. The tests
//! are in
//! `tests/`.

#![no_std]

use core::time::Duration;

mod blocking;
mod by_hand;
mod futures;
mod log;
mod paced;
mod random;
mod record;
mod runtime;
mod scenario;
mod stage;
pub mod table;

pub use blocking::blocking;
pub use by_hand::by_hand;
pub use futures::with_futures;
pub use log::{Fnv, Line, Log, Text};
pub use paced::{Paced, PacedSleep};
pub use random::{Counts, Decisions, Drawn, MILLION, random_decisions};
pub use runtime::{Scripted, ScriptedWords};
pub use scenario::{
    BudgetKind, CircuitKind, Condition, Ends, Fault, Manual, Other, Readiness, Scenario, Step, Try, Value,
};

/// Returns this number of milliseconds.
pub const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Returns this number of seconds.
pub const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// The code samples of the Markdown pages.
#[cfg(doctest)]
mod samples {
    #[doc = include_str!("../../retry-core/src/_guides/first_call.md")]
    mod first_call {}
    #[doc = include_str!("../../README.md")]
    mod readme {}
    #[doc = include_str!("../../docs/best-practices.md")]
    mod best_practices {}
    #[doc = include_str!("../../docs/choosing-a-policy.md")]
    mod choosing_a_policy {}
    #[doc = include_str!("../../docs/circuits.md")]
    mod circuits {}
    #[doc = include_str!("../../docs/client.md")]
    mod client {}
    #[doc = include_str!("../../docs/configuration.md")]
    mod configuration {}
    #[doc = include_str!("../../docs/dead-letters.md")]
    mod dead_letters {}
    #[doc = include_str!("../../docs/errors.md")]
    mod errors {}
    #[doc = include_str!("../../docs/fallbacks.md")]
    mod fallbacks {}
    #[doc = include_str!("../../docs/http-and-tower.md")]
    mod http_and_tower {}
    #[doc = include_str!("../../docs/operating.md")]
    mod operating {}
    #[doc = include_str!("../../docs/polling.md")]
    mod polling {}
    #[doc = include_str!("../../docs/recording.md")]
    mod recording {}
    #[doc = include_str!("../../docs/redis.md")]
    mod redis {}
    #[doc = include_str!("../../docs/settings.md")]
    mod settings {}
    #[doc = include_str!("../../docs/shell.md")]
    mod shell {}
    #[doc = include_str!("../../docs/testing.md")]
    mod testing {}
    #[doc = include_str!("../../docs/troubleshooting.md")]
    mod troubleshooting {}
}
