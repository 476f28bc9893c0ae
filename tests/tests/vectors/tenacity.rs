//! tenacity: its waits. Its stops are in `tenacity_stop.rs`.

use std::time::Duration;

use rand_core::Rng;
use retry_core::{Backoff, Class, Failure, GiveUp, Jitter, Policy, Rule, Verdict, testing::FakeClock};
use serde_json::Value;

use crate::json::{Fields, Replayed, Secs, fail, replay};
use crate::machine::{
    LONGEST, between, built, call_after, chain, delay_of, delays, fail_once, lenient_policy, policy,
    same_delay,
};
use crate::outcome::Outcome;
use crate::{draw, rules, tenacity_stop};

pub(crate) fn cases(_: &Value, case: &Value) -> Outcome {
    replay(case, |case| {
        let (given, expect) = (case.fields("given")?, case.fields("expect")?);
        if given.has("stop") {
            return tenacity_stop::stop(&given, &expect);
        }
        match given.get("kind")? {
            "chain" => chained(&given, &expect),
            "by_error" => by_error(&given, &expect),
            "sum" => {
                let parts: Vec<&str> = given.get("parts")?;
                let expected = Expected::read(&expect)?;
                let parts = parts.into_iter().map(part).collect::<Replayed<Vec<_>>>()?;
                expected.met_by(given.find("attempt")?.unwrap_or(1), &parts)
            }
            "incrementing" => incrementing(&given, &expect),
            kind => {
                let attempt = match given.find("attempt")? {
                    Some(attempt) => attempt,
                    None if kind == "random" => 1,
                    None => return fail("given.attempt is missing"),
                };
                let expected = Expected::read(&expect)?;
                let (policy, outcome) = wait(&given, attempt)?;
                if outcome == Outcome::Declared(rules::SPREAD_BELOW_CAP) {
                    return Ok(outcome);
                }
                let met = outcome.and(expected.met_by(attempt, &[policy])?);
                // The range is the same, but not how often the shortest delay is drawn.
                let from_minimum =
                    kind == "full_jitter" && given.find::<Secs>("min")? > Some(Secs(Duration::ZERO));
                Ok(match met {
                    Outcome::Fail(_) if from_minimum && expected.mean.is_some() => {
                        let range = Expected { mean: None, ..expected };
                        range.met_by(attempt, &[policy])?.and(Outcome::Declared(rules::FLOOR_LAST))
                    }
                    met => met,
                })
            }
        }
    })
}

/// A strategy as a policy, and what is to be said of it; `attempt` is the one that it is asked about.
fn wait(given: &Fields<'_>, attempt: u32) -> Replayed<(Policy, Outcome)> {
    let secs = |key| -> Replayed<Option<Duration>> { Ok(given.find(key)?.map(|Secs(duration)| duration)) };
    let (least, most) = (secs("min")?.unwrap_or_default(), secs("max")?);
    let exponential = || -> Replayed<(Policy, Outcome)> {
        let base = secs("multiplier")?.unwrap_or(Duration::from_secs(1));
        let curve = Backoff::exponential(base);
        let curve = match given.find("exp_base")? {
            Some(factor) => built(curve.try_multiplier(factor))?,
            None => curve,
        };
        let (policy, outcome) = lenient_policy(curve, most)?;
        Ok((built(policy.try_min_delay(least))?, outcome))
    };
    let plain = |backoff| lenient_policy(backoff, most);
    match given.get("kind")? {
        "none" => plain(Backoff::fixed(Duration::ZERO)),
        "fixed" => plain(Backoff::fixed(given.get::<Secs>("wait")?.0)),
        "random" => Ok((between(least, given.get::<Secs>("max")?.0)?, Outcome::Pass)),
        "exponential" => exponential(),
        "full_jitter" => {
            let (policy, outcome) = exponential()?;
            Ok((policy.jitter(Jitter::Full), outcome))
        }
        "exponential_plus_jitter" => {
            let (Secs(jitter), (policy, outcome)) = (given.get("jitter")?, exponential()?);
            // Theirs adds a time to the ceiling, ours a part of it.
            let ceiling = built(policy.try_min_delay(Duration::ZERO))?.delay(attempt, Duration::ZERO, 0);
            let part = jitter.div_duration_f64(ceiling.max(Duration::from_nanos(1)));
            let policy = policy.jitter(built(Jitter::try_additive(part))?);
            let room = policy.settings().max_delay.saturating_sub(ceiling);
            let outcome =
                if room < jitter { outcome.and(Outcome::Declared(rules::SPREAD_BELOW_CAP)) } else { outcome };
            Ok((policy, outcome))
        }
        other => fail(format!("unknown kind: {other}")),
    }
}

/// A start, and so much more with each attempt; or so much less, down to nothing, which is a curve of a call's own here.
fn incrementing(given: &Fields<'_>, expect: &Fields<'_>) -> Replayed {
    let (Secs(start), attempt): (_, u32) = (given.get("start")?, given.get("attempt")?);
    let most = given.find("max")?.map(|Secs(most)| most);
    let increment: f64 = given.get("increment")?;
    let Ok(step) = Duration::try_from_secs_f64(increment.abs()) else {
        return fail(format!("given.increment = {increment}: not a number of seconds"));
    };
    let Secs(theirs) = expect.get("wait_s")?;
    let (policy, outcome) = lenient_policy(Backoff::linear(start, step), most)?;
    if increment >= 0.0 {
        return Ok(outcome.and(same_delay("wait", policy.delay(attempt, Duration::ZERO, 0), theirs)));
    }
    let falling = |failed: u32, _| start.saturating_sub(step.saturating_mul(failed.saturating_sub(1)));
    let ours = delay_of(&mut call_after(&policy, attempt.saturating_sub(1))?.backoff(falling), 0)?;
    Ok(outcome.and(same_delay("wait", ours, theirs)))
}

/// A strategy of a sum: `random(0,3)`, `fixed(5)`, `exponential(2)`, `incrementing(1,2)`, `none()`, in seconds.
fn part(text: &str) -> Replayed<Policy> {
    let parse = || {
        let (name, arguments) = text.strip_suffix(')')?.split_once('(')?;
        let secs = |argument: &str| Duration::try_from_secs_f64(argument.trim().parse().ok()?).ok();
        let arguments = arguments.split(',').filter(|argument| !argument.trim().is_empty());
        Some((name, arguments.map(secs).collect::<Option<Vec<_>>>()?))
    };
    let parsed = parse();
    let curve = match parsed.as_ref().map(|(name, arguments)| (*name, &arguments[..])) {
        Some(("random", &[least, most])) => return between(least, most),
        Some(("none", [])) => Backoff::fixed(Duration::ZERO),
        Some(("fixed", &[delay])) => Backoff::fixed(delay),
        Some(("exponential", &[base])) => Backoff::exponential(base),
        Some(("incrementing", &[start, increment])) => Backoff::linear(start, increment),
        _ => return fail(format!("unknown strategy: {text}")),
    };
    policy(curve, None)
}

/// A delay of its own for each error of a table, and one for all others.
fn by_error(given: &Fields<'_>, expect: &Fields<'_>) -> Replayed {
    let (error, table): (&str, _) = (given.get("error")?, given.fields("table")?);
    let Secs(other) = table.get("other")?;
    let Secs(theirs) = expect.get("wait_s")?;
    let attempt: u32 = given.find("attempt")?.unwrap_or(1);
    let mut rules = Vec::new();
    for name in table.keys().filter(|name| *name != "other") {
        let Secs(wait) = table.get(name)?;
        // A condition's rule lives for ever, as a `static` does.
        let rule: &'static Rule = Box::leak(Box::new(Rule::ANY.backoff(Backoff::fixed(wait))));
        rules.push((name, rule));
    }
    let policy = policy(Backoff::fixed(other), None)?;
    let rule = rules.iter().find(|(name, _)| *name == error);
    let failure = Failure::new(Class::Transient);
    let failure = rule.map_or(failure, |(_, rule)| failure.under(rule));
    let mut call = call_after(&policy, attempt.saturating_sub(1))?;
    match fail_once(&mut call, failure, &FakeClock::new(), 0)? {
        Verdict::Retry(ours) => Ok(same_delay("wait", ours, theirs)),
        end => fail(format!("no delay, but {end}")),
    }
}

/// One delay after the other, the last for ever.
fn chained(given: &Fields<'_>, expect: &Fields<'_>) -> Replayed {
    let strategies: Vec<Secs> = given.get("strategies_s")?;
    let strategies: Vec<_> = strategies.into_iter().map(|Secs(delay)| (Backoff::fixed(delay), 1)).collect();
    let Some(&(first, _)) = strategies.first() else {
        return match expect.find("error")? {
            Some(true) => Ok(Outcome::Declared(rules::CURVE_IS_CODE)),
            _ => fail("given.strategies_s is empty"),
        };
    };
    let curve = chain(&strategies);
    let policy = policy(first, None)?;
    if let Some(attempt) = given.find::<u32>("attempt")? {
        let Secs(theirs) = expect.get("wait_s")?;
        let ours = delay_of(&mut call_after(&policy, attempt.saturating_sub(1))?.backoff(curve), 0)?;
        return Ok(same_delay("wait", ours, theirs));
    }
    if given.find("always_retry")? != Some(true) {
        return fail("a chain without an attempt, and not retried to the end");
    }
    let attempts: u32 = given.get("max_attempts")?;
    let theirs: Vec<Secs> = expect.get("sleeps_s")?;
    let theirs: Vec<_> = theirs.into_iter().map(|Secs(delay)| delay).collect();
    let policy = built(policy.try_max_attempts(attempts))?;
    let (ours, end) = delays(call_after(&policy, 0)?.backoff(curve), attempts as usize, 0)?;
    Ok(Outcome::same("sleeps", (ours, end), (theirs, Some(GiveUp::Attempts))))
}

/// What is known of a delay.
struct Expected {
    exactly: Option<Duration>,
    range: Option<(Duration, Duration)>,
    /// Whether the longest delay is not quite reached.
    exclusive: bool,
    mean: Option<Mean>,
}

struct Mean {
    secs: f64,
    tolerance: f64,
    samples: usize,
}

impl Expected {
    fn read(expect: &Fields<'_>) -> Replayed<Self> {
        let exclusive = expect.has("max_s_exclusive");
        let range = if exclusive || expect.has("min_s") || expect.has("max_s") {
            let most = if exclusive { "max_s_exclusive" } else { "max_s" };
            let (Secs(least), Secs(most)) = (expect.get("min_s")?, expect.get(most)?);
            Some((least, most))
        } else {
            None
        };
        let mean = match expect.find("mean_s")? {
            None => None,
            Some(secs) => Some(Mean {
                secs,
                tolerance: expect.get("mean_tol")?,
                samples: expect.get::<u32>("mean_samples")? as usize,
            }),
        };
        let exactly = expect.find("wait_s")?.map(|Secs(wait)| wait);
        Ok(Self { exactly, range, exclusive, mean })
    }

    /// By the sum of these policies, each with a word of its own.
    fn met_by(&self, attempt: u32, policies: &[Policy]) -> Replayed {
        let sum = |word: &mut dyn FnMut() -> u64| -> Duration {
            let delays = policies.iter().map(|policy| policy.delay(attempt, Duration::ZERO, word()));
            delays.fold(Duration::ZERO, Duration::saturating_add)
        };
        let mut rng = draw::generator();
        let (shortest, longest) = (sum(&mut || 0), sum(&mut || u64::MAX));
        let mut outcome = Outcome::Pass;
        if let Some(theirs) = self.exactly {
            outcome =
                outcome.and(same_delay("wait", shortest, theirs)).and(same_delay("wait", longest, theirs));
        }
        if let Some((least, most)) = self.range {
            outcome = outcome.and(near("shortest", shortest, least)).and(near("longest", longest, most));
            for _ in 0..1_000 {
                let ours = sum(&mut || rng.next_u64());
                let inside =
                    ours >= least.min(LONGEST) && if self.exclusive { ours < most } else { ours <= most };
                outcome = outcome.and(Outcome::check(inside, || {
                    format!("wait: {ours:?}, not from {least:?} to {most:?}")
                }));
            }
        }
        if let Some(mean) = &self.mean {
            let delays = (0..mean.samples).map(|_| sum(&mut || rng.next_u64()).as_secs_f64());
            let ours = delays.sum::<f64>() / mean.samples as f64;
            outcome = outcome.and(Outcome::check((ours - mean.secs).abs() <= mean.tolerance, || {
                format!("mean: {ours} s for {} s", mean.secs)
            }));
        }
        Ok(outcome)
    }
}

/// The same end of a range, but for what its ratio is rounded by.
fn near(what: &str, ours: Duration, theirs: Duration) -> Outcome {
    if theirs > LONGEST {
        return same_delay(what, ours, theirs);
    }
    Outcome::near(what, ours.as_secs_f64(), theirs.as_secs_f64(), 1e-7)
}
