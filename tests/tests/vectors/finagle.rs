//! Finagle: its backoffs, and its failure accrual as a circuit. Its budgets are replayed in `budgets/`.

use std::time::Duration;

use retry_core::{
    Backoff, CircuitConfig, GiveUp, Instant, Policy,
    circuit::{Breaker, CountWindow, TimeWindow, Window},
    testing::FakeClock,
};
use serde_json::Value;

use crate::json::{Fields, Ms, Replayed, Secs, fail, replay};
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
            Some("consecutive" | "ema_success_rate" | "ema_success_rate_duration" | "or") => {
                accrual(case, &config)
            }
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
            let (ours, end) = run(&built(policy.try_start_within(limit))?, theirs.len() + 1)?;
            let mut outcome = Outcome::Pass;
            let mut agreed = &theirs[..];
            if theirs.iter().sum::<Duration>() > limit {
                // The peer still waits when the limit comes; without a limit, we would wait as long.
                agreed = &theirs[..theirs.len() - 1];
                outcome = Outcome::same("delays without a limit", &run(&policy, theirs.len())?.0, &theirs)
                    .and(Outcome::Declared(rules::NOT_AFTER_THE_LIMIT));
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
        if name == "exponential" {
            let (start, multiplier) = arguments.split_once(',')?;
            let curve = Backoff::exponential(duration(start)?);
            return Some((curve.try_multiplier(multiplier.trim().parse().ok()?).ok()?, take));
        }
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

/// A node as one circuit, whatever its window. One that is marked dead opens; one that is revived starts afresh.
trait Node {
    fn ended(&mut self, failed: bool, now: Instant);
    fn revive(&mut self);
    fn dead_for(&self, now: Instant) -> Option<Duration>;
}

struct Watched<W: Window> {
    breaker: Breaker<W>,
    rules: CircuitConfig,
}

impl<W: Window> Node for Watched<W> {
    fn ended(&mut self, failed: bool, now: Instant) {
        if let Ok(admission) = self.breaker.admit(&self.rules, now) {
            self.breaker.settle(&self.rules, admission.ticket, failed, now, 0);
        }
    }

    fn revive(&mut self) {
        self.breaker = Breaker::CLOSED;
    }

    fn dead_for(&self, now: Instant) -> Option<Duration> {
        self.breaker.open_at(now, now).err().map(|rejected| rejected.wait())
    }
}

fn node<W: Window + 'static>(rules: CircuitConfig) -> Box<dyn Node> {
    Box::new(Watched::<W> { breaker: Breaker::CLOSED, rules })
}

/// What one policy, or several of which the longest time counts, makes of a node.
struct Accrual {
    nodes: Vec<Box<dyn Node>>,
    /// How long each is dead.
    dead_for: Vec<Duration>,
    /// Whether one of them takes a moving average.
    averages: bool,
}

impl Accrual {
    fn configured(config: &Fields<'_>) -> Replayed<Self> {
        if config.get::<&str>("kind")? == "or" {
            let mut all = Self { nodes: Vec::new(), dead_for: Vec::new(), averages: false };
            for policy in config.list("policies")? {
                let Self { nodes, dead_for, averages } = Self::configured(&policy)?;
                all.nodes.extend(nodes);
                all.dead_for.extend(dead_for);
                all.averages |= averages;
            }
            return Ok(all);
        }
        let dead_for = config.get::<Ms>("dead_ms")?.0;
        let rules = CircuitConfig::WITHOUT_RULES.open_for(dead_for);
        let rate = || built(rules.try_failure_rate(percent(1.0 - config.get::<f64>("required")?)?));
        let (node, averages) = match config.get("kind")? {
            "consecutive" => {
                let rules = built(rules.try_consecutive_failures(config.get("n")?))?;
                (node::<CountWindow<1024>>(rules), false)
            }
            "ema_success_rate" => {
                let window: u32 = config.get("window")?;
                if window > CountWindow::<1024>::CAPACITY {
                    return Err(Outcome::Declared(rules::WINDOW_TOO_LONG));
                }
                let rules = built(rate()?.try_minimum_calls(window))?;
                (node::<CountWindow<1024>>(built(rules.try_window(window))?), true)
            }
            "ema_success_rate_duration" => {
                let least = config.find("min_requests")?.unwrap_or(5);
                let rules = built(rate()?.try_minimum_calls(least))?;
                let Secs(window) = config.get("window_s")?;
                (node::<TimeWindow<10>>(built(rules.try_window_time(window))?), true)
            }
            other => return fail(format!("unknown kind: {other}")),
        };
        Ok(Self { nodes: vec![node], dead_for: vec![dead_for], averages })
    }
}

fn accrual(case: &Fields<'_>, config: &Fields<'_>) -> Replayed {
    let Accrual { mut nodes, dead_for, averages } = Accrual::configured(config)?;
    let clock = FakeClock::new();
    let mut outcome = Outcome::Pass;
    for step in case.list("steps")? {
        let op: &str = step.get("op")?;
        let expect = step.fields("expect")?;
        let theirs: Option<Ms> = expect.find("dead_for_ms")?;
        match op {
            "success" | "failure" => {
                nodes.iter_mut().for_each(|node| node.ended(op == "failure", clock.now()))
            }
            "revived" => nodes.iter_mut().for_each(|node| node.revive()),
            "advance" => clock.advance(step.get::<Ms>("ms")?.0),
            other => return fail(format!("unknown op: {other}")),
        }
        if !expect.has("dead_for_ms") {
            continue;
        }
        let ours = nodes.iter().filter_map(|node| node.dead_for(clock.now())).max();
        let theirs = theirs.map(|Ms(dead_for)| dead_for);
        // Which failure is one too many is for the window to say; how long the node is dead then, is not.
        let differ =
            ours.is_some() != theirs.is_some() && theirs.is_none_or(|theirs| dead_for.contains(&theirs));
        outcome = outcome.and(if averages && differ {
            Outcome::Declared(rules::WINDOW_IS_LAST_N)
        } else {
            Outcome::same("dead for", ours, theirs)
        });
    }
    Ok(outcome)
}

/// The whole percentage that is nearest, and none that a single failure is below. A rate in between decides otherwise
/// at times, as a moving average does.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // whole, from 1 to 100
fn percent(part: f64) -> Replayed<u8> {
    if !(0.0..=1.0).contains(&part) {
        return fail(format!("{part}: not from 0 to 1"));
    }
    Ok((part * 100.0).round().max(1.0) as u8)
}
