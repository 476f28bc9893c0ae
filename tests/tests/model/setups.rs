//! The configurations that are explored. Their names give the rules, in units of the clock.

use retry_core::circuit::{Breaker, CountWindow, SlowCalls, TimeWindow};

use super::check::Check;
use super::explore::{Counterexample, Size, explore};
use super::machine::Explorable;
use super::rules::Rules;
use super::step::{Hand, UNIT};

pub(crate) struct Setup {
    pub(crate) name: &'static str,
    pub(crate) rules: Rules,
    pub(crate) bounds: Bounds,
    pub(crate) explore: fn(&Self) -> Result<Size, Counterexample>,
}

/// The bounds that keep the number of states finite.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    /// The largest number of calls in progress.
    pub(crate) calls: usize,
    /// The total number of units by which the clock may step back on one path.
    pub(crate) back: u64,
    /// The largest number of calls in a time window.
    pub(crate) in_time: usize,
    pub(crate) by_hand: &'static [Hand],
}

pub(crate) const BOUNDS: Bounds = Bounds { calls: 4, back: 4, in_time: 4, by_hand: &[] };

/// Rules with an open time of 2 units and a lease of 3.
pub(crate) const RULES: Rules =
    Rules { open_for: 2 * UNIT, max_open_for: 2 * UNIT, lease: 3 * UNIT, ..Rules::NONE };

/// Rules with a window of calls and a failure rate.
pub(crate) const fn calls(window_calls: u32, failure_rate: u8, minimum_calls: u32) -> Rules {
    Rules { window_calls, failure_rate, minimum_calls, ..RULES }
}

fn setup<W: Explorable>(name: &'static str, rules: Rules, bounds: Bounds) -> Setup {
    let explore = |setup: &Setup| explore(Breaker::<W>::CLOSED, &setup.rules, &setup.bounds, Check::ALL);
    Setup { name, rules, bounds, explore }
}

pub(crate) fn all() -> Vec<Setup> {
    const U: u64 = UNIT;
    let two_in_a_row = Rules { consecutive_failures: 2, ..RULES };
    let growing = Rules { consecutive_failures: 1, open_for: U, growth: 2.0, max_open_for: 4 * U, ..RULES };
    let slow = Rules { tells_slow: true, slow_after: 2 * U, ..calls(2, 100, 2) };
    let in_time = Rules { buckets: 2, window_time: 4 * U, failure_rate: 50, minimum_calls: 2, ..RULES };
    vec![
        setup::<CountWindow<1>>("1 of 1 call", calls(1, 100, 1), BOUNDS),
        setup::<CountWindow<2>>(
            "half of 2 calls; 2 probes, 2 successes close",
            Rules { probes: 2, successes: 2, ..calls(2, 50, 2) },
            BOUNDS,
        ),
        setup::<CountWindow<3>>(
            "2/3 of 3 calls, minimum 2; 3 probes, 2 successes close, 2 failures open",
            Rules { probes: 3, successes: 2, probe_failures: 1, ..calls(3, 60, 2) },
            BOUNDS,
        ),
        setup::<CountWindow<4>>(
            "3/4 of 4 calls, minimum 3; 1 probe at a time, 3 successes close",
            Rules { successes: 3, ..calls(4, 75, 3) },
            BOUNDS,
        ),
        setup::<CountWindow<4>>(
            "all of 3 calls, in a window of 4; 2 probes, 1 success closes",
            Rules { probes: 2, ..calls(3, 100, 3) },
            BOUNDS,
        ),
        setup::<CountWindow<4>>(
            "half of 4 calls, minimum 1; 4 probes, half of them decide",
            Rules { probes: 4, successes: 3, probe_failures: 1, ..calls(4, 50, 1) },
            BOUNDS,
        ),
        setup::<CountWindow<4>>(
            "2 failures in 3 calls; 2 probes at a time, 3 successes close, 1 spare probe",
            Rules { failures_in_window: 2, probes: 2, successes: 3, probes_to_spare: 1, ..calls(3, 0, 1) },
            BOUNDS,
        ),
        setup::<TimeWindow<2>>(
            "2 failures in 4 units",
            Rules { failures_in_window: 2, failure_rate: 0, ..in_time },
            Bounds { calls: 3, back: 3, in_time: 3, ..BOUNDS },
        ),
        setup::<CountWindow<2>>(
            "2 failures in a row",
            Rules { probe_failures: 2, probes: 2, ..two_in_a_row },
            BOUNDS,
        ),
        setup::<CountWindow<4>>(
            "2 failures in a row, or half of 4 calls, minimum 4; 3 probes, 2 decide",
            Rules { probes: 3, successes: 2, probe_failures: 1, consecutive_failures: 2, ..calls(4, 50, 4) },
            BOUNDS,
        ),
        setup::<CountWindow<1>>("growing open time", growing, BOUNDS),
        setup::<CountWindow<1>>(
            "growing open time, from 1 to 3 units; 3 probes, 3 successes close",
            Rules { growth: 3.0, max_open_for: 3 * U, probes: 3, successes: 3, ..growing },
            BOUNDS,
        ),
        setup::<CountWindow<1>>(
            "an open time that is not a whole unit",
            Rules { open_for: 2 * U - 5, max_open_for: 2 * U - 5, ..two_in_a_row },
            BOUNDS,
        ),
        setup::<CountWindow<1>>(
            "manual operations only",
            Rules { probes: 2, successes: 2, ..RULES },
            Bounds { by_hand: BY_HAND, ..BOUNDS },
        ),
        setup::<CountWindow<2>>("a ramp of 4 units", Rules { ramp: 4 * U, ..two_in_a_row }, BOUNDS),
        setup::<CountWindow<2>>(
            "a lease of 1 unit, shorter than the open time",
            Rules { lease: U, ..two_in_a_row },
            BOUNDS,
        ),
        setup::<CountWindow<2>>(
            "drops after 2 units count as failures",
            Rules { slow_after: 2 * U, probes: 2, ..calls(2, 50, 2) },
            Bounds { calls: 3, back: 3, ..BOUNDS },
        ),
        setup::<CountWindow<2>>(
            "calls cancelled after 2 units count as failures; 2 in a row",
            Rules { cancelled_after: 2 * U, probes: 2, ..two_in_a_row },
            Bounds { calls: 3, back: 2, ..BOUNDS },
        ),
        setup::<CountWindow<2>>(
            "calls cancelled after 1 unit count, slow ones after 2; half of 2 calls",
            Rules { cancelled_after: U, slow_after: 2 * U, ..calls(2, 50, 2) },
            Bounds { calls: 2, back: 2, ..BOUNDS },
        ),
        setup::<CountWindow<1>>(
            "hints up to 4 units; growing open time",
            Rules { max_hint: 4 * U, ..growing },
            BOUNDS,
        ),
        setup::<CountWindow<2>>(
            "rate limits hold for 2 units; a ramp; 2 failures in a row",
            Rules { rate_limit_hold: 2 * U, ramp: 2 * U, ..two_in_a_row },
            Bounds { calls: 3, by_hand: &[Hand::Move(1)], ..BOUNDS },
        ),
        setup::<CountWindow<2>>(
            "the fleet; 2 failures in a row; 2 probes, 2 successes close",
            Rules { probes: 2, successes: 2, cancelled_after: U, ..two_in_a_row },
            Bounds { calls: 2, back: 2, by_hand: FLEET, ..BOUNDS },
        ),
        setup::<SlowCalls<CountWindow<2>>>(
            "half of 2 calls slow, or all of them failed",
            Rules { slow_rate: 50, ..slow },
            Bounds { calls: 3, back: 2, ..BOUNDS },
        ),
        setup::<SlowCalls<CountWindow<2>>>(
            "all of 2 calls slow; 2 probes, 2 successes close, 2 failures open",
            Rules {
                slow_rate: 100,
                failure_rate: 0,
                slow_after: U,
                probes: 2,
                successes: 2,
                probe_failures: 1,
                ..slow
            },
            Bounds { calls: 2, back: 2, ..BOUNDS },
        ),
        setup::<TimeWindow<2>>(
            "half of the calls in 4 units, in 2 buckets",
            in_time,
            Bounds { calls: 3, back: 3, in_time: 3, ..BOUNDS },
        ),
        setup::<TimeWindow<1>>(
            "half of the calls in 2 units, in 1 bucket; 2 probes",
            Rules { buckets: 1, window_time: 2 * U, minimum_calls: 3, probes: 2, ..in_time },
            Bounds { calls: 3, ..BOUNDS },
        ),
        setup::<SlowCalls<TimeWindow<2>>>(
            "half of the calls in 2 units slow",
            Rules {
                tells_slow: true,
                slow_after: U,
                slow_rate: 50,
                window_time: 2 * U,
                failure_rate: 0,
                ..in_time
            },
            Bounds { calls: 2, back: 1, in_time: 3, ..BOUNDS },
        ),
        setup::<CountWindow<2>>(
            "manual operations; 2 failures in a row, or all of 2 calls",
            Rules { consecutive_failures: 2, probes: 2, ..calls(2, 100, 1) },
            Bounds { by_hand: BY_HAND, ..BOUNDS },
        ),
        setup::<CountWindow<2>>(
            "manual operations; a ramp and a growing open time",
            Rules { ramp: 2 * U, ..growing },
            Bounds { calls: 3, by_hand: BY_HAND, ..BOUNDS },
        ),
        setup::<TimeWindow<2>>(
            "manual operations; a time window",
            in_time,
            Bounds { calls: 1, back: 2, in_time: 3, by_hand: BY_HAND },
        ),
    ]
}

const FLEET: &[Hand] = &[
    Hand::Adopt(1),
    Hand::Adopt(4),
    Hand::AskOnce,
    Hand::FleetProbe,
    Hand::FleetClose,
    Hand::Trip(3),
    Hand::Disable,
    Hand::Reset,
];

const BY_HAND: &[Hand] =
    &[Hand::ForceOpen, Hand::Disable, Hand::CountOnly, Hand::Reset, Hand::Trip(3), Hand::Move(5)];
