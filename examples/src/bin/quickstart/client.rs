//! The HTTP client, and the class of each of its errors.

use core::net::SocketAddr;
use core::time::Duration;
use std::io;
use std::sync::{Mutex, PoisonError};

use reqwest::{StatusCode, header};
use retry_core::{Class, Classify, Failure};

/// Contains the attempt's number, so that the server's requests can be compared with the client's attempts.
pub(crate) const ATTEMPT_HEADER: &str = "x-attempt";

/// Reads the stock over HTTP.
pub(crate) struct Client {
    http: reqwest::Client,
    server: SocketAddr,
    requests: Mutex<Vec<RequestEnd>>,
}

/// Why the stock was not read.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The request failed, or its response was incomplete.
    Http(reqwest::Error),
    /// The status was not 200.
    Status { status: StatusCode, retry_after: Option<Duration> },
    /// The status was 200, but the body was not a count.
    Body,
}

/// Translates HTTP errors into classes. The retry settings only use classes.
impl Classify for ReadError {
    fn classify(&self) -> Failure {
        match self {
            Self::Http(error) if error.is_timeout() => Class::Timeout.into(),
            Self::Http(error) if error.is_decode() => Class::Serialization.into(),
            Self::Http(error) if error.is_builder() => Class::Validation.into(),
            Self::Http(_) => Class::Network.into(),
            Self::Status { status, retry_after } => {
                let class = match *status {
                    StatusCode::TOO_MANY_REQUESTS => Class::RateLimit,
                    StatusCode::NOT_FOUND => Class::NotFound,
                    status if status.is_client_error() => Class::Client,
                    status if status.is_server_error() => Class::Server,
                    _ => Class::Unknown,
                };
                match *retry_after {
                    Some(hint) => Failure::new(class).retry_after(hint),
                    None => class.into(),
                }
            }
            Self::Body => Class::Serialization.into(),
        }
    }
}

/// How one request ended, as far as the client can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestEnd {
    /// Sent, then dropped by the attempt timeout before an answer came.
    Abandoned,
    /// Answered, so the server has received it.
    Answered,
    /// The connection was refused, so the server has not received it.
    Refused,
    /// The connection broke, so the server may have received it.
    Broken,
}

impl Client {
    pub(crate) fn new(server: SocketAddr) -> io::Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            // One connection per attempt: a connection from before an outage would hide that outage.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(io::Error::other)?;
        Ok(Self { http, server, requests: Mutex::new(Vec::new()) })
    }

    /// Reads how many of `sku` are in stock, with one request.
    pub(crate) async fn read(&self, sku: &str) -> Result<u32, ReadError> {
        let number = self.with(|requests| {
            requests.push(RequestEnd::Abandoned);
            requests.len() - 1
        });
        let url = format!("http://{}/stock/{sku}", self.server);
        let answer = self.http.get(url).header(ATTEMPT_HEADER, number).send().await;
        self.with(|requests| {
            requests[number] = match &answer {
                Ok(_) => RequestEnd::Answered,
                Err(error) if error.is_connect() => RequestEnd::Refused,
                Err(_) => RequestEnd::Broken,
            };
        });

        let answer = answer.map_err(ReadError::Http)?;
        if answer.status() != StatusCode::OK {
            return Err(ReadError::Status {
                status: answer.status(),
                retry_after: retry_after(answer.headers()),
            });
        }
        let body = answer.text().await.map_err(ReadError::Http)?;
        body.parse().map_err(|_| ReadError::Body)
    }

    /// Returns how each request ended, by its number.
    pub(crate) fn requests(&self) -> Vec<RequestEnd> {
        self.with(|requests| requests.clone())
    }

    fn with<R>(&self, f: impl FnOnce(&mut Vec<RequestEnd>) -> R) -> R {
        f(&mut self.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Reads a `Retry-After` in seconds. The other form, a date, would need a wall clock.
fn retry_after(headers: &header::HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}
