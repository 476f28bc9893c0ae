//! Polly's circuit breaker: its health metrics and its controller, step by step.

use std::time::Duration;

use retry_core::{
    CircuitConfig, Instant, Rejected,
    circuit::{Admission, Mode, Outcome as Ended, Phase, Ticket},
    testing::FakeClock,
};
use serde_json::Value;

use super::kit::{Circuit, Hand, Kind};
use super::polly_facts::{
    blocked_until, failure_in, kind_of_window, openings, outcome_in, shared_control, should_break,
};
use super::steps::Steps;
use super::{Percent, rules, same};
use crate::json::{Fields, Ms, Replayed, fail, replay};
use crate::outcome::Outcome;

pub(super) fn cases(meta: &Value, case: &Value, steps: &mut Steps) -> Outcome {
    replay(case, |case| {
        if case.has("steps") {
            let config = case.fields("config")?;
            return if config.has("window") {
                health(case, &config, steps)
            } else if config.has("failure_ratio") {
                executed(case, &config, steps)
            } else {
                breaker(case, &config, meta, steps)
            };
        }
        let (given, expect) = (case.fields("given")?, case.fields("expect")?);
        let declared = if expect.has("window") {
            kind_of_window(&given, &expect)?
        } else if expect.has("increments_failure") {
            failure_in(&given, &expect, meta, steps)?
        } else if expect.has("should_break") {
            should_break(&given, &expect)?
        } else if expect.has("generator_arg_half_open_attempts") {
            openings(&given, &expect)?
        } else if expect.has("blocked_until") {
            blocked_until(&given, &expect, meta)?
        } else if expect.has("both") {
            shared_control(&given, &expect)?
        } else {
            outcome_in(&given, &expect, meta, steps)?
        };
        steps.count(declared);
        Ok(declared.map_or(Outcome::Pass, Outcome::Declared))
    })
}

fn buckets(config: &Fields<'_>) -> Replayed<u32> {
    match config.get("window")? {
        "single" => Ok(1),
        "rolling" => config.get("windows"),
        other => fail(format!("unknown window: {other}")),
    }
}

/// Their buckets begin when a call meets none. Both forget a call once it is as old as the span, at the latest, and
/// keep it until it is as old as the span less a bucket, at least.
fn health(case: &Fields<'_>, config: &Fields<'_>, steps: &mut Steps) -> Replayed {
    let (buckets, Ms(span)) = (buckets(config)?, config.get("sampling_ms")?);
    let kind = Kind::slow_time(buckets, span)?;
    let (mut books, clock, mut calls) = (kind.books(), FakeClock::new(), Vec::<(Instant, bool)>::new());
    let mut declared = None;
    for step in case.list("steps")? {
        match step.get("op")? {
            op @ ("success" | "error") => {
                calls.push((clock.now(), op == "error"));
                books.record(Ended { failed: op == "error", slow: false }, clock.now());
            }
            "advance" => clock.advance(step.get::<Ms>("ms")?.0),
            "reset" => {
                calls.clear();
                books = kind.books();
            }
            "health" => {}
            other => return fail(format!("unknown operation: {other}")),
        }
        let (now, mut rule) = (clock.now(), None);
        let ours = books.counts(Some(now));
        let expect = step.fields("expect")?;
        let younger = |age: Duration, failed: bool| {
            let young = calls.iter().filter(|(at, call)| now.since(*at) < age && (*call || !failed));
            young.fold(0, |count, _| count + 1)
        };
        let bucket = span / buckets;
        for (what, ours, failed) in [("throughput", ours.calls, false), ("failures", ours.failed, true)] {
            let Some(theirs) = expect.find::<u32>(what)? else { continue };
            let may_be = younger(span.saturating_sub(bucket), failed)..=younger(span, failed);
            if ours != theirs && [ours, theirs].iter().all(|count| may_be.contains(count)) {
                rule = Some(rules::BUCKETS);
            } else {
                same(what, &ours, &theirs)?;
            }
        }
        if let Some(theirs) = expect.find::<f64>("failure_rate")? {
            let rate = f64::from(ours.failed) / f64::from(ours.calls.max(1));
            if rule.is_none() && (rate - theirs).abs() > 1e-9 {
                return fail(format!("failure rate: {rate} for {theirs}"));
            }
        }
        steps.count(rule);
        declared = declared.or(rule);
    }
    Ok(declared.map_or(Outcome::Pass, Outcome::Declared))
}

/// A circuit of ours in a state of theirs, with a call under way that was admitted there, or before.
pub(super) struct Stage {
    pub(super) circuit: Box<dyn Circuit>,
    pub(super) ticket: Option<Ticket>,
    pub(super) clock: FakeClock,
}

pub(super) fn break_time(meta: &Value) -> Replayed<Duration> {
    match meta["defaults"]["break_s"].as_f64() {
        Some(secs) => Ok(Duration::from_secs_f64(secs)),
        None => fail("meta.defaults.break_s is missing"),
    }
}

pub(super) fn stage(state: &str, config: CircuitConfig, break_time: Duration) -> Replayed<Stage> {
    let clock = FakeClock::new();
    let kind = Kind::time_in_10(Duration::from_secs(30));
    let config = config.window_time(kind.time()).open_for(break_time);
    let circuit = kind.circuit(config).or_else(|error| fail(error.to_string()))?;
    let now = clock.now();
    let admitted = |circuit: &dyn Circuit| circuit.admit(now).ok().map(|admission| admission.ticket);
    let ticket = admitted(&*circuit);
    let hands: &[Hand] = match state {
        "closed" => &[],
        "open" => &[Hand::Trip(break_time)],
        "isolated" => &[Hand::ForceOpen],
        "half_open" => &[Hand::Trip(break_time), Hand::Probe],
        other => return fail(format!("unknown state: {other}")),
    };
    for hand in hands {
        circuit.by_hand(*hand, now);
    }
    let ticket = if state == "half_open" { admitted(&*circuit) } else { ticket };
    Ok(Stage { circuit, ticket, clock })
}

/// How long those wait who were refused; nothing where nobody knows.
pub(super) fn retry_after(result: &Result<Admission<Ticket>, Rejected>) -> Option<Ms> {
    let wait = result.as_ref().err()?.wait();
    (wait < Duration::MAX).then_some(Ms(wait))
}

pub(super) fn name(circuit: &dyn Circuit) -> &'static str {
    match (circuit.mode(), circuit.phase()) {
        (Mode::ForcedOpen, _) => "isolated",
        (_, Phase::Closed) => "closed",
        (_, Phase::Open) => "open",
        (_, Phase::HalfOpen) => "half_open",
    }
}

/// Whole calls through a circuit, and how often it has changed to which phase.
fn executed(case: &Fields<'_>, config: &Fields<'_>, steps: &mut Steps) -> Replayed {
    let percent = Percent::like(config.get::<f64>("failure_ratio")? * 100.0);
    let (Ms(span), Ms(break_time)) = (config.get("sampling_ms")?, config.get("break_ms")?);
    let open_for = config.find("generator_ms")?.map_or(break_time, |Ms(generated)| generated);
    let kind = Kind::time_in_10(span);
    let rules = CircuitConfig::WITHOUT_RULES.failure_rate(percent.whole).window_time(span).open_for(open_for);
    let circuit = rules
        .try_minimum_calls(config.get("minimum_throughput")?)
        .and_then(|rules| kind.circuit(rules))
        .or_else(|error| fail(error.to_string()))?;
    let clock = FakeClock::new();
    let mut changes = [0_u32; 3];
    for step in case.list("steps")? {
        let now = clock.now();
        let (mut refused, mut opened_by_success) = (None, false);
        match step.get("op")? {
            "advance" => clock.advance(step.get::<Ms>("ms")?.0),
            "execute" => {
                let failed = match step.get("outcome")? {
                    "success" => false,
                    "failure" => true,
                    other => return fail(format!("unknown outcome: {other}")),
                };
                let result = circuit.admit(now);
                refused = Some((result.is_err(), retry_after(&result)));
                if let Ok(admission) = result {
                    let ended = circuit.settle(admission.ticket, failed, now);
                    opened_by_success = !failed && ended.is_some_and(|change| change.to == Phase::Open);
                    for change in [admission.change, ended].into_iter().flatten() {
                        changes[index(change.to)] += 1;
                    }
                }
            }
            other => return fail(format!("unknown operation: {other}")),
        }
        let expect = step.fields("expect")?;
        if let (Some(theirs), Some((ours, _))) = (expect.find("rejected")?, refused) {
            same("rejected", &ours, &theirs)?;
        }
        if let (Some(theirs), Some((_, ours))) = (expect.find::<Ms>("retry_after_ms")?, refused) {
            same("retry_after_ms", &ours, &Some(theirs))?;
        }
        if opened_by_success {
            // From here on, the two are in different states.
            steps.count(Some(rules::SUCCESS_OPENS));
            return Err(Outcome::Declared(rules::SUCCESS_OPENS));
        }
        if let Some(theirs) = expect.find::<&str>("state")? {
            same("state", name(&*circuit), theirs)?;
        }
        let phases = [Phase::Open, Phase::HalfOpen, Phase::Closed];
        for (what, phase) in ["opened", "half_opened", "closed"].into_iter().zip(phases) {
            if let Some(theirs) = expect.find::<u32>(what)? {
                same(what, &changes[index(phase)], &theirs)?;
            }
        }
        steps.count(None);
    }
    Ok(Outcome::Pass)
}

fn index(phase: Phase) -> usize {
    match phase {
        Phase::Open => 0,
        Phase::HalfOpen => 1,
        Phase::Closed => 2,
    }
}

fn breaker(case: &Fields<'_>, config: &Fields<'_>, meta: &Value, steps: &mut Steps) -> Replayed {
    let time = match config.find::<Ms>("break_ms")? {
        Some(Ms(time)) => time,
        None => break_time(meta)?,
    };
    let config = CircuitConfig::WITHOUT_RULES.consecutive_failures(1).lease(Duration::MAX);
    let Stage { circuit, clock, .. } = stage("closed", config, time)?;
    let mut probe = None;
    for step in case.list("steps")? {
        let expect = step.fields("expect")?;
        let now = clock.now();
        let admitted = || circuit.admit(now).ok().map(|admission| admission.ticket);
        match step.get("op")? {
            "advance" => clock.advance(step.get::<Ms>("ms")?.0),
            "force_open" => {
                circuit.by_hand(Hand::Trip(time), now);
            }
            "isolate" => {
                circuit.by_hand(Hand::ForceOpen, now);
            }
            "close" => {
                circuit.by_hand(Hand::Reset, now);
            }
            "force_half_open" => {
                circuit.by_hand(Hand::Trip(time), now);
                circuit.by_hand(Hand::Probe, now);
            }
            "acquire" => {
                let result = circuit.admit(now);
                same("admitted", &result.is_ok(), &expect.get("result")?)?;
                if expect.has("retry_after_ms") {
                    same("retry_after_ms", &retry_after(&result), &expect.find("retry_after_ms")?)?;
                }
                probe = result.ok().map(|admission| admission.ticket).or(probe);
            }
            op @ ("probe_success" | "probe_failure" | "probe_cancelled") => {
                let Some(ticket) = probe.take().or_else(admitted) else {
                    return fail("no probe is admitted");
                };
                match op {
                    "probe_cancelled" => circuit.cancel(ticket, now),
                    _ => circuit.settle(ticket, op == "probe_failure", now),
                };
            }
            other => return fail(format!("unknown operation: {other}")),
        }
        if let Some(theirs) = expect.find::<&str>("state")? {
            same("state", name(&*circuit), theirs)?;
        }
        steps.count(None);
    }
    Ok(Outcome::Pass)
}
