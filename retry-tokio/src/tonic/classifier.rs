//! The classifier for the calls of tonic.

use std::error::Error;

use ::h2::{Error as H2Error, Reason};
use ::hyper::Error as HyperError;
use ::tonic::{ConnectError, Status};
use retry_core::classify::{Classifier, downcast};
use retry_core::observe::ErrorText;
use retry_core::{Class, Failure, Progress};

use super::tonic_status;

/// A classifier for the calls of tonic 0.14. Use it in [`Retry::classifier`](retry_core::Retry::classifier). Its type has
/// a name, so a client can keep its `Retry` in a field.
///
/// You must state whether the method may run twice. Both constants classify by [`tonic_status`]:
///
/// | constant | which failures may be retried |
/// |---|---|
/// | [`IDEMPOTENT`](Self::IDEMPOTENT) | all, by the policy |
/// | [`NOT_IDEMPOTENT`](Self::NOT_IDEMPOTENT) | only those of calls that the server cannot have acted on |
///
/// ```
/// use retry_core::Policy;
/// use retry_tokio::{TonicClassifier, retry};
/// use tonic::Status;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let down = || async { Err::<(), _>(Status::unavailable("down")) };
/// let calls = retry(&Policy::DEFAULT);
/// let read = calls.by_ref().classifier(TonicClassifier::IDEMPOTENT).run(down).await;
/// let order = calls.by_ref().classifier(TonicClassifier::NOT_IDEMPOTENT).run(down).await;
/// assert_eq!((read.unwrap_err().attempts(), order.unwrap_err().attempts()), (3, 1));
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TonicClassifier {
    is_idempotent: bool,
}

impl TonicClassifier {
    /// For methods that may run twice.
    pub const IDEMPOTENT: Self = Self { is_idempotent: true };

    /// For methods that must run at most once. A call is retried only if the connection could not be made, if it closed
    /// before the request was sent, or if the server refused the stream. A call that an attempt timeout ended is not
    /// retried.
    ///
    /// Source: [transparent retries](https://github.com/grpc/proposal/blob/master/A6-client-retries.md#transparent-retries)
    /// of gRFC A6.
    pub const NOT_IDEMPOTENT: Self = Self { is_idempotent: false };
}

impl<T> Classifier<T, Status> for TonicClassifier {
    fn failure(&self, status: &Status, _: Progress) -> Failure {
        let failure = tonic_status(status);
        if self.is_idempotent || is_unprocessed(status) { failure } else { failure.not_retried() }
    }

    fn timed_out(&self) -> Failure {
        let failure = Failure::new(Class::Timeout);
        if self.is_idempotent { failure } else { failure.not_retried() }
    }

    fn text<'e>(&self, status: &'e Status) -> Option<ErrorText<'e>> {
        Some(ErrorText::new(status))
    }
}

/// Returns whether the server cannot have acted on the call.
fn is_unprocessed(status: &Status) -> bool {
    let is_refused = |h2: &H2Error| h2.is_remote() && h2.reason() == Some(Reason::REFUSED_STREAM);
    core::iter::successors(status.source(), |cause| (*cause).source()).any(|cause| {
        cause.is::<ConnectError>()
            // hyper had the request in its queue when the connection closed, as after a GOAWAY.
            || downcast::<HyperError>(cause).is_some_and(HyperError::is_canceled)
            || downcast::<H2Error>(cause).is_some_and(is_refused)
    })
}
