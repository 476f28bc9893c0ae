//! Time limits of busy operations, which only return control because of tokio's cooperative budget.

use std::sync::Mutex;

use retry_core::{
    Class, ErrorKind, GiveUp, Jitter, Policy,
    dead_letter::{DeadLetter, LetterContext},
    observe::EventKind,
};
use retry_tokio::RetryLayer;
use tests::{ms, secs};
use tokio::task::coop::consume_budget;
use tokio::time::Instant;
use tower::{Service, ServiceExt, service_fn};

const POLICY: Policy = Policy::fixed(ms(10)).jitter(Jitter::None).max_attempts(2);

/// Works without a pause. It ends after 20 s, so that the test fails if a limit does not fire.
async fn busy() -> Result<(), Class> {
    let start = Instant::now();
    while start.elapsed() < secs(20) {
        consume_budget().await;
    }
    Ok(())
}

async fn every_limit_fires() {
    // policy with a limit, attempts, reason
    let table = [
        (POLICY.attempt_timeout(ms(50)), 2, GiveUp::Attempts),
        (POLICY.total_timeout(ms(50)), 1, GiveUp::TotalTimeout),
    ];
    for (policy, attempts, end) in table {
        let error = retry_tokio::retry(policy).run(busy).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::GaveUp(end), attempts));
        assert_eq!(error.class(), Some(Class::Timeout));

        let layer = RetryLayer::new(retry_tokio::retry(policy).classify(|_: &std::io::Error| Class::Network));
        let layer = layer.clone_all();
        let service = service_fn(async |()| busy().await.map_err(|_| std::io::Error::other("busy")));
        let mut service = tower::ServiceBuilder::new().layer(layer).service(service);
        let error = service.ready().await.unwrap().call(()).await.unwrap_err();
        assert_eq!(error.ended().map(|error| error.kind()), Some(ErrorKind::GaveUp(end)));
    }

    let slow = |_: DeadLetter<()>, _: &LetterContext<'_, Class>| async {
        busy().await.unwrap();
        Ok(())
    };
    let kept = Mutex::new(None);
    let retry = retry_tokio::retry(POLICY.max_attempts(1)).on_event(|event| {
        if let EventKind::DeadLettered { kept: is_kept } = event.kind {
            *kept.lock().unwrap() = Some(is_kept);
        }
    });
    let call = retry.send_dead_letters(&slow, &()).delivery_timeout(ms(50));
    call.run(|| async { Err::<(), _>(Class::Network) }).await.unwrap_err();
    assert_eq!(*kept.lock().unwrap(), Some(false));
}

#[tokio::test]
async fn limits_fire_on_one_thread() {
    every_limit_fires().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_fire_on_many_threads() {
    every_limit_fires().await;
}
