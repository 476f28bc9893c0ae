//! What the status of a gRPC call means to a policy.

use ::tonic::Status;
use retry_core::Class;

/// Returns the class of a gRPC status, by its [code](Class::of_grpc_code). An error with the code 0 is `Unknown`.
pub(crate) fn of_tonic(status: &Status) -> Class {
    Class::of_grpc_code(status.code() as i32).unwrap_or(Class::Unknown)
}
