//! A reqwest client of the program's own, below object_store.

use ::http::Response;
use ::object_store::ClientOptions;
use ::object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
    HttpService,
};
use ::reqwest::{Body, Client, Error as ReqwestError};
use async_trait::async_trait;
use http_body_util::BodyExt;

/// Connects object_store 0.14 to a client of reqwest 0.13. Give it to a [`RetryConnector`](crate::RetryConnector).
///
/// The client has its own timeouts, proxies and TLS, so object_store's `ClientOptions` are not used. To use them, give the
/// `RetryConnector` object_store's own `ReqwestConnector`, of its feature `reqwest`, which needs TLS.
#[derive(Clone, Debug)]
pub struct ReqwestClient(pub Client);

impl HttpConnector for ReqwestClient {
    fn connect(&self, _: &ClientOptions) -> ::object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for ReqwestClient {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let request = request.map(Body::wrap).try_into().map_err(error)?;
        let response = Response::<Body>::from(self.0.execute(request).await.map_err(error)?);
        Ok(response.map(|body| HttpResponseBody::new(body.map_err(error))))
    }
}

fn error(error: ReqwestError) -> HttpError {
    let kind = match () {
        () if error.is_timeout() => HttpErrorKind::Timeout,
        () if error.is_connect() => HttpErrorKind::Connect,
        () if error.is_decode() => HttpErrorKind::Decode,
        () if error.is_body() => HttpErrorKind::Interrupted,
        () => HttpErrorKind::Unknown,
    };
    // The URL may be signed, and object_store tells it if it is not.
    HttpError::new(kind, error.without_url())
}
