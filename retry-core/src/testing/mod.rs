//! Time and randomness by script, for tests that take no time.

mod fake_clock;

pub use fake_clock::{FakeClock, FakeSleep, Words};
