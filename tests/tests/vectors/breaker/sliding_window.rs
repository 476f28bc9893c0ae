//! Resilience4j's sliding windows.

use std::time::Duration;

use retry_core::{circuit::Outcome as Ended, testing::FakeClock};
use serde_json::Value;

use super::kit::Counts;
use super::resilience4j::{kind, same_rate};
use super::steps::Steps;
use super::{rules, same};
use crate::json::{Fields, Ms, Replayed, fail, replay};
use crate::outcome::Outcome;

pub(super) fn sliding_window(_: &Value, case: &Value, steps: &mut Steps) -> Outcome {
    replay(case, |case| {
        let config = case.fields("config")?;
        let mut books = kind(&config, config.get("size")?)?.books();
        let Ms(start) = config.find("start_epoch_ms")?.unwrap_or(Ms(Duration::ZERO));
        let (clock, mut declared) = (FakeClock::new(), None);
        clock.advance(start);
        for (i, step) in case.list("steps")?.iter().enumerate() {
            match step.get("op")? {
                "snapshot" => {}
                "advance" => clock.advance(step.get::<Ms>("ms")?.0),
                "record" => {
                    step.get::<Ms>("ms")?;
                    let (failed, slow) = match step.get("outcome")? {
                        "SUCCESS" => (false, false),
                        "ERROR" => (true, false),
                        "SLOW_SUCCESS" => (false, true),
                        "SLOW_ERROR" => (true, true),
                        other => return fail(format!("step {i}: unknown outcome: {other}")),
                    };
                    books.record(Ended { failed, slow }, clock.now());
                }
                other => return fail(format!("step {i}: unknown operation: {other}")),
            }
            let rule = compared(books.counts(Some(clock.now())), &step.fields("expect")?)?;
            steps.count(rule);
            declared = declared.or(rule);
        }
        Ok(declared.map_or(Outcome::Pass, Outcome::Declared))
    })
}

fn compared(counts: Counts, expect: &Fields<'_>) -> Replayed<Option<&'static str>> {
    let Counts { calls, failed, slow, slow_failed } = counts;
    for (what, ours) in [
        ("calls", calls),
        ("successful", calls - failed),
        ("failed", failed),
        ("slow", slow),
        ("slow_success", slow - slow_failed),
        ("slow_failed", slow_failed),
    ] {
        expect.find::<u32>(what)?.map_or(Ok(()), |theirs| same(what, &ours, &theirs))?;
    }
    for (what, count) in [("failure_rate", failed), ("slow_rate", slow)] {
        let ours = f64::from(count) * 100.0 / f64::from(calls.max(1));
        expect.find(what)?.map_or(Ok(()), |theirs| same_rate(what, ours, theirs))?;
    }
    // Nothing took no time; beyond that, ours does not know.
    let (total, average) = (expect.find::<f64>("total_ms")?, expect.find::<f64>("avg_ms")?);
    let durations = total.unwrap_or(0.0) + average.unwrap_or(0.0) > 0.0;
    Ok(durations.then_some(rules::NO_DURATIONS))
}
