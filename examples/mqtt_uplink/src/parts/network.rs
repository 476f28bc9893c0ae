//! Connections that are cut.

use mqtt_uplink::outage::broker::{Broker, User};
use mqtt_uplink::outage::proxy::{Cut, Proxy};
use retry_core::Class;

use super::{Result, Trial, acknowledged, claim, until};

/// The broker has the message, and the uplink cannot know it. So it sends the message again.
pub(crate) async fn lost_acknowledgement(broker: &mut Broker) -> Result<String> {
    let proxy = Proxy::start(broker.address(), Cut::BeforeAcknowledgement, 3).await?;
    let trial = Trial::new("lost", broker.options_by(proxy.address(), User::Meter, "lost"), |_| ())?;
    let (collector, _running) = (trial.collector(broker), trial.run());
    let sent = acknowledged(trial.send(0..100)).await;
    let arrived = collector.until(100).await;
    claim!((arrived, sent, proxy.cut()) == (100, 100, 3), "{arrived} arrived, {sent} acknowledged");
    claim!(collector.repeated() >= 1, "no message arrived twice");
    Ok(format!("100 of 100 messages arrived, {} of them again; {}", collector.repeated(), trial.report()))
}

/// A connection that was accepted and breaks at once is no good spell: the attempts run out.
pub(crate) async fn cut_after_acceptance(broker: &mut Broker) -> Result<String> {
    let proxy = Proxy::start(broker.address(), Cut::AfterAcceptance, 4).await?;
    let trial = Trial::new("cut", broker.options_by(proxy.address(), User::Meter, "cut"), |it| {
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
