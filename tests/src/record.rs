//! Writes events, ends of calls and states to the log.

use core::cell::RefCell;

use retry_core::{
    Cause, Class, Error, ErrorKind, GiveUp, Instant, Progress, Rejected, Verdict,
    circuit::{Change, ChangeCause, Phase},
    observe::EventKind,
};

use crate::log::{Line, Log};
use crate::scenario::{Fault, Scenario, Value};

/// The log of one scenario.
pub(crate) struct Record<'l>(RefCell<&'l mut dyn Log>);

impl<'l> Record<'l> {
    pub(crate) fn of(scenario: &Scenario<'_>, log: &'l mut dyn Log) -> Self {
        let record = Self(RefCell::new(log));
        record.line(Instant::ORIGIN, &["scenario", scenario.name], &[]);
        record
    }

    /// Writes an event.
    pub(crate) fn event(&self, at: Instant, attempt: u32, kind: &EventKind) {
        let attempt = attempt.into();
        match kind {
            EventKind::Started => self.line(at, &["started"], &[attempt]),
            EventKind::Succeeded => self.line(at, &["succeeded"], &[attempt]),
            EventKind::Cancelled => self.line(at, &["cancelled"], &[attempt]),
            EventKind::Rejected(rejected) => {
                self.line(at, &["rejected", rejected.phase().name()], &[attempt, nanos(rejected.wait())]);
            }
            EventKind::Failed { failure, verdict, .. } => {
                let class = failure.class.name();
                match verdict {
                    Verdict::Retry(delay) => {
                        self.line(at, &["failed", class, "retry"], &[attempt, nanos(*delay)]);
                    }
                    Verdict::GiveUp(reason) => {
                        self.line(at, &["failed", class, "give-up", reason.name()], &[attempt]);
                    }
                    Verdict::Rejected(rejected) => {
                        let words = ["failed", class, "rejected", rejected.phase().name()];
                        self.line(at, &words, &[attempt, nanos(rejected.wait())]);
                    }
                }
            }
            EventKind::PhaseChanged(change) => self.change(change),
            EventKind::BudgetEmpty => self.line(at, &["budget-empty"], &[attempt]),
            // `ended` writes more about the end of a call.
            EventKind::Ended { .. } => {}
            _ => self.line(at, &["an event that this library does not know"], &[]),
        }
    }

    pub(crate) fn change(&self, change: &Change) {
        let (cause, numbers) = match change.cause {
            ChangeCause::ConsecutiveFailures(count) => ("failures-in-a-row", [count, 0]),
            ChangeCause::FailureRate { failures, calls } => ("failure-rate", [failures, calls]),
            ChangeCause::SlowCallRate { slow, calls } => ("slow-call-rate", [slow, calls]),
            ChangeCause::OpenTimePassed => ("open-time-passed", [0, 0]),
            ChangeCause::ProbesFailed(count) => ("probes-failed", [count, 0]),
            ChangeCause::ProbesSucceeded(count) => ("probes-succeeded", [count, 0]),
            ChangeCause::LeasePassed => ("lease-passed", [0, 0]),
            ChangeCause::Manual => ("manual", [0, 0]),
            ChangeCause::HealthCheck => ("health-check", [0, 0]),
            ChangeCause::Evicted => ("evicted", [0, 0]),
            ChangeCause::Restored => ("restored", [0, 0]),
            _ => ("a cause that this library does not know", [0, 0]),
        };
        let words = ["phase", change.from.name(), change.to.name(), cause];
        self.line(change.at, &words, &numbers.map(u64::from));
    }

    /// Writes what an operation with a time limit is told when it begins: how the previous attempt ended, the number of
    /// this attempt, and the time left.
    pub(crate) fn told(&self, at: Instant, now: Progress, last: &'static str) {
        if let Some(left) = now.left {
            self.line(at, &["told", last], &[now.attempt.into(), nanos(left)]);
        }
    }

    /// How a call ended.
    pub(crate) fn ended(&self, at: Instant, end: &End) {
        let (words, wait) = match end.why {
            Why::Succeeded => (["good", "-"], 0),
            Why::GaveUp(reason) => (["gave-up", reason.name()], 0),
            Why::Rejected(rejected) => (["refused", rejected.phase().name()], nanos(rejected.wait())),
            Why::Cancelled => (["stopped", "-"], 0),
            Why::Ignored => (["ignored", "-"], 0),
        };
        let words = ["end", words[0], words[1], end.class.map_or("-", Class::name)];
        let numbers = [end.attempts.into(), wait, end.elapsed.map_or(0, nanos)];
        self.line(at, &words, if end.elapsed.is_some() { &numbers } else { &numbers[..2] });
    }

    pub(crate) fn state(&self, at: Instant, phase: Phase, numbers: &[u64]) {
        self.line(at, &["state", phase.name()], numbers);
    }

    pub(crate) fn line(&self, at: Instant, words: &[&'static str], numbers: &[u64]) {
        self.0.borrow_mut().line(&Line { at, words, numbers });
    }
}

/// How a call ended.
pub(crate) struct End {
    pub(crate) why: Why,
    /// The class of the last attempt that ended, if it failed.
    pub(crate) class: Option<Class>,
    pub(crate) attempts: u32,
    pub(crate) elapsed: Option<core::time::Duration>,
}

pub(crate) enum Why {
    Succeeded,
    GaveUp(GiveUp),
    Rejected(Rejected),
    Cancelled,
    Ignored,
}

impl End {
    /// Makes the end from the result of a loop of retry-core. A successful result does not contain the number of
    /// attempts, so `attempts` is an argument.
    pub(crate) fn of(result: Result<Value, Error<Fault>>, attempts: u32) -> Self {
        let error = match result {
            Ok(_) => return Self { why: Why::Succeeded, class: None, attempts, elapsed: None },
            Err(error) => error,
        };
        let why = match error.kind() {
            ErrorKind::GaveUp(reason) => Why::GaveUp(reason),
            ErrorKind::Rejected(rejected) => Why::Rejected(rejected),
            ErrorKind::Cancelled => Why::Cancelled,
            ErrorKind::Ignored => Why::Ignored,
            _ => unreachable!("retry-core has four kinds of error"),
        };
        let context = error.context();
        let (class, attempts, elapsed) = (context.class, context.attempt, context.elapsed);
        if let Some(Cause::Failed(fault)) = error.cause() {
            assert_eq!(Some(fault.failure.class), class, "the cause is that of the last attempt");
        }
        Self { why, class, attempts, elapsed }
    }
}

/// Returns how an attempt ended, as one word.
pub(crate) fn cause_name(cause: Option<&Cause<Fault>>) -> &'static str {
    match cause {
        None => "-",
        Some(Cause::Failed(fault)) => fault.failure.class.name(),
        Some(Cause::TimedOut(_)) => Class::Timeout.name(),
        Some(_) => "unacceptable",
    }
}

fn nanos(duration: core::time::Duration) -> u64 {
    Instant::ORIGIN.after(duration).as_nanos()
}
