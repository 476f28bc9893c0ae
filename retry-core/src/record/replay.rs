//! Decides again what a log says was decided.

use core::fmt;
use core::time::Duration;
use std::collections::HashMap;

use super::format::{NOT_RETRIED, Record, RecordedStep, UNKNOWN_RULE};
use super::{Failure, LogError, Records, Rule};
use crate::policy::{FailedAttempt, Policies, Policy, WithCurve};
use crate::time::nanos;
use crate::verdict::{GiveUp, Verdict};

/// Decides again what a log of a [`Recorder`](crate::record::Recorder) says was decided, and compares.
///
/// What circuit and budget answered is taken from the log, with everything else that a verdict is made of; so where
/// the policy is the one that was recorded, every verdict is the same, to the nanosecond. [`run`](Self::run) ends at
/// the first that is not; as an iterator it goes on, each verdict made of what is recorded before it, not of what was
/// replayed.
pub struct Replay<'a, P: Policies = &'static Policy> {
    policies: P,
    read: P::Read,
    rules: &'a [&'static Rule],
    records: Records<'a>,
    number: u64,
    /// How far each call has come: its last attempt, and the last delay.
    calls: HashMap<u16, (u32, u64)>,
}

impl<'a, P: Policies> Replay<'a, P> {
    /// Replays this log by this policy.
    ///
    /// # Errors
    /// Returns an error if the bytes are not a log.
    pub fn new(policy: P, log: &'a [u8]) -> Result<Self, LogError> {
        let (records, read) = (Records::new(log)?, policy.read());
        Ok(Self { policies: policy, read, rules: &[], records, number: 0, calls: HashMap::new() })
    }

    /// The rules that the [recorder was told of](crate::record::Recorder::rules), in the same order.
    #[must_use]
    pub fn rules(self, rules: &'a [&'static Rule]) -> Self {
        Self { rules, ..self }
    }

    /// The curve of the calls' own: [`Retry::backoff`](crate::Retry::backoff).
    #[must_use]
    pub fn backoff<F: Fn(u32, Duration) -> Duration>(self, curve: F) -> Replay<'a, WithCurve<P, F>> {
        let Self { policies, read, rules, records, number, calls } = self;
        Replay { policies: WithCurve::new(policies, curve), read, rules, records, number, calls }
    }

    /// Replays to the end: how much was decided.
    ///
    /// # Errors
    /// At the first verdict that differs, or that cannot be decided again, or record that cannot be read.
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
        let rule = match rule {
            None => None,
            Some(NOT_RETRIED) => Some(Failure::NOT_RETRIED),
            Some(rule) => match self.rules.get(usize::from(rule) - 1) {
                Some(known) if rule != UNKNOWN_RULE => Some(*known),
                _ => return Err(ReplayError::UnknownRule { number, at, rule }),
            },
        };
        let previous = match self.calls.get(&call) {
            _ if first => 0,
            // Attempts may have been dropped in between, which decided nothing.
            Some((last, delay)) if *last < attempt => *delay,
            // From here on attempts are no longer counted.
            Some((u32::MAX, delay)) => *delay,
            _ => return Err(ReplayError::Missing { number, at }),
        };
        let failure = Failure { rule, is_last, hint, ..Failure::new(class) };
        let failed =
            FailedAttempt { number: attempt, failure, previous, rules: self.policies.rules(&self.read) };
        let elapsed = record.elapsed.map_or(0, nanos);
        let mut drawn = false;
        // Without a word, no delay was worked out: the total timeout cut the attempt.
        let is_cut = recorded == Verdict::GiveUp(GiveUp::TotalTimeout) && word.is_none();
        let plan = if is_cut && self.policies.policy(&self.read).is_over(elapsed) {
            Err(GiveUp::TotalTimeout)
        } else {
            self.policies.policy(&self.read).decide(
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
        let delay = match recorded {
            Verdict::Retry(delay) => nanos(delay),
            Verdict::GiveUp(_) | Verdict::Rejected(_) => previous,
        };
        self.calls.insert(call, (attempt, delay));
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

/// A record whose verdict was decided again, and is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// Which record of the log, from 1.
    pub number: u64,
    /// The byte of the log at which it begins.
    pub at: usize,
    /// What was recorded.
    pub record: Record,
    /// What was replayed; `None` where nothing was to be decided.
    pub replayed: Option<Verdict>,
}

/// How much was replayed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Replayed {
    /// How many verdicts were decided again, each as recorded.
    pub decisions: u64,
    /// How many attempts were not admitted by their circuit.
    pub refusals: u64,
}

/// Why a replay ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplayError {
    /// A verdict differs.
    Difference(Difference),
    /// The log cannot be read on. What was replayed before is as recorded.
    Log(LogError),
    /// The error fell under a rule that the replay was not told of, nor perhaps the recorder.
    UnknownRule {
        /// Which record of the log, from 1.
        number: u64,
        /// The byte of the log at which it begins.
        at: usize,
        /// The rule's place among those the recorder was told of, from 1; 255 for another.
        rule: u8,
    },
    /// It is no later attempt of its call: several calls at once shared an observer, so what came before is not known.
    Missing {
        /// Which record of the log, from 1.
        number: u64,
        /// The byte of the log at which it begins.
        at: usize,
    },
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Difference(difference) => difference.fmt(f),
            Self::Log(error) => error.fmt(f),
            Self::UnknownRule { number, at, rule } => {
                write!(f, "record {number} (byte {at}): rule {rule} is not known")
            }
            Self::Missing { number, at } => {
                write!(
                    f,
                    "record {number} (byte {at}): no later attempt of its call, whose observer others shared"
                )
            }
        }
    }
}

impl core::error::Error for ReplayError {}

/// A verdict that is decided otherwise than it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// Which record of the log, from 1.
    pub number: u64,
    /// The byte of the log at which it begins.
    pub at: usize,
    /// Which of the calls under way.
    pub call: u16,
    /// Which attempt failed, from 1.
    pub attempt: u32,
    /// What of the verdict differs.
    pub field: Field,
    /// The verdict then.
    pub recorded: Verdict,
    /// The verdict now. Where no word was recorded, because none was needed, a delay is the longest it might be.
    pub replayed: Verdict,
}

/// What of a verdict differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Field {
    /// Another verdict.
    Verdict,
    /// Gives up as well, for another reason.
    Reason,
    /// Retries as well, after another delay.
    Delay,
    /// The same, but it takes a random word where it took none, or none where it took one.
    Word,
}

/// `record 17 (byte 248), call 3, attempt 2: recorded retry in 214000000 ns, replayed retry in 200000000 ns`.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, at, call, attempt, field, recorded, replayed } = self;
        write!(f, "record {number} (byte {at}), call {call}, attempt {attempt}: ")?;
        match (field, recorded, replayed) {
            (Field::Word, ..) => write!(f, "{recorded}, but not with the same need of a random word"),
            // In full: the two may differ by a nanosecond.
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
