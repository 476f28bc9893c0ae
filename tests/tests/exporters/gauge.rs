//! The gauge of circuits in each phase: right again with the next change that is told, whatever was not told before.

use metrics::with_local_recorder;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use retry_core::circuit::Phase::{self, Closed, HalfOpen, Open};
use retry_core::{
    CircuitConfig, CircuitPool, Class, Instant, Policy, Retry, SharedCircuit,
    circuit::{Change, ChangeCause, CountWindow, Gate, Start},
    observe::{Event, MetricsFacade, Observer},
    runtime::LocalLock,
    testing::FakeClock,
};
use tests::ms;

const ONCE: Policy = Policy::DEFAULT.max_attempts(1);
const CONFIG: CircuitConfig = CircuitConfig::WITHOUT_RULES.consecutive_failures(1).open_for(ms(1_000));

/// Returns how many circuits of this name are open, and how many half-open.
fn counted(handle: &PrometheusHandle, circuit: &str) -> [i64; 2] {
    let page = handle.render();
    ["open", "half-open"].map(|phase| {
        let labels = match circuit {
            "" => format!("retry_circuits{{phase=\"{phase}\"}} "),
            name => format!("retry_circuits{{phase=\"{phase}\",circuit=\"{name}\"}} "),
        };
        let value = page.lines().find_map(|line| line.strip_prefix(&labels));
        value.map_or(0, |value| value.parse().unwrap())
    })
}

/// Runs a test with a facade, and with a function that returns the counts.
fn with_facade(test: impl FnOnce(&MetricsFacade, &dyn Fn(&str) -> [i64; 2])) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    with_local_recorder(&recorder, || test(&MetricsFacade::new(), &|circuit| counted(&handle, circuit)));
}

fn call(circuit: &impl Gate, clock: &FakeClock, facade: &MetricsFacade, answer: Result<(), Class>) {
    let _ = Retry::new(&ONCE, clock).circuit(circuit).observe(facade).run_blocking(|| answer);
}

#[test]
fn a_circuit_that_starts_half_open_is_never_counted_below_zero() {
    for answer in [Ok(()), Err(Class::Server)] {
        with_facade(|facade, counts| {
            let clock = FakeClock::new();
            let circuit = SharedCircuit::new(CONFIG).starting(Start::HalfOpen).named("stock");
            call(&circuit, &clock, facade, answer);
            let expected = [i64::from(answer.is_err()), 0];
            assert_eq!(counts("stock"), expected, "{answer:?}");
        });
    }
}

/// Each row: what is done without telling it, and the counts after the next change that is told.
#[test]
fn a_change_that_was_not_told_is_mended_by_the_next_one() {
    type Untold = fn(&SharedCircuit, Instant);
    let rows: [(&str, Untold, [i64; 2]); 4] = [
        ("a trip", |circuit, now| _ = circuit.trip(ms(500), now), [0, 0]),
        (
            "a trip, and a probe by hand",
            |circuit, now| _ = (circuit.trip(ms(500), now), circuit.probe(now)),
            [0, 0],
        ),
        ("an opening, and a reset", |circuit, now| _ = (circuit.force_open(now), circuit.reset(now)), [1, 0]),
        (
            "being forced open",
            |circuit, now| _ = (circuit.force_open(now), circuit.trip(ms(500), now)),
            [0, 0],
        ),
    ];
    for name in ["", "stock"] {
        for (what, untold, expected) in rows {
            with_facade(|facade, counts| {
                let clock = FakeClock::new();
                let other = SharedCircuit::new(CONFIG).named(name);
                call(&other, &clock, facade, Err(Class::Server)); // counted beside it, all the time
                let circuit = SharedCircuit::new(CONFIG).named(name);
                untold(&circuit, clock.now());
                clock.advance(ms(500));
                let answer = if expected[0] == 1 { Err(Class::Server) } else { Ok(()) };
                call(&circuit, &clock, facade, answer);
                assert_eq!(counts(name), [expected[0] + 1, expected[1]], "{what}, circuit {name:?}");
            });
        }
    }
}

/// An opening that was told, and a reset that was not: a sum would count the circuit twice after its next opening.
#[test]
fn an_opening_is_counted_once() {
    with_facade(|facade, counts| {
        let clock = FakeClock::new();
        let circuit = SharedCircuit::new(CONFIG);
        for _ in 0..3 {
            call(&circuit, &clock, facade, Err(Class::Server));
            assert_eq!(counts(""), [1, 0]);
            circuit.reset(clock.now()); // nothing is told
        }
        call(&circuit, &clock, facade, Err(Class::Server));
        clock.advance(ms(1_000));
        call(&circuit, &clock, facade, Ok(()));
        assert_eq!(counts(""), [0, 0]);
    });
}

/// Changes by hand are told with the circuit or without it. The calls tell the next one either way.
#[test]
fn changes_by_hand_and_by_calls_are_of_the_same_circuit() {
    for with_circuit in [true, false] {
        with_facade(|facade, counts| {
            let (clock, circuit) = (FakeClock::new(), SharedCircuit::new(CONFIG));
            let tell = |change: Option<Change>| {
                let event = Event::phase_changed("stock", change.unwrap());
                facade.observe(&if with_circuit { event.of_circuit(&circuit) } else { event });
            };
            tell(circuit.trip(ms(1_000), clock.now()));
            assert_eq!(counts(""), [1, 0]);
            clock.advance(ms(1_000));
            call(&circuit, &clock, facade, Err(Class::Server)); // half-open, and open again
            assert_eq!(counts(""), [1, 0]);
            tell(circuit.reset(clock.now()));
            assert_eq!(counts(""), [0, 0]);
            call(&circuit, &clock, facade, Err(Class::Server));
            assert_eq!(counts(""), [1, 0]);
        });
    }
}

/// A pool gives the place of an open circuit to another key. The circuit of that key begins closed.
#[test]
fn the_circuits_of_a_pool_are_counted_each_by_itself() {
    with_facade(|facade, counts| {
        let (clock, hosts) = (FakeClock::new(), CircuitPool::new(2, CONFIG).named("hosts"));
        for host in ["a", "b"] {
            call(&hosts.get(host), &clock, facade, Err(Class::Server));
        }
        assert_eq!(counts("hosts"), [2, 0]);
        hosts.get("a").reset(clock.now()); // nothing is told
        clock.advance(ms(2_000));
        call(&hosts.get("b"), &clock, facade, Ok(()));
        assert_eq!(counts("hosts"), [1, 0]);
        call(&hosts.get("a"), &clock, facade, Err(Class::Server));
        assert_eq!(counts("hosts"), [1, 0]);
        hosts.forget("a");
        call(&hosts.get("c"), &clock, facade, Ok(()));
        assert_eq!(counts("hosts"), [0, 0]);
    });
}

fn change(from: Phase, to: Phase, at: u64) -> Change {
    Change { from, to, at: Instant::from_millis(at), cause: ChangeCause::Manual }
}

/// Threads tell changes after they made them. A late one leaves the newest as it is.
#[test]
fn changes_are_told_in_any_order() {
    const STEPS: [(Phase, Phase); 3] = [(Closed, Open), (Open, HalfOpen), (HalfOpen, Closed)];
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for order in orders {
        with_facade(|facade, counts| {
            let circuit = SharedCircuit::<CountWindow<10>, LocalLock>::with_window(CONFIG);
            for step in order {
                let (from, to) = STEPS[step];
                let event = Event::phase_changed("", change(from, to, 100 + step as u64));
                facade.observe(&event.of_circuit(&circuit));
            }
            assert_eq!(counts(""), [0, 0], "{order:?}");
        });
    }
    // Two changes at the same time, such as with a coarse clock.
    with_facade(|facade, counts| {
        let circuit = SharedCircuit::<CountWindow<10>, LocalLock>::with_window(CONFIG);
        for (from, to) in [(Open, HalfOpen), (Closed, Open)] {
            facade.observe(&Event::phase_changed("", change(from, to, 7)).of_circuit(&circuit));
        }
        assert_eq!(counts(""), [0, 1]);
    });
}

#[test]
fn a_clock_that_stepped_back_leaves_the_gauge_right() {
    with_facade(|facade, counts| {
        let circuit = SharedCircuit::<CountWindow<10>, LocalLock>::with_window(CONFIG);
        let tell = |from, to, at| {
            facade.observe(&Event::phase_changed("", change(from, to, at)).of_circuit(&circuit))
        };
        tell(Closed, Open, 31_536_000_000); // one wrong reading, a year ahead
        tell(Open, HalfOpen, 1_000);
        assert_eq!(counts(""), [0, 1]);
        tell(HalfOpen, Open, 1_001);
        assert_eq!(counts(""), [1, 0]);
    });
}

/// Far more circuits than are remembered while closed.
#[test]
fn many_circuits_are_counted_exactly() {
    with_facade(|facade, counts| {
        let (clock, hosts) = (FakeClock::new(), CircuitPool::new(5_000, CONFIG));
        for host in 0..5_000 {
            let circuit = hosts.get(&host.to_string());
            call(&circuit, &clock, facade, Err(Class::Server));
            if host % 2 == 0 {
                let change = circuit.reset(clock.now()).unwrap();
                facade.observe(&Event::phase_changed("hosts", change).of_circuit(&circuit));
            }
        }
        assert_eq!(counts(""), [2_500, 0]);
        clock.advance(ms(2_000));
        for host in 0..5_000 {
            call(&hosts.get(&host.to_string()), &clock, facade, Ok(()));
        }
        assert_eq!(counts(""), [0, 0]);
    });
}
