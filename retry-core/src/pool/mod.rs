//! One circuit breaker per host, tenant or other key; and policies and circuits by type of operation.
//!
//! Guides: [circuit breakers](crate::_guides::circuits), [HTTP and tower](crate::_guides::http_and_tower),
//! [a client of your own](crate::_guides::client).
//!
//! A pool makes a circuit at the first look-up of its key. All circuits of a pool have the same configuration, and a
//! failing host opens only its own circuit. A pool is bounded. When it is full, it evicts circuits that have little to
//! remember, such as closed ones without failures. So it remembers that a host is down, however many new keys arrive.
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
//! | `CircuitPool`, with the feature `std` | text of any length | allocated as circuits are made | by hash, without a lock |
//! | [`FixedCircuitPool<N>`](FixedCircuitPool) | text of any length; above 23 bytes, a look-up computes a digest | in place: no allocator | compares keys one by one under one lock, for tens of keys |
//! | [`Operations<N>`](Operations) | names fixed in the program | in place | once, at the start of the program |
//!
//! A look-up returns a handle, which is a [`Gate`](crate::circuit::Gate): it can be the circuit of a
//! [`Retry`](crate::Retry). `PooledCircuit` borrows its pool, and `OwnedCircuit` owns a reference to it. The pool
//! evicts a circuit only after its last handle is dropped.
//!
//! # When a pool is full
//!
//! A new key evicts a circuit by the rules in `CircuitPool`'s documentation. If every circuit has to be kept, the new
//! key gets an *overflow* handle, which admits every attempt and discards outcomes. The pool [counts](PoolCounts) these
//! look-ups.
//!
//! # Limits
//!
//! A pool treats each key by itself. To compare hosts with each other, use a load balancer. To reuse connections, use a
//! connection pool.

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
mod text;

#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use circuits::CircuitPool;
pub use eviction::PoolCounts;
pub use fixed::{FixedCircuit, FixedCircuitPool};
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use handle::{CircuitHandle, OwnedCircuit, PooledCircuit};
pub use operations::{Operation, Operations};
