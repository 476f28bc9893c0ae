//! What the errors of object_store mean.

use std::error::Error as StdError;

use ::object_store::Error as StoreError;
use ::object_store::client::{HttpError, HttpErrorKind};
use retry_core::{Class, Failure};

use crate::tls::Text;

/// Returns what the kind of an error says, or `None` if its cause decides.
pub(crate) fn of_store(error: &StoreError) -> Option<Failure> {
    Some(match error {
        StoreError::NotFound { .. } => Class::NotFound.into(),
        StoreError::AlreadyExists { .. }
        | StoreError::Precondition { .. }
        | StoreError::NotModified { .. }
        | StoreError::PermissionDenied { .. }
        | StoreError::Unauthenticated { .. } => Class::Client.into(),
        StoreError::NotSupported { .. } | StoreError::NotImplemented { .. } => {
            Failure::new(Class::Permanent).neutral()
        }
        StoreError::InvalidPath { .. } | StoreError::UnknownConfigurationKey { .. } => {
            Failure::new(Class::Validation).neutral()
        }
        _ => return None,
    })
}

/// Returns what an error of a request means if its cause says nothing more, or `Err` if the cause does not matter.
pub(crate) fn of_request(error: &HttpError) -> Result<Class, Class> {
    match error.kind() {
        HttpErrorKind::Timeout => Err(Class::Timeout),
        HttpErrorKind::Decode => Err(Class::Serialization),
        _ => Ok(Class::Network),
    }
}

/// Returns the class of an answer by the text of object_store's error. The type of that error is private.
pub(crate) fn of_answer(error: &(dyn StdError + 'static)) -> Option<Class> {
    const BEGIN: &str = "Server returned ";

    let text = Text::of(error).starts_with(BEGIN).then(|| error.to_string())?;
    let answer = text.strip_prefix(BEGIN)?;
    let status = || answer.strip_prefix("non-2xx status code: ")?.get(..3)?.parse().ok();
    of_body(answer).or_else(|| Class::of_http_status(status()?))
}

/// Returns the class of the code in the body of an answer: S3, Google and Azure put it into XML.
pub(crate) fn of_body(body: &str) -> Option<Class> {
    let error = body.split_once("<Error>")?.1;
    Class::of_aws_code(error.split_once("<Code>")?.1.split_once("</Code>")?.0)
}
