//! The classifier for the errors of the SDKs of AWS.

pub(crate) mod errors;

use std::error::Error as StdError;
use std::fmt;

use ::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use retry_core::runtime::StdRuntime;
use retry_core::{Class, Failure};

use crate::error_chain;

/// Classifies an error of a client of AWS, such as aws-sdk-s3 1.x: an `SdkError` of aws-smithy-runtime-api 1.x. Use it in
/// [`Retry::classify`](retry_core::Retry::classify).
///
/// The SDK retries by itself, too. Turn that off by `RetryConfig::disabled()`.
///
/// | error | class |
/// |---|---|
/// | the service answered with an error | [that of its code](Class::of_aws_code), or else [of its status](Class::of_http_status) |
/// | a timeout | `Timeout` |
/// | the connection failed or broke | `Network`; if the system said more, [that](Class) |
/// | a certificate was refused | `Permanent` |
/// | the answer could not be read | that of the status, or of the connection; otherwise `Serialization` |
/// | there are no credentials, or another error before the connection | that of its cause, or `Unknown` |
/// | the request could not be built | `Validation`, [neutral](Failure::neutral) |
///
/// The hint is that of the answer's headers, such as `x-amz-retry-after` and `Retry-After`, as
/// [`Failure::of_http_response`] reads them.
///
/// `SdkError` has a type parameter for the operation. So [`error_chain`] has to be told which one it is, if it is inside of
/// another error: `error_chain().knows_by(|error: &SdkError<PutObjectError>| Some(aws_error(error)))`.
///
/// ```
/// use aws_smithy_runtime_api::{client::result::SdkError, http::{Response, StatusCode}};
/// use aws_smithy_types::error::ErrorMetadata;
/// use retry_core::Class;
/// use retry_tokio::aws_error;
///
/// let mut response = Response::new(StatusCode::try_from(400)?, ());
/// response.headers_mut().insert("x-amz-retry-after", "300"); // milliseconds
/// let throttled = ErrorMetadata::builder().code("ThrottlingException").build();
/// let failure = aws_error(&SdkError::service_error(throttled, response));
/// assert_eq!((failure.class, failure.hint), (Class::RateLimit, Some(core::time::Duration::from_millis(300))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn aws_error<E, B>(error: &SdkError<E, Response<B>>) -> Failure
where
    E: ProvideErrorMetadata + StdError + 'static,
    B: fmt::Debug,
{
    let of_cause = |otherwise: Class| match error.source().map(|cause| error_chain().classify(cause)) {
        Some(failure) if failure.class != Class::Unknown => failure,
        _ => otherwise.into(),
    };
    match error {
        SdkError::ConstructionFailure(_) => Failure::new(Class::Validation).neutral(),
        SdkError::TimeoutError(_) => Class::Timeout.into(),
        SdkError::ResponseError(unread) => {
            of_head(unread.raw()).unwrap_or_else(|| of_cause(Class::Serialization))
        }
        SdkError::ServiceError(answer) => {
            let failure = of_head(answer.raw());
            match answer.err().code().and_then(Class::of_aws_code) {
                Some(class) => with_class(failure.unwrap_or(Failure::new(class)), class),
                None => failure.unwrap_or(Class::Serialization.into()), // a good status, and a body that is not an answer
            }
        }
        _ => of_cause(Class::Unknown),
    }
}

/// Returns the failure of a status and its headers, or `None` if the status is not an error.
fn of_head<B>(response: &Response<B>) -> Option<Failure> {
    let status = StatusCode::from_u16(response.status().as_u16()).ok()?;
    let headers = response.headers().iter().filter_map(|(name, value)| {
        Some((HeaderName::try_from(name).ok()?, HeaderValue::from_str(value).ok()?))
    });
    let mut all = HeaderMap::new();
    headers.for_each(|(name, value)| _ = all.append(name, value));
    Failure::of_http_response(status, &all, StdRuntime::unix_secs)
}

fn with_class(mut failure: Failure, class: Class) -> Failure {
    failure.class = class;
    failure
}
