//! Finagle's budgets, what they are made of, and tower's budget, which is the same share of the requests.

use std::time::Duration;

use retry_core::{
    Class, Instant, TokenBucket,
    budget::{Budget, BudgetRules, Price, RequestShare, SlidingSum},
};
use serde_json::Value;

use super::{START, Shared, TOKEN, asked, clock, given_back, near, passes, same, whole};
use crate::json::{Fields, Ms, Replayed, fail, replay};
use crate::outcome::Outcome;
use crate::rules;

pub(crate) fn tower(_: &Value, case: &Value) -> Outcome {
    replay(case, |case| {
        let config = case.fields("config")?;
        let min: u32 = config.get("min_per_s")?;
        let Ms(ttl) = config.get("ttl_ms")?;
        let percent = config.get("percent")?;
        let outcome = shared_requests(case, share(ttl, f64::from(min), percent));
        Ok(match outcome {
            // Up to a share of one, a withdrawal costs whole deposits there.
            Ok(Outcome::Fail(_)) if 0.0 < percent && percent < 1.0 => {
                let whole = (1.0 / percent).trunc() as i64;
                let reserve = i64::from(min) * ttl.as_secs() as i64 * whole;
                let (Ok(theirs) | Err(theirs)) = paid_in_whole_deposits(case, ttl, whole, reserve);
                theirs.and(Outcome::Declared(rules::EXACT_SHARE))
            }
            Ok(outcome) | Err(outcome) => outcome,
        })
    })
}

pub(crate) fn cases(meta: &Value, case: &Value) -> Option<Outcome> {
    let config = &case["config"];
    match config["kind"].as_str() {
        Some("leaky" | "bounded" | "windowed_adder") => Some(replay(case, bucket)),
        None if config.is_object() && config.get("concat").is_none() => Some(replay(case, |case| {
            let config = case.fields("config")?;
            config.comments(&["clock"]);
            let number = |key| {
                let default = meta["defaults"][key].as_f64();
                match config.find(key)?.or(default) {
                    Some(number) => Ok(number),
                    None => fail(format!("config.{key} is missing, and has no default")),
                }
            };
            let ttl = Duration::try_from_secs_f64(number("ttl_s")?).unwrap_or(Duration::ZERO);
            shared_requests(case, share(ttl, number("min_retries_per_s")?, number("percent")?))
        })),
        _ => None,
    }
}

/// A share of the requests, if there is one like that.
fn share(ttl: Duration, min: f64, share: f64) -> Result<RequestShare, String> {
    // Less than none cannot even be written.
    let min = whole(min).ok_or(format!("min_retries_per_second = {min}"))?;
    RequestShare::DEFAULT
        .min_retries_per_second(min)
        .try_ttl(ttl)
        .and_then(|rules| rules.try_share(share))
        .map_err(|error| error.to_string())
}

fn shared_requests(case: &Fields<'_>, rules: Result<RequestShare, String>) -> Replayed {
    let (given, expect) = (case.fields("given")?, case.fields("expect")?);
    if let Some(error) = expect.find("error")? {
        return Ok(Outcome::same("error", rules.is_err(), error));
    }
    let (budget, clock) = (Shared::with_lock(rules.or_else(fail)?), clock(case)?);
    let held = || budget.held(clock.now());
    let withdraw = || budget.withdraw(asked(Class::Server), clock.now()).is_some();

    let tolerance: u64 = expect.find("tol")?.unwrap_or(0);
    let mut outcome = same(&expect, "initial_balance", held)?;
    if let Some(requests) = given.find::<u64>("requests")? {
        let each: &str = given.get("each")?;
        let mut retried = 0;
        for _ in 0..requests {
            for op in each.split(';').map(str::trim) {
                match op {
                    "deposit" => budget.deposit(START, clock.now()),
                    "try_withdraw" => retried += u64::from(withdraw()),
                    other => return fail(format!("unknown op: {other}")),
                }
            }
        }
        let theirs = expect.find::<u64>("retried")?;
        outcome = outcome
            .and(Outcome::check(theirs.is_none_or(|theirs| retried.abs_diff(theirs) <= tolerance), || {
                format!("retried: {retried} for {theirs:?}")
            }));
    }
    for _ in 0..given.find::<u64>("deposits")?.unwrap_or(0) {
        budget.deposit(START, clock.now());
    }
    outcome = outcome.and(same(&expect, "balance", held)?);
    if !case.has("steps") {
        return Ok(outcome);
    }
    for step in case.list("steps")? {
        let expect = step.fields("expect")?;
        match (passes(&step)?, step.get("op")?) {
            (Some(passes), _) => clock.advance(passes),
            (None, "deposit") => budget.deposit(START, clock.now()),
            (None, "withdraw") => {
                let granted = withdraw();
                outcome = outcome.and(same(&expect, "ok", || granted)?);
            }
            (None, "balance") => {}
            (None, other) => return fail(format!("unknown op: {other}")),
        }
        outcome = outcome.and(same(&expect, "balance", held)?);
    }
    Ok(outcome)
}

/// Tower's budget as it reckons: a sum over ten slices, to which each deposit adds one.
fn paid_in_whole_deposits(case: &Fields<'_>, ttl: Duration, price: i64, reserve: i64) -> Replayed {
    let slice = u64::try_from(ttl.as_nanos()).unwrap_or(u64::MAX) / 10;
    let (clock, mut window) = (clock(case)?, SlidingSum::<10>::EMPTY);
    let mut outcome = Outcome::Pass;
    for step in case.list("steps")? {
        window.advance(clock.now(), slice);
        match (passes(&step)?, step.get("op")?) {
            (Some(passes), _) => clock.advance(passes),
            (None, "deposit") => _ = window.add(1),
            (None, "withdraw") => {
                let granted = window.sum() + reserve >= price && window.add(-price).is_some();
                outcome = outcome.and(same(&step.fields("expect")?, "ok", || granted)?);
            }
            (None, other) => return fail(format!("unknown op: {other}")),
        }
    }
    Ok(outcome)
}

/// What a budget of Twitter's is made of: a sum over a window, a bucket that leaks into one, a bucket with a limit.
fn bucket(case: &Fields<'_>) -> Replayed {
    let config = case.fields("config")?;
    let (range, reserve) = match config.get("kind")? {
        "bounded" => return bounded(case, config.get("limit")?),
        "leaky" => ("ttl_ms", config.get::<u32>("reserve")?),
        _ => ("range_ms", 0),
    };
    let (Ms(range), slices): (Ms, u32) = (config.get(range)?, config.get("slices")?);
    macro_rules! windowed {
        ($($slices:literal)*) => {
            match slices {
                $($slices => windowed::<$slices>(case, range, reserve.into()),)*
                _ => fail(format!("there is no type here for {slices} slices")),
            }
        };
    }
    windowed!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 24 25 30 32 50 60 64 100)
}

fn amount(step: &Fields<'_>) -> Replayed<i64> {
    let n: &Value = step.get("n")?;
    n.as_i64().map_or_else(|| fail(format!("n = {n}: not a whole number")), Ok)
}

fn windowed<const SLICES: usize>(case: &Fields<'_>, range: Duration, reserve: i64) -> Replayed {
    let slice = u64::try_from(range.as_nanos()).unwrap_or(u64::MAX) / SLICES as u64;
    let (clock, mut window) = (clock(case)?, SlidingSum::<SLICES>::EMPTY);
    let mut outcome = Outcome::Pass;
    for step in case.list("steps")? {
        let expect = step.fields("expect")?;
        window.advance(clock.now(), slice);
        match (passes(&step)?, step.get("op")?) {
            (Some(passes), _) => clock.advance(passes),
            (None, "put" | "add") => _ = window.add(amount(&step)?),
            (None, "incr") => _ = window.add(1),
            (None, "reset") => window = SlidingSum::EMPTY,
            (None, "get") => {
                let amount = amount(&step)?;
                let granted = window.sum() + reserve >= amount && window.add(-amount).is_some();
                outcome = outcome.and(same(&expect, "ok", || granted)?);
            }
            (None, "count" | "sum") => {}
            (None, other) => return fail(format!("unknown op: {other}")),
        }
        for key in ["count", "sum"] {
            outcome = outcome.and(near(&expect, key, 0.0, || (window.sum() + reserve) as f64)?);
        }
    }
    Ok(outcome)
}

/// A token bucket that is empty at first.
fn bounded(case: &Fields<'_>, limit: u32) -> Replayed {
    let (clock, budget) = (clock(case)?, Shared::with_lock(TokenBucket::AWS.capacity(limit)));
    let take = |tokens| {
        let rules = budget.rules().retry_cost(tokens);
        budget.with_state(|state| rules.withdraw(state, asked(Class::Server), Instant::ORIGIN)).is_some()
    };
    take(limit);
    let mut outcome = Outcome::Pass;
    for step in case.list("steps")? {
        let expect = step.fields("expect")?;
        match (passes(&step)?, step.get("op")?) {
            (Some(passes), _) => clock.advance(passes),
            (None, "put") => {
                let price = Price(step.get::<u64>("n")?.saturating_mul(TOKEN));
                budget.deposit(given_back(price), clock.now());
            }
            (None, "get") => {
                let granted = take(step.get("n")?);
                outcome = outcome.and(same(&expect, "ok", || granted)?);
            }
            (None, "count") => {}
            (None, other) => return fail(format!("unknown op: {other}")),
        }
        outcome = outcome.and(same(&expect, "count", || budget.held(clock.now()))?);
    }
    Ok(outcome)
}
