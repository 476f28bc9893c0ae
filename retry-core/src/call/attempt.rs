//! One attempt of a call, and the verdict after it.

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

/// One attempt of a [`Call`](crate::Call), with its admission by the circuit.
///
/// It borrows its call, so two attempts at the same time are a compile error. An attempt that is dropped, by an early
/// return, a panic or a cancelled future, is cancelled. The circuit then leaves it out of its counts, and a half-open
/// circuit gets the slot of the probe back.
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
    /// How long the call had taken when the attempt began, in nanoseconds.
    began: u64,
    /// How long it had taken when `time_limit` was asked.
    timed_from: Option<u64>,
}

impl<'c, P: Policies, G: Gate, B: Budget, O: Observer> Attempt<'c, P, G, B, O> {
    /// Makes the attempt that has just begun.
    #[inline]
    pub(super) fn new(course: Course<'c, P, G, B, O>) -> Self {
        let began = course.began();
        Self { course, began, timed_from: None }
    }

    /// Returns the number of this attempt in its call, counted from 1.
    pub fn number(&self) -> u32 {
        self.course.state.attempts()
    }

    /// Returns the progress of the call: the number of the attempt, and the time taken and left. The time is read only
    /// if the call measures it.
    pub fn progress(&mut self, now: impl Now) -> Progress {
        self.course.progress_at(now)
    }

    /// Returns how long to wait for the attempt: the attempt timeout, or the rest of the total timeout if that is less;
    /// `None` if the policy has neither. Call it once, when the attempt begins. The time is read only if there is a
    /// total timeout or a time to start within.
    ///
    /// If the total timeout has already passed, the limit is zero. So it is for a retry that starts later than
    /// [`start_within`](Policy::start_within) allows, because a sleep took longer than asked. Then end the attempt by
    /// [`time_out`](Self::time_out) at once, before the operation is called.
    pub fn time_limit(&mut self, now: impl Now) -> Option<Duration> {
        let Self { course, timed_from, .. } = self;
        if course.policy().limits_starts() {
            course.state.elapsed(now);
            let began = course.state.so_far();
            *timed_from = Some(began);
            if course.began_late(began) {
                return Some(Duration::ZERO);
            }
        }
        course.time_limit()
    }

    /// Ends the attempt as a success, and the call with it.
    #[inline]
    pub fn succeed(self, now: impl Now) {
        // `ManuallyDrop` saves a useless drop, because `succeed` ends the attempt before anything in it can panic.
        ManuallyDrop::new(self).course.succeed(now);
    }

    /// Ends the attempt as a failure, records it in circuit and budget, and returns the verdict.
    ///
    /// These checks run in order, and the first that fails decides the verdict:
    ///
    /// 1. The policy retries the class of the error.
    /// 2. Attempts are left.
    /// 3. The policy accepts the server's hint.
    /// 4. The retry would start within [`start_within`](Policy::start_within).
    /// 5. The retry would start before the [`total_timeout`](Policy::total_timeout).
    /// 6. The circuit would admit the retry at that time.
    /// 7. The budget holds the price of a retry.
    ///
    /// One word is taken from `rng` if the first two checks pass.
    #[inline]
    pub fn fail(mut self, failure: impl Into<Failure>, now: impl Now, rng: &mut impl Rng) -> Verdict {
        let failure = self.course.with_neutral(failure);
        self.course.fail(self.began, failure, || None, now, || rng.next_u64())
    }

    /// Ends an attempt that exceeded its [`time_limit`](Self::time_limit), and returns the verdict.
    ///
    /// If the limit was the attempt timeout, this is a [`fail`](Self::fail) with class [`Timeout`](Class::Timeout). If
    /// it was the rest of the total timeout, the verdict is [`GiveUp::TotalTimeout`](crate::GiveUp::TotalTimeout). The
    /// circuit then counts the attempt as a failure if it ran as long as the attempt timeout, and otherwise as
    /// [cancelled](Self::cancel). If the attempt started too late, the verdict is
    /// [`GiveUp::StartWithin`](crate::GiveUp::StartWithin), and the attempt ends neutrally.
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
    /// clock.advance(limit); // the operation takes too long
    /// let verdict = attempt.time_out(clock.now(), &mut clock.words(&[]));
    /// assert_eq!(verdict, Verdict::GiveUp(GiveUp::TotalTimeout));
    /// ```
    pub fn time_out(mut self, now: impl Now, rng: &mut impl Rng) -> Verdict {
        let failure = self.course.with_neutral(Class::Timeout);
        if self.timed_from.is_some_and(|began| self.course.began_late(began)) {
            self.course.end_unstarted(now);
            return Verdict::GiveUp(GiveUp::StartWithin);
        }
        let timed_from = self.timed_from.unwrap_or_else(|| self.course.state.so_far());
        if !self.course.policy().reaches_total(timed_from) {
            return self.course.fail(self.began, failure, || None, now, || rng.next_u64());
        }
        self.course.end_with_total(timed_from, failure, now);
        Verdict::GiveUp(GiveUp::TotalTimeout)
    }

    /// Ends the attempt as cancelled.
    ///
    /// The circuit counts it as a failure if it ran long enough: see
    /// [`cancelled_after`](crate::CircuitConfig::cancelled_after). A drop also cancels the attempt, but lacks the time. So
    /// the circuit leaves such an attempt out of its counts, and the observer gets no event.
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
