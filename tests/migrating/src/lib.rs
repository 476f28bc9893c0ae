//! The code of `docs/migrating.md`, before and after, as doc tests.

#[cfg(doctest)]
#[doc = include_str!("../../../docs/migrating.md")]
mod page {}
