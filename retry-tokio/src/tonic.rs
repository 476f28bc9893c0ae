//! What the status of a gRPC call means to a policy.

use ::tonic::{Code, Status};
use retry_core::Class;

/// Returns the class of a gRPC status, by its code.
///
/// Source: [status codes of gRPC](https://github.com/grpc/grpc/blob/master/doc/statuscodes.md).
pub(crate) fn of_tonic(status: &Status) -> Class {
    match status.code() {
        Code::Ok | Code::Unknown => Class::Unknown,
        Code::Cancelled | Code::Aborted => Class::Transient,
        Code::InvalidArgument | Code::OutOfRange => Class::Validation,
        Code::DeadlineExceeded => Class::Timeout,
        Code::NotFound => Class::NotFound,
        Code::AlreadyExists | Code::PermissionDenied | Code::FailedPrecondition | Code::Unauthenticated => {
            Class::Client
        }
        Code::ResourceExhausted => Class::RateLimit,
        Code::Unimplemented | Code::DataLoss => Class::Permanent,
        Code::Internal | Code::Unavailable => Class::Server,
    }
}
