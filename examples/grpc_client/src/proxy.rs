//! A proxy on loopback that can cut its connections.

use core::net::SocketAddr;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A proxy in front of one server.
pub struct Proxy {
    pub address: SocketAddr,
    connections: Arc<Mutex<JoinSet<()>>>,
}

impl Proxy {
    /// Starts a proxy in front of the server at `to`.
    ///
    /// # Errors
    /// Returns an error if no port is free.
    pub async fn start(to: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let connections = Arc::<Mutex<JoinSet<()>>>::default();
        let accepted = connections.clone();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                lock(&accepted).spawn(async move {
                    if let Ok(mut server) = TcpStream::connect(to).await {
                        _ = copy_bidirectional(&mut client, &mut server).await;
                    }
                });
            }
        });
        Ok(Self { address, connections })
    }

    /// Cuts all connections, in the middle of whatever they carry.
    pub fn cut(&self) {
        lock(&self.connections).abort_all();
    }
}

fn lock(connections: &Mutex<JoinSet<()>>) -> std::sync::MutexGuard<'_, JoinSet<()>> {
    connections.lock().unwrap_or_else(PoisonError::into_inner)
}
