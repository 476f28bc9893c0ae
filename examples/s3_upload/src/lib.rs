//! Uploads to S3 with object_store, retried with retry-core.

pub mod parts;
pub mod s3;
pub mod uploads;

/// Any error, with its text.
pub type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// The code samples of the guide.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/s3.md")]
mod guide {}
