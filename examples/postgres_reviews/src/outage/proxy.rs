//! A proxy on the loopback interface that loses the answer to a commit.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The query of a commit, as the protocol carries it.
const COMMIT: &[u8] = b"COMMIT\0";

/// A proxy in front of a server. It cuts each of the first connections that commit, when the answer to the commit arrives:
/// the server has committed, and the client cannot know it.
pub struct Proxy {
    port: u16,
    lost: Arc<AtomicU32>,
}

impl Proxy {
    /// Starts a proxy that loses this number of answers.
    ///
    /// # Errors
    /// Returns an error if no port is free.
    pub async fn start(server: u16, answers: u32) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (port, lost) = (listener.local_addr()?.port(), Arc::new(AtomicU32::new(0)));
        let count = Arc::clone(&lost);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, server, answers, Arc::clone(&count)));
            }
        });
        Ok(Self { port, lost })
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The number of answers that were lost.
    pub fn lost(&self) -> u32 {
        self.lost.load(Ordering::Relaxed)
    }
}

/// Forwards bytes in both directions, until one side closes or an answer is to be lost. Then both sides are closed.
async fn forward(mut client: TcpStream, server: u16, answers: u32, lost: Arc<AtomicU32>) -> io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", server)).await?;
    let (mut query, mut answer) = ([0; 4_096], [0; 4_096]);
    let mut commits = false;
    loop {
        tokio::select! {
            read = client.read(&mut query) => match read? {
                0 => return Ok(()),
                length => {
                    // The client writes a commit alone, after the answers of the statements before it.
                    commits = query[..length].windows(COMMIT.len()).any(|bytes| bytes == COMMIT);
                    server.write_all(&query[..length]).await?;
                }
            },
            read = server.read(&mut answer) => match read? {
                0 => return Ok(()),
                _ if commits && lost.load(Ordering::Relaxed) < answers => {
                    lost.fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                }
                length => client.write_all(&answer[..length]).await?,
            },
        }
    }
}
