//! Time limits: `start_within` and attempt timeouts.

use retry_core::{Class, Jitter, Policy, Recovery, Rule};

use crate::scenario::{CircuitKind, Readiness, Scenario, Step, bad, fails, good, ms};

const PLAIN: Scenario<'static> = Scenario::PLAIN;
const POLICY: Policy = PLAIN.policy.max_attempts(9);

pub(super) static ALL: &[Scenario<'static>] = &[
    Scenario {
        name: "start within: the time of attempts counts, too",
        policy: POLICY.start_within(ms(1_000)),
        steps: &[Step::Call(&[fails(300, Class::Server)]), Step::Call(&[fails(1, Class::Server)])],
        ..PLAIN
    },
    Scenario {
        name: "start within: a retry that starts just in time",
        policy: POLICY.start_within(ms(310)),
        steps: &[Step::Call(&[fails(5, Class::Server), fails(5, Class::Server), good(1_000)])],
        ..PLAIN
    },
    Scenario {
        name: "start within: a retry that would start a millisecond late",
        policy: POLICY.start_within(ms(309)),
        steps: &[Step::Call(&[fails(5, Class::Server), fails(5, Class::Server), good(1_000)])],
        ..PLAIN
    },
    Scenario {
        name: "start within: it cuts a wait short",
        policy: POLICY.start_within(ms(250)).rules(&[Rule::ANY.recovery(Recovery::WaitAndRetry(ms(200)))]),
        ready: Some(Readiness { denials: 12, every: 30 }),
        steps: &[Step::Call(&[fails(40, Class::Server), fails(10, Class::Server)])],
        ..PLAIN
    },
    Scenario {
        name: "start within: no time is left after the first attempt",
        policy: POLICY.start_within(ms(50)),
        steps: &[Step::Call(&[fails(60, Class::Server)])],
        ..PLAIN
    },
    Scenario {
        name: "attempt timeout: one attempt hangs",
        policy: POLICY.attempt_timeout(ms(50)),
        steps: &[Step::Call(&[good(51), fails(50, Class::Server), good(49)])],
        ..PLAIN
    },
    Scenario {
        name: "attempt timeout: all attempts hang",
        policy: POLICY.max_attempts(3).attempt_timeout(ms(50)),
        steps: &[Step::Call(&[good(86_400_000)])],
        ..PLAIN
    },
    Scenario {
        name: "attempt timeout: an attempt may end exactly at it",
        policy: POLICY.attempt_timeout(ms(50)),
        steps: &[Step::Call(&[bad(50, Class::Transient), good(50)])],
        ..PLAIN
    },
    Scenario {
        name: "attempt timeout: not retried",
        policy: POLICY.attempt_timeout(ms(50)).rules(&[Rule::class(Class::Timeout).recovery(Recovery::Fail)]),
        steps: &[Step::Call(&[good(60)])],
        ..PLAIN
    },
    Scenario {
        name: "attempt timeout, start within and jitter together",
        policy: POLICY.attempt_timeout(ms(80)).start_within(ms(900)).jitter(Jitter::Full),
        seed: 3,
        steps: &[Step::Call(&[good(81), fails(30, Class::Network), good(81)])],
        ..PLAIN
    },
    Scenario {
        name: "attempt timeout: the circuit counts it as a failure",
        policy: POLICY.max_attempts(2).attempt_timeout(ms(50)),
        circuit: CircuitKind::Calls(super::circuits::TWO_IN_A_ROW),
        steps: &[Step::Call(&[good(60)]), Step::Call(&[good(1)])],
        ..PLAIN
    },
];
