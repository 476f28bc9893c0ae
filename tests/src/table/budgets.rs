//! Retry budgets.

use retry_core::{
    Class, Policy, TokenBucket,
    budget::{AdaptiveThrottle, ConcurrencyShare, RequestShare, RetryThrottle},
};

use crate::scenario::{BudgetKind, CircuitKind, Other, Scenario, Step, fails, good, ms};

const PLAIN: Scenario<'static> = Scenario::PLAIN;
const POLICY: Policy = PLAIN.policy;

const GOOD: Step<'static> = Step::Call(&[good(1)]);
const FAILS: Step<'static> = Step::Call(&[fails(1, Class::Server)]);
const RECOVERS: Step<'static> = Step::Call(&[fails(1, Class::Timeout), good(1)]);

const TOKENS: TokenBucket = TokenBucket::AWS.capacity(12);

pub(super) static ALL: &[Scenario<'static>] = &[
    Scenario {
        name: "budget: tokens are spent and earned",
        budget: BudgetKind::Tokens(TOKENS.rate_limit_cost(1)),
        steps: &[
            RECOVERS,
            FAILS,
            FAILS,
            GOOD,
            GOOD,
            RECOVERS,
            Step::Call(&[fails(1, Class::RateLimit), good(1)]),
        ],
        ..PLAIN
    },
    Scenario {
        name: "budget: tokens refill with time",
        budget: BudgetKind::Tokens(TOKENS.refill_per_second(2.5)),
        steps: &[FAILS, FAILS, Step::Wait(1_000), FAILS, Step::Wait(2_000), FAILS],
        ..PLAIN
    },
    Scenario {
        name: "budget: each success earns tokens",
        budget: BudgetKind::Tokens(TOKENS.success_reward(0.75)),
        steps: &[FAILS, FAILS, GOOD, GOOD, GOOD, FAILS],
        ..PLAIN
    },
    Scenario {
        name: "budget: a token bucket with capacity 0",
        budget: BudgetKind::Tokens(TOKENS.capacity(0)),
        steps: &[FAILS, GOOD, FAILS],
        ..PLAIN
    },
    Scenario {
        name: "budget: the price of a retry is refunded if the call is stopped",
        budget: BudgetKind::Tokens(TOKENS),
        steps: &[Step::Stop(50, &[fails(1, Class::Server)]), FAILS],
        ..PLAIN
    },
    Scenario {
        name: "budget: the price of a retry is refunded if the retry is cut",
        budget: BudgetKind::Tokens(TOKENS),
        steps: &[Step::Cut(121, &[fails(20, Class::Server), good(20)]), FAILS],
        ..PLAIN
    },
    Scenario {
        name: "budget: the price of a retry is refunded if the circuit rejects it",
        budget: BudgetKind::Tokens(TOKENS),
        circuit: CircuitKind::Calls(super::half_open::TWO_PROBES_IN_ALL),
        steps: &[
            Step::Other(Other::Begins),
            Step::Other(Other::Fails(Class::Server)),
            Step::Wait(100),
            Step::Other(Other::Begins),
            FAILS,
        ],
        ..PLAIN
    },
    Scenario {
        name: "budget: gRPC's throttle",
        budget: BudgetKind::Throttle(RetryThrottle::GRPC.max_tokens(6).token_ratio(0.5)),
        steps: &[FAILS, FAILS, GOOD, GOOD, GOOD, GOOD, FAILS, FAILS],
        ..PLAIN
    },
    Scenario {
        name: "budget: retries are a share of the requests",
        budget: BudgetKind::Share(RequestShare::DEFAULT.share(0.5).min_retries_per_second(0).ttl(ms(2_000))),
        steps: &[FAILS, FAILS, GOOD, GOOD, GOOD, GOOD, FAILS, Step::Wait(2_000), FAILS, GOOD],
        ..PLAIN
    },
    Scenario {
        name: "budget: retries are a share of the attempts in flight",
        budget: BudgetKind::Concurrency(ConcurrencyShare::DEFAULT.min_retries(1)),
        steps: &[FAILS, RECOVERS, Step::Cut(105, &[fails(1, Class::Server), good(90)]), FAILS],
        ..PLAIN
    },
    Scenario {
        name: "budget: a share of 0 of the attempts in flight",
        budget: BudgetKind::Concurrency(ConcurrencyShare::DEFAULT.share(0.0).min_retries(0)),
        steps: &[FAILS, GOOD],
        ..PLAIN
    },
    Scenario {
        name: "budget: the adaptive throttle refuses retries at random",
        policy: POLICY.max_attempts(6),
        budget: BudgetKind::Adaptive(AdaptiveThrottle::DEFAULT.multiplier(1.5).window(ms(12_000))),
        seed: 11,
        steps: &[GOOD, GOOD, FAILS, FAILS, FAILS, FAILS, Step::Wait(12_000), FAILS],
        ..PLAIN
    },
];
