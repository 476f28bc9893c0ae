//! A small S3 server on loopback: objects, copies and multipart uploads, in memory, of one bucket. It checks no signatures.
//!
//! The parts need its answers, such as an error in a 200 or a `Retry-After`, and they need them at a chosen request. A whole
//! server, by a crate such as `s3s`, would still need this script in front of it, so it would add much and replace little.

use core::net::SocketAddr;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Query, Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use object_store::aws::AmazonS3Builder;
use tokio::net::TcpListener;

/// What the server does with a request.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// Carries it out.
    Ok,
    /// Answers with this status, this code, and these seconds as `Retry-After`.
    Fail(u16, &'static str, Option<u32>),
}

/// The server. Clones share its objects.
#[derive(Clone, Debug, Default)]
pub struct S3(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    answers: HashMap<String, VecDeque<Answer>>,
    seen: Vec<(String, Instant)>,
    objects: HashMap<String, Vec<u8>>,
    /// The parts of each upload under way, by its number.
    uploads: HashMap<u32, BTreeMap<u32, Vec<u8>>>,
    last_upload: u32,
}

impl S3 {
    /// Starts the server. Returns its address.
    ///
    /// # Errors
    /// Returns an error if no port is free.
    pub async fn start(&self) -> io::Result<SocketAddr> {
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
    pub async fn bucket(&self) -> io::Result<AmazonS3Builder> {
        Ok(bucket_at(self.start().await?))
    }

    /// Sets the answers to an operation, such as `put KEY`, `copy KEY`, `create KEY`, `part 2 KEY` or `complete KEY`. The last one
    /// repeats. Without any, the answer is `Ok`.
    pub fn set(&self, operation: &str, answers: &[Answer]) {
        self.with(|held| held.answers.insert(operation.into(), answers.iter().copied().collect()));
    }

    /// Returns when the requests of an operation arrived.
    pub fn seen(&self, operation: &str) -> Vec<Instant> {
        self.with(|held| held.seen.iter().filter(|(seen, _)| seen == operation).map(|(_, at)| *at).collect())
    }

    /// Returns how many parts of a key arrived, whole or not.
    pub fn parts(&self, key: &str) -> usize {
        let is_part = |seen: &str| seen.starts_with("part ") && seen.ends_with(key);
        self.with(|held| held.seen.iter().filter(|(seen, _)| is_part(seen)).count())
    }

    /// Returns an object.
    pub fn object(&self, key: &str) -> Option<Vec<u8>> {
        self.with(|held| held.objects.get(key).cloned())
    }

    fn with<R>(&self, f: impl FnOnce(&mut Held) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Returns the settings of the bucket at an address. The server takes any key and any secret.
pub fn bucket_at(address: SocketAddr) -> AmazonS3Builder {
    AmazonS3Builder::new()
        .with_endpoint(format!("http://{address}"))
        .with_allow_http(true)
        .with_bucket_name("reports")
        .with_region("eu-central-1")
        .with_access_key_id("key")
        .with_secret_access_key("secret")
}

#[expect(clippy::disallowed_methods, reason = "the server's log is in real time")]
async fn serve(
    State(s3): State<S3>,
    Query(query): Query<HashMap<String, String>>,
    request: Request,
) -> Response {
    let (method, key) = (request.method().clone(), request.uri().path().replacen("/reports/", "", 1));
    let number = |name| query.get(name).and_then(|value: &String| value.parse::<u32>().ok());
    let (upload, part) = (number("uploadId"), number("partNumber"));
    let source = request.headers().get("x-amz-copy-source").and_then(|source| source.to_str().ok());
    let source = source.map(|source| source.trim_start_matches('/').replacen("reports/", "", 1));
    let operation = match (&method, upload, part) {
        (&Method::PUT, ..) if source.is_some() => format!("copy {key}"),
        (&Method::PUT, Some(_), Some(part)) => format!("part {part} {key}"),
        (&Method::PUT, ..) => format!("put {key}"),
        (&Method::POST, Some(_), _) => format!("complete {key}"),
        (&Method::POST, ..) => format!("create {key}"),
        _ => format!("{method} {key}"),
    };
    s3.with(|held| held.seen.push((operation.clone(), Instant::now())));
    let Ok(body) = to_bytes(request.into_body(), usize::MAX).await else {
        return StatusCode::BAD_REQUEST.into_response(); // the body broke, and so did the connection
    };
    let answer = s3.with(|held| match held.answers.get_mut(&operation) {
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
    s3.with(|held| match (&method, upload, part) {
        (&Method::PUT, Some(upload), Some(part)) => {
            held.uploads.entry(upload).or_default().insert(part, body.into());
            [("etag", format!("\"{part}\""))].into_response()
        }
        (&Method::PUT, ..) => {
            if let Some(source) = source {
                let Some(object) = held.objects.get(&source).cloned() else {
                    return (StatusCode::NOT_FOUND, "<Error><Code>NoSuchKey</Code></Error>").into_response();
                };
                held.objects.insert(key, object);
                return "<CopyObjectResult><ETag>\"1\"</ETag></CopyObjectResult>".into_response();
            }
            held.objects.insert(key, body.into());
            [("etag", "\"1\"")].into_response()
        }
        (&Method::POST, Some(upload), _) => {
            let parts = held.uploads.remove(&upload).unwrap_or_default();
            held.objects.insert(key, parts.into_values().flatten().collect());
            "<CompleteMultipartUploadResult><ETag>\"1\"</ETag></CompleteMultipartUploadResult>"
                .into_response()
        }
        (&Method::POST, ..) => {
            held.last_upload += 1;
            let id = held.last_upload;
            format!(
                "<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
            )
            .into_response()
        }
        _ => StatusCode::NO_CONTENT.into_response(),
    })
}
