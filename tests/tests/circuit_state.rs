//! The start of a circuit, its state as bytes, and when it takes its lock.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use retry_core::{
    CircuitConfig, CircuitPool, Class, Instant, Rejected, SharedCircuit,
    circuit::{
        AttemptEnd, Breaker, ChangeCause, ConstCircuit, ConstConfig, CountWindow, Gate, Mode, OnHealthy,
        Phase, Settings, SlowCalls, Snapshot, Span, Start, TimeWindow, Window,
    },
    dead_letter::Codec,
    pool::FixedCircuitPool,
    runtime::{Exclusive, Initial, LocalLock, Lock},
};
use tests::ms;

const fn at(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

const ONE: CircuitConfig = CircuitConfig::WITHOUT_RULES.consecutive_failures(1).open_for(ms(1_000));

type Local<W = CountWindow<10>> = SharedCircuit<W, LocalLock>;

fn end<W: Window, L: Lock, S: Settings>(circuit: &SharedCircuit<W, L, S>, failed: bool, now: Instant) {
    let ticket = circuit.admit(now).expect("admitted").ticket;
    if failed {
        circuit.fail(ticket, Class::Server, now, None, 0);
    } else {
        circuit.succeed(ticket, now);
    }
}

fn never() -> Instant {
    unreachable!("no rule needs the time")
}

#[test]
fn a_circuit_starts_in_the_given_state() {
    let rows = [
        (Start::Closed, Phase::Closed, Mode::Automatic, Ok(())),
        (Start::HalfOpen, Phase::HalfOpen, Mode::Automatic, Ok(())),
        (Start::ForcedOpen, Phase::Open, Mode::ForcedOpen, Err(Rejected::new(Phase::Open, Duration::MAX))),
        (Start::Disabled, Phase::Closed, Mode::Disabled, Ok(())),
        (Start::CountOnly, Phase::Closed, Mode::CountOnly, Ok(())),
    ];
    for (start, phase, mode, admitted) in rows {
        let circuit = Local::<CountWindow<10>>::with_window(ONE).starting(start);
        assert_eq!(circuit.admit(at(5)).map(|_| ()), admitted, "{start:?}");
        assert_eq!((circuit.phase(), circuit.mode()), (phase, mode), "{start:?}");
    }
    let circuit = Local::<CountWindow<10>>::with_window(ONE).starting(Start::HalfOpen);
    let _probe = circuit.admit(at(5)).unwrap();
    assert!(circuit.admit(at(6)).is_err(), "one probe at a time");
}

#[test]
fn a_circuit_can_borrow_its_configuration() {
    fn opens(circuit: &SharedCircuit<CountWindow<10>, LocalLock, impl Settings>) -> usize {
        end(circuit, true, at(0));
        assert_eq!(circuit.admit(at(1)).unwrap_err().wait(), ms(999));
        end(circuit, false, at(1_000));
        assert_eq!(circuit.phase(), Phase::Closed);
        size_of_val(circuit)
    }
    let [here, elsewhere] =
        [opens(&SharedCircuit::with_window(ONE)), opens(&SharedCircuit::with_settings(&ONE).unwrap())];
    assert!(elsewhere < here / 2, "{elsewhere}, {here} bytes");
    let error =
        SharedCircuit::<CountWindow<10>, LocalLock, _>::with_settings(&CircuitConfig::DEFAULT).unwrap_err();
    assert_eq!(error.to_string(), "minimum_calls = 20: must be at most 10, the window");
}

#[test]
fn the_clock_is_not_read_if_no_rule_needs_it() {
    let circuit =
        Local::<CountWindow<2>>::with_window(CircuitConfig::WITHOUT_RULES.failure_rate(100).window(2));
    for _ in 0..5 {
        let ticket = circuit.admit(never).expect("closed").ticket;
        assert_eq!(circuit.succeed(ticket, never), None);
    }
}

struct Constant;

impl ConstConfig for Constant {
    const CONFIG: CircuitConfig = ONE;
}

/// Ends a probe with a clock that panics, in each way, on each type of circuit.
#[test]
fn if_the_clock_panics_a_probe_gives_its_slot_back() {
    fn check(what: &str, circuit: &impl Gate, phase: impl Fn() -> Phase) {
        let failed = |delay| AttemptEnd::Failed { class: Class::Server, hint: None, delay, word: 0 };
        circuit.end(circuit.admit(at(0)).unwrap().ticket, failed(None), at(0));
        let ends = [AttemptEnd::Succeeded, failed(None), failed(Some(ms(1))), AttemptEnd::Cancelled];
        for end in ends {
            let probe = circuit.admit(at(1_000)).expect("a slot is free").ticket;
            assert!(circuit.admit(at(1_000)).is_err(), "{what}: one probe at a time");
            let settle = || circuit.end(probe, end, || panic!("a bug in the clock"));
            assert!(catch_unwind(AssertUnwindSafe(settle)).is_err(), "{what}, {end:?}");
            assert_eq!(phase(), Phase::HalfOpen, "{what}, {end:?}");
            let probe = circuit.admit(at(1_000)).unwrap_or_else(|_| panic!("{what}, {end:?}: lost a slot"));
            circuit.end(probe.ticket, AttemptEnd::Neutral { delay: None }, at(1_000));
        }
        // A clock that panics for the probe's admission has taken no slot.
        let admit = || circuit.admit(|| panic!("a bug in the clock")).map(|_| ());
        assert!(catch_unwind(AssertUnwindSafe(admit)).is_err(), "{what}");
        let probe = circuit.admit(at(1_000)).unwrap().ticket;
        circuit.end(probe, AttemptEnd::Succeeded, at(1_000));
        assert_eq!(phase(), Phase::Closed, "{what}");
    }
    let shared = Local::<CountWindow<10>>::with_window(ONE);
    check("shared", &shared, || shared.phase());
    let slow = Local::<CountWindow<10>>::with_window(ONE.slow_after(ms(500)));
    check("shared, with slow calls", &slow, || slow.phase());
    let timed = Local::<TimeWindow<4>>::with_window(ONE.window_time(ms(4_000)));
    check("shared, with a time window", &timed, || timed.phase());
    let constant = ConstCircuit::<Constant, CountWindow<10>, LocalLock>::CLOSED;
    check("constant", &constant, || constant.phase());
    let pool = CircuitPool::new(4, ONE);
    check("pool", &pool.get("a"), || pool.get("a").phase());
    let fixed = FixedCircuitPool::<4, CountWindow<10>, LocalLock>::with_window(ONE);
    check("fixed pool", &fixed.get("a"), || fixed.get("a").phase());
}

#[test]
fn a_health_check_of_an_earlier_opening_changes_nothing() {
    let circuit = Local::<CountWindow<10>>::with_window(ONE);
    assert_eq!(circuit.health_check_era(), None);
    end(&circuit, true, at(0));
    let era = circuit.health_check_era().expect("open");
    end(&circuit, true, at(1_000)); // the probe: a second opening
    assert_eq!(circuit.health_check_passed(era, OnHealthy::Close, at(1_500)), None);
    assert_eq!((circuit.phase(), circuit.late()), (Phase::Open, 1));
    let era = circuit.health_check_era().expect("open");
    let change = circuit
        .health_check_passed(era, OnHealthy::Close, at(1_500))
        .expect("the check belongs to this opening");
    assert_eq!((change.to, change.cause), (Phase::Closed, ChangeCause::HealthCheck));
}

#[test]
fn a_new_configuration_shortens_the_open_time() {
    let hour = ONE.open_for(ms(3_600_000));
    let opened = || {
        let circuit = Local::<CountWindow<10>>::with_window(hour);
        end(&circuit, true, at(0));
        circuit
    };
    let wait = |circuit: &Local, now| circuit.admit(at(now)).unwrap_err().wait();

    let elsewhere = Local::with_window(ONE);
    let change = elsewhere.restore(&opened().snapshot(at(100_000)), at(7));
    assert_eq!((change.from, change.to, change.cause), (Phase::Closed, Phase::Open, ChangeCause::Restored));
    assert_eq!(wait(&elsewhere, 7), ms(1_000));

    let circuit = opened();
    circuit.reconfigure(ONE, at(500)).unwrap();
    assert_eq!(wait(&circuit, 1_499), ms(1));
    end(&circuit, false, at(1_500));

    // A circuit that was tripped for longer stays open for longer.
    let circuit = Local::<CountWindow<10>>::with_window(ONE);
    circuit.trip(ms(50_000), at(0));
    circuit.reconfigure(ONE.open_for(ms(10)), at(0)).unwrap();
    assert_eq!(wait(&circuit, 0), ms(50_000));
}

#[test]
fn a_window_smaller_than_its_configuration_stays_within_its_size() {
    let wide = CircuitConfig::WITHOUT_RULES.failure_rate(100).minimum_calls(50).window(100);
    let mut breaker = Breaker::<CountWindow<10>>::CLOSED;
    for _ in 0..11 {
        let ticket = breaker.admit(&wide, at(0)).expect("closed").ticket;
        let _ = breaker.settle(&wide, ticket, true, at(0), 0);
    }
    let snapshot = breaker.snapshot(&wide, at(0));
    breaker.restore(&wide, &snapshot, at(0));
    assert_eq!(breaker.counts().map(|counts| counts.calls), Some(10));

    let mut window = CountWindow::<10>::EMPTY;
    window.record_successes(5, Span::calls(10));
    window.record_successes(2, Span::calls(3));
    assert_eq!(window.failures(), 0);
}

/// Checks that a snapshot in each phase is the same after it is written and read, and that damaged bytes are rejected.
fn comes_back<W: Window + Codec + PartialEq + std::fmt::Debug>(config: CircuitConfig) {
    let circuit = SharedCircuit::<W, LocalLock>::try_with_window(config.ramp(ms(500))).unwrap();
    let mut snapshots = Vec::new();
    for (now, failed) in [(0, false), (300, true), (310, true), (2_000, false), (2_100, false), (2_600, true)]
    {
        snapshots.push(circuit.snapshot(at(now)));
        if let Ok(admission) = circuit.admit(at(now)) {
            let class = if failed { Class::Server } else { Class::NotFound };
            circuit.fail(admission.ticket, class, at(now + 20), None, 0);
        }
    }
    circuit.force_open(at(3_000));
    snapshots.push(circuit.snapshot(at(3_500)));
    let phases = |phase| snapshots.iter().filter(|snapshot| snapshot.phase() == phase).count();
    assert!(phases(Phase::Closed) > 1 && phases(Phase::Open) > 1, "{snapshots:?}");
    for snapshot in &snapshots {
        let mut bytes = vec![0xee; Snapshot::<W>::SIZE];
        snapshot.write(&mut bytes);
        let read = Snapshot::<W>::read(&bytes).expect("the bytes are intact");
        let (ours, theirs) = [snapshot, &read]
            .map(|it| {
                SharedCircuit::<W, LocalLock>::try_with_window(config)
                    .map(|circuit| {
                        circuit.restore(it, at(70_000));
                        let waits = [70_000, 70_100, 71_000].map(|now| circuit.admit(at(now)).map(|_| ()));
                        (circuit.phase(), circuit.mode(), circuit.counts(at(71_000)), waits)
                    })
                    .unwrap()
            })
            .into();
        assert_eq!(ours, theirs);
        for place in 0..bytes.len() {
            bytes[place] ^= 1 << (place % 8);
            assert_eq!(Snapshot::<W>::read(&bytes), None, "byte {place} is damaged");
            bytes[place] ^= 1 << (place % 8);
        }
        assert!(Snapshot::<W>::read(&bytes[1..]).is_none());
        assert!(
            Snapshot::<SlowCalls<SlowCalls<W>>>::read(&bytes.repeat(8)).is_none(),
            "the window has another type"
        );
    }
}

#[test]
fn a_snapshot_is_plain_bytes() {
    let rule = ONE.failure_rate(60).minimum_calls(3).consecutive_failures(2);
    comes_back::<CountWindow<1>>(rule.minimum_calls(1));
    comes_back::<CountWindow<33>>(rule);
    comes_back::<CountWindow<100>>(rule);
    comes_back::<TimeWindow<7>>(rule.window_time(ms(1_000)));
    comes_back::<SlowCalls<CountWindow<64>>>(rule.slow_after(ms(20)).slow_rate(90));
    comes_back::<SlowCalls<TimeWindow<3>>>(rule.window_time(ms(5_000)).slow_after(ms(20)).slow_rate(90));
    const { assert!(Snapshot::<CountWindow<100>>::SIZE <= 80) };
}

/// Each row: the successes and failures of probes before a reboot, and the probe afterwards that decides, if all of
/// them succeed or all of them fail.
#[test]
fn probes_that_ended_before_a_reboot_still_count_and_those_under_way_do_not() {
    let config = ONE.probes(5).success_threshold(3).probe_failures(2).lease(ms(60_000));
    let rows = [((0, 0), (3, 3)), ((2, 0), (1, 3)), ((0, 2), (3, 1)), ((1, 1), (2, 2)), ((2, 2), (1, 1))];
    for ((successes, failures), (closes, opens)) in rows {
        let before = Local::<CountWindow<10>>::with_window(config);
        end(&before, true, at(0));
        let under_way = before.admit(at(1_000)).unwrap().ticket;
        (0..successes).for_each(|_| end(&before, false, at(1_000)));
        (0..failures).for_each(|_| end(&before, true, at(1_000)));

        let mut memory = [0; Snapshot::<CountWindow<10>>::SIZE];
        before.snapshot(at(1_500)).write(&mut memory);
        let snapshot = Snapshot::read(&memory).expect("it was just written");
        assert_eq!((snapshot.phase(), snapshot.open_for()), (Phase::HalfOpen, None));
        for (failed, decides) in [(false, closes), (true, opens)] {
            let after = Local::<CountWindow<10>>::with_window(config);
            let change = after.restore(&snapshot, at(0));
            assert_eq!((change.from, change.to), (Phase::Closed, Phase::HalfOpen));
            // Every slot that no result takes is free, and no lease has to pass first.
            let free: Vec<_> = (0..5).map_while(|_| after.admit(at(1)).ok()).collect();
            assert_eq!(free.len(), 5, "{successes} successes, {failures} failures");
            free.into_iter().for_each(|probe| assert_eq!(after.cancel(probe.ticket, at(1)), None));
            let decided = (1..10).find(|_| {
                end(&after, failed, at(2));
                after.phase() != Phase::HalfOpen
            });
            assert_eq!(decided, Some(decides), "{successes} successes, {failures} failures, then {failed}");
        }
        // A probe of the old program is late in a circuit that was restored in its place.
        before.restore(&snapshot, at(2_000));
        assert_eq!((before.succeed(under_way, at(2_001)), before.late()), (None, 1));
    }
}

thread_local! {
    static TAKEN: Cell<u32> = const { Cell::new(0) };
}

/// A lock that counts how often it is taken.
struct Watched;

struct WatchedCell<T>(RefCell<T>);

impl Lock for Watched {
    type Of<T: Initial> = WatchedCell<T>;
}

impl<T: Initial> Initial for WatchedCell<T> {
    const INITIAL: Self = Self(RefCell::new(T::INITIAL));
}

impl<T: Initial> Exclusive<T> for WatchedCell<T> {
    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        TAKEN.set(TAKEN.get() + 1);
        f(&mut self.0.borrow_mut())
    }
}

/// Returns how often `f` takes the lock.
fn taken(f: impl FnOnce()) -> u32 {
    let before = TAKEN.get();
    f();
    TAKEN.get() - before
}

#[test]
#[cfg(target_has_atomic = "64")]
fn the_lock_is_taken_only_if_something_changes() {
    type Circuit = SharedCircuit<CountWindow<10>, Watched>;
    let config = CircuitConfig::WITHOUT_RULES.failure_rate(50).minimum_calls(4).open_for(ms(1_000));
    let growing = config.open_growth(2.0, ms(8_000));
    let circuit = Circuit::with_window(growing);
    let good = |times: u32| taken(|| (0..times).for_each(|_| end(&circuit, false, at(0))));
    assert_eq!(good(1), 1, "the first admission");
    assert_eq!(good(3), 1, "the fourth call reaches the minimum");
    assert_eq!(good(100), 1, "the tenth call fills the window");
    assert_eq!(taken(|| end(&circuit, true, at(0))), 1);
    assert_eq!(good(100), 1, "the tenth call after the failure");
    let not_found = || {
        let ticket = circuit.admit(never).expect("closed").ticket;
        let _ = circuit.fail(ticket, Class::NotFound, never, Some(ms(10)), 0);
    };
    assert_eq!(taken(not_found), 0, "it does not count as a failure");
    let dropped = || {
        let ticket = circuit.admit(never).expect("closed").ticket;
        assert_eq!(circuit.cancel(ticket, never), None);
    };
    assert_eq!(taken(dropped), 1, "the first one that is dropped arms the circuit");
    assert_eq!(taken(|| end(&circuit, false, at(0))), 1, "the next one that completes disarms it");
    assert_eq!(good(5), 0);

    for _ in 0..5 {
        end(&circuit, true, at(0));
    }
    assert_eq!(circuit.phase(), Phase::Open);
    assert_eq!(taken(|| assert!(circuit.admit(at(999)).is_err())), 0, "open, with a growing open time");
    circuit.trip(ms(5), at(0));
    assert_eq!(taken(|| assert!(circuit.admit(at(4)).is_err())), 0, "tripped");
    circuit.force_open(at(0));
    assert_eq!(taken(|| assert!(circuit.admit(never).is_err())), 0);
    circuit.count_only(at(0));
    circuit.restore(&circuit.snapshot(at(0)), at(0));
    assert_eq!(good(20), 3, "the first call after the restore, the minimum, the full window");
}

/// A window that counts time needs the clock. If that panics, the attempt counts for nothing.
#[test]
fn if_the_clock_panics_a_window_of_time_stays_as_it_is() {
    let config = CircuitConfig::WITHOUT_RULES.failures_in_window(3).window_time(ms(10_000));
    let circuit = Local::<TimeWindow<10>>::with_window(config);
    end(&circuit, true, at(0));
    let ticket = circuit.admit(at(1)).expect("closed").ticket;
    let settle = || circuit.fail(ticket, Class::Server, || panic!("a bug in the clock"), None, 0);
    assert!(catch_unwind(AssertUnwindSafe(settle)).is_err());
    let counts = circuit.counts(at(1)).expect("closed");
    assert_eq!((circuit.failures_in_a_row(), counts.calls, counts.failures), (1, 1, 1));
}

/// A new configuration looks at durations, and the one that calls know of does not.
#[test]
fn slow_calls_count_from_the_moment_a_new_configuration_asks_for_them() {
    let config = CircuitConfig::WITHOUT_RULES.failure_rate(50).minimum_calls(4);
    let circuit = Local::<SlowCalls<CountWindow<4>>>::with_window(config);
    circuit.reconfigure(config.slow_after(ms(100)).slow_rate(100), at(0)).expect("it fits");
    for start in [0, 1_000, 2_000, 3_000] {
        assert_eq!(circuit.phase(), Phase::Closed);
        let ticket = circuit.admit(at(start)).expect("closed").ticket;
        circuit.succeed(ticket, at(start + 100));
    }
    assert_eq!(circuit.phase(), Phase::Open);
}

/// A window of one's own that only counts, of any number of calls.
#[derive(Clone)]
struct Tally {
    calls: u32,
    failures: u32,
}

impl Window for Tally {
    const EMPTY: Self = Self { calls: 0, failures: 0 };
    const CAPACITY: u32 = u32::MAX;

    fn record(&mut self, outcome: retry_core::circuit::Outcome, _: Span, _: Instant) {
        self.calls += 1;
        self.failures += u32::from(outcome.failed);
    }

    fn record_successes(&mut self, count: u32, _: Span) {
        self.calls += count;
    }

    fn calls(&self) -> u32 {
        self.calls
    }

    fn failures(&self) -> u32 {
        self.failures
    }

    fn respanned(&self, _: Span, _: Span) -> Self {
        self.clone()
    }
}

#[test]
fn a_window_of_billions_counts_each_success() {
    let config = CircuitConfig::WITHOUT_RULES.failure_rate(50).minimum_calls(1 << 31);
    let circuit = Local::<Tally>::with_window(config);
    for calls in 1..=10 {
        end(&circuit, calls % 5 == 0, at(0));
        let counts = circuit.counts(at(0)).expect("closed");
        assert_eq!((counts.calls, counts.failures), (calls, calls / 5));
    }
}

/// A new configuration counts another class, and the one that calls know of records it as a success.
#[test]
fn another_class_counts_as_a_failure_from_a_new_configuration_on() {
    let counts = |class| ONE.window(10).count_as_failure(retry_core::ClassSet::of(&[class]));
    for successes in [0, 1, 20] {
        let circuit = Local::<CountWindow<10>>::with_window(counts(Class::Server));
        circuit.reconfigure(counts(Class::Client), at(0)).expect("it fits");
        (0..successes).for_each(|_| end(&circuit, false, at(0)));
        let ticket = circuit.admit(at(0)).expect("closed").ticket;
        let change = circuit.fail(ticket, Class::Client, at(0), None, 0).change;
        assert_eq!(change.map(|change| change.to), Some(Phase::Open), "after {successes} successes");
    }
}

/// Also if no rule needs the window.
#[test]
fn a_circuit_that_only_counts_counts_successes() {
    let circuit = Local::<CountWindow<10>>::with_window(ONE);
    circuit.count_only(at(0));
    for calls in 1..=4 {
        end(&circuit, calls == 3, at(0));
        let counts = circuit.counts(at(0)).expect("closed");
        assert_eq!((counts.calls, counts.failures), (calls, u32::from(calls >= 3)));
    }
}
