//! The async-std adapter on async-std and on smol, with real timers. The tests check the order of events, and that
//! nothing ends early. The conformance tests check the exact decisions and times.

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use retry_async_std::AsyncStd;
use retry_core::{
    CircuitConfig, Class, Jitter, Policy, SharedCircuit,
    circuit::Phase,
    runtime::{Clock, Entropy, Sleep},
};
use tests::{ms, secs};

const POLICY: Policy =
    Policy::exponential(ms(1)).jitter(Jitter::None).max_attempts(4).start_within(secs(86_400));

fn server_error(_: &&str) -> Class {
    Class::Server
}

/// Runs the same test on each runtime.
macro_rules! on_both {
    ($($name:ident: $test:expr;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn on_async_std() {
                async_std::task::block_on($test);
            }

            #[test]
            fn on_smol() {
                smol::block_on($test);
            }

            /// On executors with their own threads.
            #[test]
            fn spawned_on_both() {
                async_std::task::block_on(async_std::task::spawn($test));
                smol::block_on(smol::spawn($test));
            }
        }
    )*};
}

on_both! {
    no_sleep_ends_early: no_sleep_ends_early();
    delays_add_up: delays_add_up();
    an_attempt_that_hangs_times_out: an_attempt_that_hangs_times_out();
    a_channel_stops_a_call: a_channel_stops_a_call();
}

async fn no_sleep_ends_early() {
    for micros in [0, 1, 999, 1_000, 1_001, 2_500] {
        let (start, duration) = (AsyncStd.now(), Duration::from_micros(micros));
        AsyncStd.sleep(duration).await;
        assert!(AsyncStd.now().since(start) >= duration, "{duration:?}");
    }
}

async fn delays_add_up() {
    let start = AsyncStd.now();
    let result =
        retry_async_std::retry(&POLICY).classify(server_error).run(|| async { Err::<(), _>("down") }).await;
    let took = AsyncStd.now().since(start);
    let error = result.unwrap_err();
    assert!(error.is_exhausted(), "{error}");
    let elapsed = error.elapsed().expect("a policy with a time limit counts the time");
    assert!(ms(1 + 2 + 4) <= elapsed && elapsed <= took, "{elapsed:?}, {took:?}");
}

async fn an_attempt_that_hangs_times_out() {
    let start = AsyncStd.now();
    let policy = POLICY.max_attempts(2).attempt_timeout(ms(3));
    let retry = retry_async_std::retry(&policy).classify(server_error);
    let result = retry.run(std::future::pending::<Result<(), &str>>).await;
    assert!(AsyncStd.now().since(start) >= ms(3 + 1 + 3));
    assert_eq!(result.unwrap_err().context().class, Some(Class::Timeout));
}

async fn a_channel_stops_a_call() {
    let (stop, stopped) = async_std::channel::bounded::<()>(1);
    let retry = retry_async_std::retry(&POLICY).classify(server_error);
    let operation = || async {
        stop.close();
        Err::<(), _>("down")
    };
    let error = retry.until(stopped.recv()).run(operation).await.unwrap_err();
    assert!(error.is_cancelled());
    assert_eq!((error.context().attempt, error.into_inner()), (1, Some("down")));
}

#[test]
fn tasks_of_both_runtimes_share_one_circuit() {
    static CIRCUIT: SharedCircuit = SharedCircuit::new(CircuitConfig::WITHOUT_RULES.consecutive_failures(8));
    static ATTEMPTS: AtomicU32 = AtomicU32::new(0);
    const ONCE: Policy = POLICY.max_attempts(1);

    async fn call() {
        let retry = retry_async_std::retry(&ONCE).circuit(&CIRCUIT).classify(server_error);
        let operation = || async {
            ATTEMPTS.fetch_add(1, Ordering::Relaxed);
            smol::future::yield_now().await;
            Err::<(), _>("down")
        };
        retry.run(operation).await.unwrap_err();
    }
    let on_async_std: Vec<_> = (0..4).map(|_| async_std::task::spawn(call())).collect();
    let on_smol: Vec<_> = (0..4).map(|_| smol::spawn(call())).collect();
    smol::block_on(async {
        for task in on_async_std {
            task.await;
        }
        for task in on_smol {
            task.await;
        }
    });
    assert_eq!(ATTEMPTS.load(Ordering::Relaxed), 8);
    assert_eq!(CIRCUIT.phase(), Phase::Open);
}

#[test]
fn a_sleep_beyond_the_clock_never_ends() {
    let mut sleep = AsyncStd.sleep(Duration::MAX);
    let poll = std::pin::Pin::new(&mut sleep).poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(poll, Poll::Pending);
}

#[test]
fn random_words_come_from_the_system() {
    assert_ne!(AsyncStd.word(), AsyncStd.word());
}
