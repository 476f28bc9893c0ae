//! The loop of futures, on any adapter.

use core::cell::Cell;
use core::future::ready;

use retry_core::{
    Cause, Progress, Retry,
    classify::Classifier,
    observe::{Event, Observer},
    runtime::{Clock, Lock, Sleep},
};

use crate::log::Log;
use crate::record::{End, Record, cause_name};
use crate::runtime::Scripted;
use crate::scenario::{Ends, Fault, Scenario, Step, Try, Value, ms};
use crate::stage::{Allowance, Circuit, Stage};

/// Plays `scenario` with `run_with` and `run_until_with` on `runtime`, an adapter. Circuit and budget are behind an `L`.
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
    let observer = |event: &Event| record.event(event.at, event.attempt, &event.kind);
    let Stage { ready, .. } = stage;
    let check = || ready.check();
    let mut retry = Retry::new(&scenario.policy, time)
        .circuit(&stage.circuit)
        .budget(&stage.allowance)
        .classify_ok(|value: &Value| value.0)
        .observe(&observer);
    if let Some(curve) = &scenario.curve {
        retry = retry.backoff(curve);
    }
    if let Some(every) = ready.asked_every() {
        retry = retry.ready(&check, every);
    }
    match scenario.condition {
        None => run(&retry, time, tries, stop, record).await,
        Some(condition) => {
            run(&retry.when(condition.meets, condition.rule), time, tries, stop, record).await;
        }
    }
}

async fn run<'t, 's, R, L, K, O>(
    retry: &Retry<'_, &'t Scripted<'s, R>, Circuit<L>, Allowance<L>, K, O>,
    time: &'t Scripted<'s, R>,
    tries: &[Try],
    stop: Option<u32>,
    record: &Record<'_>,
) where
    R: Sleep,
    L: Lock,
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
        Some(0) => retry.run_until_with(ready(()), operation).await,
        Some(after) => retry.run_until_with(time.sleep(ms(after)), operation).await,
    };
    record.ended(time.now(), &End::of(result, attempts.get()));
}
