//! Where the policy of one call and the circuit of all calls meet: this file has the call, `attempt.rs` the verdict.

mod attempt;
mod course;
mod elapsed;
mod limits;

use core::fmt;
use core::time::Duration;

pub use attempt::Attempt;
pub(crate) use course::{Course, Setup, State};

use crate::budget::{Budget, NoBudget};
use crate::circuit::Rejected;
use crate::circuit::{Gate, NoCircuit};
use crate::key::Key;
use crate::name::Name;
use crate::observe::{Event, Observer, ObserverFn, observer_fn};
use crate::policy::{Policies, Policy, WithCurve};
use crate::time::{Now, duration};

/// All attempts of one logical operation.
///
/// **One attempt at a time, and each is ended.** The protocol, for those who write their own loop:
///
/// 1. [`Call::new`] when the operation starts.
/// 2. [`attempt`](Self::attempt) before each try. A refusal ends the call.
/// 3. [`Attempt::succeed`] ends the call; [`Attempt::fail`] says what comes next. An attempt that is dropped
///    instead gives its place back to the circuit.
///    Under a limit of time, [`Attempt::time_limit`] says how long to wait for the attempt, and
///    [`Attempt::time_out`] ends one that took longer.
/// 4. After [`Verdict::Retry`](crate::Verdict::Retry), sleep for the delay and go on at 2. After any other verdict
///    the call is over: an attempt made all the same is admitted, counted and given up in turn.
///
/// See the [crate's page](crate) for the loop.
#[must_use = "it does nothing until an attempt is made"]
pub struct Call<P: Policies = &'static Policy, G: Gate = NoCircuit, B: Budget = NoBudget, O: Observer = ()> {
    setup: Setup<P, G, B, O>,
    state: State<G::Ticket, P::Read>,
}

impl<P: Policies> Call<P> {
    /// Starts a call by `policy`: a reference, an `Arc`, or the policy itself. Asks the time only if the policy
    /// limits it, or has a rule that counts it.
    pub fn new(policy: P, now: impl Now) -> Self {
        let read = policy.read();
        let timed = policy.policy(&read).asks_time();
        Self { setup: Setup::new(policy), state: State::start(read, timed, now) }
    }
}

// A call gives back what it holds when it is dropped, so its parts cannot be moved out of it: they are cloned.
impl<P: Policies + Clone, G: Gate + Clone, B: Budget + Clone, O: Observer + Clone> Call<P, G, B, O> {
    /// Asks this circuit before each attempt, and tells it how each ended.
    pub fn circuit<H: Gate>(mut self, circuit: H) -> Call<P, H, B, O> {
        self.course().drop_attempt();
        Call { setup: self.setup.clone().circuit(circuit), state: self.state.moved() }
    }

    /// Pays for each retry out of this budget.
    pub fn budget<C: Budget>(mut self, budget: C) -> Call<P, G, C, O> {
        self.course().drop_all();
        Call { setup: self.setup.clone().budget(budget), state: self.state.moved() }
    }

    /// Tells this observer what happens.
    pub fn observe<N: Observer>(mut self, observer: N) -> Call<P, G, B, N> {
        self.course().drop_attempt();
        Call { setup: self.setup.clone().observe(observer), state: self.state.moved() }
    }

    /// Tells a closure what happens.
    pub fn on_event<F: Fn(&Event<'_>)>(self, observer: F) -> Call<P, G, B, ObserverFn<F>> {
        self.observe(observer_fn(observer))
    }

    /// Takes this curve instead of the policy's: from the number of failed attempts, from 1, and the policy's base
    /// delay to a ceiling.
    pub fn backoff<F: Fn(u32, Duration) -> Duration>(mut self, curve: F) -> Call<WithCurve<P, F>, G, B, O> {
        self.course().drop_attempt();
        let setup = self.setup.clone().policies(|policies| WithCurve::new(policies, curve));
        Call { setup, state: self.state.moved() }
    }
}

impl<P: Policies, G: Gate, B: Budget, O: Observer> Call<P, G, B, O> {
    /// Gives the operation a name, for events and errors.
    pub fn named(mut self, operation: impl Into<Name>) -> Self {
        self.setup.operation = operation.into();
        self
    }

    /// Says which of several like dependencies it goes to, for events and errors.
    pub fn keyed(mut self, key: impl Into<Key>) -> Self {
        self.setup.key = key.into();
        self
    }

    /// Counts the time from `now`, where it is not counted already.
    pub fn timed(mut self, now: impl Now) -> Self {
        self.state.time_from(now);
        self
    }

    /// Begins the next attempt.
    ///
    /// # Errors
    /// Where the circuit refuses it; the call is over then.
    #[inline]
    pub fn attempt(&mut self, now: impl Now) -> Result<Attempt<'_, P, G, B, O>, Rejected> {
        let mut course = self.course();
        course.begin(now)?;
        Ok(Attempt::new(course))
    }

    /// How many attempts were begun.
    pub fn attempts(&self) -> u32 {
        self.state.attempts()
    }

    /// The time since the call started, delays and attempts included; `None` where nothing asked for the time at
    /// its start.
    pub fn elapsed(&mut self, now: impl Now) -> Option<Duration> {
        self.state.elapsed(now)
    }

    /// How soon after the last [`Verdict::Retry`](crate::Verdict::Retry) the next attempt may begin, where the
    /// dependency says that it is ready: the whole delay, but for
    /// [`Recovery::WaitAndRetry`](crate::Recovery::WaitAndRetry), which may end as soon as minimum and hint allow.
    /// Zero while no retry is to come.
    pub fn earliest_retry(&self) -> Duration {
        duration(self.state.pause().1)
    }

    #[inline]
    fn course(&mut self) -> Course<'_, P, G, B, O> {
        Course { setup: &self.setup, state: &mut self.state }
    }
}

/// A call that ends between two attempts gives back what the second would have cost.
impl<P: Policies, G: Gate, B: Budget, O: Observer> Drop for Call<P, G, B, O> {
    #[inline]
    fn drop(&mut self) {
        if self.state.holds() {
            self.abandon();
        }
    }
}

impl<P: Policies, G: Gate, B: Budget, O: Observer> Call<P, G, B, O> {
    // Apart, so that a call which has ended is dropped in line.
    #[cold]
    fn abandon(&mut self) {
        self.course().drop_all();
    }
}

#[cfg(feature = "defmt")]
impl<P: Policies, G: Gate, B: Budget, O: Observer> defmt::Format for Call<P, G, B, O> {
    fn format(&self, f: defmt::Formatter<'_>) {
        let (operation, attempts) = (self.setup.operation.as_str(), self.state.attempts());
        defmt::write!(
            f,
            "Call {{ operation: {=str}, attempts: {=u32}, policy: {} }}",
            operation,
            attempts,
            self.setup.policies.policy(self.state.read())
        );
    }
}

impl<P: Policies, G: Gate, B: Budget, O: Observer> fmt::Debug for Call<P, G, B, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("operation", &self.setup.operation)
            .field("attempts", &self.state.attempts())
            .field("policy", self.setup.policies.policy(self.state.read()))
            .finish_non_exhaustive()
    }
}
