//! Where the policy of one call and the circuit of all calls meet: this file has the call, `attempt.rs` the verdict.

mod attempt;
mod elapsed;

use core::fmt;
use core::time::Duration;

pub use attempt::Attempt;
use elapsed::Elapsed;

use crate::budget::{Budget, Deposit, NoBudget, Price};
use crate::circuit::{Change, Gate, NoCircuit};
use crate::class::Class;
use crate::classify::Progress;
use crate::error::ErrorContext;
use crate::failure::Failure;
use crate::key::Key;
use crate::observe::{CallEnd, Event, EventKind, Observer, Outlook};
use crate::policy::{Curve, Plan, Policy};
use crate::time::{Instant, Now, Reading};
use crate::verdict::{GiveUp, Rejected, Verdict};

/// All attempts of one logical operation.
///
/// **One attempt at a time, and each is ended.** The protocol, for those who write their own loop:
///
/// 1. [`Call::new`] when the operation starts.
/// 2. [`attempt`](Self::attempt) before each try. A refusal ends the call.
/// 3. [`Attempt::succeed`] ends the call; [`Attempt::fail`] says what comes next. An attempt that is dropped
///    instead gives its place back to the circuit.
/// 4. After [`Verdict::Retry`](crate::Verdict::Retry), sleep for the delay and go on at 2. After any other verdict
///    the call is over: an attempt made all the same is admitted, counted and given up in turn.
///
/// See the [crate's page](crate) for the loop.
#[must_use = "it does nothing until an attempt is made"]
pub struct Call<'a, G: Gate = NoCircuit, B: Budget = NoBudget, O: Observer + ?Sized = ()> {
    options: Options<'a>,
    gate: &'a G,
    allowance: Allowance<'a, B>,
    observer: &'a O,
    attempts: u32,
    /// The most of them: the policy's, until a rule says otherwise.
    most_attempts: u32,
    pause: Pause,
    elapsed: Option<Elapsed>,
}

/// What a call is told of itself.
#[derive(Clone, Copy)]
pub(crate) struct Options<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) curve: Option<&'a Curve<'a>>,
    pub(crate) operation: &'static str,
    pub(crate) key: Key,
}

impl<'a> Options<'a> {
    pub(crate) const fn new(policy: &'a Policy) -> Self {
        Self { policy, curve: None, operation: "", key: Key::NONE }
    }
}

impl<'a> Call<'a> {
    /// Starts a call. Asks the time only under a deadline or a rule that counts time.
    pub fn new(policy: &'a Policy, now: impl Now) -> Self {
        Call::with(Options::new(policy), &NoCircuit, &NoBudget, &(), now)
    }
}

impl<'a, G: Gate, B: Budget, O: Observer + ?Sized> Call<'a, G, B, O> {
    pub(crate) fn with(
        options: Options<'a>,
        gate: &'a G,
        budget: &'a B,
        observer: &'a O,
        now: impl Now,
    ) -> Self {
        let timed = options.policy.asks_time() || observer.is_enabled();
        let elapsed = if timed { Some(Elapsed::from(now.now())) } else { None };
        let allowance = Allowance { budget, granted: None };
        Self {
            options,
            gate,
            allowance,
            observer,
            attempts: 0,
            most_attempts: options.policy.most_attempts(),
            pause: Pause::NONE,
            elapsed,
        }
    }

    /// Asks this circuit before each attempt, and tells it how each ended.
    pub fn circuit<H: Gate>(self, circuit: &'a H) -> Call<'a, H, B, O> {
        let Self { options, gate: _, allowance, observer, attempts, most_attempts, pause, elapsed } = self;
        Call { options, gate: circuit, allowance, observer, attempts, most_attempts, pause, elapsed }
    }

    /// Pays for each retry out of this budget.
    pub fn budget<C: Budget>(self, budget: &'a C) -> Call<'a, G, C, O> {
        let Self { options, gate, allowance: _, observer, attempts, most_attempts, pause, elapsed } = self;
        let allowance = Allowance { budget, granted: None };
        Call { options, gate, allowance, observer, attempts, most_attempts, pause, elapsed }
    }

    /// Tells this observer what happens.
    pub fn observe<P: Observer + ?Sized>(self, observer: &'a P) -> Call<'a, G, B, P> {
        let Self { options, gate, allowance, observer: _, attempts, most_attempts, pause, elapsed } = self;
        Call { options, gate, allowance, observer, attempts, most_attempts, pause, elapsed }
    }

    /// Takes this curve instead of the policy's: from the number of failed attempts, from 1, and the policy's
    /// base to a ceiling.
    pub fn backoff(mut self, curve: &'a (dyn Fn(u32, Duration) -> Duration + Sync)) -> Self {
        self.options.curve = Some(curve);
        self
    }

    /// Gives the operation a name, for events and errors.
    pub fn named(mut self, operation: &'static str) -> Self {
        self.options.operation = operation;
        self
    }

    /// Says which of several like dependencies it goes to, for events and errors.
    pub fn keyed(mut self, key: impl Into<Key>) -> Self {
        self.options.key = key.into();
        self
    }

    /// Counts the time from `now`, where it is not counted already.
    pub fn timed(mut self, now: impl Now) -> Self {
        if self.elapsed.is_none() {
            self.elapsed = Some(Elapsed::from(now.now()));
        }
        self
    }

    /// Begins the next attempt.
    ///
    /// # Errors
    /// Where the circuit refuses it; the call is over then.
    pub fn attempt(&mut self, now: impl Now) -> Result<Attempt<'_, 'a, G, B, O>, Rejected> {
        let mut now = Reading::Unread(now);
        if let (Some(elapsed), true) = (&mut self.elapsed, self.attempts > 0) {
            elapsed.delay_is_over(now.get());
        }
        match self.gate.admit(|| now.get()) {
            Ok(admission) => {
                if self.elapsed.is_none() && self.observer.is_enabled() {
                    self.elapsed = Some(Elapsed::from(now.get()));
                }
                self.attempts = self.attempts.saturating_add(1);
                // From here on a panic, of an observer, say, is a drop.
                let mut attempt = Attempt::new(self, admission.ticket);
                attempt.pay(|| now.get());
                attempt.call.changed(admission.change);
                attempt.call.emit(&mut now, EventKind::Started);
                Ok(attempt)
            }
            Err(rejected) => {
                self.allowance.give_back();
                self.emit(&mut now, EventKind::Rejected(rejected));
                self.ended(&mut now, CallEnd::Rejected);
                Err(rejected)
            }
        }
    }

    /// How many attempts were begun.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The time since the call started, delays and attempts included; `None` where nothing asked for the time at
    /// its start.
    pub fn elapsed(&mut self, now: impl Now) -> Option<Duration> {
        self.elapsed.as_mut().map(|elapsed| Duration::from_nanos(elapsed.at(now.now())))
    }

    /// How soon after the last [`Verdict::Retry`](crate::Verdict::Retry) the next attempt may begin, where the
    /// dependency says that it is ready: the whole delay, but for
    /// [`Recovery::WaitAndRetry`](crate::Recovery::WaitAndRetry), which may end as soon as minimum and hint allow.
    pub fn earliest_retry(&self) -> Duration {
        Duration::from_nanos(self.pause.least)
    }

    /// The call ends without another attempt: one that was still to come is cancelled.
    pub(crate) fn abandon(&mut self, now: impl Now) {
        if self.allowance.granted.is_some() {
            let mut now = Reading::Unread(now);
            self.emit(&mut now, EventKind::Cancelled);
            self.allowance.give_back();
            self.ended(&mut now, CallEnd::Cancelled);
        }
    }

    pub(crate) fn context(&mut self, when: Instant, class: Option<Class>) -> ErrorContext {
        let Options { operation, key, .. } = self.options;
        let (attempt, most_attempts, elapsed) = (self.attempts, self.most_attempts, self.elapsed(when));
        ErrorContext { operation, key, attempt, most_attempts, elapsed, when, class }
    }

    /// How far it has come, as of the last reading of its clock.
    pub(crate) fn progress(&self) -> Progress {
        let elapsed = self.elapsed.as_ref().map(Elapsed::so_far);
        Progress {
            attempt: self.attempts,
            elapsed: elapsed.map(Duration::from_nanos),
            left: elapsed.and_then(|elapsed| self.options.policy.time_left(elapsed)),
        }
    }

    fn emit<N: Now>(&self, now: &mut Reading<N>, kind: EventKind) {
        if self.observer.is_enabled() {
            let (Options { operation, key, .. }, attempt) = (self.options, self.attempts);
            self.observer.observe(&Event { at: now.get(), operation, key, attempt, kind });
        }
    }

    fn ended<N: Now>(&mut self, now: &mut Reading<N>, end: CallEnd) {
        if self.observer.is_enabled() {
            let elapsed = self.elapsed(now.get());
            self.emit(now, EventKind::Ended { end, elapsed });
        }
    }

    /// Tells of an attempt that failed, and of the end of the call, if it is that.
    fn failed<N: Now>(
        &mut self,
        now: &mut Reading<N>,
        failure: Failure,
        verdict: Verdict,
        word: Option<u64>,
    ) {
        if verdict == Verdict::GiveUp(GiveUp::Budget) {
            self.emit(now, EventKind::BudgetEmpty);
        }
        let outlook = self.outlook(now, word);
        self.emit(now, EventKind::Failed { failure, verdict, outlook });
        match verdict {
            Verdict::Retry(_) => {}
            Verdict::GiveUp(reason) => self.ended(now, CallEnd::GaveUp(reason)),
            Verdict::Rejected(_) => self.ended(now, CallEnd::Rejected),
        }
    }

    /// For an event: what is left after an attempt that failed just now.
    fn outlook<N: Now>(&mut self, now: &mut Reading<N>, word: Option<u64>) -> Outlook {
        let elapsed = self.elapsed(now.get());
        Outlook {
            most_attempts: self.most_attempts,
            elapsed,
            left: self.progress().left,
            budget: self.allowance.budget.level(|| now.get()),
            word,
        }
    }

    fn will_retry(&mut self, plan: &Plan) {
        self.pause = Pause { delay: plan.delay, least: plan.least };
        if let Some(elapsed) = &mut self.elapsed {
            elapsed.delay(plan.least);
        }
    }

    fn changed(&self, change: Option<Change>) {
        if let Some(change) = change {
            self.emit(&mut Reading::Unread(change.at), EventKind::PhaseChanged(change));
        }
    }
}

impl<G: Gate, B: Budget, O: Observer + ?Sized> fmt::Debug for Call<'_, G, B, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { operation, policy, .. } = &self.options;
        f.debug_struct("Call")
            .field("operation", operation)
            .field("attempts", &self.attempts)
            .field("policy", policy)
            .finish_non_exhaustive()
    }
}

/// The delay before the attempt that is next or under way.
#[derive(Clone, Copy)]
struct Pause {
    /// In nanoseconds; 0 before the first attempt.
    delay: u64,
    /// Below `delay` where readiness may end it early.
    least: u64,
}

impl Pause {
    const NONE: Self = Self { delay: 0, least: 0 };
}

/// The budget, and the retry that it granted to this call until that begins.
struct Allowance<'a, B: Budget> {
    budget: &'a B,
    granted: Option<Price>,
}

impl<B: Budget> Allowance<'_, B> {
    /// An attempt begins: what was paid for it.
    fn begin(&mut self, first: bool, now: impl Now) -> Price {
        self.budget.deposit(Deposit::Started { first }, now);
        self.granted.take().unwrap_or_default()
    }
}

/// A call that ends between two attempts gives back what the second would have cost.
impl<B: Budget> Drop for Allowance<'_, B> {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl<B: Budget> Allowance<'_, B> {
    fn give_back(&mut self) {
        if let Some(price) = self.granted.take() {
            self.budget.deposit(Deposit::Cancelled { started: false, price }, Instant::ORIGIN);
        }
    }
}
