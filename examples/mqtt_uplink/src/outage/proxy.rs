//! A proxy on the loopback interface that cuts connections at a chosen packet of the broker.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The first byte of a CONNACK packet and of a PUBACK packet.
const CONNACK: u8 = 0x20;
const PUBACK: u8 = 0x40;

/// Where the proxy cuts a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// After the broker has accepted it.
    AfterAcceptance,
    /// Before an acknowledgement reaches the client: the broker has the message, and the client cannot know it.
    BeforeAcknowledgement,
}

/// A proxy in front of a broker. It cuts the first connections that come to the chosen place.
pub struct Proxy {
    port: u16,
    cut: Arc<AtomicU32>,
}

impl Proxy {
    /// Starts a proxy that cuts this number of connections.
    ///
    /// # Errors
    /// Returns an error if no port is free.
    pub async fn start((host, port): (&str, u16), place: Cut, connections: u32) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let proxy = Self { port: listener.local_addr()?.port(), cut: Arc::new(AtomicU32::new(0)) };
        let (broker, cut) = (format!("{host}:{port}"), Arc::clone(&proxy.cut));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (broker, cut) = (broker.clone(), Arc::clone(&cut));
                tokio::spawn(async move { forward(client, &broker, place, connections, &cut).await });
            }
        });
        Ok(proxy)
    }

    /// Where the proxy is.
    pub fn address(&self) -> (&str, u16) {
        ("127.0.0.1", self.port)
    }

    /// How many connections were cut.
    pub fn cut(&self) -> u32 {
        self.cut.load(Ordering::Relaxed)
    }
}

/// Forwards bytes in both directions, until one side closes or the connection is to be cut. Then both sides are closed.
async fn forward(
    mut client: TcpStream,
    broker: &str,
    place: Cut,
    connections: u32,
    cut: &AtomicU32,
) -> io::Result<()> {
    let mut broker = TcpStream::connect(broker).await?;
    let (mut request, mut answer) = ([0; 4_096], [0; 4_096]);
    loop {
        tokio::select! {
            read = client.read(&mut request) => match read? {
                0 => return Ok(()),
                length => broker.write_all(&request[..length]).await?,
            },
            read = broker.read(&mut answer) => {
                let length = read?;
                // mosquitto writes each packet by itself, so the first byte of what is read tells the packet.
                let is_there = match place {
                    Cut::AfterAcceptance => answer[0] == CONNACK,
                    Cut::BeforeAcknowledgement => answer[0] == PUBACK,
                };
                let cuts = length > 0 && is_there && cut.load(Ordering::Relaxed) < connections;
                if length > 0 && !(cuts && place == Cut::BeforeAcknowledgement) {
                    client.write_all(&answer[..length]).await?;
                }
                if cuts {
                    cut.fetch_add(1, Ordering::Relaxed);
                }
                if length == 0 || cuts {
                    return Ok(());
                }
            },
        }
    }
}
