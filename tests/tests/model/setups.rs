//! The configurations that are explored.

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

/// What keeps the space finite, beside the rules.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    /// The most calls under way at once.
    pub(crate) calls: usize,
    /// The units by which the clock may step back on one path, in all.
    pub(crate) back: u64,
    /// The calls that a window of time may hold at most.
    pub(crate) in_time: usize,
    pub(crate) by_hand: &'static [Hand],
}

pub(crate) const BOUNDS: Bounds = Bounds { calls: 4, back: 4, in_time: 4, by_hand: &[] };

/// Open for 2 units, a lease of 3.
pub(crate) const RULES: Rules =
    Rules { open_for: 2 * UNIT, max_open_for: 2 * UNIT, lease: 3 * UNIT, ..Rules::NONE };

/// Calls and their window.
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
        setup::<CountWindow<1>>("the last call", calls(1, 100, 1), BOUNDS),
        setup::<CountWindow<2>>(
            "half of 2 calls; 2 probes, 2 close",
            Rules { probes: 2, successes: 2, ..calls(2, 50, 2) },
            BOUNDS,
        ),
        setup::<CountWindow<3>>(
            "2/3 of 3 calls, from 2 on; 3 probes, 2 close, 2 open",
            Rules { probes: 3, successes: 2, probe_failures: 1, ..calls(3, 60, 2) },
            BOUNDS,
        ),
        setup::<CountWindow<4>>(
            "3/4 of 4 calls, from 3 on; 1 probe at a time, 3 close",
            Rules { successes: 3, ..calls(4, 75, 3) },
            BOUNDS,
        ),
        setup::<CountWindow<4>>(
            "all of 3 calls, in a window of up to 4; 2 probes, 1 closes",
            Rules { probes: 2, ..calls(3, 100, 3) },
            BOUNDS,
        ),
        setup::<CountWindow<4>>(
            "half of 4 calls, from the first on; 4 probes, of which half decide",
            Rules { probes: 4, successes: 3, probe_failures: 1, ..calls(4, 50, 1) },
            BOUNDS,
        ),
        setup::<CountWindow<4>>(
            "2 of the last 3; 2 probes at once, 3 close, one more in all",
            Rules { failures_in_window: 2, probes: 2, successes: 3, probes_to_spare: 1, ..calls(3, 0, 1) },
            BOUNDS,
        ),
        setup::<TimeWindow<2>>(
            "2 within 4 units",
            Rules { failures_in_window: 2, failure_rate: 0, ..in_time },
            Bounds { calls: 3, back: 3, in_time: 3, ..BOUNDS },
        ),
        setup::<CountWindow<2>>("2 in a row", Rules { probe_failures: 2, probes: 2, ..two_in_a_row }, BOUNDS),
        setup::<CountWindow<4>>(
            "2 in a row, or half of 4 calls, all seen; 3 probes of which 2 decide",
            Rules { probes: 3, successes: 2, probe_failures: 1, consecutive_failures: 2, ..calls(4, 50, 4) },
            BOUNDS,
        ),
        setup::<CountWindow<1>>("growing open time", growing, BOUNDS),
        setup::<CountWindow<1>>(
            "growing open time, up to 3 from 1, 3 probes, 3 close",
            Rules { growth: 3.0, max_open_for: 3 * U, probes: 3, successes: 3, ..growing },
            BOUNDS,
        ),
        setup::<CountWindow<1>>(
            "an open time of no whole unit",
            Rules { open_for: 2 * U - 5, max_open_for: 2 * U - 5, ..two_in_a_row },
            BOUNDS,
        ),
        setup::<CountWindow<1>>(
            "nothing opens it but a hand",
            Rules { probes: 2, successes: 2, ..RULES },
            Bounds { by_hand: BY_HAND, ..BOUNDS },
        ),
        setup::<CountWindow<2>>("a ramp of 4", Rules { ramp: 4 * U, ..two_in_a_row }, BOUNDS),
        setup::<CountWindow<2>>(
            "a lease of 1, shorter than it is open",
            Rules { lease: U, ..two_in_a_row },
            BOUNDS,
        ),
        setup::<CountWindow<2>>(
            "drops after 2 count as failures",
            Rules { slow_after: 2 * U, probes: 2, ..calls(2, 50, 2) },
            Bounds { calls: 3, back: 3, ..BOUNDS },
        ),
        setup::<SlowCalls<CountWindow<2>>>(
            "half of 2 calls slow, or all failed",
            Rules { slow_rate: 50, ..slow },
            Bounds { calls: 3, back: 2, ..BOUNDS },
        ),
        setup::<SlowCalls<CountWindow<2>>>(
            "all of 2 calls slow; 2 probes, 2 close, 2 open",
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
            "half of the calls of 4 units, in 2 buckets",
            in_time,
            Bounds { calls: 3, back: 3, in_time: 3, ..BOUNDS },
        ),
        setup::<TimeWindow<1>>(
            "half of the calls of 2 units, in 1 bucket; 2 probes",
            Rules { buckets: 1, window_time: 2 * U, minimum_calls: 3, probes: 2, ..in_time },
            Bounds { calls: 3, ..BOUNDS },
        ),
        setup::<SlowCalls<TimeWindow<2>>>(
            "half of the calls of 2 units slow",
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
            "by hand, 2 in a row or all of 2 calls",
            Rules { consecutive_failures: 2, probes: 2, ..calls(2, 100, 1) },
            Bounds { by_hand: BY_HAND, ..BOUNDS },
        ),
        setup::<CountWindow<2>>(
            "by hand, with a ramp and a growing open time",
            Rules { ramp: 2 * U, ..growing },
            Bounds { calls: 3, by_hand: BY_HAND, ..BOUNDS },
        ),
        setup::<TimeWindow<2>>(
            "by hand, with a window of time",
            in_time,
            Bounds { calls: 1, back: 2, in_time: 3, by_hand: BY_HAND },
        ),
    ]
}

const BY_HAND: &[Hand] =
    &[Hand::ForceOpen, Hand::Disable, Hand::CountOnly, Hand::Reset, Hand::Trip(3), Hand::Move(5)];
