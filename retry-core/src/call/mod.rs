//! The state machine of one call, which combines a policy, a circuit and a budget. This file has the call, and
//! `attempt.rs` its attempts.

mod attempt;
mod course;
mod elapsed;
mod limits;

use core::fmt;
use core::time::Duration;

pub use attempt::Attempt;
pub(crate) use course::{Course, Setup, State};
pub(crate) use elapsed::Elapsed;

use crate::budget::{Budget, NoBudget};
use crate::circuit::Rejected;
use crate::circuit::{Gate, NoCircuit};
use crate::key::Key;
use crate::name::Name;
use crate::observe::{Event, Observer, ObserverFn, observer_fn};
use crate::policy::{Policies, Policy, WithCurve};
use crate::time::{Now, duration};

/// The state machine of one call: all attempts of one operation, for a retry loop of your own.
///
/// The loop passes in the time, the outcomes and a random generator, gets a [`Verdict`](crate::Verdict) after each
/// failure, and sleeps. [`Retry`](crate::Retry) is such a loop, and is shorter to use.
///
/// **The loop makes one attempt at a time, and ends each one.** The protocol:
///
/// 1. Make a call by [`Call::new`] when the operation starts.
/// 2. Call [`attempt`](Self::attempt) before each attempt. A refusal ends the call.
/// 3. End the attempt by [`Attempt::succeed`], which ends the call, or by [`Attempt::fail`], which returns the verdict.
///    An attempt that is dropped is cancelled. If the policy has a timeout or a time to start within,
///    [`Attempt::time_limit`] returns how long to wait. It is zero for a retry that starts too late.
///    [`Attempt::time_out`] ends an attempt that took longer, or that starts too late.
/// 4. After [`Verdict::Retry`](crate::Verdict::Retry), sleep for the delay and go on at step 2. Any other verdict ends
///    the call.
///
/// ```
/// use core::time::Duration;
/// use retry_core::{testing::FakeClock, Call, Class, Policy, Verdict};
///
/// const POLICY: Policy = Policy::exponential(Duration::from_millis(100)).max_attempts(4);
///
/// let clock = FakeClock::new(); // your clock
/// let mut rng = clock.words(&[1 << 63]); // your random generator; this word takes half of the ceiling
/// let mut answers = [Err(Class::Network), Ok("sent")].into_iter(); // your operation
///
/// let mut call = Call::new(&POLICY, clock.now());
/// let result = loop {
///     let attempt = match call.attempt(clock.now()) {
///         Ok(attempt) => attempt,
///         Err(rejected) => break Err(rejected.to_string()),
///     };
///     match answers.next().unwrap() {
///         Ok(value) => {
///             attempt.succeed(clock.now());
///             break Ok(value);
///         }
///         Err(class) => match attempt.fail(class, clock.now(), &mut rng) {
///             Verdict::Retry(delay) => clock.advance(delay), // your sleep
///             verdict => break Err(verdict.to_string()),
///         },
///     }
/// };
/// assert_eq!(result, Ok("sent"));
/// assert_eq!(clock.now().as_millis(), 50);
/// ```
#[must_use = "a `Call` does nothing until an attempt is made"]
pub struct Call<P: Policies = &'static Policy, G: Gate = NoCircuit, B: Budget = NoBudget, O: Observer = ()> {
    setup: Setup<P, G, B, O>,
    state: State<G::Ticket, P::Read>,
}

impl<P: Policies> Call<P> {
    /// Starts a call by this policy, given by reference, in an `Arc` or by value.
    ///
    /// The time is read only if the policy needs it: for `start_within`, for `total_timeout`, or for a rule with
    /// [`after`](crate::Rule::after).
    pub fn new(policy: P, now: impl Now) -> Self {
        let read = policy.read();
        let timed = policy.policy(&read).asks_time();
        Self { setup: Setup::new(policy), state: State::start(read, timed, now) }
    }
}

// The parts are cloned, because `Call` implements `Drop` and so they cannot be moved out of it.
impl<P: Policies + Clone, G: Gate + Clone, B: Budget + Clone, O: Observer + Clone> Call<P, G, B, O> {
    /// Sets the circuit. It is asked before each attempt, and records how each attempt ended.
    pub fn circuit<H: Gate>(mut self, circuit: H) -> Call<P, H, B, O> {
        self.course().drop_attempt();
        Call { setup: self.setup.clone().circuit(circuit), state: self.state.moved() }
    }

    /// Sets the budget, which pays for each retry.
    pub fn budget<C: Budget>(mut self, budget: C) -> Call<P, G, C, O> {
        self.course().drop_all();
        Call { setup: self.setup.clone().budget(budget), state: self.state.moved() }
    }

    /// Sets the observer, which gets every event of the call.
    pub fn observe<N: Observer>(mut self, observer: N) -> Call<P, G, B, N> {
        self.course().drop_attempt();
        Call { setup: self.setup.clone().observe(observer), state: self.state.moved() }
    }

    /// Sets a closure as the observer.
    pub fn on_event<F: Fn(&Event<'_>)>(self, observer: F) -> Call<P, G, B, ObserverFn<F>> {
        self.observe(observer_fn(observer))
    }

    /// Replaces the policy's backoff by this curve. It gets the number of failed attempts, counted from 1, and the
    /// policy's base delay, and returns the ceiling of the next delay.
    pub fn backoff<F: Fn(u32, Duration) -> Duration>(mut self, curve: F) -> Call<WithCurve<P, F>, G, B, O> {
        self.course().drop_attempt();
        let setup = self.setup.clone().policies(|policies| WithCurve::new(policies, curve));
        Call { setup, state: self.state.moved() }
    }
}

impl<P: Policies, G: Gate, B: Budget, O: Observer> Call<P, G, B, O> {
    /// Sets the name of the operation for events and errors.
    pub fn named(mut self, operation: impl Into<Name>) -> Self {
        self.setup.operation = operation.into();
        self
    }

    /// Sets the key for events and errors. It tells one of several similar dependencies, such as a host or a tenant.
    pub fn keyed(mut self, key: impl Into<Key>) -> Self {
        self.setup.key = key.into();
        self
    }

    /// Measures the time of the call from `now`, unless it is already measured. [`elapsed`](Self::elapsed) then returns
    /// a time.
    pub fn timed(mut self, now: impl Now) -> Self {
        self.state.time_from(now);
        self
    }

    /// Begins the next attempt.
    ///
    /// # Errors
    /// Returns an error if the circuit refuses the attempt. The call is then over.
    #[inline]
    pub fn attempt(&mut self, now: impl Now) -> Result<Attempt<'_, P, G, B, O>, Rejected> {
        let mut course = self.course();
        course.begin(now)?;
        Ok(Attempt::new(course))
    }

    /// Returns how many attempts were begun, without a retry that [`time_out`](Attempt::time_out) ended as too late. After a
    /// reset by [`Policy::reset_after`], attempts are counted from it on.
    pub fn attempts(&self) -> u32 {
        self.state.attempts()
    }

    /// Returns the time since the call started, delays and attempts included; `None` if the call does not
    /// [measure](Self::timed) its time.
    pub fn elapsed(&mut self, now: impl Now) -> Option<Duration> {
        self.state.elapsed(now)
    }

    /// Returns the shortest wait after the last [`Verdict::Retry`](crate::Verdict::Retry); zero if no retry is to come.
    ///
    /// For [`Recovery::WaitAndRetry`](crate::Recovery::WaitAndRetry), it is the policy's `min_delay` or the server's
    /// hint: after it, the next attempt may begin as soon as the dependency is ready. Otherwise it is the whole delay.
    pub fn earliest_retry(&self) -> Duration {
        duration(self.state.pause().1)
    }

    #[inline]
    fn course(&mut self) -> Course<'_, P, G, B, O> {
        Course { setup: &self.setup, state: &mut self.state }
    }
}

/// Pays a retry back to the budget if the call ends before that retry begins.
impl<P: Policies, G: Gate, B: Budget, O: Observer> Drop for Call<P, G, B, O> {
    #[inline]
    fn drop(&mut self) {
        if self.state.holds() {
            self.abandon();
        }
    }
}

impl<P: Policies, G: Gate, B: Budget, O: Observer> Call<P, G, B, O> {
    // A function of its own, so that the drop of a call that has ended is inlined.
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
