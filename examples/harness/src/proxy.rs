//! A proxy on loopback whose connections can be cut: at once, at a byte, or at an answer.

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
    answers: Mutex<Option<Lost>>,
    cuts: AtomicU32,
    connections: Mutex<JoinSet<()>>,
}

/// How many connections are still cut at an answer, and at which one.
struct Lost {
    left: u32,
    cut: Box<dyn Fn(Exchange<'_>) -> Option<Cut> + Send>,
}

/// What a connection carried last, each as it was read from its socket.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'b> {
    pub request: &'b [u8],
    pub answer: &'b [u8],
}

/// Where a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The server has answered, and the client cannot know it.
    BeforeAnswer,
    AfterAnswer,
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
            answers: Mutex::default(),
            cuts: AtomicU32::new(0),
            connections: Mutex::default(),
        });
        tokio::spawn(accept(listener, shared.clone()));
        Ok(Self { address, shared })
    }

    /// Cuts all connections at once.
    pub fn cut(&self) {
        lock(&self.shared.connections).abort_all();
    }

    /// Cuts a connection after this many bytes more of requests, and then again after the next number.
    pub fn cut_uploads_after(&self, bytes: &[u64]) {
        self.shared.upload.set(bytes);
    }

    /// Cuts a connection after this many bytes more of responses, and then again after the next number.
    pub fn cut_downloads_after(&self, bytes: &[u64]) {
        self.shared.download.set(bytes);
    }

    /// Cuts this number of connections at an answer: the first ones for which the closure returns where.
    pub fn cut_at_answers(
        &self,
        connections: u32,
        cut: impl Fn(Exchange<'_>) -> Option<Cut> + Send + 'static,
    ) {
        *lock(&self.shared.answers) = Some(Lost { left: connections, cut: Box::new(cut) });
    }

    /// Returns how many connections were cut at an answer so far.
    pub fn cuts(&self) -> u32 {
        self.shared.cuts.load(Ordering::SeqCst)
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
    /// Returns where a connection is cut, if it is.
    fn cut(&self, exchange: Exchange<'_>) -> Option<Cut> {
        let mut lost = lock(&self.answers);
        let lost = lost.as_mut().filter(|lost| lost.left > 0)?;
        let cut = (lost.cut)(exchange)?;
        lost.left -= 1;
        self.cuts.fetch_add(1, Ordering::SeqCst);
        Some(cut)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        shared.accepted.fetch_add(1, Ordering::SeqCst);
        if !shared.is_down.load(Ordering::SeqCst) {
            let connection = connection(client, shared.clone());
            lock(&shared.connections).spawn(async { _ = connection.await });
        }
    }
}

/// Carries bytes until one side closes, or until the connection is cut.
async fn connection(client: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    let server = TcpStream::connect(shared.to).await?;
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let request = Mutex::default();
    tokio::select! {
        done = carry_requests(from_client, to_server, &shared, &request) => done,
        done = carry_answers(from_server, to_client, &shared, &request) => done,
    }
}

async fn carry_requests(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    shared: &Shared,
    last: &Mutex<Vec<u8>>,
) -> io::Result<()> {
    let mut buffer = [0; 4_096];
    loop {
        let read = from.read(&mut buffer).await?;
        buffer[..read].clone_into(&mut lock(last));
        let passed = shared.upload.pass(read);
        to.write_all(&buffer[..passed]).await?;
        if read == 0 || passed < read {
            return Ok(());
        }
    }
}

async fn carry_answers(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    shared: &Shared,
    request: &Mutex<Vec<u8>>,
) -> io::Result<()> {
    let mut buffer = [0; 4_096];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        let cut = shared.cut(Exchange { request: &lock(request), answer: &buffer[..read] });
        let passed = if cut == Some(Cut::BeforeAnswer) { 0 } else { shared.download.pass(read) };
        to.write_all(&buffer[..passed]).await?;
        if cut.is_some() || passed < read {
            return Ok(());
        }
    }
}

impl Limit {
    fn set(&self, bytes: &[u64]) {
        *lock(&self.0) = bytes.iter().copied().collect();
    }

    /// Returns how many of these bytes may pass.
    fn pass(&self, bytes: usize) -> usize {
        let mut limits = lock(&self.0);
        match limits.front_mut() {
            Some(left) if *left < bytes as u64 => limits.pop_front().map_or(0, |left| left as usize),
            Some(left) => {
                *left -= bytes as u64;
                bytes
            }
            None => bytes,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
