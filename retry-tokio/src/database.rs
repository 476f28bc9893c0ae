//! What the drivers of databases and of MQTT have in common: their sockets and their TLS.

use std::error::Error as StdError;
use std::io;

use retry_core::{Class, classify::downcast};

use crate::tls::of_connection;
#[cfg(any(feature = "sqlx", feature = "tokio-postgres"))]
use crate::tls::{Text, of_openssl};

/// Returns the class of an error of a connection to a database or a broker. A unix socket is missing while its server is stopped.
pub(crate) fn of_socket(cause: Option<&(dyn StdError + 'static)>) -> Class {
    match cause.and_then(downcast::<io::Error>).and_then(of_connection) {
        Some(Class::NotFound) | None => Class::Network,
        Some(class) => class,
    }
}

/// Returns the class of the cause of a failed handshake. The cause is the error of a TLS library, or of the socket.
#[cfg(any(feature = "sqlx", feature = "tokio-postgres"))]
pub(crate) fn of_tls(cause: Option<&(dyn StdError + 'static)>) -> Class {
    match cause.and_then(downcast::<io::Error>) {
        Some(io) => of_connection(io).unwrap_or(Class::Network),
        None => cause.and_then(|cause| of_openssl(&Text::of(cause))).unwrap_or(Class::Permanent),
    }
}
