//! Time and randomness by script, for tests that take no time.

mod fake_clock;
mod sleepers;
mod wakes;

pub use fake_clock::{FakeClock, FakeSleep, Words};
