//! What the errors of hyper's clients mean to a policy.

use std::error::Error;

use ::hyper::Error as HyperError;
use retry_core::{Class, Failure};

use crate::causes::{causes, of_connection, of_retries, of_system};

/// The class of an error of hyper's, of hyper-util's client, or of whatever has one of those as a cause, such as a boxed
/// error of a stack. For [`Retry::classify`](retry_core::Retry::classify).
///
/// | error | class |
/// |---|---|
/// | a timeout | `Timeout` |
/// | the connection failed or broke, also while the body was read; what came is no HTTP | `Network`; where the system said more, [that](Class) |
/// | the TLS handshake failed, for a certificate, say | `Permanent` |
/// | hyper was misused, or the request's body failed | `Validation`; where the system said more, [that](Class) |
/// | a `ServiceError` of a layer further in | `Exhausted` or `CircuitOpen`: not again |
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
/// let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap(); // by now
/// let error = retry.run(|| client.get(format!("http://{nobody}/").parse().unwrap())).await.unwrap_err();
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
