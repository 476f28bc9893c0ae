//! Resilience4j's circuit breaker, by recorded traces.

use std::time::Duration;

use retry_core::CircuitConfig;
use serde_json::Value;

use super::kit::{Counts, Kind};
use super::plan::{Ending, Plan, Seen, State};
use super::rig::Rig;
use super::steps::Steps;
use super::trace::{self, Recorded};
use super::{Percent, rules, same};
use crate::json::{Fields, Ms, Replayed, Typed, fail, replay};
use crate::machine::LONGEST;
use crate::outcome::Outcome;
use crate::rules::SATURATES;

/// A strict comparison with an instant, on a clock of whole milliseconds.
pub(super) const AFTER: Duration = Duration::from_nanos(1);

pub(super) fn state(name: &str) -> Replayed<State> {
    Ok(match name {
        "CLOSED" => State::Closed,
        "OPEN" => State::Open,
        "HALF_OPEN" => State::HalfOpen,
        "FORCED_OPEN" => State::ForcedOpen,
        "DISABLED" => State::Disabled,
        "METRICS_ONLY" => State::CountOnly,
        other => return fail(format!("unknown state: {other}")),
    })
}

/// The rates, and how many calls they ask for: of the window, and of the probes.
#[derive(Clone, Copy)]
pub(super) struct Rates {
    failed: Percent,
    slow: Percent,
    window: u32,
    probes: u32,
}

impl Rates {
    /// In percent; below the minimum of calls, -1.
    pub(super) fn of(self, seen: &Seen) -> [f64; 2] {
        let Counts { calls, failed, slow, .. } = seen.counts;
        let asked = if seen.probes { self.probes } else { self.window };
        [failed, slow].map(|count| match calls {
            0 => -1.0,
            calls if calls < asked => -1.0,
            calls => f64::from(count) * 100.0 / f64::from(calls),
        })
    }

    /// Which of them are reached.
    pub(super) fn reached(self, counts: Counts, asked: u32) -> [bool; 2] {
        let enough = counts.calls > 0 && counts.calls >= asked;
        [(self.failed, counts.failed), (self.slow, counts.slow)]
            .map(|(percent, count)| enough && percent.reached(count, counts.calls))
    }

    pub(super) fn reached_by_window(self, counts: Counts) -> [bool; 2] {
        self.reached(counts, self.window)
    }
}

/// A value of the case, else the peer's default.
pub(super) struct Settings<'a> {
    pub(super) config: &'a Fields<'a>,
    pub(super) defaults: &'a Value,
}

impl Settings<'_> {
    fn get<T: for<'v> Typed<'v>>(&self, key: &str, default: &str) -> Replayed<T> {
        match self.config.find(key)? {
            Some(value) => Ok(value),
            None => match self.defaults.get(default).and_then(T::typed) {
                Some(value) => Ok(value),
                None => fail(format!("config.{key} is missing")),
            },
        }
    }

    /// As [`get`](Self::get), where the default is in seconds.
    pub(super) fn ms(&self, key: &str, default: &str) -> Replayed<Duration> {
        match (self.config.find(key)?, self.defaults.get(default).and_then(Value::as_f64)) {
            (Some(Ms(duration)), _) => Ok(duration),
            (None, Some(secs)) => Ok(Duration::from_secs_f64(secs)),
            (None, None) => fail(format!("config.{key} is missing")),
        }
    }
}

/// The open time: the first, how many times longer each is than the one before, and the longest.
fn wait(settings: &Settings<'_>) -> Replayed<(Duration, f64, Duration)> {
    if !settings.config.has("wait_open") {
        let fixed = settings.ms("wait_open_ms", "wait_open_s")?;
        return Ok((fixed, 1.0, fixed));
    }
    let growing = settings.config.fields("wait_open")?;
    let Ms(initial) = growing.get("initial_ms")?;
    let cap = growing.find("cap_ms")?.map_or(LONGEST, |Ms(cap)| cap);
    Ok((initial, growing.get("multiplier")?, cap))
}

/// How long the peer stays open at this opening, from 1 on: in whole milliseconds, or as `round` says; and a bit.
fn open_time(
    (initial, multiplier, cap): (Duration, f64, Duration),
    opening: u32,
    round: fn(f64) -> f64,
) -> Duration {
    let steps = opening.saturating_sub(1).min(10_000);
    let ms = (0..steps).fold(initial.as_secs_f64() * 1e3, |ms, _| round(ms * multiplier));
    Duration::try_from_secs_f64(ms / 1e3).unwrap_or(cap).min(cap).saturating_add(AFTER)
}

pub(super) fn kind(config: &Fields<'_>, size: u32) -> Replayed<Kind> {
    match config.get("window")? {
        "COUNT" => Ok(Kind::slow_calls(size)),
        "TIME" => Kind::slow_time(size, Duration::from_secs(size.into())),
        other => fail(format!("unknown window: {other}")),
    }
}

/// The peer's configuration as ours, and the rule by which it would be refused here.
pub(super) fn plan(settings: &Settings<'_>) -> Replayed<(Plan, Rates, Option<&'static str>)> {
    let config = settings.config;
    let size: u32 = settings.get("size", "sliding_window_size")?;
    let asked: u32 = settings.get("minimum_calls", "minimum_calls")?;
    let probes: u32 = settings.get("permitted_half_open", "permitted_half_open")?;
    let failure_rate: f64 = settings.get("failure_rate_pct", "failure_rate_pct")?;
    let slow_rate: f64 = settings.get("slow_rate_pct", "slow_rate_pct")?;
    let (failed, slow) = (Percent::like(failure_rate), Percent::like(slow_rate));
    // Slow is longer than the threshold there, and as long as the limit here.
    let slow_after =
        settings.ms("slow_threshold_ms", "slow_threshold_s")?.saturating_add(Duration::from_nanos(1));
    // Not the origin of all time, for the first call may have begun before.
    let Ms(start) = config.find("start_epoch_ms")?.unwrap_or(Ms(Duration::from_secs(1 << 30)));
    let (initial, multiplier, cap) = wait(settings)?;
    if initial > LONGEST {
        return Err(Outcome::Declared(SATURATES));
    }
    let kind = kind(config, size)?;
    let of_calls = config.get::<&str>("window")? == "COUNT";
    let window = if of_calls { asked.min(size) } else { asked };
    let rates = Rates { failed, slow, window, probes: asked.min(probes) };

    let built = |minimum_calls| {
        let config = CircuitConfig::WITHOUT_RULES
            .try_failure_rate(failed.whole)?
            .try_slow_rate(slow.whole)?
            .try_slow_after(slow_after)?
            .try_minimum_calls(minimum_calls)?
            .open_for(initial.saturating_add(AFTER))
            .try_open_growth(multiplier, cap.saturating_add(AFTER))?
            .try_probe_rate(rates.probes, failed.whole)?
            .try_probes(probes)?
            .try_max_probes(probes)?
            .try_lease(Duration::MAX)?;
        let config = if of_calls { config.try_window(size)? } else { config };
        let config =
            if of_calls { config } else { config.try_window_time(Duration::from_secs(size.into()))? };
        kind.circuit(config).map(|_| config)
    };
    let (config, refused) = match (built(asked), built(rates.window)) {
        (Ok(config), _) => (config, None),
        (Err(_), Ok(config)) => (config, Some(rules::REFUSED)),
        (Err(_), Err(_)) if of_calls && size > 1024 => return Err(Outcome::Declared(rules::REFUSED)),
        (Err(_), Err(error)) => return fail(error.to_string()),
    };
    let plan = Plan {
        config,
        kind,
        start,
        slow_after: Some(slow_after),
        probes,
        probes_renewed: false,
        decision: Box::new(move |counts| {
            let opens = rates.reached(counts, rates.probes).contains(&true);
            (counts.calls >= rates.probes).then_some(if opens { State::Open } else { State::Closed })
        }),
        wait: Box::new(move |opening| open_time((initial, multiplier, cap), opening, f64::trunc)),
        exact_wait: Box::new(move |opening| open_time((initial, multiplier, cap), opening, |ms| ms)),
        reads_expire: true,
        inexact: Box::new(move |counts| {
            failed.decides_otherwise(counts.failed, counts.calls)
                || slow.decides_otherwise(counts.slow, counts.calls)
        }),
    };
    Ok((plan, rates, refused))
}

/// Does an operation on calls or on the clock, if it is one.
pub(super) fn operate(
    rig: &mut Rig<'_>,
    op: &str,
    ms: Option<Duration>,
    admitted: Option<bool>,
) -> Replayed<bool> {
    match (op, ms) {
        ("acquire", None) => return rig.acquire(admitted).map(|_| true),
        ("success", Some(_)) => rig.end(Ending::Success, ms)?,
        ("error", Some(_)) => rig.end(Ending::Failure, ms)?,
        ("ignored", Some(_)) | ("release", None) => rig.end(Ending::Cancelled, None)?,
        ("advance", Some(ms)) => rig.clock.advance(ms),
        _ => return Ok(false),
    }
    Ok(true)
}

/// An operator moves it to a state.
pub(super) fn transition(rig: &mut Rig<'_>, to: State, result: Option<&str>) -> Replayed<()> {
    match result {
        Some("ok") | None => rig.put(to, None),
        Some("illegal") => rig.refused_by_hand(to)?,
        Some(other) => return fail(format!("unknown result: {other}")),
    }
    Ok(())
}

/// Theirs has 24 bits.
pub(super) fn same_rate(what: &str, ours: f64, theirs: f64) -> Replayed<()> {
    if (ours - theirs).abs() <= 1e-4 { Ok(()) } else { fail(format!("{what}: {ours} for {theirs}")) }
}

pub(super) fn traces(_: &Value, case: &Value, steps: &mut Steps) -> Outcome {
    replay(case, |case| {
        let config = case.fields("config")?;
        let (plan, rates, refused) = plan(&Settings { config: &config, defaults: &Value::Null })?;
        let mut rig = Rig::new(plan, steps)?;
        rig.declared = refused;
        trace::replay(case, &mut rig, state, |rig, step| trace_step(rig, step, rates))
    })
}

fn trace_step(rig: &mut Rig<'_>, step: &Recorded<'_>, rates: Rates) -> Replayed<()> {
    if !operate(rig, step.op, step.ms, step.admitted()?)? {
        let to = match (step.op, step.ms) {
            ("reset" | "transitionToClosed", None) => State::Closed,
            ("transitionToOpen", None) => State::Open,
            ("transitionToHalfOpen", None) => State::HalfOpen,
            ("transitionToForcedOpen", None) => State::ForcedOpen,
            ("transitionToDisabled", None) => State::Disabled,
            ("transitionToMetricsOnly", None) => State::CountOnly,
            other => return fail(format!("unknown operation: {other:?}")),
        };
        transition(rig, to, Some(step.result.as_str().unwrap_or_default()))?;
    }
    let Some(seen) = rig.observe(Some(step.state))? else {
        return Ok(());
    };
    let [failure_rate, slow_rate, counts @ ..] = step.observed else {
        return fail("no rates were observed");
    };
    for (ours, theirs) in rates.of(&seen).into_iter().zip([failure_rate, slow_rate]) {
        same_rate("rate", ours, theirs.as_f64().unwrap_or(f64::NAN))?;
    }
    let Counts { calls, failed, slow, slow_failed } = seen.counts;
    let ours = [calls, failed, slow, slow_failed, seen.refused].map(Value::from);
    same("calls, failed, slow, both, not permitted", &ours[..], counts)?;
    same("changes", &Vec::from_iter(seen.change), &step.changes)
}
