//! Holds no code of its own: the tests are in `tests/`, and the README's examples are run from here.

#[doc = include_str!("../../README.md")]
mod readme {}
