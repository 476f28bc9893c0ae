//! Retries and circuit breakers on async-std and smol, with [`retry_core`].
//!
//! Guides: [choosing a policy](../retry_core/_guides/choosing_a_policy/index.html),
//! [a client of your own](../retry_core/_guides/client/index.html),
//! [testing](../retry_core/_guides/testing/index.html).
//!
//! ```
//! use std::time::Duration;
//! use retry_core::{CircuitConfig, Policy, SharedCircuit};
//!
//! const POLICY: Policy = Policy::exponential(Duration::from_millis(100)).max_attempts(4);
//! static STOCK: SharedCircuit = SharedCircuit::new(CircuitConfig::DEFAULT); // one per service that is called
//!
//! # async fn fetch(_: &str) -> Result<u32, std::io::Error> { Ok(7) }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # smol::block_on(async {
//! let stock = retry_async_std::retry(&POLICY).circuit(&STOCK).named("stock.read");
//! let count = stock.run(|| fetch("apple")).await?;
//! assert_eq!(count, 7);
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! Here `fetch` returns a `std::io::Error`, which has a [class](retry_core::Class). For errors of other types, add a
//! classifier: [`classify`](Retry::classify).
//!
//! [`AsyncStd`] is the runtime: the system's monotonic clock, timers of [`async_io`], and random words from the operating
//! system. A timer ends on time or late.
//!
//! # From async-std to smol
//!
//! async-std is no longer developed, and its authors recommend smol. This crate depends only on `async-io`, the reactor of
//! both. A process has one such reactor, with a thread of its own. So the same call runs on async-std, on smol and on any
//! other executor, and a program that moves to smol keeps its calls as they are:
//!
//! ```
//! use retry_core::{Class, Error, Policy};
//!
//! async fn call() -> Result<u32, Error<Class>> {
//!     retry_async_std::retry(&Policy::DEFAULT).run(|| async { Ok(7) }).await
//! }
//! assert_eq!(async_std::task::block_on(call()), Ok(7));
//! assert_eq!(smol::block_on(call()), Ok(7));
//! ```
//!
//! # Stopping a call
//!
//! [`until`](Retry::until) takes any future as the signal to stop, such as a timer or the receiver of a channel:
//!
//! ```
//! use retry_core::{Class, Policy};
//!
//! # async_std::task::block_on(async {
//! let (stop, stopped) = async_std::channel::bounded::<()>(1);
//! drop(stop); // closes the channel
//! let retry = retry_async_std::retry(&Policy::DEFAULT);
//! let error = retry.until(stopped.recv()).run(|| async { Err::<(), _>(Class::Server) }).await.unwrap_err();
//! assert!(error.is_cancelled());
//! # });
//! ```

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;

use async_io::Timer;
use retry_core::{
    Instant, Retry,
    policy::Policies,
    runtime::{Clock, Entropy, OsRng, Sleep, StdRuntime},
};

/// Makes a [`Retry`] for async code on async-std, smol or any other executor.
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
/// # async_std::task::block_on(async {
/// let calls = Arc::new(retry_async_std::retry(Policy::DEFAULT.max_attempts(5)).named("stock.read"));
/// let mut tasks = Vec::new();
/// for sku in 1..=3 {
///     let calls = Arc::clone(&calls);
///     tasks.push(async_std::task::spawn(async move { calls.run(|| fetch(sku)).await }));
/// }
/// for (task, count) in tasks.into_iter().zip([7, 14, 21]) {
///     assert_eq!(task.await.unwrap(), count);
/// }
/// # });
/// ```
pub const fn retry<P: Policies>(policy: P) -> Retry<AsyncStd, P> {
    Retry::new(policy, AsyncStd)
}

/// The async-io runtime for a [`Retry`]: the system's monotonic clock, async-io's timers, and random words from the
/// operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct AsyncStd;

impl Clock for AsyncStd {
    fn now(&self) -> Instant {
        StdRuntime.now()
    }

    fn unix_time(&self) -> Option<Duration> {
        StdRuntime.unix_time()
    }
}

impl Sleep for AsyncStd {
    type Sleep = TimerSleep;

    fn sleep(&self, duration: Duration) -> TimerSleep {
        TimerSleep(Timer::after(duration))
    }
}

impl Entropy for AsyncStd {
    fn word(&self) -> u64 {
        OsRng.word()
    }
}

/// A sleep on async-io's timers. A sleep beyond the range of the system's clock stays pending forever.
#[derive(Debug)]
#[must_use = "a sleep does nothing until it is awaited"]
pub struct TimerSleep(Timer);

impl Future for TimerSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(())
    }
}
