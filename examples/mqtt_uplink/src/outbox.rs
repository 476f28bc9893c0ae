//! The messages that the broker has not acknowledged: a queue with a bound, which outlives each connection.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rumqttc::v5::mqttbytes::v5::PubAckReason;
use rumqttc::v5::mqttbytes::valid_topic;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

use crate::error::DeliveryError;

/// The largest payload in bytes. It is below the packet size that brokers accept: a larger packet ends the connection.
const MAX_PAYLOAD: usize = 64 << 10;

/// A message as the broker gets it. It may get it twice, so the payload has an id by which the receiver knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    pub topic: String,
    pub payload: String,
}

/// Messages in the order in which they came, until the broker acknowledges them.
pub(crate) struct Outbox {
    /// How many messages it holds, sent or not.
    capacity: usize,
    /// How many messages may be sent before the first of them is acknowledged.
    window: usize,
    state: Mutex<State>,
    /// The session may have another message to send.
    ready: Notify,
}

#[derive(Default)]
struct State {
    next_number: u64,
    waiting: BTreeMap<u64, Entry>,
    sent: VecDeque<Sent>,
    is_stopped: bool,
}

struct Entry {
    message: Message,
    acknowledged: oneshot::Sender<PubAckReason>,
}

struct Sent {
    number: u64,
    entry: Entry,
    since: Instant,
    /// The packet identifier, once the driver has chosen it.
    packet: Option<u16>,
}

impl Outbox {
    pub(crate) fn new(capacity: usize, window: u16) -> Self {
        Self { capacity, window: window.into(), state: Mutex::default(), ready: Notify::new() }
    }

    /// Waits until the broker acknowledges the message, over any number of connections.
    ///
    /// If the future is dropped, the message is sent all the same.
    pub(crate) async fn deliver(&self, message: Message) -> Result<(), DeliveryError> {
        if message.topic.is_empty() || !valid_topic(&message.topic) || message.payload.len() > MAX_PAYLOAD {
            return Err(DeliveryError::Invalid);
        }
        let (acknowledged, answer) = oneshot::channel();
        self.put(Entry { message, acknowledged })?;
        match answer.await {
            Ok(PubAckReason::Success) => Ok(()),
            Ok(PubAckReason::NoMatchingSubscribers) => Err(DeliveryError::NoSubscriber),
            Ok(reason) => Err(DeliveryError::Refused(reason)),
            Err(_) => Err(DeliveryError::Stopped),
        }
    }

    fn put(&self, entry: Entry) -> Result<(), DeliveryError> {
        let mut state = self.state();
        if state.is_stopped {
            return Err(DeliveryError::Stopped);
        }
        if state.waiting.len() + state.sent.len() >= self.capacity {
            return Err(DeliveryError::Full);
        }
        let number = state.next_number;
        state.next_number += 1;
        state.waiting.insert(number, entry);
        drop(state);
        self.ready.notify_one();
        Ok(())
    }

    /// How many messages are not acknowledged.
    pub(crate) fn len(&self) -> usize {
        let state = self.state();
        state.waiting.len() + state.sent.len()
    }

    /// Refuses further messages, and drops those that it holds. Each delivery then ends with `Stopped`.
    pub(crate) fn stop(&self) {
        let mut state = self.state();
        state.is_stopped = true;
        state.waiting.clear();
        state.sent.clear();
    }

    /// Takes back the messages that an earlier connection has sent, and whose acknowledgements it has lost.
    pub(crate) fn begin(&self) {
        let mut state = self.state();
        let sent = std::mem::take(&mut state.sent);
        state.waiting.extend(sent.into_iter().map(|sent| (sent.number, sent.entry)));
    }

    /// Waits for the next message to send.
    pub(crate) async fn next(&self) -> Message {
        loop {
            if let Some(message) = self.try_next() {
                return message;
            }
            self.ready.notified().await;
        }
    }

    fn try_next(&self) -> Option<Message> {
        let mut state = self.state();
        if state.sent.len() >= self.window {
            return None;
        }
        let (number, entry) = state.waiting.pop_first()?;
        let message = entry.message.clone();
        state.sent.push_back(Sent { number, entry, since: Instant::now(), packet: None });
        Some(message)
    }

    /// Takes note of the packet identifier of the next message. The driver chooses them in the order of [`next`](Self::next).
    pub(crate) fn numbered(&self, packet: u16) {
        if let Some(sent) = self.state().sent.iter_mut().find(|sent| sent.packet.is_none()) {
            sent.packet = Some(packet);
        }
    }

    /// Ends the delivery of this packet.
    pub(crate) fn acknowledged(&self, packet: u16, reason: PubAckReason) {
        let mut state = self.state();
        let at = state.sent.iter().position(|sent| sent.packet == Some(packet));
        if let Some(sent) = at.and_then(|at| state.sent.remove(at)) {
            let _ = sent.entry.acknowledged.send(reason); // an error says that nothing waits for it any more
        }
        drop(state);
        self.ready.notify_one();
    }

    /// Waits until a message is not acknowledged for this long.
    pub(crate) async fn late(&self, limit: Duration) {
        loop {
            let oldest = self.state().sent.front().map(|sent| sent.since + limit);
            match oldest {
                Some(end) if end <= Instant::now() => return,
                Some(end) => sleep_until(end).await,
                None => sleep(limit).await, // a message that is sent meanwhile has until then
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
