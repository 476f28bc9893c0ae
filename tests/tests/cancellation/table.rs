//! The calls that are cut at every poll, and the checks after the cut.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use retry_core::{
    Cause, CircuitConfig, Class, Classify, Error, Failure, Instant, Jitter, Policy, Recovery, Retry, Rule,
    SharedBudget, SharedCircuit, TokenBucket, Verdict,
    circuit::{Change, CountWindow, Gate, Phase},
    observe::{CallEnd, Event, EventKind, Observer},
    runtime::{Entropy, Sleep, StdLock},
};

use super::cut::{Cut, Flag, When};
use super::ms;

/// A call: the duration of each attempt in milliseconds, and the class of its error. `None` means success.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) policy: Policy,
    circuit: CircuitConfig,
    pub(crate) attempts: &'static [(u32, Option<Class>)],
}

const POLICY: Policy = Policy::fixed(ms(150)).jitter(Jitter::None);
/// Its lease is a day, because an expired lease could hide a slot that is still taken.
const ONE_PROBE: CircuitConfig =
    CircuitConfig::WITHOUT_RULES.consecutive_failures(1).open_for(ms(100)).lease(Duration::from_secs(86_400));
const TOKENS: TokenBucket = TokenBucket::AWS.capacity(40);

const SERVER: Option<Class> = Some(Class::Server);
const WAIT: Rule = Rule::ANY.recovery(Recovery::WaitAndRetry(ms(170)));

pub(crate) static TABLE: &[Row] = &[
    Row { name: "the first attempt succeeds", policy: POLICY, circuit: ONE_PROBE, attempts: &[(20, None)] },
    Row {
        name: "the third attempt succeeds",
        policy: POLICY,
        circuit: ONE_PROBE,
        attempts: &[(10, SERVER), (20, Some(Class::Network)), (30, None)],
    },
    Row {
        name: "the last attempt fails",
        policy: POLICY.max_attempts(4).start_within(ms(5_000)),
        circuit: ONE_PROBE,
        attempts: &[(10, SERVER), (10, Some(Class::Timeout)), (10, SERVER), (10, SERVER)],
    },
    Row {
        name: "the second attempt hangs",
        policy: POLICY.attempt_timeout(ms(50)),
        circuit: ONE_PROBE,
        attempts: &[(10, SERVER), (60, None), (10, None)],
    },
    Row {
        name: "the dependency is not ready for a long time",
        policy: POLICY.min_delay(ms(110)).rules(&[WAIT]),
        circuit: ONE_PROBE,
        attempts: &[(10, SERVER), (10, None)],
    },
    Row {
        name: "a failed probe leaves the circuit half-open",
        policy: POLICY,
        circuit: ONE_PROBE.success_threshold(2).probe_failures(2),
        attempts: &[(10, SERVER), (10, SERVER), (10, None)],
    },
    Row {
        name: "a dropped attempt counts if it was slow",
        policy: POLICY,
        circuit: ONE_PROBE.slow_after(ms(15)),
        attempts: &[(30, SERVER), (30, None)],
    },
    Row {
        name: "the circuit opens for longer than the delay",
        policy: POLICY,
        circuit: ONE_PROBE.open_for(ms(1_000)),
        attempts: &[(10, SERVER)],
    },
];

/// The error of an attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) attempt: u32,
    pub(crate) class: Class,
}

impl Classify for Fault {
    fn classify(&self) -> Failure {
        self.class.into()
    }
}

/// An event, for a call without a name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    at: Instant,
    attempt: u32,
    kind: EventKind,
}

/// The place of a cut: the attempts started, and the attempts ended.
pub(crate) type Place = (u32, u32);

/// The outcome of a call.
pub(crate) struct Outcome {
    /// Whether it ended before the cut.
    pub(crate) over: bool,
    pub(crate) place: Place,
}

/// The state that a call shares with others, and what it leaves behind.
pub(crate) struct Stage {
    pub(crate) circuit: SharedCircuit<CountWindow<16>, StdLock>,
    pub(crate) budget: SharedBudget<TokenBucket, StdLock>,
    pub(crate) events: RefCell<Vec<Told>>,
    /// How many futures of the operation are alive.
    alive: Cell<i32>,
}

impl Stage {
    /// Makes a stage with a half-open circuit that has one free slot.
    pub(crate) fn new(row: &Row, now: Instant) -> Self {
        let stage = Self {
            circuit: SharedCircuit::with_window(row.circuit),
            budget: SharedBudget::new(TOKENS),
            events: RefCell::default(),
            alive: Cell::new(0),
        };
        stage.circuit.trip(ms(100), now);
        stage.circuit.probe(now);
        assert_eq!(stage.circuit.phase(), Phase::HalfOpen);
        stage
    }

    /// Runs the row's call, cuts it, and checks the state after it. Returns the outcome.
    pub(crate) async fn cut<R: Sleep + Entropy>(row: &Row, runtime: &R, polls: u32, when: When) -> Outcome {
        let stage = Self::new(row, runtime.now());
        let retry = Retry::new(&row.policy, runtime)
            .circuit(&stage.circuit)
            .budget(&stage.budget)
            .ready(|| false, ms(20))
            .observe(&stage);
        let operation = |now: retry_core::Progress, _: Option<&Cause<Fault>>| {
            let alive = Alive::new(&stage.alive);
            let (takes, fails) = row.attempts[now.attempt as usize - 1];
            async move {
                runtime.sleep(ms(1)).await; // so that it waits at two awaits
                runtime.sleep(ms(takes.into()) - ms(1)).await;
                drop(alive);
                match fails {
                    Some(class) => Err(Fault { attempt: now.attempt, class }),
                    None => Ok(now.attempt),
                }
            }
        };
        let stop = Flag::default();
        let call = retry.until(stop.raised()).run_with(operation);
        let cut = Cut::new(call, polls, when, &stop).await;
        let outcome = Outcome { over: cut.over, place: stage.place() };
        stage.check(runtime.now(), cut.over, cut.result);
        outcome
    }

    pub(crate) fn place(&self) -> Place {
        let events = self.events.borrow();
        let count =
            |which: fn(&EventKind) -> bool| events.iter().filter(|event| which(&event.kind)).count() as u32;
        let ended = count(|kind| matches!(kind, EventKind::Failed { .. } | EventKind::Succeeded));
        (count(|kind| matches!(kind, EventKind::Started)), ended)
    }

    /// Checks the state after a call has ended or was cut. `result` is `None` if it was dropped.
    pub(crate) fn check(&self, now: Instant, over: bool, result: Option<Result<u32, Error<Fault>>>) {
        self.check_told(now, over);
        if let (Some(result), false) = (result, over) {
            self.check_error(result);
        }
        self.check_given_back(now);
    }

    /// Checks that the observer gets the cancellation once, as the last event, and at the right time. A call without an
    /// attempt has no such event.
    fn check_told(&self, now: Instant, over: bool) {
        let events = self.events.borrow();
        let (begun, _) = self.place();
        let cancelled = events.iter().filter(|event| event.kind == EventKind::Cancelled).count();
        assert_eq!(cancelled, usize::from(!over && begun > 0), "{events:#?}");
        if cancelled == 1 {
            let mut last =
                events.iter().rev().filter(|event| !matches!(event.kind, EventKind::PhaseChanged(_)));
            let mut last = || last.next().map(|event| (event.kind, event.at, event.attempt));
            let (end, at, attempt) = last().expect("there is a last event");
            assert!(matches!(end, EventKind::Ended { end: CallEnd::Cancelled, .. }), "{end:?}");
            assert_eq!((at, attempt, last()), (now, begun, Some((EventKind::Cancelled, now, begun))));
        }
    }

    /// Checks that the error is a cancellation, with the end of the last attempt.
    fn check_error(&self, result: Result<u32, Error<Fault>>) {
        let error = result.unwrap_err();
        assert!(error.is_cancelled(), "{error}");
        let (begun, ended) = self.place();
        let last_failure = self.events.borrow().iter().rev().find_map(|event| match event.kind {
            EventKind::Failed { failure: Failure { class, .. }, .. } => Some((event.attempt, class)),
            _ => None,
        });
        let cause = error.cause().map(|cause| match *cause {
            Cause::Failed(Fault { attempt, class }) => (attempt, class),
            Cause::TimedOut(_) => (ended, Class::Timeout),
            _ => unreachable!("all values of the table are good"),
        });
        assert_eq!(cause, last_failure);
        assert_eq!((error.attempts(), error.class()), (begun, last_failure.map(|(_, class)| class)));
    }

    /// Checks that the call holds nothing any more.
    pub(crate) fn check_given_back(&self, now: Instant) {
        let events = self.events.borrow();
        assert_eq!(self.alive.get(), 0, "a future of the operation is still alive");

        // Only the failed retries have cost tokens.
        assert_eq!(self.budget.held(now), 40 - u64::from(self.spent()), "{events:#?}");

        // The circuit is in the phase of its last change, and its only slot is free.
        let changed = events.iter().rev().find_map(|event| match event.kind {
            EventKind::PhaseChanged(Change { to, .. }) => Some(to),
            _ => None,
        });
        assert_eq!(self.circuit.phase(), changed.unwrap_or(Phase::HalfOpen));
        let later = now.after(ms(1_000)); // after every open time, and long before the lease expires
        let probe = self.circuit.admit(later).expect("the slot is free");
        if self.circuit.phase() == Phase::HalfOpen {
            assert!(self.circuit.admit(later).is_err(), "there is only one slot");
        }
        self.circuit.cancel(probe.ticket, later);
        assert_eq!(self.circuit.late(), 0);
    }

    /// Returns the tokens that failed retries have cost.
    fn spent(&self) -> u32 {
        let (mut spent, mut price) = (0, 0);
        for event in self.events.borrow().iter() {
            if let EventKind::Failed { failure, verdict, .. } = event.kind {
                spent += price;
                price = match (verdict, failure.class) {
                    (Verdict::Retry(_), Class::Timeout) => 10,
                    (Verdict::Retry(_), _) => 5,
                    _ => 0,
                };
            }
        }
        spent
    }
}

impl Observer for Stage {
    fn observe(&self, event: &Event) {
        let Event { at, attempt, kind, .. } = *event;
        self.events.borrow_mut().push(Told { at, attempt, kind });
    }
}

/// Counts a future of the operation until it is dropped.
struct Alive<'a>(&'a Cell<i32>);

impl<'a> Alive<'a> {
    fn new(count: &'a Cell<i32>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for Alive<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
