//! Retries of HTTP requests with reqwest, through a tower layer: see `docs/http-and-tower.md`.

pub mod client;
pub mod parts;
pub mod server;

/// Any error, with its text.
pub type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;
