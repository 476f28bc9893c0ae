//! Polly's decorrelated jitter, version 2: a curve of a call's own, which draws for itself.

use std::sync::Mutex;
use std::time::Duration;

use retry_core::{Backoff, Policy};
use serde_json::Value;

use crate::json::{Ms, Replayed, Typed, fail, replay};
use crate::machine::{LONGEST, call_after, delay_of, policy};
use crate::outcome::Outcome;
use crate::rules;

/// The unit of the peer's durations.
pub(crate) const TICK: Duration = Duration::from_nanos(100);
const TICKS_PER_SEC: u64 = 10_000_000;
/// The peer's longest delay, in ticks.
const MOST_TICKS: f64 = 9_223_372_036_854_774_807.0;

/// The curve: `2^t * tanh(sqrt(4 t)) / 1.4` for `t = attempt + u`, less what it was before.
pub(crate) struct DecorrelatedV2 {
    base: Duration,
    before: Mutex<f64>,
}

impl DecorrelatedV2 {
    pub(crate) fn new(base: Duration) -> Self {
        Self { base, before: Mutex::new(0.0) }
    }

    /// The next ceiling; `attempt` counts from 0.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // whole ticks from 0, below 2^63
    pub(crate) fn next(&self, attempt: u32, u: f64) -> Duration {
        let t = f64::from(attempt) + u;
        let now = t.exp2() * (4.0 * t).sqrt().tanh();
        let mut before = self.before.lock().expect("nothing panics with it");
        let more = now - std::mem::replace(&mut *before, now);
        let ticks = if now.is_infinite() {
            MOST_TICKS
        } else {
            (more / 1.4 * self.base.div_duration_f64(TICK)).clamp(0.0, MOST_TICKS)
        } as u64;
        Duration::from_secs(ticks / TICKS_PER_SEC) + Duration::from_nanos(ticks % TICKS_PER_SEC * 100)
    }

    /// The delay of a call that fails once more after `attempt` failed attempts.
    pub(crate) fn delay(&self, policy: &Policy, attempt: u32, u: f64) -> Replayed<Duration> {
        let curve = |failed: u32, _| self.next(failed - 1, u);
        delay_of(&mut call_after(policy, attempt)?.backoff(curve), 0)
    }
}

/// Delays one after the other, each with its draw.
pub(crate) fn tables(meta: &Value, case: &Value) -> Outcome {
    replay(case, |case| {
        if meta["tolerance"] != "1e-12 relative or 1 tick" {
            return fail(format!("unknown tolerance: {}", meta["tolerance"]));
        }
        let given = case.fields("given")?;
        let Ms(base) = given.get("base_ms")?;
        let rows: Vec<Row> = match case.find("rows_attempt_u_ticks")? {
            Some(rows) => rows,
            None => {
                let attempts: Vec<u32> = given.get("attempts")?;
                let draws: Vec<f64> = given.get("u")?;
                let ticks: Vec<f64> = case.fields("expect")?.get("ticks")?;
                if attempts.len() != draws.len() || draws.len() != ticks.len() {
                    return fail("attempts, u and ticks of different lengths");
                }
                let rows = attempts.into_iter().zip(draws).zip(ticks);
                rows.map(|((attempt, u), ticks)| Row { attempt, u, ticks }).collect()
            }
        };
        let (curve, policy) = (DecorrelatedV2::new(base), policy(Backoff::fixed(base), None)?);
        let mut outcome = Outcome::Pass;
        for Row { attempt, u, ticks } in rows {
            outcome = outcome.and(same_ticks(curve.delay(&policy, attempt, u)?, ticks));
        }
        Ok(outcome)
    })
}

struct Row {
    /// From 0.
    attempt: u32,
    u: f64,
    ticks: f64,
}

impl Typed<'_> for Row {
    const WHAT: &'static str = "a list of attempt, draw and ticks";

    fn typed(value: &Value) -> Option<Self> {
        let [attempt, u, ticks] = &value.as_array()?[..] else {
            return None;
        };
        Some(Self { attempt: Typed::typed(attempt)?, u: Typed::typed(u)?, ticks: Typed::typed(ticks)? })
    }
}

/// To 1e-12 of the delay or a tick, as the tables say.
fn same_ticks(ours: Duration, theirs: f64) -> Outcome {
    if ours == LONGEST && theirs > LONGEST.div_duration_f64(TICK) {
        return Outcome::Declared(rules::SATURATES);
    }
    let ours = ours.div_duration_f64(TICK);
    Outcome::check((ours - theirs).abs() <= (theirs.abs() * 1e-12).max(1.0), || {
        format!("ticks: {ours} for {theirs}")
    })
}
