//! Testing code that retries: a fake clock and scripted random words, so that tests take no real time.
//!
//! Guide: [testing](crate::_guides::testing).
//!
//! A [`FakeClock`] is a runtime for tests. A client runs on it unchanged if it is generic over its runtime, or if the
//! test makes its `Retry`. Every delay is exact.
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
