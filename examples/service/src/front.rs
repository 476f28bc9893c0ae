//! The HTTP routes of the service.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use retry_core::Class;
use retry_tokio::Tokio;
use tokio_util::task::TaskTracker;

use crate::client::{Answer, Network, Upstream};
use crate::letters::Order;

#[derive(Clone)]
pub(crate) struct Front {
    pub(crate) upstream: Arc<Upstream<Tokio, Network>>,
    /// The orders in progress.
    pub(crate) orders: TaskTracker,
    pub(crate) metrics: PrometheusHandle,
}

type Reply = Result<(StatusCode, String), (StatusCode, String)>;

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
    let Some(key) = headers.get("idempotency-key").and_then(|key| key.to_str().ok()) else {
        return Err((StatusCode::BAD_REQUEST, "the header idempotency-key is missing\n".into()));
    };
    let (upstream, key) = (front.upstream, key.to_owned());
    let call = front.orders.spawn(async move { upstream.order(&order, &key).await });
    reply(call.await.expect("an order does not panic, and is not aborted")).await
}

/// Turns the result of a call into a reply: the upstream host's response, or the error.
async fn reply(answer: Answer) -> Reply {
    match answer {
        Ok(response) => {
            let status = response.status();
            let body = response.text().await.map_err(|error| (StatusCode::BAD_GATEWAY, error.to_string()))?;
            Ok((status, body))
        }
        Err(error) => {
            let status = match error.class() {
                _ if error.is_circuit_open() || error.is_cancelled() => StatusCode::SERVICE_UNAVAILABLE,
                Some(Class::Timeout) => StatusCode::GATEWAY_TIMEOUT,
                Some(Class::Client | Class::NotFound | Class::Validation) => StatusCode::UNPROCESSABLE_ENTITY,
                _ => StatusCode::BAD_GATEWAY,
            };
            Err((status, format!("{error}\n")))
        }
    }
}
