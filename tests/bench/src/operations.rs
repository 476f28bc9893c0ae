//! What is measured, and the most instructions each may take.

use std::future::ready;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rand_core::Rng;
use rand_pcg::Pcg64Mcg;
use retry_core::{
    Call, CircuitConfig, Class, Classify, CountWindow, Failure, Gate, Instant, LocalLock, LogBuffer,
    LogFacade, Metrics, MetricsFacade, Observer, OperationMetrics, Policy, Recorder, SharedCircuit,
    SharedDeadLetters, TracingLog, Verdict, WhenFull, retry,
};

use retry_tokio::RetryLayer;
use tower_layer::Layer;
use tower_service::Service as _;

use crate::pools::Hosts;

pub(crate) struct Operation {
    pub(crate) name: &'static str,
    /// The instructions that it shall take one day, the operation's own included; 0: the floor that others are
    /// compared with.
    pub(crate) goal: u32,
    /// The instructions that it may take today: more is an error, so that none creeps in.
    pub(crate) most: u32,
    pub(crate) what: &'static str,
    pub(crate) run: fn(u64),
}

pub(crate) const ALL: &[Operation] = &[
    Operation { name: "call", goal: 0, most: 12, what: "the operation itself, without anything", run: call },
    Operation { name: "blocking", goal: 20, most: 20, what: "blocking success, no circuit", run: blocking },
    Operation { name: "async", goal: 60, most: 60, what: "async success, no circuit", run: asynchronous },
    Operation {
        name: "blocking-healthy",
        goal: 60,
        most: 70,
        what: "blocking success, healthy circuit",
        run: blocking_healthy,
    },
    Operation {
        name: "async-healthy",
        goal: 110,
        most: 120,
        what: "async success, healthy circuit",
        run: async_healthy,
    },
    Operation {
        name: "letters",
        goal: 25,
        most: 25,
        what: "blocking success, a sink for dead letters",
        run: letters,
    },
    Operation {
        name: "letters-async",
        goal: 100,
        most: 100,
        what: "async success, a sink for dead letters",
        run: letters_async,
    },
    Operation {
        name: "letter",
        goal: 0,
        most: 420,
        what: "call given up at its first attempt",
        run: given_up,
    },
    Operation {
        name: "letter-kept",
        goal: 700,
        most: 700,
        what: "the same, and its letter in a queue",
        run: letter_kept,
    },
    Operation { name: "recorded", goal: 700, most: 700, what: "failed attempt, recorded", run: recorded },
    Operation { name: "failed", goal: 60, most: 30, what: "failed attempt, capped full jitter", run: failed },
    Operation { name: "delay", goal: 45, most: 38, what: "next delay, capped full jitter", run: delay },
    Operation {
        name: "delay-late",
        goal: 45,
        most: 38,
        what: "the same at attempt 1,000,000",
        run: delay_late,
    },
    Operation {
        name: "healthy",
        goal: 20,
        most: 20,
        what: "circuit, closed and healthy, shared",
        run: healthy,
    },
    Operation { name: "busy", goal: 60, most: 52, what: "circuit, closed, 1 % failures, shared", run: busy },
    Operation { name: "rejected", goal: 18, most: 18, what: "circuit, rejected, shared", run: rejected },
    Operation { name: "loop", goal: 0, most: 3, what: "a loop around nothing", run: nothing },
    Operation {
        name: "by-hand",
        goal: 3,
        most: 3,
        what: "call by hand that succeeds, no observer",
        run: by_hand,
    },
    Operation {
        name: "by-hand-healthy",
        goal: 60,
        most: 46,
        what: "the same on a healthy circuit, shared",
        run: by_hand_healthy,
    },
    Operation {
        name: "by-hand-none",
        goal: 20,
        most: 7,
        what: "call by hand, an observer at run time: none",
        run: by_hand_none,
    },
    Operation { name: "log-off", goal: 20, most: 13, what: "the same, LogFacade while off", run: log_off },
    Operation {
        name: "tracing-off",
        goal: 100,
        most: 75,
        what: "the same, TracingLog and a subscriber that wants nothing",
        run: tracing_off,
    },
    Operation {
        name: "facade-off",
        goal: 350,
        most: 311,
        what: "the same, MetricsFacade without a recorder",
        run: facade_off,
    },
    Operation {
        name: "counted",
        goal: 60,
        most: 51,
        what: "the same, counted by OperationMetrics",
        run: counted,
    },
    Operation {
        name: "counted-by-name",
        goal: 240,
        most: 215,
        what: "the same, counted by Metrics, which looks up the name",
        run: counted_by_name,
    },
    Operation {
        name: "failed-counted",
        goal: 150,
        most: 149,
        what: "failed attempt, counted by OperationMetrics",
        run: failed_counted,
    },
    Operation {
        name: "tower",
        goal: 500,
        most: 450,
        what: "tower success, no circuit, one allocation",
        run: tower,
    },
    Operation { name: "pool", goal: 450, most: 430, what: "circuit of a host, by its name", run: pool },
];

const POLICY: Policy = Policy::exponential(Duration::from_millis(100)).attempts(4);

#[derive(Debug)]
struct Error;

impl Classify for Error {
    fn classify(&self) -> Failure {
        Class::Network.into()
    }
}

#[inline(never)]
fn operation(x: u64) -> Result<u64, Error> {
    if x == u64::MAX { Err(Error) } else { Ok(x) }
}

fn call(count: u64) {
    for i in 0..count {
        black_box(operation(i).is_ok());
    }
}

fn blocking(count: u64) {
    let retry = retry(&POLICY);
    for i in 0..count {
        black_box(retry.run_blocking(|| operation(i)).is_ok());
    }
}

fn blocking_healthy(count: u64) {
    let retry = retry(&POLICY).circuit(&CIRCUIT);
    for i in 0..count {
        black_box(retry.run_blocking(|| operation(i)).is_ok());
    }
}

fn async_healthy(count: u64) {
    let retry = retry_tokio::retry(&POLICY).circuit(&CIRCUIT);
    for i in 0..count {
        let call = pin!(retry.run(|| ready(operation(i))));
        black_box(call.poll(&mut Context::from_waker(Waker::noop())).is_ready());
    }
}

fn asynchronous(count: u64) {
    let retry = retry_tokio::retry(&POLICY);
    for i in 0..count {
        let call = pin!(retry.run(|| ready(operation(i))));
        black_box(call.poll(&mut Context::from_waker(Waker::noop())).is_ready());
    }
}

static LETTERS: SharedDeadLetters<u64, 8> = SharedDeadLetters::new(WhenFull::DropOldest);

fn letters(count: u64) {
    let retry = retry(&POLICY);
    for i in 0..count {
        let call = retry.dead_letters(&LETTERS).carrying(|| i);
        black_box(call.run_blocking(|| operation(i)).is_ok());
    }
}

fn letters_async(count: u64) {
    let retry = retry_tokio::retry(&POLICY);
    for i in 0..count {
        let call = retry.dead_letters(&LETTERS).carrying(|| i);
        let call = pin!(call.run(|| ready(operation(i))));
        black_box(call.poll(&mut Context::from_waker(Waker::noop())).is_ready());
    }
}

const ONCE: Policy = POLICY.attempts(1);

fn given_up(count: u64) {
    let retry = retry(&ONCE);
    for _ in 0..count {
        black_box(retry.run_blocking(|| operation(u64::MAX)).is_ok());
    }
}

fn letter_kept(count: u64) {
    let retry = retry(&ONCE);
    for i in 0..count {
        let call = retry.dead_letters(&LETTERS).carrying(|| i);
        black_box(call.run_blocking(|| operation(u64::MAX)).is_ok());
    }
}

fn recorded(count: u64) {
    const ENDLESS: Policy = POLICY.attempts(u32::MAX);
    let mut bytes = [0; 4_000];
    let mut done = 0;
    // As many as a buffer holds, and then from its beginning.
    while done < count {
        let log = Recorder::<_, LocalLock>::new(LogBuffer::new(&mut bytes), 7);
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

fn failed(count: u64) {
    failed_before(count, &());
}

fn failed_counted(count: u64) {
    failed_before(count, &COUNTS);
}

fn failed_before(count: u64, observer: &impl Observer) {
    const ENDLESS: Policy = POLICY.attempts(u32::MAX);
    let mut rng = Pcg64Mcg::new(7);
    let mut call = Call::new(&ENDLESS, Instant::ORIGIN).observe(observer);
    for _ in 0..count {
        if let Ok(attempt) = call.attempt(Instant::ORIGIN) {
            let verdict = attempt.fail(Class::Network, Instant::ORIGIN, &mut rng);
            black_box(matches!(verdict, Verdict::Retry(delay) if delay.as_nanos() > 1));
        }
    }
}

fn delay(count: u64) {
    delays((1..=count).map(|i| u32::try_from(i % 8).unwrap_or(0)));
}

fn delay_late(count: u64) {
    delays((1..=count).map(|_| black_box(1_000_000)));
}

fn delays(failed: impl Iterator<Item = u32>) {
    let mut rng = Pcg64Mcg::new(7);
    for failed in failed {
        black_box(POLICY.delay(failed, Duration::ZERO, rng.next_u64()));
    }
}

static CIRCUIT: SharedCircuit<CountWindow<100>> = SharedCircuit::new(CircuitConfig::DEFAULT);

/// One admission and its success. What is looked at of each result is one bit, so that what is counted is the work
/// and not the copying of results to where a benchmark keeps them.
#[inline(always)]
pub(crate) fn succeed(circuit: &SharedCircuit) {
    if let Ok(admission) = circuit.admit(|| Instant::ORIGIN) {
        black_box(circuit.succeed(admission.ticket, || Instant::ORIGIN).is_some());
    }
}

fn healthy(count: u64) {
    for _ in 0..count {
        succeed(&CIRCUIT);
    }
}

fn busy(count: u64) {
    for i in 0..count {
        match CIRCUIT.admit(|| Instant::ORIGIN) {
            Ok(admission) if i % 100 == 0 => {
                black_box(
                    CIRCUIT.fail(admission.ticket, Class::Network, Instant::ORIGIN, None, 0).next.is_ok(),
                );
            }
            Ok(admission) => {
                black_box(CIRCUIT.succeed(admission.ticket, || Instant::ORIGIN).is_some());
            }
            Err(_) => unreachable!("1 % does not open it"),
        }
    }
}

fn rejected(count: u64) {
    CIRCUIT.trip(Duration::from_secs(30), Instant::ORIGIN);
    let now = black_box(Instant::from_millis(1));
    for _ in 0..count {
        black_box(CIRCUIT.admit(now).is_err());
    }
}

static COUNTS: OperationMetrics = OperationMetrics::new("stock.read");
static ALL_COUNTS: Metrics = Metrics::new();

fn nothing(count: u64) {
    (0..count).for_each(|_| {
        black_box(Instant::from_millis(1));
    });
}

fn by_hand_healthy(count: u64) {
    for _ in 0..count {
        let mut call = Call::new(&POLICY, Instant::ORIGIN).circuit(&CIRCUIT);
        if let Ok(attempt) = call.attempt(Instant::ORIGIN) {
            black_box(());
            attempt.succeed(Instant::ORIGIN);
        }
    }
}

fn by_hand_none(count: u64) {
    (0..count).for_each(|_| call_before(&black_box(None::<&OperationMetrics>)));
}

fn log_off(count: u64) {
    // Known at run time only, as where a logger is installed.
    log::set_max_level(black_box(log::LevelFilter::Off));
    (0..count).for_each(|_| call_before(&LogFacade));
}

fn tracing_off(count: u64) {
    // As where a subscriber is installed that wants nothing of ours.
    let nobody = tracing::subscriber::NoSubscriber::default();
    black_box(tracing::subscriber::set_global_default(nobody).is_ok());
    (0..count).for_each(|_| call_before(&TracingLog));
}

fn facade_off(count: u64) {
    static FACADE: MetricsFacade = MetricsFacade::new();
    (0..count).for_each(|_| call_before(&FACADE));
}

fn by_hand(count: u64) {
    (0..count).for_each(|_| call_before(&()));
}

fn counted(count: u64) {
    (0..count).for_each(|_| call_before(&COUNTS));
}

fn counted_by_name(count: u64) {
    (0..count).for_each(|_| call_before(&ALL_COUNTS));
}

/// A call that succeeds at once, watched by `observer`; by hand, so that no clock is read for it.
#[inline(always)]
pub(crate) fn call_before(observer: &impl Observer) {
    let now = black_box(Instant::from_millis(1));
    let mut call = Call::new(&POLICY, now).named("stock.read").observe(observer);
    if let Ok(attempt) = call.attempt(now) {
        attempt.succeed(now);
    }
}

fn pool(count: u64) {
    Hosts::new(1_000).look_up(count);
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

fn tower(count: u64) {
    let mut service = RetryLayer::new(retry_tokio::retry(&POLICY)).all_requests().layer(Service);
    let mut context = Context::from_waker(Waker::noop());
    for i in 0..count {
        black_box(tower_service::Service::<u64>::poll_ready(&mut service, &mut context).is_ready());
        black_box(service.call(i).as_mut().poll(&mut context).is_ready());
    }
}
