//! The classes of rumqttc's errors, each made by a real broker, by a peer that sends what a broker would, or by rumqttc.

use std::io;
use std::time::Duration;

use harness::server::or_skipped;
use mqtt_uplink::outage::broker::{Broker, User};
use retry_core::{Class, Classify, Failure, Policy};
use retry_tokio::{error_chain, retry, rumqttc_error, rumqttc_v5_error};
use rumqttc::v5::mqttbytes::v5::ConnectReturnCode::NotAuthorized;
use rumqttc::{self as v4, QoS, Transport, v5};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const NOT_SENT: Failure = Failure::new(Class::Validation).neutral();

#[tokio::test]
async fn a_broker_that_refuses_ends_or_dies() {
    let Some(mut broker) = broker() else { return };
    let options = |id| broker.options(User::Meter, id);
    let mut wrong = options("wrong");
    wrong.set_credentials("meter", "wrong");
    assert_eq!(class_of(refused(wrong).await), Class::Client); // 0x87, not authorized
    let mut wrong = v4::MqttOptions::new("wrong", broker.address().0, broker.address().1);
    wrong.set_credentials("meter", "wrong");
    assert_eq!(class_of_v4(refused_v4(wrong).await), Class::Client); // 5, not authorized

    let mut stopped = connected(options("stopped")).await;
    broker.terminate().unwrap();
    assert_eq!(class_of(end(&mut stopped).await), Class::Network); // 0x8B, shutting down
    broker.run().unwrap();
    let mut killed = connected(broker.options(User::Meter, "killed")).await;
    broker.kill().unwrap();
    assert_eq!(class_of(end(&mut killed).await), Class::Network);
    assert_eq!(class_of(refused(broker.options(User::Meter, "late")).await), Class::Network);
}

/// The codes with which a broker refuses a connection. A broker of MQTT 3.1.1 answers a client of MQTT 5 with its own codes,
/// and the other way round.
#[tokio::test]
async fn each_code_of_a_refusal_has_its_class() {
    for code in 0x80..0xA0 {
        let failure = refused(peer(vec![vec![0x20, 3, 0, code, 0]]).await).await;
        let known = ![0x8B, 0x8D, 0x8E, 0x8F].contains(&code); // those of other packets
        match Class::of_mqtt_reason(code) {
            Some(class) if known => assert_eq!(class_of(failure), class, "{code:#x}"),
            _ => drop(class_of(failure)),
        }
        let failure = refused_v4(v4_options(peer(vec![vec![0x20, 2, 0, code]]).await)).await;
        assert_eq!(Some(class_of_v4(failure)), Class::of_mqtt_reason(code), "{code:#x}");
    }
    for code in 1..=5 {
        let class = Class::of_mqtt3_return_code(code).unwrap();
        assert_eq!(
            class_of_v4(refused_v4(v4_options(peer(vec![vec![0x20, 2, 0, code]]).await)).await),
            class
        );
        assert_eq!(class_of(refused(peer(vec![vec![0x20, 3, 0, code, 0]]).await).await), class);
    }
}

/// The reasons with which a broker of MQTT 5 ends a connection.
#[tokio::test]
async fn each_reason_of_a_disconnect_has_its_class() {
    for reason in [0x80, 0x82, 0x87, 0x89, 0x8B, 0x8D, 0x8E, 0x93, 0x95, 0x97, 0x98, 0x9C, 0x9F, 0xA0, 0xA2] {
        let mut events = connected(peer(vec![ACCEPTED.into(), vec![0xE0, 2, reason, 0]]).await).await;
        assert_eq!(Some(class_of(end(&mut events).await)), Class::of_mqtt_reason(reason), "{reason:#x}");
    }
    let mut events = connected(peer(vec![ACCEPTED.into(), vec![0xE0, 2, 0, 0]]).await).await;
    assert_eq!(class_of(end(&mut events).await), Class::Network); // a normal end
}

#[tokio::test]
async fn a_peer_that_is_no_broker_is_the_network() {
    for answer in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"", &[0xD0, 0]] {
        assert_eq!(class_of(refused(peer(vec![answer.into()]).await).await), Class::Network, "{answer:?}");
        let options = v4_options(peer(vec![answer.into()]).await);
        assert_eq!(class_of_v4(refused_v4(options).await), Class::Network, "{answer:?}");
    }
    let mut socket = v4::MqttOptions::new("meter", "/nonexistent/mqtt.sock", 0);
    socket.set_transport(Transport::Unix);
    assert_eq!(class_of_v4(refused_v4(socket).await), Class::Network); // the broker is stopped
}

#[tokio::test]
async fn no_answer_is_a_timeout() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap(); // the system accepts, and nothing answers
    let mut options = options_at(&silent);
    options.set_connection_timeout(1);
    let (v4_client, mut v4_events) = v4::AsyncClient::new(v4_options(options.clone()), 1);
    let mut network = v4_events.network_options();
    v4_events.set_network_options(network.set_connection_timeout(1).clone());
    let (v5, v4) = tokio::join!(refused(options), v4_events.poll());
    assert_eq!((class_of(v5), class_of_v4(v4.unwrap_err())), (Class::Timeout, Class::Timeout));
    drop(v4_client);
}

/// The peer answers no ping. The clock is paused, so the test does not wait for two of them.
#[tokio::test]
async fn no_answer_to_a_ping_is_a_timeout() {
    let mut events = connected(peer(vec![ACCEPTED.into(), vec![]]).await).await;
    tokio::time::pause();
    assert!(matches!(
        end(&mut events).await,
        error @ v5::ConnectionError::MqttState(v5::StateError::AwaitPingResp) if class_of_ref(&error) == Class::Timeout
    ));
    tokio::time::resume();
    let (_client, mut events) =
        v4::AsyncClient::new(v4_options(peer(vec![vec![0x20, 2, 0, 0], vec![]]).await), 1);
    events.poll().await.unwrap();
    tokio::time::pause();
    assert_eq!(class_of_v4(end_v4(&mut events).await), Class::Timeout);
}

/// A packet that is larger than the broker accepts, or than the client accepts.
#[tokio::test]
async fn a_packet_that_is_too_large() {
    let at_most_20_bytes = vec![0x20, 8, 0, 0, 5, 0x27, 0, 0, 0, 20];
    let (client, mut events) = v5::AsyncClient::new(peer(vec![at_most_20_bytes, vec![]]).await, 1);
    client.try_publish("meters/7", v5::mqttbytes::QoS::AtLeastOnce, false, vec![0; 100]).unwrap();
    assert_eq!(judged(end(&mut events).await), NOT_SENT);

    let mut options = v4_options(peer(vec![vec![0x20, 2, 0, 0], vec![]]).await);
    options.set_max_packet_size(1_000, 20);
    let (client, mut events) = v4::AsyncClient::new(options, 1);
    client.try_publish("meters/7", QoS::AtLeastOnce, false, vec![0; 100]).unwrap();
    assert_eq!(judged_v4(end_v4(&mut events).await), NOT_SENT);

    let large = vec![0x30, 0x80, 0x80, 0x04]; // the beginning of a message of 64 KiB
    let mut events = connected(peer(vec![ACCEPTED.into(), large.clone()]).await).await;
    assert_eq!(class_of(end(&mut events).await), Class::Validation);
    let (_client, mut events) =
        v4::AsyncClient::new(v4_options(peer(vec![vec![0x20, 2, 0, 0], large]).await), 1);
    assert_eq!(class_of_v4(end_v4(&mut events).await), Class::Validation);
}

/// The errors that only the driver itself makes.
#[test]
fn errors_of_the_client_are_neutral() {
    use v4::{ConnectionError as V4, StateError as S4};
    use v5::{ConnectionError as V5, StateError as S5};
    let dropped = Failure::new(Class::Permanent).neutral();
    assert_eq!((judged_v4(V4::RequestsDone), judged(V5::RequestsDone)), (dropped, dropped));
    assert_eq!(judged_v4(V4::MqttState(S4::EmptySubscription)), NOT_SENT);
    assert_eq!(judged(V5::MqttState(S5::EmptySubscription)), NOT_SENT);
    assert_eq!(judged(V5::MqttState(S5::InvalidAlias { alias: 7, max: 0 })), NOT_SENT);
    assert_eq!(class_of_v4(V4::FlushTimeout), Class::Timeout);
    assert_eq!(class_of_v4(V4::MqttState(S4::CollisionTimeout)), Class::Timeout);
    assert_eq!(class_of_v4(V4::MqttState(S4::Unsolicited(7))), Class::Network);
    assert_eq!(class_of(V5::MqttState(S5::Io(io::ErrorKind::ConnectionReset.into()))), Class::Network);
}

#[tokio::test]
async fn a_call_inside_has_made_its_attempts() {
    let inner = retry(&Policy::DEFAULT).classify(rumqttc_v5_error);
    let refused = || async { Err::<(), _>(v5::ConnectionError::ConnectionRefused(NotAuthorized)) };
    let ended = inner.run(refused).await.unwrap_err();
    let judged = ended.classify();
    assert_eq!(judged, rumqttc_v5_error(ended.inner().unwrap()).last());
    assert_eq!(error_chain().classify(&io::Error::other(ended)), judged);
}

/// The acceptance of a broker of MQTT 5.
const ACCEPTED: &[u8] = &[0x20, 3, 0, 0, 0];

/// Starts a peer that sends these packets to each client, the first one after the client's CONNECT. An empty packet keeps
/// the connection open; otherwise the peer then closes it.
async fn peer(packets: Vec<Vec<u8>>) -> v5::MqttOptions {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = options_at(&listener);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(answer(client, packets.clone()));
        }
    });
    options
}

async fn answer(mut client: TcpStream, packets: Vec<Vec<u8>>) -> io::Result<()> {
    let _connect = client.read(&mut [0; 1_024]).await?;
    let stays = packets.last().is_some_and(|last| last.is_empty() && packets.len() > 1);
    for packet in packets {
        client.write_all(&packet).await?;
    }
    while stays && client.read(&mut [0; 1_024]).await? > 0 {}
    Ok(())
}

fn options_at(listener: &TcpListener) -> v5::MqttOptions {
    let mut options = v5::MqttOptions::new("meter", "127.0.0.1", listener.local_addr().unwrap().port());
    options.set_keep_alive(Duration::from_secs(5));
    options
}

fn v4_options(options: v5::MqttOptions) -> v4::MqttOptions {
    let (host, port) = options.broker_address();
    v4::MqttOptions::new("meter", host, port)
}

/// A broker of its own, or `None` if mosquitto is not installed, or `MQTT_URL` is set, and no test requires it.
fn broker() -> Option<Broker> {
    or_skipped(Broker::start().unwrap().filter(Broker::is_own), "a mosquitto of the test's own")
}

async fn refused(options: v5::MqttOptions) -> v5::ConnectionError {
    let (_client, mut events) = v5::AsyncClient::new(options, 1);
    events.poll().await.unwrap_err()
}

async fn refused_v4(options: v4::MqttOptions) -> v4::ConnectionError {
    let (_client, mut events) = v4::AsyncClient::new(options, 1);
    events.poll().await.unwrap_err()
}

async fn connected(options: v5::MqttOptions) -> v5::EventLoop {
    let (_, mut events) = v5::AsyncClient::new(options, 1);
    events.poll().await.unwrap();
    events
}

async fn end(events: &mut v5::EventLoop) -> v5::ConnectionError {
    loop {
        if let Err(error) = events.poll().await {
            return error;
        }
    }
}

async fn end_v4(events: &mut v4::EventLoop) -> v4::ConnectionError {
    loop {
        if let Err(error) = events.poll().await {
            return error;
        }
    }
}

/// What the classifier says, which is also what the chain says of the error inside of another one.
fn judged(error: v5::ConnectionError) -> Failure {
    let failure = rumqttc_v5_error(&error);
    assert_eq!(error_chain().classify(&io::Error::other(error)), failure);
    failure
}

fn judged_v4(error: v4::ConnectionError) -> Failure {
    let failure = rumqttc_error(&error);
    assert_eq!(error_chain().classify(&io::Error::other(error)), failure);
    failure
}

fn class_of(error: v5::ConnectionError) -> Class {
    judged(error).class
}

fn class_of_ref(error: &v5::ConnectionError) -> Class {
    rumqttc_v5_error(error).class
}

fn class_of_v4(error: v4::ConnectionError) -> Class {
    judged_v4(error).class
}
