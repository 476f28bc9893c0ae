//! Locks, which are chosen by a type parameter.

use core::cell::RefCell;

#[cfg(all(feature = "critical-section", not(feature = "std")))]
use self::CriticalSectionLock as Chosen;
#[cfg(not(any(feature = "std", feature = "critical-section")))]
use self::LocalLock as Chosen;
#[cfg(feature = "std")]
use self::StdLock as Chosen;

/// A kind of lock for shared state, such as that of a circuit. It is chosen by a type parameter.
///
/// | type | shared between | needs |
/// |---|---|---|
/// | `StdLock` | threads | the feature `std` |
/// | `CriticalSectionLock` | threads, interrupts and cores | the feature `critical-section` |
/// | [`LocalLock`] | the tasks of one thread | |
///
/// [`DefaultLock`] is one of these. `retry-embassy` has one more, `EmbassyLock`, over embassy's mutexes.
pub trait Lock {
    /// The type of the lock around a `T`.
    type Of<T: Initial>: Exclusive<T>;
}

/// A value with a constant first state, so that a lock around it can be a `static`.
pub trait Initial {
    /// The first state.
    const INITIAL: Self;
}

/// A lock around a `T`, which begins in its [`Initial`] state.
pub trait Exclusive<T>: Initial {
    /// Runs `f` with exclusive access to the value. `f` must be short, and must not take the same lock again.
    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R;
}

/// The default lock of [`SharedCircuit`](crate::SharedCircuit), [`SharedBudget`](crate::SharedBudget), pools, queues
/// and recorders.
///
/// It is `StdLock` with the feature `std`, or else `CriticalSectionLock` with the feature `critical-section`, or else
/// [`LocalLock`], which cannot be used in a `static`. Cargo unites the features of all crates in a program. So a
/// library that needs a particular lock should name it.
///
/// ```
/// use retry_core::runtime::{DefaultLock, Exclusive, Initial, Lock};
///
/// struct Count(u32);
///
/// impl Initial for Count {
///     const INITIAL: Self = Self(0);
/// }
///
/// let count = <DefaultLock as Lock>::Of::<Count>::INITIAL;
/// count.with(|count| count.0 += 1);
/// assert_eq!(count.with(|count| count.0), 1);
/// ```
pub type DefaultLock = Chosen;

/// A [`RefCell`] in place of a lock, for state that belongs to one thread. The compiler prevents other threads from
/// sharing it.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LocalLock;

impl Lock for LocalLock {
    type Of<T: Initial> = RefCell<T>;
}

impl<T: Initial> Initial for RefCell<T> {
    const INITIAL: Self = Self::new(T::INITIAL);
}

impl<T: Initial> Exclusive<T> for RefCell<T> {
    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        f(&mut self.borrow_mut())
    }
}

/// A [`std::sync::Mutex`], for state that threads share. Poisoning is ignored, because a panic leaves the state
/// consistent.
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
#[derive(Clone, Copy, Debug)]
pub struct StdLock;

#[cfg(feature = "std")]
mod std_lock {
    use std::sync::{Mutex, PoisonError};

    use super::{Exclusive, Initial, Lock, StdLock};

    impl Lock for StdLock {
        type Of<T: Initial> = Mutex<T>;
    }

    impl<T: Initial> Initial for Mutex<T> {
        const INITIAL: Self = Self::new(T::INITIAL);
    }

    impl<T: Initial> Exclusive<T> for Mutex<T> {
        fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
            f(&mut self.lock().unwrap_or_else(PoisonError::into_inner))
        }
    }
}

/// A critical section of the crate [`critical_section`], for state that interrupts and cores share.
///
/// The program provides the implementation, usually through the support crate of its chip. Interrupts are off while the
/// section is held.
#[cfg(feature = "critical-section")]
#[cfg_attr(docsrs, doc(cfg(feature = "critical-section")))]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CriticalSectionLock;

#[cfg(feature = "critical-section")]
mod critical_section_lock {
    use core::cell::RefCell;

    use critical_section::Mutex;

    use super::{CriticalSectionLock, Exclusive, Initial, Lock};

    impl Lock for CriticalSectionLock {
        type Of<T: Initial> = Mutex<RefCell<T>>;
    }

    impl<T: Initial> Initial for Mutex<RefCell<T>> {
        const INITIAL: Self = Self::new(RefCell::INITIAL);
    }

    impl<T: Initial> Exclusive<T> for Mutex<RefCell<T>> {
        fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
            critical_section::with(|section| self.borrow(section).with(f))
        }
    }
}
