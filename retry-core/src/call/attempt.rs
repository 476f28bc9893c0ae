//! One attempt under way, and the verdict it ends with.

use core::fmt;
use core::mem;
use core::time::Duration;

use rand_core::Rng;

use super::{Call, Options};
use crate::budget::{Budget, Deposit, NoBudget, Price, Request};
use crate::circuit::{Gate, NoCircuit};
use crate::classify::Progress;
use crate::failure::Failure;
use crate::observe::{CallEnd, EventKind, Observer};
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
    pub(super) call: &'c mut Call<'a, G, B, O>,
    /// What the circuit and the budget gave for it; `None` once it ended.
    held: Option<(G::Ticket, Price)>,
}

impl<'c, 'a, G: Gate, B: Budget, O: Observer + ?Sized> Attempt<'c, 'a, G, B, O> {
    pub(super) fn new(call: &'c mut Call<'a, G, B, O>, ticket: G::Ticket) -> Self {
        Self { call, held: Some((ticket, Price::default())) }
    }

    /// Takes over what was paid for it.
    pub(super) fn pay(&mut self, now: impl Now) {
        let paid = self.call.allowance.begin(self.call.attempts == 1, now);
        if let Some((_, price)) = &mut self.held {
            *price = paid;
        }
    }

    /// Which attempt of the call this is, from 1.
    pub fn number(&self) -> u32 {
        self.call.attempts
    }

    /// How far the call has come: which attempt this is, and what its deadline leaves. Asks the time only where the
    /// call counts it.
    pub fn progress(&mut self, now: impl Now) -> Progress {
        self.call.elapsed(now);
        self.call.progress()
    }

    /// How far the call had come when the attempt began.
    pub(crate) fn begun(&self) -> Progress {
        self.call.progress()
    }

    /// The attempt succeeded, and the call with it.
    pub fn succeed(mut self, now: impl Now) {
        let mut now = Reading::Unread(now);
        let (ticket, price) = self.release();
        let call = &mut *self.call;
        let change = call.gate.succeed(ticket, || now.get());
        call.allowance.budget.deposit(Deposit::Succeeded { first: call.attempts == 1, price }, || now.get());
        call.changed(change);
        call.emit(&mut now, EventKind::Succeeded);
        call.ended(&mut now, CallEnd::Succeeded);
        mem::forget(self); // nothing is left to cancel
    }

    /// The attempt failed: tells circuit and budget, and says what comes next.
    ///
    /// The order of the questions: is the error retried, are attempts left, does the server's hint fit, would the
    /// retry start before the deadline, would the circuit still be open then, does the budget hold another retry.
    /// The first "no" is the answer. One word is taken from `rng` where a delay is worked out, none where not.
    pub fn fail(self, failure: impl Into<Failure>, now: impl Now, rng: &mut impl Rng) -> Verdict {
        self.fail_with(failure.into(), now, || rng.next_u64())
    }

    pub(crate) fn fail_with(
        mut self,
        failure: Failure,
        now: impl Now,
        word: impl FnOnce() -> u64,
    ) -> Verdict {
        let mut now = Reading::Unread(now);
        // The policy asks others' code for the time, a word, a curve: until it has answered, a panic is a drop.
        let call = &mut *self.call;
        let elapsed = || call.elapsed.as_mut().map_or(0, |elapsed| elapsed.at(now.get()));
        let Options { policy, curve, .. } = call.options;
        let failed = FailedAttempt { number: call.attempts, failure, previous: call.pause.delay, curve };
        let mut drawn = None;
        let plan = policy.decide(&failed, &mut call.most_attempts, elapsed, || *drawn.insert(word()));

        let (ticket, price) = self.release();
        let call = &mut *self.call;
        let class = failure.class;
        let delay = plan.as_ref().ok().map(|plan| Duration::from_nanos(plan.delay));
        let word = plan.as_ref().map_or(0, |plan| plan.word);
        let settled = call.gate.fail(ticket, class, || now.get(), delay, word);
        let budget = call.allowance.budget;
        budget.deposit(Deposit::Failed { class, price }, || now.get());
        let verdict = match (plan, settled.next) {
            (Err(reason), _) => Verdict::GiveUp(reason),
            (Ok(_), Err(rejected)) => Verdict::Rejected(rejected),
            (Ok(plan), Ok(())) => {
                match budget.withdraw(Request::new(class, call.attempts, plan.word), || now.get()) {
                    Some(price) => {
                        call.allowance.granted = Some(price);
                        call.will_retry(&plan);
                        Verdict::Retry(Duration::from_nanos(plan.delay))
                    }
                    None => Verdict::GiveUp(GiveUp::Budget),
                }
            }
        };
        call.changed(settled.change);
        if call.observer.is_enabled() {
            call.failed(&mut now, failure, verdict, drawn);
        }
        verdict
    }

    /// The attempt is abandoned. A drop does the same, but cannot tell an observer the time.
    pub fn cancel(mut self, now: impl Now) {
        let mut now = Reading::Unread(now);
        let (ticket, price) = self.release();
        let call = &mut *self.call;
        let change = call.gate.cancel(ticket, || now.get());
        call.changed(change);
        call.allowance.budget.deposit(Deposit::Cancelled { started: true, price }, || now.get());
        call.emit(&mut now, EventKind::Cancelled);
        call.ended(&mut now, CallEnd::Cancelled);
    }

    fn release(&mut self) -> (G::Ticket, Price) {
        match self.held.take() {
            Some(held) => held,
            None => unreachable!("only the methods that consume the attempt release it"),
        }
    }
}

impl<G: Gate, B: Budget, O: Observer + ?Sized> Drop for Attempt<'_, '_, G, B, O> {
    fn drop(&mut self) {
        if let Some((ticket, price)) = self.held.take() {
            let change = self.call.gate.cancel(ticket, Instant::ORIGIN);
            self.call.changed(change);
            self.call.allowance.budget.deposit(Deposit::Cancelled { started: true, price }, Instant::ORIGIN);
        }
    }
}

impl<G: Gate, B: Budget, O: Observer + ?Sized> fmt::Debug for Attempt<'_, '_, G, B, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt").field("number", &self.number()).finish_non_exhaustive()
    }
}
