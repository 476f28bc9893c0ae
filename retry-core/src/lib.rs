//! Retry and circuit breaker library: backoff with jitter, timeouts, retry budgets, circuit breakers, dead letter queues.
//!
//! One policy runs in blocking code, on tokio, async-std, smol and embassy, and in tests on a fake clock. The core is
//! `no_std`, needs no allocator and contains no `unsafe` code. This is a call on tokio with reqwest, through the adapter
//! [`retry-tokio`](../retry_tokio/index.html) with its feature `reqwest`:
//!
#![cfg_attr(all(doc, not(doctest)), doc = include_str!("_guides/first_call.md"))]
//!
//! A server's `Retry-After` is the shortest delay. If it is longer than the policy allows, the call gives up. If the circuit
//! is open, the call fails at once. In blocking code, a call needs only this crate and its feature `std`:
//!
//! ```
//! # #[cfg(feature = "std")] {
//! use std::{fs, time::Duration};
//! use retry_core::{Policy, retry};
//!
//! const POLICY: Policy = Policy::exponential(Duration::from_millis(100)).max_attempts(4);
//!
//! let text = retry(&POLICY).run_blocking(|| fs::read_to_string("Cargo.toml"))?; // an io::Error has a class
//! assert!(text.starts_with("[package]"));
//! # }
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! For other runtimes, see [`retry-async-std`](../retry_async_std/index.html),
//! [`retry-embassy`](../retry_embassy/index.html) and the traits in [`runtime`].
//!
//! # Modules and guides
//!
//! All guides are listed in [`_guides`].
//!
//! | | | guide |
//! |---|---|---|
//! | [`Retry`] | one operation's policy, circuit, budget, classifier and observer | [a client of your own](_guides::client), [migrating](_guides::migrating) |
//! | [`Policy`], [`policy`] | attempts, backoff, jitter, timeouts, rules, presets, live reload | [choosing a policy](_guides::choosing_a_policy), [settings](_guides::settings) |
//! | [`SharedCircuit`], [`circuit`] | circuit breakers | [circuit breakers](_guides::circuits) |
//! | `CircuitPool`, [`pool`] | one circuit per host or other key | [HTTP and tower](_guides::http_and_tower) |
//! | [`SharedBudget`], [`budget`] | retry budgets: limits for the retries of all callers together | [best practices](_guides::best_practices) |
//! | [`Class`], [`classify`] | classes of errors, and classifiers for errors and values | [HTTP and tower](_guides::http_and_tower) |
//! | [`Error`] | how a failed call ended, and the last attempt's error | [fallbacks](_guides::fallbacks) |
//! | [`observe`] | events, logs, spans and metrics | [metrics, logs and alerts](_guides::operating), [troubleshooting](_guides::troubleshooting) |
//! | [`dead_letter`], [`record`] | dead letter queues; a log of decisions, and its replay | [dead letters](_guides::dead_letters), [record and replay](_guides::recording) |
//! | [`config`] | policies, circuits and budgets in configuration files | [configuration](_guides::configuration) |
//! | [`runtime`], [`testing`] | clocks, sleeps, random words and locks; the fake clock | [testing](_guides::testing) |
//! | [`Call`] | the state machine by itself, for a loop of your own | [design](_guides::design) |
//!
//! # Features
//!
//! All are off by default. `http`, `json`, `metrics` and `serde` turn on `std`.
//!
//! | feature | what it adds |
//! |---|---|
//! | `std` | the function `retry` for blocking code, the system's clock and random numbers, `CancelToken`, pools and queues on the heap, names and rules that are known at run time, live reload, replay |
//! | `critical-section` | `CriticalSectionLock`, for circuits and budgets that interrupts share |
//! | `defmt` | `defmt::Format` on all types, and the observer `DefmtLog` |
//! | `http` | classes, `Retry-After` and idempotent methods for the types of the crate `http` |
//! | `json` | `JsonLinesSink` and `JsonLinesReader`: dead letters in a file |
//! | `log` | `LogFacade`, an observer that writes to the `log` crate |
//! | `metrics` | `MetricsFacade`, an observer that counts in the `metrics` crate |
//! | `serde` | policies, circuits, budgets and operations in configuration files: read and written |
//! | `tracing` | `TracingLog` and `CallSpan`, observers that write to the `tracing` crate |

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::alloc_instead_of_core, clippy::std_instead_of_core)]
#![warn(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::float_arithmetic)]

#[cfg(feature = "std")]
extern crate std;

#[cfg(any(target_has_atomic = "64", loom))]
mod atomic64;
mod call;
mod class;
mod clean;
mod codec;
mod config_error;
mod crc;
mod delay;
mod detail;
mod digest;
mod error;
mod error_text;
mod health;
mod key;
mod lock;
mod log_level;
mod name;
mod panics;
mod ratio;
mod retry;
mod time;
mod verdict;

#[cfg(all(doc, not(doctest)))]
pub mod _guides;
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
pub use error::{Cause, Error, ErrorContext, ErrorKind, Report};
pub use health::HealthCheck;
pub use key::Key;
pub use policy::{Backoff, Failure, Jitter, Policy, Preset, Rule};
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use pool::CircuitPool;
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use retry::retry;
#[cfg(not(feature = "std"))]
#[doc(hidden)]
pub use retry::retry_without_std as retry;
pub use retry::{OneCall, Retry, Retryable};
pub use time::Instant;
pub use verdict::{GiveUp, Verdict};
