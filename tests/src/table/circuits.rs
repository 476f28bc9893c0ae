//! What opens a circuit, and what it does meanwhile.

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
        name: "circuit: it opens in the middle of a call, which is over then",
        policy: PLAIN.policy.max_attempts(5),
        steps: &[Step::Call(&[fails(1, Class::Server)]), GOOD, Step::Wait(998), GOOD],
        ..PLAIN
    },
    Scenario {
        name: "circuit: a delay that outlasts the open time is slept",
        policy: PLAIN.policy.max_attempts(5),
        steps: &[Step::Call(&[fails(1, Class::Server), hinted(1, Class::Server, 1_200), good(1)])],
        ..PLAIN
    },
    Scenario {
        name: "circuit: a delay that ends with the open time is slept",
        policy: Policy::fixed(ms(1_000)).jitter(Jitter::None).max_attempts(4),
        steps: &[Step::Call(&[fails(1, Class::Server), fails(0, Class::Server), good(1)])],
        ..PLAIN
    },
    Scenario {
        name: "circuit: the last moment of the open time, and the first after it",
        policy: ONCE,
        steps: &[FAILS, FAILS, Step::Wait(999), GOOD, Step::Wait(1), GOOD],
        ..PLAIN
    },
    Scenario {
        name: "circuit: a success ends the row",
        policy: ONCE,
        steps: &[FAILS, GOOD, FAILS, GOOD, FAILS, FAILS, GOOD],
        ..PLAIN
    },
    Scenario {
        name: "circuit: errors that are not the dependency's",
        policy: ONCE,
        steps: &[FAILS, Step::Call(&[fails(1, Class::NotFound)]), FAILS, GOOD],
        ..PLAIN
    },
    Scenario {
        name: "circuit: other classes count than by default",
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
        name: "circuit: a rate, reached by a failure",
        policy: ONCE,
        circuit: CircuitKind::Calls(rate(50, 4)),
        steps: &[GOOD, FAILS, GOOD, FAILS, GOOD],
        ..PLAIN
    },
    Scenario {
        name: "circuit: a rate, reached with the minimum of calls by a success",
        policy: ONCE,
        circuit: CircuitKind::Calls(rate(50, 4)),
        steps: &[FAILS, FAILS, GOOD, GOOD, GOOD],
        ..PLAIN
    },
    Scenario {
        name: "circuit: a rate over a window that forgets",
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
        name: "circuit: a rate over a stretch of time",
        policy: ONCE,
        circuit: CircuitKind::Time(rate(50, 3).window_time(ms(400))),
        steps: &[FAILS, FAILS, Step::Wait(400), FAILS, GOOD, Step::Wait(150), FAILS, GOOD],
        ..PLAIN
    },
    Scenario {
        name: "circuit: slow calls",
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
        name: "circuit: an attempt dropped for being slow counts",
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
        name: "circuit: the default, through an outage",
        policy: Policy::DEFAULT,
        circuit: CircuitKind::Calls(CircuitConfig::DEFAULT.minimum_calls(16)),
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
        name: "circuit: an open time that grows, spread by jitter",
        policy: ONCE,
        circuit: CircuitKind::Calls(
            TWO_IN_A_ROW.open_growth(2.0, Duration::from_secs(3)).open_jitter(Jitter::Full),
        ),
        words: &[1 << 63, u64::MAX, 1 << 62],
        steps: &[FAILS, FAILS, Step::Wait(1_500), FAILS, Step::Wait(3_000), GOOD],
        ..PLAIN
    },
];
