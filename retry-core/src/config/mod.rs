//! Configuration files for retry policies, circuit breakers and budgets, and the error of an invalid value.
//!
//! Guides: [configuration](crate::_guides::configuration), [settings](crate::_guides::settings).
//!
//! # Invalid values
//!
//! Each setter that checks its value has two forms. The plain one, such as
//! [`max_attempts`](crate::Policy::max_attempts), panics; in a `const` that is a compile error. The `try_` one, for
//! values known only at run time, returns a [`ConfigError`]. Both give the same line, with the field, the value and the
//! rule.
//!
//! # Files
//!
//! With the feature `serde`, these types are read from any format that serde supports and that marks the types of its
//! values, such as TOML and JSON:
//!
//! - a [`Policy`](crate::Policy) and a [`CircuitConfig`](crate::CircuitConfig)
//! - a [`BudgetConfig`](crate::budget::BudgetConfig), and each type of rules of a budget
//! - an `OperationsFile`, with a table for each type of operation of a program
//!
//! The keys are the names of the setters, and most can be left out. Durations are text, such as `"250ms"`. An error
//! names the operation, the key and the value in one line and, if the format knows it, the place. A key without effect
//! is an error.
//!
//! All of them are also written, with the same keys, and read back as the same value. A function as a backoff cannot be
//! written: the error names the key.
//!
//! ```
//! # #[cfg(feature = "serde")] {
//! use core::time::Duration;
//! use retry_core::{CircuitConfig, Policy};
//!
//! let policy: Policy = toml::from_str(
//!     r#"
//!     base_delay = "250ms"
//!     multiplier = 1.5
//!     max_attempts = 4
//!     start_within = "none"
//!     "#,
//! )
//! .unwrap();
//! assert_eq!(policy, Policy::exponential(Duration::from_millis(250)).multiplier(1.5).max_attempts(4));
//!
//! let written = toml::to_string(&policy).unwrap();
//! assert!(written.contains("multiplier = 1.5\n"));
//! assert_eq!(toml::from_str(&written), Ok(policy));
//!
//! let error = toml::from_str::<Policy>("max_attempts = 0").unwrap_err();
//! assert_eq!(error.message(), "max_attempts = 0: must be at least 1");
//!
//! let circuit: CircuitConfig = serde_json::from_str(r#"{"consecutive_failures": 5, "open_for": "10s"}"#).unwrap();
//! assert_eq!(circuit.settings().consecutive_failures, Some(5));
//! # }
//! ```
//!
//! To replace a policy while calls are under way, hand the new one to `policy::ReloadablePolicy`.

#![doc(alias = "configuration file")]
#![doc(alias = "serialize")]
#![doc(alias = "TOML")]
#![doc(alias = "JSON")]

#[cfg(feature = "serde")]
mod budget;
#[cfg(feature = "serde")]
mod budgets;
#[cfg(feature = "serde")]
mod circuit;
#[cfg(feature = "serde")]
mod curve;
#[cfg(feature = "serde")]
mod duration;
#[cfg(feature = "serde")]
mod elsewhere;
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
#[cfg(feature = "serde")]
mod rule;
#[cfg(feature = "serde")]
mod suggest;
#[cfg(feature = "serde")]
mod value;

pub use crate::config_error::ConfigError;
#[cfg(feature = "serde")]
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
pub use {
    budgets::OperationBudgets,
    operations::{FileError, OperationsFile},
};
