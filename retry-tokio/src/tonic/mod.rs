//! gRPC by tonic: what the status of a call means, and the classifier for calls.

mod classifier;
pub(crate) mod status;

use ::tonic::Status;
use retry_core::Failure;

use crate::error_chain;

pub use classifier::TonicClassifier;

/// Classifies the status of a gRPC call of tonic 0.14. Use it in [`Retry::classify`](retry_core::Retry::classify).
///
/// | status | class |
/// |---|---|
/// | sent by the server, in trailers or [trailers only](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#responses) | [by its code](retry_core::Class::of_grpc_code) |
/// | made by tonic, because the connection failed or broke | that of the cause: see [`error_chain`] |
/// | `CANCELLED` with tonic's text "Timeout expired", from the channel or from a tonic server | `Timeout` |
///
/// The server's `grpc-retry-pushback-ms` means what it does to [`Failure::grpc_pushback`]. If it is there several times,
/// the failure is not retried.
///
/// ```
/// use core::time::Duration;
/// use retry_core::Class;
/// use retry_tokio::tonic_status;
/// use tonic::Status;
///
/// let mut busy = Status::unavailable("busy");
/// busy.metadata_mut().insert("grpc-retry-pushback-ms", "250".parse().unwrap());
/// let failure = tonic_status(&busy);
/// assert_eq!((failure.class, failure.hint), (Class::Server, Some(Duration::from_millis(250))));
/// ```
pub fn tonic_status(status: &Status) -> Failure {
    error_chain().classify(status)
}
