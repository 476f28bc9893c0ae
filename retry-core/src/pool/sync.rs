//! The atomics and the lock of a pool: those of the standard library, or those of loom, which tests every interleaving.

#[cfg(loom)]
pub(super) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU32, AtomicUsize},
};
#[cfg(not(loom))]
pub(super) use {
    core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize},
    std::sync::{Mutex, MutexGuard},
};
