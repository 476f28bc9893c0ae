//! Calls that are stopped.

use retry_core::{Class, Policy, Recovery, Rule};

use crate::scenario::{CircuitKind, Condition, Fault, Readiness, Scenario, Step, fails, good, ms};

const PLAIN: Scenario<'static> = Scenario::PLAIN;
const POLICY: Policy = PLAIN.policy;

const FAILS: &[crate::scenario::Try] = &[fails(10, Class::Server)];

fn any(_: &Fault, _: retry_core::Progress) -> bool {
    true
}

pub(super) static ALL: &[Scenario<'static>] = &[
    Scenario {
        name: "stop: before the first attempt",
        policy: POLICY.start_within(ms(1_000)),
        steps: &[Step::Stop(0, &[good(1)]), Step::Call(&[good(1)])],
        ..PLAIN
    },
    Scenario { name: "stop: in the first delay", steps: &[Step::Stop(60, FAILS)], ..PLAIN },
    Scenario { name: "stop: in the second delay", steps: &[Step::Stop(200, FAILS)], ..PLAIN },
    Scenario { name: "stop: at the end of a delay", steps: &[Step::Stop(110, FAILS)], ..PLAIN },
    Scenario {
        name: "stop: in a wait",
        policy: POLICY.rules(&[Rule::ANY.recovery(Recovery::WaitAndRetry(ms(500)))]),
        ready: Some(Readiness { denials: 9, every: 30 }),
        steps: &[Step::Stop(115, FAILS), Step::Stop(130, FAILS)],
        ..PLAIN
    },
    Scenario {
        name: "stop: a call with start_within and a condition",
        policy: POLICY.start_within(ms(5_000)),
        condition: Some(Condition { meets: any, rule: &Rule::ANY }),
        steps: &[Step::Stop(60, FAILS)],
        ..PLAIN
    },
    Scenario {
        name: "stop: after the end of the call",
        steps: &[Step::Stop(1_000, FAILS), Step::Stop(1_000, &[good(1)])],
        ..PLAIN
    },
    Scenario {
        name: "stop: a call that the circuit rejects",
        policy: POLICY.max_attempts(2),
        circuit: CircuitKind::Calls(super::circuits::TWO_IN_A_ROW),
        steps: &[Step::Stop(150, FAILS), Step::Stop(150, FAILS)],
        ..PLAIN
    },
    Scenario { name: "cut: in the first attempt", steps: &[Step::Cut(5, FAILS)], ..PLAIN },
    Scenario { name: "cut: in the second attempt", steps: &[Step::Cut(115, FAILS)], ..PLAIN },
    Scenario { name: "cut: at the end of an attempt", steps: &[Step::Cut(10, &[good(10)])], ..PLAIN },
    Scenario {
        name: "cut: at the attempt timeout",
        policy: POLICY.attempt_timeout(ms(40)),
        steps: &[Step::Cut(40, &[good(50)]), Step::Cut(39, &[good(50)]), Step::Stop(41, &[good(50)])],
        ..PLAIN
    },
    Scenario {
        name: "cut: the circuit counts a slow attempt",
        circuit: CircuitKind::Slow(super::circuits::TWO_IN_A_ROW.slow_after(ms(50))),
        steps: &[
            Step::Cut(49, &[good(90)]),
            Step::Cut(50, &[good(90)]),
            Step::Cut(60, &[good(90)]),
            Step::Call(&[good(1)]),
        ],
        ..PLAIN
    },
];
