//! A broker that starts late, is killed, is paused, and comes back again and again.

use std::time::Duration;

use harness::claim;
use mqtt_uplink::outage::broker::{Broker, User};
use retry_core::Class;
use tokio::time::Instant;

use super::{Result, Trial, acknowledged, until};

/// The broker starts after the uplink.
pub(crate) async fn late(broker: &mut Broker) -> Result<String> {
    broker.kill()?;
    let trial = Trial::new("late", broker.options(User::Meter, "late"), |_| ())?;
    let (collector, _running, sending) = (trial.collector(broker), trial.run(), trial.send(0..100));
    until("four refused connections", || trial.uplink.connections().snapshot().failures() >= 4).await?;
    until("100 messages", || trial.uplink.waiting() == 100).await?;
    broker.run()?;
    let (arrived, acknowledged) = (collector.until(100).await, acknowledged(sending).await);
    claim!((arrived, acknowledged) == (100, 100), "{arrived} arrived, {acknowledged} acknowledged");
    Ok(format!("100 of 100 messages arrived; {}", trial.report()))
}

/// SIGKILL in the middle of a stream of messages, three times. Each message that the broker had is either acknowledged and
/// with the subscriber, or sent again.
pub(crate) async fn killed(broker: &mut Broker) -> Result<String> {
    let trial = Trial::new("killed", broker.options(User::Meter, "killed"), |it| it.capacity = 3_000)?;
    let (collector, _running) = (trial.collector(broker), trial.run());
    let (mut total, mut under_way) = (0, 0);
    let mut sending = Vec::new();
    for _ in 0..3 {
        sending.push(trial.send(total..total + 1_000));
        collector.until(total as usize + 100).await;
        broker.kill()?;
        under_way += trial.uplink.waiting();
        broker.run()?;
        total += 1_000;
    }
    let arrived = collector.until(total as usize).await;
    let mut received = 0;
    for sending in sending {
        received += acknowledged(sending).await;
    }
    claim!((arrived, received) == (3_000, 3_000), "{arrived} arrived, {received} acknowledged");
    claim!(trial.letters() == 0, "{} dead letters", trial.letters());
    claim!(under_way > 0, "each kill came after the last message");
    Ok(format!("3000 of 3000 messages arrived, {} of them twice; {}", collector.repeated(), trial.report()))
}

/// SIGSTOP: the connection stays open, and no acknowledgement comes. New connections are accepted by the system, and the
/// broker does not answer them.
pub(crate) async fn paused(broker: &mut Broker) -> Result<String> {
    let trial = Trial::new("paused", broker.options(User::Meter, "paused"), |_| ())?;
    let (collector, _running) = (trial.collector(broker), trial.run());
    let before = acknowledged(trial.send(0..10)).await;
    claim!(before == 10, "{before}");
    broker.pause()?;
    let (start, sending) = (Instant::now(), trial.send(10..110));
    let timeouts = || trial.uplink.connections().snapshot().failures_of(Class::Timeout);
    until("a timeout", || timeouts() == 1).await?;
    let noticed = start.elapsed();
    until("another timeout", || timeouts() == 2).await?; // of a connection that was not answered
    broker.go_on()?;
    let (arrived, acknowledged) = (collector.until(110).await, acknowledged(sending).await);
    claim!((arrived, acknowledged) == (110, 100), "{arrived} arrived, {acknowledged} acknowledged");
    claim!(noticed < Duration::from_secs(5), "noticed after {noticed:?}, not before a ping");
    Ok(format!("noticed after {} ms; 110 of 110 messages arrived; {}", noticed.as_millis(), trial.report()))
}

/// The policy makes at most 6 attempts. After each connection that worked for a while, it counts anew.
pub(crate) async fn good_spells(broker: &mut Broker) -> Result<String> {
    const GOOD: Duration = Duration::from_millis(300);
    const ROUNDS: u32 = 10;
    let trial = Trial::new("spells", broker.options(User::Meter, "spells"), |it| {
        it.connections = it.connections.max_attempts(6).reset_after(GOOD);
    })?;
    let (collector, running) = (trial.collector(broker), trial.run());
    for round in 0..ROUNDS {
        let sent = acknowledged(trial.send(round * 10..round * 10 + 10)).await;
        claim!(sent == 10, "round {round}: {sent}");
        tokio::time::sleep(GOOD).await; // the good spell
        broker.kill()?;
        broker.run()?;
    }
    let sent = acknowledged(trial.send(ROUNDS * 10..ROUNDS * 10 + 10)).await;
    let arrived = collector.until(110).await;
    claim!((arrived, sent) == (110, 10), "{arrived} arrived");
    claim!(!running.is_finished(), "the uplink gave up");
    let connections = trial.uplink.connections().snapshot();
    claim!(connections.failures() >= u64::from(ROUNDS), "{}", trial.report());
    Ok(format!("{ROUNDS} outages with at most 6 attempts; 110 of 110 messages arrived; {}", trial.report()))
}
