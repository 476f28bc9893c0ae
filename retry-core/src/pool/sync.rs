//! The atomics and the lock that a pool is made of: the standard library's, or loom's, which tries every interleaving.

#[cfg(loom)]
pub(super) use loom::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicU32, AtomicUsize},
};
#[cfg(not(loom))]
pub(super) use {
    core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize},
    std::sync::Mutex,
};
