//! The service `stock.Stock` on loopback, in a runtime of its own, so that it can be killed like a process.

use core::net::SocketAddr;
use core::pin::Pin;
use core::time::Duration;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use std::{future, io};

use harness::wait::came;
use tokio::net::TcpSocket;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_stream::{Stream, StreamExt};
use tonic::metadata::MetadataMap;
use tonic::transport::Server;
use tonic::{Code, Request, Response, Status};

use crate::stock::stock_server::{Stock, StockServer};
use crate::stock::{Amount, Article, NewOrder, Receipt};

/// What the server does with a call.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// Answers with this amount.
    Amount(u32),
    /// Fails, and possibly says when to come back.
    Fail(Code, Option<&'static str>),
    /// Sends two amounts, and then fails in the trailers. This is for `List`.
    FailInTrailers(Code),
    /// Sends two amounts, and then nothing. This is for `List`.
    StopInTheMiddle,
    /// Works on it without an end.
    Hang,
}

/// A call that the server received.
#[derive(Clone, Debug)]
pub struct Seen {
    pub sku: String,
    pub at: Instant,
    /// The number of attempts before this one, as the client says.
    pub previous: u32,
    /// The rest of the client's deadline.
    pub timeout: Option<Duration>,
}

/// What the server is told to do, and what it saw. It outlives each run of the server.
#[derive(Clone, Debug, Default)]
pub struct Script(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    answers: HashMap<String, VecDeque<Answer>>,
    seen: Vec<Seen>,
    working: usize,
}

impl Script {
    /// Sets the answers to the calls about an article. The last one repeats. Without any, the answer is 7.
    pub fn set(&self, sku: &str, answers: &[Answer]) {
        self.with(|state| state.answers.insert(sku.into(), answers.iter().copied().collect()));
    }

    /// Returns the calls about an article, in the order of their arrival.
    pub fn seen(&self, sku: &str) -> Vec<Seen> {
        self.with(|state| state.seen.iter().filter(|seen| seen.sku == sku).cloned().collect())
    }

    /// Returns the times between the arrivals of the calls about an article.
    pub fn gaps(&self, sku: &str) -> Vec<Duration> {
        self.seen(sku).windows(2).map(|pair| pair[1].at - pair[0].at).collect()
    }

    /// Waits until this many calls about an article have arrived, at most for 30 s. Returns whether they have.
    pub async fn until_seen(&self, sku: &str, count: usize) -> bool {
        came(self.until(|state| state.seen.iter().filter(|seen| seen.sku == sku).count() >= count)).await
    }

    /// Waits until the server works on no call, at most for 30 s. Returns whether that is so.
    pub async fn until_idle(&self) -> bool {
        came(self.until(|state| state.working == 0)).await
    }

    async fn until(&self, holds: impl Fn(&State) -> bool) {
        let mut changed = self.0.changed.subscribe();
        while !self.with(|state| holds(state)) {
            changed.changed().await.expect("the sender is in `self`");
        }
    }

    fn begin(&self, sku: &str, metadata: &MetadataMap) -> (Answer, Working) {
        let header = |name| metadata.get(name).and_then(|value| value.to_str().ok());
        let seen = Seen {
            sku: sku.into(),
            at: now(),
            previous: header("grpc-previous-rpc-attempts").and_then(|text| text.parse().ok()).unwrap_or(0),
            timeout: header("grpc-timeout").and_then(timeout),
        };
        let answer = self.with(|state| {
            state.seen.push(seen);
            state.working += 1;
            match state.answers.get_mut(sku) {
                Some(answers) if answers.len() > 1 => answers.pop_front(),
                Some(answers) => answers.front().copied(),
                None => None,
            }
        });
        (answer.unwrap_or(Answer::Amount(7)), Working(self.clone()))
    }

    fn with<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        f(&mut self.0.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Counts a call until its future is dropped: after the answer, or because the client gave up on it.
struct Working(Script);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.with(|state| state.working -= 1);
        self.0.0.changed.send_replace(());
    }
}

#[tonic::async_trait]
impl Stock for Script {
    async fn count(&self, request: Request<Article>) -> Result<Response<Amount>, Status> {
        let count = self.answer(request.metadata(), &request.get_ref().sku).await?;
        Ok(Response::new(Amount { count }))
    }

    type ListStream = Pin<Box<dyn Stream<Item = Result<Amount, Status>> + Send>>;

    async fn list(&self, request: Request<Article>) -> Result<Response<Self::ListStream>, Status> {
        let (answer, working) = self.begin(&request.get_ref().sku, request.metadata());
        self.0.changed.send_replace(());
        let amounts = |last: u32| tokio_stream::iter((1..=last).map(|count| Ok(Amount { count })));
        let stream: Self::ListStream = match answer {
            Answer::Amount(last) => Box::pin(amounts(last)),
            Answer::Fail(code, pushback) => return Err(status(code, pushback)),
            Answer::FailInTrailers(code) => {
                Box::pin(amounts(2).chain(tokio_stream::once(Err(status(code, None)))))
            }
            Answer::StopInTheMiddle | Answer::Hang => Box::pin(amounts(2).chain(tokio_stream::pending())),
        };
        Ok(Response::new(Box::pin(stream.map(move |amount| {
            let _until_dropped = &working;
            amount
        }))))
    }

    async fn order(&self, request: Request<NewOrder>) -> Result<Response<Receipt>, Status> {
        let number = self.answer(request.metadata(), &request.get_ref().sku).await?.into();
        Ok(Response::new(Receipt { number }))
    }
}

impl Script {
    async fn answer(&self, metadata: &MetadataMap, sku: &str) -> Result<u32, Status> {
        let (answer, _working) = self.begin(sku, metadata);
        self.0.changed.send_replace(());
        match answer {
            Answer::Amount(count) => Ok(count),
            Answer::Fail(code, pushback) => Err(status(code, pushback)),
            Answer::FailInTrailers(code) => Err(status(code, None)),
            Answer::StopInTheMiddle | Answer::Hang => future::pending().await,
        }
    }
}

fn status(code: Code, pushback: Option<&'static str>) -> Status {
    let mut status = Status::new(code, "as told");
    if let Some(value) = pushback {
        status.metadata_mut().insert("grpc-retry-pushback-ms", value.parse().expect("a header value"));
    }
    status
}

#[expect(clippy::disallowed_methods, reason = "the server's log is in real time")]
fn now() -> Instant {
    Instant::now()
}

/// Parses a `grpc-timeout`: up to 8 digits and a unit.
fn timeout(value: &str) -> Option<Duration> {
    let (number, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    let number: u64 = number.parse().ok()?;
    Some(match unit {
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

/// A server that runs. If it is dropped, it ends at once, and the system closes its connections.
pub struct Running {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
    runtime: Option<Runtime>,
}

impl Running {
    /// Starts the server on this address. Port 0 is any free port.
    ///
    /// # Errors
    /// Returns an error if the address is in use.
    pub fn start(script: &Script, address: SocketAddr) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = {
            let _entered = runtime.enter();
            let socket = TcpSocket::new_v4()?;
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            socket.listen(1_024)?
        };
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let serve = Server::builder()
            .add_service(StockServer::new(script.clone()))
            .serve_with_incoming_shutdown(TcpListenerStream::new(listener), async { _ = stopped.await });
        let serving = runtime.spawn(async { serve.await.expect("the listener works") });
        Ok(Self { address, stop: Some(stop), serving, runtime: Some(runtime) })
    }

    /// Stops the server in good order: it accepts no more connections, says so on those that are open (`GOAWAY`), and
    /// ends after the calls under way.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        _ = (&mut self.serving).await;
    }

    /// Ends the server at once, as `kill -9` does.
    pub fn kill(self) {
        drop(self);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
