//! The total timeout of a call, including its last attempt.

use retry_core::{Class, Jitter, Policy, Recovery, Rule, TokenBucket};

use super::circuits::TWO_IN_A_ROW;
use crate::scenario::{
    BudgetKind, CircuitKind, Condition, Manual, Readiness, Scenario, Step, Try, bad, fails, good, hinted, ms,
};

const PLAIN: Scenario<'static> = Scenario::PLAIN;
const POLICY: Policy = PLAIN.policy.max_attempts(9);
const WAITS: Policy = POLICY.rules(&[Rule::ANY.recovery(Recovery::WaitAndRetry(ms(200)))]);

const HANGS: Try = good(86_400_000);
const HANG: Step<'static> = Step::Call(&[HANGS]);
const GOOD: Step<'static> = Step::Call(&[good(1)]);

const GUARDED: Scenario<'static> = Scenario { circuit: CircuitKind::Calls(TWO_IN_A_ROW), ..PLAIN };

pub(super) static ALL: &[Scenario<'static>] = &[
    Scenario {
        name: "total timeout: it cuts the current attempt",
        policy: POLICY.total_timeout(ms(1_000)),
        steps: &[HANG, Step::Call(&[fails(300, Class::Server), fails(5, Class::Network), HANGS])],
        ..PLAIN
    },
    Scenario {
        name: "total timeout: an attempt may end exactly at it",
        policy: POLICY.total_timeout(ms(50)),
        steps: &[
            Step::Call(&[good(50)]),
            Step::Call(&[fails(50, Class::Server)]),
            Step::Call(&[bad(50, Class::Transient)]),
            Step::Call(&[good(51)]),
        ],
        ..PLAIN
    },
    Scenario {
        name: "total timeout: the attempt timeout is shorter, until less time is left",
        policy: POLICY.attempt_timeout(ms(300)).total_timeout(ms(1_000)),
        steps: &[HANG, Step::Call(&[HANGS, HANGS, good(100)]), Step::Call(&[HANGS, HANGS, good(101)])],
        ..PLAIN
    },
    Scenario {
        name: "total timeout: the attempt timeout is as long as the time left, or longer",
        policy: POLICY.attempt_timeout(ms(300)).total_timeout(ms(300)),
        steps: &[HANG, Step::Call(&[fails(1, Class::Server), HANGS])],
        ..PLAIN
    },
    Scenario {
        name: "total timeout: a retry that would start after it is given up at once",
        policy: POLICY.total_timeout(ms(400)),
        steps: &[Step::Call(&[fails(250, Class::Server), fails(10, Class::Server)])],
        ..PLAIN
    },
    Scenario {
        name: "total timeout: a retry that would start exactly at it",
        policy: POLICY.total_timeout(ms(150)),
        steps: &[Step::Call(&[fails(50, Class::Server), good(0)])],
        ..PLAIN
    },
    Scenario {
        name: "total timeout: a retry that starts a millisecond before it",
        policy: POLICY.total_timeout(ms(150)),
        steps: &[
            Step::Call(&[fails(49, Class::Server), good(1)]),
            Step::Call(&[fails(49, Class::Server), good(2)]),
        ],
        ..PLAIN
    },
    Scenario {
        name: "total timeout: a delay that is rounded up to it leaves no time for the attempt",
        policy: POLICY.jitter(Jitter::Full).total_timeout(ms(100)),
        // A delay of 99.5 ms. The runtimes' timers round it up to 100 ms.
        words: &[u64::MAX / 1_000 * 995],
        steps: &[Step::Call(&[fails(0, Class::Server), good(0)])],
        ..PLAIN
    },
    Scenario {
        name: "total timeout: hints that fit, and hints that do not",
        policy: POLICY.max_hint(ms(700)).total_timeout(ms(500)),
        steps: &[
            Step::Call(&[hinted(10, Class::Server, 489), good(1)]),
            Step::Call(&[hinted(10, Class::Server, 490), good(1)]),
            Step::Call(&[hinted(10, Class::Server, 701), good(1)]),
        ],
        ..PLAIN
    },
    Scenario {
        name: "total timeout: it cuts a wait short, and no attempt follows",
        policy: WAITS.total_timeout(ms(250)),
        ready: Some(Readiness { denials: 12, every: 30 }),
        steps: &[Step::Call(&[fails(40, Class::Server), fails(1, Class::Server), good(0)])],
        ..PLAIN
    },
    Scenario {
        name: "total timeout: a wait that ends before it",
        policy: WAITS.total_timeout(ms(150)),
        ready: Some(Readiness { denials: 2, every: 30 }),
        steps: &[Step::Call(&[fails(40, Class::Server), good(10)])],
        ..PLAIN
    },
    Scenario {
        name: "total timeout: start_within is shorter",
        policy: POLICY.start_within(ms(300)).total_timeout(ms(1_000)),
        steps: &[
            Step::Call(&[fails(200, Class::Server), good(700)]),
            Step::Call(&[fails(201, Class::Server), good(700)]),
        ],
        ..PLAIN
    },
    Scenario {
        name: "total timeout: it cuts an attempt that started within start_within",
        policy: POLICY.start_within(ms(300)).total_timeout(ms(1_000)),
        steps: &[Step::Call(&[fails(200, Class::Server), HANGS])],
        ..GUARDED
    },
    Scenario {
        name: "total timeout: start_within is longer",
        policy: WAITS.start_within(ms(300)).total_timeout(ms(220)),
        ready: Some(Readiness { denials: 90, every: 30 }),
        steps: &[Step::Call(&[fails(10, Class::Server), good(9)]), Step::Call(&[fails(230, Class::Server)])],
        ..PLAIN
    },
    Scenario {
        name: "total timeout: attempts with only three milliseconds do not open the circuit",
        policy: POLICY.attempt_timeout(ms(50)).total_timeout(ms(3)),
        steps: &[HANG, HANG, HANG, GOOD],
        ..GUARDED
    },
    Scenario {
        name: "total timeout: an attempt that had its full attempt timeout counts",
        policy: POLICY.attempt_timeout(ms(50)).total_timeout(ms(50)),
        steps: &[HANG, HANG, GOOD],
        ..GUARDED
    },
    Scenario {
        name: "total timeout: only attempts that had their full attempt timeout count",
        policy: POLICY.attempt_timeout(ms(50)).total_timeout(ms(199)),
        steps: &[HANG, GOOD, HANG, HANG, GOOD],
        ..GUARDED
    },
    Scenario {
        name: "total timeout: a slow attempt counts",
        policy: POLICY.total_timeout(ms(60)),
        circuit: CircuitKind::Slow(TWO_IN_A_ROW.slow_after(ms(60))),
        steps: &[HANG, HANG, GOOD],
        ..PLAIN
    },
    Scenario {
        name: "total timeout: an attempt that is almost slow does not count",
        policy: POLICY.total_timeout(ms(60)),
        circuit: CircuitKind::Slow(TWO_IN_A_ROW.slow_after(ms(61))),
        steps: &[HANG, HANG, GOOD],
        ..PLAIN
    },
    Scenario {
        name: "total timeout: a probe that it cuts releases its slot",
        policy: POLICY.attempt_timeout(ms(50)).total_timeout(ms(3)),
        steps: &[Step::Manual(Manual::Trip(100)), Step::Wait(100), HANG, HANG, GOOD],
        ..GUARDED
    },
    Scenario {
        name: "total timeout: the price of a retry that it cuts is refunded",
        policy: POLICY.total_timeout(ms(110)),
        budget: BudgetKind::Tokens(TokenBucket::AWS.capacity(12)),
        steps: &[
            Step::Call(&[fails(1, Class::Server), HANGS]),
            Step::Call(&[fails(1, Class::Server), HANGS]),
        ],
        ..PLAIN
    },
    Scenario {
        name: "total timeout: it is the reason after the last attempt, too",
        policy: POLICY.max_attempts(1).total_timeout(ms(60)),
        steps: &[HANG, Step::Call(&[fails(60, Class::Server)])],
        ..GUARDED
    },
    Scenario {
        name: "total timeout: it is the reason, whatever the rule for timeouts",
        policy: POLICY
            .rules(&[Rule::class(Class::Timeout).recovery(Recovery::Ignore)])
            .attempt_timeout(ms(200))
            .total_timeout(ms(250)),
        budget: BudgetKind::Tokens(TokenBucket::AWS),
        steps: &[HANG, Step::Call(&[fails(10, Class::Server), HANGS])],
        ..PLAIN
    },
    Scenario {
        name: "total timeout: a condition gets the time left",
        policy: POLICY.total_timeout(ms(400)),
        condition: Some(Condition {
            meets: |_, now| now.left.is_some_and(|left| left <= ms(100)),
            rule: &Rule::ANY.recovery(Recovery::Fail),
        }),
        steps: &[Step::Call(&[fails(160, Class::Server), fails(40, Class::Server), good(1)])],
        ..PLAIN
    },
    Scenario {
        name: "total timeout: a call that is stopped exactly at it",
        policy: POLICY.total_timeout(ms(100)),
        steps: &[Step::Cut(100, &[HANGS]), Step::Cut(101, &[HANGS])],
        ..PLAIN
    },
    Scenario {
        name: "total timeout: with jitter",
        policy: POLICY.jitter(Jitter::Full).attempt_timeout(ms(80)).total_timeout(ms(500)),
        budget: BudgetKind::Tokens(TokenBucket::AWS),
        seed: 5,
        steps: &[
            Step::Call(&[good(81), fails(30, Class::Network), good(81)]),
            Step::Call(&[fails(30, Class::Network), HANGS]),
        ],
        ..PLAIN
    },
];
