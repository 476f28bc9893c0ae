//! failsafe-go: its delays, its retry policy, its windows. Its budget and its throttle are replayed in
//! `budgets/`.

use std::time::Duration;

use retry_core::{
    Backoff, GiveUp, Instant, Jitter, Policy,
    circuit::{CountWindow, Outcome as Seen, Span, TimeWindow, Window},
};
use serde_json::Value;

use crate::json::{Fields, Ms, Replayed, Secs, fail, replay};
use crate::machine::{Ending, LONGEST, between, built, call_after, delays, play, policy};
use crate::outcome::Outcome;
use crate::{budgets, draw, rules};

/// The peer's delays are numbers without a unit, cut to whole ones. This one is so short that 32 bits of a ratio
/// are exact for them, and so long that the nanosecond by which our ranges are wider is next to nothing.
const UNIT: Duration = Duration::from_micros(20);

pub(crate) fn cases(meta: &Value, case: &Value) -> Outcome {
    if let Some(outcome) = budgets::failsafe_go(meta, case) {
        return outcome;
    }
    replay(case, |case| {
        if case.has("attempt_outcomes") {
            return retries(case);
        }
        let given = case.fields("given")?;
        match given.get("fn")? {
            "range" | "factor" | "plus_minus" => delay(case, &given),
            "count_window" => count_window(case, &given),
            "time_window" => time_window(case, &given),
            "backoff" => curve(case, &given),
            "max_window" => max_window(case, &given),
            other => fail(format!("unknown fn: {other}")),
        }
    })
}

fn delay(case: &Fields<'_>, given: &Fields<'_>) -> Replayed {
    let units = |key| given.get::<u32>(key).map(|units| units * UNIT);
    let proportional = |delay: Duration, deviation: f64| -> Replayed<Policy> {
        Ok(policy(Backoff::fixed(delay), None)?.jitter(built(Jitter::try_proportional(deviation))?))
    };
    let u: f64 = given.get("u")?;
    let (policy, u) = match given.get("fn")? {
        "range" => (between(units("min")?, units("max")?)?, u),
        // A draw of 0 is the longest delay there, the shortest here.
        "factor" => (proportional(units("delay")?, given.get("factor")?)?, 1.0 - u),
        "plus_minus" => {
            let (delay, jitter) = (units("delay")?, units("jitter")?);
            (proportional(delay, jitter.div_duration_f64(delay.max(UNIT)))?, 1.0 - u)
        }
        other => return fail(format!("unknown fn: {other}")),
    };
    let ours = policy.delay(1, Duration::ZERO, draw::word(u)?);
    let theirs: u32 = case.fields("expect")?.get("delay")?;
    let whole = ours.as_nanos() / UNIT.as_nanos();
    Ok(Outcome::same("delay", whole, u128::from(theirs)))
}

/// The delays of one call after the other failed attempt.
fn curve(case: &Fields<'_>, given: &Fields<'_>) -> Replayed {
    let (Ms(initial), cap): (Ms, Option<Ms>) = (given.get("initial_ms")?, given.find("max_ms")?);
    let curve = Backoff::exponential(initial);
    let curve = match given.find::<f64>("factor")? {
        Some(factor) => built(curve.try_multiplier(factor))?,
        None => curve,
    };
    let policy = policy(curve, cap.map(|Ms(cap)| cap))?;
    let theirs: Vec<Ms> = case.fields("expect")?.get("delays_ms")?;
    let theirs: Vec<Duration> = theirs.into_iter().map(|Ms(delay)| delay).collect();
    let retries: u32 = given.get("retries")?;
    let (ours, end) = delays(call_after(&policy, 0)?, retries as usize, 0)?;
    Ok(Outcome::same("delays", (ours, end), (theirs, None)))
}

/// The greatest value of a stretch of time, which the peer's adaptive limiter of concurrency is made of. There is no
/// such window here, so only the form of the case is checked.
fn max_window(case: &Fields<'_>, given: &Fields<'_>) -> Replayed {
    let Secs(_) = given.get("window_s")?;
    for step in case.list("steps")? {
        match step.get("op")? {
            "add" => {
                let (Secs(_), _, _): (_, f64, f64) =
                    (step.get("at_s")?, step.get("value")?, step.fields("expect")?.get("max")?);
            }
            other => return fail(format!("unknown op: {other}")),
        }
    }
    Ok(Outcome::Declared(rules::WINDOW_HOLDS_OUTCOMES))
}

/// A call by script: `"err"` or `["err", milliseconds]`.
fn retries(case: &Fields<'_>) -> Replayed {
    let config = case.fields("config")?;
    let attempts: f64 = config.get("max_attempts")?;
    let limit: Option<Ms> = config.find("max_duration_ms")?;
    let returns_last = config.find("return_last_failure")?.unwrap_or(false);
    let mut script = Vec::new();
    for attempt in case.get::<&[Value]>("attempt_outcomes")? {
        let (ending, takes) = match attempt.as_array().map(Vec::as_slice) {
            Some([ending, ms]) => (ending, ms.as_u64().map(Duration::from_millis)),
            Some(_) => (attempt, None),
            None => (attempt, Some(Duration::ZERO)),
        };
        match (ending.as_str(), takes) {
            (Some("ok"), Some(takes)) => script.push((Ending::Value, takes)),
            (Some("err"), Some(takes)) => script.push((Ending::Error, takes)),
            (Some("bad_result"), Some(takes)) => script.push((Ending::BadValue, takes)),
            _ => return fail(format!("unknown outcome: {attempt}")),
        }
    }
    let expect = case.fields("expect")?;
    let (theirs, end): (usize, &str) = (expect.get::<u32>("attempts")? as usize, expect.get("final")?);

    let most = match attempts {
        -1.0 => u32::MAX,
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // whole and in range
        most if most.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(&most) => most as u32,
        other => return fail(format!("config.max_attempts = {other}")),
    };
    let policy = built(Policy::fixed(Duration::ZERO).try_max_attempts(most))?;
    let policy = policy.start_within(limit.map_or(LONGEST, |limit| limit.0));
    let played = play(&policy, &script)?;
    let ours = match played.result {
        Ok(()) => "ok",
        // The last failure is in the error here: a caller takes out either.
        Err(end) if matches!(end.reason, GiveUp::Attempts | GiveUp::StartWithin) => {
            match (returns_last, end.bad_value) {
                (false, _) => "exceeded",
                (true, false) => "err",
                (true, true) => "bad_result",
            }
        }
        Err(_) => "another end",
    };
    Ok(Outcome::same("attempts", played.attempts, theirs).and(Outcome::same("final", ours, end)))
}

fn count_window(case: &Fields<'_>, given: &Fields<'_>) -> Replayed {
    type Largest = CountWindow<1024>;
    let size: u32 = given.get("size")?;
    match size {
        0 => return fail("a window of no calls"),
        1..=Largest::CAPACITY => {}
        _ => return Err(Outcome::Declared(rules::WINDOW_TOO_LONG)),
    }
    let mut window = Largest::EMPTY;
    let mut outcome = Outcome::Pass;
    for step in case.list("steps")? {
        match step.get("op")? {
            "pattern" => {
                let success = Pattern::parse(step.get("success_if")?)?;
                for i in 0..step.get("n")? {
                    let outcome = if success.holds(i) { Seen::SUCCESS } else { Seen::FAILURE };
                    window.record(outcome, Span::calls(size), Instant::ORIGIN);
                }
            }
            other => return fail(format!("unknown op: {other}")),
        }
        let (executions, failures) = (window.calls(), window.failures());
        outcome = outcome.and(statistics(&step.fields("expect")?, executions, failures)?);
    }
    Ok(outcome)
}

fn statistics(expect: &Fields<'_>, executions: u32, failures: u32) -> Replayed {
    let successes = executions - failures;
    let counts = [("executions", executions), ("failures", failures), ("successes", successes)];
    let rates = [("failure_rate", failures), ("success_rate", successes)];
    let mut outcome = Outcome::Pass;
    for (what, ours) in counts {
        if let Some(theirs) = expect.find::<u32>(what)? {
            outcome = outcome.and(Outcome::same(what, ours, theirs));
        }
    }
    for (what, count) in rates {
        // Theirs has two decimals.
        let ours = (f64::from(count) / f64::from(executions.max(1)) * 100.0).round() / 100.0;
        if let Some(theirs) = expect.find::<f64>(what)? {
            outcome = outcome.and(Outcome::near(what, ours, theirs, 1e-9));
        }
    }
    Ok(outcome)
}

fn time_window(case: &Fields<'_>, given: &Fields<'_>) -> Replayed {
    given.comments(&["clock"]);
    let Ms(period) = given.get("period_ms")?;
    /// The number of buckets is part of the type.
    macro_rules! with_buckets {
        ($($buckets:literal)*) => {
            match given.get::<u32>("buckets")? {
                $($buckets => buckets::<$buckets>(case, period),)*
                other => fail(format!("a window of {other} buckets")),
            }
        };
    }
    with_buckets!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 20 24 25 30 32 50 60 64 100)
}

fn buckets<const BUCKETS: usize>(case: &Fields<'_>, period: Duration) -> Replayed {
    let span = Span::time(period);
    let mut window = TimeWindow::<BUCKETS>::EMPTY;
    let mut outcome = Outcome::Pass;
    for step in case.list("steps")? {
        let Ms(at) = step.get("at_ms")?;
        let at = Instant::ORIGIN.after(at);
        match step.get("op")? {
            "pattern" => {
                let success = Pattern::parse(step.get("success_if")?)?;
                for i in 0..step.get("n")? {
                    window.record(if success.holds(i) { Seen::SUCCESS } else { Seen::FAILURE }, span, at);
                }
            }
            "expire" => {
                step.comments(&["n", "success_if"]);
                window.expire(span, at);
            }
            other => return fail(format!("unknown op: {other}")),
        }
        let expect = step.fields("expect")?;
        if let Some(theirs) = expect.find::<u64>("head")? {
            let bucket = period / u32::try_from(BUCKETS).unwrap_or(u32::MAX);
            let ours = u128::from(at.as_nanos()) / bucket.as_nanos().max(1);
            outcome = outcome.and(Outcome::same("head", ours, u128::from(theirs)));
        }
        outcome = outcome.and(statistics(&expect, window.calls(), window.failures())?);
    }
    Ok(outcome)
}

/// Which of `n` calls succeed, counted from 0.
enum Pattern {
    All(bool),
    Every { modulus: u32, remainder: u32 },
}

impl Pattern {
    fn parse(text: &str) -> Replayed<Self> {
        let every = || {
            let (modulus, remainder) = text.strip_prefix("i%")?.split_once("==")?;
            Some(Self::Every {
                modulus: modulus.parse().ok().filter(|modulus| *modulus > 0)?,
                remainder: remainder.parse().ok()?,
            })
        };
        match text {
            "true" => Ok(Self::All(true)),
            "false" => Ok(Self::All(false)),
            _ => every().map_or_else(|| fail(format!("unknown success_if: {text}")), Ok),
        }
    }

    fn holds(&self, i: u32) -> bool {
        match *self {
            Self::All(holds) => holds,
            Self::Every { modulus, remainder } => i % modulus == remainder,
        }
    }
}
