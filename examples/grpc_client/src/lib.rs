//! Retries of gRPC calls with tonic: see `docs/grpc.md`.

pub mod client;
pub mod parts;
pub mod server;
pub mod stock;

/// Any error, with its text.
pub type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// The code samples of the guide.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/grpc.md")]
mod guide {}
