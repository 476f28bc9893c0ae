//! A shop on loopback: stock, orders and files. It does what a script says, and keeps a log of the requests.

use core::net::SocketAddr;
use core::ops::Range;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};
use std::{future, io};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use harness::wait::came;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_stream::StreamExt;

/// What the server does with a request, after it has read it.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Answers, after it has carried out the request.
    Ok,
    /// Answers with this status and these headers.
    Fail(u16, Vec<(&'static str, String)>),
    /// Carries out the request, and never answers.
    Lost,
    /// Answers with the file in chunks, and never ends the answer.
    Unended,
    /// Puts another file in the place of the one that is asked for, and answers with it.
    Changed(Vec<u8>),
    /// Answers with a 206, whatever it was asked for.
    Part(ChoosePart),
}

/// Gets the first byte that was asked for and the length of the file. Returns the headers of a 206, and the bytes to send.
pub type ChoosePart = fn(usize, usize) -> (Vec<(&'static str, String)>, Range<usize>);

/// A request whose head has arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub at: Instant,
    pub wall_clock: SystemTime,
    pub range: Option<String>,
    /// How many bytes the request says that its body has.
    pub length: Option<u64>,
}

/// The server: its script, its log, and what it holds. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Shop(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<Held>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Held {
    answers: HashMap<String, VecDeque<Answer>>,
    seen: Vec<(Method, String, Seen)>,
    /// The number of each order by its idempotency key. Orders without a key are only counted.
    orders: HashMap<String, u32>,
    order_count: u32,
    /// What was uploaded whole, by path.
    files: HashMap<String, File>,
    carried_out: u32,
}

#[derive(Clone, Debug, Default)]
struct File {
    version: u32,
    bytes: Vec<u8>,
}

impl File {
    fn put(&mut self, bytes: Vec<u8>) {
        *self = Self { version: self.version + 1, bytes };
    }

    /// Answers with the file, or with the rest of it from the first byte of the range, if the client has this version.
    fn answer(&self, range: Option<&str>, if_range: Option<&str>) -> Response {
        let etag = format!("\"{}\"", self.version);
        let from = range.filter(|_| if_range == Some(&etag)).and_then(first_byte);
        let (etag, length) = ((header::ETAG, etag), self.bytes.len());
        match from {
            None => ([etag], self.bytes.clone()).into_response(),
            Some(from) if from >= length => {
                let range = (header::CONTENT_RANGE, format!("bytes */{length}"));
                (StatusCode::RANGE_NOT_SATISFIABLE, [etag, range]).into_response()
            }
            Some(from) => {
                let range = (header::CONTENT_RANGE, format!("bytes {from}-{}/{length}", length - 1));
                (StatusCode::PARTIAL_CONTENT, [etag, range], self.bytes[from..].to_vec()).into_response()
            }
        }
    }
}

/// Returns the first byte of a range without an end: `bytes=5-`.
fn first_byte(range: &str) -> Option<usize> {
    range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}

impl Shop {
    /// Starts the server. Returns its address.
    ///
    /// # Errors
    /// Returns an error if no port is free.
    pub async fn start(&self) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let app = Router::new().fallback(serve).with_state(self.clone());
        tokio::spawn(async { axum::serve(listener, app).await });
        Ok(address)
    }

    /// Sets the answers to the requests of a path. The last one repeats. Without any, the answer is `Ok`.
    pub fn set(&self, path: &str, answers: Vec<Answer>) {
        self.with(|held| held.answers.insert(path.into(), answers.into()));
    }

    /// Puts a file on the server.
    pub fn put(&self, path: &str, file: Vec<u8>) {
        self.with(|held| held.files.entry(path.into()).or_default().put(file));
    }

    /// Returns what was uploaded to a path.
    pub fn file(&self, path: &str) -> Option<Vec<u8>> {
        self.with(|held| held.files.get(path).map(|file| file.bytes.clone()))
    }

    /// Returns the requests of a path, in the order of their arrival.
    pub fn seen(&self, path: &str) -> Vec<Seen> {
        let of_path = |(_, at, seen): &(Method, String, Seen)| (at == path).then(|| seen.clone());
        self.with(|held| held.seen.iter().filter_map(of_path).collect())
    }

    /// Returns how many orders were made.
    pub fn orders(&self) -> u32 {
        self.with(|held| held.order_count)
    }

    /// Waits until this many requests have been carried out since the start, at most for 30 s. Returns whether they have.
    pub async fn until_carried_out(&self, count: u32) -> bool {
        let mut changed = self.0.changed.subscribe();
        came(async {
            while self.carried_out() < count {
                changed.changed().await.expect("the sender is in `self`");
            }
        })
        .await
    }

    /// Returns how many requests have been carried out, since the start.
    pub fn carried_out(&self) -> u32 {
        self.with(|held| held.carried_out)
    }

    /// Carries out a request. An order with a key that is known is the same order.
    fn carry_out(&self, method: &Method, path: &str, headers: &HeaderMap, body: Vec<u8>) -> Response {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let response = self.with(|held| {
            held.carried_out += 1;
            match *method {
                Method::POST => {
                    let mut make = || {
                        held.order_count += 1;
                        held.order_count
                    };
                    let number = match text("idempotency-key") {
                        Some(key) => *held.orders.entry(key.into()).or_insert_with(make),
                        None => make(),
                    };
                    number.to_string().into_response()
                }
                Method::PUT => {
                    held.files.entry(path.into()).or_default().put(body);
                    StatusCode::NO_CONTENT.into_response()
                }
                Method::GET => match held.files.get(path) {
                    Some(file) => file.answer(text("range"), text("if-range")),
                    None => "7".into_response(),
                },
                _ => StatusCode::NO_CONTENT.into_response(),
            }
        });
        self.0.changed.send_replace(());
        response
    }

    fn with<R>(&self, f: impl FnOnce(&mut Held) -> R) -> R {
        f(&mut self.0.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[expect(clippy::disallowed_methods, reason = "the server's log is in real time")]
async fn serve(State(shop): State<Shop>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let (method, path) = (head.method, head.uri.path().to_owned());
    let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
    let range = text(header::RANGE).map(str::to_owned);
    let length = text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let seen = Seen { at: Instant::now(), wall_clock: SystemTime::now(), range, length };
    shop.with(|held| held.seen.push((method.clone(), path.clone(), seen)));
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return StatusCode::BAD_REQUEST.into_response(); // the body broke, and so did the connection
    };
    let answer = shop.with(|held| match held.answers.get_mut(&path) {
        Some(answers) if answers.len() > 1 => answers.pop_front(),
        Some(answers) => answers.front().cloned(),
        None => None,
    });
    match answer.unwrap_or(Answer::Ok) {
        Answer::Ok => shop.carry_out(&method, &path, &head.headers, body.into()),
        Answer::Lost => {
            shop.carry_out(&method, &path, &head.headers, body.into());
            future::pending().await
        }
        Answer::Unended => {
            let (head, body) = shop.carry_out(&method, &path, &head.headers, body.into()).into_parts();
            let whole = tokio_stream::once(to_bytes(body, usize::MAX).await);
            Response::from_parts(head, Body::from_stream(whole.chain(tokio_stream::pending())))
        }
        Answer::Changed(file) => {
            shop.put(&path, file);
            shop.carry_out(&method, &path, &head.headers, body.into())
        }
        Answer::Part(part) => {
            let file = shop.file(&path).unwrap_or_default();
            let from = text(header::RANGE).and_then(first_byte).unwrap_or(0);
            let (headers, bytes) = part(from, file.len());
            with_headers(206, headers, file[bytes].to_vec())
        }
        Answer::Fail(status, headers) => with_headers(status, headers, "busy"),
    }
}

fn with_headers(status: u16, headers: Vec<(&'static str, String)>, body: impl Into<Body>) -> Response {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(body.into()).expect("the script has valid headers")
}
