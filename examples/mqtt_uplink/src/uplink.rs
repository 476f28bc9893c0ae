//! The uplink: one policy for its connections, and one for each message.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use retry_core::{Error, Policy, observe::Metrics};
use retry_tokio::{LetterWriter, retry};
use rumqttc::v5::MqttOptions;
use tokio_util::sync::CancellationToken;

use crate::error::{DeliveryError, SessionError};
use crate::outbox::{Message, Outbox};
use crate::session::session;

/// The connections. After a connection that worked for a minute, the delays begin anew. It ends only by an error that
/// another attempt does not mend, such as a wrong password.
pub const CONNECTIONS: Policy = Policy::exponential(Duration::from_millis(200))
    .max_delay(Duration::from_secs(30))
    .max_attempts(u32::MAX)
    .reset_after(Duration::from_secs(60));

/// The messages. While the broker is away, a message waits in the outbox, and no attempt fails. Attempts fail if the
/// outbox is full, if nothing subscribes to the topic, or if the broker is busy.
pub const MESSAGES: Policy = Policy::exponential(Duration::from_millis(100))
    .max_delay(Duration::from_secs(5))
    .max_attempts(u32::MAX)
    .start_within(Duration::from_secs(60));

/// What an uplink needs to know.
#[derive(Clone)]
pub struct Settings {
    /// The broker, the client identifier and the credentials.
    pub broker: MqttOptions,
    /// How many messages the outbox holds.
    pub capacity: usize,
    /// How many messages are sent before the first of them is acknowledged.
    pub window: u16,
    /// How long the broker may take for an acknowledgement.
    pub acknowledge_within: Duration,
    pub connections: Policy,
    pub messages: Policy,
}

impl Settings {
    /// The settings of a service.
    pub fn new(mut broker: MqttOptions) -> Self {
        let window = 10;
        broker
            .set_clean_start(true) // the outbox has the messages, not the session
            .set_outgoing_inflight_upper_limit(window)
            .set_keep_alive(Duration::from_secs(5))
            .set_connection_timeout(2);
        Self {
            broker,
            capacity: 1_000,
            window,
            acknowledge_within: Duration::from_secs(5),
            connections: CONNECTIONS,
            messages: MESSAGES,
        }
    }
}

/// Sends messages to a broker, at least once each.
pub struct Uplink {
    settings: Settings,
    outbox: Outbox,
    letters: LetterWriter,
    connections: Arc<Metrics>,
    messages: Arc<Metrics>,
    stop: CancellationToken,
}

impl Uplink {
    /// Makes an uplink. Messages that cannot be delivered go to `letters`.
    pub fn new(settings: Settings, letters: LetterWriter) -> Self {
        Self {
            outbox: Outbox::new(settings.capacity, settings.window),
            settings,
            letters,
            connections: Arc::new(Metrics::new()),
            messages: Arc::new(Metrics::new()),
            stop: CancellationToken::new(),
        }
    }

    /// Connects, and reconnects, until [`stop`](Self::stop). Messages that are sent meanwhile wait.
    ///
    /// # Errors
    /// Returns an error if the policy gives up, such as after a wrong password. The messages wait for the next `run`.
    pub async fn run(&self) -> Result<(), Error<SessionError>> {
        let Settings { broker, window, acknowledge_within, connections, .. } = &self.settings;
        let connect = || session(broker.clone(), &self.outbox, *window, *acknowledge_within);
        let calls = retry(connections).observe(Arc::clone(&self.connections)).named("uplink.connect");
        let ended: Result<Infallible, _> = calls.until(self.stop.cancelled()).run(connect).await;
        match ended {
            Err(error) if error.is_cancelled() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Waits until the broker has acknowledged the message.
    ///
    /// # Errors
    /// Returns an error if the policy gives up, or if the uplink is stopped. The message is then a dead letter, on disk
    /// if the error's [`letter`](Error::letter) says so.
    pub async fn send(&self, message: &Message) -> Result<(), Error<DeliveryError>> {
        let calls = retry(&self.settings.messages).observe(Arc::clone(&self.messages)).named("uplink.send");
        let call = calls.deliver_dead_letters(self.letters.or(&())).payload(|| message.clone());
        call.run(|| self.outbox.deliver(message.clone())).await
    }

    /// Does the same as [`send`](Self::send), without a dead letter.
    pub(crate) async fn send_again(&self, message: &Message) -> Result<(), Error<DeliveryError>> {
        let calls = retry(&self.settings.messages).observe(Arc::clone(&self.messages)).named("uplink.resend");
        calls.run(|| self.outbox.deliver(message.clone())).await
    }

    /// Ends [`run`](Self::run), and makes dead letters of all messages that are not acknowledged. The connection closes
    /// without a DISCONNECT, so the broker publishes the last will if there is one.
    ///
    /// Each [`send`](Self::send) returns when its letter is on disk. A service waits for them before it ends.
    pub fn stop(&self) {
        self.stop.cancel();
        self.outbox.stop();
    }

    /// How many messages wait for their acknowledgement.
    pub fn waiting(&self) -> usize {
        self.outbox.len()
    }

    /// What became of the connections.
    pub fn connections(&self) -> &Metrics {
        &self.connections
    }

    /// What became of the messages.
    pub fn messages(&self) -> &Metrics {
        &self.messages
    }

    /// The file of dead letters.
    pub fn letters(&self) -> &LetterWriter {
        &self.letters
    }
}
