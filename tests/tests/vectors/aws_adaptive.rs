//! The AWS SDKs' adaptive mode: a rate limiter in front of all attempts, `AdaptiveRate`.

use std::time::Duration;

use retry_core::{
    Instant,
    budget::{AdaptiveRate, AdaptiveRateState, Sending},
};
use serde_json::Value;

use crate::json::{Fields, Replayed, fail, replay};
use crate::outcome::Outcome;

pub(crate) fn rate_limiter(_: &Value, case: &Value) -> Outcome {
    replay(case, |case| {
        let given = case.fields("given")?;
        match given.find("op")? {
            None => {}
            Some(op @ ("cubic_success" | "cubic_throttle")) => {
                return one_rate(op, &given, &case.fields("expect")?);
            }
            Some(other) => return fail(format!("unknown op: {other}")),
        }
        let mut rate = configured(&case.fields("config")?)?;
        if let Some(program) = case.find::<&str>("program")? {
            return blip(&mut rate, program, &case.fields("expect")?);
        }
        let mut outcome = Outcome::Pass;
        for step in case.list("steps")? {
            outcome = outcome.and(limiter_step(&mut rate, &step)?);
        }
        Ok(outcome)
    })
}

/// A limiter as the peer's builder makes it: all that is not configured is zero.
fn configured(config: &Fields<'_>) -> Replayed<AdaptiveRate> {
    config.comments(&["note"]);
    let _: Option<bool> = config.find("default_builder")?;
    let bucket: f64 = config.find("previous_time_bucket")?.unwrap_or(0.0);
    let (rate, at) = (config.find("last_max_rate")?, config.find("time_of_last_throttle")?);
    Ok(AdaptiveRate::restored(AdaptiveRateState {
        measured_rate: 0.0,
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // whole, and saturates
        half_second: (bucket * 2.0) as u64,
        throttled_rate: rate.unwrap_or(0.0),
        throttled_at: instant(at.unwrap_or(0.0))?,
        ..AdaptiveRate::NEW.state()
    }))
}

/// The time of a float's seconds, to the nearest nanosecond.
fn instant(secs: f64) -> Replayed<Instant> {
    // Whole seconds and the rest are exact, their product with 10^9 in one number is not.
    match (Duration::try_from_secs_f64(secs.trunc()), Duration::try_from_secs_f64(secs.fract())) {
        (Ok(whole), Ok(rest)) => Ok(Instant::ORIGIN.after(whole + rest)),
        _ => fail(format!("{secs} s are no time")),
    }
}

/// The limited rate before anything measured limits it, too.
fn unmeasured(rate: &AdaptiveRate) -> AdaptiveRate {
    AdaptiveRate::restored(AdaptiveRateState {
        is_limited: true,
        measured_rate: f64::MAX / 4.0,
        ..rate.state()
    })
}

/// What the curve alone makes of one response.
fn one_rate(op: &str, given: &Fields<'_>, expect: &Fields<'_>) -> Replayed {
    let new = AdaptiveRate::NEW.state();
    let rate = if op == "cubic_throttle" {
        let mut rate = AdaptiveRate::restored(AdaptiveRateState { fill_rate: given.get("rate")?, ..new });
        rate = unmeasured(&rate);
        rate.on_throttle(Instant::ORIGIN);
        rate
    } else {
        let mut rate = unmeasured(&AdaptiveRate::restored(AdaptiveRateState {
            throttled_rate: given.get("last_max_rate")?,
            throttled_at: instant(given.get("time_of_last_throttle")?)?,
            ..new
        }));
        rate.on_success(instant(given.get("t")?)?);
        rate
    };
    Ok(same_rate(&rate, expect.get("rate")?))
}

/// The curve's rate, which is at least the minimum here.
fn same_rate(ours: &AdaptiveRate, theirs: f64) -> Outcome {
    const LEAST: f64 = 0.5;
    Outcome::near("rate", ours.state().fill_rate, theirs.max(LEAST), PRECISION)
}

fn limiter_step(rate: &mut AdaptiveRate, step: &Fields<'_>) -> Replayed {
    let expect = step.fields("expect")?;
    match step.find("op")? {
        Some("read") => {}
        Some("set") => {
            let refilled = match step.find("last_timestamp")? {
                Some(secs) => Some(instant(secs)?),
                None => rate.state().refilled,
            };
            let capacity = step.find("capacity")?.unwrap_or(rate.state().capacity);
            *rate = AdaptiveRate::restored(AdaptiveRateState { capacity, refilled, ..rate.state() });
        }
        Some("acquire") => {
            let sending = sending(step.get("cost")?)?;
            let acquired = rate.acquire(sending, instant(step.get("t")?)?);
            let off: f64 = expect.find("tol")?.unwrap_or(PRECISION);
            let near = |what: &str, ours: f64, theirs: Option<f64>| {
                Outcome::check(theirs.is_none_or(|theirs| (ours - theirs).abs() <= off), || {
                    format!("{what}: {ours} for {theirs:?}")
                })
            };
            let mut outcome = match expect.find("ok")? {
                Some(theirs) => Outcome::same("granted", acquired.is_ok(), theirs),
                None => Outcome::Pass,
            };
            let wait = acquired.err().unwrap_or_default().as_secs_f64();
            outcome = outcome.and(near("wait", wait, expect.find("wait_s")?));
            let capacity = rate.state().capacity;
            outcome = outcome.and(near("capacity", capacity, expect.find("capacity")?));
            return Ok(outcome.and(at_least("capacity", capacity, expect.find("capacity_ge")?)));
        }
        None => {
            let now = instant(step.get("t")?)?;
            // The curve's rate is what the fill rate is before the measured rate limits it.
            let mut calculated = unmeasured(rate);
            if step.get("throttled")? {
                rate.on_throttle(now);
                calculated.on_throttle(now);
            } else {
                rate.on_success(now);
                calculated.on_success(now);
            }
            if let Some(theirs) = expect.find("calculated_rate")? {
                // The peer's own script takes the lowered rate for the one at which the service throttled.
                let state = calculated.state();
                let lowered = if step.get("throttled")? { state.fill_rate } else { state.throttled_rate };
                *rate = AdaptiveRate::restored(AdaptiveRateState { throttled_rate: lowered, ..state });
                return Ok(same_rate(&calculated, theirs));
            }
        }
        Some(other) => return fail(format!("unknown op: {other}")),
    }
    let state = rate.state();
    let mut outcome = match expect.find("enabled")? {
        Some(theirs) => Outcome::same("enabled", state.is_limited, theirs),
        None => Outcome::Pass,
    };
    for (what, ours) in [("fill_rate", state.fill_rate), ("measured_tx_rate", state.measured_rate)] {
        if let Some(theirs) = expect.find(what)? {
            outcome = outcome.and(Outcome::near(what, ours, theirs, PRECISION));
        }
    }
    Ok(outcome)
}

fn at_least(what: &str, ours: f64, least: Option<f64>) -> Outcome {
    Outcome::check(least.is_none_or(|least| ours >= least), || format!("{what}: {ours}, below {least:?}"))
}

fn sending(cost: f64) -> Replayed<Sending> {
    let all = [(1.0, Sending::First), (5.0, Sending::Retry), (10.0, Sending::RetryAfterTimeout)];
    match all.into_iter().find(|(tokens, _)| *tokens == cost) {
        Some((_, sending)) => Ok(sending),
        None => fail(format!("nothing costs {cost} tokens")),
    }
}

/// Many tasks after a short time of throttling: `50 x update(t+=0.001, throttled); then 200 rounds: t+=0.1; 50 acquires
/// at t+task*0.0001 cost 1; per grant t+=0.001 update(success)`.
fn blip(rate: &mut AdaptiveRate, program: &str, expect: &Fields<'_>) -> Replayed {
    const WORDS: [&str; 8] = [
        " x update(t+=",
        ", throttled); then ",
        " rounds: t+=",
        "; ",
        " acquires at t+task*",
        " cost ",
        "; per grant t+=",
        " update(success)",
    ];
    let mut rest = program;
    let mut numbers = [0.0; 8];
    for (number, word) in numbers.iter_mut().zip(WORDS) {
        let Some((text, after)) = rest.split_once(word) else {
            return fail(format!("unknown program: {program}"));
        };
        let Ok(value) = text.parse::<f64>() else {
            return fail(format!("unknown program: {program}"));
        };
        (*number, rest) = (value, after);
    }
    let [throttles, each, rounds, round, tasks, apart, cost, after_grant] = numbers;
    let count = |number: f64| -> Replayed<u32> {
        let whole = (0..=100_000).find(|whole| f64::from(*whole) == number);
        whole.map_or_else(|| fail(format!("{number}: not a count")), Ok)
    };
    let sending = sending(cost)?;

    let mut t = 0.0;
    for _ in 0..count(throttles)? {
        t += each;
        rate.on_throttle(instant(t)?);
    }
    let mut outcome = match expect.find("fill_rate_after_blip")? {
        Some(theirs) => Outcome::near("fill rate", rate.state().fill_rate, theirs, PRECISION),
        None => Outcome::Pass,
    };
    let least: Option<f64> = expect.find("capacity_ge")?;
    let mut acquired = 0;
    for _ in 0..count(rounds)? {
        t += round;
        for task in 0..count(tasks)? {
            let granted = rate.acquire(sending, instant(t + f64::from(task) * apart)?).is_ok();
            outcome = outcome.and(at_least("capacity", rate.state().capacity, least));
            if granted {
                acquired += 1;
                t += after_grant;
                rate.on_success(instant(t)?);
            }
        }
    }
    let more_than: Option<u32> = expect.find("total_acquired_gt")?;
    Ok(outcome.and(Outcome::check(more_than.is_none_or(|least| acquired > least), || {
        format!("{acquired} granted, not more than {more_than:?}")
    })))
}

pub(crate) fn traces(_: &Value, case: &Value) -> Outcome {
    replay(case, |case| {
        let start = instant(case.fields("config")?.get("start_epoch_s")?)?;
        let (mut rate, mut now) = (AdaptiveRate::starting(start), start);
        let (mut outcome, mut fastest) = (Outcome::Pass, 1.0_f64);
        for (i, step) in case.get::<Vec<&Value>>("steps")?.into_iter().enumerate() {
            let mut wait = None;
            match (step[0][0].as_str(), &step[0][1]) {
                (Some("advance_to"), Value::Number(secs)) => {
                    now = instant(secs.as_f64().unwrap_or(f64::NAN))?
                }
                (Some("acquire"), kind) => {
                    let sending = match kind.as_str() {
                        Some("initial") => Sending::First,
                        Some("retry") => Sending::Retry,
                        Some("retry_timeout") => Sending::RetryAfterTimeout,
                        _ => return Ok(Outcome::unknown("acquire", kind)),
                    };
                    wait = Some(rate.acquire(sending, now).err().unwrap_or_default());
                }
                (Some("update"), Value::Bool(true)) => rate.on_throttle(now),
                (Some("update"), Value::Bool(false)) => rate.on_success(now),
                _ => return Ok(Outcome::unknown("op", &step[0])),
            }
            fastest = fastest.max(rate.state().fill_rate);
            let seen = same_state(&rate.state(), &step[2], fastest)?.and(same_wait(wait, &step[1]));
            if let Outcome::Fail(why) = seen {
                return fail(format!("step {i}: {why}"));
            }
            outcome = outcome.and(seen);
        }
        Ok(outcome)
    })
}

/// The peer tells the time as a float since 1970, whose last bit is 238 ns. As an instant it is off by up to 0.5 ns, so
/// the tokens are off by what is earned in that time at the fastest rate so far, several times over.
fn same_state(ours: &AdaptiveRateState, theirs: &Value, fastest: f64) -> Replayed {
    let Some([enabled, numbers @ ..]) = theirs.as_array().map(Vec::as_slice) else {
        return Ok(Outcome::unknown("state", theirs));
    };
    let ours_in_order = [
        ("fill_rate", ours.fill_rate),
        ("max_capacity", ours.max_capacity),
        ("capacity", ours.capacity),
        ("measured rate", ours.measured_rate),
        ("last_max_rate", ours.throttled_rate),
    ];
    let off = 1e-8 * fastest;
    let mut outcome = Outcome::same("enabled", Some(ours.is_limited), enabled.as_bool());
    if numbers.len() != ours_in_order.len() + 1 {
        return Ok(Outcome::unknown("state", theirs));
    }
    for ((what, ours), theirs) in ours_in_order.into_iter().zip(numbers) {
        let Some(theirs) = theirs.as_f64() else { return Ok(Outcome::unknown("number", theirs)) };
        outcome = outcome
            .and(Outcome::check((ours - theirs).abs() <= PRECISION * theirs.abs() + off, || {
                format!("{what}: {ours} for {theirs}")
            }));
    }
    let Some(throttled_at) = numbers[5].as_f64() else { return Ok(Outcome::unknown("time", &numbers[5])) };
    Ok(outcome.and(Outcome::same("time of the last throttling", ours.throttled_at, instant(throttled_at)?)))
}

fn same_wait(ours: Option<Duration>, theirs: &Value) -> Outcome {
    match (ours, theirs.as_u64()) {
        (None, None) if theirs.is_null() => Outcome::Pass,
        (Some(ours), Some(theirs)) => {
            let off = Duration::from_nanos(20);
            let theirs = Duration::from_nanos(theirs);
            Outcome::check(ours.abs_diff(theirs) <= off, || format!("wait: {ours:?} for {theirs:?}"))
        }
        _ => Outcome::unknown("result", theirs),
    }
}

/// How far a float may be off, as a part of it.
const PRECISION: f64 = 1e-9;
