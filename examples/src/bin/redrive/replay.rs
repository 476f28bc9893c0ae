//! Delivers letters again.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
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
        let key = match idempotency_key(stored) {
            Ok(key) => key,
            Err(why) => return Sent::Failed(why),
        };
        let post = || {
            let request = self.client.post(self.to.clone()).header(CONTENT_TYPE, "application/json");
            let request = request.headers(self.headers.clone());
            let request = match &key {
                Some(key) => request.header(IDEMPOTENCY_KEY, key.clone()),
                None => request,
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

pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The longest value in the metadata of a letter, in bytes. A longer one was cut.
const LONGEST_VALUE: usize = 256;

/// Returns the key that the failed call has sent, because an attempt of it may have taken effect. Without one, it is the
/// letter's id. A letter without either gets no key: the receiver would take letters of the same key for duplicates.
fn idempotency_key(stored: &Stored) -> Result<Option<HeaderValue>, String> {
    let sent = stored.metadata.iter().find(|(name, _)| name.eq_ignore_ascii_case(IDEMPOTENCY_KEY));
    let (key, is_whole) = match sent {
        Some((_, key)) => (key.clone(), key.len() <= LONGEST_VALUE && key.is_ascii()),
        None if stored.letter.id.is_none() => return Ok(None),
        None => (stored.letter.id.to_string(), true),
    };
    let key = HeaderValue::try_from(key).ok().filter(|_| is_whole);
    key.map(Some)
        .ok_or_else(|| "not sent: the idempotency-key of its metadata is cut, or not a header".to_owned())
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
