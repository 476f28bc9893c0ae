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
//! use retry_core::{Call, Class, FakeClock, Policy, Verdict};
//!
//! const POLICY: Policy = Policy::exponential(Duration::from_millis(100)).attempts(3);
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
//! | `json` | no | [`JsonLines`], dead letters in a file; implies `std` |
//! | `log` | no | [`LogFacade`], an observer that writes to the `log` crate |
//! | `metrics` | no | [`MetricsFacade`], an observer that counts in the `metrics` crate; implies `std` |
//! | `http` | no | the crate `http`: [`Failure::of_http_response`], [`Idempotency`] of requests; implies `std` |
//! | `serde` | no | [`Policy`] and [`CircuitConfig`] out of TOML, JSON and their like; implies `std` |
//! | `tracing` | no | [`TracingLog`], an observer that writes to the `tracing` crate, and [`CallSpan`], one that is a span for a call |

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::alloc_instead_of_core, clippy::std_instead_of_core)]
#![warn(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::float_arithmetic)]

#[cfg(feature = "std")]
extern crate std;

mod budget;
mod call;
mod circuit;
mod class;
mod classify;
mod clock;
mod config;
mod dead_letter;
mod delay;
mod error;
mod failure;
#[cfg(feature = "serde")]
mod file;
mod health;
mod key;
mod lock;
mod observe;
mod plain;
mod policy;
mod pool;
mod ratio;
mod retry;
mod runtime;
mod time;
mod verdict;

pub use budget::{
    AdaptiveThrottle, Budget, BudgetRules, Concern, ConcurrencyShare, Deposit, NoBudget, Price, Request,
    RequestShare, RetryThrottle, SharedBudget, SlidingSum, TokenBucket,
};
pub use call::{Attempt, Call};
pub use circuit::{
    Admission, AttemptEnd, Breaker, Change, ChangeCause, CircuitConfig, ConstCircuit, ConstConfig,
    CountWindow, Counts, Gate, Mode, NoCircuit, OnHealthy, Outcome, Phase, Settings, Settled, SharedCircuit,
    SlowCalls, Snapshot, Span, Start, Ticket, TimeWindow, Window,
};
pub use class::{Class, ClassSet, Recovery, Severity};
pub use classify::{
    ByClosure, ByTrait, Classifier, Classify, Messages, Progress, Unacceptable, When, parse_delay_millis,
    parse_delay_seconds, parse_http_date, parse_reset_time, parse_retry_after,
};
pub use clock::{FakeClock, FakeSleep, Words};
pub use config::ConfigError;
pub use dead_letter::{
    About, ByFuture, BySink, Carrying, DeadLetterSink, DeadLettering, Deliver, Forward, Handled, NoPayload,
    Or, Payload, ReasonSet, SharedDeadLetters,
};
pub use delay::{Backoff, Deviation, Jitter};
pub use error::{Cause, Error, ErrorContext};
pub use failure::Failure;
pub use health::HealthCheck;
pub use key::Key;
pub use lock::{Exclusive, Initial, LocalLock, Lock};
pub use observe::{
    CallEnd, DeadLetter, DeadLetters, ErrorText, Event, EventKind, ImageError, LogBuffer, LogError, Observer,
    Outlook, Reason, Record, RecordSink, Recorded, RecordedCall, RecordedRng, RecordedStep, Recorder,
    WhenFull,
};
pub use plain::Plain;
pub use policy::{Hints, Policy, Preset, Rule};
pub use pool::{FixedCircuit, FixedCircuitPool, Operation, Operations, PoolCounts};
pub use retry::{Retry, Retryable};
pub use runtime::{BlockingSleep, Clock, Entropy, Interrupted, Sleep};
pub use time::{Instant, Now};
pub use verdict::{GiveUp, Rejected, Verdict};

#[cfg(feature = "json")]
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
pub use dead_letter::{
    BadLine, BadLineKind, JsonLetters, JsonLines, JsonLinesError, OnDisk, StoredLetter, TornLine, WhenTorn,
};
#[cfg(feature = "log")]
#[cfg_attr(docsrs, doc(cfg(feature = "log")))]
pub use observe::LogFacade;
#[cfg(all(feature = "std", any(target_has_atomic = "64", feature = "critical-section")))]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use observe::Metrics;
#[cfg(all(feature = "metrics", any(target_has_atomic = "64", feature = "critical-section")))]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub use observe::MetricsFacade;
#[cfg(feature = "tracing")]
#[cfg_attr(docsrs, doc(cfg(feature = "tracing")))]
pub use observe::{CallSpan, TracingLog};
#[cfg(any(target_has_atomic = "64", feature = "critical-section"))]
pub use observe::{MetricsSnapshot, OperationMetrics};

#[cfg(feature = "http")]
#[cfg_attr(docsrs, doc(cfg(feature = "http")))]
pub use classify::Idempotency;
#[cfg(feature = "serde")]
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
pub use file::{FileError, OperationsFile};
#[cfg(feature = "critical-section")]
#[cfg_attr(docsrs, doc(cfg(feature = "critical-section")))]
pub use lock::CriticalSectionLock;
#[cfg(feature = "defmt")]
#[cfg_attr(docsrs, doc(cfg(feature = "defmt")))]
pub use observe::DefmtLog;
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use {
    clock::{CancelToken, Cancellable, OsRng, StdRuntime, retry},
    dead_letter::{Counted, LetterQueue},
    lock::StdLock,
    observe::{Difference, Field, LogWriter, Records, Replay, ReplayError, Replayed, Step},
    observe::{Guarded, Queued},
    pool::{CircuitPool, PooledCircuit},
};
