//! The HTTP client, and which class each of its errors is of.

use core::net::SocketAddr;
use core::time::Duration;
use std::io;
use std::sync::{Mutex, PoisonError};

use reqwest::{StatusCode, header};
use retry_core::{Class, Classify, Failure};

/// Carries the attempt's number, so that the server's count can be held against the client's.
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
    /// No answer, or half of one.
    Http(reqwest::Error),
    /// An answer, but not 200.
    Status { status: StatusCode, retry_after: Option<Duration> },
    /// 200 with something that is not a count.
    Body,
}

/// All that is known of HTTP stays on this side of it.
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

/// What became of one request, as far as the client can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestEnd {
    /// Sent, then dropped by the attempt timeout before an answer came.
    Abandoned,
    /// There was an answer, so the server has seen it.
    Answered,
    /// There was no connection, so the server has not seen it.
    Refused,
    /// The connection broke: the server may have seen it or not.
    Broken,
}

impl Client {
    pub(crate) fn new(server: SocketAddr) -> io::Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            // A connection for each attempt: one kept from before an outage would hide it.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(io::Error::other)?;
        Ok(Self { http, server, requests: Mutex::new(Vec::new()) })
    }

    /// Reads how many of `sku` are in stock, by one request.
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

    /// What became of each request, by its number.
    pub(crate) fn requests(&self) -> Vec<RequestEnd> {
        self.with(|requests| requests.clone())
    }

    fn with<R>(&self, f: impl FnOnce(&mut Vec<RequestEnd>) -> R) -> R {
        f(&mut self.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// `Retry-After` in its form of whole seconds; the other form, a date, would need a wall clock.
fn retry_after(headers: &header::HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}
