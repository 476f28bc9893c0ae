//! From failed attempts and a random word to a delay.

mod backoff;
mod jitter;

pub use backoff::{Backoff, BackoffKind};
pub use jitter::{Deviation, Jitter};
