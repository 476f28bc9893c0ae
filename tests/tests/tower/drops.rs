//! Dropped futures release what they hold.

use std::io;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use retry_core::{CircuitConfig, SharedBudget, SharedCircuit, TokenBucket, circuit::Phase};
use retry_tokio::{RetryLayer, Tokio};
use tokio::time::{sleep, timeout};
use tower::limit::ConcurrencyLimitLayer;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tower_test::mock;

use super::{POLICY, class, ms};

const ONE: CircuitConfig = CircuitConfig::WITHOUT_RULES.consecutive_failures(1).open_for(ms(1_000));

#[tokio::test(start_paused = true)]
async fn a_dropped_probe_releases_its_slot() {
    static CIRCUIT: SharedCircuit = SharedCircuit::new(ONE);
    let (mock, mut handle) = mock::pair::<u32, &'static str>();
    let retry = retry_tokio::retry(&POLICY).circuit(&CIRCUIT).classify(class);
    let service = RetryLayer::new(retry).clone_all().layer(mock);
    CIRCUIT.trip(ms(1_000), retry_core::runtime::Clock::now(&Tokio));
    sleep(ms(1_000)).await;
    for _ in 0..3 {
        assert!(timeout(ms(10), service.clone().oneshot(1)).await.is_err(), "there is no answer");
        assert_eq!(CIRCUIT.phase(), Phase::HalfOpen);
        drop(handle.next_request().await);
    }
    let server = async { handle.next_request().await.unwrap().1.send_response("200") };
    let (answer, ()) = tokio::join!(service.clone().oneshot(1), server);
    assert_eq!((answer.unwrap(), CIRCUIT.phase()), ("200", Phase::Closed));
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_is_dropped_in_its_delay_is_refunded() {
    static RETRIES: SharedBudget<TokenBucket> = SharedBudget::new(TokenBucket::DEFAULT);
    let service =
        tower::service_fn(|(): ()| async { Err::<(), _>(io::Error::from(io::ErrorKind::ConnectionReset)) });
    let retry = retry_tokio::retry(&POLICY).budget(&RETRIES);
    let service = RetryLayer::new(retry).clone_all().layer(service);
    let full = RETRIES.held(retry_core::runtime::Clock::now(&Tokio));
    assert!(timeout(ms(50), service.clone().oneshot(())).await.is_err(), "dropped in the first delay");
    assert_eq!(RETRIES.held(retry_core::runtime::Clock::now(&Tokio)), full);
}

#[tokio::test(start_paused = true)]
async fn the_slot_of_an_inner_limit_is_free_after_a_rejected_dropped_or_failed_call() {
    static CIRCUIT: SharedCircuit = SharedCircuit::new(ONE);
    let service = tower::service_fn(|hangs: bool| async move {
        if hangs {
            std::future::pending::<()>().await
        }
        Err::<(), _>(io::Error::from(io::ErrorKind::ConnectionReset))
    });
    let mut service = ServiceBuilder::new()
        .layer(RetryLayer::new(retry_tokio::retry(&POLICY).circuit(&CIRCUIT)).clone_all())
        .layer(ConcurrencyLimitLayer::new(1))
        .service(service);
    let is_free = |service: &mut _| {
        let mut context = Context::from_waker(Waker::noop());
        matches!(Service::<bool>::poll_ready(service, &mut context), Poll::Ready(Ok(())))
    };
    let call = service.ready().await.unwrap().call(true);
    assert!(!is_free(&mut service.clone()), "the call holds the only slot, even before it is polled");
    assert!(timeout(ms(10), call).await.is_err());
    assert!(is_free(&mut service), "dropped");
    service.call(false).await.unwrap_err();
    assert!(is_free(&mut service), "failed");
    let mut refused = pin!(service.call(false));
    let Poll::Ready(Err(error)) = refused.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("the circuit is open")
    };
    assert!(error.is_circuit_open());
    // The future has ended, so it need not be dropped.
    assert!(is_free(&mut service.clone()), "rejected");
}
