//! The parts of the program, one idea per file.

pub(crate) mod classes;
pub(crate) mod configurations;
pub(crate) mod context;
pub(crate) mod delays;
pub(crate) mod failover;
pub(crate) mod operations;
pub(crate) mod recoveries;
pub(crate) mod replay;

use std::time::Duration;

use retry_core::Policy;

/// What all parts need.
pub(crate) struct Setup {
    /// Begins the keys of this run, so that runs can share a server.
    pub(crate) prefix: String,
}

/// The longest wait for an answer of a server that works.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(2);
/// The longest wait for an answer of a server that is known to be paused.
pub(crate) const SHORT_TIMEOUT: Duration = Duration::from_millis(100);

/// Retries until an outage of some seconds is over.
pub(crate) const PATIENT: Policy = Policy::exponential(Duration::from_millis(20))
    .max_delay(Duration::from_millis(200))
    .max_attempts(200)
    .start_within(Duration::from_secs(20));

pub(crate) type Result<T = ()> = core::result::Result<T, Box<dyn std::error::Error>>;
