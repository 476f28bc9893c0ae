//! object_store: a connector that retries each request, and the classifier for errors.

mod answer;
mod client;
mod connector;
pub(crate) mod errors;
mod service;

use ::object_store::Error as StoreError;
use retry_core::Failure;

use crate::error_chain;

pub use client::ReqwestClient;
pub use connector::RetryConnector;

/// Classifies an error of object_store 0.14, of any of its stores. Use it in
/// [`Retry::classify`](retry_core::Retry::classify).
///
/// This function is [`error_chain`], and agrees with it about every error.
///
/// | error | class |
/// |---|---|
/// | a call inside, such as that of a `RetryConnector`, has ended | [how it ended](retry_core::Error#impl-Classify-for-Error%3CE%3E): not again |
/// | an error that the server answered | [that of its code](retry_core::Class::of_aws_code), or else [of its status](retry_core::Class::of_http_status) |
/// | the connection failed or broke | `Network`; if reqwest or the system said more, [that](retry_core::Class) |
/// | a timeout | `Timeout` |
/// | the answer could not be read | `Serialization` |
/// | `NotFound` | `NotFound` |
/// | `AlreadyExists`, `Precondition`, `NotModified`, `PermissionDenied`, `Unauthenticated` | `Client` |
/// | `NotSupported`, `NotImplemented` | `Permanent`, [neutral](Failure::neutral) |
/// | an invalid path or configuration key | `Validation`, [neutral](Failure::neutral) |
/// | another error | that of its cause, or `Unknown` |
///
/// object_store leaves out the headers of an answer, so there is no hint such as `Retry-After`. A `RetryConnector`, which
/// retries below object_store, reads it.
///
/// ```
/// use object_store::{ObjectStoreExt, memory::InMemory, path::Path};
/// use retry_core::{Class, Policy};
/// use retry_tokio::{object_store_error, retry};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let store = InMemory::new();
/// let reads = retry(&Policy::DEFAULT).classify(object_store_error);
/// let error = reads.run(|| async { store.get(&Path::from("reports/7")).await }).await.unwrap_err();
/// assert_eq!((error.class(), error.attempts()), (Some(Class::NotFound), 1));
/// # }
/// ```
pub fn object_store_error(error: &StoreError) -> Failure {
    error_chain().classify(error)
}
