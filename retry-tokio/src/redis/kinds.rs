//! What an error of the crate redis says itself; its causes are left out.

use std::error::Error as StdError;

use ::redis::{ErrorKind, RedisError, ServerError};
use retry_core::{Class, ClassSet, Failure};

/// What a `RedisError` says itself.
pub(crate) enum Said {
    Failure(Failure),
    /// The connection failed, and the causes say more. Without causes, this is the class.
    Connection(Class),
}

pub(crate) fn of_redis(error: &RedisError) -> Said {
    let class = match error.kind() {
        ErrorKind::Io if error.is_timeout() => Class::Timeout, // a blocking connection says `WouldBlock`
        ErrorKind::Io if error.is_connection_refusal() => Class::Network, // also if a Unix socket is missing
        ErrorKind::Io => return Said::Connection(Class::Network),
        // Only TLS libraries give this kind a cause.
        ErrorKind::Client if error.source().is_some() => return Said::Connection(Class::Permanent),
        ErrorKind::Client | ErrorKind::InvalidClientConfig | ErrorKind::EmptySentinelList => {
            return Said::Failure(Failure::new(Class::Validation).neutral());
        }
        ErrorKind::Server(_) | ErrorKind::Extension => of_answers(error),
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType => Class::Serialization,
        ErrorKind::AuthenticationFailed => Class::Client,
        ErrorKind::MasterNameNotFoundBySentinel
        | ErrorKind::NoValidReplicasFoundBySentinel
        | ErrorKind::ClusterConnectionNotFound => Class::Transient,
        ErrorKind::RESP3NotSupported => Class::Permanent,
        _ => Class::Unknown,
    };
    Said::Failure(class.into())
}

/// A pipeline or a transaction has one answer per command that failed. Another attempt repeats them all.
fn of_answers(error: &RedisError) -> Class {
    let by_code = |code: &str, details: &str| {
        Class::of_redis_error(&format!("{code} {details}")).unwrap_or(Class::Unknown)
    };
    let of = |answer: &ServerError| by_code(answer.code(), answer.details().unwrap_or(""));
    match error.clone().into_server_errors() {
        Some(answers) if !answers.is_empty() => {
            let mut classes = answers.iter().map(|(_, answer)| of(answer));
            let first = of(&answers[0].1);
            classes.find(|class| !ClassSet::RETRYABLE.contains(*class)).unwrap_or(first)
        }
        // The client made this error of an answer, as at the choice of a database.
        _ => by_code(error.code().unwrap_or(""), error.detail().unwrap_or("")),
    }
}
