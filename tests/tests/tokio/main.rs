//! The tokio adapter: tokio's time, tasks and threads. `letters.rs` and `failing_disk.rs` test dead letters, `stop.rs` the ways to stop a call, and `busy.rs` the time
//! limits of operations that do not pause.

mod busy;
#[cfg(target_os = "linux")]
mod failing_disk;
#[cfg(target_os = "linux")]
#[path = "../dead_letters/faults.rs"]
mod faults;
mod letters;
mod stop;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use retry_core::{CircuitConfig, Class, ErrorKind, GiveUp, Jitter, Policy, SharedCircuit, circuit::Phase};
use tests::ms;
use tokio::time::{Instant, sleep};

const POLICY: Policy =
    Policy::exponential(ms(100)).jitter(Jitter::None).max_attempts(4).start_within(ms(60_000));

fn server_error(_: &&str) -> Class {
    Class::Server
}

#[tokio::test(start_paused = true)]
async fn follows_paused_time() {
    let start = Instant::now();
    let result =
        retry_tokio::retry(&POLICY).classify(server_error).run(|| async { Err::<(), _>("down") }).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::GaveUp(GiveUp::Attempts));
    assert_eq!(start.elapsed(), ms(100 + 200 + 400));
    assert_eq!(error.elapsed(), Some(ms(700)));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_hangs_times_out() {
    let start = Instant::now();
    let policy = POLICY.max_attempts(2).attempt_timeout(ms(50));
    let retry = retry_tokio::retry(&policy).classify(server_error);
    let result = retry.run(std::future::pending::<Result<(), &str>>).await;
    assert_eq!(start.elapsed(), ms(50 + 100 + 50));
    assert_eq!(result.unwrap_err().context().class, Some(Class::Timeout));
}

#[tokio::test(start_paused = true)]
async fn a_delay_is_rounded_up_to_the_timers_millisecond() {
    for (delay, slept) in [(0, 0), (1, 1), (999, 1), (1_000, 1), (1_001, 2), (2_500, 3)] {
        let start = Instant::now();
        let policy = Policy::fixed(Duration::from_micros(delay)).jitter(Jitter::None).max_attempts(2);
        let retry = retry_tokio::retry(&policy).classify(server_error);
        retry.run(|| async { Err::<(), _>("down") }).await.unwrap_err();
        assert_eq!(start.elapsed(), ms(slept), "{delay} us");
    }
}

/// A future that is `Send` may be spawned. Operations may borrow and change values.
#[tokio::test(start_paused = true)]
async fn operations_borrow_and_change_their_surroundings() {
    let (url, mut seen) = (String::from("stock"), Vec::new());
    let retry = retry_tokio::retry(&POLICY).classify(server_error);
    let result = retry
        .run(|| {
            seen.push(seen.len());
            let (url, last) = (&url, seen.len() == 3);
            async move { if last { Ok(url.len()) } else { Err("down") } }
        })
        .await;
    assert_eq!((result, seen), (Ok(5), vec![0, 1, 2]));
}

/// Runs with one thread and with two. The first call gets its answer from the second call, which must retry first.
#[test]
fn a_call_that_waits_lets_others_run() {
    use tokio::runtime::Builder;

    const AT_ONCE: Policy = Policy::fixed(ms(1));

    for mut builder in [Builder::new_current_thread(), Builder::new_multi_thread()] {
        let runtime = builder.worker_threads(2).enable_time().build().unwrap();
        let (answer, question) = tokio::sync::oneshot::channel();
        let asks = runtime.spawn(async {
            let mut question = Some(question);
            let retry = retry_tokio::retry(&AT_ONCE).classify(server_error);
            let operation = || {
                let question = question.take();
                async { question.unwrap().await.map_err(|_| "there is no sender") }
            };
            retry.run(operation).await
        });
        let answers = runtime.spawn(async {
            let mut tries = 0;
            let retry = retry_tokio::retry(&AT_ONCE).classify(server_error);
            let operation = || {
                tries += 1;
                std::future::ready(if tries == 3 { Ok(tries) } else { Err("down") })
            };
            answer.send(retry.run(operation).await.unwrap()).unwrap();
        });
        runtime.block_on(async {
            assert_eq!(asks.await.unwrap(), Ok(3));
            answers.await.unwrap();
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn works_inside_spawn_and_the_tasks_share_one_circuit() {
    static CIRCUIT: SharedCircuit = SharedCircuit::new(CircuitConfig::WITHOUT_RULES.consecutive_failures(8));
    static ATTEMPTS: AtomicU32 = AtomicU32::new(0);
    const ONCE: Policy = Policy::exponential(ms(1)).max_attempts(1);

    let tasks: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn(async {
                let retry = retry_tokio::retry(&ONCE).circuit(&CIRCUIT).classify(server_error);
                let operation = || async {
                    ATTEMPTS.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                    Err::<(), _>("down")
                };
                retry.run(operation).await.unwrap_err().is_circuit_open()
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(ATTEMPTS.load(Ordering::Relaxed), 8);
    assert_eq!(CIRCUIT.phase(), Phase::Open);
    let refused = retry_tokio::retry(&ONCE).circuit(&CIRCUIT).classify(server_error);
    assert!(refused.run(|| async { Ok::<(), &str>(()) }).await.unwrap_err().is_circuit_open());
}

#[tokio::test(start_paused = true)]
async fn an_aborted_task_releases_its_probe_slot() {
    static CIRCUIT: SharedCircuit =
        SharedCircuit::new(CircuitConfig::WITHOUT_RULES.consecutive_failures(1).open_for(ms(100)));
    const ONCE: Policy = Policy::exponential(ms(1)).max_attempts(1);

    let retry = || retry_tokio::retry(&ONCE).circuit(&CIRCUIT).classify(server_error);
    retry().run(|| async { Err::<(), _>("down") }).await.unwrap_err();
    sleep(ms(100)).await;
    let probe = tokio::spawn(async move { retry().run(std::future::pending::<Result<(), &str>>).await });
    tokio::task::yield_now().await;
    assert_eq!(CIRCUIT.phase(), Phase::HalfOpen);
    assert!(retry().run(|| async { Ok(()) }).await.unwrap_err().is_circuit_open(), "the slot is taken");
    probe.abort();
    assert!(probe.await.unwrap_err().is_cancelled());
    retry().run(|| async { Ok(()) }).await.expect("the slot is free again");
    assert_eq!(CIRCUIT.phase(), Phase::Closed);
}
