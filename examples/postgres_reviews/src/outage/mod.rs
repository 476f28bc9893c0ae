//! What the repository is tried with: a server of its own, a proxy that loses an answer, and a count of all failures.

pub mod proxy;
pub mod seen;
pub mod server;
