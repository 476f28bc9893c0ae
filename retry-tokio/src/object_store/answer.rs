//! An answer of a store, and what it means.

use ::http::{HeaderMap, Method, StatusCode};
use ::object_store::client::{HttpClient, HttpError, HttpRequest, HttpResponse, HttpResponseBody};
use retry_core::Failure;
use retry_core::runtime::StdRuntime;

use super::errors::of_body;

/// A response, and what it means if it is an error.
pub(super) struct Answer {
    pub(super) response: HttpResponse,
    pub(super) failure: Option<Failure>,
}

impl Answer {
    /// Sends a request, and reads the answer as far as its meaning needs it.
    pub(super) async fn of(client: &HttpClient, request: HttpRequest) -> Result<Self, HttpError> {
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        let response = client.execute(request).await?;
        if response.status().is_success() && is_read {
            return Ok(Self { response, failure: None });
        }
        // S3 answers 200 before it has put parts together or copied an object. Then an error may follow in the body.
        let (mut head, body) = response.into_parts();
        let body = body.bytes().await?;
        let failure = failure(head.status, &head.headers, &String::from_utf8_lossy(&body));
        if failure.is_some() && head.status.is_success() {
            // object_store knows two codes inside a 200, and takes a copy that failed for another reason for done.
            head.status = StatusCode::INTERNAL_SERVER_ERROR;
        }
        Ok(Self { response: HttpResponse::from_parts(head, HttpResponseBody::from(body)), failure })
    }
}

/// Returns the failure that a response means: status and hint by its head, and the class by the code in its body.
fn failure(status: StatusCode, headers: &HeaderMap, body: &str) -> Option<Failure> {
    let of_head = Failure::of_http_response(status, headers, StdRuntime::unix_secs);
    let Some(class) = of_body(body) else { return of_head };
    let mut failure = of_head.unwrap_or(Failure::new(class));
    failure.class = class;
    Some(failure)
}
