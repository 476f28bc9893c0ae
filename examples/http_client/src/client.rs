//! An HTTP client that retries, as a service contains it.

use core::mem;
use core::time::Duration;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use http::header::{ETAG, HeaderValue, IF_RANGE, RANGE};
use reqwest::{Body, Client, ClientBuilder, Request, RequestBuilder, Response, StatusCode, Url};
use retry_core::classify::Idempotency;
use retry_core::pool::OwnedCircuit;
use retry_core::{CircuitConfig, CircuitPool, Error, Policy};
use retry_tokio::{
    ReqwestClassifier, RetryLayer, ServiceError, error_chain, reqwest_requests, reqwest_response, retry,
};
use tokio::fs::File;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};

/// At most 4 attempts of 5 s each. A server may ask for a wait of up to 10 s.
pub const POLICY: Policy = Policy::exponential(Duration::from_millis(20))
    .max_delay(Duration::from_millis(200))
    .max_attempts(4)
    .attempt_timeout(Duration::from_secs(5))
    .max_hint(Duration::from_secs(10))
    .start_within(Duration::from_secs(30));

/// Files, in both directions: at most 4 attempts, each as long as the file takes. The [`Http`] client ends attempts that stall.
pub const TRANSFER: Policy = Policy::exponential(Duration::from_millis(20))
    .max_delay(Duration::from_millis(200))
    .max_attempts(4)
    .max_hint(Duration::from_secs(10));

/// A download that got a part of its file goes on from there, so its attempts begin anew. An attempt that lasted this
/// long did get some: without a byte of the body, it ends after twice the [`READ_TIMEOUT`].
pub const DOWNLOAD: Policy = TRANSFER.reset_after(Duration::from_secs(30));

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a download waits for the head of the response, and then for each read.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an upload may take. A `read_timeout` of reqwest also runs while a body is sent.
const LONGEST_UPLOAD: Duration = Duration::from_secs(600);

/// Opens after 6 failures in a row, for a second.
pub const CIRCUIT: CircuitConfig =
    CircuitConfig::WITHOUT_RULES.consecutive_failures(6).open_for(Duration::from_secs(1));

/// Requests and responses, with retries between them.
type Stack<R> = BoxCloneSyncService<R, Response, ServiceError>;

/// An upload of a file. Each attempt reads the file anew.
#[derive(Clone, Debug)]
pub struct Upload {
    pub to: Url,
    pub file: PathBuf,
}

/// An HTTP client. Clones share its connections and its circuits.
#[derive(Clone)]
pub struct Http {
    downloads: Client,
    hosts: Arc<CircuitPool>,
    heads: Stack<Request>,
    whole: Stack<Request>,
    uploads: Stack<Upload>,
}

impl Http {
    /// Makes a client with at most 1,000 circuits, one per host. The builder says all but its timeouts. It is asked twice,
    /// because downloads wait less long for a response than uploads.
    ///
    /// # Errors
    /// Returns an error if the builder has an invalid setting.
    pub fn new(builder: impl Fn() -> ClientBuilder) -> reqwest::Result<Self> {
        let build = |read| builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(read).build();
        let (client, downloads) = (build(LONGEST_UPLOAD)?, build(READ_TIMEOUT)?);
        let hosts = Arc::new(CircuitPool::new(1_000, CIRCUIT));
        let by_host = |hosts: &Arc<CircuitPool>| {
            let hosts = hosts.clone();
            move |url: &Url| hosts.get_owned(&host(url))
        };

        let layer = || {
            let circuit = by_host(&hosts);
            RetryLayer::new(retry(POLICY).classifier(ReqwestClassifier).named("http"))
                .clone_request(reqwest_requests(Idempotency::MethodOrKey))
                .circuit_by(move |request: &Request| circuit(request.url()))
        };
        let heads = ServiceBuilder::new().layer(layer()).service(client.clone());
        let whole = ServiceBuilder::new().layer(layer()).and_then(read_whole).service(client.clone());

        let circuit = by_host(&hosts);
        let errors = error_chain();
        let calls = retry(TRANSFER)
            .classify(move |error: &BoxError| {
                let failure = errors.classify(&**error);
                // A file that cannot be opened says nothing about the server.
                if error.is::<io::Error>() { failure.neutral() } else { failure }
            })
            .classify_ok(reqwest_response)
            .named("upload");
        let layer = RetryLayer::new(calls)
            .clone_all() // a PUT of the same file
            .circuit_by(move |upload: &Upload| circuit(&upload.to));
        let uploads = ServiceBuilder::new().layer(layer).service(service_fn(move |upload| send_file(client.clone(), upload)));

        let (heads, whole) = (BoxCloneSyncService::new(heads), BoxCloneSyncService::new(whole));
        let uploads = BoxCloneSyncService::new(uploads);
        Ok(Self { downloads, hosts, heads, whole, uploads })
    }

    /// Sends a request, and returns the response with its body unread. An attempt ends with the head of the response.
    ///
    /// # Errors
    /// Returns an error if the call gives up without a response.
    pub async fn send(&self, request: Request) -> Result<Response, ServiceError> {
        self.heads.clone().oneshot(request).await
    }

    /// Sends a request, and reads the whole response in the attempt. If the body breaks, the attempt has failed. Use it
    /// for bodies that fit in memory.
    ///
    /// # Errors
    /// Returns an error if the call gives up without a response.
    pub async fn send_and_read(&self, request: Request) -> Result<Response, ServiceError> {
        self.whole.clone().oneshot(request).await
    }

    /// Uploads a file.
    ///
    /// # Errors
    /// Returns an error if the call gives up without a response.
    pub async fn upload(&self, upload: Upload) -> Result<Response, ServiceError> {
        self.uploads.clone().oneshot(upload).await
    }

    /// Downloads a large file. If its body breaks, the next attempt asks for the rest. A server that sends no `ETag` sends
    /// the whole file again. The call has no limit of time while bytes come: if it needs one, put it into a timeout.
    ///
    /// # Errors
    /// Returns an error if the call gives up.
    pub async fn download(&self, from: Url) -> Result<Vec<u8>, Error<reqwest::Error>> {
        let circuit = self.circuit(&from);
        let calls =
            retry(DOWNLOAD).classifier(ReqwestClassifier).named("download").keyed(&circuit).circuit(circuit);
        let mut file = Received::default();
        calls.run_mut_send(&mut file, |file| Box::pin(file.receive(self.downloads.get(from.clone())))).await?;
        Ok(file.bytes)
    }

    /// Returns the circuit of a host.
    pub fn circuit(&self, url: &Url) -> OwnedCircuit {
        self.hosts.get_owned(&host(url))
    }
}

/// Returns host and port. The password that a URL may contain stays out of names.
fn host(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default())
}

/// Reads the body of a response into memory.
async fn read_whole(mut response: Response) -> reqwest::Result<Response> {
    let (status, headers) = (response.status(), mem::take(response.headers_mut()));
    let mut whole = http::Response::new(Body::from(response.bytes().await?));
    (*whole.status_mut(), *whole.headers_mut()) = (status, headers);
    Ok(whole.into())
}

/// Sends a file as a stream. A stream can be read only once, so each attempt opens the file anew.
async fn send_file(client: Client, upload: Upload) -> Result<Response, BoxError> {
    let file = File::open(&upload.file).await?;
    Ok(client.put(upload.to).body(file).send().await?)
}

/// What has been received of a file.
#[derive(Default)]
struct Received {
    bytes: Vec<u8>,
    /// The version of the file that the bytes are from.
    etag: Option<HeaderValue>,
}

impl Received {
    /// Asks for the rest of the same version, or for the whole file.
    async fn receive(&mut self, mut request: RequestBuilder) -> reqwest::Result<Response> {
        if let Some(etag) = &self.etag {
            request = request.header(RANGE, format!("bytes={}-", self.bytes.len())).header(IF_RANGE, etag);
        }
        let mut response = request.send().await?;
        if !response.status().is_success() {
            return Ok(response); // which the classifier judges
        }
        if response.status() != StatusCode::PARTIAL_CONTENT {
            self.bytes.clear();
            self.etag = response.headers().get(ETAG).cloned();
        }
        while let Some(chunk) = response.chunk().await? {
            self.bytes.extend_from_slice(&chunk);
        }
        Ok(response)
    }
}
