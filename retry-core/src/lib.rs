//! Decides what a failed call does next.
//!
//! One machine for "this call failed, what now?". It is told an error [`Class`], an [`Instant`] and a random
//! word, and answers with a [`Verdict`]: [`Retry`](Verdict::Retry) after a delay, [`GiveUp`](Verdict::GiveUp)
//! for a reason, or [`Rejected`](Verdict::Rejected) because the circuit is open. It reads no clock, sleeps
//! nowhere, allocates nothing and holds no global state, so that the same [`Policy`] decides the same way in a
//! server, in a blocking loop, on a microcontroller and in a test with a [`FakeClock`].
//!
//! # The machine by hand
//!
//! ```
//! use core::time::Duration;
//! use retry_core::{testing::FakeClock, Call, Class, Policy, Verdict};
//!
//! const POLICY: Policy = Policy::exponential(Duration::from_millis(100)).max_attempts(3);
//!
//! let clock = FakeClock::new();
//! let mut rng = clock.words(&[u64::MAX]); // the scripted random words of this test
//! let mut answers = [Err("reset by peer"), Ok(42)].into_iter();
//!
//! let mut call = Call::new(&POLICY, clock.now());
//! let outcome = loop {
//!     let attempt = call.attempt(clock.now()).expect("nothing rejects without a circuit");
//!     match answers.next().unwrap() {
//!         Ok(value) => {
//!             attempt.succeed(clock.now());
//!             break Ok(value);
//!         }
//!         Err(error) => match attempt.fail(Class::Network, clock.now(), &mut rng) {
//!             Verdict::Retry(delay) => clock.advance(delay),
//!             Verdict::GiveUp(_) | Verdict::Rejected(_) => break Err(error),
//!         },
//!     }
//! };
//! assert_eq!(outcome, Ok(42));
//! assert_eq!(clock.now().as_millis(), 100);
//! ```
//!
//! # The loops
//!
//! [`Retry`] is the same loop written once for futures and once for blocking code, over a [`Clock`] and a
//! sleep. The adapters (`retry-tokio` and its like, and [`retry()`](crate::retry()) here with the feature
//! `std`) bring those.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `std` | no | [`retry()`](crate::retry()) for blocking code, [`CancelToken`] to end it, the system clock, entropy of the operating system, [`StdLock`], observers that may panic ([`Guarded`]) or block ([`Queued`]) |
//! | `critical-section` | no | [`CriticalSectionLock`], for circuits and budgets that interrupts share |
//! | `defmt` | no | `defmt::Format` on all types, and [`DefmtLog`], which logs events |
//! | `json` | no | [`JsonLinesSink`], dead letters in a file; implies `std` |
//! | `log` | no | [`LogFacade`], an observer that writes to the `log` crate |
//! | `metrics` | no | [`MetricsFacade`], an observer that counts in the `metrics` crate; implies `std` |
//! | `http` | no | the crate `http`: [`Failure::of_http_response`], [`Idempotency`] of requests; implies `std` |
//! | `serde` | no | [`Policy`] and [`CircuitConfig`] out of TOML, JSON and their like; implies `std` |
//! | `tracing` | no | [`TracingLog`], an observer that writes to the `tracing` crate, and [`CallSpan`], one that is a span for a call |
//!
//! [`CallSpan`]: observe::CallSpan
//! [`CancelToken`]: runtime::CancelToken
//! [`Clock`]: runtime::Clock
//! [`CriticalSectionLock`]: runtime::CriticalSectionLock
//! [`DefmtLog`]: observe::DefmtLog
//! [`FakeClock`]: testing::FakeClock
//! [`Guarded`]: observe::Guarded
//! [`Idempotency`]: classify::Idempotency
//! [`JsonLinesSink`]: dead_letter::JsonLinesSink
//! [`LogFacade`]: observe::LogFacade
//! [`MetricsFacade`]: observe::MetricsFacade
//! [`Queued`]: observe::Queued
//! [`StdLock`]: runtime::StdLock
//! [`TracingLog`]: observe::TracingLog

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::alloc_instead_of_core, clippy::std_instead_of_core)]
#![warn(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::float_arithmetic)]

#[cfg(feature = "std")]
extern crate std;

mod call;
mod cause;
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
pub use cause::Cause;
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use error::BoxError;
pub use error::{Error, ErrorContext, ErrorKind};
pub use key::Key;
pub use policy::{Backoff, Failure, Jitter, Policy, Preset, Rule};
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use pool::CircuitPool;
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use retry::retry;
pub use retry::{Discard, Keep, KeepLast, Never, OneCall, Retry, Retryable};
pub use time::Instant;
pub use verdict::{GiveUp, Verdict};
