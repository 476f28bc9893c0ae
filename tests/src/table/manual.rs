//! Manual operations on a circuit, health checks and snapshots.

use retry_core::{CircuitConfig, Class, Policy, circuit::OnHealthy};

use crate::scenario::{CircuitKind, Manual, Other, Scenario, Step, fails, good, ms};

const OPENS: CircuitConfig = CircuitConfig::WITHOUT_RULES.consecutive_failures(2).open_for(ms(1_000));
const ONCE: Policy = Scenario::PLAIN.policy.max_attempts(1);
const PLAIN: Scenario<'static> =
    Scenario { policy: ONCE, circuit: CircuitKind::Calls(OPENS), ..Scenario::PLAIN };

const GOOD: Step<'static> = Step::Call(&[good(1)]);
const FAILS: Step<'static> = Step::Call(&[fails(1, Class::Server)]);

pub(super) static ALL: &[Scenario<'static>] = &[
    Scenario {
        name: "manual: forced open until reset",
        steps: &[
            GOOD,
            Step::Manual(Manual::ForceOpen),
            Step::Wait(9_000),
            GOOD,
            Step::Manual(Manual::Reset),
            GOOD,
        ],
        ..PLAIN
    },
    Scenario {
        name: "manual: disabled",
        steps: &[
            Step::Manual(Manual::Disable),
            FAILS,
            FAILS,
            FAILS,
            Step::Manual(Manual::Reset),
            FAILS,
            FAILS,
            GOOD,
        ],
        ..PLAIN
    },
    Scenario {
        name: "manual: count only",
        steps: &[
            Step::Manual(Manual::CountOnly),
            FAILS,
            FAILS,
            FAILS,
            Step::Manual(Manual::Reset),
            FAILS,
            FAILS,
            GOOD,
        ],
        ..PLAIN
    },
    Scenario {
        name: "manual: tripped for a time",
        steps: &[Step::Manual(Manual::Trip(400)), Step::Wait(399), GOOD, Step::Wait(1), GOOD, GOOD],
        ..PLAIN
    },
    Scenario {
        name: "manual: probes on request",
        steps: &[FAILS, FAILS, Step::Manual(Manual::Probe), FAILS, Step::Manual(Manual::Probe), GOOD, GOOD],
        ..PLAIN
    },
    Scenario {
        name: "manual: health checks",
        steps: &[
            FAILS,
            FAILS,
            Step::Manual(Manual::Healthy(OnHealthy::HalfOpen)),
            FAILS,
            Step::Manual(Manual::Healthy(OnHealthy::Close)),
            GOOD,
            Step::Manual(Manual::Healthy(OnHealthy::Close)),
        ],
        ..PLAIN
    },
    Scenario {
        name: "manual: restored from a snapshot, closed and open",
        steps: &[
            FAILS,
            Step::Other(Other::Begins),
            Step::Manual(Manual::Restore),
            Step::Other(Other::Succeeds),
            FAILS,
            Step::Wait(600),
            Step::Manual(Manual::Restore),
            Step::Wait(399),
            GOOD,
            Step::Wait(1),
            GOOD,
        ],
        ..PLAIN
    },
];
