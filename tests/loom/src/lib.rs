//! The lock that loom knows, for the tests beside: of one circuit, in `gate.rs`, and of a pool, in `pool.rs`.
#![cfg(loom)]

use std::sync::OnceLock;

use retry_core::runtime::{Exclusive, Initial, Lock};

/// loom's mutex. It cannot be made in a constant, so it is made at the first use, before the threads start.
#[derive(Debug)]
pub struct LoomLock;

/// What it locks with.
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
