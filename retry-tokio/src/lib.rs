//! Retries and circuit breakers on tokio, with [`retry_core`]; for reqwest, hyper, tonic, tower and redis, too.
//!
//! Guides: [choosing a policy](../retry_core/_guides/choosing_a_policy/index.html),
//! [a client of your own](../retry_core/_guides/client/index.html),
//! [HTTP and tower](../retry_core/_guides/http_and_tower/index.html),
//! [testing](../retry_core/_guides/testing/index.html).
//!
//! ```
//! use std::time::Duration;
//! use retry_core::{CircuitConfig, Policy, SharedCircuit};
//!
//! const POLICY: Policy = Policy::exponential(Duration::from_millis(100))
//!     .max_attempts(4)
//!     .attempt_timeout(Duration::from_secs(2))
//!     .total_timeout(Duration::from_secs(10));
//! static STOCK: SharedCircuit = SharedCircuit::new(CircuitConfig::DEFAULT); // one per service that is called
//!
//! # async fn fetch(_: &str) -> Result<u32, std::io::Error> { Ok(7) }
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let stock = retry_tokio::retry(&POLICY).circuit(&STOCK).named("stock.read");
//! let count = stock.run(|| fetch("apple")).await?;
//! assert_eq!(count, 7);
//! # Ok(())
//! # }
//! ```
//!
//! Here `fetch` returns a `std::io::Error`, which has a [class](retry_core::Class). For errors of other types, add a
//! classifier: [`classifier`](Retry::classifier) with `ReqwestClassifier` for reqwest, or [`classify`](Retry::classify) with
//! `hyper_error` for hyper, `redis_error` for redis and [`error_chain`] for boxed errors.
//!
//! [`Tokio`] is the runtime: tokio's clock, tokio's sleep, and random words from the operating system. A sleep is rounded up
//! to a whole millisecond, as tokio does. With tokio's paused time, a test waits for no delay. A call needs a
//! tokio runtime with time enabled. Its future is [`Send`] if the operation and its future are.
//!
//! # Stopping a call
//!
//! [`until`](Retry::until) takes any future as the signal to stop. With tokio-util's `CancellationToken`, this is its
//! `cancelled()`. The attempt or the sleep under way is dropped at once, and the call returns an error:
//!
//! ```
//! use std::time::Duration;
//! use retry_core::{Class, Policy};
//! use tokio_util::sync::CancellationToken;
//!
//! const HOURLY: Policy = Policy::fixed(Duration::from_secs(3_600)).max_attempts(u32::MAX);
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
//! let shutdown = CancellationToken::new();
//! let stop = shutdown.child_token();
//! let task = tokio::spawn(async move {
//!     let retry = retry_tokio::retry(&HOURLY);
//!     retry.until(stop.cancelled()).run(|| async { Err::<(), _>(Class::Network) }).await
//! });
//! tokio::task::yield_now().await; // the first attempt fails, and the call sleeps
//! shutdown.cancel();
//! let error = task.await.unwrap().unwrap_err();
//! assert!(error.is_cancelled());
//! assert_eq!(error.into_inner(), Some(Class::Network)); // the last attempt's error
//! # }
//! ```
//!
//! Other such futures are `tokio::signal::ctrl_c()`, a `sleep`, and the receiver of a `oneshot` channel. A call is also
//! cancelled if its future is dropped, as `select!`, `timeout` and `JoinHandle::abort` do. Then there is no error to read.
//!
//! # Features
//!
//! All are off by default.
//!
//! | feature | what it adds |
//! |---|---|
//! | `aws` | `aws_error`: codes and hints in the errors of the SDKs of AWS, of aws-smithy 1.x; turns on `http` |
//! | `http` | `http_response` and `http_requests`: classes of the responses of the crate `http`, and which requests may be sent again |
//! | `h2` | [`error_chain`] knows the reasons of HTTP/2, of the crate h2 0.4 |
//! | `hyper` | `hyper_error`: classes of the errors of hyper's clients; turns on `http` |
//! | `json` | `LetterWriter`: dead letters to a file, on a thread of their own |
//! | `object_store` | `RetryConnector`: retries below object_store 0.14, with S3's codes and `Retry-After`; `ReqwestClient`, `object_store_error`; turns on `reqwest` |
//! | `redis` | `redis_error`: classes of the errors of redis 1.x, which [`error_chain`] knows, too |
//! | `reqwest` | `ReqwestClassifier`, and its parts `reqwest_error` and `reqwest_response`; `reqwest_requests`; for reqwest 0.13; turns on `hyper` |
//! | `rumqttc` | `rumqttc_error` and `rumqttc_v5_error`: classes of the errors of rumqttc 0.25, for MQTT 3.1.1 and 5 |
//! | `sqlx` | `sqlx_error`: classes of the errors of sqlx 0.8, of any of its databases |
//! | `tokio-postgres` | `tokio_postgres_error`: classes of the errors of tokio-postgres 0.7 |
//! | `tonic` | `TonicClassifier`, and its part `tonic_status`: codes and pushback of gRPC; for tonic 0.14; turns on `h2` |
//! | `tower` | `RetryLayer`: retries, a circuit, a budget and dead letters around a tower service |

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "aws")]
mod aws;
mod chain;
#[cfg(any(feature = "rumqttc", feature = "sqlx", feature = "tokio-postgres"))]
mod database;
#[cfg(feature = "h2")]
mod h2;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "hyper")]
mod hyper;
#[cfg(feature = "json")]
mod letters;
#[cfg(feature = "object_store")]
mod object_store;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "reqwest")]
mod reqwest;
#[cfg(feature = "rumqttc")]
mod rumqttc;
mod sleep;
#[cfg(feature = "sqlx")]
mod sqlx;
mod tls;
#[cfg(feature = "tokio-postgres")]
mod tokio_postgres;
#[cfg(feature = "tonic")]
mod tonic;
#[cfg(feature = "tower")]
mod tower;

use core::time::Duration;

#[cfg(feature = "aws")]
#[cfg_attr(docsrs, doc(cfg(feature = "aws")))]
pub use crate::aws::aws_error;
pub use crate::chain::{ClientErrors, error_chain};
#[cfg(feature = "http")]
#[cfg_attr(docsrs, doc(cfg(feature = "http")))]
pub use crate::http::{http_requests, http_response};
#[cfg(feature = "hyper")]
#[cfg_attr(docsrs, doc(cfg(feature = "hyper")))]
pub use crate::hyper::hyper_error;
#[cfg(feature = "json")]
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
pub use crate::letters::{Keeping, KeptOr, LetterWriter, Unwritten};
#[cfg(feature = "object_store")]
#[cfg_attr(docsrs, doc(cfg(feature = "object_store")))]
pub use crate::object_store::{ReqwestClient, RetryConnector, object_store_error};
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub use crate::redis::redis_error;
#[cfg(feature = "reqwest")]
#[cfg_attr(docsrs, doc(cfg(feature = "reqwest")))]
pub use crate::reqwest::{ReqwestClassifier, reqwest_error, reqwest_requests, reqwest_response};
#[cfg(feature = "rumqttc")]
#[cfg_attr(docsrs, doc(cfg(feature = "rumqttc")))]
pub use crate::rumqttc::{rumqttc_error, rumqttc_v5_error};
pub use crate::sleep::TokioSleep;
#[cfg(feature = "sqlx")]
#[cfg_attr(docsrs, doc(cfg(feature = "sqlx")))]
pub use crate::sqlx::sqlx_error;
#[cfg(feature = "tokio-postgres")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio-postgres")))]
pub use crate::tokio_postgres::tokio_postgres_error;
#[cfg(feature = "tonic")]
#[cfg_attr(docsrs, doc(cfg(feature = "tonic")))]
pub use crate::tonic::{TonicClassifier, tonic_status};
#[cfg(feature = "tower")]
#[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
pub use crate::tower::{
    AgainBy, CircuitBy, Cloned, LettersTo, ResponseFuture, RetryLayer, RetryService, ServiceError,
};
use retry_core::{
    Instant, Retry,
    policy::Policies,
    runtime::{Clock, Entropy, OsRng, Sleep, StdRuntime},
};

/// Makes a [`Retry`] for async code on tokio.
///
/// The policy is given by reference, by value or in an `Arc`, or it is another source of [`Policies`]. If the policy is
/// made in the same line, give it by value or make it a `const`. With a reference,
/// `let calls = retry(&Policy::DEFAULT.max_attempts(5));` fails: "temporary value dropped while borrowed".
///
/// Tasks can share one `Retry` in an `Arc`:
///
/// ```
/// use std::{io, sync::Arc};
/// use retry_core::Policy;
///
/// async fn fetch(sku: u32) -> io::Result<u32> {
///     Ok(sku * 7) // your request
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let calls = Arc::new(retry_tokio::retry(Policy::DEFAULT.max_attempts(5)).named("stock.read"));
/// let mut tasks = Vec::new();
/// for sku in 1..=3 {
///     let calls = Arc::clone(&calls);
///     tasks.push(tokio::spawn(async move { calls.run(|| fetch(sku)).await }));
/// }
/// for (task, count) in tasks.into_iter().zip([7, 14, 21]) {
///     assert_eq!(task.await.unwrap().unwrap(), count);
/// }
/// # }
/// ```
///
/// For an operation that changes what it borrows, such as a connection, spawn `run_mut_send`:
///
/// ```
/// use retry_core::{Class, Policy};
///
/// struct Connection { queries: u32 }
///
/// impl Connection {
///     async fn query(&mut self) -> Result<u32, Class> {
///         self.queries += 1;
///         if self.queries < 3 { Err(Class::Network) } else { Ok(7) }
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let mut connection = Connection { queries: 0 };
/// let task = tokio::spawn(async move {
///     let calls = retry_tokio::retry(&Policy::DEFAULT);
///     calls.run_mut_send(&mut connection, |connection| Box::pin(connection.query())).await
/// });
/// assert_eq!(task.await.unwrap(), Ok(7));
/// # }
/// ```
pub const fn retry<P: Policies>(policy: P) -> Retry<Tokio, P> {
    Retry::new(policy, Tokio)
}

/// The tokio runtime for a [`Retry`]: tokio's clock and sleep, and random words from the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tokio;

impl Clock for Tokio {
    fn now(&self) -> Instant {
        StdRuntime::instant(tokio::time::Instant::now().into_std())
    }

    fn unix_time(&self) -> Option<Duration> {
        StdRuntime.unix_time()
    }
}

impl Sleep for Tokio {
    type Sleep = TokioSleep;

    fn sleep(&self, duration: Duration) -> TokioSleep {
        TokioSleep { sleep: tokio::time::sleep(duration) }
    }
}

impl Entropy for Tokio {
    fn word(&self) -> u64 {
        OsRng.word()
    }
}
