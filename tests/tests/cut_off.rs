//! Attempts that are cut off before they end: by a timeout of the caller's own, a stop, or a total timeout. If a
//! dependency hangs, all attempts end that way, and the circuit must open.

use core::time::Duration;
use std::future::pending;

use retry_core::{
    Call, CircuitConfig, Class, Failure, Instant, Policy, Retry, SharedCircuit,
    circuit::{ConstCircuit, ConstConfig, CountWindow, Gate, Phase},
    runtime::LocalLock,
    testing::FakeClock,
};
use tests::ms;

const POLICY: Policy = Policy::fixed(ms(10)).max_attempts(3);

/// Runs one call that hangs, and drops it after `limit`.
fn cut_off(circuit: &SharedCircuit, clock: &FakeClock, limit: Duration) {
    let retry = Retry::new(&POLICY, clock).circuit(circuit).classify_opaque(|failure: &Failure| *failure);
    clock.run(async {
        let mut call = core::pin::pin!(retry.run(pending::<Result<(), Failure>>));
        let mut timer = core::pin::pin!(retry_core::runtime::Sleep::sleep(&clock, limit));
        core::future::poll_fn(|cx| {
            let _ = core::future::Future::poll(call.as_mut(), cx);
            core::future::Future::poll(timer.as_mut(), cx)
        })
        .await;
    });
}

/// What one attempt does, and when it ends, in seconds after it began.
#[derive(Clone, Copy)]
enum Attempt {
    Cancelled(f64),
    Succeeds(f64),
    Fails(f64),
    Neutral(f64),
    /// Dropped by hand, at no known time.
    Dropped,
}
use Attempt::{Cancelled, Dropped, Fails, Neutral, Succeeds};

/// Plays attempts one after the other on a circuit of 3 failures in a row, and returns after how many it was open.
fn opens_after<G: Gate>(circuit: &G, phase: impl Fn(&G) -> Phase, attempts: &[Attempt]) -> Option<usize> {
    const ONE: Policy = Policy::fixed(ms(10)).max_attempts(1);
    let clock = FakeClock::new();
    for (number, attempt) in attempts.iter().enumerate() {
        let mut call = Call::new(&ONE, clock.now()).circuit(circuit);
        let under_way = call.attempt(clock.now()).expect("the circuit is closed");
        let end = |seconds: f64| clock.advance(Duration::from_secs_f64(seconds));
        let failed = |failure: Failure| (failure, clock.words(&[]));
        match *attempt {
            Cancelled(after) => {
                end(after);
                under_way.cancel(clock.now());
            }
            Succeeds(after) => {
                end(after);
                under_way.succeed(clock.now());
            }
            Fails(after) => {
                end(after);
                let (failure, mut words) = failed(Class::Server.into());
                let _ = under_way.fail(failure, clock.now(), &mut words);
            }
            Neutral(after) => {
                end(after);
                let (failure, mut words) = failed(Failure::new(Class::Validation).neutral());
                let _ = under_way.fail(failure, clock.now(), &mut words);
            }
            Dropped => {
                end(60.0);
                drop(under_way);
            }
        }
        if phase(circuit) == Phase::Open {
            return Some(number + 1);
        }
    }
    None
}

const CONFIG: CircuitConfig = CircuitConfig::WITHOUT_RULES.consecutive_failures(3);

struct InProgramMemory;

impl ConstConfig for InProgramMemory {
    const CONFIG: CircuitConfig = CONFIG;
}

#[test]
fn a_thousand_calls_that_their_callers_cut_off_open_the_circuit() {
    let (clock, circuit) = (FakeClock::new(), SharedCircuit::new(CircuitConfig::DEFAULT));
    let mut closed = 0;
    for _ in 0..1_000 {
        closed += u32::from(circuit.phase() == Phase::Closed);
        cut_off(&circuit, &clock, Duration::from_secs(2));
        if circuit.phase() == Phase::Open {
            break;
        }
    }
    assert_eq!(closed, 21, "the first one arms the circuit, and twenty more are failures");
}

#[test]
fn short_ones_and_those_between_answers_leave_it_closed() {
    // Attempts, and after how many of them a circuit of 3 failures in a row opens.
    let rows: [(&str, CircuitConfig, &[Attempt], Option<usize>); 14] = [
        ("the first one arms it", CONFIG, &[Cancelled(9.0); 4], Some(4)),
        ("exactly 1 s counts", CONFIG, &[Cancelled(1.0); 4], Some(4)),
        ("less than 1 s does not", CONFIG, &[Cancelled(0.999); 50], None),
        (
            "a short one arms it, too",
            CONFIG,
            &[Cancelled(0.0), Cancelled(1.0), Cancelled(1.0), Cancelled(1.0)],
            Some(4),
        ),
        (
            "a success disarms it and ends the row",
            CONFIG,
            &[
                Cancelled(1.0),
                Cancelled(1.0),
                Cancelled(1.0),
                Succeeds(0.1),
                Cancelled(1.0),
                Cancelled(1.0),
                Cancelled(1.0),
            ],
            None,
        ),
        (
            "a failure disarms it and counts",
            CONFIG,
            &[Cancelled(1.0), Cancelled(1.0), Fails(0.1), Cancelled(1.0), Cancelled(1.0)],
            Some(5),
        ),
        (
            "a neutral one leaves it armed",
            CONFIG,
            &[Cancelled(1.0), Neutral(0.1), Cancelled(1.0), Cancelled(1.0), Cancelled(1.0)],
            Some(5),
        ),
        ("a drop by hand has no time", CONFIG, &[Dropped; 50], None),
        (
            "a drop by hand arms it",
            CONFIG,
            &[Dropped, Cancelled(1.0), Cancelled(1.0), Cancelled(1.0)],
            Some(4),
        ),
        ("a longer limit", CONFIG.cancelled_after(Duration::from_secs(5)), &[Cancelled(4.9); 50], None),
        (
            "a longer limit that is reached",
            CONFIG.cancelled_after(Duration::from_secs(5)),
            &[Cancelled(5.0); 4],
            Some(4),
        ),
        ("switched off", CONFIG.cancelled_after(Duration::MAX), &[Cancelled(3_600.0); 50], None),
        (
            "slow calls need no arming",
            CONFIG.slow_after(Duration::from_secs(2)),
            &[Cancelled(2.0); 3],
            Some(3),
        ),
        (
            "the shorter limit applies",
            CONFIG.slow_after(Duration::from_secs(2)),
            &[Cancelled(1.0); 3],
            Some(3),
        ),
    ];
    for (name, config, attempts, expected) in rows {
        let shared = SharedCircuit::<CountWindow<100>, LocalLock>::with_window(config);
        assert_eq!(opens_after(&shared, SharedCircuit::phase, attempts), expected, "{name}");
        if config == CONFIG {
            let constant = ConstCircuit::<InProgramMemory, CountWindow<100>, LocalLock>::CLOSED;
            assert_eq!(opens_after(&constant, ConstCircuit::phase, attempts), expected, "{name}, constant");
        }
    }
}

#[test]
fn an_attempt_that_outlasts_the_disarming_arms_the_circuit_again() {
    fn ended_by_two_more(circuit: &impl Gate) {
        let at = Instant::from_millis;
        let admit = |now| circuit.admit(at(now)).expect("admitted").ticket;
        circuit.cancel(admit(0), at(0)); // arms it
        let (long, short) = (admit(0), admit(0));
        circuit.succeed(short, at(10)); // disarms it
        circuit.cancel(long, at(2_000)); // the first failure in a row
        for start in [2_000, 3_000] {
            circuit.cancel(admit(start), at(start + 1_000));
        }
    }
    let shared = SharedCircuit::<CountWindow<100>, LocalLock>::with_window(CONFIG);
    ended_by_two_more(&shared);
    assert_eq!(shared.phase(), Phase::Open);
    let constant = ConstCircuit::<InProgramMemory, CountWindow<100>, LocalLock>::CLOSED;
    ended_by_two_more(&constant);
    assert_eq!(constant.phase(), Phase::Open);
}

#[test]
fn a_probe_that_is_cut_off_opens_it_again() {
    let (clock, circuit) = (FakeClock::new(), SharedCircuit::new(CONFIG));
    circuit.trip(Duration::from_secs(5), clock.now());
    clock.advance(Duration::from_secs(5));
    cut_off(&circuit, &clock, ms(500));
    assert_eq!(circuit.phase(), Phase::HalfOpen, "too short to say anything: the slot is free again");
    cut_off(&circuit, &clock, ms(1_000));
    assert_eq!(circuit.phase(), Phase::Open);
}

#[test]
fn a_total_timeout_that_leaves_attempts_little_time_counts_them_by_the_same_rule() {
    const SHORT: Policy = Policy::fixed(ms(10)).max_attempts(1).total_timeout(ms(900));
    const LONG: Policy = Policy::fixed(ms(10)).max_attempts(1).total_timeout(ms(1_000));
    for (policy, expected) in [(&SHORT, Phase::Closed), (&LONG, Phase::Open)] {
        let (clock, circuit) = (FakeClock::new(), SharedCircuit::new(CONFIG));
        let retry =
            Retry::new(policy, &clock).circuit(&circuit).classify_opaque(|failure: &Failure| *failure);
        for _ in 0..4 {
            let _ = clock.run(retry.run(pending::<Result<(), Failure>>));
        }
        assert_eq!(circuit.phase(), expected, "{policy}");
    }
}

#[test]
fn a_healthy_circuit_reads_no_clock_for_it() {
    let circuit = SharedCircuit::new(CONFIG);
    let never = || -> Instant { panic!("no rule needs the time") };
    for _ in 0..200 {
        let ticket = circuit.admit(never).expect("closed").ticket;
        assert_eq!(circuit.succeed(ticket, never), None);
    }
    let first = circuit.admit(never).expect("closed").ticket;
    assert_eq!(circuit.cancel(first, never), None);
    let armed = circuit.admit(|| Instant::from_millis(1)).expect("closed").ticket;
    assert_eq!(circuit.succeed(armed, never), None);
    let disarmed = circuit.admit(never).expect("closed").ticket;
    assert_eq!(circuit.succeed(disarmed, never), None);
}

#[test]
fn a_limit_of_zero_is_an_error() {
    let error = CONFIG.try_cancelled_after(Duration::ZERO).expect_err("zero");
    assert_eq!(error.to_string(), "cancelled_after = 0 s: must be above zero");
}

#[test]
fn a_restored_circuit_and_a_new_key_of_a_pool_are_not_armed() {
    let (from, to) = (Instant::ORIGIN, Instant::from_millis(5_000));
    let one = CONFIG.consecutive_failures(1);
    let circuit = SharedCircuit::new(one);
    let cut_off = || {
        let ticket = circuit.admit(from).expect("closed").ticket;
        circuit.cancel(ticket, to);
    };
    cut_off(); // arms it
    let snapshot = circuit.snapshot(to);
    circuit.restore(&snapshot, to);
    cut_off(); // arms it again
    assert_eq!(circuit.phase(), Phase::Closed);

    let hosts = retry_core::CircuitPool::new(1, one);
    for host in ["a", "b"] {
        let circuit = hosts.get(host);
        let ticket = circuit.admit(from).expect("closed").ticket;
        circuit.cancel(ticket, to);
        assert_eq!(circuit.phase(), Phase::Closed, "{host}");
    }
}

/// What armed it was before it closed again, or is discarded.
#[test]
fn a_circuit_that_has_closed_again_or_is_disabled_is_not_armed() {
    let never = || -> Instant { panic!("no rule needs the time") };
    let at = Instant::from_millis;
    let circuit = SharedCircuit::new(CONFIG);
    let arm = || {
        let ticket = circuit.admit(at(0)).expect("closed").ticket;
        circuit.cancel(ticket, at(0));
    };
    arm();
    circuit.trip(Duration::ZERO, at(0));
    let probe = circuit.admit(at(0)).expect("a slot is free").ticket;
    assert_eq!(circuit.succeed(probe, at(0)).map(|change| change.to), Some(Phase::Closed));
    assert!(circuit.admit(never).is_ok());

    let circuit = SharedCircuit::new(CONFIG.cancelled_after(Duration::MAX)); // none counts
    for _ in 0..3 {
        let ticket = circuit.admit(never).expect("closed").ticket;
        assert_eq!(circuit.cancel(ticket, never), None);
    }

    // The same for a state machine without a gate word.
    let mut breaker = retry_core::circuit::Breaker::<CountWindow<100>>::CLOSED;
    breaker.disable(at(0));
    let ticket = breaker.admit(&CONFIG, never).expect("closed").ticket;
    breaker.cancel(&CONFIG, ticket, at(0));
    assert!(breaker.admit(&CONFIG, never).is_ok());
}
