//! Each way to fail has a class, which is that of the guide.

use std::collections::BTreeSet;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Bytes, Frame};
use hyper_util::client::legacy::{Client as HyperClient, Error as HyperError};
use hyper_util::rt::TokioExecutor;
use reqwest::Response;
use retry_core::{Class, Failure, Policy, Rejected, circuit::Phase};
use retry_tokio::{RetryLayer, error_chain, hyper_error, reqwest_error, retry};
use tests::ms;
use tokio::net::{TcpListener, TcpSocket};
use tower::{BoxError, Layer, ServiceExt};

use super::{client, guide, secs, serve};

/// Collects what was tried, to be held against the guide.
#[derive(Default)]
struct Tried(BTreeSet<(String, &'static str)>);

impl Tried {
    fn check(&mut self, what: &str, class: Class, expected: Class, error: &dyn std::fmt::Debug) {
        assert_eq!(class, expected, "{what}: {error:?}");
        self.0.insert((what.to_owned(), class.name()));
    }

    fn is_column(&self, column: usize) {
        let rows = guide::table("| what happens | `reqwest_error` |");
        let rows = rows.iter().map(|row| (&*row[0], &*row[column]));
        // Those of TLS are tested by `tests/tls`, which needs more than Rust.
        let rows: BTreeSet<_> =
            rows.filter(|(what, class)| !class.is_empty() && !what.contains("TLS handshake")).collect();
        assert_eq!(self.0.iter().map(|(what, class)| (&**what, *class)).collect::<BTreeSet<_>>(), rows);
    }
}

/// What a server does that both clients are to make the same of.
const ANSWERS: &[(&str, &[u8])] = &[
    ("the connection closes before the response", b""),
    ("the connection closes in the head of the response", b"HTTP/1.1 200 OK\r\nconte"),
    ("the response is not HTTP", b"220 mail.example.com ESMTP\r\n\r\n"),
    (
        "the connection closes in the body of the response",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nfour",
    ),
    (BROKEN_CHUNK, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n"),
    (BROKEN_CHUNK, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhelloXX\r\n0\r\n\r\n"),
    (BROKEN_CHUNK, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1ffffffffffffffff\r\nhello\r\n"),
    (BROKEN_CHUNK, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;a\nb\r\nhello\r\n0\r\n\r\n"),
    (BROKEN_CHUNK, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n: no name\r\n\r\n"),
    (
        BROKEN_CHUNK,
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n",
    ),
];

const WITHOUT_TLS: &str = "the URL begins with https, and the program is built without TLS";
const BROKEN_CHUNK: &str = "a chunk or a trailer of the body is not HTTP";

/// The socket is bound until the test ends, and does not listen. So no other program gets its port meanwhile.
pub(crate) async fn url_of_nobody() -> String {
    let nobody = TcpSocket::new_v4().unwrap();
    nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/", nobody.local_addr().unwrap());
    std::mem::forget(nobody);
    url
}

#[tokio::test]
async fn of_reqwest() {
    const REDIRECT: &[u8] =
        b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    type Read = fn(Response) -> Pin<Box<dyn Future<Output = Result<(), reqwest::Error>>>>;
    let text: Read = |response| Box::pin(async { response.text().await.map(drop) });
    let chunks: Read = |mut response| {
        Box::pin(async move {
            while response.chunk().await?.is_some() {}
            Ok(())
        })
    };
    let json: Read = |response| Box::pin(async { response.json::<u32>().await.map(drop) });
    let status: Read = |response| Box::pin(async { response.error_for_status().map(drop) });

    let mut tried = Tried::default();
    for (what, answer) in ANSWERS {
        let url = serve(Box::leak(Box::new([*answer]))).await;
        let error = match client().get(url).send().await {
            Ok(response) => text(response).await.expect_err(what),
            Err(error) => error,
        };
        tried.check(what, reqwest_error(&error).class, Class::Network, &error);
    }
    let rows: &[(&str, &[&[u8]], Read, Class)] = &[
        (
            "the connection closes in the body of the response",
            &[b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nfour"],
            chunks,
            Class::Network,
        ),
        (
            "the connection closes in the body of the response",
            &[b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n1234"],
            json,
            Class::Network,
        ),
        (
            "the body is not the expected JSON",
            &[b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfour"],
            json,
            Class::Serialization,
        ),
        (
            "the body does not match its encoding",
            &[b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 24\r\n\r\nthis is not gzip, at all!"],
            text,
            Class::Serialization,
        ),
        // A head of gzip, and nothing of gzip after it.
        (
            "the body does not match its encoding",
            &[b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 18\r\n\r\n\x1f\x8b\x08\0\0\0\0\0\0\x03\xff\xff\xff\xff\xff\xff\xff\xff"],
            text,
            Class::Serialization,
        ),
        ("too many redirects", &[REDIRECT; 11], text, Class::Permanent),
    ];
    for &(what, answers, read, class) in rows {
        let url = serve(answers).await;
        let error = match client().get(url).send().await {
            Ok(response) => read(response).await.expect_err(what),
            Err(error) => error,
        };
        tried.check(what, reqwest_error(&error).class, class, &error);
    }
    for (answer, class) in [
        (&b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n"[..], Class::Server),
        (b"HTTP/1.1 404 Oh\r\ncontent-length: 0\r\n\r\n", Class::NotFound),
        (b"HTTP/1.1 504 Oh\r\ncontent-length: 0\r\n\r\n", Class::Timeout),
    ] {
        let url = serve(Box::leak(Box::new([answer]))).await;
        let error = status(client().get(url).send().await.unwrap()).await.unwrap_err();
        assert_eq!(reqwest_error(&error).class, class, "{error:?}");
    }

    let get = async |url: &str| client().get(url).send().await.unwrap_err();
    let error = get(&url_of_nobody().await).await;
    tried.check("the connection is refused", reqwest_error(&error).class, Class::Network, &error);
    let error = get("http://nowhere.invalid/").await;
    tried.check("the host name is unknown", reqwest_error(&error).class, Class::Network, &error);
    for url in ["", "no address", "ftp://127.0.0.1/", "http://"] {
        let error = get(url).await;
        tried.check("the URL has no host", reqwest_error(&error).class, Class::Validation, &error);
    }
    let error = get(&url_of_nobody().await.replace("http:", "https:")).await;
    tried.check(WITHOUT_TLS, reqwest_error(&error).class, Class::Validation, &error);
    let error = timed_out().await;
    tried.check("reqwest's timeout passes", reqwest_error(&error).class, Class::Timeout, &error);
    tried.is_column(1);
}

/// On time that stands while there is something to do, and then runs at once to where somebody waits.
pub(crate) async fn timed_out() -> reqwest::Error {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let call = || async {
        tokio::time::pause();
        client().get(url).timeout(secs(5)).send().await.unwrap_err()
    };
    std::thread::spawn(|| {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(call())
    })
    .join()
    .unwrap()
}

#[tokio::test]
async fn of_hyper() {
    let hyper = || HyperClient::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let get = |url: &str| Request::get(url).body(Empty::new()).unwrap();
    let mut tried = Tried::default();
    for (what, answer) in ANSWERS {
        let url = serve(Box::leak(Box::new([*answer]))).await;
        // That of the body is hyper's own, not that of its client.
        let error: BoxError = match hyper().request(get(&url)).await {
            Ok(response) => response.into_body().collect().await.expect_err(what).into(),
            Err(error) => error.into(),
        };
        tried.check(what, hyper_error(&*error).class, Class::Network, &error);
    }
    let urls = [
        ("the connection is refused", url_of_nobody().await, Class::Network),
        ("the host name is unknown", "http://nowhere.invalid/".into(), Class::Network),
        ("the URL has no host", "/stock".into(), Class::Validation),
        (WITHOUT_TLS, url_of_nobody().await.replace("http:", "https:"), Class::Validation),
    ];
    for (what, url, class) in urls {
        let error = hyper().request(get(&url)).await.unwrap_err();
        tried.check(what, hyper_error(&error).class, class, &error);
    }
    tried.is_column(2);

    // Of no client, and of a client's inside something else.
    assert_eq!(hyper_error(&std::fmt::Error).class, Class::Unknown);
    assert_eq!(hyper_error(&io::Error::from(io::ErrorKind::TimedOut)).class, Class::Timeout);
    let boxed: BoxError = hyper().request(get(&url_of_nobody().await)).await.unwrap_err().into();
    assert_eq!(hyper_error(&io::Error::other(boxed)).class, Class::Network);
    // Of a layer further in, which has retried it already: were it the cause's, attempts would multiply.
    let layer = RetryLayer::new(retry(&Policy::DEFAULT).classify(|error: &HyperError| hyper_error(error)));
    let call = layer.clone_request(|_: &Request<_>| None).layer(hyper()).oneshot(get(&url_of_nobody().await));
    let boxed: BoxError = call.await.unwrap_err().into();
    assert_eq!(hyper_error(&*boxed).class, Class::Exhausted);
    assert_eq!(hyper_error(&Rejected::new(Phase::Open, secs(1))).class, Class::CircuitOpen);
}

/// A body that fails on its way to the server.
struct Broken(Option<BoxError>);

impl Body for Broken {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(self.0.take().map(Err))
    }
}

/// A body that is read from elsewhere, with retries, has retried already, and says nothing about the server.
#[tokio::test]
async fn of_a_request_whose_body_gave_up() {
    let policy = Policy::fixed(ms(0)).max_attempts(2);
    for is_boxed in [false, true] {
        let late = || async { Err::<(), _>(io::Error::from(io::ErrorKind::TimedOut)) };
        let error = retry(policy).run(late).await.unwrap_err();
        let body: BoxError = if is_boxed { io::Error::other(error.boxed()).into() } else { error.into() };
        let client = HyperClient::builder(TokioExecutor::new()).build_http::<Broken>();
        let url = serve(&[b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"]).await;
        let error = client.request(Request::post(url).body(Broken(Some(body))).unwrap()).await.unwrap_err();
        assert_eq!(hyper_error(&error), Failure::new(Class::Exhausted).neutral(), "{error:?}");
        assert_eq!(error_chain().classify(&error), Failure::new(Class::Exhausted).neutral(), "{error:?}");
    }
}

/// It is the caller's own, unless the system says more.
#[tokio::test]
async fn of_a_request_whose_body_fails() {
    // It is passed on from another server, whose answer is broken.
    let other = serve(&[b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"]).await;
    let other = client().get(other).send().await.unwrap().bytes().await.unwrap_err();
    let rows: [(BoxError, Class); 6] = [
        (other.into(), Class::Validation),
        ("the file ends too soon".into(), Class::Validation),
        (io::Error::other("the file ends too soon").into(), Class::Validation),
        (io::Error::from(io::ErrorKind::InvalidData).into(), Class::Serialization),
        (io::Error::from(io::ErrorKind::NotFound).into(), Class::NotFound),
        (io::Error::from(io::ErrorKind::ResourceBusy).into(), Class::Transient),
    ];
    for (body, class) in rows {
        let client = HyperClient::builder(TokioExecutor::new()).build_http::<Broken>();
        let url = serve(&[b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"]).await;
        let error = client.request(Request::post(url).body(Broken(Some(body))).unwrap()).await.unwrap_err();
        assert_eq!(hyper_error(&error).class, class, "{error:?}");
    }
}
