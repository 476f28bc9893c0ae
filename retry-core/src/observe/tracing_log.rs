//! Events for the `tracing` crate.

use core::time::Duration;

use tracing::field::display;
use tracing::{enabled, event};

use super::event::{Event, EventKind, Observer};
use super::level::{Level, level_table};
use crate::class::{Class, Severity};
use crate::clean::Shown;
use crate::time::nanos;
use crate::verdict::Verdict;

/// Writes each event to the [`tracing`] crate, with the target `retry_core`.
///
/// [`CallSpan`](crate::observe::CallSpan) does the same, and is also a span for one call.
///
#[doc = level_table!()]
///
/// Each event is an event of `tracing`, with those of these fields that apply:
///
/// | field | content |
/// |---|---|
/// | `message` | the event in one line, as in a log; after a failed attempt, it ends with the error's [text](Event::text) |
/// | `error.message` | the error's text alone |
/// | `retry.event` | `started`, `succeeded`, `failed`, `budget-empty`, `rejected`, `cancelled`, `phase-changed`, `ended`, `dead-lettered`, `dead-letter-left-out` |
/// | `retry.operation`, `retry.key`, `retry.attempt` | the operation, the key, and the number of the attempt |
/// | `retry.operation_type` | the [type](crate::Retry::of_type) of the operation, if it has one |
/// | `retry.tags` | the tags of a [`Tagged`](crate::observe::Tagged), such as `region=eu, tenant=north` |
/// | `error.type` | the class of the error; the name is OpenTelemetry's |
/// | `retry.severity` | the severity of the class: `low`, `medium`, `high`, `critical` |
/// | `retry.neutral` | `true` if a failure says nothing about the dependency |
/// | `retry.verdict` | `retry`, `give-up` or `rejected` |
/// | `retry.reason` | why the call gave up, in a word |
/// | `retry.delay_us` | the delay before the next attempt, in microseconds, rounded down |
/// | `retry.max_attempts` | the largest number of attempts, if there is a limit |
/// | `retry.left_us` | the time that the call has left, in microseconds, rounded down, if there is a limit |
/// | `retry.budget` | what the budget holds after the verdict |
/// | `retry.outcome`, `retry.elapsed_us` | how the call ended, and how long it took, in microseconds, rounded down |
/// | `retry.kept` | whether the dead letter was kept |
/// | `circuit.name` | the name of the circuit, if it is [named](crate::SharedCircuit::named) |
/// | `circuit.from`, `circuit.to`, `circuit.cause` | the phase before, the phase after, and the cause of the change |
///
/// An event is made only if its level is enabled. If all levels are off, calls read no clock for events. Subscribers
/// run on the path of the call: if one may panic, put a [`Guarded`](crate::observe::Guarded) around this observer.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use retry_core::{observe::{Guarded, TracingLog}, Policy};
///
/// static LOG: Guarded<TracingLog> = Guarded::new(TracingLog);
///
/// let read = retry_core::retry(&Policy::DEFAULT).named("config.read").observe(&LOG);
/// let text = read.run_blocking(|| std::fs::read_to_string("Cargo.toml"));
/// assert!(text.is_ok() && LOG.panics() == 0);
/// # }
/// ```
#[doc(alias = "OpenTelemetry")]
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingLog;

impl Observer for TracingLog {
    fn observe(&self, event: &Event<'_>) {
        match Level::of(event) {
            Level::Error => error(event),
            Level::Warn => warn(event),
            Level::Info => info(event),
            Level::Debug => debug(event),
            Level::Trace => trace(event),
        }
    }

    fn is_enabled(&self) -> bool {
        enabled!(target: TARGET, tracing::Level::ERROR)
    }
}

/// The fields of an event.
#[derive(Default)]
struct Fields {
    name: &'static str,
    error_type: Option<&'static str>,
    severity: Option<&'static str>,
    neutral: Option<bool>,
    verdict: Option<&'static str>,
    reason: Option<&'static str>,
    delay: Option<u64>,
    max_attempts: Option<u32>,
    left: Option<u64>,
    budget: Option<u64>,
    outcome: Option<&'static str>,
    elapsed: Option<u64>,
    kept: Option<bool>,
    from: Option<&'static str>,
    to: Option<&'static str>,
}

impl Fields {
    fn of(event: &Event<'_>) -> Self {
        let none = Self::default();
        match event.kind {
            EventKind::Started => Self { name: "started", ..none },
            EventKind::Succeeded => Self { name: "succeeded", ..none },
            EventKind::Failed { failure, verdict, outlook } => {
                let failed = Self {
                    name: "failed",
                    neutral: failure.is_neutral.then_some(true),
                    max_attempts: (outlook.max_attempts < u32::MAX).then_some(outlook.max_attempts),
                    left: outlook.left.map(micros),
                    budget: outlook.budget,
                    ..Self::of_error(failure.class)
                };
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
            EventKind::Rejected(_) => Self { name: "rejected", ..Self::of_error(Class::CircuitOpen) },
            EventKind::Cancelled => Self { name: "cancelled", ..none },
            EventKind::PhaseChanged(change) => {
                let (from, to) = (Some(change.from.name()), Some(change.to.name()));
                Self { name: "phase-changed", from, to, ..none }
            }
            EventKind::Ended { end, elapsed } => {
                Self { name: "ended", outcome: Some(end.name()), elapsed: elapsed.map(micros), ..none }
            }
            EventKind::DeadLetterLeftOut { .. } => Self { name: "dead-letter-left-out", ..none },
            EventKind::DeadLettered { kept } => Self { name: "dead-lettered", kept: Some(kept), ..none },
        }
    }

    fn of_error(class: Class) -> Self {
        let severity = match class.severity() {
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        };
        Self { error_type: Some(class.name()), severity: Some(severity), ..Self::default() }
    }
}

/// One function per level, because `tracing` has a static call site per event, which knows its level at compile time.
macro_rules! levels {
    ($($function:ident $level:ident)+) => {
        $(fn $function(event: &Event<'_>) {
            if !enabled!(target: TARGET, tracing::Level::$level) {
                return;
            }
            let Event { key, attempt, kind, text, circuit, operation_type, tags, .. } = event;
            let fields = Fields::of(event);
            let cause = match kind {
                EventKind::PhaseChanged(change) => Some(display(change.cause)),
                _ => None,
            };
            event!(
                target: TARGET,
                tracing::Level::$level,
                retry.event = fields.name,
                retry.operation = %Shown(event.operation),
                retry.operation_type = (!operation_type.is_empty()).then(|| display(Shown(operation_type))),
                retry.tags = (!tags.is_empty()).then(|| display(tags)),
                retry.key = (!key.is_none()).then(|| display(key)),
                retry.attempt = attempt,
                error.type = fields.error_type,
                error.message = text.map(display),
                retry.severity = fields.severity,
                retry.neutral = fields.neutral,
                retry.verdict = fields.verdict,
                retry.reason = fields.reason,
                retry.delay_us = fields.delay,
                retry.max_attempts = fields.max_attempts,
                retry.left_us = fields.left,
                retry.budget = fields.budget,
                retry.outcome = fields.outcome,
                retry.elapsed_us = fields.elapsed,
                retry.kept = fields.kept,
                circuit.name = (!circuit.is_empty()).then(|| display(Shown(circuit))),
                circuit.from = fields.from,
                circuit.to = fields.to,
                circuit.cause = cause,
                "{}",
                event
            );
        })+
    };
}

levels!(error ERROR warn WARN info INFO debug DEBUG trace TRACE);

const fn micros(duration: Duration) -> u64 {
    nanos(duration) / 1_000
}

pub(super) const TARGET: &str = "retry_core";
