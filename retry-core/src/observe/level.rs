//! What every log makes of an event: its level, and a line that is safe to print.

#[cfg(any(feature = "log", feature = "tracing"))]
use core::fmt::{self, Write};

use super::event::{CallEnd, Event, EventKind};
use crate::circuit::Phase;
use crate::clean::is_unclean;
use crate::verdict::{GiveUp, Verdict};

/// What of each level there is, for the documentation of each log.
macro_rules! level_table {
    () => {
        "| level | event |
|---|---|
| `error` | a dead letter is lost |
| `warn` | a call gave up, was rejected or found its budget empty; a circuit opened; an error of class `Unknown` |
| `info` | any other change of a circuit's phase; a dead letter is kept |
| `debug` | a retry; what comes of it; a call that was cancelled; the end of one that did not succeed at once |
| `trace` | an attempt starts; a call succeeds at once |
"
    };
}
pub(super) use level_table;

/// How much someone who reads a log wants to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// Something is lost.
    Error,
    /// A call did not get what it asked for, or nobody said what to make of an error.
    Warn,
    /// Good news of a circuit, and letters that are kept.
    Info,
    /// What retries are for.
    Debug,
    /// Daily work.
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
            EventKind::Started => Self::Trace,
            EventKind::Succeeded | EventKind::Ended { end: CallEnd::Succeeded, .. } if at_once => Self::Trace,
            // Of a call that did not succeed, a failure or a refusal said so before its end.
            EventKind::Failed { .. }
            | EventKind::Succeeded
            | EventKind::Cancelled
            | EventKind::Ended { .. } => Self::Debug,
        }
    }
}

/// The event in one line, of a long name the beginning: what names a caller gave must not end a line of a log, begin
/// another one, or turn it around.
#[cfg(any(feature = "log", feature = "tracing"))]
pub(super) struct OneLine<'a>(pub(super) &'a Event<'a>);

#[cfg(any(feature = "log", feature = "tracing"))]
impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, rest) = cut(self.0.operation);
        let mut line = Clean(f);
        if rest {
            // Before the event itself, which then has no name of its own.
            write!(line, "{name}..: ")?;
            write!(line, "{}", Event { operation: "", ..*self.0 })
        } else {
            write!(line, "{}", self.0)
        }
    }
}

/// A name as it may stand in a field of a log.
#[cfg(feature = "tracing")]
pub(super) struct CleanName<'a>(pub(super) &'a str);

#[cfg(feature = "tracing")]
impl fmt::Display for CleanName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, rest) = cut(self.0);
        write!(Clean(f), "{name}{}", if rest { ".." } else { "" })
    }
}

/// The first 128 bytes, or a little less, and whether there are more.
pub(super) fn cut(name: &str) -> (&str, bool) {
    const LONGEST: usize = 128;
    if name.len() <= LONGEST {
        return (name, false);
    }
    // Not by a slice: the message of its panic is kilobytes on a small machine.
    ((0..=LONGEST).rev().find_map(|end| name.get(..end)).unwrap_or_default(), true)
}

/// What is between the characters that a log must not hold. In place of each stands the replacement character.
pub(super) fn clean(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_unclean)
}

/// Puts the replacement character in place of each character that a log must not hold.
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
