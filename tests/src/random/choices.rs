//! The choices for random scenarios. They are constants, so that all floats are computed at compile time.

use core::time::Duration;

use retry_core::{
    Backoff, CircuitConfig, Class, ClassSet, Jitter, Policy, Progress, Recovery, Rule, TokenBucket,
    budget::{AdaptiveThrottle, ConcurrencyShare, RequestShare, RetryThrottle},
    policy::Hints,
};

pub(super) use crate::scenario::ms;
use crate::scenario::{BudgetKind, CircuitKind, Condition, Fault};

// All bases and all minimum delays are at most the smallest cap, so every combination is a valid policy.
pub(super) static POLICIES: &[Policy] = &[
    Policy::fixed(ms(35)),
    Policy::exponential(ms(20)),
    Policy::exponential(ms(100)).max_delay(ms(450)),
    Policy::exponential(ms(30)).multiplier(1.5).max_delay(ms(2_000)),
    Policy::exponential(ms(8)).multiplier(3.7).max_hint(ms(400)),
    Policy::exponential(Duration::ZERO),
    Policy::exponential(Duration::from_nanos(12_345_678)).retry_on(ClassSet::ALL),
    Policy::backoff(Backoff::linear(ms(25), ms(40))),
    Policy::backoff(Backoff::fibonacci(ms(15))).max_delay(ms(600)),
    Policy::backoff(Backoff::polynomial(ms(4), 3)).max_hint(ms(500)),
    Policy::backoff(Backoff::custom(ms(90), halving)),
    Policy::exponential(ms(50)).retry_on(ClassSet::of(&[Class::Timeout, Class::Network, Class::NotFound])),
];

pub(super) static JITTERS: &[Jitter] = &[
    Jitter::None,
    Jitter::Full,
    Jitter::Full,
    Jitter::Equal,
    Jitter::Decorrelated,
    Jitter::proportional(0.2),
    Jitter::additive(0.5),
];

pub(super) static HINTS: &[Hints] = &[Hints::Floor, Hints::Floor, Hints::Exact, Hints::Clamp];

pub(super) static RULES: &[&[Rule]] = &[
    &[Rule::class(Class::NotFound).recovery(Recovery::Ignore), Rule::class(Class::Timeout).max_attempts(2)],
    &[Rule::class(Class::RateLimit).backoff(Backoff::fixed(ms(120))).jitter(Jitter::Equal).max_attempts(7)],
    &[Rule::class(Class::Server).recovery(Recovery::WaitAndRetry(ms(150)))],
    &[
        Rule::ANY.after(ms(800)).recovery(Recovery::Fail),
        Rule::class(Class::Network).from_attempt(2).recovery(Recovery::RetryWithDelay(ms(60))),
    ],
    &[
        Rule::classes(ClassSet::of(&[Class::Transient, Class::Unknown])).recovery(Recovery::Circuit),
        Rule::class(Class::Validation).recovery(Recovery::RetryWithBackoff),
    ],
];

pub(super) fn halving(failed: u32, base: Duration) -> Duration {
    base / (1 << failed.min(10))
}

fn disk_full(fault: &Fault, _: Progress) -> bool {
    fault.code == 28
}

fn late(_: &Fault, now: Progress) -> bool {
    now.elapsed.is_some_and(|elapsed| elapsed >= ms(300))
}

const FAIL: Rule = Rule::ANY.recovery(Recovery::Fail);
const PATIENT: Rule = Rule::ANY.backoff(Backoff::fixed(ms(200))).max_attempts(5);

pub(super) static CONDITIONS: &[Condition] = &[
    Condition { meets: disk_full, rule: &FAIL },
    Condition { meets: disk_full, rule: &PATIENT },
    Condition { meets: late, rule: &FAIL },
];

const IN_A_ROW: CircuitConfig = CircuitConfig::WITHOUT_RULES.consecutive_failures(3).open_for(ms(200));
const RATE: CircuitConfig = CircuitConfig::WITHOUT_RULES.failure_rate(50).minimum_calls(4).open_for(ms(120));
const BOTH: CircuitConfig = RATE.consecutive_failures(4);

pub(super) static CIRCUITS: &[CircuitKind] = &[
    CircuitKind::None,
    CircuitKind::None,
    CircuitKind::Calls(IN_A_ROW),
    CircuitKind::Calls(IN_A_ROW.probes(2).success_threshold(3).probe_failures(1)),
    CircuitKind::Calls(RATE),
    CircuitKind::Calls(RATE.window(6).open_growth(2.0, ms(900)).open_jitter(Jitter::Equal)),
    CircuitKind::Calls(BOTH.window(8).probe_rate(3, 50).ramp(ms(500))),
    CircuitKind::Calls(BOTH.lease(ms(150)).count_as_failure(ClassSet::ALL)),
    CircuitKind::Slow(BOTH.slow_after(ms(120)).slow_rate(60).window(10)),
    CircuitKind::Slow(IN_A_ROW.slow_after(ms(80))),
    CircuitKind::Time(RATE.window_time(ms(800))),
    CircuitKind::Time(BOTH.window_time(ms(3_000)).probes(2)),
];

pub(super) static BUDGETS: &[BudgetKind] = &[
    BudgetKind::None,
    BudgetKind::None,
    BudgetKind::None,
    BudgetKind::Tokens(TokenBucket::AWS.capacity(30)),
    BudgetKind::Tokens(TokenBucket::AWS.capacity(25).refill_per_second(3.5).success_reward(0.3)),
    BudgetKind::Throttle(RetryThrottle::GRPC),
    BudgetKind::Share(RequestShare::DEFAULT.share(0.5).min_retries_per_second(1).ttl(ms(2_000))),
    BudgetKind::Concurrency(ConcurrencyShare::DEFAULT.min_retries(1)),
    BudgetKind::Adaptive(AdaptiveThrottle::DEFAULT.window(ms(6_000))),
];
