//! The answers of attempts: the last one is returned, and earlier ones are dropped before the delay.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use retry_core::{Cause, Class, SharedCircuit, circuit::Phase, classify::ErrorChain, observe::Event};
use retry_tokio::{RetryLayer, Tokio};
use tokio::time::{Instant, sleep};
use tower::{Layer, ServiceExt};
use tower_test::mock;

use super::{POLICY, class, judge, ms};

/// A connection that an attempt opens, and that its answer keeps open.
struct Connection;

static OPEN: AtomicU32 = AtomicU32::new(0);

impl Connection {
    fn open() -> Self {
        OPEN.fetch_add(1, SeqCst);
        Self
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, SeqCst);
    }
}

/// Each pair has a time in ms, and the number of open connections. The attempts start at 0, 110 and 320 ms, and each
/// takes 10 ms.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_retried_is_dropped_before_the_delay() {
    let service = tower::service_fn(|status: u16| async move {
        let connection = Connection::open();
        sleep(ms(10)).await;
        Ok::<_, io::Error>((status, connection))
    });
    let retry = retry_tokio::retry(const { &POLICY.max_attempts(3) })
        .classify_ok(|(status, _): &(u16, Connection)| (*status == 503).then_some(Class::Server));
    let start = Instant::now();
    let call = tokio::spawn(RetryLayer::new(retry).clone_all().layer(service).oneshot(503));
    for (at, open) in [(5, 1), (50, 0), (115, 1), (150, 0), (319, 0), (325, 1)] {
        tokio::time::sleep_until(start + ms(at)).await;
        assert_eq!(OPEN.load(SeqCst), open, "{at} ms");
    }
    let (status, _connection) = call.await.unwrap().unwrap();
    assert_eq!((status, OPEN.load(SeqCst), start.elapsed()), (503, 1, ms(330)));
}

/// Other calls open the circuit during the delay. The answer is dropped, but its class is known.
#[tokio::test(start_paused = true)]
async fn if_the_circuit_rejects_after_the_delay_the_answer_is_lost() {
    static CIRCUIT: SharedCircuit = SharedCircuit::new(super::NEVER);
    let (mock, mut handle) = mock::pair::<u32, &'static str>();
    let retry = retry_tokio::retry(&POLICY).circuit(&CIRCUIT).classify(class).classify_ok(judge);
    let call = RetryLayer::new(retry.named("stock")).clone_all().layer(mock).oneshot(1);
    let others = async {
        handle.next_request().await.unwrap().1.send_response("503");
        sleep(ms(50)).await;
        CIRCUIT.trip(ms(1_050), retry_core::runtime::Clock::now(&Tokio));
    };
    let (ended, ()) = tokio::join!(call, others);
    let error = ended.unwrap_err();
    assert_eq!(
        error.to_string(),
        "stock: rejected after attempt 1 of 4 (Server): the circuit is open for another 1.0 s"
    );
    assert!(error.is_circuit_open() && CIRCUIT.phase() == Phase::Open);
    assert!(matches!(error.ended().unwrap().cause(), Some(Cause::Unacceptable(_))));
    assert!(std::error::Error::source(&error).is_none() && error.into_inner().is_none());
}

/// What a classifier knows of an error reaches the observer, and `on_error` is called, as without the layer.
#[tokio::test(start_paused = true)]
async fn events_have_the_text_of_an_error_and_on_error_is_called() {
    let (texts, causes) = (Mutex::new(Vec::new()), AtomicU32::new(0));
    let (texts, causes) = (&*Box::leak(Box::new(texts)), &*Box::leak(Box::new(causes)));
    let service = tower::service_fn(|(): ()| async { Err::<(), _>(io::Error::other("the disk is away")) });
    let retry = retry_tokio::retry(const { &POLICY.max_attempts(2) })
        .classifier(ErrorChain::new())
        .on_error(|_: &Cause<io::Error>, _, _| _ = causes.fetch_add(1, SeqCst))
        .on_event(|event: &Event<'_>| {
            texts.lock().unwrap().extend(event.text.map(|text| text.to_string()));
        });
    let ended = RetryLayer::new(retry).clone_all().layer(service).oneshot(()).await;
    assert!(ended.is_err());
    assert_eq!(*texts.lock().unwrap(), ["the disk is away"; 2]);
    assert_eq!(causes.load(SeqCst), 2);
}
