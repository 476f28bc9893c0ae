//! The HTTP routes of the service.

use core::time::Duration;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header::RETRY_AFTER};
use axum::response::AppendHeaders;
use axum::routing::{get, post};
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use retry_core::{Class, ErrorKind};
use retry_tokio::Tokio;
use tokio_util::task::TaskTracker;

use crate::client::{Answer, Network, Upstream};
use crate::letters::{IDEMPOTENCY_KEY, LONGEST_KEY, Order};

#[derive(Clone)]
pub(crate) struct Front {
    pub(crate) upstream: Arc<Upstream<Tokio, Network>>,
    /// The orders in progress.
    pub(crate) orders: TaskTracker,
    pub(crate) metrics: PrometheusHandle,
}

type Reply = Result<(StatusCode, String), Failed>;

/// A status, `Retry-After` if it is known, and a text that says nothing of the upstream hosts.
type Failed = (StatusCode, AppendHeaders<Option<(HeaderName, u64)>>, &'static str);

impl Front {
    pub(crate) fn routes(self) -> Router {
        Router::new()
            .route("/stock/{sku}", get(stock))
            .route("/orders", post(order))
            .route("/metrics", get(|State(front): State<Self>| async move { front.metrics.render() }))
            .route("/health", get(|State(front): State<Self>| async move { front.upstream.health() }))
            .with_state(self)
    }
}

async fn stock(State(front): State<Front>, Path(sku): Path<String>) -> Reply {
    reply(front.upstream.stock(&sku).await).await
}

/// Sends an order in a task of its own, so that it goes on if the caller closes the connection.
async fn order(State(front): State<Front>, headers: HeaderMap, Json(order): Json<Order>) -> Reply {
    let key = headers.get(IDEMPOTENCY_KEY).and_then(|key| key.to_str().ok());
    let Some(key) = key.filter(|key| (1..=LONGEST_KEY).contains(&key.len())) else {
        return Err(failed(StatusCode::BAD_REQUEST, "the header idempotency-key must have 1 to 256 bytes\n"));
    };
    let (upstream, key) = (front.upstream, key.to_owned());
    let call = front.orders.spawn(async move { upstream.order(&order, &key).await });
    reply(call.await.expect("an order does not panic, and is not aborted")).await
}

/// Turns the result of a call into a reply: the upstream host's response, or a text of our own. The error, with the name
/// and the answer of the host, is in the log only, where `LogFacade` has written it.
async fn reply(answer: Answer) -> Reply {
    let error = match answer {
        Ok(response) => {
            let status = response.status();
            let body = response.text().await;
            return Ok((status, body.map_err(|_| failed(StatusCode::BAD_GATEWAY, FAILED))?));
        }
        Err(error) => error,
    };
    Err(match (error.kind(), error.class()) {
        (ErrorKind::Rejected(rejected), _) => {
            // In whole seconds, rounded up. A circuit that is forced open has no end of its own.
            let wait = rejected.wait().clamp(Duration::from_secs(1), Duration::from_secs(3_600));
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            let (status, _, text) =
                failed(StatusCode::SERVICE_UNAVAILABLE, "the upstream host is down: try again later\n");
            (status, AppendHeaders(Some((RETRY_AFTER, seconds))), text)
        }
        (ErrorKind::Cancelled, _) => failed(StatusCode::SERVICE_UNAVAILABLE, "the service stops\n"),
        (_, Some(Class::Timeout)) => {
            failed(StatusCode::GATEWAY_TIMEOUT, "the upstream host did not answer in time\n")
        }
        (_, Some(Class::Client | Class::NotFound | Class::Validation)) => {
            failed(StatusCode::UNPROCESSABLE_ENTITY, "the upstream host refused the request\n")
        }
        _ => failed(StatusCode::BAD_GATEWAY, FAILED),
    })
}

const FAILED: &str = "the upstream host failed\n";

fn failed(status: StatusCode, text: &'static str) -> Failed {
    (status, AppendHeaders(None), text)
}

#[cfg(test)]
mod tests {
    use retry_core::{CircuitConfig, Policy, Retry, SharedCircuit, testing::FakeClock};
    use retry_tokio::ReqwestClassifier;

    use super::*;

    #[tokio::test]
    async fn a_refusal_tells_the_caller_when_to_come_back() {
        for (open_for, after) in [(100, 1), (19_500, 20), (20_000, 20), (10_000_000, 3_600)] {
            let (circuit, clock) = (SharedCircuit::new(CircuitConfig::DEFAULT), FakeClock::new());
            circuit.trip(Duration::from_millis(open_for), clock.now());
            let calls = Retry::new(&Policy::DEFAULT, &clock).circuit(&circuit).classifier(ReqwestClassifier);
            let refused =
                calls.run_blocking(|| -> reqwest::Result<_> { unreachable!("the circuit is open") });
            let (status, AppendHeaders(headers), _) = reply(refused).await.unwrap_err();
            assert_eq!((status.as_u16(), headers), (503, Some((RETRY_AFTER, after))), "{open_for} ms");
        }
    }
}
