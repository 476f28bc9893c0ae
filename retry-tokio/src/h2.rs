//! What the errors of HTTP/2 mean to a policy.

use ::h2::{Error as H2Error, Reason};
use retry_core::{Class, Failure};

use crate::tls::of_connection;

/// Returns the failure that an error of the crate h2 describes, by its reason.
///
/// An error without a reason is a misuse of h2 by the program, such as a header that HTTP/2 forbids. It was never sent, so
/// it says nothing about the server, and is neutral.
///
/// Source: [RFC 9113], section 7, and section 8.7 for the streams that were not processed.
///
/// [RFC 9113]: https://www.rfc-editor.org/rfc/rfc9113.html#section-7
pub(crate) fn of_h2(error: &H2Error) -> Failure {
    if let Some(io) = error.get_io() {
        return of_connection(io).unwrap_or(Class::Network).into();
    }
    let class = match error.reason() {
        // A connection that the server closes in good order, and a stream that it did not begin to process.
        Some(Reason::NO_ERROR | Reason::REFUSED_STREAM) => Class::Transient,
        Some(Reason::SETTINGS_TIMEOUT) => Class::Timeout,
        Some(Reason::ENHANCE_YOUR_CALM) => Class::RateLimit,
        Some(Reason::INTERNAL_ERROR) => Class::Server,
        Some(Reason::INADEQUATE_SECURITY | Reason::HTTP_1_1_REQUIRED) => Class::Permanent,
        // The stream or the connection broke, or what came is not HTTP/2.
        Some(_) => Class::Network,
        None => return Failure::new(Class::Validation).neutral(),
    };
    class.into()
}
