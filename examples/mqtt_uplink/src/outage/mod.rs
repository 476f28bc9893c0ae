//! What the uplink is tried with: a broker of its own, and a subscriber that counts.

pub mod broker;
pub mod collector;
