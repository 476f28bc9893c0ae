//! reqwest and hyper against a server that says, byte by byte, what no server should.

mod chain;
mod errors;
mod guide;
mod nested;
mod neutral;
mod stack;

use reqwest::Client;
use retry_core::{Class, ErrorKind, GiveUp, Jitter, Policy};
use retry_tokio::{reqwest_error, reqwest_response};
use tests::secs;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

fn client() -> Client {
    Client::builder().no_proxy().pool_max_idle_per_host(0).build().expect("nothing is asked of the system")
}

/// A server that reads a request, answers the next of these bytes, and closes the connection; after the last, it
/// answers none. The address under which it is found.
async fn serve(answers: &'static [&'static [u8]]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        for answer in answers {
            let (mut connection, _) = listener.accept().await.expect("someone connects");
            read_request(&mut connection).await;
            connection.write_all(answer).await.expect("it is still there");
        }
    });
    format!("http://{address}/")
}

async fn read_request(connection: &mut TcpStream) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(connection.read_u8().await.expect("a request"));
    }
}

/// Time stands while there is something to do, so whoever waits for nothing else times out at once.
#[tokio::test(start_paused = true)]
async fn a_timeout_is_one_wherever_it_happens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let error = client().get(&url).timeout(secs(5)).send().await.unwrap_err();
    assert_eq!(reqwest_error(&error).class, Class::Timeout, "before the head");

    tokio::time::resume();
    tokio::spawn(async move {
        listener.accept().await.unwrap(); // the one that was given up
        let mut connections = Vec::new();
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            read_request(&mut connection).await;
            connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nfour").await.unwrap();
            connections.push(connection); // stays open
        }
    });
    let mut response = client().get(&url).timeout(secs(600)).send().await.unwrap();
    assert_eq!(response.chunk().await.unwrap().unwrap(), "four");
    tokio::time::pause();
    let error = response.text().await.unwrap_err();
    assert_eq!(reqwest_error(&error).class, Class::Timeout, "in the body");
}

/// Only the sockets take real time: the clock stands while they work, and nothing else waits but the call.
#[tokio::test(start_paused = true)]
async fn a_call_waits_as_the_response_says_and_gives_up_where_that_is_too_long() {
    const POLICY: Policy = Policy::fixed(secs(1)).jitter(Jitter::None).max_attempts(4).max_hint(secs(60));

    let (client, start) = (client(), Instant::now());
    let retry = retry_tokio::retry(&POLICY).classify(reqwest_error).classify_ok(reqwest_response);
    let url = serve(&[
        b"HTTP/1.1 503 Oh\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 429 Oh\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
          retry-after: Sun, 06 Nov 1994 08:50:20 GMT\r\ncontent-length: 0\r\n\r\n",
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n7 apples",
    ])
    .await;
    let response = retry.run(|| client.get(&url).send()).await.unwrap();
    assert_eq!(response.text().await.unwrap(), "7 apples");
    assert_eq!(start.elapsed(), secs(7 + 43 + 1));

    let url = serve(&[b"HTTP/1.1 503 Oh\r\nretry-after: 61\r\ncontent-length: 0\r\n\r\n"]).await;
    let error = retry.run(|| client.get(&url).send()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::GaveUp(GiveUp::Hint), "{error}");
    assert_eq!(start.elapsed(), secs(7 + 43 + 1));
}
