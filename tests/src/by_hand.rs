//! Plays scenarios with a loop by hand, as a program without a runtime would write it.

use core::time::Duration;

use retry_core::{
    Call, Class, GiveUp, Verdict,
    observe::{EventKind, observer_fn},
    runtime::{BlockingSleep, Clock, Interrupted, Lock, Readiness},
    testing::FakeClock,
};

use crate::blocking::play;
use crate::log::Log;
use crate::record::{End, Record, Why};
use crate::runtime::Scripted;
use crate::scenario::{Ends, Scenario, Try, Value, ms};
use crate::stage::Stage;

type Time<'s> = Scripted<'s, FakeClock>;

/// Plays `scenario` with a loop by hand. Circuit and budget are behind an `L`.
pub fn by_hand<L: Lock>(scenario: &Scenario<'_>, log: &mut dyn Log) {
    play::<L, _>(scenario, FakeClock::new(), log, call);
}

fn call<L: Lock>(
    scenario: &Scenario<'_>,
    stage: &Stage<L>,
    time: &Time<'_>,
    tries: &[Try],
    record: &Record<'_>,
) {
    let now = || time.now();
    let observer = observer_fn(|event| record.event(event.at, event.attempt, &event.kind));
    let mut call = Call::new(scenario, now)
        .circuit(&stage.circuit)
        .budget(&stage.allowance)
        .observe(&observer)
        .timed(now);

    let (mut class, mut last) = (None, "-"); // how the last attempt ended
    let why = loop {
        if time.is_interrupted() {
            break Why::Cancelled;
        }
        let mut attempt = match call.attempt(now) {
            Ok(attempt) => attempt,
            Err(rejected) => break Why::Rejected(rejected),
        };
        let limit = attempt.time_limit(now);
        let is_late = limit == Some(Duration::ZERO);
        if !is_late {
            record.told(now(), attempt.progress(now), last);
        }
        // The attempt ends by itself, or at the limit.
        let script = Try::of(tries, attempt.number());
        let (takes, ends) = match limit {
            Some(limit) if is_late || ms(script.takes) > limit => (limit, None),
            _ => (ms(script.takes), Some(script.ends)),
        };
        if time.sleep_blocking(takes) == Err(Interrupted) {
            attempt.cancel(now);
            break Why::Cancelled;
        }
        let verdict = match ends {
            Some(Ends::Value(Value(None))) => {
                attempt.succeed(now);
                class = None;
                break Why::Succeeded;
            }
            Some(Ends::Value(Value(Some(bad)))) => {
                (class, last) = (Some(bad), "unacceptable");
                attempt.fail(bad, now, &mut time.words())
            }
            Some(Ends::Fault(fault)) => {
                let failure = match scenario.condition {
                    Some(condition) if (condition.meets)(&fault, attempt.progress(now)) => {
                        fault.failure.under(condition.rule)
                    }
                    _ => fault.failure,
                };
                (class, last) = (Some(failure.class), failure.class.name());
                attempt.fail(failure, now, &mut time.words())
            }
            None => {
                let verdict = attempt.time_out(now, &mut time.words());
                // A retry that started too late did not run, so the failure before it is the last one.
                if !is_late || verdict != Verdict::GiveUp(GiveUp::StartWithin) {
                    (class, last) = (Some(Class::Timeout), Class::Timeout.name());
                }
                verdict
            }
        };
        let delay = match verdict {
            Verdict::Retry(delay) => delay,
            Verdict::GiveUp(GiveUp::Ignored) => break Why::Ignored,
            Verdict::GiveUp(reason) => break Why::GaveUp(reason),
            Verdict::Rejected(rejected) => break Why::Rejected(rejected),
        };
        // Sleeps the whole delay. If there is a readiness check, sleeps the shortest delay, and then until it is ready.
        let least = call.earliest_retry();
        let slept = match time.readiness() {
            Some(Readiness { check, every }) if least < delay => {
                let until = now().after(delay);
                let mut slept = time.sleep_blocking(least);
                while slept.is_ok() && now() < until && !check() {
                    slept = time.sleep_blocking(every.min(until.since(now())));
                }
                slept
            }
            _ => time.sleep_blocking(delay),
        };
        if slept == Err(Interrupted) {
            // The loop stops the call between two attempts, so it also reports the event.
            record.event(time.now(), call.attempts(), &EventKind::Cancelled);
            break Why::Cancelled;
        }
    };
    let elapsed = match why {
        Why::Succeeded => None,
        _ => call.elapsed(now),
    };
    record.ended(time.now(), &End { why, class, attempts: call.attempts(), elapsed });
}
