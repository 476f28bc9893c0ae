//! The callers: two operations on one dependency, with one circuit and one budget.

use core::net::SocketAddr;
use core::time::Duration;
use std::io;

use reqwest::{Client, StatusCode};
use retry_core::{CircuitConfig, Class, Policy, SharedBudget, SharedCircuit, TokenBucket};

use crate::watch::OBSERVER;

const POLICY: Policy = Policy::exponential(Duration::from_millis(20))
    .cap(Duration::from_millis(100))
    .attempts(4)
    .attempt_timeout(Duration::from_millis(250))
    .deadline(Duration::from_secs(2));

static STOCK: SharedCircuit =
    SharedCircuit::new(CircuitConfig::DEFAULT.consecutive_failures(12).open_for(Duration::from_secs(1)));

static RETRIES: SharedBudget<TokenBucket> = SharedBudget::new(TokenBucket::DEFAULT);

const CALLERS: u64 = 12;
const PAUSE: Duration = Duration::from_millis(40);

/// Starts the callers, who call for ever.
pub(crate) fn start(server: SocketAddr) -> io::Result<()> {
    let client = Client::builder().no_proxy().build().map_err(io::Error::other)?;
    let url = format!("http://{server}/stock");
    for caller in 0..CALLERS {
        let (client, url) = (client.clone(), url.clone());
        tokio::spawn(async move {
            // Not all in step.
            tokio::time::sleep(Duration::from_millis(caller * 3)).await;
            loop {
                call(&client, &url, caller.is_multiple_of(4)).await;
                tokio::time::sleep(PAUSE).await;
            }
        });
    }
    Ok(())
}

async fn call(client: &Client, url: &str, writes: bool) {
    let stock =
        retry_tokio::retry(&POLICY).circuit(&STOCK).budget(&RETRIES).classify(classify).observe(&OBSERVER);
    // What became of it is watched, and nobody else waits for it here.
    let _ = if writes {
        stock.named("stock.write").run(|| send(client.put(url).body("7"))).await
    } else {
        stock.named("stock.read").run(|| send(client.get(url))).await
    };
}

async fn send(request: reqwest::RequestBuilder) -> reqwest::Result<()> {
    request.send().await?.error_for_status()?;
    Ok(())
}

fn classify(error: &reqwest::Error) -> Class {
    match error.status() {
        Some(StatusCode::TOO_MANY_REQUESTS) => Class::RateLimit,
        Some(status) if status.is_server_error() => Class::Server,
        Some(_) => Class::Client,
        None if error.is_timeout() => Class::Timeout,
        None => Class::Network,
    }
}
