//! Calls, delays, dead letters and records.

use std::future::ready;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rand_core::Rng;
use rand_pcg::Pcg64Mcg;
use retry_core::{
    Call, Class, Classify, Failure, Instant, Policy, Verdict,
    dead_letter::{FixedDeadLetterQueue, WhenFull},
    observe::Observer,
    record::{LogBuffer, Recorder},
    retry,
    runtime::LocalLock,
};
use retry_tokio::RetryLayer;
use tower_layer::Layer;
use tower_service::Service as _;

pub(crate) const POLICY: Policy = Policy::exponential(Duration::from_millis(100)).max_attempts(4);

#[derive(Debug)]
pub(crate) struct Error;

impl Classify for Error {
    fn classify(&self) -> Failure {
        Class::Network.into()
    }
}

#[inline(never)]
pub(crate) fn operation(x: u64) -> Result<u64, Error> {
    if x == u64::MAX { Err(Error) } else { Ok(x) }
}

pub(crate) fn call(count: u64) {
    for i in 0..count {
        black_box(operation(i).is_ok());
    }
}

pub(crate) fn blocking(count: u64) {
    let retry = retry(&POLICY);
    for i in 0..count {
        black_box(retry.run_blocking(|| operation(i)).is_ok());
    }
}

pub(crate) fn asynchronous(count: u64) {
    let retry = retry_tokio::retry(&POLICY);
    for i in 0..count {
        let call = pin!(retry.run(|| ready(operation(i))));
        black_box(call.poll(&mut Context::from_waker(Waker::noop())).is_ready());
    }
}

static LETTERS: FixedDeadLetterQueue<u64, 8> = FixedDeadLetterQueue::new(WhenFull::DropOldest);

pub(crate) fn letters(count: u64) {
    let retry = retry(&POLICY);
    for i in 0..count {
        let call = retry.dead_letters(&LETTERS).payload(|| i);
        black_box(call.run_blocking(|| operation(i)).is_ok());
    }
}

pub(crate) fn letters_async(count: u64) {
    let retry = retry_tokio::retry(&POLICY);
    for i in 0..count {
        let call = retry.dead_letters(&LETTERS).payload(|| i);
        let call = pin!(call.run(|| ready(operation(i))));
        black_box(call.poll(&mut Context::from_waker(Waker::noop())).is_ready());
    }
}

const ONCE: Policy = POLICY.max_attempts(1);

pub(crate) fn given_up(count: u64) {
    let retry = retry(&ONCE);
    for _ in 0..count {
        black_box(retry.run_blocking(|| operation(u64::MAX)).is_ok());
    }
}

pub(crate) fn letter_kept(count: u64) {
    let retry = retry(&ONCE);
    for i in 0..count {
        let call = retry.dead_letters(&LETTERS).payload(|| i);
        black_box(call.run_blocking(|| operation(u64::MAX)).is_ok());
    }
}

pub(crate) fn recorded(count: u64) {
    const ENDLESS: Policy = POLICY.max_attempts(u32::MAX);
    let mut bytes = [0; 4_000];
    let mut done = 0;
    // Records until the buffer is full, then starts again with an empty one.
    while done < count {
        let log = Recorder::<_, LocalLock>::with_lock(LogBuffer::new(&mut bytes), 7);
        let observer = log.call();
        let mut call = Call::new(&ENDLESS, Instant::ORIGIN).observe(&observer);
        let mut rng = log.rng();
        for _ in 0..200.min(count - done) {
            if let Ok(attempt) = call.attempt(Instant::ORIGIN) {
                let verdict = attempt.fail(Class::Network, Instant::ORIGIN, &mut rng);
                black_box(matches!(verdict, Verdict::Retry(delay) if delay.as_nanos() > 1));
            }
        }
        done += 200;
    }
}

pub(crate) fn failed(count: u64) {
    failed_before(count, &());
}

pub(crate) fn delay(count: u64) {
    delays((1..=count).map(|i| u32::try_from(i % 8).unwrap_or(0)));
}

pub(crate) fn delay_late(count: u64) {
    delays((1..=count).map(|_| black_box(1_000_000)));
}

pub(crate) fn delays(failed: impl Iterator<Item = u32>) {
    let mut rng = Pcg64Mcg::new(7);
    for failed in failed {
        black_box(POLICY.delay(failed, Duration::ZERO, rng.next_u64()));
    }
}

pub(crate) fn failed_before(count: u64, observer: &impl Observer) {
    const ENDLESS: Policy = POLICY.max_attempts(u32::MAX);
    let mut rng = Pcg64Mcg::new(7);
    let mut call = Call::new(&ENDLESS, Instant::ORIGIN).observe(observer);
    for _ in 0..count {
        if let Ok(attempt) = call.attempt(Instant::ORIGIN) {
            let verdict = attempt.fail(Class::Network, Instant::ORIGIN, &mut rng);
            black_box(matches!(verdict, Verdict::Retry(delay) if delay.as_nanos() > 1));
        }
    }
}

#[derive(Clone)]
struct Service;

impl tower_service::Service<u64> for Service {
    type Response = u64;
    type Error = std::io::Error;
    type Future = std::future::Ready<Result<u64, std::io::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), std::io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> Self::Future {
        ready(operation(request).map_err(|Error| std::io::ErrorKind::Other.into()))
    }
}

pub(crate) fn tower(count: u64) {
    let mut service = RetryLayer::new(retry_tokio::retry(&POLICY)).clone_all().layer(Service);
    let mut context = Context::from_waker(Waker::noop());
    for i in 0..count {
        black_box(tower_service::Service::<u64>::poll_ready(&mut service, &mut context).is_ready());
        let call = pin!(service.call(i));
        black_box(call.poll(&mut context).is_ready());
    }
}
