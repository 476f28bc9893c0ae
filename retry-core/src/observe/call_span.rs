//! A span around a call, for the `tracing` crate.

use tracing::Span;
use tracing::field::{Empty, display};

use super::event::{CallEnd, Event, EventKind, Observer};
use super::tracing_log::{TARGET, TracingLog};
use crate::class::Class;
use crate::clean::Shown;
use crate::verdict::Verdict;

/// A `tracing` span for one call, and the observer that completes it.
///
/// Its events are those of [`TracingLog`], inside the span. When the call ends, the span gets `retry.attempts` and
/// `retry.outcome`, and the type of the operation and the tags if there are any. If the call failed, it also gets `error.type`, `error.message` with the last error's
/// [text](Event::text), and `otel.status_code`.
///
/// To have the operation's own spans inside, run the call in the span: a future by `tracing`'s `Instrument`, blocking
/// code by `in_scope`.
///
/// Make one for each call, because an observer cannot tell which of several calls an event is about. Add observers of
/// all calls beside it, in a tuple. If one observer serves all calls, as in a tower layer, use [`TracingLog`]: its
/// events are in the span of the request.
///
/// ```
/// use retry_core::{observe::{CallSpan, OperationMetrics}, testing::FakeClock, Class, Policy, Retry};
/// use tracing::Instrument;
///
/// static METRICS: OperationMetrics = OperationMetrics::new("stock.read");
///
/// let clock = FakeClock::new();
/// let stock = Retry::new(&Policy::DEFAULT, &clock).named("stock.read");
///
/// let fetch = async || {
///     let call = CallSpan::new("stock.read");
///     stock.clone().observe((&METRICS, &call)).run(async || Ok::<_, Class>(7)).instrument(call.span()).await
/// };
/// assert_eq!(clock.run(fetch()), Ok(7));
///
/// let call = CallSpan::new("stock.read");
/// let count = call.span().in_scope(|| stock.clone().observe(&call).run_blocking(|| Ok::<_, Class>(12)));
/// assert_eq!(count, Ok(12));
/// ```
#[derive(Debug)]
pub struct CallSpan {
    span: Span,
}

impl CallSpan {
    /// Makes a span for a call of this operation, at level `info`, inside the current span. Its name is `call`;
    /// `otel.name`, which OpenTelemetry shows, is the operation.
    pub fn new(operation: &str) -> Self {
        let name = display(Shown(operation));
        let span = tracing::info_span!(
            target: TARGET,
            "call",
            otel.name = &name,
            otel.status_code = Empty,
            retry.operation = &name,
            retry.operation_type = Empty,
            retry.tags = Empty,
            retry.attempts = Empty,
            retry.outcome = Empty,
            error.type = Empty,
            error.message = Empty,
        );
        Self { span }
    }

    /// Returns the span, in which the call is to be run.
    pub fn span(&self) -> Span {
        self.span.clone()
    }

    /// Records what an event says about the end of the call.
    fn complete(&self, event: &Event<'_>) {
        match event.kind {
            EventKind::Failed { failure, verdict: Verdict::GiveUp(_) | Verdict::Rejected(_), .. } => {
                self.span.record("error.type", failure.class.name());
                if let Some(text) = event.text {
                    self.span.record("error.message", display(text));
                }
            }
            EventKind::Rejected(_) => {
                self.span.record("error.type", Class::CircuitOpen.name());
            }
            EventKind::Ended { end, .. } => {
                if !event.operation_type.is_empty() {
                    self.span.record("retry.operation_type", display(Shown(event.operation_type)));
                }
                if !event.tags.is_empty() {
                    self.span.record("retry.tags", display(event.tags));
                }
                self.span.record("retry.attempts", event.attempt);
                self.span.record("retry.outcome", end.name());
                if matches!(end, CallEnd::GaveUp(_) | CallEnd::Rejected) {
                    self.span.record("otel.status_code", "ERROR");
                }
            }
            _ => {}
        }
    }
}

impl Observer for CallSpan {
    fn observe(&self, event: &Event<'_>) {
        self.complete(event);
        // If the call runs in the span, the span is not entered again.
        if Span::current().id() == self.span.id() {
            TracingLog.observe(event);
        } else {
            self.span.in_scope(|| TracingLog.observe(event));
        }
    }

    fn is_enabled(&self) -> bool {
        !self.span.is_disabled() || TracingLog.is_enabled()
    }
}
