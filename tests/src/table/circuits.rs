//! Circuits: when they open, and how they treat calls while they are open.

use core::time::Duration;

use retry_core::{CircuitConfig, Class, ClassSet, Jitter, Policy};

use crate::scenario::{CircuitKind, Other, Scenario, Step, fails, good, hinted, ms};

pub(super) const TWO_IN_A_ROW: CircuitConfig =
    CircuitConfig::WITHOUT_RULES.consecutive_failures(2).open_for(ms(1_000));

const ONCE: Policy = Scenario::PLAIN.policy.max_attempts(1);
const PLAIN: Scenario<'static> = Scenario { circuit: CircuitKind::Calls(TWO_IN_A_ROW), ..Scenario::PLAIN };

const GOOD: Step<'static> = Step::Call(&[good(1)]);
const SLOW: Step<'static> = Step::Call(&[good(60)]);
const FAILS: Step<'static> = Step::Call(&[fails(1, Class::Server)]);

const fn rate(percent: u8, minimum: u32) -> CircuitConfig {
    CircuitConfig::WITHOUT_RULES.failure_rate(percent).minimum_calls(minimum).open_for(ms(1_000))
}

pub(super) static ALL: &[Scenario<'static>] = &[
    Scenario {
        name: "circuit: it opens during a call, which then ends",
        policy: PLAIN.policy.max_attempts(5),
        steps: &[Step::Call(&[fails(1, Class::Server)]), GOOD, Step::Wait(998), GOOD],
        ..PLAIN
    },
    Scenario {
        name: "circuit: a delay longer than the open time is slept",
        policy: PLAIN.policy.max_attempts(5),
        steps: &[Step::Call(&[fails(1, Class::Server), hinted(1, Class::Server, 1_200), good(1)])],
        ..PLAIN
    },
    Scenario {
        name: "circuit: a delay as long as the open time is slept",
        policy: Policy::fixed(ms(1_000)).jitter(Jitter::None).max_attempts(4),
        steps: &[Step::Call(&[fails(1, Class::Server), fails(0, Class::Server), good(1)])],
        ..PLAIN
    },
    Scenario {
        name: "circuit: the last millisecond of the open time, and its end",
        policy: ONCE,
        steps: &[FAILS, FAILS, Step::Wait(999), GOOD, Step::Wait(1), GOOD],
        ..PLAIN
    },
    Scenario {
        name: "circuit: a success resets the failures in a row",
        policy: ONCE,
        steps: &[FAILS, GOOD, FAILS, GOOD, FAILS, FAILS, GOOD],
        ..PLAIN
    },
    Scenario {
        name: "circuit: a class that does not count as a failure",
        policy: ONCE,
        steps: &[FAILS, Step::Call(&[fails(1, Class::NotFound)]), FAILS, GOOD],
        ..PLAIN
    },
    Scenario {
        name: "circuit: count_as_failure changes which classes count",
        policy: ONCE,
        circuit: CircuitKind::Calls(TWO_IN_A_ROW.count_as_failure(ClassSet::of(&[Class::NotFound]))),
        steps: &[
            FAILS,
            FAILS,
            Step::Call(&[fails(1, Class::NotFound)]),
            Step::Call(&[fails(1, Class::NotFound)]),
            GOOD,
        ],
        ..PLAIN
    },
    Scenario {
        name: "circuit: a failure reaches the failure rate",
        policy: ONCE,
        circuit: CircuitKind::Calls(rate(50, 4)),
        steps: &[GOOD, FAILS, GOOD, FAILS, GOOD],
        ..PLAIN
    },
    Scenario {
        name: "circuit: a success reaches the minimum of calls",
        policy: ONCE,
        circuit: CircuitKind::Calls(rate(50, 4)),
        steps: &[FAILS, FAILS, GOOD, GOOD, GOOD],
        ..PLAIN
    },
    Scenario {
        name: "circuit: a failure rate over the last three calls",
        policy: ONCE,
        circuit: CircuitKind::Calls(rate(60, 3).window(3)),
        steps: &[FAILS, GOOD, GOOD, FAILS, GOOD, FAILS, FAILS, GOOD],
        ..PLAIN
    },
    Scenario {
        name: "circuit: a full window of successes",
        policy: ONCE,
        circuit: CircuitKind::Calls(rate(50, 4).window(4)),
        steps: &[GOOD, GOOD, GOOD, GOOD, GOOD, GOOD, FAILS, FAILS, GOOD],
        ..PLAIN
    },
    Scenario {
        name: "circuit: a failure rate over a span of time",
        policy: ONCE,
        circuit: CircuitKind::Time(rate(50, 3).window_time(ms(400))),
        steps: &[FAILS, FAILS, Step::Wait(400), FAILS, GOOD, Step::Wait(150), FAILS, GOOD],
        ..PLAIN
    },
    Scenario {
        name: "circuit: a rate of slow calls",
        policy: ONCE,
        circuit: CircuitKind::Slow(
            CircuitConfig::WITHOUT_RULES.slow_after(ms(60)).slow_rate(50).minimum_calls(4).open_for(ms(500)),
        ),
        steps: &[
            SLOW,
            Step::Call(&[good(59)]),
            GOOD,
            SLOW,
            GOOD,
            Step::Wait(500),
            SLOW,
            Step::Wait(500),
            GOOD,
        ],
        ..PLAIN
    },
    Scenario {
        name: "circuit: a dropped attempt counts if it was slow",
        policy: ONCE.attempt_timeout(ms(200)),
        circuit: CircuitKind::Slow(TWO_IN_A_ROW.slow_after(ms(60))),
        steps: &[
            Step::Other(Other::Begins),
            Step::Wait(60),
            Step::Other(Other::Drops),
            Step::Other(Other::Begins),
            Step::Wait(59),
            Step::Other(Other::Drops),
            FAILS,
            GOOD,
        ],
        ..PLAIN
    },
    Scenario {
        name: "circuit: failures in a row and a rate, in an outage",
        policy: Policy::DEFAULT,
        circuit: CircuitKind::Calls(CircuitConfig::DEFAULT.consecutive_failures(5).minimum_calls(16)),
        seed: 9,
        steps: &[
            GOOD,
            FAILS,
            FAILS,
            FAILS,
            Step::Wait(30_000),
            FAILS,
            Step::Wait(30_000),
            Step::Call(&[good(200)]),
            GOOD,
        ],
        ..PLAIN
    },
    Scenario {
        name: "circuit: the open time grows, with jitter",
        policy: ONCE,
        circuit: CircuitKind::Calls(
            TWO_IN_A_ROW.open_growth(2.0, Duration::from_secs(3)).open_jitter(Jitter::Full),
        ),
        words: &[1 << 63, u64::MAX, 1 << 62],
        steps: &[FAILS, FAILS, Step::Wait(1_500), FAILS, Step::Wait(3_000), GOOD],
        ..PLAIN
    },
];
