//! The clocks of this crate: a fake one, and with the feature `std` the system's.

mod fake;
#[cfg(feature = "std")]
mod std;

pub use fake::{FakeClock, FakeSleep, Words};
#[cfg(feature = "std")]
pub use std::{OsRng, StdRuntime, retry};
