//! What the programs with drivers share: their claims, and the tools that make faults.

pub mod claims;
pub mod command;
#[cfg(feature = "proxy")]
pub mod proxy;
pub mod server;
#[cfg(feature = "proxy")]
pub mod wait;
pub mod watchdog;

/// Returns the error of a result, if it is one, in one line.
pub fn said<T, E: core::fmt::Display>(result: &Result<T, E>) -> String {
    result.as_ref().err().map_or("succeeded".into(), E::to_string)
}
