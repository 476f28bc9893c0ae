//! What the errors of the SDK's connections mean.

use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::retry::ErrorKind;
use retry_core::{Class, Failure};

/// Returns what an error of the SDK's connector means, if the connection was made or tried.
pub(crate) fn of_connector(error: &ConnectorError) -> Option<Result<Class, Failure>> {
    Some(match () {
        () if error.is_timeout() => Err(Class::Timeout.into()),
        () if error.is_user() => Err(Failure::new(Class::Validation).neutral()),
        () if error.is_io() || error.as_other() == Some(ErrorKind::TransientError) => Ok(Class::Network),
        () => return None,
    })
}
