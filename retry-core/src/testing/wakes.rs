//! Whether a future was woken while a fake clock polled it.

use core::task::Waker;

#[cfg(feature = "std")]
pub(super) use counted::Wakes;

use crate::time::Instant;

/// With an allocator: a waker that counts.
#[cfg(feature = "std")]
mod counted {
    use core::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::Arc;
    use std::task::Wake;

    use super::{Instant, Waker};

    pub(in super::super) struct Wakes(Arc<Count>);

    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Release);
        }
    }

    impl Wakes {
        pub(in super::super) fn new() -> Self {
            Self(Arc::new(Count(AtomicUsize::new(0))))
        }

        pub(in super::super) fn waker(&self) -> Waker {
            self.0.clone().into()
        }

        /// A mark that changes when the future is woken.
        pub(in super::super) fn mark(&self, _: Instant) -> usize {
            self.0.0.load(Ordering::Acquire)
        }
    }
}

/// Without an allocator: the time. A safe waker has no place to count, but the clock wakes a future only when it moves.
#[cfg(not(feature = "std"))]
pub(super) struct Wakes;

#[cfg(not(feature = "std"))]
impl Wakes {
    pub(super) const fn new() -> Self {
        Self
    }

    pub(super) fn waker(&self) -> Waker {
        Waker::noop().clone()
    }

    pub(super) fn mark(&self, now: Instant) -> Instant {
        now
    }
}
