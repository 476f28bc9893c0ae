//! The loop of futures, on any adapter.

use core::cell::Cell;
use core::future::ready;

use retry_core::{
    Cause, Progress, Retry,
    budget::Budget,
    circuit::Gate,
    classify::Classifier,
    observe::Observer,
    runtime::{Clock, Entropy, Lock, Sleep},
};

use crate::log::Log;
use crate::record::{End, Record, cause_name};
use crate::runtime::Scripted;
use crate::scenario::{Ends, Fault, Scenario, Step, Try, Value, ms};
use crate::stage::Stage;

/// Plays `scenario` with `run_with`, and with `until`, on `runtime`, an adapter. Circuit and budget are behind an `L`.
pub async fn with_futures<L: Lock>(scenario: &Scenario<'_>, runtime: impl Sleep, log: &mut dyn Log) {
    let record = &Record::of(scenario, log);
    let time = &Scripted::new(scenario, runtime);
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
    let Stage { ready, .. } = stage;
    let retry = Retry::new(scenario, time)
        .circuit(&stage.circuit)
        .budget(&stage.allowance)
        .classify_ok(|value: &Value| value.0)
        .on_event(|event| record.event(event.at, event.attempt, &event.kind));
    match ready.asked_every() {
        None => by_condition(retry, scenario, time, tries, stop, record).await,
        Some(every) => {
            by_condition(retry.ready(|| ready.check(), every), scenario, time, tries, stop, record).await;
        }
    }
}

async fn by_condition<T, R, G, B, K, O>(
    retry: Retry<T, &Scenario<'_>, G, B, K, O>,
    scenario: &Scenario<'_>,
    time: &Scripted<'_, R>,
    tries: &[Try],
    stop: Option<u32>,
    record: &Record<'_>,
) where
    T: Sleep + Entropy,
    R: Sleep,
    G: Gate,
    B: Budget,
    K: Classifier<Value, Fault>,
    O: Observer,
{
    match scenario.condition {
        None => run(&retry, time, tries, stop, record).await,
        Some(condition) => {
            run(&retry.when(condition.meets, condition.rule), time, tries, stop, record).await;
        }
    }
}

async fn run<T, R, G, B, K, O>(
    retry: &Retry<T, &Scenario<'_>, G, B, K, O>,
    time: &Scripted<'_, R>,
    tries: &[Try],
    stop: Option<u32>,
    record: &Record<'_>,
) where
    T: Sleep + Entropy,
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
        // Stopped already; embassy's timers are pending once, even those that are over.
        Some(0) => retry.until(ready(())).run_with(operation).await,
        Some(after) => retry.until(time.sleep(ms(after))).run_with(operation).await,
    };
    record.ended(time.now(), &End::of(result, attempts.get()));
}
