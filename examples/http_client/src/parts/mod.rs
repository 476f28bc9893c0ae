//! The parts of the program, each with its claims.

mod bodies;
mod circuits;
mod hints;
mod idempotency;

use core::net::SocketAddr;

use reqwest::{Method, Request, Url};

pub use self::bodies::{downloads, uploads};
pub use self::circuits::circuits;
pub use self::hints::hints;
pub use self::idempotency::idempotency;
use crate::Result;

fn url(host: SocketAddr, path: &str) -> Result<Url> {
    Ok(format!("http://{host}{path}").parse()?)
}

fn get(host: SocketAddr, path: &str) -> Result<Request> {
    Ok(Request::new(Method::GET, url(host, path)?))
}
