//! Half-open circuits: how probes find out whether the dependency has recovered.

use core::time::Duration;

use retry_core::{CircuitConfig, Class, Policy};

use crate::scenario::{CircuitKind, Other, Scenario, Step, fails, good, ms};

const OPENS: CircuitConfig = CircuitConfig::WITHOUT_RULES.consecutive_failures(1).open_for(ms(100));
/// Two probes at once, of which one may fail.
pub(super) const TWO_PROBES_IN_ALL: CircuitConfig = OPENS.probes(2).probe_failures(1);
const ONCE: Policy = Scenario::PLAIN.policy.max_attempts(1);
const PLAIN: Scenario<'static> =
    Scenario { policy: ONCE, circuit: CircuitKind::Calls(OPENS), ..Scenario::PLAIN };

const GOOD: Step<'static> = Step::Call(&[good(1)]);
const FAILS: Step<'static> = Step::Call(&[fails(1, Class::Server)]);
const BEGINS: Step<'static> = Step::Other(Other::Begins);
const SUCCEEDS: Step<'static> = Step::Other(Other::Succeeds);
const BREAKS: Step<'static> = Step::Other(Other::Fails(Class::Server));
const DROPS: Step<'static> = Step::Other(Other::Drops);

const fn calls(config: CircuitConfig) -> CircuitKind {
    CircuitKind::Calls(config)
}

pub(super) static ALL: &[Scenario<'static>] = &[
    Scenario {
        name: "half-open: a success closes it",
        steps: &[FAILS, Step::Wait(100), GOOD, GOOD],
        ..PLAIN
    },
    Scenario {
        name: "half-open: a failure opens it again",
        steps: &[FAILS, Step::Wait(100), FAILS, GOOD, Step::Wait(100), GOOD],
        ..PLAIN
    },
    Scenario {
        name: "half-open: one probe at a time",
        steps: &[FAILS, Step::Wait(100), BEGINS, GOOD, BEGINS, SUCCEEDS, GOOD],
        ..PLAIN
    },
    Scenario {
        name: "half-open: two probes at once, three successes",
        circuit: calls(OPENS.probes(2).success_threshold(3)),
        steps: &[FAILS, Step::Wait(100), BEGINS, BEGINS, GOOD, SUCCEEDS, GOOD, SUCCEEDS, GOOD],
        ..PLAIN
    },
    Scenario {
        name: "half-open: no more probes than the success threshold needs",
        circuit: calls(OPENS.probes(2).success_threshold(2)),
        steps: &[FAILS, Step::Wait(100), GOOD, BEGINS, GOOD, SUCCEEDS, GOOD],
        ..PLAIN
    },
    Scenario {
        name: "half-open: one probe may fail",
        circuit: calls(OPENS.probes(3).success_threshold(2).probe_failures(1)),
        steps: &[FAILS, Step::Wait(100), FAILS, GOOD, GOOD, FAILS, Step::Wait(100), FAILS, FAILS, GOOD],
        ..PLAIN
    },
    Scenario {
        name: "half-open: the rate of failed probes decides",
        circuit: calls(OPENS.probe_rate(4, 50)),
        steps: &[FAILS, Step::Wait(100), FAILS, GOOD, GOOD, GOOD, FAILS, Step::Wait(100), FAILS, GOOD, FAILS],
        ..PLAIN
    },
    Scenario {
        name: "half-open: a dropped probe releases its slot",
        steps: &[FAILS, Step::Wait(100), BEGINS, GOOD, DROPS, GOOD],
        ..PLAIN
    },
    Scenario {
        name: "half-open: a call's probe is cut",
        steps: &[FAILS, Step::Wait(100), Step::Cut(30, &[good(50)]), GOOD],
        ..PLAIN
    },
    Scenario {
        name: "half-open: the lease of a lost probe expires",
        circuit: calls(OPENS.lease(ms(5_000))),
        steps: &[
            FAILS,
            Step::Wait(100),
            BEGINS,
            Step::Wait(4_998),
            GOOD,
            Step::Wait(2),
            GOOD,
            SUCCEEDS,
            GOOD,
        ],
        ..PLAIN
    },
    Scenario {
        name: "half-open: late results change nothing",
        steps: &[BEGINS, BEGINS, FAILS, SUCCEEDS, Step::Wait(100), BEGINS, BREAKS, SUCCEEDS, GOOD],
        ..PLAIN
    },
    Scenario {
        name: "half-open: the open time grows, and a closed circuit resets it",
        circuit: calls(OPENS.open_growth(3.0, Duration::from_secs(1))),
        steps: &[
            FAILS,
            Step::Wait(100),
            FAILS,
            Step::Wait(299),
            GOOD,
            Step::Wait(1),
            FAILS,
            Step::Wait(900),
            FAILS,
            Step::Wait(1_000),
            GOOD,
            FAILS,
            Step::Wait(100),
            GOOD,
        ],
        ..PLAIN
    },
    Scenario {
        name: "half-open: a ramp after closing",
        circuit: calls(OPENS.ramp(ms(400))),
        steps: &[
            FAILS,
            Step::Wait(100),
            GOOD,
            GOOD,
            Step::Wait(100),
            GOOD,
            GOOD,
            GOOD,
            GOOD,
            Step::Wait(150),
            GOOD,
            GOOD,
            GOOD,
            Step::Wait(150),
            GOOD,
            GOOD,
        ],
        ..PLAIN
    },
    Scenario {
        name: "half-open: a call waits for the open time, then probes",
        policy: Policy::fixed(ms(100)).jitter(retry_core::Jitter::None).max_attempts(4),
        steps: &[Step::Call(&[fails(1, Class::Server), fails(1, Class::Server), good(1)]), GOOD],
        ..PLAIN
    },
    Scenario {
        name: "half-open: a call's probe fails, and its retry finds no free slot",
        policy: Policy::fixed(ms(150)).jitter(retry_core::Jitter::None).max_attempts(4),
        circuit: calls(TWO_PROBES_IN_ALL),
        steps: &[
            BEGINS,
            BREAKS,
            Step::Wait(100),
            BEGINS,
            Step::Call(&[fails(1, Class::Server), good(1)]),
            SUCCEEDS,
            GOOD,
        ],
        ..PLAIN
    },
];
