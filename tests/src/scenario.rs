//! The parts of a scenario.

use core::time::Duration;

use retry_core::{
    CircuitConfig, Class, Classify, Failure, Policy, Progress, Rule, TokenBucket,
    budget::{AdaptiveThrottle, ConcurrencyShare, RequestShare, RetryThrottle},
    circuit::OnHealthy,
    policy::Policies,
    runtime,
};

/// A policy, the circuit and budget that the calls share, and what happens to the calls. All times are whole
/// milliseconds, because every runtime's timers support them.
#[derive(Clone, Copy, Debug)]
pub struct Scenario<'s> {
    /// The name, which is also the first line of the log.
    pub name: &'static str,
    /// The policy of every call.
    pub policy: Policy,
    /// Replaces the backoff curve of the policy.
    pub curve: Option<fn(u32, Duration) -> Duration>,
    /// The circuit that all calls share.
    pub circuit: CircuitKind,
    /// The budget that all calls share.
    pub budget: BudgetKind,
    /// A rule for certain errors.
    pub condition: Option<Condition>,
    /// When a wait may end early.
    pub ready: Option<Readiness>,
    /// The first random words. The seed gives the words after them.
    pub words: &'s [u64],
    /// The seed of the random words.
    pub seed: u64,
    /// The steps, in order.
    pub steps: &'s [Step<'s>],
}

impl Scenario<'_> {
    /// Three attempts with delays of 100 ms and 200 ms, without jitter, circuit, budget and steps.
    pub const PLAIN: Self = Self {
        name: "",
        policy: Policy::exponential(Duration::from_millis(100)).jitter(retry_core::Jitter::None),
        curve: None,
        circuit: CircuitKind::None,
        budget: BudgetKind::None,
        condition: None,
        ready: None,
        words: &[],
        seed: 1,
        steps: &[],
    };

    /// Returns whether a blocking loop gives the same log as the others.
    ///
    /// A blocking loop cannot cut an attempt, so the operation returns an error at a timeout. The log differs in two
    /// cases. A condition would match the error of an attempt timeout. A circuit and a budget would count the error of
    /// a total timeout as a failure.
    pub fn fits_blocking_loops(&self) -> bool {
        let asked = self.condition.is_some() && self.policy.settings().attempt_timeout.is_some();
        let shared = !matches!((self.circuit, self.budget), (CircuitKind::None, BudgetKind::None));
        let counted = shared && self.policy.settings().total_timeout.is_some();
        !asked && !counted && !self.steps.iter().any(|step| matches!(step, Step::Cut(..)))
    }

    /// Returns the readiness check of a runtime, which calls `check`.
    pub(crate) fn readiness<'c>(
        &self,
        check: &'c (dyn Fn() -> bool + Sync),
    ) -> Option<runtime::Readiness<'c>> {
        self.ready.map(|ready| runtime::Readiness { check, every: ms(ready.every) })
    }
}

/// Gives the policy, with the curve of the scenario if it has one.
impl Policies for Scenario<'_> {
    type Read = ();

    fn read(&self) {}

    fn policy<'a>(&'a self, (): &'a ()) -> &'a Policy {
        &self.policy
    }

    fn ceiling(&self, failed: u32, base: Duration) -> Option<Duration> {
        self.curve.map(|curve| curve(failed, base))
    }
}

/// One step of a scenario.
#[derive(Clone, Copy, Debug)]
pub enum Step<'s> {
    /// This number of milliseconds passes.
    Wait(u32),
    /// A call with these attempts. If it makes more attempts, the last one is repeated.
    Call(&'s [Try]),
    /// A call that is stopped after this number of milliseconds, before or between its attempts.
    Stop(u32, &'s [Try]),
    /// A call that is stopped after this number of milliseconds, during an attempt.
    Cut(u32, &'s [Try]),
    /// An attempt of another caller, which does not retry.
    Other(Other),
    /// A manual operation on the circuit.
    Manual(Manual),
}

/// One attempt: how long it takes, and how it ends.
#[derive(Clone, Copy, Debug)]
pub struct Try {
    /// The duration in milliseconds.
    pub takes: u32,
    /// How it ends, unless it is ended earlier.
    pub ends: Ends,
}

impl Try {
    /// Returns the script of this attempt, counted from 1.
    pub(crate) fn of(tries: &[Self], attempt: u32) -> Self {
        tries[tries.len().min(attempt as usize) - 1]
    }
}

/// How an attempt ends.
#[derive(Clone, Copy, Debug)]
pub enum Ends {
    /// With a value.
    Value(Value),
    /// With an error.
    Fault(Fault),
}

/// A value that an attempt returns. If it has a class, it is unacceptable, and counts as a failure of this class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Value(pub Option<Class>);

/// An error that an attempt returns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fault {
    /// What the classifier returns.
    pub failure: Failure,
    /// A code for conditions.
    pub code: u16,
}

impl Classify for Fault {
    fn classify(&self) -> Failure {
        self.failure
    }
}

/// Makes an attempt that succeeds.
pub const fn good(takes: u32) -> Try {
    Try { takes, ends: Ends::Value(Value(None)) }
}

/// Makes an attempt with an unacceptable value.
pub const fn bad(takes: u32, class: Class) -> Try {
    Try { takes, ends: Ends::Value(Value(Some(class))) }
}

/// Makes an attempt that fails.
pub const fn fails(takes: u32, class: Class) -> Try {
    Try { takes, ends: Ends::Fault(Fault { failure: Failure::new(class), code: 0 }) }
}

/// Makes an attempt that fails with a code.
pub const fn coded(takes: u32, class: Class, code: u16) -> Try {
    Try { takes, ends: Ends::Fault(Fault { failure: Failure::new(class), code }) }
}

/// Makes an attempt that fails with a server hint of this number of milliseconds.
pub const fn hinted(takes: u32, class: Class, hint: u32) -> Try {
    let failure = Failure::new(class).retry_after(ms(hint));
    Try { takes, ends: Ends::Fault(Fault { failure, code: 0 }) }
}

/// Makes an attempt that fails with an error that asks not to be retried.
pub const fn final_fault(takes: u32, class: Class) -> Try {
    Try { takes, ends: Ends::Fault(Fault { failure: Failure::new(class).not_retried(), code: 0 }) }
}

pub(crate) const fn ms(ms: u32) -> Duration {
    Duration::from_millis(ms as u64)
}

/// A rule for certain errors: see [`Retry::when`](retry_core::Retry::when).
#[derive(Clone, Copy, Debug)]
pub struct Condition {
    /// Returns whether the rule is for this error, at this point of the call.
    pub meets: fn(&Fault, Progress) -> bool,
    /// The rule. It has no `after`, which a loop by hand could not express.
    pub rule: &'static Rule,
}

/// When a wait may end early: see [`Retry::ready`](retry_core::Retry::ready).
#[derive(Clone, Copy, Debug)]
pub struct Readiness {
    /// How many checks fail.
    pub denials: u32,
    /// The time between checks, in milliseconds.
    pub every: u32,
}

/// A step of another caller's attempts. At most four run at once, and a fifth does not begin. The oldest ends first.
#[derive(Clone, Copy, Debug)]
pub enum Other {
    /// One begins.
    Begins,
    /// One succeeds.
    Succeeds,
    /// One fails.
    Fails(Class),
    /// One is dropped.
    Drops,
}

/// A manual operation on a circuit, a health check or a restart.
#[derive(Clone, Copy, Debug)]
pub enum Manual {
    /// Opens it until another operation.
    ForceOpen,
    /// Closes it until another operation, without counting.
    Disable,
    /// Closes it until another operation, but counts.
    CountOnly,
    /// Closes it, and lets its rules decide again.
    Reset,
    /// Opens it for this number of milliseconds.
    Trip(u32),
    /// Makes it half-open now.
    Probe,
    /// A health check succeeded.
    Healthy(OnHealthy),
    /// Takes a snapshot of it, and restores it.
    Restore,
}

/// The kind of circuit that the calls share, by its window.
#[derive(Clone, Copy, Debug)]
pub enum CircuitKind {
    /// None.
    None,
    /// The last 16 calls.
    Calls(CircuitConfig),
    /// The last 16 calls, and which of them were slow.
    Slow(CircuitConfig),
    /// The last span of time, in four buckets.
    Time(CircuitConfig),
}

/// The kind of budget that the calls share.
#[derive(Clone, Copy, Debug)]
pub enum BudgetKind {
    /// None.
    None,
    /// The token bucket of the AWS SDKs.
    Tokens(TokenBucket),
    /// The throttle of gRPC.
    Throttle(RetryThrottle),
    /// The request share of Finagle.
    Share(RequestShare),
    /// The concurrency share of Envoy.
    Concurrency(ConcurrencyShare),
    /// The adaptive throttle of the SRE book.
    Adaptive(AdaptiveThrottle),
}
