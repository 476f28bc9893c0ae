//! Events, and a span around a call, for the `tracing` crate.

use core::time::Duration;

use tracing::field::{Empty, display};
use tracing::{Span, enabled, event, info_span};

use super::event::{CallEnd, Event, EventKind, Observer};
use super::level::{CleanName, Level, OneLine};
use crate::class::Class;
use crate::time::nanos;
use crate::verdict::Verdict;

/// Writes each event to the [`tracing`] crate, with the target `retry_core` and the levels of
/// [`LogFacade`](crate::LogFacade); and makes spans for calls.
///
/// An event is one of `tracing`'s, of these fields, those that it has:
///
/// | field | what |
/// |---|---|
/// | `message` | the event in one line, as in a log |
/// | `retry.event` | `started`, `succeeded`, `failed`, `budget-empty`, `rejected`, `cancelled`, `phase-changed`, `ended`, `dead-lettered` |
/// | `retry.operation`, `retry.key`, `retry.attempt` | of which call |
/// | `error.type` | the class of the error, as OpenTelemetry names the field |
/// | `retry.verdict` | `retry`, `give-up` or `rejected` |
/// | `retry.reason` | why it gave up, in a word |
/// | `retry.delay_us` | until the next attempt, in microseconds |
/// | `retry.outcome`, `retry.elapsed_us` | how a call ended, and after how long |
/// | `retry.kept` | whether a dead letter was |
/// | `circuit.from`, `circuit.to`, `circuit.cause` | a change of phase |
///
/// # A span a call
///
/// An observer sees events and no futures, so it cannot put a span around a call. Whoever makes the call can:
/// [`TracingLog::span`] is one that the observer completes when the call ends, with `retry.attempts`, `retry.outcome`
/// and, where it failed, `error.type` and `otel.status_code`. What the call does is inside of it: its events, and the
/// spans of the operation, which are its attempts.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use retry_core::{Guarded, Policy, TracingLog};
///
/// static LOG: Guarded<TracingLog> = Guarded::new(TracingLog);
///
/// let read = retry_core::retry(&Policy::DEFAULT).named("config.read").observe(&LOG);
/// let call = TracingLog::span("config.read");
/// let text = call.in_scope(|| read.run_blocking(|| std::fs::read_to_string("Cargo.toml")));
/// assert!(text.is_ok() && LOG.panics() == 0);
/// # }
/// ```
///
/// A future goes into its span by `tracing`'s `Instrument`:
/// `stock.run(|| fetch("apple")).instrument(TracingLog::span("stock.read")).await`.
///
/// Subscribers are code of others on the path of the call: put a [`Guarded`](crate::Guarded) around it where a panic
/// there must not end the call.
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingLog;

impl TracingLog {
    /// A span for one call of this operation, at level `info`. In OpenTelemetry its name is the operation's.
    pub fn span(operation: &'static str) -> Span {
        let name = display(CleanName(operation));
        info_span!(
            target: TARGET,
            CALL,
            otel.name = &name,
            otel.status_code = Empty,
            retry.operation = &name,
            retry.attempts = Empty,
            retry.outcome = Empty,
            error.type = Empty,
        )
    }
}

impl Observer for TracingLog {
    fn observe(&self, event: &Event) {
        let fields = Fields::of(event);
        complete(&Span::current(), event, &fields);
        match Level::of(event) {
            Level::Error => fields.error(event),
            Level::Warn => fields.warn(event),
            Level::Info => fields.info(event),
            Level::Debug => fields.debug(event),
            Level::Trace => fields.trace(event),
        }
    }

    fn is_enabled(&self) -> bool {
        enabled!(target: TARGET, tracing::Level::ERROR)
    }
}

/// Writes into the span of the call, if it is in one, what is known of its end.
fn complete(span: &Span, event: &Event, fields: &Fields) {
    if !span.metadata().is_some_and(|span| span.name() == CALL && span.target() == TARGET) {
        return;
    }
    match event.kind {
        EventKind::Failed { verdict: Verdict::GiveUp(_) | Verdict::Rejected(_), .. }
        | EventKind::Rejected(_) => {
            span.record("error.type", fields.error_type);
        }
        EventKind::Ended { end, .. } => {
            span.record("retry.attempts", event.attempt);
            span.record("retry.outcome", end.name());
            if matches!(end, CallEnd::GaveUp(_) | CallEnd::Rejected) {
                span.record("otel.status_code", "ERROR");
            }
        }
        _ => {}
    }
}

/// What an event has in fields of its own.
#[derive(Default)]
struct Fields {
    name: &'static str,
    error_type: Option<&'static str>,
    verdict: Option<&'static str>,
    reason: Option<&'static str>,
    delay: Option<u64>,
    outcome: Option<&'static str>,
    elapsed: Option<u64>,
    kept: Option<bool>,
    from: Option<&'static str>,
    to: Option<&'static str>,
}

impl Fields {
    fn of(event: &Event) -> Self {
        let none = Self::default();
        match event.kind {
            EventKind::Started => Self { name: "started", ..none },
            EventKind::Succeeded => Self { name: "succeeded", ..none },
            EventKind::Failed { failure, verdict, .. } => {
                let failed = Self { name: "failed", error_type: Some(failure.class.name()), ..none };
                match verdict {
                    Verdict::Retry(delay) => {
                        Self { verdict: Some("retry"), delay: Some(micros(delay)), ..failed }
                    }
                    Verdict::GiveUp(reason) => {
                        Self { verdict: Some("give-up"), reason: Some(reason.name()), ..failed }
                    }
                    Verdict::Rejected(_) => Self { verdict: Some("rejected"), ..failed },
                }
            }
            EventKind::BudgetEmpty => Self { name: "budget-empty", ..none },
            EventKind::Rejected(_) => {
                Self { name: "rejected", error_type: Some(Class::CircuitOpen.name()), ..none }
            }
            EventKind::Cancelled => Self { name: "cancelled", ..none },
            EventKind::PhaseChanged(change) => {
                let (from, to) = (Some(change.from.name()), Some(change.to.name()));
                Self { name: "phase-changed", from, to, ..none }
            }
            EventKind::Ended { end, elapsed } => {
                Self { name: "ended", outcome: Some(end.name()), elapsed: elapsed.map(micros), ..none }
            }
            EventKind::DeadLettered { kept } => Self { name: "dead-lettered", kept: Some(kept), ..none },
        }
    }
}

/// A method a level: `tracing` makes a place in the program of each, which knows its level when it is compiled.
macro_rules! levels {
    ($($method:ident $level:ident)+) => {
        impl Fields {
            $(fn $method(&self, event: &Event) {
                let Event { key, attempt, kind, .. } = event;
                let cause = match kind {
                    EventKind::PhaseChanged(change) => Some(display(change.cause)),
                    _ => None,
                };
                event!(
                    target: TARGET,
                    tracing::Level::$level,
                    retry.event = self.name,
                    retry.operation = %CleanName(event.operation),
                    retry.key = (!key.is_none()).then(|| display(CleanName(key.as_str()))),
                    retry.attempt = attempt,
                    error.type = self.error_type,
                    retry.verdict = self.verdict,
                    retry.reason = self.reason,
                    retry.delay_us = self.delay,
                    retry.outcome = self.outcome,
                    retry.elapsed_us = self.elapsed,
                    retry.kept = self.kept,
                    circuit.from = self.from,
                    circuit.to = self.to,
                    circuit.cause = cause,
                    "{}",
                    OneLine(event)
                );
            })+
        }
    };
}

levels!(error ERROR warn WARN info INFO debug DEBUG trace TRACE);

const fn micros(duration: Duration) -> u64 {
    nanos(duration) / 1_000
}

const TARGET: &str = "retry_core";
/// The name of a call's span.
const CALL: &str = "call";
