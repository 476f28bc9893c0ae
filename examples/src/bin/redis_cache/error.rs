//! The errors of the cache.

use core::fmt;

use redis::RedisError;
use retry_core::{Class, Classify, Failure, observe::ErrorText};
use retry_tokio::redis_error;

/// How a call ended that failed. It is boxed, because it is larger than most values that a call returns.
pub(crate) type CallError = Box<retry_core::Error<CacheError>>;

/// Why an attempt of the cache failed.
#[derive(Debug)]
pub(crate) enum CacheError {
    /// Redis failed, or the way to it.
    Redis(RedisError),
    /// The key cannot be one of the cache. Nothing was sent.
    InvalidKey,
    /// The cache has no such entry.
    Missing,
    /// The entry is not a stock, such as one that another version of the program wrote.
    NotAStock,
}

impl Classify for CacheError {
    fn classify(&self) -> Failure {
        match self {
            Self::Redis(error) => redis_error(error),
            Self::InvalidKey => Failure::new(Class::Validation).neutral(),
            Self::Missing => Class::NotFound.into(),
            Self::NotAStock => Class::Serialization.into(),
        }
    }

    fn text(&self) -> Option<ErrorText<'_>> {
        Some(ErrorText::new(self))
    }
}

impl From<RedisError> for CacheError {
    fn from(error: RedisError) -> Self {
        Self::Redis(error)
    }
}

impl fmt::Display for CacheError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redis(error) => write!(f, "Redis: {error}"),
            Self::InvalidKey => f.write_str("the key is not of 1 to 64 letters, digits and dashes"),
            Self::Missing => f.write_str("no entry"),
            Self::NotAStock => f.write_str("the entry is not a stock"),
        }
    }
}

impl std::error::Error for CacheError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Redis(error) => Some(error),
            _ => None,
        }
    }
}
