//! The log of a run, and the figures computed from it.

use core::time::Duration;

use retry_core::{
    Class, Instant, Verdict,
    circuit::{Change, Phase},
    observe::{Event, EventKind},
};

use super::callers::CALLERS;
use super::script::Step;

/// One entry of the log.
#[derive(Clone, Copy, Debug)]
pub enum Message {
    /// The server began a step of its script.
    Step(&'static Step, Instant),
    /// Something happened to a call.
    Event(Told),
}

/// An event, and which caller's call it belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// The caller, from 0.
    pub caller: usize,
    /// When it happened.
    pub at: Instant,
    /// Which attempt of its call, from 1; 0 before the first was admitted.
    pub attempt: u32,
    /// What happened.
    pub kind: EventKind,
}

impl Told {
    /// Makes an entry from an event that this caller's observer received.
    pub fn of(caller: usize, event: &Event) -> Self {
        Self { caller, at: event.at, attempt: event.attempt, kind: event.kind }
    }
}

/// A span of time.
#[derive(Clone, Copy, Debug)]
pub struct Span<T> {
    /// What lasted from the start to the end.
    pub what: T,
    /// The start.
    pub from: Duration,
    /// The end.
    pub to: Duration,
}

/// The end of an attempt, or its rejection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It returned a value.
    Succeeded,
    /// It failed, and not by a timeout.
    Failed,
    /// It took too long.
    TimedOut,
    /// The circuit rejected it.
    Rejected,
}

/// One delay between two attempts.
#[derive(Clone, Copy, Debug)]
pub struct Delay {
    /// When it began.
    pub from: Duration,
    /// The delay in the verdict.
    pub planned: Duration,
    /// The delay that the server asked for.
    pub hint: Option<Duration>,
    /// The time from the failure to the next attempt.
    pub actual: Duration,
}

/// A run. The callers are tasks of one thread, so its entries are in the order of the circuit's decisions.
#[derive(Debug)]
pub struct History {
    start: Instant,
    now: Duration,
    phase: Phase,
    phase_since: Duration,
    /// The circuit's phases.
    pub phases: Vec<Span<Phase>>,
    /// The steps of the script.
    pub steps: Vec<Span<&'static Step>>,
    /// The changes of phase, each with the number of its step.
    pub changes: Vec<(usize, Change)>,
    /// When attempts ended or were rejected, and with which outcome.
    pub outcomes: Vec<(Duration, Outcome)>,
    /// The delays that have ended.
    pub delays: Vec<Delay>,
    /// How many attempts were admitted.
    pub attempts: u32,
    /// How many attempts were admitted while the circuit was open.
    pub attempts_while_open: u32,
    /// How many attempts an open circuit rejected.
    pub rejected_while_open: u32,
    /// How many calls the policy ended.
    pub gave_up: u32,
    /// How many calls the circuit ended.
    pub rejected: u32,
    /// The largest number of probes at the same time.
    pub most_probes: u32,
    callers: [Caller; CALLERS],
}

#[derive(Clone, Copy, Debug, Default)]
struct Caller {
    /// The number of phase changes before the current attempt.
    era: Option<usize>,
    delay: Option<Delay>,
}

impl History {
    /// Makes an empty history of a run that starts at this instant.
    pub fn starting(start: Instant) -> Self {
        Self {
            start,
            now: Duration::ZERO,
            phase: Phase::Closed,
            phase_since: Duration::ZERO,
            phases: Vec::new(),
            steps: Vec::new(),
            changes: Vec::new(),
            outcomes: Vec::new(),
            delays: Vec::new(),
            attempts: 0,
            attempts_while_open: 0,
            rejected_while_open: 0,
            gave_up: 0,
            rejected: 0,
            most_probes: 0,
            callers: [Caller::default(); CALLERS],
        }
    }

    /// Returns the time since the start.
    pub fn time(&self, at: Instant) -> Duration {
        at.since(self.start)
    }

    /// Returns the phase after the last entry.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Returns the time of the last entry.
    pub fn end(&self) -> Duration {
        self.now
    }

    /// Returns how many attempts had this outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.outcomes.iter().filter(|(_, o)| *o == outcome).count()
    }

    /// Returns how long the circuit was in `phase`.
    pub fn time_in(&self, phase: Phase) -> Duration {
        let spans = self.phases.iter().filter(|span| span.what == phase);
        spans.map(|span| span.to.saturating_sub(span.from)).sum()
    }

    /// Appends an entry.
    pub fn add(&mut self, message: &Message) {
        match *message {
            Message::Step(step, at) => {
                let from = self.advance(at);
                self.end_step();
                self.steps.push(Span { what: step, from, to: from });
            }
            Message::Event(event) => self.add_event(event),
        }
    }

    /// Ends the last phase and the last step.
    pub fn finish(&mut self, at: Instant) {
        self.advance(at);
        self.end_phase();
        self.end_step();
    }

    fn add_event(&mut self, Told { caller, at, kind, .. }: Told) {
        let at = self.advance(at);
        match kind {
            EventKind::Started => {
                self.end_delay(caller, at);
                self.attempts += 1;
                self.attempts_while_open += u32::from(self.phase == Phase::Open);
                let era = self.changes.len();
                self.callers[caller].era = Some(era);
                if self.phase == Phase::HalfOpen {
                    let probes = self.callers.iter().filter(|caller| caller.era == Some(era));
                    self.most_probes = self.most_probes.max(probes.map(|_| 1).sum());
                }
            }
            EventKind::Succeeded => self.end_attempt(caller, at, Outcome::Succeeded),
            EventKind::Failed { failure, verdict, .. } => {
                let outcome = match failure.class {
                    Class::Timeout => Outcome::TimedOut,
                    _ => Outcome::Failed,
                };
                self.end_attempt(caller, at, outcome);
                match verdict {
                    Verdict::Retry(planned) => {
                        self.callers[caller].delay =
                            Some(Delay { from: at, planned, hint: failure.hint, actual: Duration::ZERO });
                    }
                    Verdict::GiveUp(_) => self.gave_up += 1,
                    Verdict::Rejected(_) => self.rejected += 1,
                }
            }
            EventKind::Rejected(rejected) => {
                self.end_delay(caller, at);
                self.rejected += 1;
                self.rejected_while_open += u32::from(rejected.phase() == Phase::Open);
                self.outcomes.push((at, Outcome::Rejected));
            }
            EventKind::PhaseChanged(change) => {
                self.end_phase();
                self.phase = change.to;
                self.phase_since = at;
                self.changes.push((self.steps.len().saturating_sub(1), change));
            }
            _ => self.callers[caller].era = None,
        }
    }

    fn advance(&mut self, at: Instant) -> Duration {
        self.now = self.time(at);
        self.now
    }

    fn end_attempt(&mut self, caller: usize, at: Duration, outcome: Outcome) {
        self.callers[caller].era = None;
        self.outcomes.push((at, outcome));
    }

    fn end_delay(&mut self, caller: usize, at: Duration) {
        if let Some(delay) = self.callers[caller].delay.take() {
            let actual = at.saturating_sub(delay.from);
            self.delays.push(Delay { actual, ..delay });
        }
    }

    fn end_phase(&mut self) {
        self.phases.push(Span { what: self.phase, from: self.phase_since, to: self.now });
    }

    fn end_step(&mut self) {
        if let Some(last) = self.steps.last_mut() {
            last.to = self.now;
        }
    }
}
