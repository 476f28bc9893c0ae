//! Drives [`retry_core`] on tokio.
//!
//! ```
//! use core::time::Duration;
//! use retry_core::{CircuitConfig, Class, Policy, SharedCircuit};
//!
//! const POLICY: Policy = Policy::exponential(Duration::from_millis(100)).max_attempts(4);
//! static STOCK: SharedCircuit = SharedCircuit::new(CircuitConfig::DEFAULT);
//!
//! # async fn fetch(_: &str) -> Result<u32, std::io::Error> { Ok(7) }
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let stock = retry_tokio::retry(&POLICY)
//!     .circuit(&STOCK)
//!     .classify(|_: &std::io::Error| Class::Network)
//!     .named("stock.read");
//! let count = stock.run(|| fetch("apple")).await.unwrap();
//! assert_eq!(count, 7);
//! # }
//! ```
//!
//! The clock is tokio's, so that a test with paused time takes none; the sleep is tokio's, too, and rounds up to
//! its millisecond. Random words come from the operating system. Needs a runtime with time enabled, of one thread or
//! many: a call is [`Send`] where its operation is.
//!
//! # Stopping a call
//!
//! [`until`](Retry::until) takes any future as the signal to stop, so that nothing here needs to know
//! tokio-util's `CancellationToken`: its `cancelled()` is one. The attempt or the sleep under way is dropped at once.
//!
//! ```
//! use core::time::Duration;
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
//! assert_eq!(error.into_inner(), Some(Class::Network)); // what it failed with last
//! # }
//! ```
//!
//! So is `tokio::signal::ctrl_c()`, a `sleep`, the receiver of a `oneshot`. To drop the future, as `select!`,
//! `timeout` and `JoinHandle::abort` do, cancels the call just as well, but returns no error.
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `http` | `http_response` and `http_requests`: what responses of the crate `http` say, which requests may be sent again |
//! | `hyper` | `hyper_error`: what the errors of hyper's clients mean; implies `http` |
//! | `reqwest` | `reqwest_error`, `reqwest_response` and `reqwest_requests`: the same of reqwest's; implies `http` |
//! | `tower` | `RetryLayer`: retries, a circuit, a budget and dead letters around a tower service |

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(feature = "hyper", feature = "reqwest"))]
mod causes;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "hyper")]
mod hyper;
#[cfg(feature = "reqwest")]
mod reqwest;
#[cfg(feature = "tower")]
mod tower;

use core::time::Duration;

#[cfg(feature = "http")]
#[cfg_attr(docsrs, doc(cfg(feature = "http")))]
pub use crate::http::{http_requests, http_response};
#[cfg(feature = "hyper")]
#[cfg_attr(docsrs, doc(cfg(feature = "hyper")))]
pub use crate::hyper::hyper_error;
#[cfg(feature = "reqwest")]
#[cfg_attr(docsrs, doc(cfg(feature = "reqwest")))]
pub use crate::reqwest::{reqwest_error, reqwest_requests, reqwest_response};
#[cfg(feature = "tower")]
#[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
pub use crate::tower::{
    AgainBy, CallCloneRequestOrCloneAll, CircuitBy, Circuits, Cloned, Letters, LettersTo, NoLetters,
    OneCircuit, Requests, RequestsChosen, ResponseFuture, RetryLayer, RetryService, ServiceError,
};
use retry_core::{
    Instant, Retry,
    policy::Policies,
    runtime::{Clock, Entropy, OsRng, Sleep, StdRuntime},
};

/// Retries by `policy` on the tokio runtime that awaits it: a reference to a `const`, an `Arc`, or another source of
/// policies.
pub const fn retry<P: Policies>(policy: P) -> Retry<Tokio, P> {
    Retry::new(policy, Tokio)
}

/// tokio's clock and sleep, and entropy of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tokio;

impl Clock for Tokio {
    fn now(&self) -> Instant {
        StdRuntime::instant(tokio::time::Instant::now().into_std())
    }
}

impl Sleep for Tokio {
    type Sleep = tokio::time::Sleep;

    fn sleep(&self, duration: Duration) -> tokio::time::Sleep {
        tokio::time::sleep(duration)
    }
}

impl Entropy for Tokio {
    fn word(&self) -> u64 {
        OsRng.word()
    }
}
