//! Polly's circuit breaker: what its tests say of one call, one state, one instant.

use std::time::Duration;

use jiff::Timestamp;
use retry_core::{
    CircuitConfig, Instant,
    circuit::{ChangeCause, Outcome as Ended, Phase},
    testing::FakeClock,
};
use serde_json::Value;

use super::kit::{Hand, Kind};
use super::polly::{Stage, break_time, name, retry_after, stage};
use super::steps::Steps;
use super::{Percent, rules, same};
use crate::json::{Fields, Ms, Replayed, fail};

/// Theirs has one bucket for short spans, and many for longer ones. With ten, two calls half a span apart do not
/// leave together.
pub(super) fn kind_of_window(given: &Fields<'_>, expect: &Fields<'_>) -> Replayed<Option<&'static str>> {
    let Ms(span) = given.get("sampling_ms")?;
    let mut books = Kind::slow_time(10, span)?.books();
    let clock = FakeClock::new();
    books.record(Ended::SUCCESS, clock.now());
    clock.advance(span / 2);
    books.record(Ended::SUCCESS, clock.now());
    clock.advance(span - span / 2);
    let left = books.counts(Some(clock.now())).calls;
    match expect.get("window")? {
        "rolling" => same("calls that are left", &left, &1).map(|()| None),
        "single" => same("calls that are left", &left, &1).map(|()| Some(rules::BUCKETS_BY_TYPE)),
        other => fail(format!("unknown window: {other}")),
    }
}

/// The failures come last: so the rate is highest at the end.
pub(super) fn should_break(given: &Fields<'_>, expect: &Fields<'_>) -> Replayed<Option<&'static str>> {
    let (calls, failures) = (given.get::<u32>("throughput")?, given.get::<u32>("failures")?);
    let percent = Percent::like(given.get::<f64>("failure_ratio")? * 100.0);
    // What the peer's behaviour was told besides the count, and need not be the same.
    let rate = (given.get::<f64>("failure_rate")? * f64::from(calls) - 1e-9).ceil() as u32;
    let theirs: bool = expect.get("should_break")?;
    let config = CircuitConfig::WITHOUT_RULES
        .failure_rate(percent.whole)
        .try_minimum_calls(given.get("minimum_throughput")?);
    for failures in [failures, rate] {
        let circuit = config
            .and_then(|config| Kind::calls(1024).circuit(config))
            .or_else(|error| fail(error.to_string()))?;
        for call in 0..calls {
            if let Ok(admission) = circuit.admit(Instant::ORIGIN) {
                circuit.settle(admission.ticket, call >= calls.saturating_sub(failures), Instant::ORIGIN);
            }
        }
        let ours = circuit.phase() == Phase::Open;
        if ours != theirs && percent.decides_otherwise(failures, calls) {
            return Ok(Some(rules::WHOLE_PERCENT));
        }
        same("breaks", &ours, &theirs)?;
    }
    Ok(None)
}

/// A failure arrives in a state: is it counted, and does the count break the circuit?
pub(super) fn failure_in(
    given: &Fields<'_>,
    expect: &Fields<'_>,
    meta: &Value,
    steps: &mut Steps,
) -> Replayed<Option<&'static str>> {
    let defaults = &meta["defaults"];
    let (Some(ratio), Some(calls)) =
        (defaults["failure_ratio"].as_f64(), defaults["minimum_throughput"].as_u64())
    else {
        return fail("meta.defaults: failure_ratio or minimum_throughput is missing");
    };
    let config = CircuitConfig::WITHOUT_RULES.failure_rate(Percent::like(ratio * 100.0).whole);
    let config = config.try_minimum_calls(calls as u32).or_else(|error| fail(error.to_string()))?;
    let stage = stage(given.get("state")?, config, break_time(meta)?)?;
    let Some(ticket) = stage.ticket else {
        return fail("no call under way");
    };
    let change = stage.circuit.settle(ticket, true, stage.clock.now());
    let breaks = change.is_some_and(|change| !matches!(change.cause, ChangeCause::ProbesFailed(_)));
    same("should_break", &breaks, &expect.get("should_break")?)?;
    let counted = stage.circuit.counts(None).is_some_and(|(_, failures, _)| failures == 1);
    let (late, theirs) = (stage.circuit.late() == 1, expect.get("increments_failure")?);
    steps.late += u32::from(late);
    if late && theirs && !counted {
        return Ok(Some(rules::LATE));
    }
    same("increments_failure", &counted, &theirs).map(|()| None)
}

/// A result arrives in a state, or a call asks for admission.
pub(super) fn outcome_in(
    given: &Fields<'_>,
    expect: &Fields<'_>,
    meta: &Value,
    steps: &mut Steps,
) -> Replayed<Option<&'static str>> {
    let breaks = given.find("behavior_should_break")?.unwrap_or(false);
    let config = CircuitConfig::WITHOUT_RULES.consecutive_failures(if breaks { 1 } else { 2 });
    let state: &str = given.get("state")?;
    let Stage { circuit, ticket, clock } = stage(state, config, break_time(meta)?)?;
    let (now, mut declared) = (clock.now(), None);
    match (given.get("outcome")?, ticket) {
        ("acquire", _) => {
            let result = circuit.admit(now);
            same("rejected", &result.is_err(), &expect.get("rejected")?)?;
            if expect.has("retry_after") {
                same("retry_after", &retry_after(&result), &expect.find("retry_after")?)?;
            }
        }
        // A failure that the dependency did not cause is a success of it.
        (outcome @ ("success" | "handled_failure" | "unhandled_failure"), Some(ticket)) => {
            circuit.settle(ticket, outcome == "handled_failure", now);
        }
        ("cancelled", Some(ticket)) => {
            circuit.cancel(ticket, now);
            declared = (state == "half_open").then_some(rules::CANCELLED);
        }
        (other, _) => return fail(format!("unknown outcome: {other}")),
    }
    steps.late += circuit.late();
    if let Some(theirs) = expect.find::<&str>("state")? {
        match (name(&*circuit), declared) {
            ("half_open", Some(rule)) if theirs != "half_open" => return Ok(Some(rule)),
            (ours, _) => same("state", ours, theirs)?,
        }
    }
    Ok(None)
}

/// Which opening since it was closed each open time was made for: the time doubles with each.
pub(super) fn openings(given: &Fields<'_>, expect: &Fields<'_>) -> Replayed<Option<&'static str>> {
    const FIRST: Duration = Duration::from_secs(1);
    let config = CircuitConfig::WITHOUT_RULES.consecutive_failures(1).open_for(FIRST);
    let config = config.try_open_growth(2.0, Duration::MAX).or_else(|error| fail(error.to_string()))?;
    let circuit = Kind::calls(1).circuit(config).or_else(|error| fail(error.to_string()))?;
    let (clock, mut ours, mut probe) = (FakeClock::new(), Vec::new(), None);
    for step in program(given.get("program")?)? {
        match step {
            "close" => {
                circuit.by_hand(Hand::Reset, clock.now());
                probe = None;
            }
            "open" => {
                let ticket = probe
                    .take()
                    .or_else(|| circuit.admit(clock.now()).ok().map(|admission| admission.ticket));
                let Some(ticket) = ticket else { return fail("no call can open it") };
                circuit.settle(ticket, true, clock.now());
                let time = circuit.open_for(clock.now()).as_nanos() / FIRST.as_nanos();
                ours.push(time.checked_ilog2().unwrap_or(u32::MAX));
            }
            "half-open" => {
                clock.advance(circuit.open_for(clock.now()));
                probe = circuit.admit(clock.now()).ok().map(|admission| admission.ticket);
            }
            other => return fail(format!("unknown step of a program: {other}")),
        }
    }
    same("half-open attempts", &ours, &expect.get("generator_arg_half_open_attempts")?).map(|()| None)
}

/// The steps of `a; 5x(b, c); d`.
fn program(text: &str) -> Replayed<Vec<&str>> {
    let mut steps = Vec::new();
    for part in text.split(';').map(str::trim) {
        let Some((times, group)) = part.split_once("x(") else {
            steps.push(part);
            continue;
        };
        let (Ok(times), Some(group)) = (times.parse::<u32>(), group.strip_suffix(')')) else {
            return fail(format!("unknown program: {part}"));
        };
        for _ in 0..times {
            steps.extend(group.split(',').map(str::trim));
        }
    }
    Ok(steps)
}

/// Until when it is open: a time of day, or reckoned from the end of all time.
pub(super) fn blocked_until(
    given: &Fields<'_>,
    expect: &Fields<'_>,
    meta: &Value,
) -> Replayed<Option<&'static str>> {
    let (time, until) = match given.find::<Ms>("generator_ms")? {
        Some(Ms(time)) => (time, expect.get::<&str>("blocked_until")?),
        None => (break_time(meta)?, expect.get::<&str>("blocked_until")?),
    };
    let now: &str = if given.has("now") { given.get("now")? } else { given.get("now_is")? };
    let (now, until) = (instant(now, time, None)?, instant(until, time, Some(now))?);
    // So many calls, of which these fail, open it.
    let (mut calls, mut failures, mut rate) = (1, 1, 1.0);
    if given.has("args") {
        let args = given.fields("args")?;
        (failures, rate) = (args.get("failures")?, args.get("failure_rate")?);
        calls = (f64::from(failures) / rate).round() as u32;
    }
    let circuit = CircuitConfig::WITHOUT_RULES
        .failure_rate(Percent::like(rate * 100.0).whole)
        .try_minimum_calls(calls)
        .map(|config| config.open_for(time))
        .and_then(|config| Kind::calls(1024).circuit(config))
        .or_else(|error| fail(error.to_string()))?;
    for call in 0..calls {
        let admission = circuit.admit(now).or_else(|rejected| fail(format!("{rejected:?}")))?;
        circuit.settle(admission.ticket, call >= calls.saturating_sub(failures), now);
    }
    same("phase", &circuit.phase(), &Phase::Open)?;
    let ours = now.after(circuit.open_for(now));
    same("blocked until", &ours, &until).map(|()| None)
}

/// `2023-12-12T12:34:56Z`, or a sum as `MAX_TIME - break_duration + 10ms`.
fn instant(text: &str, break_time: Duration, now: Option<&str>) -> Replayed<Instant> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(Instant::from_nanos(u64::try_from(time.as_nanosecond()).unwrap_or(0)));
    }
    let (mut sum, mut minus) = (0_i128, false);
    for word in text.split_whitespace() {
        let term = match word {
            "+" | "-" => {
                minus = word == "-";
                continue;
            }
            "MAX_TIME" => i128::from(u64::MAX),
            "break_duration" => break_time.as_nanos() as i128,
            "now" if now.is_some() => instant(now.unwrap_or_default(), break_time, None)?.as_nanos().into(),
            word => match word.strip_suffix("ms").map(str::parse::<u32>) {
                Some(Ok(ms)) => i128::from(ms) * 1_000_000,
                _ => return fail(format!("unknown time: {text}")),
            },
        };
        sum += if minus { -term } else { term };
    }
    Ok(Instant::from_nanos(sum.clamp(0, u64::MAX.into()) as u64))
}

/// One switch for two circuits is a loop over both.
pub(super) fn shared_control(given: &Fields<'_>, expect: &Fields<'_>) -> Replayed<Option<&'static str>> {
    let config = CircuitConfig::DEFAULT;
    let new = || Kind::calls(100).circuit(config).or_else(|error| fail(error.to_string()));
    let (circuits, now, mut both) = ([new()?, new()?], Instant::ORIGIN, true);
    for statement in program(given.get("program")?)? {
        for circuit in &circuits {
            both &= match statement {
                "one control isolates" => circuit.by_hand(Hand::ForceOpen, now).is_some(),
                "close" => circuit.by_hand(Hand::Reset, now).is_some(),
                "two breakers built on it reject" => circuit.admit(now).is_err(),
                "both admit" => circuit.admit(now).is_ok(),
                other => return fail(format!("unknown step of a program: {other}")),
            };
        }
    }
    same("both", &both, &expect.get("both")?).map(|()| None)
}
