//! One attempt under way, and the verdict it ends with.

use core::fmt;
use core::time::Duration;

use rand_core::Rng;

use super::course::Course;
use crate::budget::{Budget, Deposit, NoBudget, Price, Request};
use crate::circuit::{Gate, NoCircuit};
use crate::classify::Progress;
use crate::failure::Failure;
use crate::observe::{EventKind, Observer};
use crate::policy::FailedAttempt;
use crate::time::{Instant, Now, Reading};
use crate::verdict::{GiveUp, Verdict};

/// One attempt under way, and its permit: it borrows its call, so two at once do not compile.
///
/// Dropping it, by an early return, a panic or a cancelled future, cancels the attempt: the circuit gets its
/// place back and counts nothing.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use core::time::Duration;
/// use retry_core::{Call, CircuitConfig, Class, FakeClock, Gate, Policy, SharedCircuit};
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
pub struct Attempt<'c, 'a, G: Gate = NoCircuit, B: Budget = NoBudget, O: Observer + ?Sized = ()> {
    pub(super) course: Course<'c, 'a, G, B, O>,
    /// What the circuit and the budget gave for it; `None` once it ended.
    held: Option<(G::Ticket, Price)>,
}

impl<'c, 'a, G: Gate, B: Budget, O: Observer + ?Sized> Attempt<'c, 'a, G, B, O> {
    /// The attempt that holds this.
    #[inline]
    pub(crate) fn resume(course: Course<'c, 'a, G, B, O>, held: (G::Ticket, Price)) -> Self {
        Self { course, held: Some(held) }
    }

    /// Takes over what was paid for it.
    #[inline]
    pub(super) fn pay(&mut self, now: impl Now) {
        let Course { setup, state } = &mut self.course;
        setup.budget.deposit(Deposit::Started { first: state.attempts == 1 }, now);
        if let (Some(paid), Some((_, price))) = (state.granted.take(), &mut self.held) {
            *price = paid;
        }
    }

    /// Which attempt of the call this is, from 1.
    pub fn number(&self) -> u32 {
        self.course.state.attempts
    }

    /// How far the call has come: which attempt this is, and what its deadline leaves. Asks the time only where the
    /// call counts it.
    pub fn progress(&mut self, now: impl Now) -> Progress {
        self.course.state.elapsed(now);
        self.course.progress()
    }

    /// How far the call had come when the attempt began.
    #[inline]
    pub(crate) fn begun(&self) -> Progress {
        self.course.progress()
    }

    /// The attempt succeeded, and the call with it.
    #[inline]
    pub fn succeed(mut self, now: impl Now) {
        self.ends_well(now);
    }

    #[inline]
    pub(crate) fn ends_well(&mut self, now: impl Now) {
        let mut now = Reading::Unread(now);
        let (ticket, price) = self.release();
        let Course { setup, state } = &self.course;
        let change = setup.gate.succeed(ticket, || now.get());
        setup.budget.deposit(Deposit::Succeeded { first: state.attempts == 1, price }, || now.get());
        self.course.changed(change);
        self.course.emit(&mut now, EventKind::Succeeded);
    }

    /// The attempt failed: tells circuit and budget, and says what comes next.
    ///
    /// The order of the questions: is the error retried, are attempts left, does the server's hint fit, would the
    /// retry start before the deadline, would the circuit still be open then, does the budget hold another retry.
    /// The first "no" is the answer. One word is taken from `rng` where a delay is worked out, none where not.
    pub fn fail(mut self, failure: impl Into<Failure>, now: impl Now, rng: &mut impl Rng) -> Verdict {
        self.fails(failure.into(), now, || rng.next_u64())
    }

    pub(crate) fn fails(&mut self, failure: Failure, now: impl Now, word: impl FnOnce() -> u64) -> Verdict {
        let mut now = Reading::Unread(now);
        // The policy asks others' code for the time, a word, a curve: until it has answered, a panic is a drop.
        let Course { setup, state } = &mut self.course;
        let elapsed = || state.elapsed.as_mut().map_or(0, |elapsed| elapsed.at(now.get()));
        let failed = FailedAttempt {
            number: state.attempts,
            failure,
            previous: state.pause.delay,
            curve: setup.curve,
        };
        let plan = setup.policy.decide(&failed, &mut state.most_attempts, elapsed, word);

        let (ticket, price) = self.release();
        let Course { setup, state } = &mut self.course;
        let class = failure.class;
        let delay = plan.as_ref().ok().map(|plan| Duration::from_nanos(plan.delay));
        let word = plan.as_ref().map_or(0, |plan| plan.word);
        let settled = setup.gate.fail(ticket, class, || now.get(), delay, word);
        setup.budget.deposit(Deposit::Failed { class, price }, || now.get());
        let verdict = match (plan, settled.next) {
            (Err(reason), _) => Verdict::GiveUp(reason),
            (Ok(_), Err(rejected)) => Verdict::Rejected(rejected),
            (Ok(plan), Ok(())) => {
                match setup.budget.withdraw(Request::new(class, state.attempts, plan.word), || now.get()) {
                    Some(price) => {
                        state.will_retry(&plan, price);
                        Verdict::Retry(Duration::from_nanos(plan.delay))
                    }
                    None => Verdict::GiveUp(GiveUp::Budget),
                }
            }
        };
        self.course.changed(settled.change);
        self.course.emit(&mut now, EventKind::Failed { failure, verdict });
        verdict
    }

    /// The attempt is abandoned. A drop does the same, but cannot tell an observer the time.
    pub fn cancel(mut self, now: impl Now) {
        self.is_cancelled(now);
    }

    /// Tells that it was cancelled, unless it has ended.
    #[inline]
    pub(crate) fn is_cancelled(&mut self, now: impl Now) {
        if let Some((ticket, price)) = self.held.take() {
            let mut now = Reading::Unread(now);
            let Course { setup, .. } = self.course;
            let change = setup.gate.cancel(ticket, || now.get());
            self.course.changed(change);
            setup.budget.deposit(Deposit::Cancelled { started: true, price }, || now.get());
            self.course.emit(&mut now, EventKind::Cancelled);
        }
    }

    /// What it holds: it has ended, or is to be resumed with that.
    #[inline]
    pub(crate) fn release(&mut self) -> (G::Ticket, Price) {
        match self.held.take() {
            Some(held) => held,
            None => unreachable!("what releases an attempt is the last thing done to it"),
        }
    }
}

impl<G: Gate, B: Budget, O: Observer + ?Sized> Drop for Attempt<'_, '_, G, B, O> {
    #[inline]
    fn drop(&mut self) {
        if let Some((ticket, price)) = self.held.take() {
            let Course { setup, .. } = self.course;
            let change = setup.gate.cancel(ticket, Instant::ORIGIN);
            self.course.changed(change);
            setup.budget.deposit(Deposit::Cancelled { started: true, price }, Instant::ORIGIN);
        }
    }
}

impl<G: Gate, B: Budget, O: Observer + ?Sized> fmt::Debug for Attempt<'_, '_, G, B, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt").field("number", &self.number()).finish_non_exhaustive()
    }
}
