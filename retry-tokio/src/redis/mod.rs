//! A classifier for the errors of the crate redis.

pub(crate) mod kinds;

use ::redis::RedisError;
use retry_core::Failure;

use crate::error_chain;

/// Classifies an error of redis 1.x. Use it in [`Retry::classify`](retry_core::Retry::classify), for blocking and
/// asynchronous connections.
///
/// This function is [`error_chain`], and agrees with it about every error. With another major version of redis, the types
/// differ, and the compiler reports mismatched types.
///
/// | error | class |
/// |---|---|
/// | an answer of the server, such as `LOADING`, `READONLY` or `WRONGTYPE` | [by its first word](retry_core::Class::of_redis_error); `Unknown` for other words |
/// | several answers, of a pipeline or a transaction | that of the first one that is not retried by default, or else of the first one |
/// | the connection failed or broke, or timed out | `Network`; if the system said more, [that](retry_core::Class) |
/// | a TLS handshake failed, for a certificate, say | `Permanent` |
/// | no master or no replica is known: Sentinel, cluster | `Transient` |
/// | the password was refused | `Client` |
/// | the answer has another type, or could not be read | `Serialization` |
/// | the URL or the settings are invalid; the command is empty | `Validation`, [neutral](Failure::neutral) |
/// | the server is too old for RESP3 | `Permanent` |
///
/// An attempt that fails on its connection may have been executed by the server. So a command that must not run twice,
/// such as `INCR`, needs a policy with `max_attempts(1)`, or a key of its own that the server recognises.
///
/// ```
/// use redis::RedisError;
/// use retry_core::{Class, Policy};
/// use retry_tokio::{redis_error, retry};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// # async fn get(_: &str) -> Result<u32, RedisError> { Err(redis::make_extension_error("OOM".into(), None)) }
/// let cache = retry(&Policy::DEFAULT).classify(redis_error);
/// let error = cache.run(|| get("stock:apple")).await.unwrap_err(); // the server answers "OOM"
/// assert_eq!((error.class(), error.attempts()), (Some(Class::Transient), 3));
/// # }
/// ```
pub fn redis_error(error: &RedisError) -> Failure {
    error_chain().classify(error)
}
