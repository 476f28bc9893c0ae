//! Why a call had no answer.

use core::error::Error as StdError;
use core::fmt;

use retry_core::{BoxError, Class, Classify, Error, Failure};

/// Why a call had no answer.
///
/// Holds the inner service's error in a box, as most of tower does, whatever its type: so stacks fit together.
/// [`source`](StdError::source) is that error.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServiceError {
    /// The inner service failed before the call, when it was asked whether it is ready.
    NotReady(BoxError),
    /// The call gave up, or the circuit refused it.
    Ended(Error<BoxError>),
    /// The call gave up on an error that is worth a retry, for the request may not be sent again, or cannot:
    /// [`RetryLayer::clone_request`](crate::RetryLayer::clone_request) said so. Of the policy, this is the end of all attempts.
    NotRepeatable(Error<BoxError>),
}

impl ServiceError {
    /// How the call ended, if there was one: the reason, the attempts, the time.
    pub const fn ended(&self) -> Option<&Error<BoxError>> {
        match self {
            Self::NotReady(_) => None,
            Self::Ended(error) | Self::NotRepeatable(error) => Some(error),
        }
    }

    /// The inner service's own error, if there is one.
    pub fn into_inner(self) -> Option<BoxError> {
        match self {
            Self::NotReady(error) => Some(error),
            Self::Ended(error) | Self::NotRepeatable(error) => error.into_inner(),
        }
    }

    /// Whether the circuit refused an attempt.
    pub const fn is_circuit_open(&self) -> bool {
        matches!(self, Self::Ended(error) if error.is_circuit_open())
    }
}

/// Retried already, or of a service that is done for: not again.
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
