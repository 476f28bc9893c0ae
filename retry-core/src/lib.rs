//! Retry, backoff and circuit breaker for Rust: one policy for blocking code, tokio, async-std, smol, embassy and tests.
//!
//! The core is `no_std`, needs no allocator and contains no `unsafe` code. It decides what a failed call does next; a
//! runtime does the sleeping. So a policy decides the same way in a server, on a microcontroller and on a fake clock.
//!
//! ```
//! # #[cfg(feature = "std")] {
//! use std::{fs, time::Duration};
//! use retry_core::{CircuitConfig, Policy, SharedCircuit, retry};
//!
//! const POLICY: Policy = Policy::exponential(Duration::from_millis(100)).max_attempts(4);
//! static SHARE: SharedCircuit = SharedCircuit::new(CircuitConfig::DEFAULT); // one per dependency
//!
//! let read = retry(&POLICY).circuit(&SHARE).named("config.read"); // io::Error knows its own class
//! let text = read.run_blocking(|| fs::read_to_string("Cargo.toml")).unwrap();
//! assert!(text.starts_with("[package]"));
//! # }
//! ```
//!
//! On an asynchronous runtime, an adapter's `retry` takes the place of [`retry()`](crate::retry()), and `.run(..).await`
//! that of `.run_blocking(..)`: `retry_tokio::retry(&POLICY).run(|| client.get(url).send()).await`.
//!
//! # Where things are
//!
//! | | |
//! |---|---|
//! | [`Retry`] | how an operation is retried: policy, circuit, budget, classifier, observer |
//! | [`Policy`], [`policy`] | attempts, backoff, jitter, timeouts, rules; presets; live reload |
//! | [`SharedCircuit`], [`circuit`] | circuit breakers |
//! | `CircuitPool`, [`pool`] | a circuit for each host; policies and circuits by type of operation |
//! | [`SharedBudget`], [`budget`] | what all callers retry together |
//! | [`Class`], [`classify`] | what kind of error it is |
//! | [`Error`] | how a call ended that did not succeed |
//! | [`observe`] | events, logs, metrics |
//! | [`dead_letter`] | what was given up |
//! | [`record`] | record and replay |
//! | [`config`] | policies and circuits out of files |
//! | [`runtime`], [`testing`] | clocks, sleeps, entropy, locks; the fake clock |
//! | [`Call`] | the machine by hand, for a loop of one's own |
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `std` | no | [`retry()`](crate::retry()) for blocking code, the system's clock and entropy, `CancelToken`, pools and queues on the heap, names and rules known at run time, live reload, replay |
//! | `critical-section` | no | `CriticalSectionLock`, for circuits and budgets that interrupts share |
//! | `defmt` | no | `defmt::Format` on all types, and `DefmtLog`, an observer |
//! | `http` | no | statuses, `Retry-After` and idempotency of the crate `http`; implies `std` |
//! | `json` | no | `JsonLinesSink` and `JsonLinesReader`, dead letters in a file; implies `std` |
//! | `log` | no | `LogFacade`, an observer that writes to the `log` crate |
//! | `metrics` | no | `MetricsFacade`, an observer that counts in the `metrics` crate; implies `std` |
//! | `serde` | no | policies, circuits and operations out of TOML, JSON and their like, and back; implies `std` |
//! | `tracing` | no | `TracingLog` and `CallSpan`, observers that write to the `tracing` crate |

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::alloc_instead_of_core, clippy::std_instead_of_core)]
#![warn(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::float_arithmetic)]

#[cfg(feature = "std")]
extern crate std;

mod call;
mod class;
mod clean;
mod codec;
mod config_error;
mod crc;
mod delay;
mod error;
mod health;
mod key;
mod lock;
mod name;
mod panics;
mod ratio;
mod retry;
mod time;
mod verdict;

pub mod budget;
pub mod circuit;
pub mod classify;
pub mod config;
pub mod dead_letter;
pub mod observe;
pub mod policy;
pub mod pool;
pub mod record;
pub mod runtime;
pub mod testing;

pub use budget::{SharedBudget, TokenBucket};
pub use call::{Attempt, Call};
pub use circuit::{CircuitConfig, Rejected, SharedCircuit};
pub use class::{Class, ClassSet, Recovery, Severity};
pub use classify::{Classify, Progress};
pub use config::ConfigError;
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use error::BoxError;
pub use error::{Cause, Error, ErrorContext, ErrorKind};
pub use health::HealthCheck;
pub use key::Key;
pub use policy::{Backoff, Failure, Jitter, Policy, Preset, Rule};
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use pool::CircuitPool;
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use retry::retry;
pub use retry::{Retry, Retryable};
pub use time::Instant;
pub use verdict::{GiveUp, Verdict};

/// What only one call of a [`Retry`] has: the future that stops it, and whether it returns its last value.
///
/// [`Retry::until`] and [`Retry::return_last`] make a [`OneCall`](one_call::OneCall), which runs as the `Retry` does:
///
/// ```
/// use retry_core::{testing::FakeClock, Class, Policy, Retry};
///
/// let clock = FakeClock::new();
/// let retry = Retry::new(&Policy::DEFAULT, &clock)
///     .classify(|class: &Class| *class)
///     .classify_ok(|status: &u16| (*status >= 500).then_some(Class::Server));
/// let stop = std::future::pending::<()>();
/// assert_eq!(clock.run(retry.until(stop).return_last().run(|| async { Ok(503) })), Ok(503));
/// ```
pub mod one_call {
    pub use crate::retry::{Discard, Keep, KeepLast, Never, OneCall, Stop};
}
