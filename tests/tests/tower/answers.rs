//! What becomes of answers: the last is the call's, those before it are gone before the delay.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use retry_core::{Cause, Class, SharedCircuit, circuit::Phase};
use retry_tokio::{RetryLayer, Tokio};
use tokio::time::{Instant, sleep};
use tower::{Layer, ServiceExt};
use tower_test::mock;

use super::{POLICY, class, judge, ms};

/// What an attempt opens, and its answer keeps open.
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

/// Time in ms, and how many connections there are then: attempts at 0, 110 and 320 ms, each of which takes 10 ms.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_tried_again_is_gone_before_the_delay() {
    let service = tower::service_fn(|status: u16| async move {
        let connection = Connection::open();
        sleep(ms(10)).await;
        Ok::<_, std::io::Error>((status, connection))
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

/// Others open the circuit while the call waits: the answer is gone, but what it was is known.
#[tokio::test(start_paused = true)]
async fn where_the_circuit_refuses_after_the_delay_there_is_no_answer() {
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
    assert!(matches!(error.ended().unwrap().cause(), Some(Cause::Unacceptable)));
    assert!(std::error::Error::source(&error).is_none() && error.into_inner().is_none());
}
