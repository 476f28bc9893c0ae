//! The callers. They read and write one dependency, with one circuit and one retry budget.

use core::net::SocketAddr;
use core::time::Duration;
use std::io;
use std::sync::Arc;

use reqwest::{Client, RequestBuilder, StatusCode};
use retry_core::{
    CircuitConfig, Class, Policy, Retry, SharedBudget, SharedCircuit, TokenBucket, classify::ByClosure,
    policy::OfType,
};
use retry_tokio::Tokio;

use crate::letters::LETTERS;
use crate::watch::{OBSERVER, Observers};

const POLICY: Policy = Policy::exponential(Duration::from_millis(20))
    .max_delay(Duration::from_millis(100))
    .max_attempts(4)
    .attempt_timeout(Duration::from_millis(250))
    .start_within(Duration::from_secs(2));

const CIRCUIT: CircuitConfig =
    CircuitConfig::DEFAULT.consecutive_failures(12).open_for(Duration::from_secs(1));

const CALLERS: u64 = 12;
const PAUSE: Duration = Duration::from_millis(40);

/// Starts the callers. They run until the program ends.
pub(crate) fn start(caller: &Caller) {
    for number in 0..CALLERS {
        let caller = caller.clone();
        tokio::spawn(async move {
            // Each starts a little later.
            tokio::time::sleep(Duration::from_millis(number * 3)).await;
            loop {
                if number.is_multiple_of(4) {
                    caller.write(7).await
                } else {
                    caller.read().await
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
    }
}

/// Reads and writes the stock. All operations and all clones share one circuit and one budget.
#[derive(Clone)]
pub(crate) struct Caller {
    http: Client,
    stock: String,
    read: Stock,
    write: Stock,
    write_again: Stock,
}

type Stock = Retry<
    Tokio,
    OfType<&'static Policy>,
    Arc<SharedCircuit>,
    Arc<SharedBudget<TokenBucket>>,
    ByClosure<fn(&reqwest::Error) -> Class>,
    &'static Observers,
>;

impl Caller {
    pub(crate) fn new(server: SocketAddr) -> io::Result<Self> {
        let http = Client::builder().no_proxy().build().map_err(io::Error::other)?;
        let stock = retry_tokio::retry(&POLICY)
            .of_type("http")
            .circuit(Arc::new(SharedCircuit::new(CIRCUIT).named("stock")))
            .budget(Arc::new(SharedBudget::new(TokenBucket::DEFAULT)))
            .classify(classify as fn(&_) -> _)
            .observe(&OBSERVER);
        Ok(Self {
            http,
            stock: format!("http://{server}/stock"),
            read: stock.clone().named("stock.read"),
            write: stock.clone().named("stock.write"),
            write_again: stock.named("stock.write-again"),
        })
    }

    /// Reads the stock. The result is ignored here, because the observers count it.
    async fn read(&self) {
        let _ = self.read.run(|| send(self.http.get(&self.stock))).await;
    }

    /// Writes the stock. A failed write leaves a dead letter.
    async fn write(&self, count: u32) {
        let call = self.write.dead_letters(&LETTERS).payload(|| count);
        let _ = call.run(|| send(self.http.put(&self.stock).body(count.to_string()))).await;
    }

    /// Repeats the write of a dead letter. Returns whether it succeeded.
    pub(crate) async fn write_again(&self, count: u32) -> bool {
        self.write_again.run(|| send(self.http.put(&self.stock).body(count.to_string()))).await.is_ok()
    }
}

async fn send(request: RequestBuilder) -> reqwest::Result<()> {
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
