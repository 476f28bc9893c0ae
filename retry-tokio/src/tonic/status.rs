//! What the status of a gRPC call means to a policy.

use std::error::Error;

use ::tonic::{Code, Status};
use retry_core::{Class, Failure};

/// Returns the failure that a status means, or the class to assume if its cause says nothing.
pub(crate) fn of_status(status: &Status) -> Result<Failure, Class> {
    // tonic gives a timeout the code of a cancelled call.
    let class = match status.code() {
        Code::Cancelled if status.message() == "Timeout expired" => Class::Timeout,
        code => Class::of_grpc_code(code as i32).unwrap_or(Class::Unknown),
    };
    // The codes that tonic chooses if the connection fails. The cause says more.
    let may_be_made =
        matches!(status.code(), Code::Unknown | Code::Cancelled | Code::Internal | Code::Unavailable);
    if may_be_made && class != Class::Timeout && status.source().is_some() {
        return Err(class);
    }
    let failure = Failure::new(class);
    let mut pushback = status.metadata().get_all("grpc-retry-pushback-ms").iter();
    Ok(match (pushback.next(), pushback.next()) {
        (None, _) => failure,
        (Some(value), None) => failure.grpc_pushback(value.to_str().unwrap_or_default()),
        (Some(_), Some(_)) => failure.not_retried().unreadable_hint(),
    })
}
