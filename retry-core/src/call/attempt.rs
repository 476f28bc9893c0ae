//! One attempt under way, and the verdict it ends with.

use core::fmt;
use core::mem::ManuallyDrop;
use core::time::Duration;

use rand_core::Rng;

use super::course::Course;
use crate::budget::{Budget, NoBudget};
use crate::circuit::{Gate, NoCircuit};
use crate::class::Class;
use crate::classify::Progress;
use crate::observe::Observer;
use crate::policy::{Failure, Policies, Policy};
use crate::time::Now;
use crate::verdict::{GiveUp, Verdict};

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
    /// The nanoseconds that the call had taken when the attempt began, once its limit was asked for.
    began: Option<u64>,
}

impl<'c, P: Policies, G: Gate, B: Budget, O: Observer> Attempt<'c, P, G, B, O> {
    /// The attempt that has begun.
    #[inline]
    pub(super) fn new(course: Course<'c, P, G, B, O>) -> Self {
        Self { course, began: None }
    }

    /// Which attempt of the call this is, from 1.
    pub fn number(&self) -> u32 {
        self.course.state.attempts()
    }

    /// How far the call has come: which attempt this is, and what is left of the call's time. Asks the time only where
    /// the call counts it.
    pub fn progress(&mut self, now: impl Now) -> Progress {
        self.course.progress_at(now)
    }

    /// How long to wait for the attempt: its attempt timeout, or what is left of the call's total timeout, if that is
    /// less. `None` without a limit. To be asked once, when the attempt begins. Asks the time only under a total timeout.
    ///
    /// If the total timeout has passed already, the answer is zero: end the attempt by [`time_out`](Self::time_out) then,
    /// without calling the operation.
    pub fn time_limit(&mut self, now: impl Now) -> Option<Duration> {
        let Self { course, began } = self;
        if course.policy().has_total_timeout() {
            course.state.elapsed(now);
            *began = Some(course.state.so_far());
        }
        course.time_limit()
    }

    /// Ends the attempt as a success, and the call with it.
    #[inline]
    pub fn succeed(self, now: impl Now) {
        // Before anything in there can panic, the attempt has ended: its own drop would only look at that.
        ManuallyDrop::new(self).course.succeed(now);
    }

    /// Ends the attempt as a failure: tells the circuit and the budget, and says what comes next.
    ///
    /// The order of the questions: is the error retried, are attempts left, does the server's hint fit, would the
    /// retry start in time, would it start before the total timeout, would the circuit still be open then, does the
    /// budget hold another retry. The first "no" is the answer. One word is taken from `rng` where a delay is worked
    /// out, none where not.
    #[inline]
    pub fn fail(mut self, failure: impl Into<Failure>, now: impl Now, rng: &mut impl Rng) -> Verdict {
        self.course.fail(failure.into(), || None, now, || rng.next_u64())
    }

    /// The attempt had no end within its [`time_limit`](Self::time_limit): says what comes next.
    ///
    /// If the limit was the attempt timeout, the attempt failed with class [`Timeout`](Class::Timeout), as by
    /// [`fail`](Self::fail). If it was the call's total timeout, the verdict is
    /// [`GiveUp::TotalTimeout`](crate::GiveUp::TotalTimeout). The circuit then counts the attempt as a failure only if it
    /// ran for at least the attempt timeout or the circuit's `slow_after`, and else as cancelled.
    ///
    /// ```
    /// use core::time::Duration;
    /// use retry_core::{testing::FakeClock, Call, GiveUp, Policy, Verdict};
    ///
    /// const POLICY: Policy = Policy::DEFAULT.total_timeout(Duration::from_secs(10));
    ///
    /// let clock = FakeClock::new();
    /// let mut call = Call::new(&POLICY, clock.now());
    /// clock.advance(Duration::from_secs(4));
    /// let mut attempt = call.attempt(clock.now()).unwrap();
    /// let limit = attempt.time_limit(clock.now()).unwrap();
    /// assert_eq!(limit, Duration::from_secs(6));
    /// clock.advance(limit); // no answer
    /// let verdict = attempt.time_out(clock.now(), &mut clock.words(&[]));
    /// assert_eq!(verdict, Verdict::GiveUp(GiveUp::TotalTimeout));
    /// ```
    pub fn time_out(mut self, now: impl Now, rng: &mut impl Rng) -> Verdict {
        let failure = Failure::new(Class::Timeout);
        let began = self.began.unwrap_or_else(|| self.course.state.so_far());
        if !self.course.policy().reaches_total(began) {
            return self.course.fail(failure, || None, now, || rng.next_u64());
        }
        self.course.end_with_total(began, failure, now);
        Verdict::GiveUp(GiveUp::TotalTimeout)
    }

    /// Ends the attempt as cancelled. A drop does the same, but cannot tell an observer the time.
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
