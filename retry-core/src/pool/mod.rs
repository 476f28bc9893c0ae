//! One circuit breaker per host, tenant or other key; and policies and circuits by type of operation.
//!
//! A pool makes a circuit at the first look-up of its key. All circuits of a pool have one configuration, and a failing
//! host opens only its own. Pools are bounded: when a pool is full, it evicts only circuits that are worth little, such as
//! closed ones without failures. So a flood of keys, however large, does not make it forget that a host is down.
//!
//! ```
//! # #[cfg(feature = "std")] {
//! use std::{sync::Arc, time::Duration};
//! use retry_core::{CircuitConfig, CircuitPool, Class, Policy, Retry, circuit::Phase, testing::FakeClock};
//!
//! const CONFIG: CircuitConfig = CircuitConfig::WITHOUT_RULES.consecutive_failures(3);
//!
//! let hosts = Arc::new(CircuitPool::new(10_000, CONFIG)); // at most 10,000 circuits
//! let clock = FakeClock::new();
//! let fetch = |host: &str, answer: Result<u32, Class>| {
//!     let circuit = hosts.get(host);
//!     Retry::new(&Policy::DEFAULT, &clock).keyed(&circuit).circuit(circuit).run_blocking(|| answer)
//! };
//!
//! let _ = fetch("a.example.com", Err(Class::Network)); // three attempts
//! assert!(fetch("a.example.com", Ok(1)).unwrap_err().is_circuit_open());
//! assert_eq!(fetch("b.example.com", Ok(2)).unwrap(), 2);
//!
//! // In a spawned task or a service: a handle that owns a reference to the pool.
//! let owned = hosts.get_owned("a.example.com");
//! assert_eq!(owned.phase(), Phase::Open);
//!
//! // While live, for every circuit of the pool.
//! hosts.reconfigure(CONFIG.open_for(Duration::from_secs(5)), clock.now())?;
//! clock.advance(Duration::from_secs(5));
//! assert_eq!(fetch("a.example.com", Ok(3)).unwrap(), 3);
//! # }
//! # Ok::<_, retry_core::ConfigError>(())
//! ```
//!
//! # Types
//!
//! | type | keys | memory | look-up |
//! |---|---|---|---|
//! | `CircuitPool`, with the feature `std` | text of any length | allocated as circuits are made | hashed, without a lock |
//! | [`FixedCircuitPool<N>`](FixedCircuitPool) | up to 23 bytes | in place: no allocator | one by one, one lock: for tens of keys |
//! | [`Operations<N>`](Operations) | names known when the program is written | in place | at the start of the program |
//!
//! A look-up returns a handle, which is a [`Gate`](crate::circuit::Gate): `PooledCircuit` borrows its pool, and
//! `OwnedCircuit` owns a reference to it. While a handle exists, its circuit is not evicted.
//!
//! # When a pool is full
//!
//! A new key evicts a circuit by the rules in `CircuitPool`'s documentation. If no circuit may be evicted, the new key gets
//! an *overflow* handle: it admits every attempt and counts nothing, as if there were no circuit. The pool
//! [counts](PoolCounts) how often that happens.
//!
//! # What is not there
//!
//! A pool is not a load balancer: it does not compare hosts with each other. It is not a connection pool either.

#![doc(alias = "registry")]
#![doc(alias = "circuit breaker registry")]
#![doc(alias = "per-host circuit breaker")]

#[cfg(feature = "std")]
mod circuits;
#[cfg(feature = "std")]
mod entry;
mod eviction;
mod fixed;
#[cfg(feature = "std")]
mod handle;
#[cfg(feature = "std")]
mod hash;
#[cfg(feature = "std")]
mod index;
mod operations;
#[cfg(feature = "std")]
mod sync;

#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use circuits::CircuitPool;
pub use eviction::PoolCounts;
pub use fixed::{FixedCircuit, FixedCircuitPool};
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use handle::{CircuitHandle, OwnedCircuit, PooledCircuit};
pub use operations::{Operation, Operations};
