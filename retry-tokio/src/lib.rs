//! Drives [`retry_core`] on tokio.
//!
//! ```
//! use core::time::Duration;
//! use retry_core::{CircuitConfig, Class, Policy, SharedCircuit};
//!
//! const POLICY: Policy = Policy::exponential(Duration::from_millis(100)).attempts(4);
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
//! its millisecond. Random words come from the operating system. Needs a runtime with time enabled.

use core::time::Duration;

use retry_core::{Clock, Entropy, Instant, OsRng, Policy, Retry, Sleep, StdRuntime};

/// Retries by `policy` on the tokio runtime that awaits it.
pub const fn retry(policy: &Policy) -> Retry<'_, Tokio> {
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
