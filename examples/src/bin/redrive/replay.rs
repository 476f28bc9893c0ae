//! Delivers letters again.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Url};
use retry_core::{CircuitConfig, ErrorKind, Policy, SharedBudget, SharedCircuit, budget::TokenBucket};
use retry_tokio::{ReqwestClassifier, retry};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::taken::Stored;

const POLICY: Policy = Policy::exponential(Duration::from_millis(200))
    .max_attempts(3)
    .attempt_timeout(Duration::from_secs(30))
    .max_hint(Duration::from_secs(60));
static RECEIVER: SharedCircuit =
    SharedCircuit::new(CircuitConfig::WITHOUT_RULES.consecutive_failures(6).open_for(Duration::from_secs(5)));
static RETRIES: SharedBudget<TokenBucket> = SharedBudget::new(TokenBucket::DEFAULT);

/// What became of a letter.
pub(crate) enum Sent {
    Delivered,
    /// The receiver failed or refused it.
    Failed(String),
    /// The circuit stayed open for too long.
    Down,
    /// Ctrl-C came first.
    Stopped,
}

pub(crate) struct Sender {
    client: Client,
    to: Url,
    headers: HeaderMap,
    patience: Duration,
    stop: watch::Receiver<bool>,
}

impl Sender {
    pub(crate) fn new(
        to: Url,
        headers: HeaderMap,
        patience: Duration,
        stop: watch::Receiver<bool>,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self { client: Client::builder().no_proxy().build()?, to, headers, patience, stop })
    }

    pub(crate) async fn send(&self, stored: &Stored) -> Sent {
        let post = || {
            let request = self.client.post(self.to.clone()).headers(self.headers.clone());
            let request = request.header(CONTENT_TYPE, "application/json");
            // With a key that letters share, the receiver would take them for duplicates.
            let request = match stored.letter.id {
                id if id.is_none() => request,
                id => request.header("Idempotency-Key", id.to_string()),
            };
            request.body(stored.letter.payload.get().to_owned()).send()
        };
        let mut patience = self.patience;
        loop {
            let call = retry(&POLICY).circuit(&RECEIVER).budget(&RETRIES).classifier(ReqwestClassifier);
            let sent = call.until(stopped(self.stop.clone())).run(post).await;
            let error = match sent {
                Ok(_) => return Sent::Delivered,
                Err(error) => error,
            };
            match error.kind() {
                ErrorKind::Cancelled => return Sent::Stopped,
                // Only the first attempt was refused: the letter itself was not tried.
                ErrorKind::Rejected(rejected) if error.attempts() == 0 => {
                    let wait = rejected.wait().max(Duration::from_millis(100));
                    if wait > patience {
                        return Sent::Down;
                    }
                    patience -= wait;
                    tokio::select! {
                        () = sleep(wait) => {}
                        () = stopped(self.stop.clone()) => return Sent::Stopped,
                    }
                }
                _ => return Sent::Failed(error.to_string()),
            }
        }
    }
}

/// Ends when the program is to stop.
async fn stopped(mut stop: watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The bar is shown only on a terminal.
pub(crate) fn bar(letters: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos} of {len} letters, {eta} left  {msg}");
    ProgressBar::new(letters).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
