//! The classifier for the errors of hyper's clients.

use std::error::Error;

use ::hyper::Error as HyperError;
use retry_core::{Class, Failure};

use crate::causes::{causes, of_connection, of_retries, of_system};

/// Classifies an error of hyper 1 or of hyper-util's client. Use it in
/// [`Retry::classify`](retry_core::Retry::classify).
///
/// The error may also be the cause of another one, such as of a boxed error of a tower stack:
/// `.classify(|error: &BoxError| hyper_error(&**error))`.
///
/// | error | class |
/// |---|---|
/// | a timeout | `Timeout` |
/// | the connection failed or broke, also during the body; the answer is not HTTP | `Network`, or the class of the `io::Error` that caused it |
/// | the TLS handshake failed, such as for a certificate | `Permanent` |
/// | hyper was used wrongly, or the request's body failed | `Validation`, or the class of the `io::Error` that caused it |
/// | a `ServiceError` of an inner layer | `Exhausted` or `CircuitOpen`, which are not retried |
/// | any other error | `Unknown` |
///
/// **A closure is retried whatever it sends, also a POST.** Only `RetryLayer::clone_request` with
/// [`http_requests`](crate::http_requests) checks which requests may be sent again.
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
    let all = || std::iter::once(error).chain(causes(error));
    if let Some(class) = of_retries(all()) {
        return class.into();
    }
    let hyper = all().find_map(|error| error.downcast_ref::<HyperError>());
    let class = match (hyper, of_system(all())) {
        (Some(hyper), _) if hyper.is_timeout() => Class::Timeout,
        (Some(hyper), None | Some(Class::Unknown)) if hyper.is_user() => Class::Validation,
        (Some(hyper), Some(class)) if hyper.is_user() => class,
        (_, Some(class)) => of_connection(class),
        (Some(_), None) => Class::Network,
        (None, None) => Class::Unknown,
    };
    class.into()
}
