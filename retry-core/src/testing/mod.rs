//! Testing code that retries: time and randomness by script, in tests that take no time.
//!
//! A [`FakeClock`] is a runtime. A client that is generic over its runtime, or whose `Retry` is made by the test, runs on
//! it unchanged, and every delay is exact.
//!
//! ```
//! use core::time::Duration;
//! use retry_core::{Class, Jitter, Policy, Retry, testing::FakeClock};
//!
//! const POLICY: Policy = Policy::fixed(Duration::from_secs(10)).jitter(Jitter::Full);
//!
//! // Half of the first delay, all of the second.
//! let clock = FakeClock::new().with_words(&[1 << 63]);
//! let retry = Retry::new(&POLICY, &clock);
//! let error = clock.run(retry.run(|| async { Err::<(), _>(Class::Network) })).unwrap_err();
//! assert_eq!(error.attempts(), 3);
//! assert_eq!(clock.now().as_millis(), 5_000 + 10_000);
//! ```

mod fake_clock;
mod sleepers;
mod wakes;

pub use fake_clock::{FakeClock, FakeSleep, Words};
