//! A call that is dropped at any await releases all that it holds. `every_poll.rs` cuts the calls of a table at each
//! await, on every runtime. `every_step.rs` does the same without futures.

use tests::ms;
mod cut;
#[path = "../conformance/embassy.rs"]
mod embassy;
mod every_poll;
mod every_step;
mod table;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use retry_core::{
    Attempt, Call, CircuitConfig, Class, Failure, Instant, Policy, Retry, SharedBudget, SharedCircuit,
    Verdict,
    budget::ConcurrencyShare,
    circuit::{Gate, Phase},
    observe::{Event, EventKind},
    runtime::{LocalLock, Sleep},
    testing::FakeClock,
};

const POLICY: Policy = Policy::exponential(ms(100)).max_attempts(3).attempt_timeout(ms(1_000));
const ONE_PROBE: CircuitConfig =
    CircuitConfig::WITHOUT_RULES.consecutive_failures(1).open_for(ms(100)).probes(1);

/// Makes a half-open circuit: a call has failed, and the open time has passed.
fn half_open(clock: &FakeClock) -> SharedCircuit {
    let circuit = SharedCircuit::new(ONE_PROBE);
    let ticket = circuit.admit(clock.now()).unwrap().ticket;
    circuit.fail(ticket, Class::Server, clock.now(), None, 0);
    clock.advance(ms(100));
    circuit
}

#[test]
fn a_dropped_future_releases_its_probe_slot() {
    let clock = FakeClock::new();
    let circuit = half_open(&clock);
    let events = RefCell::new(Vec::new());
    let observer = |event: &Event| events.borrow_mut().push((event.at.as_millis(), event.kind));
    let retry =
        Retry::new(&POLICY, &clock).circuit(&circuit).classify(|class: &Class| *class).on_event(observer);

    {
        let mut call = pin!(retry.run(|| async {
            (&clock).sleep(ms(500)).await;
            Ok::<_, Class>(())
        }));
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!(circuit.phase(), Phase::HalfOpen);
        assert!(circuit.admit(clock.now()).is_err(), "the call holds the only slot");
        clock.advance(ms(7));
    } // dropped here

    assert_eq!(events.borrow().iter().rev().nth(1), Some(&(107, EventKind::Cancelled)));
    let probe = circuit.admit(clock.now()).expect("the slot is free again");
    let change = circuit.succeed(probe.ticket, clock.now()).expect("the circuit can still close");
    assert_eq!(change.to, Phase::Closed);
    assert_eq!(circuit.late(), 0);
}

#[test]
fn a_panic_in_the_operation_releases_the_slot() {
    let clock = FakeClock::new();
    let circuit = half_open(&clock);
    let retry = Retry::new(&POLICY, &clock).circuit(&circuit).classify(|class: &Class| *class);
    let call = || retry.run_blocking(|| -> Result<(), Class> { panic!("a bug in the operation") });
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).is_err());
    assert!(circuit.admit(clock.now()).is_ok(), "the slot is free again");
}

/// A call fails as a probe, waits, and retries. After any number of polls it is dropped, and the circuit must still be
/// able to close.
#[test]
fn the_circuit_can_close_after_a_call_is_dropped_at_any_poll() {
    for polls in 0.. {
        let clock = FakeClock::new();
        let circuit = half_open(&clock);
        let attempts = Cell::new(0);
        let retry = Retry::new(&POLICY, &clock).circuit(&circuit).classify(|class: &Class| *class);
        let operation = || async {
            (&clock).sleep(ms(10)).await;
            attempts.set(attempts.get() + 1);
            if attempts.get() < 3 { Err(Class::Server) } else { Ok(()) }
        };
        let mut ended = false;
        {
            let mut call = pin!(retry.run(operation));
            for _ in 0..polls {
                if let Poll::Ready(result) = call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    assert_eq!(result, Ok(()));
                    ended = true;
                    break;
                }
                clock.advance(ms(10));
            }
        }
        clock.advance(ms(100)); // an open circuit is half-open after this
        let probe = circuit.admit(clock.now()).expect("a slot is free");
        circuit.succeed(probe.ticket, clock.now());
        assert_eq!(circuit.phase(), Phase::Closed, "dropped after {polls} polls");
        if ended {
            assert!(polls > 5, "the scenario waits at several places");
            return;
        }
    }
}

#[test]
fn an_attempt_past_its_timeout_is_dropped_and_retried() {
    let clock = FakeClock::new();
    let attempts = Cell::new(0);
    let retry = Retry::new(&POLICY, &clock).classify(|class: &Class| *class);
    let result = clock.run(retry.run(|| {
        attempts.set(attempts.get() + 1);
        let takes = if attempts.get() == 1 { ms(1_001) } else { ms(999) };
        let sleep = (&clock).sleep(takes);
        async {
            sleep.await;
            Ok(())
        }
    }));
    assert_eq!(result, Ok(()));
    assert_eq!(attempts.get(), 2);
    assert_eq!(clock.now().as_millis(), 1_000 + 100 + 999);
}

/// A panic in any code that the machine calls releases the slot.
#[test]
fn a_panic_in_an_observer_or_a_curve_releases_the_slot() {
    let clock = FakeClock::new();
    let circuit = half_open(&clock);
    let observer = |event: &Event| assert!(event.kind != EventKind::Started, "a bug in the observer");
    let curve = |_: u32, _: Duration| -> Duration { panic!("a bug in the curve") };
    let retry = Retry::new(&POLICY, &clock).circuit(&circuit);
    let observed = retry.on_event(observer);
    let call = || observed.run_blocking(|| Ok::<(), Class>(()));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).is_err());
    let curved = Retry::new(&POLICY, &clock).circuit(&circuit).backoff(curve);
    let call = || curved.run_blocking(|| Err::<(), _>(Class::Server));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).is_err());
    assert!(circuit.admit(clock.now()).is_ok(), "the slot is free again");
}

/// The circuit reads the clock when a probe ends. If that panics, the budget hears of the attempt all the same.
#[test]
fn a_panic_in_the_clock_at_the_end_of_a_probe_leaves_nothing_under_way() {
    type Share = SharedBudget<ConcurrencyShare, LocalLock>;
    type End = fn(Attempt<'_, &Policy, &SharedCircuit, &Share>);
    fn broken() -> Instant {
        panic!("a bug in the clock")
    }
    let ends: [(&str, End); 3] = [
        ("succeeds", |attempt| attempt.succeed(broken)),
        ("fails", |attempt| _ = attempt.fail(Class::Server, broken, &mut FakeClock::new().words(&[]))),
        ("is cancelled", |attempt| attempt.cancel(broken)),
    ];
    for retries in [0, 1] {
        for (what, end) in ends {
            let (clock, budget) = (FakeClock::new(), Share::with_lock(ConcurrencyShare::DEFAULT));
            let circuit = half_open(&clock);
            let mut call = Call::new(&POLICY, clock.now()).circuit(&circuit).budget(&budget);
            for _ in 0..retries {
                let attempt = call.attempt(clock.now()).unwrap();
                let failure = Failure::new(Class::Server).neutral();
                assert!(matches!(
                    attempt.fail(failure, clock.now(), &mut clock.words(&[])),
                    Verdict::Retry(_)
                ));
            }
            let attempt = call.attempt(clock.now()).unwrap();
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| end(attempt)));
            drop(call);
            assert!(ended.is_err(), "an attempt that {what} reads no clock");
            assert_eq!(
                (budget.attempts_under_way(), budget.retries_granted()),
                (0, 0),
                "{what}, {retries} retries"
            );
            assert!(circuit.admit(clock.now()).is_ok(), "{what}: the slot is free again");
        }
    }
}

/// A probe that is cancelled after a long time is a failure, which opens the circuit.
#[test]
fn a_panic_in_the_observer_of_a_cancelled_probe_leaves_nothing_under_way() {
    let (clock, budget) =
        (FakeClock::new(), SharedBudget::<_, LocalLock>::with_lock(ConcurrencyShare::DEFAULT));
    let circuit = half_open(&clock);
    let mut call = Call::new(&POLICY, clock.now()).circuit(&circuit).budget(&budget).on_event(|event| {
        let opens = matches!(event.kind, EventKind::PhaseChanged(change) if change.to == Phase::Open);
        assert!(!opens, "a bug in the observer");
    });
    let attempt = call.attempt(clock.now()).unwrap();
    clock.advance(ms(60_000));
    let cancelled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| attempt.cancel(clock.now())));
    assert!(cancelled.is_err(), "the observer is told that the circuit opens");
    drop(call);
    assert_eq!(circuit.phase(), Phase::Open);
    assert_eq!(budget.attempts_under_way(), 0);
}

/// The future of an attempt is dropped before the observer gets the event of its end.
#[test]
fn the_attempts_future_is_dropped_before_its_end_is_reported() {
    struct Held<'l>(&'l RefCell<Vec<String>>);
    impl Drop for Held<'_> {
        fn drop(&mut self) {
            self.0.borrow_mut().push("dropped".into());
        }
    }
    /// Keeps what it holds after it has ended, until it is dropped.
    struct Attempt<'l, F>(std::pin::Pin<Box<F>>, #[allow(dead_code)] Held<'l>);
    impl<F: Future> Future for Attempt<'_, F> {
        type Output = F::Output;
        fn poll(mut self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
            self.0.as_mut().poll(context)
        }
    }

    let clock = FakeClock::new();
    let log = RefCell::new(Vec::new());
    let observer = |event: &Event| {
        let kind = format!("{:?}", event.kind);
        log.borrow_mut().push(kind.split([' ', '(']).next().unwrap().to_lowercase());
    };
    let retry = Retry::new(&POLICY, &clock).on_event(observer);
    let attempts = Cell::new(0);
    let operation = || {
        attempts.set(attempts.get() + 1);
        let (clock, attempt) = (&clock, attempts.get());
        let script = async move {
            match attempt {
                1 => Err(Class::Server),
                2 => {
                    clock.sleep(ms(5_000)).await;
                    Ok(()) // after the timeout
                }
                _ => Ok(()),
            }
        };
        Attempt(Box::pin(script), Held(&log))
    };
    assert_eq!(clock.run(retry.run(operation)), Ok(()));
    let ended = [
        "started",
        "dropped",
        "failed",
        "started",
        "dropped",
        "failed",
        "started",
        "dropped",
        "succeeded",
        "ended",
    ];
    assert_eq!(*log.borrow(), ended);

    log.borrow_mut().clear();
    assert_eq!(clock.run(retry.run(operation)), Ok(())); // the fourth attempt succeeds at once
    assert_eq!(*log.borrow(), ["started", "dropped", "succeeded", "ended"]);

    log.borrow_mut().clear();
    attempts.set(1);
    let stopped = clock.run(retry.until((&clock).sleep(ms(100))).run(operation));
    assert!(stopped.unwrap_err().is_cancelled());
    assert_eq!(*log.borrow(), ["started", "dropped", "cancelled", "ended"]);
}

#[test]
fn a_leaked_attempt_is_cancelled_with_its_call() {
    let clock = FakeClock::new();
    let circuit = half_open(&clock);
    {
        let mut call = Call::new(&POLICY, clock.now()).circuit(&circuit);
        std::mem::forget(call.attempt(clock.now()).unwrap());
        assert!(circuit.admit(clock.now()).is_err(), "the call holds the only slot");
    }
    assert!(circuit.admit(clock.now()).is_ok(), "the slot is free again");
}
