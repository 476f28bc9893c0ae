//! failsafe-go's circuit breaker, by the scripts of its own tests.

use std::time::Duration;

use retry_core::Policy;
use serde_json::Value;

use super::failsafe_go::{operate, plan, same_rate, state};
use super::plan::Ending;
use super::rig::Rig;
use super::steps::Steps;
use super::{rules, same};
use crate::json::{Fields, Ms, Replayed, fail, replay};
use crate::outcome::Outcome;

pub(super) fn scripts(_: &Value, case: &Value, steps: &mut Steps) -> Outcome {
    replay(case, |case| {
        let config = case.fields("config")?;
        let attempts = config.find("retry_max_attempts")?;
        let mut rig = Rig::new(plan(&config)?, steps)?;
        for (i, step) in case.list("steps")?.iter().enumerate() {
            if let Err(Outcome::Fail(why)) = script_step(&mut rig, step, attempts) {
                return fail(format!("step {i}: {why}"));
            }
        }
        if case.has("old_state_metrics_at_transition") {
            let metrics = case.fields("old_state_metrics_at_transition")?;
            let before = rig.counts_before;
            for (what, ours) in [
                ("executions", before.calls),
                ("failures", before.failed),
                ("successes", before.calls - before.failed),
            ] {
                if let Some(theirs) = metrics.find::<u32>(what)? {
                    same(what, &ours, &theirs)?;
                }
            }
        }
        Ok(rig.outcome())
    })
}

fn script_step(rig: &mut Rig<'_>, step: &Fields<'_>, attempts: Option<u32>) -> Replayed<()> {
    let op: &str = step.get("op")?;
    let ms = step.find("ms")?.map(|Ms(ms)| ms);
    let expect = step.fields("expect")?;
    let admitted = if op == "acquire" { expect.find("result")? } else { None };
    if !operate(rig, op, ms, admitted)? {
        match op {
            "read" => {}
            "execute" => {
                let ending = match step.get("outcome")? {
                    "success" => Ending::Success,
                    "error" => Ending::Failure,
                    other => return fail(format!("unknown outcome: {other}")),
                };
                if rig.acquire(None)? {
                    rig.end(ending, None)?;
                }
            }
            "retry_execute_always_error" => retry(rig, attempts, &expect)?,
            other => return fail(format!("unknown operation: {:?}", (other, ms))),
        }
    }
    let Some(seen) = rig.observe(expect.find("state")?.map(state).transpose()?)? else {
        let rates = ["failure_rate", "success_rate"];
        expect.comments(&["executions", "failures", "successes", "remaining_ms"]);
        expect.comments(&rates);
        return Ok(());
    };
    let (calls, failed) = (seen.counts.calls, seen.counts.failed);
    for (what, ours) in [("executions", calls), ("failures", failed), ("successes", calls - failed)] {
        if let Some(theirs) = expect.find::<u32>(what)? {
            same(what, &ours, &theirs)?;
        }
    }
    for (what, count) in [("failure_rate", failed), ("success_rate", calls - failed)] {
        if let Some(theirs) = expect.find(what)? {
            same_rate(what, (count, calls), theirs)?;
        }
    }
    if let Some(theirs) = expect.find::<Ms>("remaining_ms")? {
        same("remaining", &Ms(seen.remaining), &theirs)?;
    }
    Ok(())
}

/// A retry around the breaker, whose every attempt fails.
fn retry(rig: &mut Rig<'_>, attempts: Option<u32>, expect: &Fields<'_>) -> Replayed<()> {
    let Some(attempts) = attempts else {
        return fail("config.retry_max_attempts is missing");
    };
    let policy = match Policy::fixed(Duration::ZERO).try_max_attempts(attempts) {
        Ok(policy) => policy,
        Err(error) => return fail(error.to_string()),
    };
    let (made, rejected) = rig.circuit.retry(&policy, &rig.clock);
    // The retry has its own way to the circuit: what it brought there is entered into the books.
    for _ in 0..made {
        rig.enter(true);
    }
    same("inner_executions", &made, &expect.get("inner_executions")?)?;
    same("final", &if rejected { "circuit_open" } else { "error" }, &expect.get("final")?)?;
    let (theirs, retries): (u32, u32) = (expect.get("attempts")?, expect.get("retries")?);
    same("retries", &retries, &theirs.saturating_sub(1))?;
    if rejected && made < theirs {
        rig.declare(rules::REJECTED_ENDS);
    } else {
        same("attempts", &made, &theirs)?;
    }
    Ok(())
}
