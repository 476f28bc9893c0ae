//! Readiness, which is checked before each attempt, on the service that makes the attempt.

use std::error::Error as _;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::task::{Context, Poll};

use retry_core::{Class, Classify};
use retry_tokio::{RetryLayer, ServiceError};
use tokio::time::{Instant, sleep};
use tower::limit::{ConcurrencyLimitLayer, RateLimitLayer};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tower_test::mock;

use super::{POLICY, class, ms};

/// A service that must be polled for readiness before each call. Its clones are not ready. It fails a number of
/// times before it answers.
struct Strict {
    ready: bool,
    failures: Arc<AtomicU32>,
    /// For each call, whether the service was ready.
    calls: Arc<std::sync::Mutex<Vec<bool>>>,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self { ready: false, failures: Arc::clone(&self.failures), calls: Arc::clone(&self.calls) }
    }
}

impl Service<u32> for Strict {
    type Response = u32;
    type Error = io::Error;
    type Future = std::future::Ready<Result<u32, io::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u32) -> Self::Future {
        self.calls.lock().unwrap().push(std::mem::take(&mut self.ready));
        let fails = self.failures.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok();
        std::future::ready(if fails { Err(ErrorKind::ConnectionReset.into()) } else { Ok(request) })
    }
}

#[tokio::test(start_paused = true)]
async fn every_attempt_is_made_on_a_ready_service() {
    let failures = Arc::new(AtomicU32::new(0));
    let inner = Strict { ready: false, failures: Arc::clone(&failures), calls: Arc::default() };
    let mut service = RetryLayer::new(retry_tokio::retry(&POLICY)).clone_all().layer(inner.clone());
    for left in [0, 1, 3, 0, 2] {
        failures.store(left, SeqCst);
        assert_eq!(service.ready().await.unwrap().call(left).await.unwrap(), left);
        // A clone of a ready service is not ready.
        assert_eq!(service.clone().oneshot(left).await.unwrap(), left);
    }
    let calls = inner.calls.lock().unwrap();
    assert_eq!(calls.len(), 1 + 1 + 2 + 1 + 4 + 1 + 1 + 1 + 3 + 1);
    assert!(calls.iter().all(|ready| *ready), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn each_attempt_waits_until_the_service_is_ready() {
    let (mock, mut handle) = mock::pair::<u32, &'static str>();
    handle.allow(0);
    let mut service = RetryLayer::new(retry_tokio::retry(&POLICY).classify(class)).clone_all().layer(mock);
    let start = Instant::now();
    let calls = async {
        let ready = service.ready().await.unwrap();
        assert_eq!(start.elapsed(), ms(1_000));
        assert_eq!(ready.call(1).await.unwrap(), "200");
        assert_eq!(start.elapsed(), ms(6_000));
    };
    let server = async {
        sleep(ms(1_000)).await;
        handle.allow(1);
        handle.next_request().await.unwrap().1.send_error("down");
        // The retry is due at 1100 ms.
        sleep(ms(5_000)).await;
        handle.allow(1);
        handle.next_request().await.unwrap().1.send_response("200");
    };
    tokio::join!(calls, server);
}

/// The wait for readiness is part of the attempt, so the attempt timeout ends it.
#[tokio::test(start_paused = true)]
async fn the_attempt_timeout_limits_the_wait_for_a_busy_service() {
    let policy: &'static _ = Box::leak(Box::new(POLICY.max_attempts(2).attempt_timeout(ms(2_000))));
    let (mock, mut handle) = mock::pair::<u32, &'static str>();
    handle.allow(1);
    let mut service = RetryLayer::new(retry_tokio::retry(policy).classify(class)).clone_all().layer(mock);
    let call = async { service.ready().await.unwrap().call(1).await };
    let server = async { handle.next_request().await.unwrap().1.send_error("down") };
    let start = Instant::now();
    let (ended, ()) = tokio::join!(call, server);
    let ServiceError::Ended(error) = ended.unwrap_err() else { panic!("the service was ready") };
    assert_eq!((error.context().attempt, error.is_timeout()), (2, true));
    assert_eq!(start.elapsed(), ms(2_100));
}

#[tokio::test(start_paused = true)]
async fn inner_limits_also_apply_to_retries() {
    let under_way = Arc::new([AtomicU32::new(0), AtomicU32::new(0)]);
    let inner = tower::service_fn({
        let under_way = Arc::clone(&under_way);
        move |_: u32| {
            let under_way = Arc::clone(&under_way);
            async move {
                let now = under_way[0].fetch_add(1, SeqCst) + 1;
                under_way[1].fetch_max(now, SeqCst);
                sleep(ms(10)).await;
                under_way[0].fetch_sub(1, SeqCst);
                Err::<(), _>(io::Error::from(ErrorKind::ConnectionReset))
            }
        }
    });
    let service = ServiceBuilder::new()
        .layer(RetryLayer::new(retry_tokio::retry(&POLICY)).clone_all())
        .layer(ConcurrencyLimitLayer::new(2))
        .service(inner);
    let start = Instant::now();
    let calls = (0..5).map(|i| tokio::spawn(service.clone().oneshot(i)));
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap_err();
    }
    assert_eq!(under_way[1].load(SeqCst), 2);
    assert!(start.elapsed() > ms(700), "20 attempts, two at a time, with delays");

    // Five requests, two per second. The last retry of the second call waits for its turn.
    let (mock, mut handle) = mock::pair::<u32, &'static str>();
    let service = ServiceBuilder::new()
        .layer(RetryLayer::new(retry_tokio::retry(&POLICY).classify(class)).clone_all())
        .buffer(1)
        .layer(RateLimitLayer::new(2, ms(1_000)))
        .service(mock);
    let start = Instant::now();
    let calls = async {
        for i in 0..2 {
            service.clone().oneshot(i).await.unwrap();
        }
    };
    let server = async {
        let mut at = Vec::new();
        for answer in ["!", "200", "!", "!", "200"] {
            let (_, send) = handle.next_request().await.unwrap();
            at.push(start.elapsed().as_millis() / 1_000);
            if answer == "!" { send.send_error("down") } else { send.send_response(answer) }
        }
        at
    };
    let ((), at) = tokio::join!(calls, server);
    assert_eq!(at, [0, 0, 1, 1, 2]);
}

/// A service that fails to become ready after its first call.
#[derive(Clone, Debug)]
struct Fails(Arc<AtomicBool>);

impl Service<u32> for Fails {
    type Response = u32;
    type Error = io::Error;
    type Future = std::future::Ready<Result<u32, io::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(if self.0.load(SeqCst) { Err(ErrorKind::ConnectionReset.into()) } else { Ok(()) })
    }

    fn call(&mut self, _: u32) -> Self::Future {
        self.0.store(true, SeqCst);
        std::future::ready(Err(ErrorKind::TimedOut.into()))
    }
}

/// In tower, a service that failed to become ready must not be used again.
#[tokio::test(start_paused = true)]
async fn a_service_that_failed_to_become_ready_is_not_polled_again() {
    let mut service = RetryLayer::new(retry_tokio::retry(&POLICY)).clone_all().layer(Fails(Arc::default()));
    let ended = service.ready().await.unwrap().call(1).await.unwrap_err();
    let ServiceError::Ended(error) = ended else { panic!("the service was ready at first") };
    assert_eq!((error.context().attempt, error.context().class), (2, Some(Class::Network)));

    let error = service.ready().await.unwrap_err();
    assert_eq!(error.classify().class, Class::Exhausted);
    assert_eq!(error.to_string(), "the service failed to become ready");
    assert_eq!(error.source().unwrap().to_string(), "connection reset");
}
