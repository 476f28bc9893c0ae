//! One attempt under way, and the verdict it ends with.

use core::fmt;

use rand_core::Rng;

use super::course::Course;
use crate::budget::{Budget, NoBudget};
use crate::circuit::{Gate, NoCircuit};
use crate::classify::Progress;
use crate::observe::Observer;
use crate::policy::{Failure, Policies, Policy};
use crate::time::Now;
use crate::verdict::Verdict;

/// One attempt under way, and its permit: it borrows its call, so two at once do not compile.
///
/// Dropping it, by an early return, a panic or a cancelled future, cancels the attempt: the circuit gets its
/// place back and counts nothing.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use core::time::Duration;
/// use retry_core::{circuit::Gate, testing::FakeClock, Call, CircuitConfig, Class, Policy, SharedCircuit};
///
/// static STOCK: SharedCircuit =
///     SharedCircuit::new(CircuitConfig::DEFAULT.consecutive_failures(1).open_for(Duration::from_secs(1)));
///
/// let clock = FakeClock::new();
/// let mut call = Call::new(&Policy::DEFAULT, clock.now()).circuit(&STOCK);
/// let _ = call.attempt(clock.now()).unwrap().fail(Class::Network, clock.now(), &mut clock.words(&[]));
///
/// clock.advance(Duration::from_secs(1));
/// let probe = call.attempt(clock.now()).unwrap();
/// assert!(STOCK.admit(clock.now()).is_err()); // the only probe is taken
/// drop(probe);
/// assert!(STOCK.admit(clock.now()).is_ok());
/// # }
/// ```
#[must_use = "an attempt that is dropped is cancelled"]
pub struct Attempt<
    'c,
    P: Policies = &'static Policy,
    G: Gate = NoCircuit,
    B: Budget = NoBudget,
    O: Observer = (),
> {
    course: Course<'c, P, G, B, O>,
}

impl<'c, P: Policies, G: Gate, B: Budget, O: Observer> Attempt<'c, P, G, B, O> {
    /// The attempt that has begun.
    #[inline]
    pub(super) fn new(course: Course<'c, P, G, B, O>) -> Self {
        Self { course }
    }

    /// Which attempt of the call this is, from 1.
    pub fn number(&self) -> u32 {
        self.course.state.attempts()
    }

    /// How far the call has come: which attempt this is, and what its deadline leaves. Asks the time only where the
    /// call counts it.
    pub fn progress(&mut self, now: impl Now) -> Progress {
        self.course.progress_at(now)
    }

    /// The attempt succeeded, and the call with it.
    #[inline]
    pub fn succeed(mut self, now: impl Now) {
        self.course.succeed(now);
    }

    /// The attempt failed: tells circuit and budget, and says what comes next.
    ///
    /// The order of the questions: is the error retried, are attempts left, does the server's hint fit, would the
    /// retry start before the deadline, would the circuit still be open then, does the budget hold another retry.
    /// The first "no" is the answer. One word is taken from `rng` where a delay is worked out, none where not.
    #[inline]
    pub fn fail(mut self, failure: impl Into<Failure>, now: impl Now, rng: &mut impl Rng) -> Verdict {
        self.course.fail(failure.into(), || None, now, || rng.next_u64())
    }

    /// The attempt is abandoned. A drop does the same, but cannot tell an observer the time.
    pub fn cancel(mut self, now: impl Now) {
        self.course.cancel(now);
    }
}

impl<P: Policies, G: Gate, B: Budget, O: Observer> Drop for Attempt<'_, P, G, B, O> {
    #[inline]
    fn drop(&mut self) {
        self.course.drop_attempt();
    }
}

#[cfg(feature = "defmt")]
impl<P: Policies, G: Gate, B: Budget, O: Observer> defmt::Format for Attempt<'_, P, G, B, O> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Attempt {{ number: {=u32} }}", self.number());
    }
}

impl<P: Policies, G: Gate, B: Budget, O: Observer> fmt::Debug for Attempt<'_, P, G, B, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt").field("number", &self.number()).finish_non_exhaustive()
    }
}
