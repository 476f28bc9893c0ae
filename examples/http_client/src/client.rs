//! An HTTP client that retries, as a service contains it.

use core::time::Duration;
use core::{fmt, mem};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderValue, IF_RANGE, RANGE};
use reqwest::{Body, Client, ClientBuilder, Request, RequestBuilder, Response, StatusCode, Url};
use retry_core::classify::Idempotency;
use retry_core::pool::OwnedCircuit;
use retry_core::{CircuitConfig, CircuitPool, Class, Error, Failure, Policy};
use retry_tokio::{
    ReqwestClassifier, RetryLayer, ServiceError, error_chain, reqwest_requests, reqwest_response, retry,
};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};

/// At most 4 attempts of 5 s each. A server may ask for a wait of up to 10 s.
pub const POLICY: Policy = Policy::exponential(Duration::from_millis(20))
    .max_delay(Duration::from_millis(200))
    .max_attempts(4)
    .attempt_timeout(Duration::from_secs(5))
    .max_hint(Duration::from_secs(10))
    .start_within(Duration::from_secs(30));

/// Files, in both directions: at most 4 attempts, each as long as the file takes. The [`Http`] client ends attempts that
/// stall.
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
        let calls = retry(TRANSFER).classify(transfer_error).classify_ok(reqwest_response).named("upload");
        let layer = RetryLayer::new(calls)
            .clone_all() // a PUT of the same file
            .circuit_by(move |upload: &Upload| circuit(&upload.to));
        let uploads = ServiceBuilder::new()
            .layer(layer)
            .service(service_fn(move |upload| send_file(client.clone(), upload)));

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
    /// the whole file again, and so does one that answers with other bytes than the rest. The file at `to` is replaced as
    /// soon as bytes come, and holds a part of them after an error. The call has no limit of time while bytes come: if it
    /// needs one, put it into a timeout.
    ///
    /// # Errors
    /// Returns an error if the call gives up, such as because the file cannot be written.
    pub async fn download(&self, from: Url, to: &Path) -> Result<(), Error<BoxError>> {
        let mut received = Received { to, part: None };
        let circuit = self.circuit(&from);
        let calls = retry(DOWNLOAD)
            .classify(transfer_error)
            .classify_ok(download_response)
            .named("download")
            .keyed(&circuit)
            .circuit(circuit);
        let request = || self.downloads.get(from.clone());
        calls.run_mut_send(&mut received, |received| Box::pin(received.receive(request()))).await?;
        Ok(())
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

/// Classifies an error of an upload or a download. An error of the file says nothing about the server.
fn transfer_error(error: &BoxError) -> Failure {
    match error.downcast_ref() {
        Some(PartError::NotTheRest) => return Failure::new(Class::Transient).neutral(), // as after a 416
        Some(PartError::Short) => return Class::Network.into(),
        None => {}
    }
    let failure = error_chain().classify(&**error);
    if error.is::<io::Error>() { failure.neutral() } else { failure }
}

/// Classifies a response to a download. A 416 means that no byte follows those that were received, so the next attempt
/// begins anew. The server works.
fn download_response(response: &Response) -> Option<Failure> {
    if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
        Some(Failure::new(Class::Transient).neutral())
    } else {
        reqwest_response(response)
    }
}

/// Reads the body of a response into memory.
async fn read_whole(mut response: Response) -> reqwest::Result<Response> {
    let (status, headers) = (response.status(), mem::take(response.headers_mut()));
    let mut whole = http::Response::new(Body::from(response.bytes().await?));
    (*whole.status_mut(), *whole.headers_mut()) = (status, headers);
    Ok(whole.into())
}

/// Sends a file as a stream. A stream can be read only once, so each attempt opens the file anew. Without its length, it
/// would be sent in chunks, which some servers refuse.
async fn send_file(client: Client, upload: Upload) -> Result<Response, BoxError> {
    let file = File::open(&upload.file).await?;
    let length = file.metadata().await?.len();
    Ok(client.put(upload.to).header(CONTENT_LENGTH, length).body(file).send().await?)
}

/// What has been received of a file.
struct Received<'t> {
    to: &'t Path,
    part: Option<Part>,
}

/// The first bytes of one version of a file.
struct Part {
    file: File,
    length: u64,
    /// The version, if the server can send the rest of it.
    etag: Option<HeaderValue>,
}

impl Received<'_> {
    /// Asks for the rest of the same version, or for the whole file.
    async fn receive(&mut self, request: RequestBuilder) -> Result<Response, BoxError> {
        // A range counts the bytes that are sent, which are not those of the file if they are compressed.
        let mut request = request.header(ACCEPT_ENCODING, "identity");
        if let Some(Part { length, etag: Some(etag), .. }) = &self.part {
            request = request.header(RANGE, format!("bytes={length}-")).header(IF_RANGE, etag);
        }
        let mut response = request.send().await?;
        let sent = SentRange::of(&response);
        let part = match (response.status(), &mut self.part) {
            (StatusCode::PARTIAL_CONTENT, Some(part)) if part.continues_with(&response) => part,
            (StatusCode::PARTIAL_CONTENT, _) => {
                self.part = None;
                return Err(PartError::NotTheRest.into());
            }
            (status, _) if status.is_success() => {
                let file = File::create(self.to).await?;
                // `If-Range` never matches a weak one.
                let etag = response.headers().get(ETAG).filter(|etag| !etag.as_bytes().starts_with(b"W/"));
                self.part.insert(Part { file, length: 0, etag: etag.cloned() })
            }
            (status, _) => {
                if status == StatusCode::RANGE_NOT_SATISFIABLE {
                    self.part = None;
                }
                return Ok(response); // which the classifier judges
            }
        };
        while let Some(chunk) = response.chunk().await? {
            part.file.write_all(&chunk).await?;
            part.length += chunk.len() as u64;
        }
        part.file.flush().await?;
        match sent {
            Some(sent) if part.length > sent.end => {
                self.part = None;
                Err(PartError::NotTheRest.into())
            }
            // A server may send less than it was asked for.
            Some(sent) if part.length < sent.total => Err(PartError::Short.into()),
            _ => Ok(response),
        }
    }
}

impl Part {
    /// Whether a 206 begins where this part ends, in the same version. A server that ignores `If-Range` sends another one.
    fn continues_with(&self, response: &Response) -> bool {
        let etag = response.headers().get(ETAG);
        SentRange::of(response).is_some_and(|sent| sent.start == self.length)
            && self.etag.is_some()
            && (etag.is_none() || etag == self.etag.as_ref())
    }
}

/// The bytes of the file that a 206 says it has, from `start` to before `end`.
struct SentRange {
    start: u64,
    end: u64,
    total: u64,
}

impl SentRange {
    /// Reads `bytes 5-9/10`. A total of `*` is none: without it, nothing says whether the file is whole.
    fn of(response: &Response) -> Option<Self> {
        if response.status() != StatusCode::PARTIAL_CONTENT {
            return None; // elsewhere, the header means nothing
        }
        let range = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
        let (range, total) = range.strip_prefix("bytes ")?.split_once('/')?;
        let (start, last) = range.split_once('-')?;
        let (start, last, total) = (start.parse().ok()?, last.parse().ok()?, total.parse().ok()?);
        (start <= last && last < total).then_some(Self { start, end: last + 1, total })
    }
}

/// Why a 206 does not end a download, although it was read to its end.
#[derive(Debug)]
enum PartError {
    /// Its bytes do not follow those that were received.
    NotTheRest,
    /// The file goes on after its last byte.
    Short,
}

impl fmt::Display for PartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotTheRest => "the server sent other bytes than the rest of the file",
            Self::Short => "the server sent only a part of the rest of the file",
        })
    }
}

impl std::error::Error for PartError {}
