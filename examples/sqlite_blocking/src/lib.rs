//! The code samples of the page about SQLite, which are run as tests.

/// The page.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/sqlite.md")]
mod sqlite {}
