//! The recovery from an error, by its class and by rules.

use retry_core::{Class, ClassSet, Policy, Recovery, Rule};

use crate::scenario::{Readiness, Scenario, Step, bad, fails, final_fault, good, ms};

const PLAIN: Scenario<'static> = Scenario::PLAIN;
const POLICY: Policy = PLAIN.policy;

pub(super) static ALL: &[Scenario<'static>] = &[
    Scenario { name: "the first attempt succeeds", steps: &[Step::Call(&[good(5)])], ..PLAIN },
    Scenario { name: "an attempt takes no time", steps: &[Step::Call(&[good(0)])], ..PLAIN },
    Scenario {
        name: "retry with backoff",
        steps: &[Step::Call(&[fails(10, Class::Network), fails(20, Class::Server), good(30)])],
        ..PLAIN
    },
    Scenario {
        name: "retry with backoff, until no attempts are left",
        steps: &[Step::Call(&[fails(10, Class::Timeout)]), Step::Call(&[fails(0, Class::Unknown)])],
        ..PLAIN
    },
    Scenario {
        name: "retry: each class that is retried, and a value that is not accepted",
        policy: POLICY.max_attempts(9),
        steps: &[Step::Call(&[
            fails(1, Class::Transient),
            fails(2, Class::Timeout),
            fails(3, Class::Network),
            fails(4, Class::Server),
            fails(5, Class::Unknown),
            fails(6, Class::RateLimit),
            bad(7, Class::Transient),
            good(8),
        ])],
        ..PLAIN
    },
    Scenario {
        name: "fail: each class that is not retried",
        steps: &[
            Step::Call(&[fails(1, Class::Permanent)]),
            Step::Call(&[fails(1, Class::Client)]),
            Step::Call(&[fails(1, Class::Validation)]),
            Step::Call(&[fails(1, Class::NotFound)]),
            Step::Call(&[fails(1, Class::Serialization)]),
            Step::Call(&[fails(1, Class::Exhausted)]),
        ],
        ..PLAIN
    },
    Scenario {
        name: "fail: by a rule",
        policy: POLICY.rules(&[Rule::class(Class::Server).recovery(Recovery::Fail)]),
        steps: &[Step::Call(&[fails(1, Class::Network), fails(1, Class::Server)])],
        ..PLAIN
    },
    Scenario {
        name: "fail: the server asks for no retry",
        steps: &[Step::Call(&[fails(1, Class::Server), final_fault(1, Class::Server)])],
        ..PLAIN
    },
    Scenario {
        name: "ignore",
        policy: POLICY.rules(&[Rule::class(Class::NotFound).recovery(Recovery::Ignore)]),
        steps: &[Step::Call(&[fails(1, Class::Timeout), fails(1, Class::NotFound)])],
        ..PLAIN
    },
    Scenario {
        name: "the recovery is left to the circuit",
        policy: POLICY.rules(&[Rule::class(Class::Server).recovery(Recovery::Circuit)]),
        steps: &[Step::Call(&[fails(1, Class::CircuitOpen)]), Step::Call(&[fails(1, Class::Server)])],
        ..PLAIN
    },
    Scenario {
        name: "retry with the delay of a rule",
        policy: POLICY.rules(&[Rule::class(Class::Server).recovery(Recovery::RetryWithDelay(ms(70)))]),
        steps: &[Step::Call(&[fails(1, Class::Server), fails(1, Class::Server), good(1)])],
        ..PLAIN
    },
    Scenario {
        name: "wait and retry, without a readiness check",
        policy: POLICY.rules(&[Rule::class(Class::Server).recovery(Recovery::WaitAndRetry(ms(90)))]),
        steps: &[Step::Call(&[fails(1, Class::Server), good(1)])],
        ..PLAIN
    },
    Scenario {
        name: "wait and retry, as soon as the dependency is ready",
        policy: POLICY
            .min_delay(ms(5))
            .rules(&[Rule::class(Class::Server).recovery(Recovery::WaitAndRetry(ms(90)))]),
        ready: Some(Readiness { denials: 3, every: 10 }),
        steps: &[Step::Call(&[fails(1, Class::Server), fails(1, Class::Server), good(1)])],
        ..PLAIN
    },
    Scenario {
        name: "wait and retry, although the dependency is never ready",
        policy: POLICY.rules(&[Rule::class(Class::Server).recovery(Recovery::WaitAndRetry(ms(95)))]),
        ready: Some(Readiness { denials: u32::MAX, every: 20 }),
        steps: &[Step::Call(&[fails(1, Class::Server), good(1)])],
        ..PLAIN
    },
    Scenario {
        name: "a rule with its own max_attempts",
        policy: POLICY.rules(&[
            Rule::class(Class::RateLimit).max_attempts(5),
            Rule::class(Class::Timeout).max_attempts(1),
        ]),
        steps: &[Step::Call(&[fails(1, Class::RateLimit)]), Step::Call(&[fails(1, Class::Timeout)])],
        ..PLAIN
    },
    Scenario {
        name: "a rule from the second attempt on, and a rule after some time",
        policy: POLICY.max_attempts(6).rules(&[
            Rule::ANY.after(ms(1_000)).recovery(Recovery::Fail),
            Rule::class(Class::Server).from_attempt(2).recovery(Recovery::RetryWithDelay(ms(400))),
        ]),
        steps: &[Step::Call(&[fails(1, Class::Server)])],
        ..PLAIN
    },
    Scenario {
        name: "retry_on changes which classes are retried",
        policy: POLICY.retry_on(ClassSet::of(&[Class::NotFound])),
        steps: &[Step::Call(&[fails(1, Class::NotFound), fails(1, Class::Server)])],
        ..PLAIN
    },
];
