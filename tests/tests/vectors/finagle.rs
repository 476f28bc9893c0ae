//! Finagle: its backoffs, and its failure accrual as a circuit. Its budgets are replayed in `budgets/`.

use std::time::Duration;

use retry_core::{
    Backoff, CircuitConfig, GiveUp, Policy,
    circuit::{Breaker, CountWindow, Window},
    testing::FakeClock,
};
use serde_json::Value;

use crate::json::{Fields, Ms, Replayed, fail, replay};
use crate::machine::{built, call_after, chain, delays, policy};
use crate::outcome::Outcome;
use crate::{budgets, rules};

pub(crate) fn cases(meta: &Value, case: &Value) -> Outcome {
    if let Some(outcome) = budgets::finagle(meta, case) {
        return outcome;
    }
    replay(case, |case| {
        let config = case.fields("config")?;
        match config.find("kind")? {
            Some("consecutive" | "ema_success_rate") => accrual(case, &config),
            _ => backoff(case, &config),
        }
    })
}

/// How long a backoff goes on.
enum Extent {
    Endless,
    /// This many delays.
    Take(u32),
    /// As long as the delays so far are below this in sum.
    TakeUntil(Duration),
}

fn backoff(case: &Fields<'_>, config: &Fields<'_>) -> Replayed {
    let theirs: Vec<Ms> = case.fields("expect")?.get("delays_ms")?;
    let theirs: Vec<Duration> = theirs.into_iter().map(|Ms(delay)| delay).collect();
    let concat: Option<Vec<&str>> = config.find("concat")?;
    let (curves, cap) = match concat {
        Some(parts) => (parts.into_iter().map(part).collect::<Replayed<_>>()?, None),
        None => {
            let (curve, cap) = strategy(config)?;
            (vec![(curve, u32::MAX)], cap)
        }
    };
    let (take, until): (Option<u32>, Option<Ms>) = (config.find("take")?, config.find("take_until_ms")?);
    let extent = match (take, until) {
        (Some(take), None) => Extent::Take(take),
        (None, Some(Ms(until))) => Extent::TakeUntil(until),
        (None, None) => match curves.iter().map(|part| part.1).try_fold(0, u32::checked_add) {
            Some(sum) if sum < u32::MAX => Extent::Take(sum),
            _ => Extent::Endless,
        },
        (Some(_), Some(_)) => return fail("both take and take_until_ms"),
    };

    let policy = policy(curves.first().map_or(Backoff::fixed(Duration::ZERO), |part| part.0), cap)?;
    let curve = chain(&curves);
    let run = |policy: &Policy, failures| delays(call_after(policy, 0)?.backoff(&curve), failures, 0);
    match extent {
        Extent::Endless => {
            let (ours, end) = run(&policy, theirs.len())?;
            Ok(Outcome::same("delays", (ours, end), (theirs, None)))
        }
        Extent::Take(take) => {
            let policy = built(policy.try_max_attempts(take.saturating_add(1)))?;
            let (ours, end) = run(&policy, theirs.len() + 1)?;
            Ok(Outcome::same("delays", (ours, end), (theirs, Some(GiveUp::Attempts))))
        }
        Extent::TakeUntil(limit) => {
            let (ours, end) = run(&policy.start_within(limit), theirs.len() + 1)?;
            let mut outcome = Outcome::Pass;
            let mut agreed = &theirs[..];
            if theirs.iter().sum::<Duration>() > limit {
                // The peer still waits when the limit comes; without a limit, we would wait as long.
                agreed = &theirs[..theirs.len() - 1];
                outcome = Outcome::same("delays without a limit", &run(&policy, theirs.len())?.0, &theirs)
                    .and(Outcome::Declared(rules::NOT_AFTER_THE_DEADLINE));
            }
            Ok(outcome.and(Outcome::same("delays", (&ours[..], end), (agreed, Some(GiveUp::StartWithin)))))
        }
    }
}

/// A curve, and its cap if it has one.
fn strategy(config: &Fields<'_>) -> Replayed<(Backoff, Option<Duration>)> {
    let ms = |key| config.get(key).map(|Ms(duration)| duration);
    let curve = match config.get("kind")? {
        "constant" => Backoff::fixed(ms("ms")?),
        "linear" => Backoff::linear(ms("start_ms")?, ms("offset_ms")?),
        "exponential" => built(Backoff::exponential(ms("start_ms")?).try_multiplier(config.get("mult")?))?,
        other => return fail(format!("unknown kind: {other}")),
    };
    let cap: Option<Ms> = config.find("max_ms")?;
    Ok((curve, cap.map(|Ms(cap)| cap)))
}

/// A curve and its number of delays out of `linear(2s,1s).take(2)`; without `take`, it never ends.
fn part(text: &str) -> Replayed<(Backoff, u32)> {
    let parse = || {
        let (curve, take) = match text.split_once(").take(") {
            Some((curve, take)) => (curve, take.strip_suffix(')')?.parse().ok()?),
            None => (text.strip_suffix(')')?, u32::MAX),
        };
        let (name, arguments) = curve.split_once('(')?;
        let arguments = arguments.split(',').map(duration).collect::<Option<Vec<_>>>()?;
        match (name, &arguments[..]) {
            ("const", [delay]) => Some((Backoff::fixed(*delay), take)),
            ("linear", [start, offset]) => Some((Backoff::linear(*start, *offset), take)),
            _ => None,
        }
    };
    parse().map_or_else(|| fail(format!("unknown backoff: {text}")), Ok)
}

/// `250ms`, `2s`.
fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    match text.strip_suffix("ms") {
        Some(ms) => ms.parse().ok().map(Duration::from_millis),
        None => text.strip_suffix('s')?.parse().ok().map(Duration::from_secs),
    }
}

type Node = Breaker<CountWindow<1024>>;

/// A node that is marked dead is a circuit that opens. One that is revived starts afresh.
fn accrual(case: &Fields<'_>, config: &Fields<'_>) -> Replayed {
    let dead_for = config.get::<Ms>("dead_ms")?.0;
    let rules = CircuitConfig::WITHOUT_RULES;
    let (rules, averages) = match config.get("kind")? {
        "consecutive" => (built(rules.try_consecutive_failures(config.get("n")?))?, false),
        "ema_success_rate" => {
            let (required, window): (f64, u32) = (config.get("required")?, config.get("window")?);
            if window > CountWindow::<1024>::CAPACITY {
                return fail(format!("a window of {window} calls"));
            }
            let rules = built(rules.try_failure_rate(percent(1.0 - required)?))?;
            let rules = built(rules.try_minimum_calls(window))?;
            (built(rules.try_window(window))?, true)
        }
        other => return fail(format!("unknown kind: {other}")),
    };
    let rules = rules.open_for(dead_for);

    let clock = FakeClock::new();
    let mut node = Node::CLOSED;
    let mut outcome = Outcome::Pass;
    for step in case.list("steps")? {
        let op: &str = step.get("op")?;
        let expect = step.fields("expect")?;
        let theirs: Option<Ms> = expect.find("dead_for_ms")?;
        match op {
            "success" | "failure" => {
                if let Ok(admission) = node.admit(&rules, clock.now()) {
                    node.settle(&rules, admission.ticket, op == "failure", clock.now(), 0);
                }
            }
            "revived" => node = Node::CLOSED,
            other => return fail(format!("unknown op: {other}")),
        }
        if !expect.has("dead_for_ms") {
            continue;
        }
        let ours = node.open_at(clock.now(), clock.now()).err();
        let ours = ours.map(|rejected| rejected.wait());
        let theirs = theirs.map(|Ms(dead_for)| dead_for);
        // Which failure is one too many is for the window to say; how long the node is dead then, is not.
        let differ = ours.is_some() != theirs.is_some() && [None, Some(dead_for)].contains(&theirs);
        outcome = outcome.and(if averages && differ {
            Outcome::Declared(rules::WINDOW_IS_LAST_N)
        } else {
            Outcome::same("dead for", ours, theirs)
        });
    }
    Ok(outcome)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // whole, from 0 to 100
fn percent(part: f64) -> Replayed<u8> {
    let percent = part * 100.0;
    if (percent - percent.round()).abs() > 1e-9 || !(0.0..=100.0).contains(&percent) {
        return fail(format!("{percent} %: not a whole number from 0 to 100"));
    }
    Ok(percent.round() as u8)
}
