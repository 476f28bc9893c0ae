//! failsafe-go's circuit breaker, by recorded traces.

use std::time::Duration;

use retry_core::{CircuitConfig, ConfigError};
use serde_json::Value;

use super::kit::Kind;
use super::plan::{Ending, Plan, State};
use super::rig::Rig;
use super::steps::Steps;
use super::trace::{self, Recorded};
use super::{Percent, rules, same};
use crate::json::{Fields, Ms, Replayed, Typed, fail, replay};
use crate::machine::LONGEST;
use crate::outcome::Outcome;
use crate::rules::SATURATES;

pub(super) fn state(name: &str) -> Replayed<State> {
    Ok(match name {
        "closed" => State::Closed,
        "open" => State::Open,
        "half-open" => State::HalfOpen,
        other => return fail(format!("unknown state: {other}")),
    })
}

/// So many failures among the last so many calls, or in the last time.
#[derive(Clone, Copy)]
pub(super) struct Failures {
    threshold: u32,
    /// `u32::MAX` for a window of time.
    of: u32,
}

/// What opens it.
#[derive(Clone, Copy)]
enum Opens {
    Failures(Failures),
    /// This rate, of at least so many calls.
    Rate(Percent, u32),
}

impl Opens {
    /// The configuration with the rule that opens it.
    fn rule(self, config: CircuitConfig) -> Result<CircuitConfig, ConfigError> {
        match self {
            Self::Rate(rate, asked) => config.try_failure_rate(rate.whole)?.try_minimum_calls(asked),
            Self::Failures(failures) => config.try_failures_in_window(failures.threshold),
        }
    }
}

/// How many probes decide: so many at once, so many successes close it, so many failures open it.
#[derive(Clone, Copy)]
struct Probes {
    at_once: u32,
    successes: u32,
    failures: u32,
    /// The peer decides by this rate, once all have ended.
    rate: Option<Percent>,
}

impl Probes {
    fn of(failures: u32, all: u32) -> Self {
        let successes = all.saturating_sub(failures) + 1;
        Self { at_once: all, successes, failures, rate: None }
    }

    fn decision(self, failures: u32, ended: u32) -> Option<State> {
        let opens = match self.rate {
            Some(_) if ended < self.at_once => return None,
            Some(rate) => rate.reached(failures, ended),
            None if ended - failures >= self.successes => false,
            None if failures >= self.failures => true,
            None => return None,
        };
        Some(if opens { State::Open } else { State::Closed })
    }
}

/// A configuration of the peer as ours.
pub(super) fn plan(config: &Fields<'_>) -> Replayed<Plan> {
    let number = |key| Ok::<u32, Outcome>(config.find(key)?.unwrap_or(0));
    let (successes, of_successes) = (number("success_threshold")?, number("success_capacity")?);
    let (Ms(delay), start) = (config.get("delay_ms")?, config.find("start_epoch_ms")?);
    if delay > LONGEST {
        return Err(Outcome::Declared(SATURATES));
    }
    let Ms(start) = start.unwrap_or(Ms(Duration::ZERO));
    let time = || Ok::<Duration, Outcome>(config.get::<Ms>("period_ms")?.0);
    // What only others need is zero, where it is there.
    let not_of_it = |keys: &[&str]| {
        keys.iter().try_for_each(|key| match config.find::<f64>(key)? {
            None | Some(0.0) => Ok(()),
            Some(other) => fail(format!("config.{key} = {other}: not of this kind")),
        })
    };
    let (kind, opens, probes) = match config.get("kind")? {
        "consecutive" | "ratio" => {
            not_of_it(&["failure_rate", "execution_threshold", "period_ms"])?;
            let (threshold, of) = (config.get("failure_threshold")?, config.get("failure_capacity")?);
            (Kind::calls(of), Opens::Failures(Failures { threshold, of }), Probes::of(threshold, of))
        }
        "period" => {
            not_of_it(&["failure_capacity", "failure_rate", "execution_threshold"])?;
            let threshold = config.get("failure_threshold")?;
            let failures = Failures { threshold, of: u32::MAX };
            (Kind::time_in_10(time()?), Opens::Failures(failures), Probes::of(threshold, threshold))
        }
        "rate" => {
            not_of_it(&["failure_threshold", "failure_capacity"])?;
            let rate = Percent::like(config.get::<f64>("failure_rate")? * 100.0);
            let asked = config.get("execution_threshold")?;
            let fatal = (0..=asked).find(|failures| rate.reached(*failures, asked)).unwrap_or(asked);
            let probes = Probes { rate: Some(rate), ..Probes::of(fatal, asked) };
            (Kind::time_in_10(time()?), Opens::Rate(rate, asked), probes)
        }
        other => return fail(format!("unknown kind: {other}")),
    };
    let probes = match successes {
        0 => probes,
        _ => Probes::of((of_successes + 1).saturating_sub(successes), of_successes),
    };
    let built = || {
        let config = opens
            .rule(CircuitConfig::WITHOUT_RULES)?
            .open_for(delay)
            .try_probes(probes.at_once)?
            .try_success_threshold(probes.successes)?
            .probe_failures(probes.failures.saturating_sub(1))
            .try_lease(Duration::MAX)?;
        let config = match opens {
            Opens::Failures(Failures { of, .. }) if of < u32::MAX => config.try_window(of)?,
            Opens::Failures(_) | Opens::Rate(..) => config.try_window_time(kind.time())?,
        };
        kind.circuit(config).map(|_| config)
    };
    let config = match (built(), opens) {
        (Ok(config), _) => config,
        (Err(_), Opens::Failures(Failures { of, .. })) if (1025..u32::MAX).contains(&of) => {
            return Err(Outcome::Declared(rules::REFUSED));
        }
        (Err(error), _) => return fail(error.to_string()),
    };
    Ok(Plan {
        config,
        kind,
        start,
        slow_after: None,
        probes: probes.at_once,
        probes_renewed: true,
        decision: Box::new(move |counts| probes.decision(counts.failed, counts.calls)),
        wait: Box::new(move |_| delay),
        exact_wait: Box::new(move |_| delay),
        reads_expire: false,
        inexact: Box::new(move |counts| match opens {
            Opens::Rate(rate, _) => rate.decides_otherwise(counts.failed, counts.calls),
            Opens::Failures(_) => false,
        }),
    })
}

/// Does an operation that scripts and traces have in common, if it is one.
pub(super) fn operate(
    rig: &mut Rig<'_>,
    op: &str,
    ms: Option<Duration>,
    admitted: Option<bool>,
) -> Replayed<bool> {
    let to = match (op, ms) {
        ("open", None) => State::Open,
        ("half_open", None) => State::HalfOpen,
        ("close", None) => State::Closed,
        ("acquire", None) => return rig.acquire(admitted).map(|_| true),
        ("success", None) => return rig.end(Ending::Success, None).map(|()| true),
        ("error", None) => return rig.end(Ending::Failure, None).map(|()| true),
        ("advance", Some(ms)) => {
            rig.clock.advance(ms);
            return Ok(true);
        }
        _ => return Ok(false),
    };
    // To where it stands: nothing happens there.
    if rig.state != to {
        rig.put(to, None);
    }
    Ok(true)
}

/// Theirs is rounded to hundredths.
pub(super) fn same_rate(what: &str, (count, calls): (u32, u32), theirs: f64) -> Replayed<()> {
    let ours = f64::from(count) / f64::from(calls.max(1));
    if (ours - theirs).abs() <= 0.005 + 1e-9 { Ok(()) } else { fail(format!("{what}: {ours} for {theirs}")) }
}

pub(super) fn traces(_: &Value, case: &Value, steps: &mut Steps) -> Outcome {
    replay(case, |case| {
        let mut rig = Rig::new(plan(&case.fields("config")?)?, steps)?;
        trace::replay(case, &mut rig, state, trace_step)
    })
}

fn trace_step(rig: &mut Rig<'_>, step: &Recorded<'_>) -> Replayed<()> {
    if !operate(rig, step.op, step.ms, step.admitted()?)? {
        return fail(format!("unknown operation: {:?}", (step.op, step.ms)));
    }
    let Some(seen) = rig.observe(Some(step.state))? else {
        return Ok(());
    };
    let [counts @ .., failure_rate, remaining] = step.observed else {
        return fail("no rate and no remaining time were observed");
    };
    let (calls, failed) = (seen.counts.calls, seen.counts.failed);
    same("executions, failures, successes", &[calls, failed, calls - failed].map(Value::from)[..], counts)?;
    same_rate("failure rate", (failed, calls), failure_rate.as_f64().unwrap_or(f64::NAN))?;
    same("remaining", &Some(Ms(seen.remaining)), &Ms::typed(remaining))?;
    same("changes", &Vec::from_iter(seen.change), &step.changes)
}
