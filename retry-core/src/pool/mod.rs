//! Many circuits by key, and what each type of operation gets, by name.
//!
//! A pool is bounded, and full pools forget. What they forget is worth nothing: a circuit that is closed, holds no
//! failure, and is in nobody's hands. A new one in its place treats the next calls the same. All others stay, so that
//! no flood of keys, however large, makes a pool forget that a dependency is down. Where nothing may be forgotten, the
//! newcomer goes without a circuit of its own, and is counted.

#[cfg(feature = "std")]
mod circuits;
mod counts;
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
pub use counts::PoolCounts;
pub use fixed::{FixedCircuit, FixedCircuitPool};
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use handle::{CircuitHandle, OwnedCircuit, PooledCircuit};
pub use operations::{Operation, Operations};
