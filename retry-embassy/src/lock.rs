//! A lock for circuits and budgets, over embassy's mutexes.

use core::cell::RefCell;
use core::fmt;
use core::marker::PhantomData;

use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::RawMutex;
use retry_core::runtime::{Exclusive, Initial, Lock};

/// A lock for circuits and budgets: a [blocking mutex](Mutex) of embassy-sync over the raw mutex `M`.
///
/// | `M` | for |
/// |---|---|
/// | `ThreadModeRawMutex` | tasks of one executor in thread mode; interrupts stay enabled |
/// | `NoopRawMutex` | a circuit or budget that stays in one task |
/// | `CriticalSectionRawMutex` | everything, as [`CriticalSectionLock`](crate::CriticalSectionLock) |
///
/// ```
/// use embassy_sync::blocking_mutex::raw::NoopRawMutex;
/// use retry_core::{circuit::{CountWindow, Phase}, CircuitConfig, SharedBudget, SharedCircuit, TokenBucket};
/// use retry_embassy::{CriticalSectionLock, EmbassyLock};
///
/// const CONFIG: CircuitConfig = CircuitConfig::WITHOUT_RULES.consecutive_failures(3);
///
/// static UPLINK: SharedCircuit<CountWindow<32>, CriticalSectionLock> = SharedCircuit::with_window(CONFIG);
/// static RETRIES: SharedBudget<TokenBucket, CriticalSectionLock> = SharedBudget::with_lock(TokenBucket::DEFAULT);
///
/// let sensor = SharedCircuit::<CountWindow<8>, EmbassyLock<NoopRawMutex>>::with_window(CONFIG); // of one task
/// assert_eq!(UPLINK.phase(), Phase::Closed);
/// assert_eq!(sensor.phase(), Phase::Closed);
/// ```
pub struct EmbassyLock<M>(PhantomData<M>);

impl<M: RawMutex> Lock for EmbassyLock<M> {
    type Of<T: Initial> = Guarded<M, T>;
}

/// A value behind an [`EmbassyLock`].
pub struct Guarded<M, T>(Mutex<M, RefCell<T>>);

impl<M: RawMutex, T: Initial> Initial for Guarded<M, T> {
    const INITIAL: Self = Self(Mutex::const_new(M::INIT, RefCell::new(T::INITIAL)));
}

impl<M: RawMutex, T: Initial> Exclusive<T> for Guarded<M, T> {
    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        self.0.lock(|value| f(&mut value.borrow_mut()))
    }
}

#[cfg(feature = "defmt")]
impl<M> defmt::Format for EmbassyLock<M> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "EmbassyLock");
    }
}

#[cfg(feature = "defmt")]
impl<M, T> defmt::Format for Guarded<M, T> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Guarded");
    }
}

impl<M> fmt::Debug for EmbassyLock<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmbassyLock")
    }
}

impl<M, T> fmt::Debug for Guarded<M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").finish_non_exhaustive()
    }
}
