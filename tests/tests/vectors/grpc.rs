//! gRPC's proposal A6: backoff, limits, calls with pushback. Its throttle is replayed in `budgets/`.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use retry_core::{Backoff, Call, Failure, Jitter, Policy, Verdict, policy::Hints, testing::FakeClock};
use serde_json::Value;

use crate::grpc_pushback::{decided, failure};
use crate::json::{Fields, Ms, Replayed, Secs, fail, replay};
use crate::machine::{LONGEST, MOST_FAILURES, built, call_after, delays, fail_once, policy};
use crate::outcome::Outcome;
use crate::{budgets, draw, grpc_pushback, rules};

pub(crate) fn cases(meta: &Value, case: &Value) -> Outcome {
    if let Some(outcome) = budgets::grpc(meta, case) {
        return outcome;
    }
    replay(case, |case| {
        let (config, given) = (case.fields("config")?, case.fields("given")?);
        if config.has("hedging_delay_s") {
            hedging(case, &config)
        } else if config.has("initial_s") && case.has("steps") {
            pushbacks(case, &config)
        } else if config.has("initial_s") {
            backoff(case, &config, &given)
        } else if given.has("max_attempts") {
            limit(case, &given)
        } else if given.has("status") {
            grpc_pushback::decision(case, &given)
        } else if given.has("pushback") {
            grpc_pushback::spelling(case, &given)
        } else {
            fail("neither a config nor a response")
        }
    })
}

/// A service config.
struct Service {
    curve: Backoff,
    cap: Duration,
    jitter: Jitter,
    policy: Policy,
    /// The draw of every delay.
    word: u64,
}

impl Service {
    fn configured(config: &Fields<'_>) -> Replayed<Self> {
        let (Secs(initial), Secs(cap)) = (config.get("initial_s")?, config.get("max_s")?);
        let curve = built(Backoff::exponential(initial).try_multiplier(config.get("multiplier")?))?;
        let jitter = jitter(config.get("jitter")?)?;
        let (attempts, u): (u32, f64) = (config.get("max_attempts")?, config.get("u")?);
        let policy = policy(curve, Some(cap))?.jitter(jitter);
        let policy = policy.hints(Hints::Exact).max_hint(LONGEST);
        Ok(Self {
            curve,
            cap,
            jitter,
            policy: built(policy.try_max_attempts(attempts))?,
            word: draw::word(u)?,
        })
    }

    /// Whether a delay is the peer's, to a tenth of a ppm, which is what a deviation is precise to.
    ///
    /// `failed` are the failed attempts since the backoff started.
    fn same_delay(&self, failed: u32, ours: Duration, theirs: Duration) -> Replayed {
        let near = |ours: Duration| Outcome::near("delay", ours.as_secs_f64(), theirs.as_secs_f64(), 1e-7);
        // Theirs caps the ceiling, but not what jitter makes of it.
        let ceiling = self.curve.ceiling(failed).min(self.cap);
        let spread = policy(Backoff::fixed(ceiling), None)?.jitter(self.jitter);
        let spread = spread.delay(1, Duration::ZERO, self.word);
        Ok(if spread > self.cap && ours == self.cap && near(spread) == Outcome::Pass {
            Outcome::Declared(rules::CAP_LAST)
        } else {
            near(ours)
        })
    }
}

/// `0.8+0.4u`, by which a ceiling is multiplied; `u`, as the proposal had it at first.
fn jitter(text: &str) -> Replayed<Jitter> {
    if let "u" | "0+1u" = text {
        return Ok(Jitter::Full);
    }
    let parse = || {
        let (least, range) = text.strip_suffix('u')?.split_once('+')?;
        let (least, range): (f64, f64) = (least.parse().ok()?, range.parse().ok()?);
        let deviation = range / 2.0;
        ((least + deviation - 1.0).abs() < 1e-9).then_some(deviation)
    };
    match parse() {
        Some(deviation) => built(Jitter::try_proportional(deviation)),
        None => fail(format!("unknown jitter: {text}")),
    }
}

fn backoff(case: &Fields<'_>, config: &Fields<'_>, given: &Fields<'_>) -> Replayed {
    let expect = case.fields("expect")?;
    let failures: u32 = given.get("failures")?;
    let theirs: Vec<Secs> = expect.get("delays_s")?;
    let (attempts, then): (Option<u32>, Option<&str>) = (expect.find("attempts")?, expect.find("then")?);
    let service = Service::configured(config)?;
    let (ours, end) = delays(call_after(&service.policy, 0)?, failures as usize, service.word)?;
    let mut outcome = Outcome::same("number of delays", ours.len(), theirs.len());
    for ((failed, ours), Secs(theirs)) in (1..).zip(&ours).zip(theirs) {
        outcome = outcome.and(service.same_delay(failed, *ours, theirs)?);
    }
    if let Some(theirs) = attempts {
        outcome = outcome.and(Outcome::same("attempts", ours.len() + 1, theirs as usize));
    }
    match then {
        None => Ok(outcome),
        Some("stop") => Ok(outcome.and(Outcome::same("stops", end.is_some(), true))),
        Some(other) => fail(format!("unknown then: {other}")),
    }
}

/// One failed attempt, and what comes of it.
struct Step<'a> {
    failure: Failure,
    delay: Option<Ms>,
    decision: Option<&'a str>,
}

impl<'a> Step<'a> {
    fn read(step: &Fields<'a>) -> Replayed<Self> {
        let expect = step.fields("expect")?;
        Ok(Self {
            failure: failure(step)?,
            delay: expect.find("delay_ms")?,
            decision: expect.find("decision")?,
        })
    }
}

/// A call some of whose failures come with a pushback: after one, the backoff starts anew.
fn pushbacks(case: &Fields<'_>, config: &Fields<'_>) -> Replayed {
    let steps = case.list("steps")?;
    let steps = steps.iter().map(Step::read).collect::<Replayed<Vec<_>>>()?;
    let service = Service::configured(config)?;
    let pushed_back = AtomicU32::new(0);
    let since = |failed: u32| failed - pushed_back.load(Ordering::Relaxed);
    let curve = |failed: u32, _| service.curve.ceiling(since(failed));
    let clock = FakeClock::new();
    let mut call = Call::new(&service.policy, clock.now()).backoff(curve);

    let mut outcome = Outcome::Pass;
    for Step { failure, delay, decision } in steps {
        let verdict = fail_once(&mut call, failure, &clock, service.word)?;
        if let Verdict::Retry(ours) = verdict {
            clock.advance(ours);
        }
        if let Some(Ms(theirs)) = delay {
            outcome = outcome.and(match (verdict, failure.hint) {
                (Verdict::Retry(ours), Some(_)) => Outcome::same("delay", ours, theirs),
                (Verdict::Retry(ours), None) => service.same_delay(since(call.attempts()), ours, theirs)?,
                (end, _) => Outcome::Fail(format!("{end}, not a retry after {theirs:?}")),
            });
        }
        if failure.hint.is_some() {
            pushed_back.store(call.attempts(), Ordering::Relaxed);
        }
        if let Some(decision) = decision {
            outcome = outcome.and(decided(verdict, decision)?);
        }
    }
    Ok(outcome)
}

/// The most attempts of a call.
fn limit(case: &Fields<'_>, given: &Fields<'_>) -> Replayed {
    let most: u32 = given.get("max_attempts")?;
    let expect = case.fields("expect")?;
    // What is refused has no effective value.
    let refused = expect.find::<&Value>("effective")?.is_some_and(|effective| effective == "error");
    let effective: Option<u32> = if refused { None } else { expect.find("effective")? };
    let valid = if refused { Some(false) } else { expect.find("valid")? };
    let policy = Policy::fixed(Duration::ZERO).try_max_attempts(most);
    let mut outcome = Outcome::Pass;
    if let Some(theirs) = valid {
        outcome = outcome.and(match policy {
            Ok(_) if !theirs && most == 1 => Outcome::Declared(rules::NO_LIMIT_OF_ITS_OWN),
            _ => Outcome::same("valid", policy.is_ok(), theirs),
        });
    }
    if let Some(theirs) = effective {
        let policy = built(policy)?;
        let ours = if most <= MOST_FAILURES {
            let (delays, _) = delays(call_after(&policy, 0)?, most as usize, 0)?;
            delays.len() + 1
        } else {
            // Too many to make; so only as configured.
            policy.settings().max_attempts.unwrap_or(u32::MAX) as usize
        };
        outcome = outcome.and(if ours == most as usize && theirs < most {
            Outcome::Declared(rules::NO_LIMIT_OF_ITS_OWN)
        } else {
            Outcome::same("attempts", ours, theirs as usize)
        });
    }
    Ok(outcome)
}

fn hedging(case: &Fields<'_>, config: &Fields<'_>) -> Replayed {
    config.comments(&["max_attempts", "hedging_delay_s", "max_tokens", "token_ratio"]);
    for step in case.list("steps")? {
        step.comments(&["at_s", "sent"]);
        match step.find::<&str>("op")? {
            Some(op) if !op.starts_with("hedge") => return fail(format!("unknown op: {op}")),
            _ => step.fields("expect")?.comments(&["pending_timers", "tokens", "above", "final", "sent"]),
        }
    }
    Ok(Outcome::Declared(rules::ONE_ATTEMPT_AT_A_TIME))
}
