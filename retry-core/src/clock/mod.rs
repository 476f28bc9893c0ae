//! The clocks of this crate: a fake one, and with the feature `std` the system's.

#[cfg(feature = "std")]
mod cancel;
mod fake;
mod sleepers;
#[cfg(feature = "std")]
mod std;
mod wakes;

#[cfg(feature = "std")]
pub use cancel::{CancelToken, Cancellable};
pub use fake::{FakeClock, FakeSleep, Words};
#[cfg(feature = "std")]
pub use std::{OsRng, StdRuntime, retry};
