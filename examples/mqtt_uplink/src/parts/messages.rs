//! Messages that the broker does not take, and credentials that it refuses.

use std::time::Duration;

use harness::{claim, counted};
use mqtt_uplink::outage::broker::{Broker, User, password};
use mqtt_uplink::redrive::{Redriven, redrive};
use retry_core::Class;

use super::{Result, Trial, acknowledged, until};

/// A wrong password is not retried. The messages wait until an operator has set the right one.
pub(crate) async fn refused(broker: &mut Broker) -> Result<String> {
    broker.set_password(User::Meter, "another")?;
    let trial = Trial::new("refused", broker.options(User::Meter, "refused"), |_| ())?;
    let (collector, sending) = (trial.collector(broker), trial.send(0..100));
    until("100 messages", || trial.uplink.waiting() == 100).await?;
    let error = trial.uplink.run().await.err().ok_or("the broker accepted the wrong password")?;
    claim!((error.attempts(), error.class()) == (1, Some(Class::Client)), "{error}");
    claim!(trial.uplink.waiting() == 100, "{} wait", trial.uplink.waiting());
    broker.set_password(User::Meter, password(User::Meter))?;
    let _running = trial.run();
    let (arrived, sent) = (collector.until(100).await, acknowledged(sending).await);
    claim!((arrived, sent) == (100, 100), "{arrived} arrived, {sent} acknowledged");
    Ok(format!("1 attempt, and 100 messages waited; then 100 of 100 arrived; {}", trial.report()))
}

/// The broker acknowledges messages to which nothing subscribes, and drops them. MQTT 5 says so, and they are sent again.
pub(crate) async fn no_subscriber(broker: &mut Broker) -> Result<String> {
    let trial = Trial::new("unheard", broker.options(User::Meter, "unheard"), |_| ())?;
    let (_running, sending) = (trial.run(), trial.send(0..100));
    let failures = || trial.uplink.messages().snapshot().failures_of(Class::Transient);
    until("100 dropped messages", || failures() >= 100).await?;
    let collector = trial.collector(broker);
    let (arrived, sent) = (collector.until(100).await, acknowledged(sending).await);
    claim!((arrived, sent) == (100, 100), "{arrived} arrived, {sent} acknowledged");
    Ok(format!(
        "dropped {}; then 100 of 100 messages arrived; {}",
        counted(failures(), "time"),
        trial.report()
    ))
}

/// The uplink may not write to this topic. The message is not sent again, and the others go on.
pub(crate) async fn denied(broker: &mut Broker) -> Result<String> {
    let trial = Trial::new("denied", broker.options(User::Meter, "denied"), |_| ())?;
    let (collector, _running) = (trial.collector(broker), trial.run());
    let (is_sent, others) = (trial.one(7, "admin/restart").await, acknowledged(trial.send(0..10)).await);
    claim!((is_sent, others) == (false, 10), "{is_sent}, {others}");
    claim!(trial.letters() == 1, "{} dead letters", trial.letters());
    let messages = trial.uplink.messages().snapshot();
    claim!(messages.failures_of(Class::Client) == 1, "{}", trial.report());
    claim!(trial.uplink.connections().snapshot().failures() == 0, "{}", trial.report());
    let arrived = collector.until(10).await;
    claim!(arrived == 10, "{arrived} arrived");
    Ok(format!("1 dead letter after 1 attempt; the 10 other messages arrived; {}", trial.report()))
}

/// The outbox has room for 50 messages, and 300 come while the broker is down. The others become dead letters on disk,
/// and are sent after the outage.
pub(crate) async fn overflow(broker: &mut Broker) -> Result<String> {
    broker.kill()?;
    let trial = Trial::new("overflow", broker.options(User::Meter, "overflow"), |it| {
        it.capacity = 50;
        it.messages = it.messages.start_within(Duration::from_millis(500));
    })?;
    let (collector, _running, sending) = (trial.collector(broker), trial.run(), trial.send(0..300));
    until("250 dead letters", || trial.letters() == 250).await?;
    claim!(trial.uplink.waiting() == 50, "{} wait", trial.uplink.waiting());
    broker.run()?;
    let (sent, letters) = (acknowledged(sending).await, trial.letters());
    claim!(sent as u64 + letters == 300, "{sent} acknowledged, {letters} dead letters");
    let redriven = redrive(&trial.uplink, &trial.taken()).await?;
    let all = Redriven { delivered: letters as u32, put_back: 0, damaged: 0 };
    claim!(redriven == all, "{redriven:?}");
    let arrived = collector.until(300).await;
    claim!(arrived == 300, "{arrived} arrived");
    Ok(format!("{letters} dead letters on disk; 300 of 300 messages arrived; {}", trial.report()))
}

/// The service stops while the broker is down. Its messages are on disk before it ends, and are sent when it starts again.
pub(crate) async fn stopped(broker: &mut Broker) -> Result<String> {
    broker.terminate()?;
    let trial = Trial::new("stopped", broker.options(User::Meter, "stopped"), |_| ())?;
    let (running, sending) = (trial.run(), trial.send(0..100));
    until("100 messages", || trial.uplink.waiting() == 100).await?;
    trial.uplink.stop();
    running.await??;
    let sent = acknowledged(sending).await;
    claim!((sent, trial.letters()) == (0, 100), "{sent} acknowledged, {} dead letters", trial.letters());
    broker.run()?;
    let next = trial.restarted(broker.options(User::Meter, "stopped")).await?;
    let (collector, _running) = (next.collector(broker), next.run());
    let redriven = redrive(&next.uplink, &next.taken()).await?;
    let arrived = collector.until(100).await;
    claim!((redriven.delivered, arrived) == (100, 100), "{redriven:?}, {arrived} arrived");
    Ok(format!("100 dead letters; after the start, 100 of 100 messages arrived; {}", next.report()))
}
