//! A health check that hangs counts as failed, and the next one comes as usual.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;

use retry_core::{
    CircuitConfig, HealthCheck, SharedCircuit,
    circuit::{CountWindow, Phase},
    runtime::{LocalLock, Sleep},
    testing::FakeClock,
};
use tests::{Paced, secs};

/// How long each check takes, its timeout, how long the checks run, when they begin, and the phase then. In seconds,
/// with a period of 5.
type Row = (&'static str, &'static [u64], Option<u64>, u64, &'static [u64], Phase);

#[rustfmt::skip]
const TABLE: &[Row] = &[
    // what,                                   take,          limit,    runs, begin,        phase
    ("the first check hangs",                  &[86_400, 1],  Some(2),  14,   &[5, 12],     Phase::HalfOpen),
    ("every check hangs",                      &[86_400],     Some(2),  27,   &[5, 12, 19, 26], Phase::Open),
    ("a check takes as long as it may",        &[2],          Some(2),  8,    &[5],         Phase::HalfOpen),
    ("a check takes longer than it may",       &[3],          Some(2),  11,   &[5],         Phase::Open),
    ("without a setting, it may take 10 s",    &[10],         None,     16,   &[5],         Phase::HalfOpen),
    ("without a setting, it may not take 11",  &[11, 0],      None,     19,   &[5],         Phase::Open),
    ("a limit of zero is 1 ms",                &[1, 0],       Some(0),  11,   &[5, 10],     Phase::HalfOpen),
];

async fn checks<R: Sleep + Copy>(time: R, row: &Row) {
    let (what, takes, limit, runs, begins, phase) = *row;
    let circuit = SharedCircuit::<CountWindow<20>, LocalLock>::with_window(CircuitConfig::DEFAULT);
    let start = time.now();
    circuit.trip(secs(3_600), start);
    let began = RefCell::new(Vec::new());
    let mut check = HealthCheck::new(&circuit, time, secs(5));
    if let Some(limit) = limit {
        check = check.check_timeout(secs(limit));
    }
    let mut running = pin!(check.run(|| {
        began.borrow_mut().push(time.now().since(start).as_secs());
        let place = (began.borrow().len() - 1).min(takes.len() - 1);
        let answer = time.sleep(secs(takes[place]));
        async {
            answer.await;
            true
        }
    }));
    let mut end = pin!(time.sleep(secs(runs)));
    poll_fn(|context| {
        let _ = running.as_mut().poll(context);
        end.as_mut().poll(context)
    })
    .await;
    assert_eq!((&began.borrow()[..], circuit.phase()), (begins, phase), "{what}");
}

#[test]
fn on_a_fake_clock() {
    for row in TABLE {
        let clock = &FakeClock::new();
        clock.run(checks(clock, row));
    }
}

#[tokio::test(start_paused = true)]
async fn on_tokio() {
    for row in TABLE {
        checks(retry_tokio::Tokio, row).await;
    }
}

#[test]
fn on_async_std() {
    for row in TABLE {
        let paced = Paced::new(retry_async_std::AsyncStd, std::time::Duration::from_nanos(10));
        async_std::task::block_on(paced.drive(checks(&paced, row)));
    }
}
