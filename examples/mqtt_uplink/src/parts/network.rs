//! Connections that are cut.

use std::io;

use harness::claim;
use harness::proxy::{Cut, Proxy};
use mqtt_uplink::outage::broker::{Broker, User};
use retry_core::Class;
use tokio::net::lookup_host;

use super::{Result, Trial, acknowledged, until};

/// The first byte of a CONNACK packet and of a PUBACK packet. mosquitto writes each packet by itself.
const CONNACK: u8 = 0x20;
const PUBACK: u8 = 0x40;

/// The broker has the message, and the uplink cannot know it. So it sends the message again.
pub(crate) async fn lost_acknowledgement(broker: &mut Broker) -> Result<String> {
    let proxy = proxy(broker, 3, PUBACK, Cut::BeforeAnswer).await?;
    let trial = Trial::new("lost", broker.options_by(proxy.address, User::Meter, "lost"), |_| ())?;
    let (collector, _running) = (trial.collector(broker), trial.run());
    let sent = acknowledged(trial.send(0..100)).await;
    let arrived = collector.until(100).await;
    claim!((arrived, sent, proxy.cuts()) == (100, 100, 3), "{arrived} arrived, {sent} acknowledged");
    claim!(collector.repeated() >= 1, "no message arrived twice");
    Ok(format!("100 of 100 messages arrived, {} of them again; {}", collector.repeated(), trial.report()))
}

/// A connection that was accepted and breaks at once is no good spell: the attempts run out.
pub(crate) async fn cut_after_acceptance(broker: &mut Broker) -> Result<String> {
    let proxy = proxy(broker, 4, CONNACK, Cut::AfterAnswer).await?;
    let trial = Trial::new("cut", broker.options_by(proxy.address, User::Meter, "cut"), |it| {
        it.connections = it.connections.max_attempts(4);
    })?;
    let (collector, sending) = (trial.collector(broker), trial.send(0..100));
    until("100 messages", || trial.uplink.waiting() == 100).await?;
    let running = trial.run();
    let error = running.await?.err().ok_or("the uplink ended without an error")?;
    claim!((error.attempts(), error.class()) == (4, Some(Class::Network)), "{error}");
    claim!(trial.uplink.waiting() == 100, "{} wait", trial.uplink.waiting());
    let _running = trial.run(); // as an operator does after the alert
    let (arrived, sent) = (collector.until(100).await, acknowledged(sending).await);
    claim!((arrived, sent) == (100, 100), "{arrived} arrived, {sent} acknowledged");
    Ok(format!(
        "gave up after 4 attempts, and 100 messages waited; then 100 of 100 arrived; {}",
        trial.report()
    ))
}

/// Starts a proxy that cuts this number of connections at an answer of this kind.
async fn proxy(broker: &Broker, connections: u32, answer: u8, cut: Cut) -> io::Result<Proxy> {
    let mut addresses = lookup_host(broker.address()).await?;
    let address = addresses.next().ok_or_else(|| io::Error::other("the broker's host has no address"))?;
    let proxy = Proxy::start(address).await?;
    proxy.cut_at_answers(connections, move |exchange| (exchange.answer[0] == answer).then_some(cut));
    Ok(proxy)
}
