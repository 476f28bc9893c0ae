//! Delays: curves, jitters, the minimum and the cap.

use core::time::Duration;

use retry_core::{Backoff, Class, Jitter, Policy, Rule};

use crate::scenario::{Scenario, Step, fails, ms};

const DOWN: &[Step<'static>] = &[Step::Call(&[fails(3, Class::Server)])];
const PLAIN: Scenario<'static> = Scenario { steps: DOWN, ..Scenario::PLAIN };
const POLICY: Policy = PLAIN.policy.max_attempts(6);

const fn along(curve: Backoff) -> Policy {
    Policy::backoff(curve).jitter(Jitter::None).max_attempts(6)
}

/// The lowest word, the highest and the middle. The seed gives the words after them.
const WORDS: &[u64] = &[0, u64::MAX, 1 << 63];

/// Shrinks by a twelfth with each failure, so that the delays cannot come from the cap.
fn shrinking(failed: u32, base: Duration) -> Duration {
    base - base / 12 * failed.min(12)
}

pub(super) static ALL: &[Scenario<'static>] = &[
    Scenario { name: "curve: fixed", policy: along(Backoff::fixed(ms(40))), ..PLAIN },
    Scenario { name: "curve: linear", policy: along(Backoff::linear(ms(40), ms(15))), ..PLAIN },
    Scenario { name: "curve: exponential", policy: along(Backoff::exponential(ms(40))), ..PLAIN },
    Scenario {
        name: "curve: exponential by 1.5",
        policy: along(Backoff::exponential(ms(40))).multiplier(1.5).max_attempts(12),
        ..PLAIN
    },
    Scenario { name: "curve: Fibonacci", policy: along(Backoff::fibonacci(ms(40))).max_attempts(9), ..PLAIN },
    Scenario { name: "curve: polynomial", policy: along(Backoff::polynomial(ms(7), 3)), ..PLAIN },
    Scenario {
        name: "curve: a function in the policy",
        policy: along(Backoff::custom(ms(120), shrinking)),
        ..PLAIN
    },
    Scenario { name: "curve: a function of the call only", policy: POLICY, curve: Some(shrinking), ..PLAIN },
    Scenario {
        name: "curve: a base delay of 0",
        policy: along(Backoff::exponential(Duration::ZERO)),
        ..PLAIN
    },
    Scenario { name: "jitter: full", policy: POLICY.jitter(Jitter::Full), words: WORDS, ..PLAIN },
    Scenario { name: "jitter: equal", policy: POLICY.jitter(Jitter::Equal), words: WORDS, ..PLAIN },
    Scenario {
        name: "jitter: decorrelated",
        policy: POLICY.jitter(Jitter::Decorrelated),
        words: WORDS,
        ..PLAIN
    },
    Scenario {
        name: "jitter: proportional",
        policy: POLICY.jitter(Jitter::proportional(0.3)),
        words: WORDS,
        ..PLAIN
    },
    Scenario {
        name: "jitter: additive",
        policy: POLICY.jitter(Jitter::additive(0.25)),
        words: WORDS,
        ..PLAIN
    },
    Scenario {
        name: "jitter: full, with seeded words only",
        policy: POLICY.jitter(Jitter::Full),
        seed: 42,
        ..PLAIN
    },
    Scenario {
        name: "a rule with its own backoff and jitter",
        policy: POLICY.rules(&[Rule::ANY.backoff(Backoff::linear(ms(30), ms(10))).jitter(Jitter::Equal)]),
        seed: 7,
        ..PLAIN
    },
    Scenario {
        name: "max_delay applies after the jitter",
        policy: POLICY.max_delay(ms(250)).jitter(Jitter::additive(1.0)),
        ..PLAIN
    },
    Scenario {
        name: "min_delay",
        policy: POLICY.min_delay(ms(60)).jitter(Jitter::Full),
        words: WORDS,
        ..PLAIN
    },
    Scenario {
        name: "curve: a polynomial of degree u32::MAX",
        policy: along(Backoff::polynomial(ms(1), u32::MAX)),
        ..PLAIN
    },
    Scenario {
        name: "the delay after a RateLimit is five times as long",
        policy: POLICY.max_attempts(4),
        steps: &[Step::Call(&[
            fails(3, Class::RateLimit),
            fails(3, Class::Server),
            fails(3, Class::RateLimit),
        ])],
        ..PLAIN
    },
];
