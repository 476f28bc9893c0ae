//! Plays scenarios with the asynchronous loop, on any adapter.

use core::cell::Cell;

use retry_core::{
    Cause, Progress, Retry,
    budget::Budget,
    circuit::Gate,
    classify::Classifier,
    observe::Observer,
    runtime::{Clock, Lock, Sleep},
};

use crate::log::Log;
use crate::record::{End, Record, cause_name};
use crate::runtime::{Denials, Scripted};
use crate::scenario::{Ends, Fault, Scenario, Step, Try, Value, ms};
use crate::stage::Stage;

/// Plays `scenario` with `run_with`, and with `until`, on `runtime`, an adapter. Circuit and budget are behind an `L`.
pub async fn with_futures<L: Lock>(scenario: &Scenario<'_>, runtime: impl Sleep, log: &mut dyn Log) {
    let record = &Record::of(scenario, log);
    let denials = Denials::of(scenario);
    let check = || denials.are_over();
    let time = &Scripted::new(scenario, runtime).until_ready(scenario.readiness(&check));
    let mut stage = Stage::<L>::new(scenario);
    for step in scenario.steps {
        match *step {
            Step::Wait(wait) => time.sleep(ms(wait)).await,
            Step::Call(tries) => call(scenario, &stage, time, tries, None, record).await,
            Step::Stop(after, tries) | Step::Cut(after, tries) => {
                call(scenario, &stage, time, tries, Some(after), record).await;
            }
            Step::Other(other) => stage.other(other, time.now(), record),
            Step::Manual(manual) => stage.manual(manual, time.now(), record),
        }
        stage.state(time.now(), record);
    }
}

async fn call<L: Lock, R: Sleep>(
    scenario: &Scenario<'_>,
    stage: &Stage<L>,
    time: &Scripted<'_, R>,
    tries: &[Try],
    stop: Option<u32>,
    record: &Record<'_>,
) {
    let retry = Retry::new(scenario, time)
        .circuit(&stage.circuit)
        .budget(&stage.allowance)
        .classify_ok(|value: &Value| value.0)
        .on_event(|event| record.event(event.at, event.attempt, &event.kind));
    match scenario.condition {
        None => run(&retry, time, tries, stop, record).await,
        Some(condition) => {
            run(&retry.when(condition.meets, condition.rule), time, tries, stop, record).await;
        }
    }
}

async fn run<R, G, B, K, O>(
    retry: &Retry<&Scripted<'_, R>, &Scenario<'_>, G, B, K, O>,
    time: &Scripted<'_, R>,
    tries: &[Try],
    stop: Option<u32>,
    record: &Record<'_>,
) where
    R: Sleep,
    G: Gate,
    B: Budget,
    K: Classifier<Value, Fault>,
    O: Observer,
{
    let attempts = Cell::new(0);
    let operation = |now: Progress, last: Option<&Cause<Fault>>| {
        attempts.set(now.attempt);
        record.told(time.now(), now, cause_name(last));
        let Try { takes, ends } = Try::of(tries, now.attempt);
        async move {
            if takes > 0 {
                time.sleep(ms(takes)).await;
            }
            match ends {
                Ends::Value(value) => Ok(value),
                Ends::Fault(fault) => Err(fault),
            }
        }
    };
    let result = match stop {
        None => retry.run_with(operation).await,
        Some(after) => {
            let stop = async {
                // A sleep of 0 has ended already. embassy's timers would be pending once.
                if after > 0 {
                    time.sleep(ms(after)).await;
                }
            };
            retry.until(stop).run_with(operation).await
        }
    };
    record.ended(time.now(), &End::of(result, attempts.get()));
}
