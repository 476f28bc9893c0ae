//! The parts of the program, each with its claims.

mod bodies;
mod circuits;
mod hints;
mod idempotency;

use core::net::SocketAddr;

use reqwest::{Client, Method, Request, Url};

pub use self::bodies::{downloads, uploads};
pub use self::circuits::circuits;
pub use self::hints::hints;
pub use self::idempotency::idempotency;
use crate::Result;
use crate::client::Http;

/// A client without the proxies of the environment, because all servers are on loopback.
fn client() -> Result<Http> {
    Ok(Http::new(|| Client::builder().no_proxy())?)
}

fn url(host: SocketAddr, path: &str) -> Result<Url> {
    Ok(format!("http://{host}{path}").parse()?)
}

fn get(host: SocketAddr, path: &str) -> Result<Request> {
    Ok(Request::new(Method::GET, url(host, path)?))
}
