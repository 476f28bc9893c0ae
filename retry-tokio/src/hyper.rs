//! The classifier for the errors of hyper's clients.

use std::error::Error;

use retry_core::{Failure, classify::ErrorChain};

use crate::chain::ClientErrors;

/// Classifies an error of hyper 1 or of hyper-util's client. Use it in
/// [`Retry::classify`](retry_core::Retry::classify).
///
/// The error may also be the cause of another one, such as of a boxed error of a tower stack:
/// `.classify(|error: &BoxError| hyper_error(&**error))`.
///
/// This is [`error_chain`](crate::error_chain), for errors of which it is known that they come from a client: an
/// `io::Error` without a class is then `Network`.
///
/// | error | class |
/// |---|---|
/// | a timeout | `Timeout` |
/// | the connection failed or broke, also while the body was read; what came is not HTTP | `Network`; if the system said more, [that](retry_core::Class) |
/// | the TLS handshake failed, for a certificate, say | `Permanent` |
/// | the URL has no host; `https` in a program without TLS | `Validation`, [neutral](Failure::neutral) |
/// | hyper was misused, or the request's body failed | `Validation`; if the system said more, [that](retry_core::Class); [neutral](Failure::neutral) |
/// | a call inside has ended, such as a `ServiceError` of a layer further in | [how it ended](retry_core::Error#impl-Classify-for-Error%3CE%3E): not again |
/// | an error of reqwest, or of another library that [`error_chain`](crate::error_chain) knows | as there |
/// | an error that names none of these | `Unknown` |
///
/// ```
/// use hyper_util::client::legacy::{Client, Error};
/// use hyper_util::rt::TokioExecutor;
/// use http_body_util::Empty;
/// use hyper::body::Bytes;
/// use retry_core::Policy;
/// use retry_tokio::{hyper_error, retry};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
/// let retry = retry(&Policy::DEFAULT).classify(|error: &Error| hyper_error(error));
/// let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap(); // a port that is closed
/// let error = retry.run(|| client.get(format!("http://{closed}/").parse().unwrap())).await.unwrap_err();
/// assert_eq!(error.context().class, Some(retry_core::Class::Network));
/// # }
/// ```
pub fn hyper_error(error: &(dyn Error + 'static)) -> Failure {
    ErrorChain::over(ClientErrors::OF_A_CLIENT).classify(error)
}
