//! The error of a call through the layer.

use core::error::Error as StdError;
use core::fmt;

use retry_core::{BoxError, Class, Classify, Error, Failure};

/// The error of a call through a [`RetryLayer`](crate::RetryLayer).
///
/// The inner service's error is in a box, as in most of tower, so that layers of any error type fit together. It is the
/// [`source`](StdError::source) of this error.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServiceError {
    /// The inner service failed in `poll_ready`, before the call.
    NotReady(BoxError),
    /// The call gave up, or the circuit refused it.
    Ended(Error<BoxError>),
    /// The call gave up because its request may be sent only once: the closure of
    /// [`RetryLayer::clone_request`](crate::RetryLayer::clone_request) returned `None` for it. Otherwise the error
    /// would have been retried. Its reason is [`GiveUp::Attempts`](retry_core::GiveUp::Attempts).
    NotRepeatable(Error<BoxError>),
}

impl ServiceError {
    /// Returns how the call ended, with its reason, attempts and time; `None` if the service failed before the call.
    pub const fn ended(&self) -> Option<&Error<BoxError>> {
        match self {
            Self::NotReady(_) => None,
            Self::Ended(error) | Self::NotRepeatable(error) => Some(error),
        }
    }

    /// Returns the inner service's own error, if there is one.
    pub fn into_inner(self) -> Option<BoxError> {
        match self {
            Self::NotReady(error) => Some(error),
            Self::Ended(error) | Self::NotRepeatable(error) => error.into_inner(),
        }
    }

    /// Returns `true` if the circuit refused an attempt.
    pub const fn is_circuit_open(&self) -> bool {
        matches!(self, Self::Ended(error) if error.is_circuit_open())
    }
}

/// Classifies the error as `Exhausted` or `CircuitOpen` for an outer retry, because the inner layer has already
/// retried, or its service has failed for good.
impl Classify for ServiceError {
    fn classify(&self) -> Failure {
        match self {
            Self::NotReady(_) => Class::Exhausted.into(),
            Self::Ended(error) | Self::NotRepeatable(error) => error.classify(),
        }
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReady(_) => f.write_str("the service failed to become ready"),
            Self::Ended(error) => error.fmt(f),
            Self::NotRepeatable(error) => write!(f, "{error}, and the request may not be sent again"),
        }
    }
}

impl StdError for ServiceError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::NotReady(error) => Some(&**error),
            Self::Ended(error) | Self::NotRepeatable(error) => error.source(),
        }
    }
}
