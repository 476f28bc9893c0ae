//! What servers and proxies do on the wire, below gRPC, and what it means to calls that must run once.

use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use grpc_client::client::{Stock, channel};
use grpc_client::server::{Answer, Running, Script};
use grpc_client::stock::{Article, stock_client::StockClient};
use h2::Reason;
use harness::proxy::Proxy;
use http::{HeaderMap, Response};
use retry_core::budget::RetryThrottle;
use retry_core::{Class, Policy};
use retry_tokio::tonic_status;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tonic::Code;
use tonic::transport::Endpoint;

const POLICY: Policy = Policy::fixed(Duration::from_millis(1)).max_attempts(3);

/// What the server of a test does with each call.
#[derive(Clone, Copy, Debug)]
enum Reply {
    /// Resets the stream.
    Reset(Reason),
    /// Resets the first stream, and answers the others.
    ResetOnce(Reason),
    /// Answers as a proxy does that knows nothing of gRPC.
    Http(u16),
}

/// Starts a server of HTTP/2. Returns its URI, and how many streams were opened.
async fn serve(reply: Reply) -> (String, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    let streams = Arc::new(AtomicU32::new(0));
    let opened = streams.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let opened = opened.clone();
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(socket).await.unwrap();
                while let Some(Ok((_request, mut respond))) = connection.accept().await {
                    let before = opened.fetch_add(1, Ordering::SeqCst);
                    match reply {
                        Reply::Reset(reason) => respond.send_reset(reason),
                        Reply::ResetOnce(reason) if before == 0 => respond.send_reset(reason),
                        Reply::ResetOnce(_) => {
                            let head = Response::builder().header("content-type", "application/grpc");
                            let mut body = respond.send_response(head.body(()).unwrap(), false).unwrap();
                            body.send_data(Bytes::from_static(&[0, 0, 0, 0, 2, 8, 7]), false).unwrap();
                            let status = [("grpc-status".parse().unwrap(), "0".parse().unwrap())];
                            body.send_trailers(HeaderMap::from_iter(status)).unwrap();
                        }
                        Reply::Http(status) => {
                            let head = Response::builder().status(status).body(()).unwrap();
                            respond.send_response(head, true).unwrap();
                        }
                    }
                }
            });
        }
    });
    (uri, streams)
}

fn stock(uri: String) -> Stock {
    Stock::new(channel(uri).unwrap(), POLICY, RetryThrottle::GRPC.max_tokens(1_000))
}

/// RFC 9113, 8.7: of a stream that was refused, nothing was processed. So it is sent again, also an order.
#[tokio::test]
async fn a_refused_stream_is_sent_again_even_if_it_is_an_order() {
    let (uri, streams) = serve(Reply::ResetOnce(Reason::REFUSED_STREAM)).await;
    assert_eq!(stock(uri).order("apple", 1).await.unwrap(), 7);
    assert_eq!(streams.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn streams_that_are_reset_and_answers_of_other_servers() {
    // reply, class, attempts of a read, attempts of an order
    let rows = [
        (Reply::Reset(Reason::REFUSED_STREAM), Class::Transient, 3, 3),
        (Reply::Reset(Reason::ENHANCE_YOUR_CALM), Class::RateLimit, 3, 1),
        (Reply::Reset(Reason::INTERNAL_ERROR), Class::Server, 3, 1),
        (Reply::Reset(Reason::CANCEL), Class::Network, 3, 1),
        (Reply::Reset(Reason::PROTOCOL_ERROR), Class::Network, 3, 1),
        (Reply::Http(401), Class::Client, 1, 1),
        (Reply::Http(404), Class::Permanent, 1, 1),
        (Reply::Http(429), Class::Server, 3, 1),
        (Reply::Http(502), Class::Server, 3, 1),
        (Reply::Http(503), Class::Server, 3, 1),
        (Reply::Http(504), Class::Server, 3, 1),
    ];
    for (reply, class, reads, orders) in rows {
        let (uri, streams) = serve(reply).await;
        let stock = stock(uri);
        let error = stock.count("apple").await.unwrap_err();
        assert_eq!(
            (error.class(), streams.swap(0, Ordering::SeqCst)),
            (Some(class), reads),
            "{reply:?}: {error:?}"
        );
        let error = stock.order("apple", 1).await.unwrap_err();
        assert_eq!(
            (error.class(), streams.load(Ordering::SeqCst)),
            (Some(class), orders),
            "{reply:?}: {error:?}"
        );
    }
}

/// A closed port, a server that closes at once, and one that speaks HTTP/1.
#[tokio::test]
async fn servers_that_speak_no_http_2() {
    let closed = TcpSocket::new_v4().unwrap(); // it is bound, so that no other program gets its port
    closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let error =
        stock(format!("http://{}", closed.local_addr().unwrap())).order("apple", 1).await.unwrap_err();
    assert_eq!((error.class(), error.attempts()), (Some(Class::Network), 3), "a closed port: {error:?}");

    for answer in ["", "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stock = stock(format!("http://{}", listener.local_addr().unwrap()));
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                _ = socket.read(&mut [0; 256]).await;
                _ = socket.write_all(answer.as_bytes()).await;
            }
        });
        let error = stock.count("apple").await.unwrap_err();
        assert_eq!((error.class(), error.attempts()), (Some(Class::Network), 3), "{answer:?}: {error:?}");
    }
}

/// tonic gives a timeout the code of a cancelled call, on both sides of the connection.
#[tokio::test]
async fn the_timeouts_of_tonic() {
    let script = Script::default();
    script.set("slow", &[Answer::Hang]);
    let server = Running::start(&script, "127.0.0.1:0".parse().unwrap()).unwrap();
    let channel = Endpoint::from_shared(format!("http://{}", server.address)).unwrap();
    let mut stock = StockClient::new(channel.timeout(Duration::from_millis(50)).connect_lazy());
    let status = stock.count(Article { sku: "slow".into() }).await.unwrap_err();
    assert_eq!((status.code(), tonic_status(&status).class), (Code::Cancelled, Class::Timeout));
}

/// Every request of an order that is under way when the connection is cut may have arrived.
#[tokio::test]
async fn of_orders_under_way_none_is_sent_twice() {
    let script = Script::default();
    let server = Running::start(&script, "127.0.0.1:0".parse().unwrap()).unwrap();
    let proxy = Proxy::start(server.address).await.unwrap();
    let stock = Stock::new(
        channel(format!("http://{}", proxy.address)).unwrap(),
        POLICY.max_attempts(100),
        RetryThrottle::GRPC.max_tokens(1_000),
    );
    let orders: Vec<_> = (0..50)
        .map(|number| {
            let stock = stock.clone();
            tokio::spawn(async move { stock.order(&number.to_string(), 1).await.is_ok() })
        })
        .collect();
    script.until_seen("0", 1).await;
    proxy.cut();
    for (number, order) in orders.into_iter().enumerate() {
        let (accepted, received) = (order.await.unwrap(), script.seen(&number.to_string()).len());
        assert!(received <= 1 && (!accepted || received == 1), "{number}: {accepted}, {received} times");
    }
}
