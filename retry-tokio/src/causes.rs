//! Classes of the causes of an HTTP client's error.

use std::error::Error;
use std::io;

use retry_core::{Class, Classify};

/// The causes of an error, from the outside in.
pub(crate) fn causes<'e>(
    error: &'e (dyn Error + 'static),
) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(error.source(), |&source| source.source())
}

/// The class of the first `io::Error` among these errors; `None` if there is none.
pub(crate) fn of_system<'e>(errors: impl IntoIterator<Item = &'e (dyn Error + 'static)>) -> Option<Class> {
    let io = errors.into_iter().find_map(|error| error.downcast_ref::<io::Error>())?;
    Some(io.classify().class)
}

/// The class of the first error of this library among these errors, from a retry or a circuit inside the operation.
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

/// The class of a failed connection, from the class of its `io::Error`.
///
/// TLS libraries report a failed handshake as invalid data: an untrusted certificate, an alert, or a server without
/// TLS. These errors are permanent.
pub(crate) const fn of_connection(class: Class) -> Class {
    match class {
        Class::Unknown => Class::Network,
        Class::Serialization => Class::Permanent,
        class => class,
    }
}
