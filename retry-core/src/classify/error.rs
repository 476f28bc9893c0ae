//! The class of this crate's own error, for a retry around a retry.

use core::fmt::Display;

use super::Classify;
use crate::class::Class;
use crate::error::Error;
use crate::policy::Failure;

impl<E> Classify for Error<E> {
    fn classify(&self) -> Failure {
        if self.is_circuit_open() { Class::CircuitOpen.into() } else { Class::Exhausted.into() }
    }

    fn text(&self) -> Option<&dyn Display> {
        Some(self)
    }
}
