//! What the uplink is tried with: a broker of its own, a proxy that cuts connections, and a subscriber that counts.

pub mod broker;
pub mod collector;
pub mod proxy;
