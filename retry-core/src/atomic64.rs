//! The 64-bit atomic: that of the standard library, or that of loom, which tests every interleaving.

#[cfg(not(loom))]
pub(crate) use core::sync::atomic::AtomicU64;

/// loom's atomics cannot be constants, so each one is made at its first use, before the threads start.
#[cfg(loom)]
pub(crate) struct AtomicU64(u64, std::sync::OnceLock<loom::sync::atomic::AtomicU64>);

#[cfg(loom)]
impl AtomicU64 {
    pub(crate) const fn new(value: u64) -> Self {
        Self(value, std::sync::OnceLock::new())
    }
}

#[cfg(loom)]
impl core::ops::Deref for AtomicU64 {
    type Target = loom::sync::atomic::AtomicU64;

    fn deref(&self) -> &Self::Target {
        self.1.get_or_init(|| loom::sync::atomic::AtomicU64::new(self.0))
    }
}
