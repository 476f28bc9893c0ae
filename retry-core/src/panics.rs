//! Panics in code of the user.

/// Returns the result of `f`; `None` if it panicked, which only `std` can catch.
#[cfg(feature = "std")]
pub(crate) fn caught<T>(f: impl FnOnce() -> T) -> Option<T> {
    use core::mem;
    use core::panic::AssertUnwindSafe;
    use std::panic::catch_unwind;

    catch_unwind(AssertUnwindSafe(f))
        .map_err(|payload| {
            // The payload of the panic may panic in its own `Drop`.
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
