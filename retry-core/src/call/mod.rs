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
use crate::observe::Observer;
use crate::policy::Policy;
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
pub struct Call<'a, G: Gate = NoCircuit, B: Budget = NoBudget, O: Observer + ?Sized = ()> {
    setup: Setup<'a, G, B, O>,
    state: State<G::Ticket>,
}

impl<'a> Call<'a> {
    /// Starts a call. Asks the time only if the policy limits it, or has a rule that counts it.
    pub fn new(policy: &'a Policy, now: impl Now) -> Self {
        let setup = Setup::new(policy, &NoCircuit, &NoBudget, &());
        Self { setup, state: State::start(policy.asks_time(), now) }
    }
}

impl<'a, G: Gate, B: Budget, O: Observer + ?Sized> Call<'a, G, B, O> {
    /// Asks this circuit before each attempt, and tells it how each ended.
    pub fn circuit<H: Gate>(mut self, circuit: &'a H) -> Call<'a, H, B, O> {
        self.course().drop_attempt();
        Call { setup: self.setup.circuit(circuit), state: self.state.moved() }
    }

    /// Pays for each retry out of this budget.
    pub fn budget<C: Budget>(mut self, budget: &'a C) -> Call<'a, G, C, O> {
        self.course().drop_all();
        Call { setup: self.setup.budget(budget), state: self.state.moved() }
    }

    /// Tells this observer what happens.
    pub fn observe<P: Observer + ?Sized>(mut self, observer: &'a P) -> Call<'a, G, B, P> {
        self.course().drop_attempt();
        Call { setup: self.setup.observe(observer), state: self.state.moved() }
    }

    /// Takes this curve instead of the policy's: from the number of failed attempts, from 1, and the policy's
    /// base to a ceiling.
    pub fn backoff(mut self, curve: &'a (dyn Fn(u32, Duration) -> Duration + Sync)) -> Self {
        self.setup.curve = Some(curve);
        self
    }

    /// Gives the operation a name, for events and errors.
    pub fn named(mut self, operation: &'static str) -> Self {
        self.setup.operation = operation;
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
    pub fn attempt(&mut self, now: impl Now) -> Result<Attempt<'_, 'a, G, B, O>, Rejected> {
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
    fn course(&mut self) -> Course<'_, 'a, G, B, O> {
        Course { setup: &self.setup, state: &mut self.state }
    }
}

/// A call that ends between two attempts gives back what the second would have cost.
impl<G: Gate, B: Budget, O: Observer + ?Sized> Drop for Call<'_, G, B, O> {
    fn drop(&mut self) {
        self.course().drop_all();
    }
}

#[cfg(feature = "defmt")]
impl<G: Gate, B: Budget, O: Observer + ?Sized> defmt::Format for Call<'_, G, B, O> {
    fn format(&self, f: defmt::Formatter<'_>) {
        let (operation, attempts) = (self.setup.operation, self.state.attempts());
        defmt::write!(
            f,
            "Call {{ operation: {=str}, attempts: {=u32}, policy: {} }}",
            operation,
            attempts,
            self.setup.policy
        );
    }
}

impl<G: Gate, B: Budget, O: Observer + ?Sized> fmt::Debug for Call<'_, G, B, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("operation", &self.setup.operation)
            .field("attempts", &self.state.attempts())
            .field("policy", self.setup.policy)
            .finish_non_exhaustive()
    }
}
