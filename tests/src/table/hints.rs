//! Server hints.

use retry_core::{Class, Jitter, Policy, Recovery, Rule, policy::Hints};

use crate::scenario::{Readiness, Scenario, Step, fails, good, hinted, ms};

const PLAIN: Scenario<'static> = Scenario::PLAIN;
const POLICY: Policy = PLAIN.policy;

/// A hint shorter than the backoff, a longer one, and none.
const HINTS: &[Step<'static>] = &[Step::Call(&[
    hinted(1, Class::RateLimit, 20),
    hinted(1, Class::Server, 1_500),
    fails(1, Class::Server),
    good(1),
])];

pub(super) static ALL: &[Scenario<'static>] = &[
    Scenario { name: "hint: as a floor", policy: POLICY.max_attempts(4), steps: HINTS, ..PLAIN },
    Scenario {
        name: "hint: exactly",
        policy: POLICY.max_attempts(4).hints(Hints::Exact),
        steps: HINTS,
        ..PLAIN
    },
    Scenario {
        name: "hint: clamped",
        policy: POLICY.max_attempts(4).hints(Hints::Clamp).max_hint(ms(700)),
        steps: HINTS,
        ..PLAIN
    },
    Scenario {
        name: "hint: too long",
        policy: POLICY.max_attempts(4).max_hint(ms(1_499)),
        steps: HINTS,
        ..PLAIN
    },
    Scenario {
        name: "hint: longer than max_delay, as long as max_hint",
        policy: POLICY.max_delay(ms(1_000)).max_hint(ms(1_500)).max_attempts(4),
        steps: HINTS,
        ..PLAIN
    },
    Scenario {
        name: "hint: exactly 0",
        policy: POLICY.hints(Hints::Exact),
        steps: &[Step::Call(&[hinted(1, Class::Server, 0), good(1)])],
        ..PLAIN
    },
    Scenario {
        name: "hint: jitter does not go below it",
        policy: POLICY.jitter(Jitter::Full),
        words: &[0],
        steps: &[Step::Call(&[hinted(1, Class::Server, 150), good(1)])],
        ..PLAIN
    },
    Scenario {
        name: "hint: readiness is not checked before it",
        policy: POLICY.rules(&[Rule::ANY.recovery(Recovery::WaitAndRetry(ms(300)))]),
        ready: Some(Readiness { denials: 1, every: 25 }),
        steps: &[Step::Call(&[hinted(1, Class::Server, 150), good(1)])],
        ..PLAIN
    },
    Scenario {
        name: "hint: longer than start_within",
        policy: POLICY.start_within(ms(400)),
        steps: &[Step::Call(&[hinted(1, Class::Server, 400), good(1)])],
        ..PLAIN
    },
];
