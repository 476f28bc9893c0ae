//! What the repository is tried with: a server of its own, and a count of all failures.

pub mod seen;
pub mod server;
