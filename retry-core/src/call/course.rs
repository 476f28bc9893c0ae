//! One call: its setup, its state, and its steps.

use core::mem;
use core::time::Duration;

use super::elapsed::Elapsed;
use crate::budget::{Budget, Deposit, NoBudget, Price, Request};
use crate::circuit::{AttemptEnd, Change, Gate, NoCircuit, Rejected, Settled};
use crate::class::Class;
use crate::classify::Progress;
use crate::detail::Detail;
use crate::error::{Context, LastHint};
use crate::error_text::ErrorText;
use crate::key::Key;
use crate::name::Name;
use crate::observe::{CallEnd, Event, EventKind, Observer, Outlook, Tags};
use crate::policy::{FailedAttempt, Failure, Policies, Policy};
use crate::time::{Instant, Now, Reading, duration};
use crate::verdict::{GiveUp, Verdict};

/// The parts that a call uses: policy, names, circuit, budget and observer. All calls of a `Retry` share one setup.
#[derive(Clone)]
pub(crate) struct Setup<P, G, B, O> {
    pub(crate) policies: P,
    pub(crate) operation: Name,
    pub(crate) key: Key,
    pub(crate) gate: G,
    pub(crate) budget: B,
    pub(crate) observer: O,
}

impl<P> Setup<P, NoCircuit, NoBudget, ()> {
    pub(crate) const fn new(policies: P) -> Self {
        let (gate, budget, observer) = (NoCircuit, NoBudget, ());
        Self { policies, operation: Name::NONE, key: Key::NONE, gate, budget, observer }
    }
}

impl<P, G, B, O> Setup<P, G, B, O> {
    pub(crate) fn policies<Q>(self, policies: impl FnOnce(P) -> Q) -> Setup<Q, G, B, O> {
        let Self { policies: before, operation, key, gate, budget, observer } = self;
        Setup { policies: policies(before), operation, key, gate, budget, observer }
    }

    pub(crate) fn circuit<H>(self, gate: H) -> Setup<P, H, B, O> {
        let Self { policies, operation, key, gate: _, budget, observer } = self;
        Setup { policies, operation, key, gate, budget, observer }
    }

    pub(crate) fn budget<C>(self, budget: C) -> Setup<P, G, C, O> {
        let Self { policies, operation, key, gate, budget: _, observer } = self;
        Setup { policies, operation, key, gate, budget, observer }
    }

    pub(crate) fn observe<N>(self, observer: N) -> Setup<P, G, B, N> {
        let Self { policies, operation, key, gate, budget, observer: _ } = self;
        Setup { policies, operation, key, gate, budget, observer }
    }
}

/// The price of an attempt while its circuit ends it. That may call the caller's code, such as a clock. If it panics, the
/// circuit takes the attempt for a dropped one, and so does the budget. Forget it when the circuit is done.
struct Unsettled<'b, B: Budget> {
    budget: &'b B,
    price: Price,
}

impl<'b, B: Budget> Unsettled<'b, B> {
    /// `None` without unwinding, such as on a microcontroller: nothing would be dropped.
    #[inline(always)]
    fn new(budget: &'b B, price: Price) -> Option<Self> {
        // Not `then_some`, which would make it, and drop it.
        cfg!(panic = "unwind").then(|| Self { budget, price })
    }
}

impl<B: Budget> Drop for Unsettled<'_, B> {
    fn drop(&mut self) {
        self.budget.deposit(Deposit::Cancelled { started: true, price: self.price }, Instant::ORIGIN);
    }
}

impl<P: Policies, G: Gate, B: Budget, O> Setup<P, G, B, O> {
    /// Ends a failed attempt for circuit and budget. A neutral one gives back its ticket and its price, and a pending
    /// answer is a success.
    #[inline(always)]
    pub(super) fn settle<N: Now>(
        &self,
        read: &P::Read,
        failure: Failure,
        first: bool,
        (ticket, price): (G::Ticket, Price),
        (delay, word): (Option<Duration>, u64),
        now: &mut Reading<N>,
    ) -> Settled {
        let class = failure.class;
        let unsettled = Unsettled::new(&self.budget, price);
        let (settled, deposit) = if failure.is_pending {
            // The dependency answered. The next poll asks the circuit when it begins.
            let change = self.gate.succeed(ticket, || now.get());
            (Settled { change, next: Ok(()) }, Deposit::Succeeded { first, price })
        } else if failure.is_neutral {
            let end = AttemptEnd::Neutral { delay };
            let settled = self.gate.end(ticket, end, || now.get());
            (settled, Deposit::Neutral { price })
        } else {
            let hint = if self.policies.policy(read).ignores_hints() { None } else { failure.hint };
            let end = AttemptEnd::Failed { class, hint, delay, word };
            let settled = self.gate.end(ticket, end, || now.get());
            (settled, Deposit::Failed { class, price })
        };
        mem::forget(unsettled);
        self.budget.deposit(deposit, || now.get());
        settled
    }
}

/// The state of one call.
pub(crate) struct State<T, R> {
    /// The reading of the policy with which the call began.
    read: R,
    attempts: u32,
    /// How many of them were polls with a pending answer, and the number of the last such attempt.
    polls: u32,
    polled: u32,
    /// The limit of attempts that the last failure set; 0 for that of the policy.
    max_attempts: u32,
    /// The delay before the present or the next attempt, in nanoseconds; 0 before the first.
    delay: u64,
    pub(super) elapsed: Option<Elapsed>,
    held: Held<T>,
}

/// What a call holds of its circuit and its budget, and must give back.
enum Held<T> {
    Nothing,
    /// A retry that the budget has granted, until it begins.
    Retry(PaidRetry),
    /// The circuit's ticket of the present attempt, and its price.
    Attempt(T, Price),
}

#[derive(Clone, Copy)]
struct PaidRetry {
    price: Price,
    /// The shortest form of the delay before the retry, in nanoseconds. It is below the delay if a readiness check may
    /// end the wait early.
    least: u64,
    /// The least elapsed time after that wait, in nanoseconds.
    due: u64,
}

impl<T, R> State<T, R> {
    /// Starts a call by the policy that was read. The clock is read only if the call is `timed`.
    #[inline(always)]
    pub(crate) fn start(read: R, timed: bool, now: impl Now) -> Self {
        let elapsed = if timed { Some(Elapsed::from(now.now())) } else { None };
        let (attempts, polls, polled, max_attempts, delay) = (0, 0, 0, 0, 0);
        Self { read, attempts, polls, polled, max_attempts, delay, elapsed, held: Held::Nothing }
    }

    /// Measures the time from `now`, unless it is already measured.
    pub(super) fn time_from(&mut self, now: impl Now) {
        if self.elapsed.is_none() {
            self.elapsed = Some(Elapsed::from(now.now()));
        }
    }

    /// Whether the time is measured from the start.
    #[inline]
    pub(crate) fn is_timed(&self) -> bool {
        self.elapsed.is_some()
    }

    /// The reading of this call's policy.
    #[inline]
    pub(crate) fn read(&self) -> &R {
        &self.read
    }

    pub(super) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Leaves an attempt that did not run out of the count.
    pub(super) fn take_back_attempt(&mut self) {
        self.attempts = self.attempts.saturating_sub(1);
    }

    pub(super) fn elapsed(&mut self, now: impl Now) -> Option<Duration> {
        self.elapsed.as_mut().map(|elapsed| duration(elapsed.at(now.now())))
    }

    /// The delay before the retry to come, and its shortest form, in nanoseconds.
    #[inline]
    pub(crate) fn pause(&self) -> (u64, u64) {
        match self.held {
            Held::Retry(PaidRetry { least, .. }) => (self.delay, least),
            _ => (0, 0),
        }
    }

    /// The least elapsed time after the wait for the retry to come, in nanoseconds.
    #[inline]
    pub(super) fn due(&self) -> Option<u64> {
        match self.held {
            Held::Retry(PaidRetry { due, .. }) => Some(due),
            _ => None,
        }
    }

    /// Takes everything out except a ticket, for a call with another circuit.
    pub(super) fn moved<U>(&mut self) -> State<U, R>
    where
        R: Clone,
    {
        let Self { attempts, polls, polled, max_attempts, delay, .. } = *self;
        let held = if let Held::Retry(retry) = self.release() { Held::Retry(retry) } else { Held::Nothing };
        let (read, elapsed) = (self.read.clone(), self.elapsed.take());
        State { read, attempts, polls, polled, max_attempts, delay, elapsed, held }
    }

    /// Whether it holds anything that must be given back.
    #[inline]
    pub(crate) fn holds(&self) -> bool {
        !matches!(self.held, Held::Nothing)
    }

    #[inline]
    fn release(&mut self) -> Held<T> {
        mem::replace(&mut self.held, Held::Nothing)
    }

    /// Ends the present attempt, and returns what it held.
    #[inline]
    pub(super) fn end_attempt(&mut self) -> Option<(T, Price)> {
        match self.held {
            Held::Attempt(..) => match self.release() {
                Held::Attempt(ticket, price) => Some((ticket, price)),
                _ => None,
            },
            _ => None,
        }
    }
}

/// The steps of a call.
pub(crate) struct Course<'c, P: Policies, G: Gate, B, O> {
    pub(crate) setup: &'c Setup<P, G, B, O>,
    pub(crate) state: &'c mut State<G::Ticket, P::Read>,
}

impl<P: Policies, G: Gate, B: Budget, O: Observer> Course<'_, P, G, B, O> {
    /// Begins the next attempt. If anything panics after that, such as an observer, the attempt ends by its drop.
    ///
    /// # Errors
    /// Returns an error if the circuit refuses the attempt.
    #[inline(always)]
    pub(crate) fn begin(&mut self, now: impl Now) -> Result<(), Rejected> {
        let mut now = Reading::Unread(now);
        let Self { setup, state } = self;
        if let (Held::Retry(retry), Some(elapsed)) = (&state.held, &mut state.elapsed) {
            elapsed.at_least(retry.due, now.get());
        }
        // A `Call` may get its observer after its start.
        if setup.observer.is_enabled() {
            state.time_from(|| now.get());
        }
        match setup.gate.admit(|| now.get()) {
            Ok(admission) => {
                let price = if let Held::Retry(retry) = state.held { retry.price } else { Price::default() };
                state.held = Held::Attempt(admission.ticket, price);
                state.attempts = state.attempts.saturating_add(1);
                setup.budget.deposit(Deposit::Started { first: state.attempts == 1 }, || now.get());
                self.changed(admission.change);
                self.emit(&mut now, EventKind::Started);
                Ok(())
            }
            Err(rejected) => {
                if let Held::Retry(retry) = self.state.release() {
                    self.give_back(retry);
                }
                if self.setup.observer.is_enabled() {
                    self.refused(&mut now, rejected);
                }
                Err(rejected)
            }
        }
    }

    /// Reports that the circuit refused the next attempt.
    #[cfg_attr(target_pointer_width = "64", inline(never))]
    fn refused<N: Now>(&mut self, now: &mut Reading<N>, rejected: Rejected) {
        self.emit(now, EventKind::Rejected(rejected));
        self.ended(now, CallEnd::Rejected);
    }

    /// Ends the attempt as a success.
    #[inline]
    pub(crate) fn succeed(&mut self, now: impl Now) {
        let mut now = Reading::Unread(now);
        if let Some((ticket, price)) = self.state.end_attempt() {
            let Self { setup, state } = self;
            let unsettled = Unsettled::new(&setup.budget, price);
            let change = setup.gate.succeed(ticket, || now.get());
            mem::forget(unsettled);
            setup.budget.deposit(Deposit::Succeeded { first: state.attempts == 1, price }, || now.get());
            self.changed(change);
            self.emit(&mut now, EventKind::Succeeded);
            self.ended(&mut now, CallEnd::Succeeded);
        }
    }

    /// Returns the failure as the policy sees it: neutral if the policy says so of its class.
    #[inline]
    pub(crate) fn with_neutral(&self, failure: impl Into<Failure>) -> Failure {
        self.policy().with_neutral(failure.into())
    }

    /// Ends the attempt, which began after `began` nanoseconds, as a failure from [`with_neutral`](Self::with_neutral), and
    /// returns the verdict.
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    pub(crate) fn fail<'e>(
        &mut self,
        began: u64,
        failure: Failure,
        text: impl FnOnce() -> Option<ErrorText<'e>>,
        now: impl Now,
        word: impl FnOnce() -> u64,
    ) -> Verdict {
        let mut now = Reading::Unread(now);
        let Self { setup, state } = self;
        // The decision calls the caller's code, such as a clock or a curve. If that panics, the attempt ends by its
        // drop.
        if let Some(least) = setup.policies.policy(&state.read).resets_after()
            && let Some(elapsed) = &mut state.elapsed
            && elapsed.at(now.get()).saturating_sub(began) >= least
        {
            elapsed.begin_anew();
            (state.attempts, state.delay, state.max_attempts) = (1, 0, 0);
            (state.polls, state.polled) = (0, 0);
        }
        let number = if failure.is_pending {
            state.polls = state.polls.saturating_add(1);
            state.polls
        } else {
            state.attempts.saturating_sub(state.polled).max(1)
        };
        let elapsed = || state.elapsed.as_mut().map_or(0, |elapsed| elapsed.at(now.get()));
        let Setup { policies, .. } = setup;
        let failed = FailedAttempt {
            number,
            made: state.attempts,
            failure,
            // A delay before the series has no meaning for its curve.
            previous: if number == 1 { 0 } else { state.delay },
            rules: policies.rules(&state.read),
        };
        let ceiling = |failed, base| policies.ceiling(failed, base);
        let mut drawn = None;
        let plan =
            policies
                .policy(&state.read)
                .decide(&failed, ceiling, &mut state.max_attempts, elapsed, || *drawn.insert(word()));

        let Some(held) = state.end_attempt() else {
            debug_assert!(false, "only an attempt fails");
            return Verdict::GiveUp(GiveUp::Attempts);
        };
        let class = failure.class;
        let delay = plan.as_ref().ok().map(|plan| duration(plan.delay));
        let word = plan.as_ref().map_or(0, |plan| plan.word);
        let settled = setup.settle(&state.read, failure, state.attempts == 1, held, (delay, word), &mut now);
        let verdict = match (plan, settled.next) {
            (Err(reason), _) => Verdict::GiveUp(reason),
            (Ok(_), Err(rejected)) => Verdict::Rejected(rejected),
            (Ok(plan), Ok(())) => {
                // A budget limits what failures add to the load. Polls are the load itself.
                let paid = if failure.is_pending {
                    Some(Price::default())
                } else {
                    setup.budget.withdraw(Request::new(class, state.attempts, plan.word), || now.get())
                };
                match paid {
                    Some(price) => {
                        let elapsed = state.elapsed.as_ref().map_or(0, Elapsed::so_far);
                        let due = elapsed.saturating_add(plan.least);
                        state.held = Held::Retry(PaidRetry { price, least: plan.least, due });
                        state.delay = plan.delay;
                        Verdict::Retry(duration(plan.delay))
                    }
                    None => Verdict::GiveUp(GiveUp::Budget),
                }
            }
        };
        if failure.is_pending {
            state.polled = state.attempts;
        }
        self.changed(settled.change);
        if self.setup.observer.is_enabled() {
            self.failed(&mut now, failure, text(), verdict, drawn);
        }
        verdict
    }

    /// Cancels the present attempt or the retry to come.
    #[inline]
    pub(crate) fn cancel(&mut self, now: impl Now) {
        let mut now = Reading::Unread(now);
        match self.state.release() {
            Held::Nothing => return,
            Held::Retry(retry) => self.give_back(retry),
            Held::Attempt(ticket, price) => self.give_up(ticket, price, || now.get()),
        }
        self.emit(&mut now, EventKind::Cancelled);
        self.ended(&mut now, CallEnd::Cancelled);
    }

    /// Cancels the present attempt, if there is one, at an unknown time.
    #[inline]
    pub(super) fn drop_attempt(&mut self) {
        if let Some((ticket, price)) = self.state.end_attempt() {
            self.give_up(ticket, price, Instant::ORIGIN);
        }
    }

    /// Cancels the present attempt and the retry to come, without an event for their end.
    #[inline]
    pub(super) fn drop_all(&mut self) {
        self.drop_attempt();
        if let Held::Retry(retry) = self.state.release() {
            self.give_back(retry);
        }
    }

    #[inline]
    pub(super) fn give_up(&self, ticket: G::Ticket, price: Price, now: impl Now) {
        let mut now = Reading::Unread(now);
        let unsettled = Unsettled::new(&self.setup.budget, price);
        let change = self.setup.gate.cancel(ticket, || now.get());
        mem::forget(unsettled);
        // Before the observer, which may panic.
        self.setup.budget.deposit(Deposit::Cancelled { started: true, price }, || now.get());
        self.changed(change);
    }

    #[inline]
    fn give_back(&self, retry: PaidRetry) {
        let deposit = Deposit::Cancelled { started: false, price: retry.price };
        self.setup.budget.deposit(deposit, Instant::ORIGIN);
    }

    #[inline]
    pub(crate) fn context(&mut self, when: Instant, class: Option<Class>) -> Context {
        let Setup { operation, key, .. } = self.setup;
        let (operation, key) = (operation.clone(), *key);
        let (attempt, max_attempts) = (self.state.attempts, self.attempt_limit());
        let elapsed = self.state.elapsed.as_mut().map_or(Context::UNKNOWN, |elapsed| elapsed.at(when));
        Context {
            operation,
            key,
            attempt,
            max_attempts,
            elapsed,
            when,
            unix_time: Context::UNKNOWN,
            class,
            hint: LastHint::NONE,
            is_elapsed_partial: false,
            is_neutral: false,
            letter: None,
        }
    }

    /// The policy that the call began with.
    #[inline]
    pub(crate) fn policy(&self) -> &Policy {
        self.setup.policies.policy(self.state.read())
    }

    /// The progress of the call at the last reading of its clock.
    #[inline]
    pub(crate) fn progress(&self) -> Progress {
        let elapsed = self.state.elapsed.as_ref().map(Elapsed::so_far);
        Progress {
            attempt: self.state.attempts,
            elapsed: elapsed.map(duration),
            left: elapsed.and_then(|elapsed| self.policy().time_left(elapsed)),
        }
    }

    /// The progress of the call. The clock is read only if the time is measured.
    #[inline]
    pub(crate) fn progress_at(&mut self, now: impl Now) -> Progress {
        self.state.elapsed(now);
        self.progress()
    }

    fn attempt_limit(&self) -> u32 {
        match self.state.max_attempts {
            0 => self.policy().attempt_limit(),
            most => most,
        }
    }

    /// Reports an attempt that failed, and the end of the call if it ends.
    pub(super) fn failed<N: Now>(
        &mut self,
        now: &mut Reading<N>,
        failure: Failure,
        text: Option<ErrorText<'_>>,
        verdict: Verdict,
        word: Option<u64>,
    ) {
        if verdict == Verdict::GiveUp(GiveUp::Budget) {
            self.emit(now, EventKind::BudgetEmpty);
        }
        let Progress { elapsed, left, .. } = self.progress_at(|| now.get());
        let outlook = Outlook {
            max_attempts: self.attempt_limit(),
            elapsed,
            left,
            budget: self.setup.budget.level(|| now.get()),
            word,
        };
        // A copy, because a borrowed failure would have to be in memory.
        let detail = failure.detail;
        let text = text.or_else(|| detail.as_ref().map(described));
        self.emit_with(now, text, EventKind::Failed { failure, verdict, outlook });
        match verdict {
            Verdict::Retry(_) => {}
            Verdict::GiveUp(reason) => self.ended(now, CallEnd::GaveUp(reason)),
            Verdict::Rejected(_) => self.ended(now, CallEnd::Rejected),
        }
    }

    fn ended<N: Now>(&mut self, now: &mut Reading<N>, end: CallEnd) {
        if self.setup.observer.is_enabled() {
            let elapsed = self.state.elapsed(|| now.get());
            self.emit(now, EventKind::Ended { end, elapsed });
        }
    }

    #[inline(always)] // so that the kind is known where the event is made
    fn emit<N: Now>(&self, now: &mut Reading<N>, kind: EventKind) {
        self.emit_with(now, None, kind);
    }

    #[inline(always)] // so that fields that an observer leaves unused cost nothing
    fn emit_with<N: Now>(&self, now: &mut Reading<N>, text: Option<ErrorText<'_>>, kind: EventKind) {
        let Setup { policies, operation, key, gate, observer, .. } = self.setup;
        if observer.is_enabled() {
            // A reference to the key, so that an observer that leaves it unused pays for no copy.
            let key_of_circuit;
            let (circuit, key, place) = match kind {
                EventKind::PhaseChanged(_) | EventKind::Rejected(_) => {
                    let key = if key.is_none() {
                        key_of_circuit = gate.key();
                        &key_of_circuit
                    } else {
                        key
                    };
                    (gate.name(), key, gate.place())
                }
                _ => ("", key, 0),
            };
            observer.observe(&Event {
                at: now.get(),
                operation,
                operation_type: policies.operation_type(),
                key: *key,
                attempt: self.state.attempts,
                text,
                circuit,
                kind,
                fixed: operation.as_static(),
                place,
                tags: Tags::EMPTY,
            });
        }
    }

    pub(super) fn changed(&self, change: Option<Change>) {
        if let Some(change) = change {
            self.emit(&mut Reading::Unread(change.at), EventKind::PhaseChanged(change));
        }
    }
}

/// Makes a text of a detail. It is a function of its own, because most failures have none, and an event without a text
/// then needs no place for one.
#[cfg_attr(target_pointer_width = "64", cold, inline(never))]
fn described(detail: &Detail) -> ErrorText<'_> {
    ErrorText::new(detail)
}
