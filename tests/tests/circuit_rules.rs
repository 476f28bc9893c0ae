//! Further rules of a circuit: slow calls, time windows, growing open times, ramps, manual operations, health checks,
//! reconfiguration and snapshots.

use std::cell::Cell;
use std::sync::Mutex;
use std::time::Duration;

use retry_core::{
    CircuitConfig, Class, HealthCheck, Instant, Jitter, Rejected, SharedCircuit,
    circuit::{
        Adoption, Breaker, Change, ChangeCause, CountWindow, Counts, Gate, Mode, Phase, SlowCalls,
        TimeWindow, Window,
    },
    observe::{EventKind, observer_fn},
    runtime::LocalLock,
    testing::FakeClock,
};
use tests::ms;

type Local<W = CountWindow<10>> = SharedCircuit<W, LocalLock>;

const ONE: CircuitConfig = CircuitConfig::WITHOUT_RULES.consecutive_failures(1).open_for(ms(1_000));

fn at(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

/// A call from `start` to `end`, both in milliseconds.
fn call<W: Window>(circuit: &Local<W>, start: u64, end: u64, failed: bool) -> Option<Change> {
    let ticket = circuit.admit(at(start)).expect("admitted").ticket;
    if failed {
        circuit.fail(ticket, Class::Server, at(end), None, 0).change
    } else {
        circuit.succeed(ticket, at(end))
    }
}

fn cause(change: Option<Change>) -> Option<ChangeCause> {
    change.map(|change| change.cause)
}

fn wait<W: Window>(circuit: &Local<W>, ms: u64) -> Option<u64> {
    let rejected = circuit.admit(at(ms)).err()?;
    assert_eq!(rejected.phase(), Phase::Open);
    Some(u64::try_from(rejected.wait().as_millis()).unwrap())
}

#[test]
fn slow_calls_open_it_and_slow_probes_open_it_again() {
    let config = CircuitConfig::WITHOUT_RULES.slow_after(ms(100)).slow_rate(50).minimum_calls(4);
    let circuit = Local::<SlowCalls<CountWindow<4>>>::with_window(config.open_for(ms(1_000)));
    for (start, took) in [(0, 99), (200, 100), (400, 10)] {
        assert_eq!(call(&circuit, start, start + took, false), None);
    }
    let opened = call(&circuit, 600, 750, false);
    assert_eq!(cause(opened), Some(ChangeCause::SlowCallRate { slow: 2, calls: 4 }));
    assert_eq!(cause(call(&circuit, 1_750, 1_850, false)), Some(ChangeCause::ProbesFailed(1)));
    assert_eq!(cause(call(&circuit, 2_850, 2_949, false)), Some(ChangeCause::ProbesSucceeded(1)));
}

#[test]
fn one_slow_call_in_a_hundred_reaches_a_rate_of_1_percent() {
    let config = CircuitConfig::WITHOUT_RULES.slow_after(ms(100)).slow_rate(1).minimum_calls(100);
    // The place of the slow call, and the call at which the circuit opens.
    for (slow, opens) in [(0, 99), (50, 99), (99, 99), (100, 100), (130, 130)] {
        let circuit = Local::<SlowCalls<CountWindow<100>>>::with_window(config);
        let opened = (0..200).find(|number| {
            let took = if *number == slow { 100 } else { 99 };
            call(&circuit, number * 1_000, number * 1_000 + took, false).is_some()
        });
        assert_eq!(opened, Some(opens), "call {slow} is slow");
    }
    // One in 101 is less.
    let circuit = Local::<SlowCalls<CountWindow<101>>>::with_window(config.minimum_calls(101));
    assert_eq!(call(&circuit, 0, 100, false), None);
    assert!((1..101).all(|number| call(&circuit, number * 1_000, number * 1_000, false).is_none()));
}

#[test]
fn a_failure_rate_over_time_forgets_old_calls() {
    let config = CircuitConfig::WITHOUT_RULES.failure_rate(50).minimum_calls(2).window_time(ms(1_000));
    let circuit = Local::<TimeWindow<10>>::with_window(config);
    assert_eq!(call(&circuit, 0, 50, true), None); // too few
    assert_eq!(call(&circuit, 1_050, 1_050, true), None); // the first has left the window
    assert_eq!(circuit.counts(at(0)), Some(Counts { calls: 1, failures: 1, slow: 0 }));
    let opened = call(&circuit, 1_900, 1_999, true);
    assert_eq!(cause(opened), Some(ChangeCause::FailureRate { failures: 2, calls: 2 }));
}

#[test]
fn a_number_of_failures_in_the_window_opens_it_before_the_window_is_full() {
    let circuit = Local::<CountWindow<5>>::with_window(CircuitConfig::WITHOUT_RULES.failures_in_window(3));
    let mut calls = [true, true, false, false, false, true, true].into_iter();
    assert!(calls.all(|failed| call(&circuit, 0, 0, failed).is_none())); // the first two have left the window
    let opened = call(&circuit, 0, 0, true);
    assert_eq!(cause(opened), Some(ChangeCause::FailureRate { failures: 3, calls: 5 }));
}

#[test]
fn a_probe_that_hangs_does_not_keep_others_from_deciding() {
    let config = ONE.probes(2).success_threshold(3);
    let circuits = [config, config.max_probes(3)].map(Local::<CountWindow<5>>::with_window);
    let admitted = circuits.map(|circuit| {
        call(&circuit, 0, 0, true);
        let _hangs = circuit.admit(at(1_000)).unwrap();
        let probe = || circuit.admit(at(1_000)).map(|probe| circuit.succeed(probe.ticket, at(1_000)));
        (0..3).take_while(|_| probe().is_ok()).count()
    });
    assert_eq!(admitted, [3, 2]); // with `max_probes`, the third waits for the lease of the hanging probe
}

#[test]
fn a_circuit_that_shall_ask_once_admits_one_probe_which_decides() {
    let configs = [
        ONE,
        ONE.probes(2).success_threshold(2),
        ONE.probes(2).success_threshold(2).max_probes(2),
        ONE.probes(5).success_threshold(2).probe_failures(1).max_probes(4),
        ONE.probe_rate(3, 50),
        ONE.probes(2).success_threshold(2).probe_failures(u32::MAX),
    ];
    for config in configs {
        for (fails, phase) in [(false, Phase::Closed), (true, Phase::Open)] {
            let circuit = Local::<CountWindow<5>>::with_window(config);
            call(&circuit, 0, 0, true);
            circuit.adopt(Adoption::AskOnce, at(10));
            let probe = circuit.admit(at(10)).unwrap_or_else(|_| panic!("the probe is refused: {config}"));
            assert!(circuit.admit(at(10)).is_err(), "a second probe: {config}");
            if fails {
                circuit.fail(probe.ticket, Class::Server, at(20), None, 0);
            } else {
                circuit.succeed(probe.ticket, at(20));
            }
            let never_fails = config.settings().probe_failures == u32::MAX;
            let phase = if fails && never_fails { Phase::HalfOpen } else { phase };
            assert_eq!(circuit.phase(), phase, "{config}");
        }
    }
}

#[test]
fn the_open_time_grows_with_each_opening_up_to_its_cap_and_is_reset_on_close() {
    let circuit = Local::<CountWindow<10>>::with_window(ONE.open_growth(2.0, ms(3_000)));
    call(&circuit, 0, 0, true);
    let mut now = 0;
    for open_for in [1_000, 2_000, 3_000, 3_000] {
        assert_eq!(wait(&circuit, now), Some(open_for));
        now += open_for;
        assert_eq!(cause(call(&circuit, now, now, true)), Some(ChangeCause::ProbesFailed(1)));
    }
    now += 3_000;
    assert_eq!(cause(call(&circuit, now, now, false)), Some(ChangeCause::ProbesSucceeded(1)));
    call(&circuit, now, now, true);
    assert_eq!(wait(&circuit, now), Some(1_000));
}

#[test]
fn jitter_spreads_the_open_time() {
    let config = ONE.open_growth(1.0, ms(2_000)).open_jitter(Jitter::additive(0.5));
    for (word, open_for) in [(0, 1_000), (1 << 63, 1_250), (u64::MAX, 1_500)] {
        let circuit = Local::<CountWindow<10>>::with_window(config);
        let ticket = circuit.admit(at(0)).unwrap().ticket;
        circuit.fail(ticket, Class::Server, at(0), None, word);
        assert_eq!(wait(&circuit, 0), Some(open_for));
    }
}

#[test]
fn jitter_stays_within_the_longest_open_time() {
    let config = ONE.open_growth(2.0, ms(2_000)).open_jitter(Jitter::additive(0.5));
    let circuit = Local::<CountWindow<10>>::with_window(config);
    let mut now = 0;
    for (word, open_for) in [(u64::MAX, 1_500), (0, 2_000), (u64::MAX, 2_000), (1 << 63, 2_000)] {
        let ticket = circuit.admit(at(now)).unwrap().ticket;
        circuit.fail(ticket, Class::Server, at(now), None, word);
        assert_eq!(wait(&circuit, now), Some(open_for), "word {word}");
        now += open_for;
    }
}

#[test]
fn half_open_decides_by_rate_as_soon_as_the_result_is_certain() {
    // 4 probes and a rate of 50 %: the second failure opens the circuit, the third success closes it.
    let config = ONE.probe_rate(4, 50);
    let rows: &[(&[bool], ChangeCause)] = &[
        (&[false, false, false], ChangeCause::ProbesSucceeded(3)),
        (&[true, false, false, false], ChangeCause::ProbesSucceeded(3)),
        (&[true, true], ChangeCause::ProbesFailed(2)),
        (&[false, true, false, true], ChangeCause::ProbesFailed(2)),
    ];
    for (outcomes, decision) in rows {
        let circuit = Local::<CountWindow<10>>::with_window(config);
        call(&circuit, 0, 0, true);
        for (number, failed) in outcomes.iter().enumerate() {
            let change = call(&circuit, 1_000, 1_000, *failed);
            let last = number + 1 == outcomes.len();
            assert_eq!(cause(change), last.then_some(*decision), "{outcomes:?} at {number}");
        }
    }
}

#[test]
fn after_closing_a_ramp_admits_a_growing_share() {
    let circuit = Local::<CountWindow<10>>::with_window(ONE.ramp(ms(1_000)));
    call(&circuit, 0, 0, true);
    call(&circuit, 1_000, 1_000, false);
    assert_eq!(circuit.phase(), Phase::Closed);
    let admitted = |from: u64| (0..100).filter(|step| circuit.admit(at(from + step)).is_ok()).count();
    let shares = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(|tenth| admitted(1_000 + tenth * 100));
    assert!(shares.is_sorted(), "{shares:?}");
    assert!(shares[0] < 15 && shares[9] > 85, "{shares:?}");
    let all: usize = shares.iter().sum();
    assert!((450..=650).contains(&all), "about half of 1000: {all}");
    assert_eq!(admitted(2_000), 100);
    let refused = {
        // the second of two attempts at the start of a new ramp
        call(&circuit, 3_000, 3_000, true);
        call(&circuit, 4_000, 4_000, false);
        assert!(circuit.admit(at(4_000)).is_ok());
        circuit.admit(at(4_000)).unwrap_err()
    };
    assert_eq!((refused.phase(), refused.wait()), (Phase::Closed, Duration::ZERO));
}

#[test]
fn manual_operations_force_disable_count_trip_and_probe() {
    let circuit = Local::<CountWindow<10>>::with_window(ONE.failure_rate(50));
    let change = circuit.force_open(at(0)).unwrap();
    assert_eq!((change.from, change.to, change.cause), (Phase::Closed, Phase::Open, ChangeCause::Manual));
    assert_eq!(circuit.force_open(at(0)), None);
    for now in [0, 1_000_000_000] {
        assert_eq!(circuit.admit(at(now)).unwrap_err(), Rejected::new(Phase::Open, Duration::MAX));
    }
    assert_eq!(circuit.mode(), Mode::ForcedOpen);

    circuit.disable(at(1));
    for _ in 0..5 {
        assert_eq!(call(&circuit, 1, 1, true), None);
    }
    assert_eq!(
        (circuit.mode(), circuit.counts(at(0))),
        (Mode::Disabled, Some(Counts { calls: 0, failures: 0, slow: 0 }))
    );

    circuit.count_only(at(2));
    for _ in 0..5 {
        assert_eq!(call(&circuit, 2, 2, true), None);
    }
    assert_eq!(
        (circuit.mode(), circuit.counts(at(0))),
        (Mode::CountOnly, Some(Counts { calls: 5, failures: 5, slow: 0 }))
    );

    circuit.reset(at(3));
    assert_eq!(
        (circuit.mode(), circuit.counts(at(0))),
        (Mode::Automatic, Some(Counts { calls: 0, failures: 0, slow: 0 }))
    );
    assert_eq!(cause(call(&circuit, 3, 3, true)), Some(ChangeCause::ConsecutiveFailures(1)));

    circuit.trip(ms(50_000), at(10)); // longer than `open_for`
    assert_eq!(wait(&circuit, 10), Some(50_000));
    assert_eq!(wait(&circuit, 50_009), Some(1));
    assert_eq!(cause(call(&circuit, 50_010, 50_010, false)), Some(ChangeCause::ProbesSucceeded(1)));

    circuit.trip(ms(50_000), at(60_000));
    let change = circuit.probe(at(60_001)).unwrap();
    assert_eq!((change.to, change.cause), (Phase::HalfOpen, ChangeCause::Manual));
    assert_eq!(circuit.probe(at(60_001)), None);
}

#[test]
fn a_clock_that_steps_back_does_not_lengthen_a_trip() {
    let circuit = Local::<CountWindow<10>>::with_window(ONE);
    circuit.trip(ms(50_000), at(1_000_000));
    assert_eq!(wait(&circuit, 500), Some(50_000));
    assert_eq!(wait(&circuit, 50_499), Some(1));
    assert_eq!(wait(&circuit, 50_500), None);
}

#[test]
fn a_health_check_makes_it_half_open_or_closes_it() {
    for closes in [false, true] {
        let circuit = Local::<CountWindow<10>>::with_window(ONE.open_for(ms(60_000)));
        let clock = FakeClock::new();
        let asked = Cell::new(0);
        let told = Mutex::new(Vec::new());
        let observer =
            observer_fn(|event| told.lock().unwrap().push((event.operation.to_owned(), event.kind)));
        let check = HealthCheck::new(&circuit, &clock, ms(5_000)).observe("stock", &observer);
        let check = if closes { check.closes() } else { check };
        let ask = || {
            asked.set(asked.get() + 1);
            asked.get() == 3
        };
        // While the circuit is closed, the check is not called.
        let rounds = Cell::new(0);
        check.run_blocking(ask, || rounds.replace(rounds.get() + 1) < 4);
        assert_eq!((asked.get(), clock.now()), (0, at(20_000)));

        circuit.trip(ms(60_000), clock.now());
        check.run_blocking(ask, || circuit.phase() == Phase::Open);
        assert_eq!((asked.get(), clock.now()), (3, at(35_000)));
        let to = if closes { Phase::Closed } else { Phase::HalfOpen };
        let change = Change { from: Phase::Open, to, at: at(35_000), cause: ChangeCause::HealthCheck };
        assert_eq!(circuit.phase(), to);
        assert_eq!(*told.lock().unwrap(), [("stock".into(), EventKind::PhaseChanged(change))]);

        // The asynchronous loop does the same, until another future ends.
        circuit.trip(ms(60_000), clock.now());
        asked.set(0);
        let retry_after = retry_core::runtime::Sleep::sleep(&&clock, ms(21_000));
        let running = check.run(|| std::future::ready(ask()));
        clock.run(async {
            let mut running = std::pin::pin!(running);
            let mut end = std::pin::pin!(retry_after);
            std::future::poll_fn(|context| {
                assert!(running.as_mut().poll(context).is_pending());
                end.as_mut().poll(context)
            })
            .await;
        });
        assert_eq!(asked.get(), 3);
        circuit.force_open(clock.now());
        let rounds = Cell::new(0);
        check.run_blocking(ask, || rounds.replace(rounds.get() + 1) < 4);
        assert_eq!(asked.get(), 3, "while it is forced open, the check is not called");
    }
}

#[test]
fn a_reconfiguration_keeps_the_newest_outcomes() {
    let config = CircuitConfig::WITHOUT_RULES.failure_rate(80).minimum_calls(5).window(10);
    let circuit = Local::<CountWindow<10>>::with_window(config);
    for failed in [true, true, true, false, false, false, true, false] {
        call(&circuit, 0, 0, failed);
    }
    assert_eq!(circuit.counts(at(0)), Some(Counts { calls: 8, failures: 4, slow: 0 }));
    circuit.reconfigure(config.window(5), at(0)).unwrap(); // the most recent five
    assert_eq!(circuit.counts(at(0)), Some(Counts { calls: 5, failures: 1, slow: 0 }));
    circuit.reconfigure(config.window(9), at(0)).unwrap();
    assert_eq!(circuit.counts(at(0)), Some(Counts { calls: 5, failures: 1, slow: 0 }));
    for _ in 0..3 {
        assert_eq!(call(&circuit, 0, 0, true), None);
    }
    assert_eq!(circuit.counts(at(0)), Some(Counts { calls: 8, failures: 4, slow: 0 }));
    let error = circuit.reconfigure(config.window(11), at(0)).unwrap_err();
    assert_eq!(error.to_string(), "window = 11: must be at most 10, what its type holds");
    assert_eq!(circuit.counts(at(0)), Some(Counts { calls: 8, failures: 4, slow: 0 }));

    // Open for 30 s. The new configuration allows 10 s.
    circuit.reconfigure(config.consecutive_failures(1), at(0)).unwrap();
    call(&circuit, 0, 0, true);
    assert_eq!(wait(&circuit, 5_000), Some(25_000));
    circuit.reconfigure(config.consecutive_failures(1).open_for(ms(10_000)), at(5_000)).unwrap();
    assert_eq!(wait(&circuit, 5_000), Some(10_000));
}

#[test]
fn a_reconfiguration_keeps_the_newest_part_of_a_time_window() {
    let config = CircuitConfig::WITHOUT_RULES.failure_rate(100).minimum_calls(100).window_time(ms(1_000));
    let circuit = Local::<TimeWindow<10>>::with_window(config);
    for start in [50, 150, 450, 850, 950] {
        call(&circuit, start, start, true);
    }
    circuit.reconfigure(config.window_time(ms(200)), at(0)).unwrap(); // the last two of ten buckets
    assert_eq!(circuit.counts(at(0)), Some(Counts { calls: 2, failures: 2, slow: 0 }));
    circuit.reconfigure(config.window_time(ms(10_000)), at(0)).unwrap();
    assert_eq!(circuit.counts(at(0)), Some(Counts { calls: 2, failures: 2, slow: 0 }));
    call(&circuit, 9_900, 9_900, true);
    assert_eq!(circuit.counts(at(0)), Some(Counts { calls: 3, failures: 3, slow: 0 }));
}

#[test]
fn a_snapshot_continues_on_another_clock() {
    // Open: the rest of the open time remains.
    let before = Local::<CountWindow<10>>::with_window(ONE);
    call(&before, 5_000, 5_000, true);
    let snapshot = before.snapshot(at(5_400));
    assert_eq!((snapshot.phase(), snapshot.open_for()), (Phase::Open, Some(ms(600))));
    let after = Local::<CountWindow<10>>::with_window(ONE);
    after.restore(&snapshot, at(7));
    assert_eq!(wait(&after, 7), Some(600));
    assert_eq!(wait(&after, 607), None);

    // Closed: the counts are the same, and a ticket from before the restore is late.
    let config = CircuitConfig::WITHOUT_RULES.failure_rate(100).minimum_calls(3).window_time(ms(1_000));
    let before = Local::<TimeWindow<10>>::with_window(config);
    call(&before, 5_000, 5_000, true);
    call(&before, 5_600, 5_600, true);
    let after = Local::<TimeWindow<10>>::with_window(config);
    let ticket = after.admit(at(0)).unwrap().ticket;
    after.restore(&before.snapshot(at(5_900)), at(100_000));
    assert_eq!(after.counts(at(0)), Some(Counts { calls: 2, failures: 2, slow: 0 }));
    after.fail(ticket, Class::Server, at(100_000), None, 0);
    assert_eq!((after.counts(at(0)), after.late()), (Some(Counts { calls: 2, failures: 2, slow: 0 }), 1));
    let opened = call(&after, 100_050, 100_050, true); // like 5950 on the old clock: all three are within a second
    assert_eq!(cause(opened), Some(ChangeCause::FailureRate { failures: 3, calls: 3 }));
    after.restore(&before.snapshot(at(5_900)), at(200_000));
    assert_eq!(call(&after, 200_300, 200_300, true), None); // like 6200 on the old clock: the first has left the window

    // Half-open: the probes from before are not waited for.
    let before = Local::<CountWindow<10>>::with_window(ONE);
    call(&before, 0, 0, true);
    let probe = before.admit(at(1_000)).unwrap();
    after_reboot(&before.snapshot(at(1_001)));
    before.succeed(probe.ticket, at(1_002));
}

fn after_reboot(snapshot: &retry_core::circuit::Snapshot<CountWindow<10>>) {
    let circuit = Local::<CountWindow<10>>::with_window(ONE);
    circuit.restore(snapshot, at(0));
    assert_eq!(circuit.phase(), Phase::HalfOpen);
    assert_eq!(cause(call(&circuit, 1, 1, false)), Some(ChangeCause::ProbesSucceeded(1)));
}

#[test]
fn the_state_is_small() {
    const { assert!(size_of::<Breaker<CountWindow<100>>>() <= 64) };
    println!("Breaker<CountWindow<100>>: {} bytes", size_of::<Breaker<CountWindow<100>>>());
    println!("SharedCircuit<CountWindow<100>>: {} bytes", size_of::<SharedCircuit<CountWindow<100>>>());
}
