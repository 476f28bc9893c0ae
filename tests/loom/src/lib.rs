//! A lock that loom controls, for the tests of circuits in `tests/gate.rs`, `tests/half_open.rs` and `tests/time_window.rs`, and of a pool in `tests/pool.rs`.
#![cfg(loom)]

use std::sync::OnceLock;

use retry_core::runtime::{Exclusive, Initial, Lock};

/// loom's mutex. It cannot be created in a constant, so it is created at its first use, before the threads start.
#[derive(Debug)]
pub struct LoomLock;

/// The mutex of a [`LoomLock`].
#[derive(Debug)]
pub struct LoomMutex<T>(OnceLock<loom::sync::Mutex<T>>);

impl Lock for LoomLock {
    type Of<T: Initial> = LoomMutex<T>;
}

impl<T: Initial> Initial for LoomMutex<T> {
    const INITIAL: Self = Self(OnceLock::new());
}

impl<T: Initial> Exclusive<T> for LoomMutex<T> {
    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        f(&mut self.0.get_or_init(|| loom::sync::Mutex::new(T::INITIAL)).lock().unwrap())
    }
}
