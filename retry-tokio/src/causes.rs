//! What the causes of an HTTP client's error say.

use std::error::Error;
use std::io;

use retry_core::{Class, Classify};

/// What an error was caused by, from the outside in.
pub(crate) fn causes<'e>(
    error: &'e (dyn Error + 'static),
) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(error.source(), |&source| source.source())
}

/// What the system says among these errors: [`Unknown`](Class::Unknown) where it says no more than that something
/// failed, `None` where it says nothing.
pub(crate) fn of_system<'e>(errors: impl IntoIterator<Item = &'e (dyn Error + 'static)>) -> Option<Class> {
    let io = errors.into_iter().find_map(|error| error.downcast_ref::<io::Error>())?;
    Some(io.classify().class)
}

/// What this library says among these errors: of a call that was retried already, or was refused by a circuit.
#[cfg(feature = "hyper")]
pub(crate) fn of_retries<'e>(errors: impl IntoIterator<Item = &'e (dyn Error + 'static)>) -> Option<Class> {
    errors.into_iter().find_map(|error| {
        #[cfg(feature = "tower")]
        if let Some(ended) = error.downcast_ref::<crate::ServiceError>() {
            return Some(ended.classify().class);
        }
        error.is::<retry_core::Rejected>().then_some(Class::CircuitOpen)
    })
}

/// The class of what failed on a connection, by what the system says of it.
///
/// Data that is invalid is what a TLS library says of a handshake: a certificate that is not to be trusted, an alert, a
/// server that does not speak TLS. None of them passes by itself.
pub(crate) const fn of_connection(class: Class) -> Class {
    match class {
        Class::Unknown => Class::Network,
        Class::Serialization => Class::Permanent,
        class => class,
    }
}
