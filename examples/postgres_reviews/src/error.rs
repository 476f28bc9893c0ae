//! What can go wrong with a review, and what it means to the policy.

use std::error::Error;
use std::fmt;

use deadpool_postgres::{PoolError, TimeoutType};
use retry_core::{Class, Classify, Failure, observe::ErrorText};
use retry_tokio::tokio_postgres_error;

/// Why a review was not stored or moved.
#[derive(Debug)]
pub enum ReviewError {
    /// The author has another review of this product.
    AlreadyReviewed,
    /// There is no such product.
    UnknownProduct,
    /// The database failed or refused the transaction.
    Database(tokio_postgres::Error),
    /// The pool had no connection in time.
    Pool(PoolError),
}

impl ReviewError {
    /// Whether the transaction lost against a concurrent one: a serialization failure or a deadlock.
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Database(error) if error.code().is_some_and(|code| code.code().starts_with("40")))
    }
}

impl Classify for ReviewError {
    fn classify(&self) -> Failure {
        match self {
            Self::AlreadyReviewed => Class::Client.into(),
            Self::UnknownProduct => Class::NotFound.into(),
            // The server works. So a conflict is retried, and the circuit does not count it.
            Self::Database(error) if self.is_conflict() => tokio_postgres_error(error).neutral(),
            Self::Database(error) => tokio_postgres_error(error),
            // All connections are lent, or the pool is closed: this says nothing about the server.
            Self::Pool(PoolError::Timeout(TimeoutType::Wait)) => Failure::new(Class::Timeout).neutral(),
            Self::Pool(PoolError::Timeout(_)) => Class::Timeout.into(),
            Self::Pool(_) => Failure::new(Class::Permanent).neutral(),
        }
    }

    /// For events and logs.
    fn text(&self) -> Option<ErrorText<'_>> {
        Some(ErrorText::new(self))
    }
}

impl From<tokio_postgres::Error> for ReviewError {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error().and_then(|refusal| refusal.constraint()) {
            Some("one_review_per_author") => Self::AlreadyReviewed,
            Some("reviews_product_fkey") => Self::UnknownProduct,
            _ => Self::Database(error),
        }
    }
}

impl From<PoolError> for ReviewError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => error.into(),
            error => Self::Pool(error),
        }
    }
}

impl fmt::Display for ReviewError {
    /// tokio-postgres itself writes only "db error".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyReviewed => f.write_str("the author has another review of this product"),
            Self::UnknownProduct => f.write_str("there is no such product"),
            Self::Database(error) => match error.as_db_error() {
                Some(refusal) => write!(f, "SQLSTATE {}: {}", refusal.code().code(), refusal.message()),
                None => error.fmt(f),
            },
            Self::Pool(error) => error.fmt(f),
        }
    }
}

impl Error for ReviewError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::AlreadyReviewed | Self::UnknownProduct => None,
            Self::Database(error) => error.source(),
            Self::Pool(error) => error.source(),
        }
    }
}
