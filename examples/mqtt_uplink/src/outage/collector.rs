//! A subscriber that counts which messages arrive, and how often.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::{AsyncClient, Event, Incoming, MqttOptions};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};

/// A subscriber. It subscribes anew after each outage. Dropping it ends it.
pub struct Collector {
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    counts: Mutex<HashMap<String, u32>>,
    changed: Notify,
}

impl Collector {
    /// Subscribes to a topic.
    pub fn start(broker: MqttOptions, topic: &str) -> Self {
        let seen = Arc::new(Seen::default());
        let task = tokio::spawn(collect(broker, topic.to_owned(), Arc::clone(&seen)));
        Self { seen, task }
    }

    /// Waits until this number of different payloads has arrived, at most for 30 seconds. Returns their number.
    pub async fn until(&self, payloads: usize) -> usize {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let arrived = self.seen.counts().len();
            if arrived >= payloads || timeout_at(end, self.seen.changed.notified()).await.is_err() {
                return arrived;
            }
        }
    }

    /// How often messages arrived that had arrived before.
    pub fn repeated(&self) -> u32 {
        self.seen.counts().values().map(|count| count - 1).sum()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Seen {
    fn counts(&self) -> std::sync::MutexGuard<'_, HashMap<String, u32>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn collect(broker: MqttOptions, topic: String, seen: Arc<Seen>) {
    let (client, mut events) = AsyncClient::new(broker, 10);
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Incoming::ConnAck(_))) => {
                // At most once, so that the broker writes each message at once, before it acknowledges it to the uplink.
                let _ = client.subscribe(&topic, QoS::AtMostOnce).await;
            }
            Ok(Event::Incoming(Incoming::Publish(message))) => {
                let payload = String::from_utf8_lossy(&message.payload).into_owned();
                *seen.counts().entry(payload).or_default() += 1;
                seen.changed.notify_one();
            }
            Ok(_) => {}
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}
