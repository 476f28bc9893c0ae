//! failsafe-go's adaptive throttle, and its budget of retries at once.

use std::time::Duration;

use retry_core::{
    Backoff, Call, Class, GiveUp, Instant, Verdict,
    budget::{AdaptiveThrottle, Budget, BudgetRules, ConcurrencyShare, Price},
    testing::FakeClock,
};
use serde_json::Value;

use super::{
    FREE, PRECISION, RESTART, START, Shared, asked, failed, near, probability, same, succeeded, throttled,
};
use crate::json::{Fields, Replayed, fail, replay};
use crate::machine::{built, fail_once, policy};
use crate::outcome::Outcome;
use crate::rules;

pub(crate) fn cases(_: &Value, case: &Value) -> Option<Outcome> {
    match case["given"]["fn"].as_str() {
        Some("adaptive_throttle") => Some(replay(case, |case| {
            let (given, expect) = (case.fields("given")?, case.fields("expect")?);
            given.comments(&["fn"]);
            let rules = AdaptiveThrottle::DEFAULT.min_attempts(given.get("execution_threshold")?);
            let threshold: f64 = given.get("success_rate_threshold")?;
            let rules = built(rules.try_multiplier(1.0 / threshold))?;
            let rules = built(rules.try_max_rejection(given.get("max_rejection")?))?;
            let ours = probability(&throttled(rules, given.get("executions")?, given.get("successes")?)?);
            let off = expect.find("tol")?.unwrap_or(PRECISION);
            let mut outcome = near(&expect, "rejection_rate", off, || ours)?;
            for (key, is) in [("gt", f64::gt as fn(&f64, &f64) -> bool), ("lt", f64::lt)] {
                let limit = expect.find::<f64>(key)?;
                outcome = outcome.and(Outcome::check(limit.is_none_or(|limit| is(&ours, &limit)), || {
                    format!("{ours} is not {key} {limit:?}")
                }));
            }
            Ok(outcome)
        })),
        Some("budget") => Some(replay(case, in_flight)),
        Some("budget_retry") => Some(replay(case, retried)),
        _ => None,
    }
}

/// A retry that the peer has granted, whatever these rules say.
fn grant(budget: &Shared<ConcurrencyShare>) {
    let lenient = budget.rules().min_retries(u32::MAX);
    budget.with_state(|state| lenient.withdraw(state, asked(Class::Server), Instant::ORIGIN));
}

/// A budget under which so many executions and retries are under way.
fn under_way(given: &Fields<'_>) -> Replayed<Shared<ConcurrencyShare>> {
    given.comments(&["fn"]);
    let rules = ConcurrencyShare::DEFAULT.min_retries(given.get("min_concurrency")?);
    let rules = built(rules.try_share(given.get("max_rate")?))?;
    let (executions, retries): (u32, u32) = (given.get("executions")?, given.get("inflight_retries")?);

    let budget = Shared::with_lock(rules);
    (0..executions).for_each(|_| budget.deposit(START, Instant::ORIGIN));
    (0..retries).for_each(|_| grant(&budget));
    Ok(budget)
}

/// A call that always fails, under a budget that others use.
fn retried(case: &Fields<'_>) -> Replayed {
    let (given, expect) = (case.fields("given")?, case.fields("expect")?);
    let budget = under_way(&given)?;
    let policy = policy(Backoff::fixed(Duration::ZERO), None)?;
    let policy = built(policy.try_max_attempts(given.get("max_attempts")?))?;
    let clock = FakeClock::new();
    let mut call = Call::new(&policy, clock.now()).budget(&budget);
    let ours = loop {
        match fail_once(&mut call, Class::Server, &clock, 0)? {
            Verdict::Retry(_) => {}
            Verdict::GiveUp(GiveUp::Budget) => break "budget_exceeded",
            Verdict::GiveUp(GiveUp::Attempts) => break "exceeded",
            end => return fail(format!("{end}")),
        }
    };
    let attempts = same(&expect, "inner_executions", || call.attempts())?;
    Ok(attempts.and(same(&expect, "final", || ours)?))
}

/// Retries that are asked for and released one after the other.
fn in_flight(case: &Fields<'_>) -> Replayed {
    let budget = under_way(&case.fields("given")?)?;
    let rules = *budget.rules();
    let tell = |deposit| budget.deposit(deposit, Instant::ORIGIN);
    let grant = || grant(&budget);

    let mut outcome = Outcome::Pass;
    for event in case.fields("expect")?.get::<&[Value]>("sequence")? {
        match (event.as_bool(), event.as_str()) {
            (Some(theirs), _) => {
                let (before, most) =
                    (budget.retries_granted(), rules.allowed_retries(budget.attempts_under_way()));
                // The execution that asks has failed, but the peer counts it until its retry has ended.
                tell(failed(FREE));
                let ours = budget.withdraw(asked(Class::Server), Instant::ORIGIN).is_some();
                tell(START);
                outcome = outcome.and(match (ours, theirs) {
                    // The peer looks at its rate before it counts the retry it is asked for.
                    (false, true) if before == most => Outcome::Declared(rules::NEVER_MORE),
                    _ => Outcome::same("granted", ours, theirs),
                });
                if theirs {
                    if !ours {
                        grant();
                    }
                    tell(RESTART);
                }
            }
            (None, Some("release")) => tell(succeeded(Price(1))),
            _ => return Err(Outcome::unknown("event", event)),
        }
    }
    Ok(outcome)
}
