//! A TLS handshake that fails, by four clients: reqwest and hyper, each with rustls and with native-tls.
//!
//! The servers are real: one with a certificate that it signed itself, one that speaks no TLS, and one that closes the
//! connection. The classes are those of the table in `docs/http-and-tower.md`.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper_util::client::legacy::{Client as HyperClient, connect::Connect};
use hyper_util::rt::TokioExecutor;
use retry_core::{Class, Failure, Policy};
use retry_tokio::{error_chain, hyper_error, reqwest_error, retry};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

const GUIDE: &str = include_str!("../../../docs/http-and-tower.md");

type BoxError = Box<dyn Error + Send + Sync>;

/// What a server does with each connection.
#[derive(Clone)]
enum Server {
    /// Speaks TLS, with a certificate that no authority has signed.
    SelfSigned(TlsAcceptor),
    /// Reads what comes, and answers with this text.
    Plain(&'static [u8]),
    /// Sends this text before anything is read, as a mail server does.
    Greets(&'static [u8]),
    /// Reads what comes, and closes the connection in good order.
    Closes,
    /// Reads what comes, and resets the connection.
    Resets,
}

impl Server {
    async fn serve(self, mut connection: TcpStream) {
        let mut hello = [0; 4_096];
        match self {
            Self::SelfSigned(acceptor) => drop(acceptor.accept(connection).await),
            Self::Plain(answer) => {
                let _ = connection.read(&mut hello).await;
                let _ = connection.write_all(answer).await;
                let _ = connection.read(&mut hello).await; // the client closes it
            }
            Self::Greets(answer) => {
                let _ = connection.write_all(answer).await;
                while connection.read(&mut hello).await.is_ok_and(|bytes| bytes > 0) {}
            }
            Self::Closes => drop(connection.read(&mut hello).await),
            Self::Resets => {
                let _ = connection.read(&mut hello).await;
                connection.set_zero_linger().unwrap();
            }
        }
    }
}

/// The address of a server, and how many connections it has had.
async fn listen(server: Server) -> (String, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    let connections = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(server.clone().serve(connection));
        }
    });
    (url, connections)
}

fn self_signed() -> TlsAcceptor {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let chain = vec![CertificateDer::from(made.cert.der().to_vec())];
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// A client and a classifier, after how many attempts the call gave up, and its class.
async fn calls(url: &str) -> Vec<(&'static str, u32, Failure, BoxError)> {
    const POLICY: Policy = Policy::fixed(Duration::ZERO).max_attempts(3);

    let mut calls = Vec::new();
    let reqwest = || reqwest::Client::builder().no_proxy();
    for (name, client) in [
        ("reqwest with rustls", reqwest().tls_backend_rustls().build().unwrap()),
        ("reqwest with native-tls", reqwest().tls_backend_native().build().unwrap()),
    ] {
        let get = || client.get(url).send();
        let error = retry(&POLICY).classify(reqwest_error).run(get).await.unwrap_err();
        let attempts = error.attempts();
        let error = error.into_inner().unwrap();
        calls.push((name, attempts, reqwest_error(&error), error.into()));
    }
    let roots = ClientConfig::builder().with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    let rustls =
        hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(roots).https_only().enable_http1();
    calls.push(by_hyper("hyper with rustls", url, rustls.build()).await);
    calls.push(by_hyper("hyper with native-tls", url, hyper_tls::HttpsConnector::new()).await);
    return calls;

    async fn by_hyper<C>(
        name: &'static str,
        url: &str,
        connector: C,
    ) -> (&'static str, u32, Failure, BoxError)
    where
        C: Connect + Clone + Send + Sync + 'static,
    {
        let client = HyperClient::builder(TokioExecutor::new()).build::<_, Empty<Bytes>>(connector);
        let by_hyper =
            retry(&POLICY).classify(|error: &hyper_util::client::legacy::Error| hyper_error(error));
        let error = by_hyper.run(|| client.get(url.parse().unwrap())).await.unwrap_err();
        let attempts = error.attempts();
        let error = error.into_inner().unwrap();
        (name, attempts, hyper_error(&error), error.into())
    }
}

/// The class that the guide gives to what happens, the same for both functions.
fn in_the_guide(what: &str) -> &'static str {
    let row = GUIDE.lines().find(|line| line.starts_with(&format!("| {what} |"))).expect(what);
    let cells: Vec<_> = row.split('|').map(str::trim).collect();
    assert_eq!(cells[2], cells[3], "{row}");
    cells[2].trim_matches('`')
}

#[tokio::test(flavor = "multi_thread")]
async fn each_row_of_the_guide_by_each_client() {
    let _ = default_provider().install_default(); // the first test does
    const NOT_TRUSTED: &str = "the TLS handshake fails: the certificate is not trusted";
    const NO_TLS: &str = "the TLS handshake fails: the server does not speak TLS";
    const CLOSES: &str = "the connection closes in the TLS handshake";
    const REFUSAL: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
    const MAIL: &[u8] = b"220 mail.example.com ESMTP\r\n";

    let rows = [
        (NOT_TRUSTED, Server::SelfSigned(self_signed()), Class::Permanent, 1),
        (NO_TLS, Server::Plain(REFUSAL), Class::Permanent, 1),
        (NO_TLS, Server::Greets(MAIL), Class::Permanent, 1),
        (CLOSES, Server::Closes, Class::Network, 3),
        (CLOSES, Server::Resets, Class::Network, 3),
    ];
    for (what, server, class, attempts) in rows {
        assert_eq!(in_the_guide(what), class.name(), "{what}");
        let (url, connections) = listen(server).await;
        for (client, made, failure, error) in calls(&url).await {
            println!("{client}: {what}: {error:?}"); // for a newer version of a library: --nocapture
            assert_eq!((failure.class, made), (class, attempts), "{client}: {what}: {error:?}");
            assert_eq!(hyper_error(&*error).class, class, "{client}: {what}: {error:?}");
            assert_eq!(error_chain().classify(&*error).class, class, "{client}: {what}: {error:?}");
        }
        assert_eq!(connections.load(Ordering::Relaxed), 4 * attempts, "{what}: by four clients");
    }
}
