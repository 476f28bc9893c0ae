//! One connection to the broker, from its beginning to its end.

use std::convert::Infallible;
use std::time::Duration;

use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::{AsyncClient, Event, EventLoop, Incoming, MqttOptions};

use crate::error::SessionError;
use crate::outbox::{Message, Outbox};

/// Connects, and sends the messages of the outbox until the connection breaks.
///
/// Each connection has an event loop of its own. So the driver reconnects never, and keeps no message of an earlier
/// connection: the outbox has them all.
pub(crate) async fn session(
    broker: MqttOptions,
    outbox: &Outbox,
    window: u16,
    limit: Duration,
) -> Result<Infallible, SessionError> {
    outbox.begin();
    let (client, mut events) = AsyncClient::new(broker, window.into());
    events.poll().await?; // the first event is the broker's acceptance
    tokio::select! {
        ended = receive(&mut events, outbox) => ended,
        never = send(&client, outbox) => match never {},
        () = outbox.late(limit) => Err(SessionError::NotAcknowledged(limit)),
    }
}

/// Runs the driver, and tells the outbox what became of its messages.
async fn receive(events: &mut EventLoop, outbox: &Outbox) -> Result<Infallible, SessionError> {
    loop {
        match events.poll().await? {
            Event::Outgoing(Outgoing::Publish(packet)) => outbox.numbered(packet),
            Event::Incoming(Incoming::PubAck(answer)) => outbox.acknowledged(answer.pkid, answer.reason),
            _ => {}
        }
    }
}

/// Hands messages to the driver. It has room for all that the outbox lets it send.
async fn send(client: &AsyncClient, outbox: &Outbox) -> Infallible {
    loop {
        let Message { topic, payload } = outbox.next().await;
        // An error says that the event loop is gone, and `receive` has its reason.
        let _ = client.publish(topic, QoS::AtLeastOnce, false, payload).await;
    }
}
