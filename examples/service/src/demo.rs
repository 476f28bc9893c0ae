//! Two small upstream hosts, to try the service without real ones.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::io;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{get, post};
use tokio::net::TcpListener;

use crate::config::{Host, Hosts};

/// Starts a stock host that fails every third request, and an order host that is down until `POST /up`.
pub(crate) async fn start(hosts: &Hosts) -> io::Result<()> {
    let stock = Router::new().route("/stock/{sku}", get(stock));
    let orders = Router::new()
        .route("/orders", post(order))
        .route("/up", post(async || IS_UP.store(true, Relaxed)))
        .route("/down", post(async || IS_UP.store(false, Relaxed)));
    serve(&hosts.stock, stock).await?;
    serve(&hosts.orders, orders).await
}

async fn serve(host: &Host, routes: Router) -> io::Result<()> {
    let listener = TcpListener::bind(host.name()).await?;
    tokio::spawn(axum::serve(listener, routes).into_future());
    Ok(())
}

static REQUESTS: AtomicU32 = AtomicU32::new(0);
static IS_UP: AtomicBool = AtomicBool::new(false);

async fn stock(Path(sku): Path<String>) -> Result<String, StatusCode> {
    match REQUESTS.fetch_add(1, Relaxed) % 3 {
        0 => Err(StatusCode::SERVICE_UNAVAILABLE),
        _ => Ok(format!("7 of {sku}\n")),
    }
}

async fn order() -> Result<&'static str, StatusCode> {
    if IS_UP.load(Relaxed) { Ok("accepted\n") } else { Err(StatusCode::SERVICE_UNAVAILABLE) }
}
