//! A replay of the decisions of a log.

use core::fmt;
use core::time::Duration;
use std::collections::HashMap;

use super::format::{NOT_RETRIED, PENDING, Record, RecordedStep, UNKNOWN_RULE};
use super::{Failure, LogError, Records, Rule};
use crate::policy::{FailedAttempt, Policies, Policy, WithCurve};
use crate::time::nanos;
use crate::verdict::{GiveUp, Verdict};

/// Makes the decisions of a [`Recorder`](crate::record::Recorder)'s log again, and compares them.
///
/// Everything that a decision depends on comes from the log, except the policy: also what circuit and budget answered.
/// So with the recorded policy, every verdict is the same, to the nanosecond.
///
/// [`run`](Self::run) stops at the first verdict that differs. As an iterator, a replay goes on after a difference: it
/// makes each decision from what was recorded before it.
pub struct Replay<'a, P: Policies = &'static Policy> {
    policies: P,
    read: P::Read,
    rules: &'a [&'static Rule],
    records: Records<'a>,
    number: u64,
    calls: HashMap<u16, Seen>,
}

/// What was seen of a call so far.
#[derive(Clone, Copy, Default)]
struct Seen {
    /// The number of the last attempt, and the delay after it.
    attempt: u32,
    delay: u64,
    /// How many polls had a pending answer, and the number of the last such attempt.
    polls: u32,
    polled: u32,
}

impl<'a, P: Policies> Replay<'a, P> {
    /// Makes a replay of this log with this policy.
    ///
    /// # Errors
    /// Returns an error if the bytes are not a log.
    pub fn new(policy: P, log: &'a [u8]) -> Result<Self, LogError> {
        let (records, read) = (Records::new(log)?, policy.read());
        Ok(Self { policies: policy, read, rules: &[], records, number: 0, calls: HashMap::new() })
    }

    /// Sets the [rules of the recorder](crate::record::Recorder::rules), in the same order.
    #[must_use]
    pub fn rules(self, rules: &'a [&'static Rule]) -> Self {
        Self { rules, ..self }
    }

    /// Sets the curve that the calls had from [`Retry::backoff`](crate::Retry::backoff).
    #[must_use]
    pub fn backoff<F: Fn(u32, Duration) -> Duration>(self, curve: F) -> Replay<'a, WithCurve<P, F>> {
        let Self { policies, read, rules, records, number, calls } = self;
        Replay { policies: WithCurve::new(policies, curve), read, rules, records, number, calls }
    }

    /// Replays the whole log, and returns how much was decided.
    ///
    /// # Errors
    /// Returns an error if a verdict differs, or if a record cannot be read or decided again.
    pub fn run(mut self) -> Result<Replayed, ReplayError> {
        let mut replayed = Replayed::default();
        for step in &mut self {
            match step?.record.step {
                RecordedStep::Refused(_) => replayed.refusals += 1,
                RecordedStep::Decided { .. } => replayed.decisions += 1,
            }
        }
        Ok(replayed)
    }

    fn step(&mut self, number: u64, at: usize, record: Record) -> Result<Step, ReplayError> {
        let RecordedStep::Decided { class, hint, rule, is_last, word, verdict: recorded } = record.step
        else {
            return Ok(Step { number, at, record, replayed: None });
        };
        let Record { call, first, attempt, .. } = record;
        let is_pending = rule == Some(PENDING);
        let rule = match rule {
            None | Some(PENDING) => None,
            Some(NOT_RETRIED) => Some(Failure::NOT_RETRIED),
            Some(rule) => match self.rules.get(usize::from(rule) - 1) {
                Some(known) if rule != UNKNOWN_RULE => Some(*known),
                _ => return Err(ReplayError::UnknownRule { number, at, rule }),
            },
        };
        let mut seen = match self.calls.get(&call) {
            _ if first => Seen::default(),
            // Attempts between them may have been dropped without a decision. From the largest number on, attempts are
            // not counted any more.
            Some(seen) if seen.attempt < attempt || seen.attempt == u32::MAX => *seen,
            _ => return Err(ReplayError::Missing { number, at }),
        };
        let series = if is_pending {
            seen.polls = seen.polls.saturating_add(1);
            seen.polls
        } else {
            attempt.saturating_sub(seen.polled).max(1)
        };
        let failure = Failure { rule, is_last, is_pending, hint, ..Failure::new(class) };
        let failed = FailedAttempt {
            number: series,
            made: attempt,
            failure,
            previous: if series == 1 { 0 } else { seen.delay },
            rules: self.policies.rules(&self.read),
        };
        let elapsed = record.elapsed.map_or(0, nanos);
        let mut drawn = false;
        // If no word was drawn, no delay was computed: the total timeout has cut the attempt, or a limit had passed when
        // it began.
        let policy = self.policies.policy(&self.read);
        let cut = match recorded {
            Verdict::GiveUp(reason) if word.is_none() && policy.has_passed(reason, elapsed) => Some(reason),
            _ => None,
        };
        let plan = if let Some(reason) = cut {
            Err(reason)
        } else {
            policy.decide(
                &failed,
                |failed, base| self.policies.ceiling(failed, base),
                &mut 0,
                || elapsed,
                || {
                    drawn = true;
                    word.unwrap_or(u64::MAX)
                },
            )
        };
        let replayed = match (plan, recorded) {
            (Err(reason), _) => Verdict::GiveUp(reason),
            (Ok(_), Verdict::Rejected(_) | Verdict::GiveUp(GiveUp::Budget)) => recorded,
            (Ok(plan), _) => Verdict::Retry(Duration::from_nanos(plan.delay)),
        };
        if let Verdict::Retry(delay) = recorded {
            seen.delay = nanos(delay);
        }
        seen.attempt = attempt;
        if is_pending {
            seen.polled = attempt;
        }
        self.calls.insert(call, seen);
        let field = match (recorded, replayed) {
            _ if recorded == replayed && drawn == word.is_some() => {
                return Ok(Step { number, at, record, replayed: Some(replayed) });
            }
            _ if recorded == replayed => Field::Word,
            (Verdict::Retry(_), Verdict::Retry(_)) => Field::Delay,
            (Verdict::GiveUp(_), Verdict::GiveUp(_)) => Field::Reason,
            _ => Field::Verdict,
        };
        Err(ReplayError::Difference(Difference { number, at, call, attempt, field, recorded, replayed }))
    }
}

impl<P: Policies> Iterator for Replay<'_, P> {
    type Item = Result<Step, ReplayError>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.records.at();
        let record = self.records.next()?;
        self.number += 1;
        Some(match record {
            Ok(record) => self.step(self.number, at, record),
            Err(error) => Err(ReplayError::Log(error)),
        })
    }
}

/// A record with a verdict that was decided again, and is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// The number of the record, from 1.
    pub number: u64,
    /// The offset of the record in the log, in bytes.
    pub at: usize,
    /// The record.
    pub record: Record,
    /// The verdict of the replay; `None` for a refused attempt, which needs no decision.
    pub replayed: Option<Verdict>,
}

/// How much was replayed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Replayed {
    /// The number of verdicts that were decided again, each as recorded.
    pub decisions: u64,
    /// The number of attempts that a circuit refused.
    pub refusals: u64,
}

/// Why a replay stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplayError {
    /// A verdict differs.
    Difference(Difference),
    /// Reading the next record failed. Everything before it was replayed as recorded.
    Log(LogError),
    /// The error had a rule that the replay does not know.
    UnknownRule {
        /// The number of the record, from 1.
        number: u64,
        /// The offset of the record in the log, in bytes.
        at: usize,
        /// The place among the rules of the recorder, from 1; 255 for a rule that the recorder did not know either.
        rule: u8,
    },
    /// The record is not of a later attempt of its call, because several calls at once shared an observer.
    Missing {
        /// The number of the record, from 1.
        number: u64,
        /// The offset of the record in the log, in bytes.
        at: usize,
    },
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Difference(difference) => difference.fmt(f),
            Self::Log(error) => error.fmt(f),
            Self::UnknownRule { number, at, rule } => {
                write!(f, "record {number} (byte {at}): rule {rule} is unknown to the replay")
            }
            Self::Missing { number, at } => {
                write!(
                    f,
                    "record {number} (byte {at}): not a later attempt of its call: several calls shared an observer"
                )
            }
        }
    }
}

impl core::error::Error for ReplayError {}

/// A verdict that the replay decided differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The number of the record, from 1.
    pub number: u64,
    /// The offset of the record in the log, in bytes.
    pub at: usize,
    /// The number of the call among those under way, from 0.
    pub call: u16,
    /// The number of the attempt that failed, from 1.
    pub attempt: u32,
    /// What differs.
    pub field: Field,
    /// The verdict in the log.
    pub recorded: Verdict,
    /// The verdict of the replay. If the log has no random word for it, its delay is the longest that the jitter
    /// allows.
    pub replayed: Verdict,
}

/// What differs between two verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Field {
    /// The kind of verdict.
    Verdict,
    /// The reason to give up.
    Reason,
    /// The delay of a retry.
    Delay,
    /// The need for a random word: only one of the two took one. The verdicts are the same.
    Word,
}

/// Shows the place of the record and both verdicts, such as `record 17 (byte 248), call 3, attempt 2: recorded retry in
/// 214000000 ns, replayed retry in 200000000 ns`.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, at, call, attempt, field, recorded, replayed } = self;
        write!(f, "record {number} (byte {at}), call {call}, attempt {attempt}: ")?;
        match (field, recorded, replayed) {
            (Field::Word, ..) => write!(f, "{recorded} both times, but only one of them took a random word"),
            // In nanoseconds, because the two may differ by one.
            (Field::Delay, Verdict::Retry(recorded), Verdict::Retry(replayed)) => {
                let (recorded, replayed) = (nanos(*recorded), nanos(*replayed));
                write!(f, "recorded retry in {recorded} ns, replayed retry in {replayed} ns")
            }
            (_, _, Verdict::Retry(_)) => write!(f, "recorded {recorded}, replayed a retry"),
            _ => write!(f, "recorded {recorded}, replayed {replayed}"),
        }
    }
}

impl<P: Policies> fmt::Debug for Replay<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay")
            .field("policy", self.policies.policy(&self.read))
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}
