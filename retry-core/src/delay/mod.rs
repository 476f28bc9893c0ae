//! Delays: from the number of failed attempts and a random word.

mod backoff;
mod jitter;

pub use backoff::{Backoff, BackoffKind};
pub use jitter::{Deviation, Jitter};
