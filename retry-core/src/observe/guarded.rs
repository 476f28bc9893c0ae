//! A wrapper for an observer that may panic.

use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::event::{Event, Observer};
use crate::panics::caught;

/// Catches and counts the panics of another observer. The call goes on as if the observer had returned.
///
/// The panic hook still runs, so the panic is reported. The observer is told the next event, in whatever state the
/// panic has left it. In a program that aborts on panics, the panic still aborts it.
///
/// In a tuple, wrap each observer that may panic. Otherwise the observers after it miss the event.
///
/// ```
/// use retry_core::{observe::{Guarded, observer_fn}, testing::FakeClock, Class, Policy, Retry};
///
/// let observer = Guarded::new(observer_fn(|event| assert!(event.attempt < 2, "a mistake in an observer")));
/// let clock = FakeClock::new();
/// let mut answers = [Err(Class::Timeout), Ok(7)].into_iter();
/// let retry = Retry::new(&Policy::DEFAULT, &clock).observe(&observer);
/// assert_eq!(retry.run_blocking(|| answers.next().unwrap()), Ok(7));
/// assert_eq!(observer.panics(), 3); // the second attempt started, succeeded, and ended the call
/// ```
#[derive(Debug, Default)]
pub struct Guarded<O> {
    observer: O,
    panics: AtomicUsize,
}

impl<O> Guarded<O> {
    /// Makes a guard around `observer`.
    pub const fn new(observer: O) -> Self {
        Self { observer, panics: AtomicUsize::new(0) }
    }

    /// Returns the observer in the guard.
    pub const fn observer(&self) -> &O {
        &self.observer
    }

    /// Returns how many panics were caught.
    pub fn panics(&self) -> usize {
        self.panics.load(Relaxed)
    }

    fn guard<T>(&self, f: impl FnOnce(&O) -> T) -> Option<T> {
        let value = caught(|| f(&self.observer));
        if value.is_none() {
            self.panics.fetch_add(1, Relaxed);
        }
        value
    }
}

impl<O: Observer> Observer for Guarded<O> {
    fn observe(&self, event: &Event<'_>) {
        self.guard(|observer| observer.observe(event));
    }

    fn is_enabled(&self) -> bool {
        self.guard(Observer::is_enabled).unwrap_or(false)
    }
}
