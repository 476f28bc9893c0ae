//! gRPC's retry throttle: alone, under a call, and as it is configured.

use std::time::Duration;

use retry_core::{
    Call, Class, Failure, Instant, Policy, Recovery, Rule, Verdict,
    budget::{Budget, BudgetRules, RetryThrottle},
    policy::Hints,
    testing::FakeClock,
};
use serde_json::Value;

use super::{FREE, PRECISION, Shared, asked, failed, near, same, succeeded, whole};
use crate::json::{Fields, Replayed, fail, replay};
use crate::machine::{LONGEST, built, fail_once};
use crate::outcome::Outcome;
use crate::{grpc_calls, rules};

pub(crate) fn cases(_: &Value, case: &Value) -> Option<Outcome> {
    let has = |object: &str, key: &str| case[object].get(key).is_some();
    let calls = case["steps"].as_array().is_some_and(|steps| steps.iter().any(|step| step["op"] == "call"));
    if calls {
        Some(replay(case, grpc_calls::calls))
    } else if has("config", "hedging_delay_s") && has("config", "max_tokens") {
        Some(replay(case, hedges))
    } else if has("config", "tokens_before_call") {
        Some(replay(case, throttled_call))
    } else if has("config", "max_tokens") {
        Some(replay(case, throttle))
    } else if has("given", "max_tokens") || has("given", "token_ratio") {
        Some(replay(case, throttle_config))
    } else {
        None
    }
}

pub(crate) fn retry_throttle(config: &Fields<'_>) -> Replayed<Shared<RetryThrottle>> {
    let rules = built(RetryThrottle::GRPC.try_max_tokens(config.get("max_tokens")?))?;
    Ok(Shared::with_lock(built(rules.try_token_ratio(config.get("token_ratio")?))?))
}

fn tokens(budget: &Shared<RetryThrottle>) -> f64 {
    f64::from(budget.held_thousandths(Instant::ORIGIN)) / 1e3
}

/// Leaves so many tokens.
fn drain(budget: &Shared<RetryThrottle>, rest: f64) -> Replayed<()> {
    while tokens(budget) > rest {
        budget.deposit(failed(FREE), Instant::ORIGIN);
    }
    if tokens(budget) < rest {
        let earns = built(budget.rules().try_token_ratio(rest - tokens(budget)))?;
        budget.with_state(|state| earns.deposit(state, succeeded(FREE), Instant::ORIGIN));
    }
    Ok(())
}

fn throttle(case: &Fields<'_>) -> Replayed {
    let config = case.fields("config")?;
    let mut budget = retry_throttle(&config)?;
    let half = f64::from(budget.rules().max_thousandths()) / 2e3;
    let mut outcome = near(&config, "threshold", 0.0, || half)?;
    for step in case.list("steps")? {
        let expect = step.fields("expect")?;
        match step.get("op")? {
            "failure" => budget.deposit(failed(FREE), Instant::ORIGIN),
            "success" => budget.deposit(succeeded(FREE), Instant::ORIGIN),
            // Another configuration is another budget here. It goes on from what the peer takes over.
            "reconfigure" => {
                budget = retry_throttle(&step)?;
                drain(&budget, expect.get("tokens")?)?;
                outcome = outcome.and(Outcome::Declared(rules::RULES_FOR_LIFE));
            }
            other => return fail(format!("unknown op: {other}")),
        }
        let granted = || budget.withdraw(asked(Class::Server), Instant::ORIGIN).is_some();
        outcome = outcome
            .and(same(&expect, "retry_allowed", granted)?)
            .and(same(&expect, "above_threshold", || budget.grants_retries(Instant::ORIGIN))?)
            .and(near(&expect, "tokens", PRECISION, || tokens(&budget))?);
    }
    Ok(outcome)
}

/// A call that fails once, with what the server says of it.
fn throttled_call(case: &Fields<'_>) -> Replayed {
    // No, says the server.
    static REFUSED: Rule = Rule::ANY.recovery(Recovery::Fail);
    const POLICY: Policy = Policy::DEFAULT.hints(Hints::Exact).max_hint(LONGEST);

    let (config, given, expect) = (case.fields("config")?, case.fields("given")?, case.fields("expect")?);
    let budget = retry_throttle(&config)?;
    drain(&budget, config.get("tokens_before_call")?)?;

    let failure = match given.get("status")? {
        "retryable" => Failure::new(Class::Server),
        "non_retryable" => Failure::new(Class::Permanent),
        other => return fail(format!("unknown status: {other}")),
    };
    let pushback = given.find::<&str>("pushback")?.map(|text| text.parse().map(Duration::from_millis));
    let failure = match pushback {
        None => failure,
        Some(Ok(delay)) => failure.retry_after(delay),
        // A server that refuses is as overloaded as one that fails.
        Some(Err(_)) => Failure::new(Class::Server).under(&REFUSED),
    };
    let clock = FakeClock::new();
    let mut call = Call::new(&POLICY, clock.now()).budget(&budget);
    let verdict = fail_once(&mut call, failure, &clock, 0)?;
    let ours = match verdict {
        Verdict::Retry(delay) => format!("retry_after_{}ms", delay.as_millis()),
        Verdict::GiveUp(_) | Verdict::Rejected(_) => "stop".into(),
    };
    // What follows in brackets is a remark.
    let theirs: &str = expect.get("decision")?;
    let decision = match (failure.class, theirs.split(' ').next()) {
        (Class::Permanent, Some(theirs)) if ours == "stop" && theirs.starts_with("retry_after_") => {
            Outcome::Declared(rules::CLASS_FIRST)
        }
        (_, theirs) => Outcome::same("decision", Some(&*ours), theirs),
    };
    Ok(decision.and(near(&expect, "tokens_after", PRECISION, || tokens(&budget))?))
}

/// What the throttle makes of hedged requests that fail; when they are sent is another matter.
fn hedges(case: &Fields<'_>) -> Replayed {
    let config = case.fields("config")?;
    config.comments(&["max_attempts", "hedging_delay_s"]);
    let budget = retry_throttle(&config)?;
    let mut outcome = Outcome::Declared(rules::ONE_ATTEMPT_AT_A_TIME);
    for step in case.list("steps")? {
        step.comments(&["at_s", "sent"]);
        let Some(op) = step.find::<&str>("op")? else {
            continue;
        };
        if !op.starts_with("hedge") || !op.ends_with(" fails non-fatal") {
            return fail(format!("unknown op: {op}"));
        }
        budget.deposit(failed(FREE), Instant::ORIGIN);
        let expect = step.fields("expect")?;
        expect.comments(&["final", "sent"]);
        outcome = outcome.and(same(&expect, "above", || budget.grants_retries(Instant::ORIGIN))?).and(near(
            &expect,
            "tokens",
            PRECISION,
            || tokens(&budget),
        )?);
    }
    Ok(outcome)
}

/// Which configurations are valid, and what is made of a ratio.
fn throttle_config(case: &Fields<'_>) -> Replayed {
    let (given, expect) = (case.fields("given")?, case.fields("expect")?);
    let rules = RetryThrottle::GRPC;
    let rules = match given.find::<f64>("max_tokens")? {
        None => Ok(rules),
        // Neither a negative number nor a fraction of a token can even be written.
        Some(tokens) => match whole(tokens).map(|tokens| rules.try_max_tokens(tokens)) {
            Some(Ok(rules)) => Ok(rules),
            Some(Err(_)) | None => Err(tokens),
        },
    };
    let ratio = given.find::<f64>("token_ratio")?;
    let rules = rules.and_then(|rules| match ratio {
        None => Ok(rules),
        Some(ratio) => rules.try_token_ratio(ratio).map_err(|_| ratio),
    });
    let valid = same(&expect, "valid", || rules.is_ok())?;
    let effective = near(&expect, "effective", PRECISION, || {
        rules.map_or(f64::NAN, |rules| f64::from(rules.earns_thousandths()) / 1e3)
    })?;
    Ok(valid.and(effective))
}
