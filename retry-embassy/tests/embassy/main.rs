//! The adapter on embassy-time's mock driver: time moves only where a test moves it.

mod driver;

use core::cell::{Cell, RefCell};
use core::future::pending;
use core::time::Duration;
use std::collections::HashSet;
use std::thread;

use driver::{millis, run};
use embassy_futures::join::join;
use embassy_futures::select::{Either, select};
use embassy_sync::blocking_mutex::raw::{CriticalSectionRawMutex, NoopRawMutex};
use embassy_sync::signal::Signal;
use embassy_time::Timer;
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro128PlusPlus;
use retry_core::{
    Cause, CircuitConfig, Class, Instant, Jitter, Policy, SharedBudget, SharedCircuit, TokenBucket,
    circuit::{CountWindow, Counts, Gate, Phase},
    observe::{Event, EventKind},
    runtime::{Clock, Entropy, Sleep},
};
use retry_embassy::{CriticalSectionLock, Embassy, EmbassyLock, retry};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const POLICY: Policy =
    Policy::exponential(ms(10)).jitter(Jitter::None).max_attempts(4).start_within(ms(1_000));

fn embassy() -> Embassy {
    Embassy::seeded(1)
}

#[test]
fn a_sleep_rounds_up_to_ticks_and_is_never_none() {
    #[rustfmt::skip]
    let table = [
        // asked for,                     ticks of 1 us until it ends
        (Duration::ZERO,                      0),
        (Duration::from_nanos(1),             1),
        (Duration::from_nanos(1_000),         1),
        (Duration::from_nanos(1_001),         2),
        (Duration::from_micros(250),        250),
        (ms(30),                         30_000),
    ];
    for (asked, ticks) in table {
        let embassy = embassy();
        let sleep = async { embassy.sleep(asked).await };
        assert_eq!(run(sleep).1, ticks, "{asked:?}");
    }
}

#[test]
fn a_sleep_past_the_end_of_time_goes_on_instead_of_panicking() {
    let embassy = embassy();
    let race = async {
        Timer::after_millis(1).await; // so that the last tick is nearer than the longest sleep
        select(embassy.sleep(Duration::MAX), Timer::after_millis(5)).await
    };
    assert!(matches!(run(race).0, Either::Second(())));
}

#[test]
fn the_clock_is_embassys() {
    let embassy = embassy();
    let ((before, after), _) = run(async {
        let before = embassy.now();
        Timer::after_micros(1_234).await;
        (before, embassy.now())
    });
    assert_eq!(after.since(before), Duration::from_micros(1_234));
}

#[test]
fn a_call_waits_as_its_policy_says() {
    let (embassy, starts) = (embassy(), RefCell::new(Vec::new()));
    let retry = retry(&POLICY, &embassy).classify(|class: &Class| *class);
    let (result, ticks) = run(retry.run(async || {
        starts.borrow_mut().push(embassy.now().as_millis());
        Timer::after_millis(1).await;
        Err::<(), _>(Class::Network)
    }));
    assert_eq!(starts.into_inner(), [0, 11, 32, 73]); // 10, 20 and 40 ms apart, each attempt takes 1 ms
    assert_eq!(millis(ticks), 74);
    let error = result.unwrap_err();
    assert_eq!((error.is_exhausted(), error.elapsed()), (true, Some(ms(74))));
}

#[test]
fn an_attempt_that_hangs_is_cut_off() {
    let embassy = embassy();
    let policy = POLICY.max_attempts(2).attempt_timeout(ms(5));
    let (result, ticks) =
        run(retry(&policy, &embassy).classify(|class: &Class| *class).run(pending::<Result<(), Class>>));
    assert_eq!(millis(ticks), 5 + 10 + 5);
    assert_eq!(result.unwrap_err().into_cause(), Some(Cause::TimedOut(ms(5))));
}

#[test]
fn a_signal_stops_a_call_in_its_attempt_and_in_its_sleep() {
    #[rustfmt::skip]
    let table = [
        // signalled at, attempts begun, the last one that ended did so with
        (             0,              1, None),
        (             2,              1, None),                 // in the first attempt, from 0 to 3 ms
        (             9,              1, Some(Class::Timeout)), // in the sleep, from 3 to 13 ms
        (            14,              2, Some(Class::Timeout)), // in the second attempt
    ];
    for (signalled, attempts, class) in table {
        let (embassy, stop) = (embassy(), Signal::<CriticalSectionRawMutex, ()>::new());
        let events = RefCell::new(Vec::new());
        let observer = |event: &Event| events.borrow_mut().push(event.kind);
        let retry = retry(&POLICY, &embassy).classify(|class: &Class| *class).on_event(observer);
        let call = retry.until(stop.wait()).run(async || {
            Timer::after_millis(3).await;
            Err::<(), _>(Class::Timeout)
        });
        let signaller = async {
            Timer::after_millis(signalled).await;
            stop.signal(());
        };
        let ((result, ()), ticks) = run(join(call, signaller));
        let error = result.unwrap_err();
        assert_eq!(millis(ticks), signalled, "it stops at once");
        assert!(error.is_cancelled(), "{error}");
        assert_eq!((error.attempts(), error.class()), (attempts, class), "signalled at {signalled} ms");
        assert_eq!(error.into_cause(), class.map(Cause::Failed));
        assert_eq!(events.borrow().iter().rev().nth(1), Some(&EventKind::Cancelled));
    }
}

#[test]
fn a_call_that_loses_a_select_gives_its_probe_back() {
    static CIRCUIT: SharedCircuit<CountWindow<8>, CriticalSectionLock> =
        SharedCircuit::with_window(CircuitConfig::WITHOUT_RULES.consecutive_failures(1).open_for(ms(20)));

    let embassy = embassy();
    let retry = retry(&POLICY, &embassy).circuit(&CIRCUIT).classify(|class: &Class| *class);
    run(async {
        let refused = retry.run(async || Err::<(), _>(Class::Server)).await.unwrap_err();
        assert!(refused.is_circuit_open());
        Timer::after_millis(20).await;
        let lost = select(retry.run(pending::<Result<(), Class>>), Timer::after_millis(2)).await;
        assert!(matches!(lost, Either::Second(())));
        assert_eq!(CIRCUIT.phase(), Phase::HalfOpen);
        assert!(retry.run(async || Ok::<_, Class>(())).await.is_ok(), "the only probe is free again");
        assert_eq!(CIRCUIT.phase(), Phase::Closed);
    });
}

#[test]
fn two_tasks_share_a_static_circuit_and_a_budget() {
    static CIRCUIT: SharedCircuit<CountWindow<32>, CriticalSectionLock> =
        SharedCircuit::with_window(CircuitConfig::WITHOUT_RULES.consecutive_failures(5).open_for(ms(500)));
    static BUDGET: SharedBudget<TokenBucket, CriticalSectionLock> =
        SharedBudget::with_lock(TokenBucket::DEFAULT.capacity(15));

    let (embassy, attempts) = (embassy(), Cell::new(0));
    let retry = retry(&POLICY, &embassy).circuit(&CIRCUIT).budget(&BUDGET).classify(|class: &Class| *class);
    let task = || {
        retry.run(async || {
            attempts.set(attempts.get() + 1);
            Err::<(), _>(Class::Server)
        })
    };
    let ((first, second), _) = run(join(task(), task()));
    // The budget pays for three retries, the circuit opens with the fifth failure: two first attempts and three more.
    assert_eq!(attempts.get(), 5);
    assert_eq!(BUDGET.held(embassy.now()), 0);
    assert_eq!(CIRCUIT.phase(), Phase::Open);
    assert!(first.unwrap_err().is_circuit_open());
    let second = second.unwrap_err();
    assert!(second.is_budget_empty() || second.is_circuit_open(), "{second}");
}

#[test]
fn a_circuit_of_one_task_needs_no_mutex() {
    let embassy = Embassy::<_, NoopRawMutex>::with_rng(Xoshiro128PlusPlus::seed_from_u64(1));
    let circuit = SharedCircuit::<CountWindow<8>, EmbassyLock<NoopRawMutex>>::with_window(
        CircuitConfig::WITHOUT_RULES.consecutive_failures(1),
    );
    let call = retry(&POLICY, &embassy).circuit(&circuit).classify(|class: &Class| *class);
    assert!(run(call.run(async || Err::<(), _>(Class::Server))).0.unwrap_err().is_circuit_open());
}

#[test]
fn words_follow_the_seed_and_no_two_calls_get_the_same() {
    let words = |seed| {
        let embassy = Embassy::seeded(seed);
        [(); 4].map(|()| embassy.word())
    };
    let mut generator = Xoshiro128PlusPlus::seed_from_u64(7);
    assert_eq!(words(7), [(); 4].map(|()| generator.next_u64()));
    assert_ne!(words(7), words(8));
    assert_ne!(words(0), [0; 4]);
}

#[test]
fn threads_share_the_generator_and_the_circuit_without_losing_anything() {
    const EACH: usize = 10_000;
    static CIRCUIT: SharedCircuit<CountWindow<1024>, CriticalSectionLock> =
        SharedCircuit::with_window(CircuitConfig::WITHOUT_RULES.failure_rate(100).minimum_calls(1024));

    let embassy = embassy();
    let drawn = thread::scope(|scope| {
        let threads = [(); 4].map(|()| {
            scope.spawn(|| {
                let words: Vec<_> = (0..EACH).map(|_| embassy.word()).collect();
                for n in 0..100 {
                    let ticket = CIRCUIT.admit(Instant::ORIGIN).unwrap().ticket;
                    if n % 2 == 0 {
                        CIRCUIT.succeed(ticket, Instant::ORIGIN);
                    } else {
                        CIRCUIT.fail(ticket, Class::Server, Instant::ORIGIN, None, 0);
                    }
                }
                words
            })
        });
        threads.map(|thread| thread.join().unwrap()).concat()
    });
    let mut generator = Xoshiro128PlusPlus::seed_from_u64(1);
    let expected: HashSet<u64> = (0..4 * EACH).map(|_| generator.next_u64()).collect();
    assert_eq!(drawn.into_iter().collect::<HashSet<_>>(), expected);
    assert_eq!(CIRCUIT.counts(Instant::ORIGIN), Some(Counts { calls: 400, failures: 200, slow: 0 }));
}
