//! Retries below object_store: of each request, such as one part of a multipart upload.

use std::sync::Arc;

use ::object_store::ClientOptions;
use ::object_store::client::{HttpClient, HttpConnector, HttpService};
use retry_core::Retry;
use retry_core::classify::ByTrait;
use retry_core::policy::Policies;

use super::service::RetryingClient;

/// Connects the stores of object_store 0.14 to an HTTP client that retries each request.
///
/// It is made of a connector, such as a [`ReqwestClient`](crate::ReqwestClient) or object_store's own `ReqwestConnector`,
/// and of a [`Retry`] with its policy, circuit, budget and observer. All stores that are made with it share them. Set
/// `RetryConfig::max_retries` of the store to 0.
///
/// A `Retry` around a call of object_store repeats the whole call, and sees no `Retry-After`. This one sends again only
/// the request that failed, such as one part of an upload.
///
/// The class of an answer is [that of the code](retry_core::Class::of_aws_code) in its body, or else that of its status.
/// A hint counts as in [`Failure::of_http_response`](retry_core::Failure::of_http_response). The class of an error is that of
/// [`object_store_error`](crate::object_store_error). If the call gives up, object_store gets the last answer.
/// An error inside a 200, which S3 sends for a copy or a completed upload, reaches it with status 500. It would take most of
/// them for a success.
///
/// A write on a condition (`If-Match`, `If-None-Match`), such as `PutMode::Create`, would refuse its own repetition. If its
/// connection was made and no answer came, it is not retried.
///
/// ```
/// use std::time::Duration;
/// use object_store::client::HttpConnector;
/// use retry_core::{Policy, SharedBudget, TokenBucket};
/// use retry_tokio::{ReqwestClient, RetryConnector, retry};
///
/// const POLICY: Policy = Policy::exponential(Duration::from_millis(500)).max_attempts(4);
///
/// // For `with_http_connector` of the builder of a store.
/// fn connector() -> impl HttpConnector {
///     let budget = SharedBudget::new(TokenBucket::DEFAULT);
///     let client = ReqwestClient(reqwest::Client::new());
///     RetryConnector::new(client, retry(POLICY).budget(budget).named("s3"))
/// }
/// # connector().connect(&object_store::ClientOptions::new()).unwrap();
/// ```
#[derive(Debug)]
pub struct RetryConnector<C, Y> {
    connector: C,
    retry: Arc<Y>,
}

impl<C, R, P, G, B, O> RetryConnector<C, Retry<R, P, G, B, ByTrait, O>> {
    /// Makes a connector that sends its requests by this `Retry`. Its classifier is that of the connector.
    pub fn new(connector: C, retry: Retry<R, P, G, B, ByTrait, O>) -> Self {
        Self { connector, retry: Arc::new(retry) }
    }
}

impl<C: HttpConnector, R, P, G, B, O> HttpConnector for RetryConnector<C, Retry<R, P, G, B, ByTrait, O>>
where
    RetryingClient<Retry<R, P, G, B, ByTrait, O>>: HttpService,
    R: Send + Sync + 'static,
    P: Policies + Send + Sync + 'static,
    G: Send + Sync + 'static,
    B: Send + Sync + 'static,
    O: Send + Sync + 'static,
{
    fn connect(&self, options: &ClientOptions) -> ::object_store::Result<HttpClient> {
        let client = self.connector.connect(options)?;
        Ok(HttpClient::new(RetryingClient { client, retry: self.retry.clone() }))
    }
}
