//! The classifier for the errors of sqlx.

use ::sqlx::Error as SqlxError;
use ::sqlx::error::DatabaseError;
use retry_core::{Class, Failure};

use crate::database::{of_socket, of_tls};
use crate::tls::Text;

/// Classifies an error of sqlx 0.8, whatever its database is. Use it in [`Retry::classify`](retry_core::Retry::classify).
///
/// [`error_chain`](crate::error_chain) knows this error at any depth.
///
/// | error | class |
/// |---|---|
/// | an error of PostgreSQL | [that of its SQLSTATE](Class::of_sqlstate), or `Unknown` |
/// | an error of MySQL or MariaDB | [that of its number](Class::of_mysql_error), or else of its SQLSTATE, or `Unknown` |
/// | an error of SQLite | [that of its extended code](Class::of_sqlite_code), or `Unknown` |
/// | the connection was refused, failed or broke; a unix socket that is missing; what came is not the protocol; the worker is gone | `Network`; if the system said more, [that](Class) |
/// | the pool had no connection in time | `Timeout` |
/// | the TLS handshake failed, or the server has no TLS | `Permanent` |
/// | a transaction did not begin | `Transient` |
/// | `RowNotFound` | `NotFound` |
/// | a column is missing, or could not be decoded | `Serialization` |
/// | a type that the database lacks | `Validation` |
/// | an argument, the configuration or a value to encode is invalid | `Validation`, [neutral](Failure::neutral) |
/// | the pool is closed | `Permanent`, [neutral](Failure::neutral) |
/// | another error | `Unknown` |
///
/// A transaction fails as a whole. So the operation that is retried begins the transaction, and commits it.
///
/// ```
/// use retry_core::Class;
/// use retry_tokio::sqlx_error;
///
/// assert_eq!(sqlx_error(&sqlx::Error::PoolTimedOut).class, Class::Timeout);
/// assert_eq!(sqlx_error(&sqlx::Error::RowNotFound).class, Class::NotFound);
/// ```
pub fn sqlx_error(error: &SqlxError) -> Failure {
    let class = match error {
        SqlxError::Database(error) => of_database(&**error),
        SqlxError::Io(io) => of_socket(Some(io)),
        SqlxError::Tls(cause) => of_tls(Some(&**cause)),
        SqlxError::Protocol(_) | SqlxError::WorkerCrashed => Class::Network,
        SqlxError::PoolTimedOut => Class::Timeout,
        SqlxError::BeginFailed => Class::Transient,
        SqlxError::RowNotFound => Class::NotFound,
        SqlxError::TypeNotFound { .. } => Class::Validation,
        SqlxError::ColumnIndexOutOfBounds { .. }
        | SqlxError::ColumnNotFound(_)
        | SqlxError::ColumnDecode { .. }
        | SqlxError::Decode(_) => Class::Serialization,
        SqlxError::Configuration(_)
        | SqlxError::InvalidArgument(_)
        | SqlxError::Encode(_)
        | SqlxError::InvalidSavePointStatement => return Failure::new(Class::Validation).neutral(),
        SqlxError::PoolClosed => return Failure::new(Class::Permanent).neutral(),
        _ => Class::Unknown,
    };
    class.into()
}

/// Returns the class of a code. A SQLSTATE has five characters, and SQLite's codes have at most four digits.
///
/// sqlx keeps MySQL's number in the type of its MySQL driver alone, and writes it first: `1205 (HY000): Lock wait ..`.
fn of_database(error: &dyn DatabaseError) -> Class {
    let code = error.code().unwrap_or_default();
    let class = match code.parse() {
        Ok(number) if code.len() < 5 => Class::of_sqlite_code(number),
        _ => of_mysql(error, &code).or_else(|| Class::of_sqlstate(&code)),
    };
    class.unwrap_or(Class::Unknown)
}

fn of_mysql(error: &dyn DatabaseError, sqlstate: &str) -> Option<Class> {
    let text = Text::of(error);
    let (number, rest) = text.as_str().split_once(' ')?;
    let is_of_mysql = rest.strip_prefix('(')?.strip_prefix(sqlstate)?.starts_with("):");
    if is_of_mysql { Class::of_mysql_error(number.parse().ok()?) } else { None }
}
