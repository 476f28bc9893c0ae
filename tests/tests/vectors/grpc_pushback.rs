//! gRPC's pushback: what a server says about the next attempt, in a header.

use std::time::Duration;

use retry_core::{Class, Failure, Policy, Verdict, policy::Hints, testing::FakeClock};
use serde_json::Value;

use crate::json::{Fields, Replayed, fail};
use crate::machine::{LONGEST, call_after, fail_once};
use crate::outcome::Outcome;
use crate::rules;

/// One failed attempt, and what is done about it.
pub(crate) fn decision(case: &Fields<'_>, given: &Fields<'_>) -> Replayed {
    let failure = failure(given)?;
    let decision: &str = case.fields("expect")?.get("decision")?;
    decided(verdict_on(failure)?, decision)
}

/// Which spellings of a pushback are one: the implementations against the proposal.
pub(crate) fn spelling(case: &Fields<'_>, given: &Fields<'_>) -> Replayed {
    let failure = failure(given)?;
    let expect = case.fields("expect")?;
    let ours = verdict_on(failure)?;
    let mut outcome = decided(ours, expect.get("grfc_a6_strict")?)?;
    for implementation in ["grpc_java", "grpc_go"] {
        if let Some(theirs) = expect.find(implementation)?
            && decided(ours, theirs)? != Outcome::Pass
        {
            outcome = outcome.and(Outcome::Declared(rules::PUSHBACK_AS_PROPOSED));
        }
    }
    Ok(outcome)
}

fn verdict_on(failure: Failure) -> Replayed<Verdict> {
    const POLICY: Policy = Policy::exponential(Duration::from_secs(1)).hints(Hints::Exact).max_hint(LONGEST);
    fail_once(&mut call_after(&POLICY, 0)?, failure, &FakeClock::new(), 0)
}

/// Whether a verdict is `stop`, `delay 7`, `delay 7ms` or `retry_after_7ms`; what follows after a space is a remark.
pub(crate) fn decided(ours: Verdict, theirs: &str) -> Replayed {
    let delay = match theirs.strip_prefix("delay ") {
        Some(rest) => rest.split(' ').next().map(|delay| delay.strip_suffix("ms").unwrap_or(delay)),
        None => {
            theirs.split(' ').next().and_then(|word| word.strip_prefix("retry_after_")?.strip_suffix("ms"))
        }
    };
    let theirs_delay = match delay.map(str::parse) {
        Some(Ok(ms)) => Some(Duration::from_millis(ms)),
        None if theirs.split(' ').next() == Some("stop") => None,
        _ => return fail(format!("unknown decision: {theirs}")),
    };
    let ours = match ours {
        Verdict::Retry(delay) => Some(delay),
        Verdict::GiveUp(_) | Verdict::Rejected(_) => None,
    };
    Ok(Outcome::same("retry after", ours, theirs_delay))
}

/// What an interceptor makes of a response: the status by class, a pushback as a hint, one that is negative,
/// misspelt or given twice as a refusal.
pub(crate) fn failure(response: &Fields<'_>) -> Replayed<Failure> {
    let class = match response.find("status")? {
        Some("retryable") | None => Class::Server,
        Some("non_retryable") => Class::Permanent,
        Some(other) => return fail(format!("unknown status: {other}")),
    };
    let values: Vec<&str> = match response.find::<&Value>("pushback")? {
        None => return Ok(class.into()),
        Some(Value::Array(_)) => response.get("pushback")?,
        Some(_) => vec![response.get("pushback")?],
    };
    let failure = Failure::new(class);
    Ok(match values[..] {
        [] => failure,
        [value] => failure.grpc_pushback(value),
        _ => failure.not_retried(),
    })
}
