//! Plays scenarios with the blocking loop.

use retry_core::{
    Class, Failure, Instant, Retry,
    budget::Budget,
    circuit::Gate,
    classify::Classifier,
    observe::Observer,
    runtime::{BlockingSleep, Clock, Lock},
};

use crate::log::Log;
use crate::record::{End, Record, cause_name};
use crate::runtime::{Denials, Scripted};
use crate::scenario::{Ends, Fault, Scenario, Step, Try, Value, ms};
use crate::stage::Stage;

/// Plays `scenario` with `run_blocking_with` on `runtime`. Circuit and budget are behind an `L`.
///
/// A blocking loop cannot cut an attempt. So the operation itself stops at the attempt timeout and at the total
/// timeout, and returns a timeout error.
///
/// # Panics
/// Panics if the scenario [does not fit](Scenario::fits_blocking_loops).
pub fn blocking<L: Lock>(scenario: &Scenario<'_>, runtime: impl BlockingSleep, log: &mut dyn Log) {
    assert!(scenario.fits_blocking_loops(), "{}: does not fit blocking loops", scenario.name);
    play::<L, _>(scenario, runtime, log, call);
}

/// Plays `scenario` on a blocking runtime. `call` makes each of its calls.
pub(crate) fn play<L: Lock, R: BlockingSleep>(
    scenario: &Scenario<'_>,
    runtime: R,
    log: &mut dyn Log,
    call: impl Fn(&Scenario<'_>, &Stage<L>, &Scripted<'_, R>, &[Try], &Record<'_>),
) {
    let record = &Record::of(scenario, log);
    let denials = Denials::of(scenario);
    let check = || denials.are_over();
    let time = &Scripted::new(scenario, runtime).until_ready(scenario.readiness(&check));
    let mut stage = Stage::<L>::new(scenario);
    for step in scenario.steps {
        match *step {
            Step::Wait(wait) => {
                let slept = time.sleep_blocking(ms(wait));
                slept.expect("a wait between calls is not interrupted");
            }
            Step::Call(tries) => call(scenario, &stage, time, tries, record),
            Step::Stop(after, tries) | Step::Cut(after, tries) => {
                time.interrupt_at(time.now().after(ms(after)));
                call(scenario, &stage, time, tries, record);
                time.interrupt_at(Instant::MAX);
            }
            Step::Other(other) => stage.other(other, time.now(), record),
            Step::Manual(manual) => stage.manual(manual, time.now(), record),
        }
        stage.state(time.now(), record);
    }
}

fn call<L: Lock, R: BlockingSleep>(
    scenario: &Scenario<'_>,
    stage: &Stage<L>,
    time: &Scripted<'_, R>,
    tries: &[Try],
    record: &Record<'_>,
) {
    let retry = Retry::new(scenario, time)
        .circuit(&stage.circuit)
        .budget(&stage.allowance)
        .classify_ok(|value: &Value| value.0)
        .on_event(|event| record.event(event.at, event.attempt, &event.kind));
    match scenario.condition {
        None => run(&retry, scenario, time, tries, record),
        Some(condition) => run(&retry.when(condition.meets, condition.rule), scenario, time, tries, record),
    }
}

fn run<R, G, B, K, O>(
    retry: &Retry<&Scripted<'_, R>, &Scenario<'_>, G, B, K, O>,
    scenario: &Scenario<'_>,
    time: &Scripted<'_, R>,
    tries: &[Try],
    record: &Record<'_>,
) where
    R: BlockingSleep,
    G: Gate,
    B: Budget,
    K: Classifier<Value, Fault>,
    O: Observer,
{
    const TIMED_OUT: Fault = Fault { failure: Failure::new(Class::Timeout), code: 0 };

    let mut attempts = 0;
    let result = retry.run_blocking_with(|now, last| {
        attempts = now.attempt;
        record.told(time.now(), now, cause_name(last));
        let Try { takes, ends } = Try::of(tries, attempts);
        let total = scenario.policy.settings().total_timeout.and(now.left);
        let limits = [scenario.policy.settings().attempt_timeout, total];
        let limit = limits.into_iter().flatten().min().filter(|limit| ms(takes) > *limit);
        let slept = time.sleep_blocking(limit.unwrap_or(ms(takes)));
        slept.expect("a fitting scenario does not cut an attempt");
        match ends {
            _ if limit.is_some() => Err(TIMED_OUT),
            Ends::Value(value) => Ok(value),
            Ends::Fault(fault) => Err(fault),
        }
    });
    record.ended(time.now(), &End::of(result, attempts));
}
