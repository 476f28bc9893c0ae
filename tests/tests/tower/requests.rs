//! Which requests are retried.

use std::sync::LazyLock;

use http::{Method, Request, Response};
use retry_core::{
    Cause, CircuitConfig, Class, Failure, GiveUp, Policy, Recovery, Rule, SharedCircuit,
    classify::Idempotency,
    dead_letter::{DeadLetterQueue, Reason, WhenFull},
};
use retry_tokio::{RetryLayer, ServiceError, http_requests, http_response};
use tower::{BoxError, Layer, Service, ServiceExt};
use tower_test::mock;

use super::{POLICY, class, ms, play};

/// A request that can be cloned only a number of times.
#[derive(Debug)]
struct Body(u32);

#[tokio::test(start_paused = true)]
async fn a_request_is_retried_as_long_as_it_can_be_cloned() {
    for (clones, sent) in [(0, 1), (1, 2), (2, 3), (3, 4), (9, 4)] {
        for failure in ["!down", "503"] {
            let (mock, mut handle) = mock::pair::<Body, &'static str>();
            let retry = retry_tokio::retry(&POLICY).classify(class).classify_ok(super::judge);
            let layer =
                RetryLayer::new(retry).clone_request(|Body(left): &Body| left.checked_sub(1).map(Body));
            let mut service = layer.layer(mock);
            let call = async { service.ready().await.unwrap().call(Body(clones)).await };
            let server = async {
                let mut seen = 0;
                while seen < sent {
                    let (Body(left), send) = handle.next_request().await.unwrap();
                    assert_eq!(left, clones - seen);
                    seen += 1;
                    match failure.strip_prefix('!') {
                        Some(error) => send.send_error(error),
                        None => send.send_response(failure),
                    }
                }
            };
            let (ended, ()) = tokio::join!(call, server);
            match ended {
                Ok(answer) => assert_eq!(answer, failure),
                Err(error) => {
                    assert_eq!(matches!(error, ServiceError::NotRepeatable(_)), clones != 9);
                    let ended = error.ended().unwrap();
                    assert_eq!((failure, ended.is_exhausted(), ended.attempts()), ("!down", true, sent));
                    let clause = if clones == 9 { "" } else { ", and the request may not be sent again" };
                    let end = format!("attempt {sent} of {sent} (Server): no attempts left{clause}");
                    assert!(error.to_string().ends_with(&end), "{error}");
                }
            }
        }
    }
}

/// If the rule leads to a retry, the call ends because the request cannot be sent again. Otherwise it ends as the rule
/// says.
#[tokio::test(start_paused = true)]
async fn rules_apply_to_requests_that_cannot_be_sent_again() {
    static IGNORE: Rule = Rule::ANY.recovery(Recovery::Ignore);
    static CIRCUIT: Rule = Rule::ANY.recovery(Recovery::Circuit);
    static FAIL: Rule = Rule::ANY.recovery(Recovery::Fail);
    static RETRY: Rule = Rule::ANY.recovery(Recovery::RetryWithDelay(ms(1))).max_attempts(2);
    static POLICIES: [(&Rule, Policy); 4] = [
        (&IGNORE, POLICY.rules(&[IGNORE])),
        (&CIRCUIT, POLICY.rules(&[CIRCUIT])),
        (&FAIL, POLICY.rules(&[FAIL])),
        (&RETRY, POLICY.rules(&[RETRY])),
    ];
    static LETTERS: LazyLock<DeadLetterQueue<u32>> =
        LazyLock::new(|| DeadLetterQueue::new(1, WhenFull::Refuse));

    let ends = [
        ("ignored", None),
        ("left to the circuit", Some(Reason::GaveUp(GiveUp::LeftToCircuit))),
        ("not retried", Some(Reason::GaveUp(GiveUp::Class))),
        ("no attempts left", Some(Reason::GaveUp(GiveUp::Attempts))),
    ];
    for ((rule, policy), (words, letter)) in POLICIES.iter().zip(ends) {
        for (by_condition, repeatable) in [(false, false), (false, true), (true, false), (true, true)] {
            let is_retry = letter == Some(Reason::GaveUp(GiveUp::Attempts));
            let sent = if is_retry && repeatable { 2 } else { 1 };
            let (mock, handle) = mock::pair::<u32, &'static str>();
            let policy = if by_condition { &POLICY } else { policy };
            let retry =
                retry_tokio::retry(policy).classify(class).when(move |_: &BoxError, _| by_condition, rule);
            let layer = RetryLayer::new(retry)
                .clone_request(move |request: &u32| repeatable.then_some(*request))
                .dead_letters(&*LETTERS, |request: &u32| *request);
            let (ended, seen) =
                tokio::join!(layer.layer(mock).oneshot(7), play(handle, &["!down", "!down"][..sent]));
            let error = ended.unwrap_err();
            assert_eq!(seen.len(), sent, "{error}");
            assert!(error.to_string().contains(words), "{error}");
            assert_eq!(matches!(error, ServiceError::NotRepeatable(_)), is_retry && !repeatable, "{error}");
            assert_eq!(LETTERS.pop().map(|letter| letter.reason), letter, "{error}");
        }
    }
}

/// This also holds after a timeout, which does not reach the classifier, and with a rule that retries.
#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_sent_again_is_not_retried() {
    const MANY: &[Rule] = &[Rule::ANY.recovery(Recovery::RetryWithDelay(ms(1))).max_attempts(9)];
    static POLICY: Policy = super::POLICY.attempt_timeout(ms(1_000)).rules(MANY);
    static CIRCUIT: SharedCircuit = SharedCircuit::new(CircuitConfig::WITHOUT_RULES.consecutive_failures(3));

    let (mock, handle) = mock::pair::<u32, &'static str>();
    let retry = retry_tokio::retry(&POLICY).circuit(&CIRCUIT).classify(class).classify_ok(|answer: &&str| {
        (*answer == "503").then(|| Failure::new(Class::Server).retry_after(ms(10)))
    });
    let service = RetryLayer::new(retry).clone_request(|_: &u32| None).layer(mock);
    let calls = async {
        assert_eq!(service.clone().oneshot(1).await.unwrap(), "503");
        let error = service.clone().oneshot(2).await.unwrap_err();
        let ServiceError::NotRepeatable(ended) = &error else { panic!("{error}") };
        assert!(ended.is_exhausted() && matches!(ended.cause(), Some(Cause::Failed(_))), "{error}");
        let error = service.clone().oneshot(3).await.unwrap_err();
        let ServiceError::NotRepeatable(ended) = &error else { panic!("{error}") };
        assert!(ended.is_exhausted() && matches!(ended.cause(), Some(Cause::TimedOut(_))), "{error}");
        // Its failures still count in the circuit.
        assert!(service.clone().oneshot(4).await.unwrap_err().is_circuit_open());
    };
    let server = async {
        let mut handle = handle;
        let (_, send) = handle.next_request().await.unwrap();
        send.send_response("503");
        let (_, send) = handle.next_request().await.unwrap();
        send.send_error("down");
        let silence = handle.next_request().await.unwrap();
        tokio::time::sleep(ms(60_000)).await;
        drop(silence);
    };
    tokio::select! {
        biased;
        () = calls => {}
        () = server => panic!("the calls took longer"),
    }
}

#[tokio::test(start_paused = true)]
async fn idempotent_http_methods_are_retried_and_others_if_configured() {
    let rows = [
        (Idempotency::Method, Method::GET, false, 4),
        (Idempotency::Method, Method::DELETE, false, 4),
        (Idempotency::Method, Method::POST, true, 1),
        (Idempotency::MethodOrKey, Method::POST, false, 1),
        (Idempotency::MethodOrKey, Method::POST, true, 4),
        (Idempotency::Assumed, Method::POST, false, 4),
    ];
    for (idempotency, method, key, sent) in rows {
        let (mock, mut handle) = mock::pair::<Request<&'static str>, Response<&'static str>>();
        let retry = retry_tokio::retry(&POLICY).classify(class).classify_ok(http_response);
        let mut service = RetryLayer::new(retry).clone_request(http_requests(idempotency)).layer(mock);
        let mut request = Request::builder().method(method.clone()).uri("/orders");
        if key {
            request = request.header("idempotency-key", "\"8e03978e\"");
        }
        let call = async { service.ready().await.unwrap().call(request.body("7 apples").unwrap()).await };
        let server = async {
            for _ in 0..sent {
                let (request, send) = handle.next_request().await.unwrap();
                assert_eq!((request.method(), *request.body()), (&method, "7 apples"));
                assert_eq!(request.headers().len(), usize::from(key));
                send.send_response(Response::builder().status(503).body("no").unwrap());
            }
        };
        let (answer, ()) = tokio::join!(call, server);
        assert_eq!(answer.unwrap().status(), 503, "the last response of the server");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_is_cloned_once_per_attempt() {
    let clones = std::sync::Arc::new(());
    let (mock, handle) = mock::pair::<u32, &'static str>();
    let counted = std::sync::Arc::clone(&clones);
    let retry = retry_tokio::retry(&POLICY).classify(class);
    let layer = RetryLayer::new(retry).clone_request(move |request: &u32| {
        std::mem::forget(std::sync::Arc::clone(&counted));
        Some(request + 1)
    });
    let mut service = layer.layer(mock);
    let call = async { service.ready().await.unwrap().call(1).await };
    let (answer, seen) = tokio::join!(call, play(handle, &["!down", "!down", "200"]));
    assert_eq!(
        (answer.unwrap(), seen.iter().map(|(request, _)| *request).collect::<Vec<_>>()),
        ("200", vec![1, 2, 3])
    );
    drop((service, layer));
    assert_eq!(std::sync::Arc::strong_count(&clones), 1 + 3);
}

/// A rejection is cheap: the request is not cloned, and the service is not called.
#[tokio::test(start_paused = true)]
async fn a_rejected_request_is_not_cloned() {
    static CIRCUIT: SharedCircuit = SharedCircuit::new(CircuitConfig::DEFAULT);
    CIRCUIT.force_open(retry_core::Instant::ORIGIN);
    let (mock, mut handle) = mock::pair::<u32, &'static str>();
    let layer = RetryLayer::new(retry_tokio::retry(&POLICY).circuit(&CIRCUIT).classify(class))
        .clone_request(|_: &u32| unreachable!("it is not sent"));
    assert!(layer.layer(mock).oneshot(1).await.unwrap_err().is_circuit_open());
    assert!(handle.next_request().await.is_none());
}
