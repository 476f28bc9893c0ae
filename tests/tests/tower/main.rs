//! The tower layer with tower's mock and middleware, on paused time.

mod answers;
mod drops;
mod letters;
mod ready;
mod requests;

use std::error::Error as StdError;
use std::sync::{Arc, LazyLock, Mutex};

use retry_core::{
    Cause, CircuitConfig, CircuitPool, Class, Classify, ErrorKind, Failure, GiveUp, Jitter, Policy, Recovery,
    Rule, SharedBudget, SharedCircuit, TokenBucket,
    circuit::{CountWindow, Phase},
    observe::Event,
    policy::ReloadablePolicy,
    runtime::Clock,
};
use retry_tokio::{RetryLayer, ServiceError, Tokio};
use tests::ms;
use tokio::time::Instant;
use tower::{BoxError, Layer, Service, ServiceExt};
use tower_test::mock::{self, Handle};

const POLICY: Policy = Policy::exponential(ms(100)).jitter(Jitter::None).max_attempts(4);

/// A configuration that failures do not open.
const NEVER: CircuitConfig = CircuitConfig::WITHOUT_RULES.consecutive_failures(u32::MAX);

fn class(error: &BoxError) -> Class {
    if error.to_string() == "bad" { Class::Validation } else { Class::Server }
}

/// Classifies an answer "5xx" as a failure.
fn judge(answer: &&'static str) -> Option<Class> {
    answer.starts_with('5').then_some(Class::Server)
}

/// Answers the requests of a mock by a script. A line that begins with `!` is an error. Returns the requests, and their
/// times in milliseconds.
async fn play(mut handle: Handle<u32, &'static str>, script: &[&'static str]) -> Vec<(u32, u128)> {
    let (start, mut seen) = (Instant::now(), Vec::new());
    for answer in script {
        let Some((request, send)) = handle.next_request().await else { break };
        seen.push((request, start.elapsed().as_millis()));
        match answer.strip_prefix('!') {
            Some(error) => send.send_error(error),
            None => send.send_response(*answer),
        }
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn a_call_is_retried_as_the_policy_says() {
    type Row = (&'static [&'static str], Result<&'static str, (GiveUp, u32)>, &'static [u128]);
    let rows: &[Row] = &[
        (&["200"], Ok("200"), &[0]),
        (&["!down", "!down", "200"], Ok("200"), &[0, 100, 300]),
        (&["503", "!down", "404"], Ok("404"), &[0, 100, 300]),
        (&["!bad"], Err((GiveUp::Class, 1)), &[0]),
        (&["!down", "!bad"], Err((GiveUp::Class, 2)), &[0, 100]),
        (&["!down", "503", "!down", "!down"], Err((GiveUp::Attempts, 4)), &[0, 100, 300, 700]),
        // The last answer is returned, even if it counts as a failure.
        (&["!down", "!down", "!down", "503"], Ok("503"), &[0, 100, 300, 700]),
        (&["501", "502", "503", "504"], Ok("504"), &[0, 100, 300, 700]),
    ];
    for &(script, expected, at) in rows {
        let (mock, handle) = mock::pair();
        let retry = retry_tokio::retry(&POLICY).classify(class).classify_ok(judge).named("stock.read");
        let mut service = RetryLayer::new(retry).clone_all().layer(mock);
        let call = async { service.ready().await.unwrap().call(7).await };
        let (answer, seen) = tokio::join!(call, play(handle, script));
        assert_eq!(seen, at.iter().map(|at| (7, *at)).collect::<Vec<_>>(), "{script:?}");
        match (answer, expected) {
            (Ok(answer), expected) => assert_eq!(Ok(answer), expected, "{script:?}"),
            (Err(ended @ ServiceError::Ended(_)), Err((reason, attempts))) => {
                let error = ended.ended().unwrap();
                assert_eq!(error.kind(), ErrorKind::GaveUp(reason), "{script:?}");
                assert_eq!((error.operation(), error.attempts()), ("stock.read", attempts), "{script:?}");
                assert_eq!(ended.source().unwrap().to_string(), script.last().unwrap()[1..]);
                assert_eq!(ended.into_inner().unwrap().to_string(), script.last().unwrap()[1..]);
            }
            (answer, _) => panic!("{script:?}: {answer:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn hints_rules_and_conditions_apply_as_without_tower() {
    const SLOWLY: Rule = Rule::ANY.recovery(Recovery::RetryWithDelay(ms(7_000)));
    let (mock, handle) = mock::pair();
    let retry = retry_tokio::retry(&POLICY)
        .classify(class)
        .when(|error: &BoxError, now| error.to_string() == "later" && now.attempt == 2, &SLOWLY)
        .classify_ok(|answer: &&'static str| {
            (*answer == "503").then(|| Failure::new(Class::Server).retry_after(ms(2_000)))
        });
    let mut service = RetryLayer::new(retry).clone_all().layer(mock);
    let call = async { service.ready().await.unwrap().call(1).await };
    let (answer, seen) = tokio::join!(call, play(handle, &["503", "!later", "200"]));
    assert_eq!(answer.unwrap(), "200");
    assert_eq!(seen, [(1, 0), (1, 2_000), (1, 9_000)]);
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_admits_no_request_and_the_last_answer_is_returned() {
    static CIRCUIT: SharedCircuit =
        SharedCircuit::new(CircuitConfig::WITHOUT_RULES.consecutive_failures(2).open_for(ms(10_000)));
    let (mock, handle) = mock::pair();
    let retry = retry_tokio::retry(&POLICY).circuit(&CIRCUIT).classify(class).classify_ok(judge);
    let mut service = RetryLayer::new(retry).clone_all().layer(mock);
    let calls = async {
        // The second failure opens the circuit, so the next attempt would be rejected.
        assert_eq!(service.ready().await.unwrap().call(1).await.unwrap(), "502");
        let error = service.ready().await.unwrap().call(2).await.unwrap_err();
        assert!(error.is_circuit_open());
        assert_eq!(error.classify().class, Class::CircuitOpen);
        assert_eq!(
            error.to_string(),
            "rejected before the first attempt: the circuit is open for another 10.0 s"
        );
        assert!(error.into_inner().is_none());
        tokio::time::advance(ms(10_000)).await;
        assert_eq!(service.ready().await.unwrap().call(3).await.unwrap(), "200");
    };
    let ((), seen) = tokio::join!(calls, play(handle, &["!down", "502", "200"]));
    assert_eq!(seen.iter().map(|(request, _)| *request).collect::<Vec<_>>(), [1, 1, 3]);
    assert_eq!(CIRCUIT.phase(), Phase::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_shared_budget_limits_the_retries_of_all_callers() {
    static RETRIES: SharedBudget<TokenBucket> =
        SharedBudget::new(TokenBucket::DEFAULT.capacity(15).retry_cost(5).timeout_cost(5));
    let (mock, handle) = mock::pair();
    let retry = retry_tokio::retry(&POLICY).budget(&RETRIES).classify(class);
    let service = RetryLayer::new(retry).clone_all().layer(mock);
    let call = |request| service.clone().oneshot(request);
    let calls = async {
        let end = |ended| match ended {
            Err(ServiceError::Ended(error)) => (error.kind(), error.attempts()),
            other => panic!("{other:?}"),
        };
        assert_eq!(end(call(1).await), (ErrorKind::GaveUp(GiveUp::Attempts), 4)); // three retries
        assert_eq!(end(call(2).await), (ErrorKind::GaveUp(GiveUp::Budget), 1));
    };
    let ((), seen) = tokio::join!(calls, play(handle, &["!down"; 9][..5]));
    assert_eq!(seen.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn each_request_uses_the_circuit_of_its_key() {
    static SHELVES: LazyLock<CircuitPool<CountWindow<10>>> = LazyLock::new(|| {
        CircuitPool::with_window(2, CircuitConfig::WITHOUT_RULES.consecutive_failures(2).open_for(ms(60_000)))
    });
    static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());
    fn log(event: &Event) {
        LINES.lock().unwrap().push(event.to_string());
    }

    let (mock, handle) = mock::pair();
    let retry = retry_tokio::retry(&POLICY).classify(class).named("stock").on_event(log);
    let layer =
        RetryLayer::new(retry).clone_all().circuit_by(|shelf: &u32| SHELVES.get(&format!("shelf-{shelf}")));
    let mut service = layer.layer(mock);
    let calls = async move {
        service.ready().await.unwrap().call(1).await.unwrap_err();
        assert!(service.ready().await.unwrap().call(1).await.unwrap_err().is_circuit_open());
        service.ready().await.unwrap().call(2).await.unwrap();
        // The pool is full. This key evicts shelf 2, and not the open circuit.
        service.ready().await.unwrap().call(3).await.unwrap();
        assert!(service.ready().await.unwrap().call(1).await.unwrap_err().is_circuit_open());
    };
    let ((), seen) = tokio::join!(calls, play(handle, &["!down", "!down", "200", "200", "unused"]));
    assert_eq!(seen.iter().map(|(request, _)| *request).collect::<Vec<_>>(), [1, 1, 2, 3]);
    let lines = LINES.lock().unwrap();
    assert!(lines.contains(&"stock[shelf-1]: closed -> open: 2 failures in a row".to_owned()), "{lines:?}");
    assert!(lines.contains(&"stock[shelf-3]: attempt 1 succeeded".to_owned()), "{lines:?}");
    assert_eq!((SHELVES.counts().kept, SHELVES.counts().evicted), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn layers_can_be_made_and_reconfigured_at_run_time() {
    // The policy comes from a file, and the shared values are not `static`.
    let policy: Policy =
        toml::from_str("max_attempts = 2\nbase_delay = \"100ms\"\njitter = \"none\"").unwrap();
    let policy = Arc::new(ReloadablePolicy::new(policy));
    let pool = Arc::new(CircuitPool::new(8, NEVER));
    let layer = |name: String| {
        let pool = Arc::clone(&pool);
        let retry = retry_tokio::retry(Arc::clone(&policy)).classify(class).named(name);
        RetryLayer::new(retry).clone_all().circuit_by(move |shelf: &u32| pool.get_owned(&shelf.to_string()))
    };
    let (mock, handle) = mock::pair();
    let mut service = layer(format!("stock.{}", "north")).layer(mock);
    let task = tokio::spawn({
        let (policy, pool) = (Arc::clone(&policy), Arc::clone(&pool));
        async move {
            let error = service.ready().await.unwrap().call(1).await.unwrap_err();
            let ended = error.ended().unwrap();
            assert_eq!((ended.operation(), ended.attempts()), ("stock.north", 2));
            policy.reload(POLICY.max_attempts(3));
            let error = service.ready().await.unwrap().call(1).await.unwrap_err();
            assert_eq!(error.ended().unwrap().attempts(), 3);
            pool.reconfigure(NEVER.consecutive_failures(6), Tokio.now()).unwrap();
            assert!(service.ready().await.unwrap().call(1).await.unwrap_err().is_circuit_open());
        }
    });
    let seen = play(handle, &["!down"; 6]).await;
    task.await.unwrap();
    assert_eq!((seen.len(), pool.get("1").phase()), (6, Phase::Open));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_hangs_times_out_and_is_retried() {
    const POLICY: Policy = self::POLICY.attempt_timeout(ms(1_000)).max_attempts(3);
    let (mock, mut handle) = mock::pair::<u32, &'static str>();
    let mut service = RetryLayer::new(retry_tokio::retry(&POLICY).classify(class)).clone_all().layer(mock);
    let call = async { service.ready().await.unwrap().call(1).await };
    let server = async {
        let _silence = handle.next_request().await.unwrap();
        let (_, send) = handle.next_request().await.unwrap();
        send.send_response("200");
    };
    let start = Instant::now();
    let (answer, ()) = tokio::join!(call, server);
    assert_eq!((answer.unwrap(), start.elapsed()), ("200", ms(1_100)));

    let (mock, _handle) = mock::pair::<u32, &'static str>();
    let mut service = RetryLayer::new(retry_tokio::retry(&POLICY).classify(class)).clone_all().layer(mock);
    let error = service.ready().await.unwrap().call(1).await.unwrap_err();
    let ServiceError::Ended(ended) = &error else { panic!("{error}") };
    assert_eq!(ended.kind(), ErrorKind::GaveUp(GiveUp::Attempts));
    assert!(matches!(ended.cause(), Some(Cause::TimedOut(_))), "{error}");
}

/// A typical stack, on two threads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_works_in_a_stack_of_layers_and_its_calls_can_be_spawned() {
    use tower::ServiceBuilder;
    use tower::util::BoxCloneService;

    const POLICY: Policy = Policy::fixed(ms(1)).max_attempts(3);
    static CIRCUIT: SharedCircuit =
        SharedCircuit::new(CircuitConfig::WITHOUT_RULES.consecutive_failures(1_000));
    static TRIES: Mutex<[u32; 100]> = Mutex::new([0; 100]);

    // Each request fails twice.
    let flaky = tower::service_fn(|request: usize| async move {
        let mut tries = TRIES.lock().unwrap();
        tries[request] += 1;
        if tries[request] <= 2 { Err(BoxError::from("down")) } else { Ok(request) }
    });
    let retry = retry_tokio::retry(&POLICY).circuit(&CIRCUIT).classify(class);
    let service = ServiceBuilder::new()
        .boxed_clone()
        .buffer(8)
        .layer(RetryLayer::new(retry).clone_all())
        .buffer(8)
        .concurrency_limit(3)
        .service(flaky);
    let service: BoxCloneService<usize, usize, BoxError> = service;
    let tasks: Vec<_> = (0..100).map(|i| tokio::spawn(service.clone().oneshot(i))).collect();
    for (i, task) in tasks.into_iter().enumerate() {
        assert_eq!(task.await.unwrap().unwrap(), i);
    }
    assert_eq!(*TRIES.lock().unwrap(), [3; 100]);
}

/// The allocation is for the boxed future of the call. The inner service does not allocate here.
#[tokio::test(start_paused = true)]
async fn a_call_allocates_once() {
    static CIRCUIT: SharedCircuit = SharedCircuit::new(CircuitConfig::DEFAULT);
    static HOSTS: LazyLock<CircuitPool> = LazyLock::new(|| CircuitPool::new(10, CircuitConfig::DEFAULT));
    let inner = tower::service_fn(|request: u32| std::future::ready(Ok::<_, std::io::Error>(request)));
    let layer = RetryLayer::new(retry_tokio::retry(&POLICY).circuit(&CIRCUIT)).clone_all();
    let mut one = layer.clone().layer(inner);
    let mut by_host = layer.circuit_by(|_: &u32| HOSTS.get("eu-west-1.my.example.com")).layer(inner);
    drop(HOSTS.get("eu-west-1.my.example.com"));
    fn check(service: &mut impl Service<u32, Future: Future + Unpin>) {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let allocated = allocation_counter::measure(|| {
            assert!(service.poll_ready(&mut context).is_ready());
            assert!(std::pin::pin!(service.call(7)).poll(&mut context).is_ready());
        });
        assert_eq!(allocated.count_total, 1);
    }
    check(&mut one);
    check(&mut by_host);
}
