//! A repository of product reviews in PostgreSQL, whose transactions are retried, and the outages that it is tried with.
//!
//! A service would copy `reviews`, `statements`, `lease` and `error`. `outage` starts a server and breaks it.

pub mod error;
pub mod lease;
pub mod outage;
pub mod reviews;
pub mod statements;

/// The code of the guide.
#[cfg(doctest)]
mod samples {
    #[doc = include_str!("../../../docs/postgres.md")]
    mod postgres {}
}
