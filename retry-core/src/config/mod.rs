//! Configuration: what an error of it says, and policies, circuits and operations out of files.

#[cfg(feature = "serde")]
mod circuit;
#[cfg(feature = "serde")]
mod jitter;
#[cfg(feature = "serde")]
mod names;
#[cfg(feature = "serde")]
mod operations;
#[cfg(feature = "serde")]
mod policy;
#[cfg(feature = "serde")]
mod read;

pub use crate::config_error::ConfigError;
#[cfg(feature = "serde")]
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
pub use operations::{FileError, OperationsFile};
