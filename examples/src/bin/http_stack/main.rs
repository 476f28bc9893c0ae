//! A tower stack around reqwest: retries by the rules of HTTP, and one circuit per host, from a pool.
//!
//! It calls three servers on loopback: one is healthy, one is flaky, and one does not listen. It checks each claim
//! against the requests that the servers received, and fails if a claim is false.

mod server;

use core::time::Duration;
use std::process::ExitCode;
use std::sync::{Arc, LazyLock};

use reqwest::{Method, Request, Response, StatusCode};
use retry_core::{
    CircuitConfig, CircuitPool, Policy,
    circuit::Phase,
    classify::Idempotency,
    dead_letter::{DeadLetterQueue, Reason, ReasonSet, WhenFull},
};
use retry_tokio::{RetryLayer, ServiceError, reqwest_error, reqwest_requests, reqwest_response, retry};
use tower::util::BoxCloneService;
use tower::{BoxError, ServiceBuilder, ServiceExt};

use server::Hosts;

const POLICY: Policy = Policy::exponential(Duration::from_millis(20))
    .max_delay(Duration::from_millis(200))
    .max_attempts(3)
    .attempt_timeout(Duration::from_secs(5))
    .max_hint(Duration::from_secs(10))
    .start_within(Duration::from_secs(30));

/// Opens after six failures in a row. A failure rate would also open the circuit of the flaky host.
const CIRCUIT: CircuitConfig =
    CircuitConfig::WITHOUT_RULES.consecutive_failures(6).open_for(Duration::from_secs(60));

/// One circuit per host, and at most 1,000 of them.
static HOSTS: LazyLock<CircuitPool> = LazyLock::new(|| CircuitPool::new(1_000, CIRCUIT));

type Http = BoxCloneService<Request, Response, ServiceError>;

/// Makes the client. A request that could not be delivered becomes a dead letter in `lost`.
fn http(lost: &Arc<DeadLetterQueue<String>>) -> Result<Http, reqwest::Error> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let retry = retry(&POLICY).classify(reqwest_error).classify_ok(reqwest_response).named("http");
    let layer = RetryLayer::new(retry)
        .clone_request(reqwest_requests(Idempotency::MethodOrKey))
        .circuit_by(|request| HOSTS.get(&host(request)))
        .dead_letters(Arc::clone(lost), |request: &Request| {
            format!("{} {}", request.method(), request.url().path())
        })
        .only(ReasonSet::DEFAULT.without(Reason::Rejected)); // the caller still has a request that was refused
    Ok(BoxCloneService::new(ServiceBuilder::new().layer(layer).service(client)))
}

fn host(request: &Request) -> String {
    let url = request.url();
    format!("{}:{}", url.host_str().unwrap_or(""), url.port_or_known_default().unwrap_or(0))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, BoxError> {
    let letters = Arc::new(DeadLetterQueue::new(100, WhenFull::DropOldest));
    let (http, hosts) = (http(&letters)?, Hosts::start().await?);
    let mut passed = true;
    let mut check = |holds: bool, what: &str| {
        println!("{} {what}", if holds { "ok    " } else { "FAILED" });
        passed &= holds;
    };
    let request = |method: &Method, host, path: &str| -> Result<Request, BoxError> {
        Ok(Request::new(method.clone(), format!("http://{host}{path}").parse()?))
    };
    let send = |request| http.clone().oneshot(request);

    // A flaky host: every second request fails, but every call succeeds.
    let mut answered = 0;
    for item in 0..20 {
        let response = send(request(&Method::GET, hosts.flaky, &format!("/stock/{item}"))?).await?;
        answered += u32::from(response.text().await? == "7");
    }
    check(answered == 20, "20 of 20 reads succeeded, although the host failed every second request");
    let twice = (0..20).all(|item| hosts.log.of(&Method::GET, &format!("/stock/{item}")).len() == 2);
    check(twice, "each of these reads was sent exactly twice");

    let response = send(request(&Method::GET, hosts.flaky, "/busy")?).await?;
    let seen = hosts.log.of(&Method::GET, "/busy");
    let waited = seen.windows(2).all(|pair| pair[1].at - pair[0].at >= Duration::from_secs(1));
    check(
        response.status() == StatusCode::OK && seen.len() == 2 && waited,
        "after a 503 with Retry-After: 1, the next attempt waited for one second",
    );

    let response = send(request(&Method::GET, hosts.flaky, "/broken")?).await?;
    let sent = hosts.log.of(&Method::GET, "/broken").len();
    check(
        response.status() == 500 && sent == 3,
        "after three failed attempts, the caller got the last response, a 500",
    );
    let lost = || letters.pop().map(|letter| (letter.payload, letter.attempts));
    check(lost() == Some(("GET /broken".into(), 3)), "the failed request became a dead letter");

    // Orders: sent again only if the server can recognise the same order by its idempotency key.
    let response = send(request(&Method::POST, hosts.flaky, "/orders")?).await?;
    let sent = hosts.log.of(&Method::POST, "/orders").len();
    check(response.status() == 502 && sent == 1, "a failed POST was not sent again");
    check(lost() == Some(("POST /orders".into(), 1)), "the failed POST became a dead letter");
    let mut order = request(&Method::POST, hosts.flaky, "/orders/8e03978e")?;
    order.headers_mut().insert("idempotency-key", "\"8e03978e\"".parse()?);
    let response = send(order).await?;
    let sent = hosts.log.of(&Method::POST, "/orders/8e03978e").len();
    check(
        response.status() == StatusCode::OK && sent == 2,
        "a failed POST with an Idempotency-Key was sent again, and succeeded",
    );

    // A host that is down: only its own circuit opens.
    let mut refused = 0;
    for _ in 0..10 {
        let error = send(request(&Method::GET, hosts.down, "/")?).await.err();
        refused += u32::from(error.is_some_and(|error| error.is_circuit_open()));
    }
    let down = HOSTS.get(&hosts.down.to_string());
    check(
        down.phase() == Phase::Open && refused == 8,
        "a host is down: its circuit opened after two calls, and rejected the other eight",
    );
    let healthy = send(request(&Method::GET, hosts.healthy, "/")?).await?.text().await?;
    check(healthy == "12", "another host still answers");

    // A flood of keys: 100,000 host names, for a pool of 1,000 circuits.
    drop(down);
    (0..100_000).for_each(|i| drop(HOSTS.get(&format!("host-{i}.example.com:443"))));
    let counts = HOSTS.counts();
    let open: Vec<_> = HOSTS.iter().filter(|host| host.phase() == Phase::Open).collect();
    check(
        counts.kept == HOSTS.capacity(),
        "after a flood of 100,000 host names, the pool holds 1,000 circuits",
    );
    check(
        open.len() == 1 && open[0].name() == hosts.down.to_string(),
        "the open circuit is still among them",
    );

    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
