//! The classifier for the errors of tokio-postgres.

use std::error::Error as _;

use ::tokio_postgres::Error as PostgresError;
use retry_core::{Class, Failure};

use crate::database::{of_socket, of_tls};
use crate::tls::Text;

/// Classifies an error of tokio-postgres 0.7. Use it in [`Retry::classify`](retry_core::Retry::classify).
///
/// [`error_chain`](crate::error_chain) knows this error at any depth, such as in the error of a connection pool.
///
/// | error | class |
/// |---|---|
/// | an error that the server sent | [that of its SQLSTATE](Class::of_sqlstate), or `Unknown` |
/// | the connection was refused, failed, broke or is closed; a unix socket that is missing; what came is not PostgreSQL's protocol | `Network`; if the system said more, [that](Class) |
/// | a timeout while connecting | `Timeout` |
/// | the TLS handshake failed, or the server has no TLS | `Permanent` |
/// | the authentication failed in the client | `Client` |
/// | a query for one row found none, or several | `NotFound` |
/// | a column is missing, or has another type | `Serialization` |
/// | a parameter, the configuration or the message could not be built | `Validation`, [neutral](Failure::neutral) |
///
/// A transaction fails as a whole. So the operation that is retried begins the transaction, and commits it.
///
/// ```
/// use retry_core::{Class, Policy};
/// use retry_tokio::{retry, tokio_postgres_error};
/// use tokio_postgres::Config;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let read = || async { "host=localhost port=many".parse::<Config>() }; // your transaction
/// let calls = retry(&Policy::DEFAULT).classify(tokio_postgres_error);
/// let error = calls.run(read).await.unwrap_err();
/// assert_eq!((error.class(), error.attempts()), (Some(Class::Validation), 1));
/// # }
/// ```
pub fn tokio_postgres_error(error: &PostgresError) -> Failure {
    if let Some(code) = error.code() {
        return Class::of_sqlstate(code.code()).unwrap_or(Class::Unknown).into();
    }
    // tokio-postgres has no methods for its kinds. Each has a text of its own, which leaves its cause out.
    let text = Text::of(error);
    let begins = |texts: &[&str]| texts.iter().any(|begin| text.starts_with(begin));
    let class = match () {
        () if begins(NOT_SENT) => return Failure::new(Class::Validation).neutral(),
        () if begins(&["timeout waiting"]) => Class::Timeout,
        () if begins(&["error performing TLS handshake"]) => of_tls(error.source()),
        () if begins(&["authentication error"]) => Class::Client,
        () if begins(&["query returned an unexpected number of rows"]) => Class::NotFound,
        () if begins(UNREADABLE) => Class::Serialization,
        () if begins(&["error communicating", "error connecting"]) => of_socket(error.source()),
        () if error.is_closed() || begins(OTHER_PROTOCOL) => Class::Network,
        () => Class::Unknown,
    };
    class.into()
}

const NOT_SENT: &[&str] = &[
    "error serializing parameter",
    "expected ",
    "error encoding",
    "invalid conf",
    "invalid connection string",
];
const UNREADABLE: &[&str] =
    &["error deserializing column", "invalid column", "query returned an unexpected number of columns"];
const OTHER_PROTOCOL: &[&str] = &["error parsing response", "unexpected message"];
