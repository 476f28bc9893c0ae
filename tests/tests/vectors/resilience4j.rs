//! Resilience4j: its interval functions, its retry.

use std::time::Duration;

use retry_core::{Backoff, Jitter, Policy};
use serde_json::Value;

use crate::json::{Fields, Ms, Replayed, Typed, fail, replay};
use crate::machine::{Ending, LONGEST, built, lenient_policy, play, policy, same_delay};
use crate::outcome::Outcome;
use crate::{draw, rules};

pub(crate) fn intervals(meta: &Value, case: &Value) -> Outcome {
    replay(case, |case| {
        let default = |key: &str| match meta["defaults"][key].as_f64() {
            Some(value) => Ok(value),
            None => fail(format!("meta.defaults.{key} is missing")),
        };
        let (given, expect) = (case.fields("given")?, case.fields("expect")?);
        let interval = |key| match given.find::<f64>(key)? {
            Some(ms) => Ok(ms),
            None => default("initial_ms"),
        };
        let function = match given.get("kind")? {
            "fixed" => Function { initial: interval("interval_ms")?, ..Function::default() },
            "exponential" => Function {
                initial: interval("initial_ms")?,
                multiplier: match given.find("multiplier")? {
                    Some(multiplier) => multiplier,
                    None => default("multiplier")?,
                },
                cap: given.find("max_ms")?.map(|Ms(cap)| cap),
                ..Function::default()
            },
            kind @ ("randomized" | "exponential_random") => Function {
                initial: interval(if kind == "randomized" { "interval_ms" } else { "initial_ms" })?,
                multiplier: match (kind, given.find("multiplier")?) {
                    (_, Some(multiplier)) => multiplier,
                    ("randomized", None) => 1.0,
                    _ => default("multiplier")?,
                },
                cap: given.find("max_ms")?.map(|Ms(cap)| cap),
                factor: match given.find("factor")? {
                    Some(factor) => Some(factor),
                    None => Some(default("randomization")?),
                },
            },
            other => return fail(format!("unknown kind: {other}")),
        };
        if let Some(rows) = expect.find::<&[Value]>("rows_attempt_min_max_ms")? {
            let row = |row: &Value| match row.as_array().map(Vec::as_slice) {
                Some([attempt, least, most]) => {
                    Some((u32::typed(attempt)?, Ms::typed(least)?.0, Ms::typed(most)?.0))
                }
                _ => None,
            };
            let rows = rows.iter().map(row).collect::<Option<Vec<_>>>();
            return rows.map_or_else(
                || fail("a row that is not an attempt and a range"),
                |rows| function.within(rows),
            );
        }
        if let Some(Ms(least)) = expect.find("min_ms")? {
            let Ms(most) = expect.get("max_ms")?;
            let attempts = match given.find::<Vec<u32>>("attempts")?.as_deref() {
                Some(&[first, last]) => first..=last,
                None => given.get("attempt")?..=given.get("attempt")?,
                Some(other) => return fail(format!("not a range of attempts: {other:?}")),
            };
            return function.within(attempts.map(|attempt| (attempt, least, most)));
        }
        let attempt: Option<u32> = given.find("attempt")?;
        match (expect.find("error")?, expect.find("delay_ms")?) {
            (Some(true), None) => Ok(function.refused(attempt)),
            (Some(false), None) => function.policy().map_or_else(Err, |_| Ok(Outcome::Pass)),
            (None, Some(Ms(delay))) => function.delay(given.get("attempt")?, delay),
            _ => fail("expects neither an error nor a delay, or both"),
        }
    })
}

/// An interval function, in milliseconds.
struct Function {
    initial: f64,
    multiplier: f64,
    factor: Option<f64>,
    cap: Option<Duration>,
}

impl Default for Function {
    fn default() -> Self {
        Self { initial: 0.0, multiplier: 1.0, factor: None, cap: None }
    }
}

impl Function {
    fn curve(&self) -> Replayed<Backoff> {
        let Ok(initial) = Duration::try_from_secs_f64(self.initial / 1e3) else {
            return fail("a negative interval is no duration");
        };
        built(Backoff::exponential(initial).try_multiplier(self.multiplier))
    }

    fn policy(&self) -> Replayed<Policy> {
        let jitter = match self.factor {
            Some(factor) => built(Jitter::try_proportional(factor))?,
            None => Jitter::None,
        };
        Ok(policy(self.curve()?, self.cap)?.jitter(jitter))
    }

    /// The peer refuses it, or the question about this attempt.
    fn refused(&self, attempt: Option<u32>) -> Outcome {
        match (self.policy(), attempt) {
            (Err(_), _) => Outcome::Pass,
            (Ok(_), _) if self.initial == 0.0 => Outcome::Declared(rules::ZERO_BASE),
            (Ok(_), _) if self.factor == Some(1.0) => Outcome::Declared(rules::WHOLE_DEVIATION),
            (Ok(policy), Some(0)) => {
                let delay = |failed| policy.delay(failed, Duration::ZERO, 0);
                Outcome::same("delay after no attempt", delay(0), delay(1))
                    .and(Outcome::Declared(rules::ATTEMPT_ZERO))
            }
            (Ok(_), _) => Outcome::Fail("allowed here, an error there".into()),
        }
    }

    fn delay(&self, attempt: u32, theirs: Duration) -> Replayed {
        if self.factor.is_some() {
            return fail("a random delay without its draw");
        }
        let (policy, outcome) = lenient_policy(self.curve()?, self.cap)?;
        let ours = policy.delay(attempt, Duration::ZERO, 0);
        Ok(outcome.and(if ours != theirs && self.in_whole_milliseconds(attempt) == theirs {
            Outcome::Declared(rules::TO_THE_NANOSECOND)
        } else {
            same_delay("delay", ours, theirs)
        }))
    }

    /// Whether all delays after these attempts lie within their ranges, whatever is drawn.
    fn within(&self, rows: impl IntoIterator<Item = (u32, Duration, Duration)>) -> Replayed {
        let (policy, curve) = (self.policy()?, self.curve()?);
        let uncapped = Self { cap: None, ..*self }.policy()?;
        let mut outcome = Outcome::Pass;
        for (attempt, least, most) in rows {
            let inside = |delay: Duration| (least..=most).contains(&delay);
            let cut = self.in_whole_milliseconds(attempt).div_duration_f64(curve.ceiling(attempt));
            for word in draw::spread(100) {
                let ours = policy.delay(attempt, Duration::ZERO, word);
                // Theirs caps what jitter makes of the ceiling, but not the ceiling.
                let capped_once =
                    uncapped.delay(attempt, Duration::ZERO, word).min(self.cap.unwrap_or(LONGEST));
                outcome = outcome.and(if !inside(ours) && inside(ours.mul_f64(cut)) {
                    Outcome::Declared(rules::TO_THE_NANOSECOND)
                } else if ours < capped_once && inside(capped_once) {
                    Outcome::Declared(rules::CEILING_CAPPED)
                } else {
                    Outcome::check(inside(ours), || {
                        format!("delay after attempt {attempt}: {ours:?}, not from {least:?} to {most:?}")
                    })
                });
            }
        }
        Ok(outcome)
    }

    /// The delay as the peer reckons it: each step is cut to whole milliseconds.
    fn in_whole_milliseconds(&self, attempt: u32) -> Duration {
        let steps = attempt.saturating_sub(1);
        let ms = (0..steps.min(2_000)).fold(self.initial, |ms, _| (ms * self.multiplier).trunc());
        let delay = Duration::try_from_secs_f64(ms / 1e3).unwrap_or(Duration::MAX);
        delay.min(self.cap.unwrap_or(LONGEST))
    }
}

pub(crate) fn retries(_: &Value, case: &Value) -> Outcome {
    replay(case, |case| {
        let config = case.fields("config")?;
        let attempts: u32 = config.get("max_attempts")?;
        let curve = curve(&config.fields("backoff")?)?;
        let mut script = Vec::new();
        for outcome in case.get::<Vec<&str>>("attempt_outcomes")? {
            let ending = match outcome {
                "ok" => Ending::Value,
                "bad_result" => Ending::BadValue,
                "err" => Ending::Error,
                "nonretryable" => Ending::FinalError,
                other => return fail(format!("unknown outcome: {other}")),
            };
            script.push((ending, Duration::ZERO));
        }
        let expect = case.fields("expect")?;
        let theirs: u32 = expect.get("attempts")?;
        let Ms(slept) = expect.get("total_sleep_ms")?;
        let end: &str = expect.get("final")?;

        let policy = built(policy(curve, None)?.try_max_attempts(attempts))?;
        let played = play(&policy, &script)?;
        let result = match (end, played.result) {
            ("ok", Err(end)) if end.bad_value => Outcome::Declared(rules::REJECTED_VALUE),
            ("ok" | "err", result) => Outcome::same("fails", result.is_err(), end == "err"),
            (other, _) => return fail(format!("unknown final: {other}")),
        };
        Ok(Outcome::same("attempts", played.attempts, theirs as usize)
            .and(same_delay("slept in sum", played.slept, slept))
            .and(result))
    })
}

fn curve(backoff: &Fields<'_>) -> Replayed<Backoff> {
    let Ms(base) = backoff.get("ms")?;
    match backoff.get("kind")? {
        "fixed" => Ok(Backoff::fixed(base)),
        "linear" => Ok(Backoff::linear(base, base)),
        "exponential" => {
            // As `IntervalFunction.DEFAULT_MULTIPLIER`.
            built(Backoff::exponential(base).try_multiplier(backoff.find("multiplier")?.unwrap_or(1.5)))
        }
        "square" => Ok(Backoff::custom(base, squared)),
        other => fail(format!("unknown kind: {other}")),
    }
}

/// The base, then the square of the delay before, in milliseconds.
fn squared(failed: u32, base: Duration) -> Duration {
    let base = u64::try_from(base.as_millis()).unwrap_or(u64::MAX);
    let squarings = failed.saturating_sub(1).min(64);
    Duration::from_millis((0..squarings).fold(base, |ms, _| ms.saturating_mul(ms)))
}
