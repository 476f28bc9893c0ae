//! The AWS SDKs' adaptive mode: a rate limiter in front of all attempts. This crate has none, so that what there
//! is to replay is only whether a case is of a known form.

use serde_json::Value;

use crate::json::{Fields, Replayed, fail, replay};
use crate::outcome::Outcome;
use crate::rules;

const OUT_OF_SCOPE: Replayed = Ok(Outcome::Declared(rules::NO_RATE_LIMITER));

pub(crate) fn rate_limiter(_: &Value, case: &Value) -> Outcome {
    replay(case, |case| {
        case.comments(&["program"]);
        case.fields("config")?.comments(&[
            "default_builder",
            "last_max_rate",
            "note",
            "previous_time_bucket",
            "time_of_last_throttle",
        ]);
        let given = case.fields("given")?;
        given.comments(&["last_max_rate", "t", "time_of_last_throttle"]);
        match given.find("op")? {
            None | Some("cubic_success" | "cubic_throttle") => {}
            Some(other) => return fail(format!("unknown op: {other}")),
        }
        expectations(&case.fields("expect")?);
        let steps = if case.has("steps") { case.list("steps")? } else { Vec::new() };
        for step in steps {
            step.comments(&["t", "throttled", "cost"]);
            match step.find("op")? {
                None | Some("read" | "acquire") => expectations(&step.fields("expect")?),
                Some(other) => return fail(format!("unknown op: {other}")),
            }
        }
        OUT_OF_SCOPE
    })
}

fn expectations(expect: &Fields<'_>) {
    expect.comments(&["rate", "calculated_rate", "measured_tx_rate", "fill_rate", "enabled"]);
    expect.comments(&["ok", "wait_s", "capacity", "tol"]);
    expect.comments(&["fill_rate_after_blip", "total_acquired_gt", "capacity_ge"]);
}

pub(crate) fn traces(_: &Value, case: &Value) -> Outcome {
    replay(case, |case| {
        case.fields("config")?.comments(&["start_epoch_s"]);
        for step in case.get::<Vec<&Value>>("steps")? {
            let known = match step[0][0].as_str() {
                Some("advance_to") => step[0][1].is_f64() || step[0][1].is_u64(),
                Some("acquire") => matches!(step[0][1].as_str(), Some("initial" | "retry" | "retry_timeout")),
                Some("update") => step[0][1].is_boolean(),
                _ => false,
            };
            if !known {
                return Ok(Outcome::unknown("op", &step[0]));
            }
        }
        OUT_OF_SCOPE
    })
}
