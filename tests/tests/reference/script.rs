//! Random configurations and schedules.

use proptest::collection::vec;
use proptest::prelude::*;
use retry_core::{
    Jitter,
    circuit::{OnHealthy, Window},
};

use super::rules::Rules;

/// The times of the rules are multiples of this number of nanoseconds.
pub(crate) const UNIT: u64 = 1_024;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Ask,
    /// Compares the visible state. This is not done at each step, because reading it takes the lock, which corrects a
    /// wrong gate word.
    Look,
    /// A call in progress succeeds, chosen by the number. Its era may have ended long ago.
    Succeed(u32),
    Fail {
        call: u32,
        delay: u64,
        hint: Option<u64>,
        rate_limited: bool,
        word: u64,
    },
    /// A call ends with an error that the dependency did not cause.
    Invalid(u32),
    /// By an error that says nothing about the dependency.
    Neutral {
        call: u32,
        delay: u64,
    },
    Drop(u32),
    /// The clock moves forward by this number of nanoseconds.
    Forward(u64),
    Back(u64),
    ForceOpen,
    Disable,
    CountOnly,
    Reset,
    Trip(u64),
    Probe,
    /// A health check begins.
    Check,
    /// The last health check succeeds, possibly late or once more.
    Healthy(OnHealthy),
    /// Other processes report an opening.
    Adopt {
        open_for: u64,
        grace: u64,
    },
    /// They report one, and others contest it.
    AskOnce,
    /// They report, of the era of the last health check, that a probe may run or that the dependency is healthy.
    FleetHealthy(OnHealthy),
    /// Changes to the other of the two configurations.
    Reconfigure,
    Snapshot,
    /// Restores the snapshot, on a clock that is ahead by this number of nanoseconds.
    Restore(u64),
}

/// A schedule of 2,000 steps on average, most of them calls and time.
pub(crate) fn schedule() -> impl Strategy<Value = Vec<Step>> {
    let step =
        (0_u8..=255, any::<u32>(), any::<u64>()).prop_map(|(kind, number, word)| step(kind, number, word));
    vec(step, 1..=4_000)
}

fn step(kind: u8, number: u32, word: u64) -> Step {
    // Most often a few whole units, which match the times of the rules exactly. Sometimes some nanoseconds more, or
    // much more.
    let time = u64::from(number % 6) * UNIT + u64::from(number / 8 % 4 / 3 * (number / 64 % 32));
    let long = time + u64::from(number / 32 % 64) * UNIT;
    match kind {
        0..75 => Step::Ask,
        75..85 => Step::Look,
        85..140 => Step::Succeed(number),
        140..176 => Step::Fail {
            call: number,
            delay: time,
            hint: word.is_multiple_of(4).then_some(long),
            rate_limited: word % 32 < 4,
            word,
        },
        176..180 => Step::Invalid(number),
        180..186 => Step::Neutral { call: number, delay: time },
        186..192 => Step::Drop(number),
        192..236 => Step::Forward(time),
        236..244 => Step::Forward(long),
        244..248 => Step::Back(time),
        248..250 => Step::Back(long),
        250..=255 => by_hand(word, long),
    }
}

fn by_hand(word: u64, time: u64) -> Step {
    match word % 20 {
        0 => Step::ForceOpen,
        1 => Step::Disable,
        2 => Step::CountOnly,
        // Often enough that none of these three modes lasts for most of the schedule.
        3..6 => Step::Reset,
        6 => Step::Trip(time),
        7 => Step::Probe,
        8 => Step::Check,
        9 => Step::Healthy(if time.is_multiple_of(2) { OnHealthy::HalfOpen } else { OnHealthy::Close }),
        10 | 11 => Step::Reconfigure,
        12 | 13 => Step::Snapshot,
        14 | 15 => Step::Adopt { open_for: time, grace: time / 2 },
        16 => Step::AskOnce,
        17 => Step::FleetHealthy(if time.is_multiple_of(2) { OnHealthy::HalfOpen } else { OnHealthy::Close }),
        _ => Step::Restore(time),
    }
}

/// Two configurations that fit this window.
pub(crate) fn any_rules<W: Window + Buckets>() -> impl Strategy<Value = (Rules, Rules)> {
    (rules::<W>(), rules::<W>())
}

fn rules<W: Window + Buckets>() -> impl Strategy<Value = Rules> {
    let most_calls = if W::TIMED { 12 } else { W::CAPACITY };
    let opening = (0..6_u32, 0..8_u32, 0..=100_u8, 0..=100_u8, 1..=most_calls, 1..=most_calls, 1..20_u64);
    let open = (1..12_u64, prop_oneof![Just(1.0), Just(1.5), Just(2.0), Just(3.0)], 0..20_u64);
    let jitter = prop_oneof![2 => Just(Jitter::None), 1 => Just(Jitter::Equal), 1 => Just(Jitter::Full)];
    let spare = prop_oneof![Just(u32::MAX), 0..3_u32];
    let closing = (1..4_u32, 1..4_u32, 0..3_u32, spare, 1..12_u64);
    let others = (prop_oneof![Just(0), 1..8_u64], prop_oneof![Just(0), 1..30_u64]);
    let new =
        (prop_oneof![Just(0), 1..6_u64], prop_oneof![Just(0), 1..40_u64], prop_oneof![Just(0), 1..40_u64]);
    (opening, open, jitter, closing, others, new).prop_map(
        |(opening, open, jitter, closing, (slow_after, ramp), (cancelled_after, max_hint, hold))| {
            let (consecutive_failures, failures, failure_rate, slow_rate, window_calls, minimum_calls, of) =
                opening;
            let (open_for, growth, more) = open;
            let (probes, successes, probe_failures, probes_to_spare, lease) = closing;
            let most_failures = if W::TIMED { u32::MAX } else { window_calls };
            Rules {
                buckets: W::BUCKETS,
                tells_slow: W::SLOW,
                window_calls,
                window_time: of * W::BUCKETS * UNIT,
                // One in six configurations has no such rule.
                consecutive_failures,
                // Half of the configurations have none, because every schedule reaches such a small number of failures.
                failures_in_window: if failures < 4 || failures > most_failures { 0 } else { failures },
                failure_rate: if failure_rate < 20 { 0 } else { failure_rate },
                slow_rate: if slow_rate < 20 || !W::SLOW || slow_after == 0 { 0 } else { slow_rate },
                slow_after: slow_after * UNIT,
                cancelled_after: cancelled_after * UNIT,
                minimum_calls: if W::TIMED { minimum_calls } else { minimum_calls.min(window_calls) },
                open_for: open_for * UNIT,
                growth,
                max_open_for: (open_for + more) * UNIT,
                jitter,
                max_hint: max_hint * UNIT,
                rate_limit_hold: hold * UNIT,
                probes,
                successes,
                probe_failures,
                probes_to_spare,
                lease: lease * UNIT,
                ramp: ramp * UNIT,
            }
        },
    )
}

/// The number of buckets of a time window, or 0 for a window of calls.
pub(crate) trait Buckets {
    const BUCKETS: u64 = 0;
}

impl Buckets for retry_core::circuit::CountWindow<7> {}
impl Buckets for retry_core::circuit::CountWindow<9> {}
impl Buckets for retry_core::circuit::CountWindow<100> {}
impl<const BUCKETS: usize> Buckets for retry_core::circuit::TimeWindow<BUCKETS> {
    const BUCKETS: u64 = BUCKETS as u64;
}
impl<W: Buckets> Buckets for retry_core::circuit::SlowCalls<W> {
    const BUCKETS: u64 = W::BUCKETS;
}
