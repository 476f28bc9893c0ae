//! The class of this crate's own error, for a retry around a retry.

use super::Classify;
use crate::circuit::Rejected;
use crate::class::{Class, ClassSet};
use crate::error::{Error, ErrorKind};
use crate::error_text::ErrorText;
use crate::policy::Failure;
use crate::verdict::GiveUp;

/// By how the call ended, so that a retry around it does not multiply the attempts, and a circuit around it counts what
/// happened:
///
/// | the call | failure |
/// |---|---|
/// | gave up for the class of the error, or left the error to its circuit | that class, as the [last](Failure::last) attempt |
/// | gave up for another reason, on an error that [is not the dependency's fault](ClassSet::DEPENDENCY) | the class of that error, as the last attempt |
/// | gave up for another reason: all attempts were made, or the time or the budget was used up | `Exhausted` |
/// | was refused by a circuit after an attempt | `CircuitOpen` |
/// | was refused by a circuit before its first attempt | `CircuitOpen`, [neutral](Failure::neutral) |
/// | was cancelled, or its error was ignored | `Exhausted`, neutral |
///
/// If the last failure of the call was neutral, this one is neutral, too. It has the [hint](Error::hint) of the last
/// failure, so that an outer circuit stays open as long as the server asked: see
/// [`CircuitConfig::max_hint`](crate::CircuitConfig::max_hint).
impl<E> Classify for Error<E> {
    fn classify(&self) -> Failure {
        let class = match (self.kind(), self.class()) {
            (ErrorKind::Rejected(_), _) => Class::CircuitOpen,
            (ErrorKind::GaveUp(GiveUp::Class | GiveUp::LeftToCircuit), Some(class)) => class,
            (ErrorKind::GaveUp(_), Some(class)) if !ClassSet::DEPENDENCY.contains(class) => class,
            _ => Class::Exhausted,
        };
        let failure = match class {
            // A policy that retries these two does so because a call inside has ended.
            Class::Exhausted | Class::CircuitOpen => class.into(),
            class => Failure::new(class).last(),
        };
        let failure = Failure { hint: self.hint(), ..failure };
        let was_asked = self.class().is_some() || !self.is_circuit_open();
        if was_asked && !self.is_cancelled() && !self.is_ignored() && !self.is_neutral() {
            return failure;
        }
        failure.neutral()
    }

    fn text(&self) -> Option<ErrorText<'_>> {
        Some(ErrorText::new(self))
    }
}

/// `CircuitOpen`, [neutral](Failure::neutral): the circuit that refused has already counted the failures that opened it,
/// and this refusal says nothing new about the dependency.
impl Classify for Rejected {
    fn classify(&self) -> Failure {
        Failure::new(Class::CircuitOpen).neutral()
    }

    fn text(&self) -> Option<ErrorText<'_>> {
        Some(ErrorText::new(self))
    }
}
