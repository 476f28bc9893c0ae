//! The layer around real clients, on real sockets.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Frame};
use hyper_util::client::legacy::{Client as HyperClient, Error as HyperError};
use hyper_util::rt::TokioExecutor;
use retry_core::{
    CircuitConfig, Class, ErrorKind, Failure, GiveUp, Jitter, Policy, SharedCircuit, circuit::Counts,
    classify::Idempotency,
};
use retry_tokio::{
    RetryLayer, http_requests, http_response, hyper_error, reqwest_error, reqwest_requests, reqwest_response,
    retry,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tower::{Layer, ServiceExt};

use super::errors::url_of_nobody;
use super::{client, secs};

static POLICY: Policy = Policy::fixed(secs(1)).jitter(Jitter::None).max_attempts(4).max_hint(secs(60));
const COUNTS: CircuitConfig = CircuitConfig::WITHOUT_RULES.failure_rate(100).minimum_calls(100);

/// Answers like [`super::serve`] to requests with a body of eight bytes, and what these were: method and body.
async fn serve(answers: &'static [&'static [u8]]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/stock", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    tokio::spawn(async move {
        for answer in answers {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"7 apples") {
                request.push(connection.read_u8().await.unwrap());
            }
            let request = String::from_utf8(request).unwrap();
            // In one piece or as a chunk.
            let (method, body) = (request.split(' ').next().unwrap(), request.rsplit("\r\n").next().unwrap());
            log.lock().unwrap().push(format!("{method} {body}"));
            connection.write_all(answer).await.unwrap();
        }
    });
    (url, seen)
}

const BUSY: &[u8] = b"HTTP/1.1 503 Busy\r\nretry-after: 7\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nkept";
const CUT: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nke";

/// Only the sockets take real time, as in the test of a call without tower.
#[tokio::test(start_paused = true)]
async fn hypers_client_sends_the_whole_request_again_or_not_at_all() {
    type Row = (Method, &'static [&'static [u8]], u16, &'static [&'static str], u64);
    let rows: &[Row] = &[
        (Method::PUT, &[BUSY, b"", OK], 200, &["PUT 7 apples", "PUT 7 apples", "PUT 7 apples"], 7 + 1),
        (Method::POST, &[BUSY], 503, &["POST 7 apples"], 0),
    ];
    for (method, answers, status, requests, waited) in rows {
        let (url, seen) = serve(answers).await;
        let how = retry(&POLICY).classify(|error: &HyperError| hyper_error(error)).classify_ok(http_response);
        let layer = RetryLayer::new(how).clone_request(http_requests(Idempotency::Method));
        let client = HyperClient::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let request = Request::builder().method(method).uri(url).body(Full::from("7 apples")).unwrap();
        let start = Instant::now();
        let answer = layer.layer(client).oneshot(request).await.unwrap();
        assert_eq!((answer.status().as_u16(), start.elapsed()), (*status, secs(*waited)), "{method}");
        assert_eq!(*seen.lock().unwrap(), *requests);
    }
}

/// What arrives of it, in one piece, and is known to no one before.
struct Streamed(Option<&'static str>);

impl Body for Streamed {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(self.0.take().map(|text| Ok(Frame::data(text.into()))))
    }
}

#[tokio::test(start_paused = true)]
async fn reqwests_client_sends_bytes_again_and_a_stream_once() {
    let bytes: fn() -> reqwest::Body = || "7 apples".into();
    let stream: fn() -> reqwest::Body = || reqwest::Body::wrap(Streamed(Some("7 apples")));
    let rows: [(_, &'static [&'static [u8]], _, &[&str]); 2] = [
        (bytes, &[BUSY, OK], 200, &["PUT 7 apples", "PUT 7 apples"]),
        (stream, &[BUSY, OK], 503, &["PUT 7 apples"]),
    ];
    for (body, answers, status, requests) in rows {
        let (url, seen) = serve(answers).await;
        let how = retry(&POLICY).classify(reqwest_error).classify_ok(reqwest_response);
        let layer = RetryLayer::new(how).clone_request(reqwest_requests(Idempotency::Method));
        let request = client().put(url).body(body()).build().unwrap();
        let answer = layer.layer(client()).oneshot(request).await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(*seen.lock().unwrap(), requests);
    }
}

/// The layer has done its work by then.
#[tokio::test]
async fn a_body_that_breaks_off_is_the_callers() {
    static CIRCUIT: SharedCircuit = SharedCircuit::new(COUNTS);
    let (url, seen) = serve(&[CUT, CUT]).await;
    let how = retry(&POLICY).circuit(&CIRCUIT);

    let layer = RetryLayer::new(how.clone().classify(reqwest_error).classify_ok(reqwest_response))
        .clone_request(reqwest_requests(Idempotency::Method));
    let request = client().put(&url).body("7 apples").build().unwrap();
    let error = layer.layer(client()).oneshot(request).await.unwrap().text().await.unwrap_err();
    assert_eq!(reqwest_error(&error).class, Class::Network);

    let how = how.classify(|error: &HyperError| hyper_error(error)).classify_ok(http_response);
    let layer = RetryLayer::new(how).clone_request(http_requests(Idempotency::Method));
    let hyper = HyperClient::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let request = Request::put(&url).body(Full::from("7 apples")).unwrap();
    let error = layer.layer(hyper).oneshot(request).await.unwrap().into_body().collect().await.unwrap_err();
    assert_eq!(hyper_error(&error).class, Class::Network);

    assert_eq!(seen.lock().unwrap().len(), 2);
    let now = retry_core::runtime::Clock::now(&retry_tokio::Tokio);
    assert_eq!(CIRCUIT.counts(now), Some(Counts { calls: 2, failures: 0, slow: 0 }));
}

/// As the guide has it: an order that no server can have seen is sent again, and no other.
#[tokio::test(start_paused = true)]
async fn what_cannot_have_arrived_may_be_sent_again_whatever_it_is() {
    let how = retry(&POLICY)
        .classify(|error: &reqwest::Error| match reqwest_error(error) {
            failure if error.is_connect() => failure,
            failure => failure.not_retried(),
        })
        .classify_ok(|answer: &reqwest::Response| reqwest_response(answer).map(Failure::not_retried));
    let layer = RetryLayer::new(how).clone_request(reqwest_requests(Idempotency::Assumed));
    let order = |url: &str| client().post(url).body("7 apples").build().unwrap();

    let error = layer.layer(client()).oneshot(order(&url_of_nobody().await)).await.unwrap_err();
    assert_eq!(error.ended().unwrap().context().attempt, 4);

    let (url, seen) = serve(&[b"", BUSY]).await;
    let error = layer.layer(client()).oneshot(order(&url)).await.unwrap_err();
    let ended = error.ended().unwrap();
    assert_eq!(ended.kind(), ErrorKind::GaveUp(GiveUp::Class));
    assert_eq!((ended.class(), ended.attempts()), (Some(Class::Network), 1));
    assert_eq!(layer.layer(client()).oneshot(order(&url)).await.unwrap().status(), 503);
    assert_eq!(seen.lock().unwrap().len(), 2);
}
