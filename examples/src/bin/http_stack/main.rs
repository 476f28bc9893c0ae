//! A stack of tower's around reqwest: retries as HTTP allows them, and a circuit for each host, out of a pool.
//!
//! Three servers on loopback: one answers, one is flaky, one does not listen. What is promised is held against what
//! the servers saw; the program fails where a promise was not kept.

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

/// Six failures in a row: a rate of failures would have a word on the flaky host, too.
const CIRCUIT: CircuitConfig =
    CircuitConfig::WITHOUT_RULES.consecutive_failures(6).open_for(Duration::from_secs(60));

/// One circuit a host, at most a thousand of them.
static HOSTS: LazyLock<CircuitPool> = LazyLock::new(|| CircuitPool::new(1_000, CIRCUIT));

type Http = BoxCloneService<Request, Response, ServiceError>;

/// `lost` is for requests that did not get through.
fn http(lost: &Arc<DeadLetterQueue<String>>) -> Result<Http, reqwest::Error> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let retry = retry(&POLICY).classify(reqwest_error).classify_ok(reqwest_response).named("http");
    let layer = RetryLayer::new(retry)
        .clone_request(reqwest_requests(Idempotency::MethodOrKey))
        .circuit_by(|request| HOSTS.get(&host(request)))
        .dead_letters(Arc::clone(lost), |request: &Request| {
            format!("{} {}", request.method(), request.url().path())
        })
        .only(ReasonSet::DEFAULT.without(Reason::Rejected));
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
    let mut kept = true;
    let mut promise = |holds: bool, what: &str| {
        println!("{} {what}", if holds { "kept:  " } else { "BROKEN:" });
        kept &= holds;
    };
    let request = |method: &Method, host, path: &str| -> Result<Request, BoxError> {
        Ok(Request::new(method.clone(), format!("http://{host}{path}").parse()?))
    };
    let send = |request| http.clone().oneshot(request);

    // A flaky host: every second request fails, and no caller sees it.
    let mut answered = 0;
    for item in 0..20 {
        let response = send(request(&Method::GET, hosts.flaky, &format!("/stock/{item}"))?).await?;
        answered += u32::from(response.text().await? == "7");
    }
    promise(answered == 20, "20 of 20 reads of a host that fails with every second request");
    let twice = (0..20).all(|item| hosts.log.of(&Method::GET, &format!("/stock/{item}")).len() == 2);
    promise(twice, "each was sent twice, no more");

    let response = send(request(&Method::GET, hosts.flaky, "/busy")?).await?;
    let seen = hosts.log.of(&Method::GET, "/busy");
    let waited = seen.windows(2).all(|pair| pair[1].at - pair[0].at >= Duration::from_secs(1));
    promise(
        response.status() == StatusCode::OK && seen.len() == 2 && waited,
        "Retry-After: 1 was waited for",
    );

    let response = send(request(&Method::GET, hosts.flaky, "/broken")?).await?;
    let sent = hosts.log.of(&Method::GET, "/broken").len();
    promise(
        response.status() == 500 && sent == 3,
        "after three attempts the caller has the last answer, a 500",
    );
    let lost = || letters.pop().map(|letter| (letter.payload, letter.attempts));
    promise(lost() == Some(("GET /broken".into(), 3)), "and the request is a dead letter");

    // Orders: sent again only where the server can tell that it is the same one.
    let response = send(request(&Method::POST, hosts.flaky, "/orders")?).await?;
    let sent = hosts.log.of(&Method::POST, "/orders").len();
    promise(response.status() == 502 && sent == 1, "a POST that failed was not sent again");
    promise(lost() == Some(("POST /orders".into(), 1)), "but left a dead letter");
    let mut order = request(&Method::POST, hosts.flaky, "/orders/8e03978e")?;
    order.headers_mut().insert("idempotency-key", "\"8e03978e\"".parse()?);
    let response = send(order).await?;
    let sent = hosts.log.of(&Method::POST, "/orders/8e03978e").len();
    promise(response.status() == StatusCode::OK && sent == 2, "one with an Idempotency-Key was");

    // A host that is down: its circuit opens, and that of no other.
    let mut refused = 0;
    for _ in 0..10 {
        let error = send(request(&Method::GET, hosts.down, "/")?).await.err();
        refused += u32::from(error.is_some_and(|error| error.is_circuit_open()));
    }
    let down = HOSTS.get(&hosts.down.to_string());
    promise(
        down.phase() == Phase::Open && refused == 8,
        "the circuit of a host that is down is open after two calls",
    );
    let well = send(request(&Method::GET, hosts.well, "/")?).await?.text().await?;
    promise(well == "12", "a host that is well answers meanwhile");

    // Keys from outside: a hundred thousand names of hosts, of which the pool keeps a thousand.
    drop(down);
    (0..100_000).for_each(|i| drop(HOSTS.get(&format!("host-{i}.example.com:443"))));
    let counts = HOSTS.counts();
    let open: Vec<_> = HOSTS.iter().filter(|host| host.phase() == Phase::Open).collect();
    promise(
        counts.kept == HOSTS.capacity(),
        "the pool holds a thousand circuits after a flood of 100,000 hosts",
    );
    promise(
        open.len() == 1 && open[0].name() == hosts.down.to_string(),
        "and has not forgotten the open one",
    );

    Ok(if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
