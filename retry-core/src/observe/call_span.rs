//! A span around a call, for the `tracing` crate.

use tracing::Span;
use tracing::field::{Empty, display};

use super::event::{CallEnd, Event, EventKind, Observer};
use super::level::CleanName;
use super::tracing_log::{TARGET, TracingLog};
use crate::class::Class;
use crate::verdict::Verdict;

/// A span for one call, and the observer that completes it: a [`TracingLog`] whose events are in this span.
///
/// When the call ends, the span has `retry.attempts`, `retry.outcome` and, where it failed, `error.type` and
/// `otel.status_code`. What the call does is inside of it: its events, and the spans of the operation, which are its
/// attempts. For the latter, the call has to be run in the span: a future by `tracing`'s `Instrument`, blocking code by
/// `in_scope`.
///
/// It is of one call: an observer sees events and no futures, and calls are made inside of calls, so that nobody else
/// knows whose end belongs into which span. Who looks at all calls alike is beside it, in a tuple. Where one observer is
/// given for all calls, as in a tower layer, take [`TracingLog`]: its events are in the span of the request.
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
    /// A span for one call of this operation, at level `info`, inside of the current one. Its name is `call`, and in
    /// OpenTelemetry the operation's.
    pub fn new(operation: &str) -> Self {
        let name = display(CleanName(operation));
        let span = tracing::info_span!(
            target: TARGET,
            "call",
            otel.name = &name,
            otel.status_code = Empty,
            retry.operation = &name,
            retry.attempts = Empty,
            retry.outcome = Empty,
            error.type = Empty,
        );
        Self { span }
    }

    /// The span, to run the call in.
    pub fn span(&self) -> Span {
        self.span.clone()
    }

    /// Writes into the span what is known of the call's end.
    fn complete(&self, event: &Event<'_>) {
        match event.kind {
            EventKind::Failed { failure, verdict: Verdict::GiveUp(_) | Verdict::Rejected(_), .. } => {
                self.span.record("error.type", failure.class.name());
            }
            EventKind::Rejected(_) => {
                self.span.record("error.type", Class::CircuitOpen.name());
            }
            EventKind::Ended { end, .. } => {
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
        // Not entered once more where the call is run in it.
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
