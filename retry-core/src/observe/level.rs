//! What all logs share: the level of an event, and a line that is safe to print.

use super::event::{CallEnd, Event, EventKind};
use crate::circuit::Phase;
use crate::verdict::{GiveUp, Verdict};

/// The table of levels, for the documentation of each log.
macro_rules! level_table {
    () => {
        "| level | event |
|---|---|
| `error` | a dead letter was lost |
| `warn` | a call gave up, was rejected, or found its budget empty; a circuit opened; an error of class `Unknown`; the first dead letter was left out |
| `info` | a retry; any other change of a circuit's phase; a dead letter was kept |
| `debug` | a success after a retry; an ignored error; a cancelled call; other ends of calls |
| `trace` | an attempt started; a call succeeded at its first attempt; further dead letters were left out |
"
    };
}
pub(super) use level_table;

/// How important an event is in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// A dead letter was lost.
    Error,
    /// A call failed, a circuit opened, the class of an error is unknown, or the first dead letter was left out.
    Warn,
    /// An attempt is retried, a circuit recovers, or a dead letter was kept.
    Info,
    /// What follows from a retry, and the ends of calls.
    Debug,
    /// What every call does, and further dead letters that are left out.
    Trace,
}

impl Level {
    pub(super) fn of(event: &Event<'_>) -> Self {
        let at_once = event.attempt == 1;
        match event.kind {
            EventKind::DeadLettered { kept: false } => Self::Error,
            EventKind::Failed { verdict: Verdict::GiveUp(GiveUp::Ignored), .. } => Self::Debug,
            EventKind::Failed { verdict: Verdict::GiveUp(_) | Verdict::Rejected(_), .. } => Self::Warn,
            EventKind::Failed { .. } if event.kind.is_caution() => Self::Warn,
            EventKind::BudgetEmpty | EventKind::Rejected(_) => Self::Warn,
            EventKind::PhaseChanged(change) if change.to == Phase::Open => Self::Warn,
            EventKind::DeadLetterLeftOut { first: true } => Self::Warn,
            EventKind::Failed { .. }
            | EventKind::PhaseChanged(_)
            | EventKind::DeadLettered { kept: true } => Self::Info,
            EventKind::Started | EventKind::DeadLetterLeftOut { first: false } => Self::Trace,
            EventKind::Succeeded | EventKind::Ended { end: CallEnd::Succeeded, .. } if at_once => Self::Trace,
            // A call that failed has logged its failure or refusal before its end.
            EventKind::Succeeded | EventKind::Cancelled | EventKind::Ended { .. } => Self::Debug,
        }
    }
}
