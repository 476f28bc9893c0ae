//! What a scenario says.

use core::time::Duration;

use retry_core::{
    CircuitConfig, Class, Classify, Failure, Policy, Progress, Rule, TokenBucket,
    budget::{AdaptiveThrottle, ConcurrencyShare, RequestShare, RetryThrottle},
    circuit::OnHealthy,
    policy::Policies,
    runtime,
};

/// A policy, what the calls share, and what happens to them. All its times are whole milliseconds, the least that
/// every runtime's timers know.
#[derive(Clone, Copy, Debug)]
pub struct Scenario<'s> {
    /// In a few words; the log's first line.
    pub name: &'static str,
    /// Of every call.
    pub policy: Policy,
    /// Instead of the policy's curve.
    pub curve: Option<fn(u32, Duration) -> Duration>,
    /// What all calls share.
    pub circuit: CircuitKind,
    /// What all calls share.
    pub budget: BudgetKind,
    /// What some errors in particular are put under.
    pub condition: Option<Condition>,
    /// When a wait may end early.
    pub ready: Option<Readiness>,
    /// The first random words; those after them follow from the seed.
    pub words: &'s [u64],
    /// Of the random words.
    pub seed: u64,
    /// What happens, in this order.
    pub steps: &'s [Step<'s>],
}

impl Scenario<'_> {
    /// Three attempts, 100 ms and 200 ms apart, without jitter; no circuit, no budget, and nothing happens.
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

    /// Whether a blocking loop can play it like the others. It cannot cut an attempt. And an attempt's timeout is the
    /// operation's own there, hence an error like others, that a condition is asked about; so is the total timeout, hence
    /// a failure like others to a circuit and a budget.
    pub fn fits_blocking_loops(&self) -> bool {
        let asked = self.condition.is_some() && self.policy.settings().attempt_timeout.is_some();
        let shared = !matches!((self.circuit, self.budget), (CircuitKind::None, BudgetKind::None));
        let counted = shared && self.policy.settings().total_timeout.is_some();
        !asked && !counted && !self.steps.iter().any(|step| matches!(step, Step::Cut(..)))
    }

    /// What a runtime says of the dependency, where `check` is the answer.
    pub(crate) fn readiness<'c>(
        &self,
        check: &'c (dyn Fn() -> bool + Sync),
    ) -> Option<runtime::Readiness<'c>> {
        self.ready.map(|ready| runtime::Readiness { check, every: ms(ready.every) })
    }
}

/// The policy with the curve instead of its own, if there is one.
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

/// What happens next.
#[derive(Clone, Copy, Debug)]
pub enum Step<'s> {
    /// So many milliseconds pass.
    Wait(u32),
    /// A call whose attempts go like this; the last again where there are more of them.
    Call(&'s [Try]),
    /// A call that someone stops after so many milliseconds: between two attempts, or before the first.
    Stop(u32, &'s [Try]),
    /// A call that someone stops after so many milliseconds: during an attempt.
    Cut(u32, &'s [Try]),
    /// Another caller, who does not retry.
    Other(Other),
    /// The circuit is told what to do.
    Manual(Manual),
}

/// One attempt: how long it takes, in milliseconds, and how it ends.
#[derive(Clone, Copy, Debug)]
pub struct Try {
    /// In milliseconds.
    pub takes: u32,
    /// If nothing ends it earlier.
    pub ends: Ends,
}

impl Try {
    /// What this attempt of a call is, from 1.
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

/// What an attempt returns: good, or a failure of this class all the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Value(pub Option<Class>);

/// What an attempt fails with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fault {
    /// As the classifier sees it.
    pub failure: Failure,
    /// For conditions.
    pub code: u16,
}

impl Classify for Fault {
    fn classify(&self) -> Failure {
        self.failure
    }
}

/// An attempt that succeeds.
pub const fn good(takes: u32) -> Try {
    Try { takes, ends: Ends::Value(Value(None)) }
}

/// An attempt whose value will not do.
pub const fn bad(takes: u32, class: Class) -> Try {
    Try { takes, ends: Ends::Value(Value(Some(class))) }
}

/// An attempt that fails.
pub const fn fails(takes: u32, class: Class) -> Try {
    Try { takes, ends: Ends::Fault(Fault { failure: Failure::new(class), code: 0 }) }
}

/// An attempt that fails with a code.
pub const fn coded(takes: u32, class: Class, code: u16) -> Try {
    Try { takes, ends: Ends::Fault(Fault { failure: Failure::new(class), code }) }
}

/// An attempt that fails, and the server asks to be left alone for so many milliseconds.
pub const fn hinted(takes: u32, class: Class, hint: u32) -> Try {
    let failure = Failure::new(class).retry_after(ms(hint));
    Try { takes, ends: Ends::Fault(Fault { failure, code: 0 }) }
}

/// An attempt that fails, and the server asks not to be asked again.
pub const fn final_fault(takes: u32, class: Class) -> Try {
    Try { takes, ends: Ends::Fault(Fault { failure: Failure::new(class).not_retried(), code: 0 }) }
}

pub(crate) const fn ms(ms: u32) -> Duration {
    Duration::from_millis(ms as u64)
}

/// What some errors in particular are put under: see [`Retry::when`](retry_core::Retry::when).
#[derive(Clone, Copy, Debug)]
pub struct Condition {
    /// Which errors, and when.
    pub meets: fn(&Fault, Progress) -> bool,
    /// Without `after`, which a loop by hand could not say.
    pub rule: &'static Rule,
}

/// When a wait may end early: see [`Retry::ready`](retry_core::Retry::ready).
#[derive(Clone, Copy, Debug)]
pub struct Readiness {
    /// Not ready this often.
    pub denials: u32,
    /// Asked every so many milliseconds.
    pub every: u32,
}

/// Another caller's attempts: up to four at once, a fifth does not begin; those that began first end first.
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

/// What people, health checks and reboots do to a circuit.
#[derive(Clone, Copy, Debug)]
pub enum Manual {
    /// Opens it until told otherwise.
    ForceOpen,
    /// Closes it until told otherwise, without counting.
    Disable,
    /// Closes it until told otherwise, but counting.
    CountOnly,
    /// Closes it, and lets the outcomes decide again.
    Reset,
    /// Opens it for so many milliseconds.
    Trip(u32),
    /// Lets probes decide now.
    Probe,
    /// A health check succeeded.
    Healthy(OnHealthy),
    /// Goes on from a snapshot of itself.
    Restore,
}

/// Which circuit the calls share: by its window.
#[derive(Clone, Copy, Debug)]
pub enum CircuitKind {
    /// None.
    None,
    /// The last 16 calls.
    Calls(CircuitConfig),
    /// The last 16 calls, and which of them were slow.
    Slow(CircuitConfig),
    /// The last stretch of time, in four buckets.
    Time(CircuitConfig),
}

/// Which budget the calls share.
#[derive(Clone, Copy, Debug)]
pub enum BudgetKind {
    /// None.
    None,
    /// The AWS SDKs'.
    Tokens(TokenBucket),
    /// gRPC's.
    Throttle(RetryThrottle),
    /// Finagle's.
    Share(RequestShare),
    /// Envoy's.
    Concurrency(ConcurrencyShare),
    /// The SRE book's.
    Adaptive(AdaptiveThrottle),
}
