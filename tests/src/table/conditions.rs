//! Conditions on errors, and values that are not accepted.

use retry_core::{Backoff, Class, Jitter, Policy, Progress, Recovery, Rule};

use crate::scenario::{
    CircuitKind, Condition, Fault, Scenario, Step, bad, coded, fails, final_fault, good, ms,
};

const PLAIN: Scenario<'static> = Scenario::PLAIN;
const POLICY: Policy = PLAIN.policy;

const FAIL: Rule = Rule::ANY.recovery(Recovery::Fail);
const IGNORE: Rule = Rule::ANY.recovery(Recovery::Ignore);
const PATIENT: Rule = Rule::ANY.backoff(Backoff::fixed(ms(700))).jitter(Jitter::None).max_attempts(5);

fn disk_full(fault: &Fault, _: Progress) -> bool {
    fault.code == 28
}

fn late(_: &Fault, now: Progress) -> bool {
    now.elapsed.is_some_and(|elapsed| elapsed >= ms(150))
}

fn second(_: &Fault, now: Progress) -> bool {
    now.attempt == 2
}

pub(super) static ALL: &[Scenario<'static>] = &[
    Scenario {
        name: "condition: an error is not retried",
        condition: Some(Condition { meets: disk_full, rule: &FAIL }),
        steps: &[
            Step::Call(&[coded(1, Class::Server, 5), coded(1, Class::Server, 28)]),
            Step::Call(&[fails(1, Class::Server), good(1)]),
        ],
        ..PLAIN
    },
    Scenario {
        name: "condition: an error is retried although its class is not",
        condition: Some(Condition { meets: disk_full, rule: &PATIENT }),
        policy: POLICY.retry_on(retry_core::ClassSet::ALL),
        steps: &[Step::Call(&[coded(1, Class::Client, 28)])],
        ..PLAIN
    },
    Scenario {
        name: "condition: by elapsed time",
        condition: Some(Condition { meets: late, rule: &FAIL }),
        policy: POLICY.max_attempts(9),
        steps: &[Step::Call(&[fails(20, Class::Server)])],
        ..PLAIN
    },
    Scenario {
        name: "condition: by attempt number",
        condition: Some(Condition { meets: second, rule: &IGNORE }),
        steps: &[Step::Call(&[fails(20, Class::Server)])],
        ..PLAIN
    },
    Scenario {
        name: "condition: it comes before the policy's rules",
        condition: Some(Condition { meets: second, rule: &PATIENT }),
        policy: POLICY.rules(&[Rule::class(Class::Server).recovery(Recovery::RetryWithDelay(ms(10)))]),
        steps: &[Step::Call(&[fails(1, Class::Server)])],
        ..PLAIN
    },
    Scenario {
        name: "condition: an error that asks not to be retried",
        condition: Some(Condition { meets: disk_full, rule: &PATIENT }),
        steps: &[Step::Call(&[fails(1, Class::Server), final_fault(1, Class::Server)])],
        ..PLAIN
    },
    Scenario {
        name: "unacceptable: values are retried until one is accepted",
        steps: &[Step::Call(&[bad(5, Class::Transient), bad(5, Class::Server), good(5)])],
        ..PLAIN
    },
    Scenario {
        name: "unacceptable: no value is accepted",
        steps: &[Step::Call(&[bad(5, Class::Transient)]), Step::Call(&[bad(5, Class::Validation)])],
        ..PLAIN
    },
    Scenario {
        name: "unacceptable: the circuit counts the value as a failure",
        circuit: CircuitKind::Calls(super::circuits::TWO_IN_A_ROW),
        steps: &[Step::Call(&[bad(5, Class::Server)])],
        ..PLAIN
    },
];
