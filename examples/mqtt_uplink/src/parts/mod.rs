//! The parts of the program: one fault each, with the claims about what the uplink makes of it.

mod broker;
mod messages;
mod network;

use std::error::Error as StdError;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs, io, process};

use harness::counted;
use mqtt_uplink::error::SessionError;
use mqtt_uplink::outage::broker::{Broker, User};
use mqtt_uplink::outage::collector::Collector;
use mqtt_uplink::outbox::Message;
use mqtt_uplink::uplink::{CONNECTIONS, MESSAGES, Settings, Uplink};
use retry_core::{Error, Jitter, Policy, dead_letter::JsonLinesSink};
use retry_tokio::{LetterWriter, retry};
use rumqttc::v5::MqttOptions;
use tokio::task::{JoinHandle, JoinSet};

/// A failed claim, or an error that ended a part.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn StdError + Send + Sync>>;

/// An uplink with a topic and a file of its own.
pub(crate) struct Trial {
    pub(crate) uplink: Arc<Uplink>,
    pub(crate) topic: String,
    directory: PathBuf,
}

type Running = JoinHandle<std::result::Result<(), Error<SessionError>>>;
type Sending = JoinSet<bool>;

/// Where each uplink keeps its dead letters.
pub(crate) fn directory() -> PathBuf {
    env::temp_dir().join(format!("mqtt-uplink-letters-{}", process::id()))
}

impl Trial {
    /// Makes an uplink whose delays and limits of time are shorter than a service's.
    pub(crate) fn new(
        name: &str,
        broker: MqttOptions,
        adapt: impl FnOnce(&mut Settings),
    ) -> io::Result<Self> {
        let directory = directory().join(name);
        fs::create_dir_all(&directory)?;
        Self::within(directory, format!("meters/{name}"), broker, adapt)
    }

    /// The same service after it was started again.
    pub(crate) async fn restarted(mut self, broker: MqttOptions) -> Result<Self> {
        let directory = std::mem::take(&mut self.directory);
        self.uplink.letters().shutdown().await?;
        let topic = self.topic.clone();
        drop(self); // ends the lock on the file
        // The thread that wrote the file ends a moment after its last letter.
        let open = async || Self::within(directory.clone(), topic.clone(), broker.clone(), |_| ());
        Ok(retry(Policy::fixed(Duration::from_millis(5)).max_attempts(1_000)).run_mut(open).await?)
    }

    fn within(
        directory: PathBuf,
        topic: String,
        broker: MqttOptions,
        adapt: impl FnOnce(&mut Settings),
    ) -> io::Result<Self> {
        let file = JsonLinesSink::open(directory.join("dead-letters.jsonl"))?;
        let mut settings = Settings::new(broker);
        settings.acknowledge_within = Duration::from_secs(1);
        settings.connections = CONNECTIONS.max_delay(Duration::from_millis(400));
        settings.messages = MESSAGES.max_delay(Duration::from_millis(200)).jitter(Jitter::None);
        adapt(&mut settings);
        let uplink = Arc::new(Uplink::new(settings, LetterWriter::start(file, 10_000, 16 << 20)?));
        Ok(Self { uplink, topic, directory })
    }

    pub(crate) fn collector(&self, broker: &Broker) -> Collector {
        let id = format!("collector-{}", self.topic.replace('/', "-"));
        Collector::start(broker.options(User::Collector, &id), &self.topic)
    }

    /// Runs the uplink until it is stopped.
    pub(crate) fn run(&self) -> Running {
        let uplink = Arc::clone(&self.uplink);
        tokio::spawn(async move { uplink.run().await })
    }

    /// Sends messages at once, each in a task. The result of a task says whether the broker acknowledged it.
    pub(crate) fn send(&self, numbers: std::ops::Range<u32>) -> Sending {
        numbers.map(|number| self.one(number, &self.topic)).collect()
    }

    /// Sends one message.
    pub(crate) fn one(&self, number: u32, topic: &str) -> impl Future<Output = bool> + Send + use<> {
        let (uplink, message) = (
            Arc::clone(&self.uplink),
            Message { topic: topic.to_owned(), payload: format!("reading {number}") },
        );
        async move { uplink.send(&message).await.is_ok() }
    }

    /// Where a redrive keeps the letters that it has taken.
    pub(crate) fn taken(&self) -> PathBuf {
        self.directory.join("taken.jsonl")
    }

    pub(crate) fn letters(&self) -> u64 {
        self.uplink.letters().sink().kept()
    }

    /// Says what the uplink did.
    pub(crate) fn report(&self) -> String {
        let (connections, messages) =
            (self.uplink.connections().snapshot(), self.uplink.messages().snapshot());
        format!(
            "{} tried, {} failed; {} sent by {}",
            counted(connections.attempts(), "connection"),
            connections.failures(),
            counted(messages.calls(), "message"),
            counted(messages.attempts(), "attempt")
        )
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        self.uplink.stop();
        if !self.directory.as_os_str().is_empty() {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

/// Waits for all messages. Returns how many the broker acknowledged.
pub(crate) async fn acknowledged(sending: Sending) -> usize {
    sending.join_all().await.into_iter().filter(|is_ok| *is_ok).count()
}

/// Waits until it holds, at most for 30 seconds.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) -> Result<()> {
    for _ in 0..6_000 {
        if holds() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Err(format!("not within 30 s: {what}").into())
}

pub(crate) use broker::{good_spells, killed, late, paused};
pub(crate) use messages::{denied, no_subscriber, overflow, refused, stopped};
pub(crate) use network::{cut_after_acceptance, lost_acknowledgement};
