//! Drives [`retry_core`] on async-std, and on smol.
//!
//! ```
//! use core::time::Duration;
//! use retry_core::{CircuitConfig, Class, Policy, SharedCircuit};
//!
//! const POLICY: Policy = Policy::exponential(Duration::from_millis(100)).max_attempts(4);
//! static STOCK: SharedCircuit = SharedCircuit::new(CircuitConfig::DEFAULT);
//!
//! # async fn fetch(_: &str) -> Result<u32, std::io::Error> { Ok(7) }
//! #[async_std::main]
//! async fn main() {
//!     let stock = retry_async_std::retry(&POLICY)
//!         .circuit(&STOCK)
//!         .classify(|_: &std::io::Error| Class::Network)
//!         .named("stock.read");
//!     let count = stock.run(|| fetch("apple")).await.unwrap();
//!     assert_eq!(count, 7);
//! }
//! ```
//!
//! The clock is the system's monotonic one; the sleep is a timer of async-io's reactor and ends late rather than
//! early. Random words come from the operating system.
//!
//! # async-std is no longer developed
//!
//! Its authors point to smol. So this crate does not depend on async-std itself, only on
//! [`async_io`], the reactor that both stand on: a process has one of it, with a thread of its own, whoever polls
//! the future. The same call therefore runs on smol, or under any other executor, and moving from async-std to
//! smol changes nothing here:
//!
//! ```
//! use retry_core::{Class, Policy};
//!
//! let answer = smol::block_on(retry_async_std::retry(&Policy::DEFAULT).run(|| async { Ok::<_, Class>(7) }));
//! assert_eq!(answer, Ok(7));
//! ```
//!
//! async-std's own `task::sleep` would not do: its future has no name, so that every delay would have to be boxed.
//!
//! # Stopping a call
//!
//! Any future will do: a channel that closes, a timer, a task that ends.
//!
//! ```
//! use retry_core::{Class, Policy};
//!
//! # async_std::task::block_on(async {
//! let (stop, stopped) = async_std::channel::bounded::<()>(1);
//! drop(stop); // a receiver whose sender is gone gets an answer at once
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

/// Retries by `policy` on async-std, smol, or whichever executor awaits it.
pub const fn retry<P: Policies>(policy: P) -> Retry<AsyncStd, P> {
    Retry::new(policy, AsyncStd)
}

/// The system's monotonic clock, async-io's timers, and entropy of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct AsyncStd;

impl Clock for AsyncStd {
    fn now(&self) -> Instant {
        StdRuntime.now()
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

/// A sleep on async-io's reactor. One that is longer than its clock can count never ends.
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
