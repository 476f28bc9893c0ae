//! The HTTP server that the callers depend on. It can be set to healthy, flaky, limited or down.

use core::net::{Ipv4Addr, SocketAddr};
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering::Relaxed};
use core::time::Duration;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;

const ANSWERS_AFTER: Duration = Duration::from_millis(5);

/// How the server treats requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Answers every request.
    Healthy,
    /// Answers every fourth request with 503, and leaves every fortieth unanswered.
    Flaky,
    /// Answers every third request with 429.
    Limited,
    /// Answers every request with 503.
    Down,
}

impl Mode {
    pub(crate) const ALL: [Self; 4] = [Self::Healthy, Self::Flaky, Self::Limited, Self::Down];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| format!("{mode:?}").eq_ignore_ascii_case(name))
    }
}

pub(crate) struct Server {
    address: SocketAddr,
    mode: AtomicU8,
    /// Whether a mode was chosen.
    chosen: AtomicBool,
    requests: AtomicU32,
}

impl Server {
    /// Starts a healthy server on a free port.
    pub(crate) async fn start() -> io::Result<Arc<Self>> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let server = Arc::new(Self {
            address: listener.local_addr()?,
            mode: AtomicU8::new(0),
            chosen: AtomicBool::new(false),
            requests: AtomicU32::new(0),
        });
        let routes = Router::new().route("/stock", get(answer).put(answer)).with_state(Arc::clone(&server));
        tokio::spawn(axum::serve(listener, routes).into_future());
        Ok(server)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the mode, and ends the changes once per minute.
    pub(crate) fn choose(&self, mode: Mode) {
        self.chosen.store(true, Relaxed);
        self.mode.store(mode as u8, Relaxed);
    }

    /// Sets the mode if none was chosen. Returns whether it did.
    pub(crate) fn turn_to(&self, mode: Mode) -> bool {
        let free = !self.chosen.load(Relaxed);
        if free {
            self.mode.store(mode as u8, Relaxed);
        }
        free
    }
}

async fn answer(State(server): State<Arc<Server>>) -> Result<&'static str, StatusCode> {
    let number = server.requests.fetch_add(1, Relaxed);
    match Mode::ALL[usize::from(server.mode.load(Relaxed))] {
        Mode::Flaky if number.is_multiple_of(40) => core::future::pending().await,
        Mode::Flaky if number.is_multiple_of(4) => Err(StatusCode::SERVICE_UNAVAILABLE),
        Mode::Limited if number.is_multiple_of(3) => Err(StatusCode::TOO_MANY_REQUESTS),
        Mode::Healthy | Mode::Flaky | Mode::Limited => {
            tokio::time::sleep(ANSWERS_AFTER).await;
            Ok("7")
        }
        Mode::Down => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}
