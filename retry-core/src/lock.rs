//! Mutual exclusion, chosen by type.

use core::cell::RefCell;

#[cfg(all(feature = "critical-section", not(feature = "std")))]
use self::CriticalSectionLock as Chosen;
#[cfg(not(any(feature = "std", feature = "critical-section")))]
use self::LocalLock as Chosen;
#[cfg(feature = "std")]
use self::StdLock as Chosen;

/// The kind of mutual exclusion that guards what is shared, chosen by type.
pub trait Lock {
    /// The lock around a `T`.
    type Of<T: Initial>: Exclusive<T>;
}

/// A value with a constant first state, so that a lock around it can stand in a `static`.
pub trait Initial {
    /// The first state.
    const INITIAL: Self;
}

/// A lock around a `T`, at first in its [`Initial`] state.
pub trait Exclusive<T>: Initial {
    /// Runs `f` with the value to itself. `f` is short, and never asks for the same lock again.
    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R;
}

/// The lock of this build, for what names none.
///
/// It is [`StdLock`] with the feature `std`, else [`CriticalSectionLock`] with the feature `critical-section`, else
/// [`LocalLock`]. Cargo adds up the features that all crates of a build ask for, so a library names its lock instead.
///
/// ```
/// use retry_core::runtime::{DefaultLock, Exclusive, Initial, Lock};
///
/// struct Count(u32);
///
/// impl Initial for Count {
///     const INITIAL: Self = Count(0);
/// }
///
/// let count = <DefaultLock as Lock>::Of::<Count>::INITIAL;
/// assert_eq!(count.with(|count| { count.0 += 1; count.0 }), 1);
/// ```
pub type DefaultLock = Chosen;

/// No lock, for one thread alone: a [`RefCell`], which the compiler keeps from being shared.
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

/// [`std::sync::Mutex`].
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
            // The state is whole between any two of its steps, so a panic elsewhere is no reason to stop.
            f(&mut self.lock().unwrap_or_else(PoisonError::into_inner))
        }
    }
}

/// A critical section of the target's, by the crate [`critical_section`]: for what interrupts and other cores share.
///
/// The program brings the implementation, most often a chip's support crate. `f` runs with interrupts off.
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
