//! Cancellation of blocking calls: by a token on real threads, and by the script of the fake clock.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use retry_core::{
    Cause, CircuitConfig, Class, HealthCheck, Instant, Jitter, Policy, Retry, SharedCircuit, Verdict,
    budget::{Deposit, Price, Request},
    circuit::{Gate, Phase},
    observe::{Event, EventKind},
    retry,
    runtime::{CancelToken, Sleep},
    testing::FakeClock,
};
use tests::ms;

const HOUR: Duration = Duration::from_secs(3600);
/// Its delays are so long that only a cancellation ends them.
const PATIENT: Policy = Policy::fixed(HOUR).max_delay(HOUR).jitter(Jitter::None);
const POLICY: Policy = Policy::exponential(ms(100)).jitter(Jitter::None).max_attempts(4);

#[test]
fn a_token_wakes_every_sleeper_of_a_circuit() {
    let circuit = SharedCircuit::new(CircuitConfig::DEFAULT);
    let token = Arc::new(CancelToken::new());
    let (asleep, sleepers) = mpsc::channel();
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..4)
            .map(|_| {
                let (circuit, token, asleep) = (&circuit, token.clone(), asleep.clone());
                scope.spawn(move || {
                    let observer = |event: &Event| {
                        if let Some(Verdict::Retry(_)) = event.kind.verdict() {
                            asleep.send(()).unwrap();
                        }
                    };
                    let retry = retry(&PATIENT).cancel_by(token).circuit(circuit).on_event(observer);
                    retry.run_blocking(|| Err::<(), _>(Class::Server)).unwrap_err()
                })
            })
            .collect();
        callers.iter().for_each(|_| sleepers.recv().unwrap());
        assert!(!token.is_cancelled());
        token.cancel();
        for caller in callers {
            let error = caller.join().unwrap();
            assert!(error.is_cancelled());
            assert_eq!(error.context().attempt, 1);
            assert_eq!(error.into_cause(), Some(Cause::Failed(Class::Server)));
        }
    });
    assert!(token.is_cancelled());
    assert_eq!(circuit.phase(), Phase::Closed);
}

#[test]
fn a_sleep_that_is_not_cancelled_is_as_long_as_without_a_token() {
    static TOKEN: CancelToken = CancelToken::new();
    const SHORT: Policy = Policy::fixed(ms(20)).jitter(Jitter::None).max_attempts(2).start_within(HOUR);
    let error = retry(&SHORT).cancel_by(&TOKEN).run_blocking(|| Err::<(), _>(Class::Server)).unwrap_err();
    assert!(error.is_exhausted());
    assert!(error.context().elapsed >= Some(ms(20)));
}

#[test]
fn a_call_cancelled_before_its_start_makes_no_attempt() {
    let token = CancelToken::new();
    token.cancel();
    token.cancel(); // a second time changes nothing
    let error = retry(&POLICY).cancel_by(&token).run_blocking(|| -> Result<(), Class> { panic!("tried") });
    assert_eq!(error.unwrap_err().to_string(), "cancelled before the first attempt");
}

#[test]
fn a_running_attempt_goes_on_and_its_result_counts() {
    for (outcome, line) in [
        (Ok(7), None),
        (Err(Class::Server), Some("cancelled after attempt 1 of 3 (Server)")),
        (Err(Class::Client), Some("gave up after attempt 1 of 3 (Client): errors like this are not retried")),
    ] {
        let token = CancelToken::new();
        let result = retry(&PATIENT).cancel_by(&token).run_blocking(|| {
            token.cancel();
            outcome
        });
        assert_eq!(result.as_ref().ok(), outcome.as_ref().ok());
        assert_eq!(result.err().map(|error| error.to_string()).as_deref(), line);
    }
}

/// Blocking and asynchronous calls end at the same times and in the same way. The only difference is a running attempt,
/// which goes on in blocking code.
#[test]
fn the_script_of_the_fake_clock_cancels_a_call() {
    let rows = [
        // interrupted at, attempts begun, ended at, the last cause, the message
        (0, 0, 0, None, "cancelled before the first attempt"),
        (5, 1, 10, Some(Class::Server), "cancelled after attempt 1 of 4 (Server)"),
        (50, 1, 50, Some(Class::Server), "cancelled after attempt 1 of 4 (Server)"),
        (110, 1, 110, Some(Class::Server), "cancelled after attempt 1 of 4 (Server)"),
        (150, 2, 150, Some(Class::Server), "cancelled after attempt 2 of 4 (Server)"),
        (9_999, 4, 740, Some(Class::Server), "gave up after attempt 4 of 4 (Server): no attempts left"),
    ];
    for (at, begun, over, cause, line) in rows {
        let clock = FakeClock::new();
        clock.interrupt_at(Instant::from_millis(at));
        let attempts = Cell::new(0);
        let retry = Retry::new(&POLICY, &clock);
        let blocking = retry.run_blocking(|| {
            attempts.set(attempts.get() + 1);
            clock.advance(ms(10));
            Err::<(), _>(Class::Server)
        });
        let blocking = blocking.unwrap_err();
        assert_eq!(
            (attempts.get(), clock.now().as_millis(), blocking.to_string().as_str()),
            (begun, over, line)
        );
        assert_eq!(blocking.into_inner(), cause);

        if at == 5 {
            continue;
        }
        let clock = FakeClock::new();
        let operation = || {
            let clock = &clock;
            async move {
                clock.sleep(ms(10)).await;
                Err::<(), _>(Class::Server)
            }
        };
        let retry = Retry::new(&POLICY, &clock);
        let stopped = clock.run(retry.until((&clock).sleep(ms(at))).run(operation)).unwrap_err();
        assert_eq!((clock.now().as_millis(), stopped.to_string().as_str()), (over, line));
    }
}

/// A budget that records its calls.
#[derive(Default)]
struct Ledger(RefCell<Vec<(&'static str, u64)>>);

impl retry_core::budget::Budget for Ledger {
    fn withdraw(&self, _: Request, _: impl retry_core::runtime::Now) -> Option<Price> {
        self.0.borrow_mut().push(("withdrawn", 5));
        Some(Price(5))
    }

    fn deposit(&self, deposit: Deposit, _: impl retry_core::runtime::Now) {
        if let Deposit::Cancelled { started: false, price } = deposit {
            self.0.borrow_mut().push(("refunded", price.0));
        }
    }
}

#[test]
fn an_interrupted_sleep_refunds_the_retry_and_reports_it() {
    let clock = FakeClock::new();
    clock.interrupt_at(Instant::from_millis(150)); // in the second delay
    let (ledger, log) = (Ledger::default(), RefCell::new(Vec::new()));
    let observer = |event: &Event| log.borrow_mut().push((event.at.as_millis(), event.kind));
    let retry = Retry::new(&POLICY, &clock).budget(&ledger).on_event(observer);
    let error = retry.run_blocking(|| Err::<(), _>(Class::Server)).unwrap_err();
    assert!(error.is_cancelled());
    assert_eq!(log.borrow().iter().rev().nth(1), Some(&(150, EventKind::Cancelled)));
    assert_eq!(*ledger.0.borrow(), [("withdrawn", 5), ("withdrawn", 5), ("refunded", 5)]);
}

#[test]
fn a_health_check_ends_when_its_sleep_is_interrupted() {
    let circuit = SharedCircuit::new(CircuitConfig::DEFAULT);
    let clock = FakeClock::new();
    circuit.trip(HOUR, clock.now());
    clock.interrupt_at(Instant::from_millis(12));
    let asked = Cell::new(0);
    let check = || {
        asked.set(asked.get() + 1);
        false
    };
    HealthCheck::new(&circuit, &clock, ms(5)).run_blocking(check, || true);
    assert_eq!((asked.get(), clock.now().as_millis()), (2, 12));
    assert!(circuit.admit(clock.now()).is_err());
}
