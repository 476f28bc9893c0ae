//! Panics in code of others.

/// What `f` gives; `None` where it panicked, which only `std` can tell.
#[cfg(feature = "std")]
pub(crate) fn caught<T>(f: impl FnOnce() -> T) -> Option<T> {
    use core::mem;
    use core::panic::AssertUnwindSafe;
    use std::panic::catch_unwind;

    catch_unwind(AssertUnwindSafe(f))
        .map_err(|payload| {
            // What was panicked with may panic when it is dropped.
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                mem::forget(payload);
            }
        })
        .ok()
}

#[cfg(not(feature = "std"))]
pub(crate) fn caught<T>(f: impl FnOnce() -> T) -> Option<T> {
    Some(f())
}
