//! The ways to stop a call: a token, any other future, and a timeout around it.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use retry_core::{
    CircuitConfig, Jitter, Policy, SharedCircuit,
    observe::{Event, EventKind},
};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{ms, server_error};

const POLICY: Policy = Policy::fixed(ms(100)).jitter(Jitter::None).max_attempts(4);

async fn fails_after(duration: Duration) -> Result<(), &'static str> {
    sleep(duration).await;
    Err("down")
}

/// Cancels a token at each millisecond of a call. The call makes two attempts of 10 ms, with a delay of 100 ms.
#[tokio::test(start_paused = true)]
async fn a_token_stops_a_call_at_any_time() {
    let policy = POLICY.max_attempts(2);
    // Not at 10, 110 and 120 ms, because another timer is due then.
    for at in (0..120).filter(|at| ![10, 110].contains(at)) {
        let (start, token) = (Instant::now(), CancellationToken::new());
        let canceller = tokio::spawn({
            let token = token.clone();
            async move {
                sleep(ms(at)).await;
                token.cancel();
            }
        });
        let events = RefCell::new(Vec::new());
        let observer = |event: &Event| events.borrow_mut().push(event.kind);
        let retry = retry_tokio::retry(&policy).classify(server_error).on_event(observer);
        let error = retry.until(token.cancelled()).run(|| fails_after(ms(10))).await.unwrap_err();
        assert!(error.is_cancelled(), "{at} ms: {error}");
        assert_eq!(start.elapsed(), ms(at));
        let cancelled = events.borrow().iter().filter(|kind| **kind == EventKind::Cancelled).count();
        assert_eq!(
            (cancelled, events.borrow().iter().rev().nth(1)),
            (1, Some(&EventKind::Cancelled)),
            "{at} ms"
        );
        let (attempt, cause) = match at {
            0..10 => (1, None),
            10..110 => (1, Some("down")),
            _ => (2, Some("down")),
        };
        assert_eq!((error.context().attempt, error.into_inner()), (attempt, cause), "{at} ms");
        canceller.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_cancelled_before_the_call_prevents_every_attempt() {
    let token = CancellationToken::new();
    token.cancel();
    let operation = || -> std::future::Ready<Result<(), &str>> { panic!("tried") };
    let retry = retry_tokio::retry(&POLICY).classify(server_error);
    let error = retry.until(token.cancelled()).run(operation).await.unwrap_err();
    assert_eq!(error.to_string(), "cancelled before the first attempt");
}

/// One token, its children and a guard stop many calls on two threads. Half of the calls are in an attempt, and half in
/// a delay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_token_stops_all_tasks() {
    const HOURS: Policy = Policy::fixed(Duration::from_secs(3_600)).jitter(Jitter::None);

    let root = CancellationToken::new();
    let begun = Arc::new(AtomicU32::new(0));
    let tasks: Vec<_> = (0..16)
        .map(|i| {
            let (token, begun) = (root.child_token(), Arc::clone(&begun));
            tokio::spawn(async move {
                let retry = retry_tokio::retry(&HOURS).classify(server_error);
                let operation = || async {
                    begun.fetch_add(1, Ordering::Relaxed);
                    if i % 2 == 0 { Err("down") } else { std::future::pending::<Result<(), _>>().await }
                };
                retry.until(token.cancelled_owned()).run(operation).await.unwrap_err()
            })
        })
        .collect();
    while begun.load(Ordering::Relaxed) < 16 {
        tokio::task::yield_now().await;
    }
    drop(root.drop_guard());
    for (i, task) in tasks.into_iter().enumerate() {
        let error = task.await.unwrap();
        assert!(error.is_cancelled());
        assert_eq!(error.into_inner(), (i % 2 == 0).then_some("down"));
    }
}

#[tokio::test(start_paused = true)]
async fn any_future_stops_a_call() {
    let retry = retry_tokio::retry(&POLICY).classify(server_error);
    let start = Instant::now();
    let error = retry.until(sleep(ms(50))).run(|| fails_after(ms(10))).await.unwrap_err();
    assert!(error.is_cancelled() && start.elapsed() == ms(50));

    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let stopper = tokio::spawn(async {
        sleep(ms(5)).await;
        stop.send(()).unwrap();
    });
    let error = retry.until(stopped).run(|| fails_after(ms(10))).await.unwrap_err();
    assert_eq!((error.is_cancelled(), error.into_inner()), (true, None));
    stopper.await.unwrap();

    let done = tokio::spawn(sleep(ms(300))); // a task that ends after 300 ms
    let error = retry.until(done).run(|| fails_after(ms(10))).await.unwrap_err();
    assert_eq!((error.is_cancelled(), error.context().attempt), (true, 3));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_ends_first_does_not_wait_for_its_token() {
    let retry = retry_tokio::retry(&POLICY).classify(server_error);
    let token = CancellationToken::new();
    assert_eq!(retry.until(token.cancelled()).run(|| async { Ok::<_, &str>(7) }).await, Ok(7));
}

/// `select!` and `timeout` drop the call. There is no error, but its slot is released.
#[tokio::test(start_paused = true)]
async fn a_call_dropped_by_select_or_timeout_releases_its_probe_slot() {
    static CIRCUIT: SharedCircuit =
        SharedCircuit::new(CircuitConfig::WITHOUT_RULES.consecutive_failures(1).open_for(ms(100)));
    const ONCE: Policy = POLICY.max_attempts(1);

    let retry = retry_tokio::retry(&ONCE).circuit(&CIRCUIT).classify(server_error);
    retry.run(|| async { Err::<(), _>("down") }).await.unwrap_err();
    sleep(ms(100)).await;
    assert!(timeout(ms(10), retry.run(|| fails_after(ms(20)))).await.is_err());
    tokio::select! {
        biased;
        _ = retry.run(|| fails_after(ms(20))) => panic!("the call takes longer"),
        () = sleep(ms(10)) => {}
    }
    retry.run(|| async { Ok(()) }).await.expect("the only probe slot is free");
}
