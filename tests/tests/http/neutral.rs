//! Requests that fail by themselves say nothing about the server.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Request;
use http_body_util::Empty;
use hyper::body::{Body, Bytes, Frame};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::rt::TokioExecutor;
use retry_core::{Class, Failure};
use retry_tokio::{error_chain, hyper_error, reqwest_error, reqwest_response};
use tokio::net::TcpListener;

use super::errors::url_of_nobody;
use super::{client, serve};

/// A request's body that breaks at its first frame.
struct Broken(Option<io::Error>);

impl Body for Broken {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(self.0.take().map(Err))
    }
}

/// A server that takes connections and never answers.
async fn silent() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut taken = Vec::new();
        while let Ok(connection) = listener.accept().await {
            taken.push(connection);
        }
    });
    url
}

#[tokio::test]
async fn a_request_that_fails_by_itself_is_neutral_and_an_answer_is_not() {
    const NOT_FOUND: &[u8] = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let said = |failure: Failure| (failure.class, failure.is_neutral);
    let of_reqwest = |error: &reqwest::Error| said(reqwest_error(error));
    let of_hyper = |error: &(dyn Error + 'static)| said(hyper_error(error));
    let gone = || io::Error::from(io::ErrorKind::NotFound);
    let text = || io::Error::other("the pipe broke");

    let http = client();
    assert_eq!(of_reqwest(&http.get("no address").send().await.unwrap_err()), (Class::Validation, true));
    let header = http.get(url_of_nobody().await).header("a\n", "b").send().await.unwrap_err();
    assert_eq!(of_reqwest(&header), (Class::Validation, true));
    let refused = http.get(url_of_nobody().await).send().await.unwrap_err();
    assert_eq!(of_reqwest(&refused), (Class::Network, false));
    let answer = http.get(serve(&[NOT_FOUND]).await).send().await.unwrap();
    assert_eq!(reqwest_response(&answer).map(said), Some((Class::NotFound, false)));
    assert_eq!(of_reqwest(&answer.error_for_status().unwrap_err()), (Class::NotFound, false));

    let own = HyperClient::builder(TokioExecutor::new()).build_http::<Broken>();
    for (broken, class) in [(text as fn() -> io::Error, Class::Validation), (gone, gone_class())] {
        let body = reqwest::Body::wrap(Broken(Some(broken())));
        let error = http.post(silent().await).body(body).send().await.unwrap_err();
        assert_eq!(of_reqwest(&error), (class, true), "{error:?}");
        let request = Request::post(silent().await).body(Broken(Some(broken()))).unwrap();
        let error = own.request(request).await.unwrap_err();
        assert_eq!(of_hyper(&error), (class, true), "{error:?}");
    }

    let empty = HyperClient::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let refused = empty.get(url_of_nobody().await.parse().unwrap()).await.unwrap_err();
    assert_eq!(of_hyper(&refused), (Class::Network, false));
    let no_host = empty.get("/stock".parse().unwrap()).await.unwrap_err();
    assert_eq!(of_hyper(&no_host), (Class::Validation, true));
    let https = url_of_nobody().await.replace("http:", "https:");
    let without_tls = empty.get(https.parse().unwrap()).await.unwrap_err();
    assert_eq!(of_hyper(&without_tls), (Class::Validation, true));

    let of_http = Request::get("no address").body(()).unwrap_err();
    assert_eq!(said(error_chain().classify(&of_http)), (Class::Validation, true));
    let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
    assert_eq!(said(error_chain().classify(&refused)), (Class::Network, false));
}

/// What the system says of a file that is missing.
fn gone_class() -> Class {
    use retry_core::Classify;
    io::Error::from(io::ErrorKind::NotFound).classify().class
}
