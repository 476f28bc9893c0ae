//! Configuration files for retry policies and circuit breakers, and the error of a value that is not allowed.
//!
//! Guides: [configuration](crate::_guides::configuration), [settings](crate::_guides::settings).
//!
//! # Values that are not allowed
//!
//! Each setter that can be given a wrong value has two forms. The plain one, such as
//! [`max_attempts`](crate::Policy::max_attempts), panics; in a `const` that is a compile error. The `try_` one is for
//! values known only at run time, and returns a [`ConfigError`]. Both say the same line: field, value and rule.
//!
//! # Files
//!
//! With the feature `serde`, a [`Policy`](crate::Policy) and a [`CircuitConfig`](crate::CircuitConfig) are read from any
//! format that serde knows, such as TOML and JSON. Keys are the names of the setters, durations are text such as
//! `"250ms"`, and every key can be left out. An unknown key is an error. `OperationsFile` reads a table for each type of
//! operation of a program. An error names the key and, if the format knows it, the place.
//!
//! Both are also written, with the same keys. What was written reads back as the same value. What a file cannot say, a
//! function as a backoff or a rule, is an error that names the key.
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
//! To replace a policy while calls are under way, give what was read to `policy::ReloadablePolicy`.

#![doc(alias = "configuration file")]
#![doc(alias = "serialize")]
#![doc(alias = "TOML")]
#![doc(alias = "JSON")]

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
