//! Polly: its delays. Its attempts count from 0.

use std::time::Duration;

use retry_core::{
    Backoff, Class, Failure, GiveUp, Jitter, Policy, Verdict, policy::Hints, testing::FakeClock,
};
use serde_json::Value;

use crate::json::{Fields, Ms, Replayed, fail, replay};
use crate::machine::{
    LONGEST, MOST_FAILURES, built, call_after, delay_of, fail_once, lenient_policy, policy, same_delay,
};
use crate::outcome::Outcome;
use crate::polly_v2::{DecorrelatedV2, TICK};
use crate::{draw, rules};

pub(crate) fn delays(_: &Value, case: &Value) -> Outcome {
    replay(case, |case| {
        let (given, expect) = (case.fields("given")?, case.fields("expect")?);
        if expect.has("is_last") {
            last_attempt(&given, &expect)
        } else if given.has("max_retries") {
            sequence(&given, &expect)
        } else if expect.has("range_factor") {
            range(&given, &expect)
        } else if expect.has("ceiling_formula") {
            decorrelated_range(&given, &expect)
        } else if given.find("jitter")? == Some(true) && given.find("kind")? == Some("exponential") {
            decorrelated(&given, &expect)
        } else {
            one_delay(&given, &expect)
        }
    })
}

fn curve(given: &Fields<'_>) -> Replayed<Backoff> {
    let Ms(base) = given.get("base_ms")?;
    match given.get("kind")? {
        "constant" => Ok(Backoff::fixed(base)),
        "linear" => Ok(Backoff::linear(base, base)),
        "exponential" => Ok(Backoff::exponential(base)),
        other => fail(format!("unknown kind: {other}")),
    }
}

fn cap(given: &Fields<'_>) -> Replayed<Option<Duration>> {
    Ok(given.find("max_ms")?.map(|Ms(cap)| cap))
}

/// A quarter more or less, for all but the exponential curve.
fn quarter() -> Replayed<Jitter> {
    built(Jitter::try_proportional(0.25))
}

fn one_delay(given: &Fields<'_>, expect: &Fields<'_>) -> Replayed {
    let (curve, cap) = (curve(given)?, cap(given)?);
    let attempt: u32 = given.get("attempt")?;
    let jitter = if given.get("jitter")? { quarter()? } else { Jitter::None };
    let words = match given.find::<Vec<f64>>("u")? {
        None => draw::spread(1).collect(), // it makes no difference
        Some(draws) => draws.into_iter().map(draw::word).collect::<Replayed<Vec<_>>>()?,
    };
    let theirs = match longest(expect)? {
        Some(longest) => longest,
        None => expect.get::<Ms>("delay_ms")?.0,
    };

    let failed = attempt.saturating_add(1);
    let uncapped = policy(curve, None)?.jitter(jitter);
    let (policy, mut outcome) = lenient_policy(curve, cap)?;
    let policy = policy.jitter(jitter);
    for word in words {
        let delay = |policy: &Policy| policy.delay(failed, Duration::ZERO, word);
        let ours = delay(&policy);
        // Theirs caps what jitter makes of the ceiling, but not the ceiling.
        let capped_once = delay(&uncapped).min(cap.unwrap_or(LONGEST));
        outcome = outcome.and(if ours < capped_once && capped_once == theirs {
            Outcome::Declared(rules::CEILING_CAPPED)
        } else {
            same_delay("delay", ours, theirs)
        });
    }
    Ok(outcome)
}

/// The longest delay of the peer, where that is expected.
fn longest(expect: &Fields<'_>) -> Replayed<Option<Duration>> {
    match expect.find("saturates")? {
        None => Ok(None),
        Some("MAX_DURATION") => Ok(Some(Duration::MAX)),
        Some(other) => fail(format!("unknown bound: {other}")),
    }
}

/// Exponential with jitter: each draw is one call at the same attempt, and changes the next.
fn decorrelated(given: &Fields<'_>, expect: &Fields<'_>) -> Replayed {
    let (Ms(base), cap) = (given.get("base_ms")?, cap(given)?);
    let attempt: u32 = given.get("attempt")?;
    let draws = given.find("u")?.unwrap_or_else(|| vec![0.0, 0.5, 1.0]);
    let above: Option<Ms> = expect.find("both_calls_gt_ms")?;
    let at_most: Option<Ms> = expect.find("both_calls_le_ms")?;
    let exactly: Option<Ms> = expect.find("delay_ms")?;
    let exactly = longest(expect)?.or(exactly.map(|Ms(delay)| delay));

    let curve = DecorrelatedV2::new(base);
    let (policy, mut outcome) = lenient_policy(Backoff::fixed(base), cap)?;
    for u in draws {
        let ours = curve.delay(&policy, attempt, u)?;
        let holds =
            above.is_none_or(|Ms(bound)| ours > bound) && at_most.is_none_or(|Ms(bound)| ours <= bound);
        outcome = outcome.and(Outcome::check(holds, || format!("delay: {ours:?}, out of bounds")));
        if let Some(theirs) = exactly {
            outcome = outcome.and(same_delay("delay", ours, theirs));
        }
    }
    Ok(outcome)
}

/// The bases that a property is shown for: the one given, else some that are far apart.
fn bases(given: &Fields<'_>) -> Replayed<Vec<Duration>> {
    let (None, None) = (given.find::<Ms>("max_ms")?, given.find::<&Value>("u")?) else {
        return fail("a property under a cap, or of some draws only");
    };
    Ok(match given.find("base_ms")? {
        Some(Ms(base)) => vec![base],
        None => [1, 250, 7_800, 3_600_000].map(Duration::from_millis).to_vec(),
    })
}

/// Where the delays of any base lie, as parts of it.
fn range(given: &Fields<'_>, expect: &Fields<'_>) -> Replayed {
    let (bases, attempt): (_, Option<u32>) = (bases(given)?, given.find("attempt")?);
    let failed = attempt.unwrap_or(0).saturating_add(1);
    let factors: Vec<f64> = expect.get("range_factor")?;
    let (&[least, most], "constant", true) = (&factors[..], given.get("kind")?, given.get("jitter")?) else {
        return fail("unknown property: a range of factors for more than a constant with jitter");
    };
    let mut outcome = Outcome::Pass;
    for base in bases {
        let policy = policy(Backoff::fixed(base), None)?.jitter(quarter()?);
        let delays = draw::spread(2_500).map(|word| policy.delay(failed, Duration::ZERO, word));
        let (low, high) =
            delays.fold((LONGEST, Duration::ZERO), |(low, high), delay| (low.min(delay), high.max(delay)));
        outcome = outcome.and(Outcome::same("shortest", low, base.mul_f64(least))).and(Outcome::same(
            "longest",
            high,
            base.mul_f64(most),
        ));
    }
    Ok(outcome)
}

/// Where the delays of the decorrelated curve lie, at any attempt of any call.
fn decorrelated_range(given: &Fields<'_>, expect: &Fields<'_>) -> Replayed {
    let (bases, attempt): (_, Option<u32>) = (bases(given)?, given.find("attempt")?);
    let attempts = attempt.map_or(0..=2048, |attempt| attempt..=attempt);
    let Ms(floor) = expect.get("floor_ms")?;
    let ("exponential", true, "base*2^(attempt+2)-1tick") =
        (given.get("kind")?, given.get("jitter")?, expect.get("ceiling_formula")?)
    else {
        return fail("unknown property: another ceiling, or another curve");
    };
    let mut outcome = Outcome::Pass;
    for base in bases {
        let policy = policy(Backoff::fixed(base), None)?;
        for u in draw::spread(1).map(|word| word as f64 / 2_f64.powi(64)) {
            let curve = |failed: u32, _| DecorrelatedV2::new(base).next(failed - 1, u);
            let mut call = call_after(&policy, *attempts.start())?.backoff(curve);
            for attempt in attempts.clone() {
                let ceiling = Backoff::exponential(base).ceiling(attempt.saturating_add(3));
                let less = if ceiling == LONGEST { Duration::ZERO } else { TICK };
                let ceiling = ceiling.saturating_sub(less);
                let ours = delay_of(&mut call, 0)?;
                outcome = outcome.and(Outcome::check((floor..=ceiling).contains(&ours), || {
                    format!("attempt {attempt} of {base:?}: {ours:?}, above {ceiling:?}")
                }));
            }
        }
    }
    Ok(outcome)
}

/// The delays of a call that never succeeds.
fn sequence(given: &Fields<'_>, expect: &Fields<'_>) -> Replayed {
    let (curve, cap) = (curve(given)?, cap(given)?);
    let retries: u32 = given.get("max_retries")?;
    let theirs: Option<Vec<Ms>> = expect.find("delays_ms")?;
    let number_of_retries: Option<u32> = expect.find("retries")?;
    // Theirs count from 0.
    let numbers: Option<Vec<u32>> = expect.find("attempt_numbers")?;
    if theirs.is_none() && number_of_retries.is_none() && numbers.is_none() {
        return fail("nothing is expected of the call");
    }
    let (true, None | Some(false)) = (given.get("always_fail")?, given.find("jitter")?) else {
        return fail("a call that succeeds, or delays that are not given");
    };
    let generator: Option<f64> = match given.find("generator")? {
        None | Some("null") => given.find("generator_ms")?,
        Some(other) => return fail(format!("unknown generator: {other}")),
    };
    // A negative delay is none, which is what a hint's type says by itself.
    let hint = generator.and_then(|ms| Duration::try_from_secs_f64(ms / 1e3).ok());
    let failure =
        hint.map_or(Class::Transient.into(), |hint| Failure::new(Class::Transient).retry_after(hint));

    let (policy, mut outcome) = lenient_policy(curve, cap)?;
    let policy = policy.hints(Hints::Exact).max_hint(LONGEST);
    let policy = built(policy.try_max_attempts(retries.saturating_add(1)))?;
    let (clock, mut call) = (FakeClock::new(), call_after(&policy, 0)?);
    let (mut delays, mut told) = (Vec::new(), Vec::new());
    let end = loop {
        if call.attempts() > MOST_FAILURES {
            return fail(format!("{retries} retries are too many to make"));
        }
        match fail_once(&mut call, failure, &clock, 0)? {
            Verdict::Retry(delay) => {
                delays.push(delay);
                told.push(call.attempts() - 1);
            }
            end => break end,
        }
    };
    outcome = outcome.and(Outcome::same("end", end, Verdict::GiveUp(GiveUp::Attempts)));
    if let Some(theirs) = theirs {
        outcome = outcome.and(Outcome::same("number of delays", delays.len(), theirs.len()));
        for (ours, Ms(theirs)) in delays.iter().zip(theirs) {
            outcome = outcome.and(same_delay("delay", *ours, theirs));
        }
    }
    if let Some(theirs) = number_of_retries {
        outcome = outcome.and(Outcome::same("retries", delays.len(), theirs as usize));
    }
    if let Some(theirs) = numbers {
        outcome = outcome.and(Outcome::same("numbers of the failed attempts", told, theirs));
    }
    Ok(outcome)
}

/// Whether an attempt is the last, and whether the next one has a number of its own.
fn last_attempt(given: &Fields<'_>, expect: &Fields<'_>) -> Replayed {
    /// "For ever", to the peer.
    const INFINITE: u32 = i32::MAX.unsigned_abs();
    let (retries, attempt): (u32, u32) = (given.get("max_retries")?, given.get("attempt")?);
    let theirs: bool = expect.get("is_last")?;
    let increments: Option<bool> = expect.find("attempt_increments")?;

    let most = if retries == INFINITE { u32::MAX } else { retries.saturating_add(1) };
    let policy = built(Policy::fixed(Duration::ZERO).try_max_attempts(most))?;
    let (is_last, next) = if attempt <= MOST_FAILURES {
        let mut call = call_after(&policy, attempt)?;
        let verdict = fail_once(&mut call, Class::Transient, &FakeClock::new(), 0)?;
        (verdict == Verdict::GiveUp(GiveUp::Attempts), call.attempts())
    } else {
        // Too many to make; so only reckoned.
        let number = attempt.saturating_add(1);
        (number >= most, number)
    };
    let outcome = Outcome::same("is the last", is_last, theirs);
    Ok(outcome.and(match increments {
        Some(false) if attempt >= INFINITE && next > attempt => Outcome::Declared(rules::COUNTS_ON),
        Some(theirs) => Outcome::same("increments", next > attempt, theirs),
        None => Outcome::Pass,
    }))
}
