//! Circuits on a clock that steps: a wrong reading works for as long as it was wrong, and no longer.
//!
//! Each script has a time column, in seconds. A time before the one above it is a step back.

use std::time::Duration;

use retry_core::{
    CircuitConfig, Class, HealthCheck, Instant, SharedCircuit,
    circuit::{Adoption, CountWindow, Counts, Gate, Phase, SlowCalls, TimeWindow, Window},
    runtime::LocalLock,
    testing::FakeClock,
};
use tests::{ms, secs};

type Local<W = CountWindow<10>> = SharedCircuit<W, LocalLock>;

/// Opens after 10 failures within 10 s.
const TEN: CircuitConfig = CircuitConfig::WITHOUT_RULES.failures_in_window(10).window_time(secs(10));
const ONE: CircuitConfig = CircuitConfig::WITHOUT_RULES.consecutive_failures(1).open_for(secs(30));

const YEAR: u64 = 365 * 24 * 3_600;

fn at(secs: u64) -> Instant {
    Instant::from_millis(secs * 1_000)
}

fn call<W: Window>(circuit: &Local<W>, failed: bool, now: Instant) {
    let ticket = circuit.admit(now).expect("admitted").ticket;
    if failed {
        circuit.fail(ticket, Class::Server, now, None, 0);
    } else {
        circuit.succeed(ticket, now);
    }
}

/// A time, how many calls fail and succeed then, and the calls and failures in the window afterwards. The last two are
/// `None` if the circuit is open.
type Row = (u64, u32, u32, Option<(u32, u32)>);

fn play<W: Window>(circuit: &Local<W>, script: &[Row]) {
    for (row, &(time, failures, successes, expected)) in script.iter().enumerate() {
        (0..failures).for_each(|_| call(circuit, true, at(time)));
        (0..successes).for_each(|_| call(circuit, false, at(time)));
        let counts = circuit.counts(at(time)).map(|Counts { calls, failures, .. }| (calls, failures));
        assert_eq!(counts, expected, "row {row}, at {time} s");
    }
}

fn in_time<W: Window>(script: &[Row]) {
    play(&Local::<W>::with_window(TEN), script);
}

#[test]
fn after_a_step_back_a_time_window_ages_from_the_new_time() {
    fn check<W: Window>() {
        in_time::<W>(&[
            (5_000, 9, 0, Some((9, 9))),
            (4_991, 0, 1, Some((10, 9))), // they age from here
            (5_000, 0, 1, Some((11, 9))),
            (5_001, 0, 1, Some((2, 0))),
            (5_100, 1, 0, Some((1, 1))),
        ]);
    }
    check::<TimeWindow<10>>();
    check::<SlowCalls<TimeWindow<10>>>();
}

/// Each row: by how much the clock steps back, and how much later the next call comes.
#[test]
fn failures_from_before_a_long_step_back_do_not_open_a_circuit_after_it() {
    let rate = CircuitConfig::WITHOUT_RULES.failure_rate(50).minimum_calls(10).window_time(secs(10));
    for (back, later) in [(1_000, 100), (1_000, 0), (1_000, 985), (10, 0), (4_999, 4_000)] {
        let circuit = Local::<TimeWindow<10>>::with_window(rate);
        (0..9).for_each(|_| call(&circuit, true, at(5_000)));
        call(&circuit, false, at(5_000 - back + later));
        assert_eq!(circuit.phase(), Phase::Closed, "{back} s back, {later} s later");
        // From then on, all is as before.
        (0..9).for_each(|_| call(&circuit, true, at(5_000 - back + later)));
        assert_eq!(circuit.phase(), Phase::Open, "{back} s back, {later} s later");
    }
}

#[test]
fn buckets_keep_their_distances_over_a_step_back() {
    in_time::<TimeWindow<10>>(&[
        (1_000, 1, 0, Some((1, 1))),
        (1_004, 2, 0, Some((3, 3))),
        (1_007, 3, 0, Some((6, 6))),
        (1_003, 0, 1, Some((7, 6))), // as if it was 1_007
        (1_005, 0, 1, Some((8, 6))),
        (1_006, 0, 1, Some((8, 5))), // the first is ten seconds old
        (1_009, 0, 1, Some((9, 5))),
        (1_010, 0, 1, Some((8, 3))),
        (1_012, 0, 1, Some((9, 3))),
        (1_013, 0, 1, Some((6, 0))),
    ]);
}

#[test]
fn a_reading_at_most_one_bucket_late_counts_in_the_newest_bucket() {
    in_time::<TimeWindow<10>>(&[
        (1_000, 1, 0, Some((1, 1))),
        (1_009, 1, 0, Some((2, 2))),
        (1_008, 1, 0, Some((3, 3))), // another thread read its clock before
        (1_009, 0, 1, Some((4, 3))),
        (1_010, 0, 1, Some((4, 2))), // only the first has left
        (1_018, 0, 1, Some((5, 2))),
        (1_019, 0, 1, Some((3, 0))),
    ]);
}

#[test]
fn a_single_reading_a_year_ahead_empties_the_window_and_no_more() {
    in_time::<TimeWindow<10>>(&[
        (100, 9, 0, Some((9, 9))),
        (YEAR, 1, 0, Some((1, 1))),
        (101, 1, 0, Some((1, 1))), // the call a year ahead has left, too
        (105, 1, 0, Some((2, 2))),
        (110, 0, 1, Some((3, 2))),
        (111, 0, 1, Some((3, 1))), // what was recorded at 101 is ten seconds old
        (115, 0, 1, Some((3, 0))),
        (116, 9, 0, Some((12, 9))),
        (117, 1, 0, None),
    ]);
}

#[test]
fn near_the_origin_of_the_clock_a_step_back_loses_nothing() {
    in_time::<TimeWindow<10>>(&[
        (0, 4, 0, Some((4, 4))),
        (7, 4, 0, Some((8, 8))),
        (0, 0, 1, Some((9, 8))),
        (2, 0, 1, Some((10, 8))),
        (3, 0, 1, Some((7, 4))),
        (10, 0, 1, Some((3, 0))),
    ]);
}

/// A reading is no call: it leaves the window as it is.
#[test]
fn reading_the_counts_at_a_wrong_time_changes_nothing() {
    let circuit = Local::<TimeWindow<10>>::with_window(TEN);
    call(&circuit, true, at(1_000));
    for (time, calls) in [(YEAR, 0), (1_009, 1), (0, 1), (1_009, 1), (1_010, 0)] {
        assert_eq!(circuit.counts(at(time)).map(|counts| counts.calls), Some(calls), "at {time} s");
    }
}

/// The outcomes of a snapshot keep their ages on a clock that starts anew.
#[test]
fn after_a_reboot_the_outcomes_of_a_time_window_are_as_old_as_before() {
    let before = Local::<TimeWindow<10>>::with_window(TEN);
    call(&before, true, at(1_000));
    call(&before, true, at(1_004));
    let after = Local::<TimeWindow<10>>::with_window(TEN);
    after.restore(&before.snapshot(at(1_007)), at(0));
    play(
        &after,
        &[
            (0, 0, 0, Some((2, 2))),
            (2, 0, 1, Some((3, 2))),
            (3, 0, 1, Some((3, 1))),
            (6, 0, 1, Some((4, 1))),
            (7, 0, 1, Some((4, 0))),
        ],
    );
}

#[test]
fn a_ramp_lasts_at_most_its_whole_length_after_a_step_back() {
    let config = ONE.ramp(secs(10));
    let circuit = Local::<CountWindow<10>>::with_window(config);
    circuit.trip(Duration::ZERO, at(5_000));
    call(&circuit, false, at(5_000)); // the probe
    // The time, and how many of 8 attempts are admitted.
    for (time, admitted) in [(5_005, 4), (4_000, 0), (4_005, 4), (4_010, 8)] {
        let these = (0..8).filter(|_| circuit.admit(at(time)).is_ok()).count();
        assert!(these.abs_diff(admitted) <= 1, "{these} at {time} s");
    }
}

#[test]
fn a_reading_a_year_ahead_half_opens_and_then_time_counts_from_the_right_reading() {
    let circuit = Local::<CountWindow<10>>::with_window(ONE.lease(secs(60)));
    call(&circuit, true, at(100));
    let lost = circuit.admit(at(YEAR)).expect("the open time has passed").ticket; // a probe that never returns
    assert!(circuit.admit(at(101)).is_err(), "its slot is taken");
    assert!(circuit.admit(at(160)).is_err(), "for 60 s from the first right reading");
    call(&circuit, true, at(161));
    assert_eq!(circuit.admit(at(162)).unwrap_err().wait(), secs(29));
    drop(lost);
}

#[test]
fn what_others_report_extends_an_opening_whose_end_was_far_ahead() {
    let adopted = |back: u64| {
        let circuit = Local::<CountWindow<10>>::with_window(ONE);
        circuit.trip(secs(5), at(1_000));
        let open = Adoption::Open { open_for: secs(20), grace: secs(1) };
        assert_eq!(circuit.adopt(open, at(1_000 - back)), None, "it is already open");
        circuit.admit(at(1_000 - back)).unwrap_err().wait()
    };
    assert_eq!([0, 10, 900].map(adopted), [secs(21); 3]);
}

#[test]
fn a_health_check_goes_on_while_the_clock_steps_back() {
    let circuit = Local::<CountWindow<20>>::with_window(CircuitConfig::DEFAULT);
    let clock = FakeClock::new();
    clock.advance(secs(5_000));
    circuit.trip(secs(60), clock.now());
    let mut checks = 0;
    let check = HealthCheck::new(&circuit, &clock, secs(5));
    check.run_blocking(
        || {
            checks += 1;
            clock.step_back(secs(1_000));
            checks == 3
        },
        || circuit.phase() == Phase::Open,
    );
    assert_eq!((checks, circuit.phase()), (3, Phase::HalfOpen));
}

/// A ticket from before a step back took no time, and one from before a step forward took all of it.
#[test]
fn a_step_of_the_clock_decides_for_one_slow_call_only() {
    let config = CircuitConfig::WITHOUT_RULES.slow_after(ms(500)).slow_rate(100).minimum_calls(3);
    let circuit = Local::<SlowCalls<CountWindow<10>>>::with_window(config);
    for (start, end, slow) in [(1_000, 10, 0), (10, YEAR, 1), (11, 11, 1)] {
        let ticket = circuit.admit(at(start)).expect("closed").ticket;
        circuit.succeed(ticket, at(end));
        assert_eq!(circuit.counts(at(end)).map(|counts| counts.slow), Some(slow), "{start} to {end} s");
    }
}

/// A third of 10 ns is rounded down, so that the window is never longer than its span.
#[test]
fn a_window_that_does_not_divide_evenly_reaches_back_less_than_its_span() {
    use retry_core::circuit::{Outcome, Span};

    let (span, nanos) = (Span::time(core::time::Duration::from_nanos(10)), Instant::from_nanos);
    let mut window = TimeWindow::<3>::EMPTY;
    window.record(Outcome::FAILURE, span, nanos(0));
    window.expire(span, nanos(8));
    assert_eq!(window.calls(), 1);
    window.expire(span, nanos(9));
    assert_eq!(window.calls(), 0);
}

#[test]
fn a_snapshot_on_a_clock_that_has_stepped_back_has_the_open_time_at_most() {
    let circuit = Local::<CountWindow<10>>::with_window(ONE);
    circuit.trip(secs(30), at(1_000));
    for (now, left) in [(1_029, 1), (1_000, 30), (999, 30), (500, 30)] {
        assert_eq!(circuit.snapshot(at(now)).open_for(), Some(secs(left)), "at {now} s");
    }
}
