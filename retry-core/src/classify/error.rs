//! What this crate's own error is to a retry around it.

use super::Classify;
use crate::class::Class;
use crate::error::Error;
use crate::policy::Failure;

impl<E> Classify for Error<E> {
    fn classify(&self) -> Failure {
        match self {
            Self::Rejected { .. } => Class::CircuitOpen.into(),
            Self::GaveUp { .. } | Self::Cancelled { .. } | Self::Ignored { .. } => Class::Exhausted.into(),
        }
    }
}
