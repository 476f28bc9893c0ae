//! `error_chain`, `hyper_error` and `reqwest_error` say the same of every error of a client, at any depth.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::rt::TokioExecutor;
use retry_core::testing::FakeClock;
use retry_core::{Class, Classify, Error, Failure, Policy, Retry};
use retry_tokio::{TonicClassifier, error_chain, hyper_error, reqwest_error, tonic_status};
use tests::ms;
use tokio::io::{AsyncRead, ReadBuf};
use tower::{BoxError, Service, ServiceBuilder, ServiceExt};

use super::errors::url_of_nobody;
use super::{client, secs, serve};

const NOT_FOUND: &[u8] = b"HTTP/1.1 404 Oh\r\ncontent-length: 0\r\n\r\n";
const CUT: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nfour";
const BROKEN_CHUNK: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n";
const NOT_JSON: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfour";
const NOT_GZIP: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 24\r\n\r\nthis is not gzip, at all!";

/// What comes of a GET whose answer is read as JSON.
async fn json(url: String) -> reqwest::Error {
    let read = async { client().get(url).send().await?.error_for_status()?.json::<u32>().await };
    read.await.unwrap_err()
}

/// A request that could not be built says nothing about the server.
const NOT_BUILT: Failure = Failure::new(Class::Validation).neutral();

async fn of_reqwest() -> Vec<(reqwest::Error, Failure)> {
    vec![
        (json(url_of_nobody().await).await, Class::Network.into()),
        (json("no address".into()).await, NOT_BUILT),
        (json(url_of_nobody().await.replace("http:", "https:")).await, NOT_BUILT),
        (json(serve(&[b""]).await).await, Class::Network.into()),
        (json(serve(&[NOT_FOUND]).await).await, Class::NotFound.into()),
        (json(serve(&[CUT]).await).await, Class::Network.into()),
        (json(serve(&[BROKEN_CHUNK]).await).await, Class::Network.into()),
        (json(serve(&[NOT_JSON]).await).await, Class::Serialization.into()),
        (json(serve(&[NOT_GZIP]).await).await, Class::Serialization.into()),
        (super::errors::timed_out().await, Class::Timeout.into()),
    ]
}

async fn of_hyper() -> Vec<(BoxError, Failure)> {
    let get = async |url: String| -> BoxError {
        let client = HyperClient::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
        match client.get(url.parse().unwrap()).await {
            Ok(response) => response.into_body().collect().await.unwrap_err().into(),
            Err(error) => error.into(),
        }
    };
    vec![
        (get(url_of_nobody().await).await, Class::Network.into()),
        (get("/stock".into()).await, NOT_BUILT),
        (get(serve(&[b""]).await).await, Class::Network.into()),
        (get(serve(&[CUT]).await).await, Class::Network.into()),
        (get(serve(&[BROKEN_CHUNK]).await).await, Class::Network.into()),
    ]
}

#[derive(Debug)]
struct Wrapper(BoxError);

impl fmt::Display for Wrapper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the stock cannot be read")
    }
}

impl std::error::Error for Wrapper {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}

const WRAPPERS: [fn(BoxError) -> BoxError; 6] = [
    |error| error,
    |error| Wrapper(error).into(),
    |error| io::Error::other(error).into(),
    |error| Arc::<dyn std::error::Error + Send + Sync>::from(error).into(),
    |error| tonic::Status::from_error(Wrapper(error).into()).into(),
    |error| Wrapper(io::Error::other(Wrapper(error)).into()).into(),
];

fn is_found_everywhere(error: BoxError, failure: Failure) {
    let mut error = error;
    for wrap in WRAPPERS {
        error = wrap(error);
        let said = [hyper_error(&*error), error_chain().classify(&*error)];
        assert_eq!(said, [failure; 2], "{error:?}");
    }
}

#[tokio::test]
async fn all_agree_at_any_depth() {
    for (error, failure) in of_reqwest().await {
        assert_eq!(reqwest_error(&error), failure, "{error:?}");
        is_found_everywhere(error.into(), failure);
    }
    for (error, failure) in of_hyper().await {
        is_found_everywhere(error, failure);
    }
}

#[tokio::test(start_paused = true)]
async fn the_errors_of_libraries_around_the_clients() {
    let elapsed = || async { tokio::time::timeout(secs(1), std::future::pending::<()>()).await.unwrap_err() };
    let late = ServiceBuilder::new()
        .timeout(secs(1))
        .service_fn(|()| std::future::pending::<Result<(), BoxError>>());
    let mut shed = ServiceBuilder::new()
        .load_shed()
        .concurrency_limit(1)
        .service_fn(|()| std::future::pending::<Result<(), BoxError>>());
    let _first = shed.ready().await.unwrap().call(());
    let rows: Vec<(BoxError, Failure)> = vec![
        (elapsed().await.into(), Class::Timeout.into()),
        (late.oneshot(()).await.unwrap_err(), Class::Timeout.into()),
        (shed.ready().await.unwrap().call(()).await.unwrap_err(), Class::Transient.into()),
        (http::Request::get("no address").body(()).unwrap_err().into(), NOT_BUILT),
        ("no address".parse::<http::Uri>().unwrap_err().into(), NOT_BUILT),
        (http::HeaderValue::from_str("\n").unwrap_err().into(), NOT_BUILT),
    ];
    for (error, failure) in rows {
        is_found_everywhere(error, failure);
    }
}

/// RFC 9113, section 7.
#[test]
fn the_reasons_of_http_2() {
    use h2::Reason;

    let rows = [
        (Reason::NO_ERROR, Class::Transient),
        (Reason::PROTOCOL_ERROR, Class::Network),
        (Reason::INTERNAL_ERROR, Class::Server),
        (Reason::FLOW_CONTROL_ERROR, Class::Network),
        (Reason::SETTINGS_TIMEOUT, Class::Timeout),
        (Reason::STREAM_CLOSED, Class::Network),
        (Reason::FRAME_SIZE_ERROR, Class::Network),
        (Reason::REFUSED_STREAM, Class::Transient),
        (Reason::CANCEL, Class::Network),
        (Reason::COMPRESSION_ERROR, Class::Network),
        (Reason::CONNECT_ERROR, Class::Network),
        (Reason::ENHANCE_YOUR_CALM, Class::RateLimit),
        (Reason::INADEQUATE_SECURITY, Class::Permanent),
        (Reason::HTTP_1_1_REQUIRED, Class::Permanent),
        (Reason::from(14), Class::Network),
    ];
    for (reason, class) in rows {
        assert_eq!(error_chain().classify(&h2::Error::from(reason)).class, class, "{reason}");
        is_found_everywhere(Wrapper(h2::Error::from(reason).into()).into(), class.into());
    }
}

/// An error of a type that only its own crate knows.
#[derive(Debug)]
struct Said(&'static str);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Said {}

#[test]
fn what_a_text_of_a_connection_says() {
    let rows = [
        ("error:0A000126:SSL routines::unexpected eof while reading", Class::Network, Class::Network),
        ("error:0A000086:SSL routines::certificate verify failed", Class::Permanent, Class::Permanent),
        // Only a client's error has these.
        ("the certificate was revoked", Class::Permanent, Class::Unknown),
        ("something else", Class::Unknown, Class::Unknown),
    ];
    for (text, by_client, anywhere) in rows {
        assert_eq!(hyper_error(&Said(text)).class, by_client, "{text}");
        assert_eq!(error_chain().classify(&Said(text)).class, anywhere, "{text}");
    }
    // An unknown error of the connection is one of the network.
    let unknown = io::Error::other("something else");
    assert_eq!(hyper_error(&unknown).class, Class::Network);
    assert_eq!(error_chain().classify(&unknown).class, Class::Unknown);
}

/// A connection that fails when it is read.
struct Fails(io::ErrorKind);

impl AsyncRead for Fails {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(self.0.into()))
    }
}

#[tokio::test]
async fn what_http_2_says_of_its_connection_and_of_its_misuse() {
    for (kind, class) in [
        (io::ErrorKind::InvalidData, Class::Permanent), // TLS
        (io::ErrorKind::TimedOut, Class::Timeout),
        (io::ErrorKind::Other, Class::Network),
    ] {
        let connection = tokio::io::join(Fails(kind), tokio::io::sink());
        let (_client, connection) = h2::client::handshake(connection).await.unwrap();
        let error = connection.await.unwrap_err();
        assert_eq!(error_chain().classify(&error), class.into(), "{error:?}");
    }

    // HTTP/2 forbids this header, so the request is refused before it is sent.
    let misused = http::Request::builder().header("connection", "close").body(()).unwrap();
    let (connection, _server) = tokio::io::duplex(1_024);
    let (mut client, _connection) = h2::client::handshake(connection).await.unwrap();
    let error = client.send_request(misused, true).unwrap_err();
    assert_eq!(error_chain().classify(&error), NOT_BUILT, "{error:?}");
}

#[test]
fn the_codes_of_grpc() {
    use tonic::{Code, Status};

    let rows = [
        (Code::Cancelled, Class::Network),
        (Code::Unknown, Class::Unknown),
        (Code::InvalidArgument, Class::Validation),
        (Code::DeadlineExceeded, Class::Timeout),
        (Code::NotFound, Class::NotFound),
        (Code::AlreadyExists, Class::Client),
        (Code::PermissionDenied, Class::Client),
        (Code::ResourceExhausted, Class::RateLimit),
        (Code::FailedPrecondition, Class::Client),
        (Code::Aborted, Class::Transient),
        (Code::OutOfRange, Class::Validation),
        (Code::Unimplemented, Class::Permanent),
        (Code::Internal, Class::Server),
        (Code::Unavailable, Class::Server),
        (Code::DataLoss, Class::Permanent),
        (Code::Unauthenticated, Class::Client),
    ];
    for (code, class) in rows {
        let status = || Status::new(code, "the stock cannot be read");
        assert_eq!(error_chain().classify(&status()).class, class, "{code:?}");
        assert_eq!(
            error_chain().classify(&Wrapper(io::Error::other(status()).into())).class,
            class,
            "{code:?}"
        );
    }
}

/// The values of gRFC A6: a number of at most 31 bits is the delay, and everything else means "never".
#[test]
fn the_pushback_of_grpc() {
    let busy = Failure::new(Class::Server);
    let unreadable = busy.not_retried().unreadable_hint();
    let rows: [(&[&str], Failure); 9] = [
        (&[], busy),
        (&["0"], busy.retry_after(ms(0))),
        (&["250"], busy.retry_after(ms(250))),
        (&["2147483647"], busy.retry_after(ms(2_147_483_647))),
        (&["2147483648"], unreadable),
        (&["-1"], busy.not_retried()),
        (&["soon"], unreadable),
        (&[""], unreadable),
        (&["250", "250"], unreadable),
    ];
    for (pushback, failure) in rows {
        let mut status = tonic::Status::unavailable("busy");
        for value in pushback {
            status.metadata_mut().append("grpc-retry-pushback-ms", value.parse().unwrap());
        }
        assert_eq!(tonic_status(&status), failure, "{pushback:?}");
        let inside = Wrapper(io::Error::other(status).into());
        assert_eq!(error_chain().classify(&inside), failure, "{pushback:?}, inside");
        let through_a_layer = tonic::Status::from_error(Box::new(inside));
        assert_eq!(tonic_status(&through_a_layer), failure, "{pushback:?}, through a layer");
    }
}

/// If the connection fails, tonic makes a status. Its cause says more than its code.
#[test]
fn the_statuses_that_tonic_makes() {
    use tonic::{Code, ConnectError, Status, TimeoutExpired};

    let io = |kind| io::Error::from(kind);
    let connect = |error: BoxError| Status::from_error(Box::new(Wrapper(ConnectError(error).into())));
    let refused_stream = h2::Error::from(h2::Reason::REFUSED_STREAM);
    // made by, code, class, unprocessed
    let rows = [
        (connect(io(io::ErrorKind::ConnectionRefused).into()), Code::Unavailable, Class::Network, true),
        (connect(io(io::ErrorKind::TimedOut).into()), Code::Unavailable, Class::Timeout, true),
        (connect(io(io::ErrorKind::InvalidData).into()), Code::Unavailable, Class::Permanent, true), // TLS
        (connect("no reason".into()), Code::Unavailable, Class::Network, true),
        (Status::from_error(Box::new(TimeoutExpired(()))), Code::Cancelled, Class::Timeout, false),
        (Status::from_error(io(io::ErrorKind::BrokenPipe).into()), Code::Unknown, Class::Network, false),
        (Status::from_error(refused_stream.into()), Code::Unknown, Class::Transient, false), // by this side
        (Status::unavailable("down"), Code::Unavailable, Class::Server, false),
    ];
    for (status, code, class, unprocessed) in rows {
        assert_eq!((status.code(), tonic_status(&status).class), (code, class), "{status:?}");
        let retried = |classifier| {
            let once_more =
                Retry::new(Policy::DEFAULT.max_attempts(2), FakeClock::new()).classifier(classifier);
            once_more.run_blocking(|| Err::<(), _>(status.clone())).unwrap_err().attempts() == 2
        };
        let repeatable = class != Class::Permanent;
        assert_eq!(retried(TonicClassifier::IDEMPOTENT), repeatable, "{status:?}");
        assert_eq!(retried(TonicClassifier::NOT_IDEMPOTENT), repeatable && unprocessed, "{status:?}");
    }

    let mut denied = Status::unauthenticated("the token has expired");
    denied.set_source(Arc::new(io(io::ErrorKind::TimedOut)));
    assert_eq!(
        tonic_status(&denied).class,
        Class::Client,
        "a code that tonic does not choose is the program's own"
    );
}

/// The same text or kind means something else around a client, and something else in the caller's own data.
#[test]
fn data_that_is_invalid() {
    let invalid = || io::Error::new(io::ErrorKind::InvalidData, "not a letter");
    assert_eq!(error_chain().classify(&invalid()).class, Class::Serialization, "of no client");
    assert_eq!(hyper_error(&invalid()).class, Class::Permanent, "of a client's connection: TLS");
}

/// Windows' Schannel has numbers for what fails in a handshake: SEC_E_UNTRUSTED_ROOT, CERT_E_EXPIRED.
#[test]
fn the_numbers_of_schannel() {
    for code in [0x8009_0325_u32, 0x800b_0101] {
        let error = io::Error::from_raw_os_error(code.cast_signed());
        assert_eq!(hyper_error(&error).class, Class::Permanent, "{error:?}");
    }
}

#[test]
fn a_type_of_the_program() {
    #[derive(Debug)]
    struct Unpaid;

    impl fmt::Display for Unpaid {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("unpaid")
        }
    }

    impl std::error::Error for Unpaid {}

    impl Classify for Unpaid {
        fn classify(&self) -> Failure {
            Class::Client.into()
        }
    }

    let errors = error_chain().knows::<Unpaid>().knows::<Error<Unpaid>>();
    assert_eq!(errors.classify(&io::Error::other(Wrapper(Unpaid.into()))).class, Class::Client);
    let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
    assert_eq!(errors.classify(&Wrapper(refused.into())).class, Class::Network);
}
