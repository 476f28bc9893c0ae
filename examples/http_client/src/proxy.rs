//! A proxy on loopback whose connections can be cut, at a byte or at once.

use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A proxy in front of one server.
pub struct Proxy {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    to: SocketAddr,
    /// Whether new connections are closed at once.
    is_down: AtomicBool,
    accepted: AtomicU32,
    upload: Limit,
    download: Limit,
    connections: Mutex<JoinSet<()>>,
}

/// After how many bytes in one direction a connection is cut: now, and then again.
#[derive(Default)]
struct Limit(Mutex<VecDeque<u64>>);

impl Proxy {
    /// Starts a proxy in front of the server at `to`.
    ///
    /// # Errors
    /// Returns an error if no port is free.
    pub async fn start(to: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            to,
            is_down: AtomicBool::new(false),
            accepted: AtomicU32::new(0),
            upload: Limit::default(),
            download: Limit::default(),
            connections: Mutex::default(),
        });
        tokio::spawn(accept(listener, shared.clone()));
        Ok(Self { address, shared })
    }

    /// Cuts all connections at once.
    pub fn cut(&self) {
        self.shared.connections().abort_all();
    }

    /// Cuts a connection after this many bytes more of requests, and then again after the next number.
    pub fn cut_uploads_after(&self, bytes: &[u64]) {
        self.shared.upload.set(bytes);
    }

    /// Cuts a connection after this many bytes more of responses, and then again after the next number.
    pub fn cut_downloads_after(&self, bytes: &[u64]) {
        self.shared.download.set(bytes);
    }

    /// Closes all connections, and each new one at once.
    pub fn down(&self) {
        self.shared.is_down.store(true, Ordering::SeqCst);
        self.cut();
    }

    /// Accepts connections again.
    pub fn up(&self) {
        self.shared.is_down.store(false, Ordering::SeqCst);
    }

    /// Returns how many connections were opened so far.
    pub fn accepted(&self) -> u32 {
        self.shared.accepted.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn connections(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        shared.accepted.fetch_add(1, Ordering::SeqCst);
        if !shared.is_down.load(Ordering::SeqCst) {
            let connection = connection(client, shared.clone());
            shared.connections().spawn(async { _ = connection.await });
        }
    }
}

/// Carries bytes until one side closes, or until a limit is reached.
async fn connection(client: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    let server = TcpStream::connect(shared.to).await?;
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::select! {
        done = carry(from_client, to_server, &shared.upload) => done,
        done = carry(from_server, to_client, &shared.download) => done,
    }
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    limit: &Limit,
) -> io::Result<()> {
    let mut buffer = [0; 4_096];
    loop {
        let read = from.read(&mut buffer).await?;
        let passed = limit.pass(read);
        to.write_all(&buffer[..passed]).await?;
        if read == 0 || passed < read {
            return Ok(());
        }
    }
}

impl Limit {
    fn set(&self, bytes: &[u64]) {
        *self.lock() = bytes.iter().copied().collect();
    }

    /// Returns how many of these bytes may pass.
    fn pass(&self, bytes: usize) -> usize {
        let mut limits = self.lock();
        match limits.front_mut() {
            Some(left) if *left < bytes as u64 => limits.pop_front().map_or(0, |left| left as usize),
            Some(left) => {
                *left -= bytes as u64;
                bytes
            }
            None => bytes,
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
