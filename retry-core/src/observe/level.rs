//! What all logs share: the level of an event, and a line that is safe to print.

#[cfg(any(feature = "log", feature = "tracing"))]
use core::fmt::{self, Write};

use super::event::{CallEnd, Event, EventKind};
use crate::circuit::Phase;
use crate::clean::is_unclean;
use crate::verdict::{GiveUp, Verdict};

/// The table of levels, for the documentation of each log.
macro_rules! level_table {
    () => {
        "| level | event |
|---|---|
| `error` | a dead letter was lost |
| `warn` | a call gave up, was rejected, or found its budget empty; a circuit opened; an error of class `Unknown` |
| `info` | any other change of a circuit's phase; a dead letter was kept |
| `debug` | a retry, or a success after one; an ignored error; a cancelled call; other ends of calls |
| `trace` | an attempt started; a call succeeded at its first attempt |
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
    /// A circuit recovers, or a dead letter was kept.
    Info,
    /// A retry, and what follows from it.
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
            EventKind::PhaseChanged(_) | EventKind::DeadLettered { kept: true } => Self::Info,
            EventKind::DeadLetterLeftOut { first: true } => Self::Warn,
            EventKind::Started | EventKind::DeadLetterLeftOut { first: false } => Self::Trace,
            EventKind::Succeeded | EventKind::Ended { end: CallEnd::Succeeded, .. } if at_once => Self::Trace,
            // A call that failed has logged its failure or refusal before its end.
            EventKind::Failed { .. }
            | EventKind::Succeeded
            | EventKind::Cancelled
            | EventKind::Ended { .. } => Self::Debug,
        }
    }
}

/// Shows the event in one line, with its name cut to 128 bytes. Unclean characters are replaced, because a name could
/// otherwise end a line, fake another one, or reverse it.
#[cfg(any(feature = "log", feature = "tracing"))]
pub(super) struct OneLine<'a>(pub(super) &'a Event<'a>);

#[cfg(any(feature = "log", feature = "tracing"))]
impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, rest) = cut(self.0.operation);
        let mut line = Clean(f);
        if rest {
            // The name comes before the event, which then has none of its own.
            write!(line, "{name}..: ")?;
            write!(line, "{}", Event { operation: "", ..*self.0 })
        } else {
            write!(line, "{}", self.0)
        }
    }
}

/// Shows a name as it may be in a field of a log.
#[cfg(feature = "tracing")]
pub(super) struct CleanName<'a>(pub(super) &'a str);

#[cfg(feature = "tracing")]
impl fmt::Display for CleanName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, rest) = cut(self.0);
        write!(Clean(f), "{name}{}", if rest { ".." } else { "" })
    }
}

/// Returns the first 128 bytes, or up to 3 fewer at a character boundary, and whether there are more.
pub(super) fn cut(name: &str) -> (&str, bool) {
    const LONGEST: usize = 128;
    if name.len() <= LONGEST {
        return (name, false);
    }
    // No slice is used: the message of its panic takes kilobytes on a small machine.
    ((0..=LONGEST).rev().find_map(|end| name.get(..end)).unwrap_or_default(), true)
}

/// Returns the parts between unclean characters. The replacement character goes between them.
pub(super) fn clean(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_unclean)
}

/// Writes the replacement character in place of each unclean character.
#[cfg(any(feature = "log", feature = "tracing"))]
struct Clean<'a, 'f>(&'a mut fmt::Formatter<'f>);

#[cfg(any(feature = "log", feature = "tracing"))]
impl Write for Clean<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut parts = clean(text);
        self.0.write_str(parts.next().unwrap_or_default())?;
        parts.try_for_each(|part| {
            self.0.write_char(char::REPLACEMENT_CHARACTER)?;
            self.0.write_str(part)
        })
    }
}
