//! The HTTP server. The script sets its mode.

use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use examples::outage::{ANSWERS_AFTER, Mode, SLOW_ANSWERS_AFTER, in_stock, retry_after};
use tokio::net::TcpSocket;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::client::ATTEMPT_HEADER;

/// A server on a loopback port. It keeps the port bound even while it does not listen.
pub(crate) struct Server {
    address: SocketAddr,
    port: Port,
    service: Arc<Service>,
}

enum Port {
    Listening {
        serving: JoinHandle<io::Result<()>>,
        close: oneshot::Sender<()>,
    },
    /// Bound, but not listening: connections are refused, and the port stays ours.
    Refusing(TcpSocket),
}

impl Server {
    /// Starts a healthy server on a free port.
    pub(crate) fn start() -> io::Result<Self> {
        let socket = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let address = socket.local_addr()?;
        let service = Arc::new(Service::default());
        let port = listen(socket, &service)?;
        Ok(Self { address, port, service })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes how requests are treated from now on.
    pub(crate) async fn set_mode(self, mode: Mode) -> io::Result<Self> {
        let Self { address, port, service } = self;
        service.with(|state| state.mode = mode);
        let port = match (port, mode) {
            (Port::Listening { serving, close }, Mode::Refusing) => {
                drop(close);
                serving.await.map_err(io::Error::other)??;
                Port::Refusing(bind(address)?)
            }
            (Port::Refusing(socket), Mode::Healthy | Mode::Unavailable | Mode::Slow) => {
                listen(socket, &service)?
            }
            (port, _) => port,
        };
        Ok(Self { address, port, service })
    }

    /// Returns the numbers of all attempts that arrived, in the order of their arrival.
    pub(crate) fn received(&self) -> Vec<usize> {
        self.service.with(|state| state.received.clone())
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // Connections of the previous listener may still occupy the port.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

fn listen(socket: TcpSocket, service: &Arc<Service>) -> io::Result<Port> {
    let listener = socket.listen(128)?;
    let app = Router::new().route("/stock/{sku}", get(stock)).with_state(Arc::clone(service));
    let (close, closed) = oneshot::channel::<()>();
    let serving = axum::serve(listener, app).with_graceful_shutdown(async {
        // Ends when the sender is dropped.
        let _ = closed.await;
    });
    let serving = tokio::spawn(serving.into_future());
    Ok(Port::Listening { serving, close })
}

/// The state that all requests share.
#[derive(Default)]
struct Service(Mutex<ServiceState>);

#[derive(Default)]
struct ServiceState {
    mode: Mode,
    received: Vec<usize>,
    /// How many requests were answered 503.
    unavailable: u32,
}

impl Service {
    fn with<R>(&self, f: impl FnOnce(&mut ServiceState) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Records the request, and returns how to treat it.
    fn receive(&self, headers: &HeaderMap) -> Mode {
        let number = headers.get(ATTEMPT_HEADER).and_then(|value| value.to_str().ok());
        let attempt = number.and_then(|number| number.parse::<usize>().ok());
        self.with(|state| {
            state.received.extend(attempt);
            state.mode
        })
    }

    /// Returns the `Retry-After` of the next 503.
    fn retry_after(&self) -> Duration {
        self.with(|state| {
            state.unavailable += 1;
            retry_after(state.unavailable)
        })
    }
}

async fn stock(State(service): State<Arc<Service>>, Path(sku): Path<String>, headers: HeaderMap) -> Response {
    let mode = service.receive(&headers);
    match mode {
        Mode::Healthy => tokio::time::sleep(ANSWERS_AFTER).await,
        Mode::Slow => tokio::time::sleep(SLOW_ANSWERS_AFTER).await,
        // A request that arrives while the listener closes also gets a 503.
        Mode::Unavailable | Mode::Refusing => {
            let retry_after = [(header::RETRY_AFTER, service.retry_after().as_secs())];
            return (StatusCode::SERVICE_UNAVAILABLE, retry_after).into_response();
        }
    }
    match in_stock(&sku) {
        Some(count) => count.to_string().into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
