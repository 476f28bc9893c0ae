//! An S3 server on loopback: the crate `s3s`, which checks signatures, with its objects in a folder. In front of it stands a
//! script, which answers chosen requests instead, such as with an error in a 200.

use core::net::SocketAddr;
use std::collections::{HashMap, VecDeque};
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Query, Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use object_store::aws::AmazonS3Builder;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::Result;

const BUCKET: &str = "reports";
const KEY: &str = "key";
const SECRET: &str = "secret";

/// What happens to a request.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// The server gets it.
    Ok,
    /// The script answers with this status, this code, and these seconds as `Retry-After`.
    Fail(u16, &'static str, Option<u32>),
}

/// The server. Clones share its objects. They are removed with the last clone.
#[derive(Clone, Debug)]
pub struct S3 {
    server: S3Service,
    folder: Arc<TempDir>,
    script: Arc<Mutex<Script>>,
}

#[derive(Debug, Default)]
struct Script {
    answers: HashMap<String, VecDeque<Answer>>,
    seen: Vec<(String, Instant)>,
}

impl S3 {
    /// Makes a server with one empty bucket.
    ///
    /// # Errors
    /// Returns an error if the system has no temporary folder.
    pub fn new() -> Result<Self> {
        let folder = TempDir::new()?;
        fs::create_dir(folder.path().join(BUCKET))?;
        let files = FileSystem::new(folder.path()).map_err(|error| format!("{error:?}"))?;
        let mut server = S3ServiceBuilder::new(files);
        server.set_auth(SimpleAuth::from_single(KEY, SECRET));
        Ok(Self { server: server.build(), folder: Arc::new(folder), script: Arc::default() })
    }

    /// Starts the server. Returns its address.
    ///
    /// # Errors
    /// Returns an error if no port is free.
    pub async fn start(&self) -> Result<SocketAddr> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let app = Router::new().fallback(serve).with_state(self.clone());
        tokio::spawn(async { axum::serve(listener, app).await });
        Ok(address)
    }

    /// Starts the server, and returns the settings of its bucket.
    ///
    /// # Errors
    /// Returns an error if no port is free.
    pub async fn bucket(&self) -> Result<AmazonS3Builder> {
        Ok(bucket_at(self.start().await?))
    }

    /// Sets the answers to an operation, such as `put KEY`, `copy KEY`, `create KEY`, `part 2 KEY` or `complete KEY`. The last one
    /// repeats. Without any, the answer is `Ok`.
    pub fn set(&self, operation: &str, answers: &[Answer]) {
        self.with(|script| script.answers.insert(operation.into(), answers.iter().copied().collect()));
    }

    /// Returns when the requests of an operation arrived.
    pub fn seen(&self, operation: &str) -> Vec<Instant> {
        self.with(|script| {
            script.seen.iter().filter(|(seen, _)| seen == operation).map(|(_, at)| *at).collect()
        })
    }

    /// Returns how many parts of a key arrived, whole or not.
    pub fn parts(&self, key: &str) -> usize {
        let is_part = |seen: &str| seen.starts_with("part ") && seen.ends_with(key);
        self.with(|script| script.seen.iter().filter(|(seen, _)| is_part(seen)).count())
    }

    /// Returns an object.
    pub fn object(&self, key: &str) -> Option<Vec<u8>> {
        fs::read(self.folder.path().join(BUCKET).join(key)).ok()
    }

    fn with<R>(&self, f: impl FnOnce(&mut Script) -> R) -> R {
        f(&mut self.script.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Returns the settings of the bucket at an address.
pub fn bucket_at(address: SocketAddr) -> AmazonS3Builder {
    AmazonS3Builder::new()
        .with_endpoint(format!("http://{address}"))
        .with_allow_http(true)
        .with_bucket_name(BUCKET)
        .with_region("eu-central-1")
        .with_access_key_id(KEY)
        .with_secret_access_key(SECRET)
}

#[expect(clippy::disallowed_methods, reason = "the log of requests is in real time")]
async fn serve(
    State(s3): State<S3>,
    Query(query): Query<HashMap<String, String>>,
    request: Request,
) -> Response {
    let operation = operation(&request, &query);
    s3.with(|script| script.seen.push((operation.clone(), Instant::now())));
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return StatusCode::BAD_REQUEST.into_response(); // the body broke, and so did the connection
    };
    let answer = s3.with(|script| match script.answers.get_mut(&operation) {
        Some(answers) if answers.len() > 1 => answers.pop_front(),
        Some(answers) => answers.front().copied(),
        None => None,
    });
    if let Some(Answer::Fail(status, code, wait)) = answer {
        let mut response = Response::builder().status(status);
        if let Some(seconds) = wait {
            response = response.header("retry-after", seconds);
        }
        return response.body(format!("<Error><Code>{code}</Code></Error>").into()).expect("a valid answer");
    }
    match s3.server.call(Request::from_parts(head, body.into())).await {
        Ok(response) => response.map(Body::new),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:?}")).into_response(),
    }
}

/// What a request is for, as [`S3::set`] names it.
fn operation(request: &Request, query: &HashMap<String, String>) -> String {
    let key = request.uri().path().splitn(3, '/').nth(2).unwrap_or_default();
    let is_copy = request.headers().contains_key("x-amz-copy-source");
    match (request.method(), query.get("partNumber")) {
        (&Method::PUT, _) if is_copy => format!("copy {key}"),
        (&Method::PUT, Some(part)) => format!("part {part} {key}"),
        (&Method::PUT, None) => format!("put {key}"),
        (&Method::POST, _) if query.contains_key("uploadId") => format!("complete {key}"),
        (&Method::POST, _) => format!("create {key}"),
        (method, _) => format!("{method} {key}"),
    }
}
