//! Three hosts: one is healthy, one is flaky, and one does not listen.

use core::net::SocketAddr;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use tokio::net::{TcpListener, TcpSocket};

/// The addresses of the hosts, and the requests that they received.
pub(crate) struct Hosts {
    pub(crate) healthy: SocketAddr,
    pub(crate) flaky: SocketAddr,
    pub(crate) down: SocketAddr,
    /// The requests that the flaky host received.
    pub(crate) log: Log,
    /// Keeps the port of `down` bound, so that no other program gets it.
    _bound: TcpSocket,
}

#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<Seen>>>);

/// One request.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) at: Instant,
}

impl Hosts {
    pub(crate) async fn start() -> io::Result<Self> {
        let log = Log::default();
        let bound = TcpSocket::new_v4()?;
        bound.bind(([127, 0, 0, 1], 0).into())?;
        Ok(Self {
            healthy: serve(Router::new().fallback(|| async { "12" })).await?,
            flaky: serve(Router::new().fallback(flaky).with_state(log.clone())).await?,
            down: bound.local_addr()?,
            log,
            _bound: bound,
        })
    }
}

impl Log {
    /// Returns the requests with this method and path, in the order in which they arrived.
    pub(crate) fn of(&self, method: &Method, path: &str) -> Vec<Seen> {
        self.with(|seen| {
            seen.iter().filter(|seen| seen.method == *method && seen.path == path).cloned().collect()
        })
    }

    fn with<R>(&self, f: impl FnOnce(&mut Vec<Seen>) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn serve(app: Router) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async { axum::serve(listener, app).await });
    Ok(address)
}

/// Fails every other request of each path, from the first. `/broken` always fails.
async fn flaky(State(log): State<Log>, method: Method, uri: Uri) -> Response {
    #[allow(clippy::disallowed_methods)] // the server's log is in real time
    let seen = Seen { method: method.clone(), path: uri.path().into(), at: Instant::now() };
    log.with(|log| log.push(seen));
    let before = log.of(&method, uri.path()).len() - 1;
    match uri.path() {
        "/broken" => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        _ if before % 2 == 1 => "7".into_response(),
        "/busy" => (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")]).into_response(),
        _ => StatusCode::BAD_GATEWAY.into_response(),
    }
}
