//! The outage that the quickstart plays, and the plot of it.
//!
//! The binary `quickstart` plays the outage on real sockets, so each run differs a little. The binary `pictures` plays it
//! on a [`FakeClock`](retry_core::testing::FakeClock) for the documentation, so each run is the same to the byte.

pub mod outage;
pub mod plot;
