//! Retries inside a client, in its resolver or its connector, are not multiplied by the retries around it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper_util::client::legacy::{Client as HyperClient, Error as HyperError, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use reqwest::Client;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use retry_core::circuit::Phase;
use retry_core::{Class, Error, Failure, Policy, Rejected};
use retry_tokio::{RetryLayer, error_chain, hyper_error, reqwest_error, retry};
use tower::util::{MapErr, MapErrLayer};
use tower::{BoxError, Layer, ServiceExt};

use super::errors::url_of_nobody;

/// Three attempts without delays.
const POLICY: Policy = Policy::fixed(Duration::ZERO).max_attempts(3);

/// How the resolver's last error is handed to the client.
type Hand = fn(Error<io::Error>) -> BoxError;

/// A resolver that finds no host, and tries three times.
struct Resolver {
    look_ups: Arc<AtomicU32>,
    hand: Hand,
}

impl Resolve for Resolver {
    fn resolve(&self, _: Name) -> Resolving {
        let (look_ups, hand) = (Arc::clone(&self.look_ups), self.hand);
        Box::pin(async move {
            let look_up = || async {
                look_ups.fetch_add(1, Ordering::Relaxed);
                Err::<SocketAddr, _>(io::Error::from(io::ErrorKind::NetworkUnreachable))
            };
            let address = retry(&POLICY).run(look_up).await.map_err(hand)?;
            Ok(Box::new(std::iter::once(address)) as Addrs)
        })
    }
}

const HANDS: [(&str, Hand); 5] = [
    ("as it is", |error| error.into()),
    ("boxed", |error| error.boxed().into()),
    ("over a boxed error", |error| error.map(BoxError::from).boxed().into()),
    ("in an io::Error", |error| io::Error::other(error).into()),
    ("in an io::Error of a kind that is retried", |error| {
        io::Error::new(io::ErrorKind::TimedOut, error).into()
    }),
];

#[tokio::test]
async fn of_a_resolver() {
    for (how, hand) in HANDS {
        let look_ups = Arc::new(AtomicU32::new(0));
        let resolver = Resolver { look_ups: Arc::clone(&look_ups), hand };
        let client = Client::builder().no_proxy().dns_resolver(resolver).build().unwrap();
        let get = || client.get("http://stock.example.com/").send();
        let error = retry(&POLICY).classify(reqwest_error).run(get).await.unwrap_err();
        assert_eq!((error.class(), error.attempts()), (Some(Class::Exhausted), 1), "{how}: {error:?}");
        assert_eq!(look_ups.swap(0, Ordering::Relaxed), 3, "{how}: 3, and not 9");

        let get = || async { get().await.map_err(BoxError::from) };
        let by_hyper = retry(&POLICY).classify(|error: &BoxError| hyper_error(&**error));
        assert_eq!(by_hyper.run(get).await.unwrap_err().class(), Some(Class::Exhausted), "{how}");
        assert_eq!(look_ups.load(Ordering::Relaxed), 3, "{how}: 3, and not 9");
    }
}

type Fails = fn() -> BoxError;

/// What a connector fails with: retried already, or refused by a circuit.
const CONNECTORS: [(&str, Fails, Class); 5] = [
    ("a refusal", || Rejected::new(Phase::Open, Duration::from_secs(1)).into(), Class::CircuitOpen),
    (
        "a refusal in an io::Error",
        || io::Error::other(Rejected::new(Phase::Open, Duration::from_secs(1))).into(),
        Class::CircuitOpen,
    ),
    ("a call that gave up", || ended(Class::Network).into(), Class::Exhausted),
    ("a boxed call that gave up", || ended(Class::Network).boxed().into(), Class::Exhausted),
    ("a call that gave up for its class", || ended(Class::Client).into(), Class::Client),
];

/// The end of a call that fails with this class.
fn ended(class: Class) -> Error<io::Error> {
    let clock = retry_core::testing::FakeClock::new();
    let retry = retry_core::Retry::new(&POLICY, &clock).classify(|_: &io::Error| class);
    retry.run_blocking(|| Err::<(), _>(io::Error::other("the connector's"))).unwrap_err()
}

#[tokio::test]
async fn of_a_connector() {
    for (what, fails, class) in CONNECTORS {
        let layer = MapErrLayer::new(move |_: BoxError| fails());
        let client = Client::builder().no_proxy().connector_layer(layer).build().unwrap();
        let error = client.get(url_of_nobody().await).send().await.unwrap_err();
        assert_eq!(reqwest_error(&error).class, class, "{what}: {error:?}");
        assert_eq!(hyper_error(&error), reqwest_error(&error), "{what}: {error:?}");

        let connector: MapErr<HttpConnector, _> = HttpConnector::new().map_err(move |_| fails());
        let client = HyperClient::builder(TokioExecutor::new()).build::<_, Empty<Bytes>>(connector);
        let error = client.get(url_of_nobody().await.parse().unwrap()).await.unwrap_err();
        assert_eq!(hyper_error(&error).class, class, "{what}: {error:?}");
    }
}

/// Errors of calls over each client, in a box.
#[tokio::test]
async fn of_a_box() {
    let url = url_of_nobody().await;
    let by_reqwest = retry(&POLICY).classify(reqwest_error).run(|| super::client().get(&url).send()).await;
    let hyper = || HyperClient::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let by_hyper = retry(&POLICY).classify(|error: &HyperError| hyper_error(error));
    let by_hyper = by_hyper.run(|| hyper().get(url.parse().unwrap())).await;
    let layer = || {
        let by_hyper = retry(&POLICY).classify(|error: &HyperError| hyper_error(error));
        RetryLayer::new(by_hyper).clone_request(|request: &http::Request<Empty<Bytes>>| Some(request.clone()))
    };
    let request = || http::Request::get(&url).body(Empty::new()).unwrap();
    let by_layer = layer().layer(hyper()).oneshot(request()).await;
    let over_a_layer = retry(&POLICY).run(|| layer().layer(hyper()).oneshot(request())).await;
    let over_tonic = retry(&POLICY)
        .classify_opaque(|_: &tonic::Status| Class::Server)
        .run(|| async { Err::<(), _>(tonic::Status::unavailable("down")) })
        .await;
    let over_h2 = retry(&POLICY)
        .classify_opaque(|_: &h2::Error| Class::Server)
        .run(|| async { Err::<(), _>(h2::Error::from(h2::Reason::INTERNAL_ERROR)) })
        .await;

    let boxes: [(&str, BoxError); 8] = [
        ("reqwest", by_reqwest.unwrap_err().into()),
        ("hyper", by_hyper.unwrap_err().into()),
        ("a layer", by_layer.unwrap_err().into()),
        ("a call over a layer", over_a_layer.unwrap_err().into()),
        ("tonic", over_tonic.unwrap_err().into()),
        ("h2", over_h2.unwrap_err().into()),
        ("io", ended(Class::Network).into()),
        ("a boxed error", ended(Class::Network).boxed().into()),
    ];
    for (what, error) in boxes {
        let all = [hyper_error(&*error), error_chain().classify(&*error)];
        assert_eq!(all, [Failure::new(Class::Exhausted); 2], "{what}: {error:?}");
        let error = io::Error::new(io::ErrorKind::ConnectionReset, error);
        let all = [hyper_error(&error), error_chain().classify(&error)];
        assert_eq!(all, [Failure::new(Class::Exhausted); 2], "{what} in an io::Error: {error:?}");
    }
}
