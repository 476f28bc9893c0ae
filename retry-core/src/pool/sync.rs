//! The atomics and the lock of a pool. They come from the standard library, or from loom, which tests every
//! interleaving.

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
