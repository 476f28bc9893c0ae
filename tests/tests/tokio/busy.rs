//! Time limits of busy operations, which only return control because of tokio's cooperative budget.

use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Waker};
use std::time::Duration;

use retry_core::{
    Class, ErrorKind, GiveUp, Jitter, Policy,
    dead_letter::{DeadLetter, LetterContext},
    observe::EventKind,
};
use retry_tokio::RetryLayer;
use tests::{ms, secs};
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, advance};
use tower::{Service, ServiceExt, service_fn};

const POLICY: Policy = Policy::fixed(ms(10)).jitter(Jitter::None).max_attempts(2);

/// The clock that passes while an operation is busy.
#[derive(Clone, Copy)]
enum Time {
    Real,
    /// Each millisecond passes between two uses of the whole budget.
    Paused,
}

impl Time {
    /// Works without a pause. It ends after 20 s, so that the test fails if a limit does not fire.
    async fn busy(self) -> Result<(), Class> {
        let start = Instant::now();
        while start.elapsed() < secs(20) {
            if let Self::Paused = self {
                // Polled once, it advances the clock. Awaited, it would also give up control.
                let _ = pin!(advance(ms(1))).poll(&mut Context::from_waker(Waker::noop()));
            }
            for _ in 0..1_000 {
                consume_budget().await;
            }
        }
        Ok(())
    }

    /// Asserts that what began at `start` took as long as its limits say, on a clock that shows it.
    fn assert_took(self, start: Instant, limits: Duration) {
        if let Self::Paused = self {
            assert_eq!(start.elapsed(), limits);
        }
    }
}

async fn every_limit_fires(time: Time) {
    // policy with a limit, attempts, reason, time of the call
    let table = [
        (POLICY.attempt_timeout(ms(50)), 2, GiveUp::Attempts, ms(50 + 10 + 50)),
        (POLICY.total_timeout(ms(50)), 1, GiveUp::TotalTimeout, ms(50)),
    ];
    for (policy, attempts, end, took) in table {
        let start = Instant::now();
        let error = retry_tokio::retry(policy).run(|| time.busy()).await.unwrap_err();
        time.assert_took(start, took);
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::GaveUp(end), attempts));
        assert_eq!(error.class(), Some(Class::Timeout));

        let layer = RetryLayer::new(retry_tokio::retry(policy).classify(|_: &std::io::Error| Class::Network));
        let layer = layer.clone_all();
        let service =
            service_fn(move |()| async move { time.busy().await.map_err(|_| std::io::Error::other("busy")) });
        let mut service = tower::ServiceBuilder::new().layer(layer).service(service);
        let start = Instant::now();
        let error = service.ready().await.unwrap().call(()).await.unwrap_err();
        time.assert_took(start, took);
        let ended = error.ended().map(|error| (error.kind(), error.attempts()));
        assert_eq!(ended, Some((ErrorKind::GaveUp(end), attempts)));
    }

    let slow = |_: DeadLetter<()>, _: &LetterContext<'_, Class>| async move {
        time.busy().await.unwrap();
        Ok(())
    };
    let kept = Mutex::new(None);
    let retry = retry_tokio::retry(POLICY.max_attempts(1)).on_event(|event| {
        if let EventKind::DeadLettered { kept: is_kept } = event.kind {
            *kept.lock().unwrap() = Some(is_kept);
        }
    });
    let call = retry.send_dead_letters(&slow, &()).delivery_timeout(ms(50));
    let start = Instant::now();
    call.run(|| async { Err::<(), _>(Class::Network) }).await.unwrap_err();
    time.assert_took(start, ms(50));
    assert_eq!(*kept.lock().unwrap(), Some(false));
}

#[tokio::test(start_paused = true)]
async fn limits_fire_on_time_on_one_thread() {
    every_limit_fires(Time::Paused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_fire_on_many_threads() {
    every_limit_fires(Time::Real).await;
}
