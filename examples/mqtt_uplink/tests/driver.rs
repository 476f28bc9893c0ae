//! What the driver does with messages that were not acknowledged, if it reconnects by itself.

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::{AsyncClient, Event, EventLoop, Incoming, MqttOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// The broker takes three messages, acknowledges none, and closes. Its next CONNACK says whether it has the session. A
/// broker that was killed has lost it, and so has a session that began clean.
#[tokio::test]
async fn the_driver_drops_messages_if_the_broker_has_lost_the_session() {
    for (session_present, kept) in [(0, 0), (1, 3)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut options = MqttOptions::new("meter", "127.0.0.1", listener.local_addr().unwrap().port());
        options.set_clean_start(false).set_session_expiry_interval(Some(3_600));
        tokio::spawn(async move {
            for present in [0, session_present] {
                let (mut client, _) = listener.accept().await.unwrap();
                let _connect = client.read(&mut [0; 1_024]).await.unwrap();
                client.write_all(&[0x20, 3, present, 0, 0]).await.unwrap();
                let mut packets = 0;
                while packets < 3 {
                    let mut header = [0; 2];
                    client.read_exact(&mut header).await.unwrap();
                    client.read_exact(&mut vec![0; header[1].into()]).await.unwrap();
                    packets += u32::from(header[0] >> 4 == 3);
                }
            }
        });
        let (client, mut events) = AsyncClient::new(options, 10);
        for number in 0..3 {
            client.publish("meters/7", QoS::AtLeastOnce, false, format!("{number}")).await.unwrap();
        }
        while events.poll().await.is_ok() {}
        assert_eq!(events.pending.len(), 3);
        until_accepted(&mut events).await;
        assert_eq!(events.pending.len(), kept, "session present: {session_present}");
    }
}

async fn until_accepted(events: &mut EventLoop) {
    while !matches!(events.poll().await, Ok(Event::Incoming(Incoming::ConnAck(_)))) {}
}
