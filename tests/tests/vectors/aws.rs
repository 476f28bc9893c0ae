//! The AWS SDKs' standard retries: the curve alone, and a call that pays out of a token bucket.

use std::time::Duration;

use retry_core::{
    Backoff, Call, Class, ClassSet, Failure, GiveUp, Jitter, Policy, Rule, SharedBudget, TokenBucket,
    Verdict, circuit::NoCircuit, policy::Hints, testing::FakeClock,
};
use serde_json::Value;

use crate::json::{Fields, Ms, Replayed, Secs, fail, replay};
use crate::machine::{LONGEST, built, call_after, fail_once, lenient_policy, policy, same_delay};
use crate::outcome::Outcome;
use crate::{draw, rules};

pub(crate) fn exponential_backoff(_: &Value, case: &Value) -> Outcome {
    replay(case, |case| {
        let given = case.fields("given")?;
        let (Secs(initial), Secs(max)) = (given.get("initial_s")?, given.get("max_s")?);
        let (retries, jitter): (u32, f64) = (given.get("retry_attempts")?, given.get("jitter")?);
        let Secs(theirs) = case.fields("expect")?.get("delay_s")?;
        let (policy, outcome) = lenient_policy(Backoff::exponential(initial), Some(max))?;
        let policy = policy.jitter(Jitter::Full);
        // The peer's exponent is 1 after the first failure.
        let ours = policy.delay(retries.saturating_add(1), Duration::ZERO, draw::word(jitter)?);
        Ok(outcome.and(same_delay("delay", ours, theirs)))
    })
}

pub(crate) fn standard_retry(_: &Value, case: &Value) -> Outcome {
    replay(case, |case| {
        let config = case.fields("config")?;
        let steps = case.list("steps")?;
        let steps = steps.iter().map(Step::read).collect::<Replayed<Vec<_>>>()?;
        let sdk = Sdk::configured(&config)?;
        let mut call = None;
        let mut outcome = Outcome::Pass;
        for step in &steps {
            outcome = outcome.and(match step {
                Step::ForgetPermit => {
                    // Nothing is given back for a call that is not even dropped.
                    std::mem::forget(call.take());
                    Outcome::Pass
                }
                Step::Attempt(attempt) => sdk.attempt(&mut call, attempt)?,
            });
        }
        Ok(outcome)
    })
}

enum Step<'a> {
    Attempt(Attempt<'a>),
    ForgetPermit,
}

struct Attempt<'a> {
    /// From 1.
    number: u32,
    /// `None`: it succeeds.
    failure: Option<Failure>,
    decision: Option<&'a str>,
    delay: Option<Duration>,
    /// What a call that polls is told to wait though it stops.
    backoff_hint: Option<Duration>,
    tokens: Option<f64>,
}

impl<'a> Step<'a> {
    fn read(step: &Fields<'a>) -> Replayed<Self> {
        match step.find("op")? {
            Some("forget_held_permit") => return Ok(Self::ForgetPermit),
            Some(other) => return fail(format!("unknown op: {other}")),
            None => step.comments(&["note"]),
        }
        let class = match step.get("outcome")? {
            "success" => None,
            "transient" => Some(Class::Timeout),
            "throttling" => Some(Class::RateLimit),
            "server" => Some(Class::Server),
            "client" => Some(Class::Client),
            "non_retryable" => Some(Class::Permanent),
            other => return fail(format!("unknown outcome: {other}")),
        };
        let failure = match (class, step.find("retry_after_ms")?) {
            (Some(class), Some(Ms(hint))) => Some(Failure::new(class).retry_after(hint)),
            (class, _) => class.map(Failure::new),
        };
        let expect = step.fields("expect")?;
        let ms = |key| -> Replayed<Option<Duration>> { Ok(expect.find(key)?.map(|Ms(delay)| delay)) };
        Ok(Self::Attempt(Attempt {
            number: step.get("attempt")?,
            failure,
            decision: expect.find("decision")?,
            delay: ms("delay_ms")?,
            backoff_hint: ms("backoff_hint_ms")?,
            tokens: expect.find("tokens_after")?,
        }))
    }
}

type Bucket = SharedBudget<TokenBucket>;
type BudgetedCall<'a> = Call<&'a Policy, NoCircuit, &'a Bucket>;

/// A client of the SDK, in its standard mode.
struct Sdk {
    policy: Policy,
    /// The curve after throttling, which the policy has by a rule.
    throttled: Policy,
    bucket: Bucket,
    /// The draw of each delay.
    word: u64,
    spec: Spec,
    /// Whether a call that polls is to wait even where it stops for want of tokens.
    long_polling: bool,
    clock: FakeClock,
}

#[derive(Clone, Copy, PartialEq)]
enum Spec {
    /// A hint is cut to the cap.
    V2_0,
    /// A hint is cut to 5 s more than the delay would be.
    V2_1,
}

impl Sdk {
    fn configured(config: &Fields<'_>) -> Replayed<Self> {
        if config.get::<&str>("mode")? != "standard" {
            return fail(format!("unknown mode: {}", config.get::<&str>("mode")?));
        }
        let spec = match config.get("spec")? {
            "2.0" => Spec::V2_0,
            "2.1" => Spec::V2_1,
            other => return fail(format!("unknown spec: {other}")),
        };
        let ms = |key| config.get(key).map(|Ms(duration)| duration);
        let costs = config.fields("costs")?;
        let bucket = TokenBucket::AWS
            .capacity(config.get("capacity")?)
            .retry_cost(costs.get("retry_cost")?)
            .timeout_cost(costs.get("timeout_cost")?)
            .rate_limit_cost(costs.get("throttling_cost")?)
            .first_try_refund(costs.get("first_try_refund")?);
        let bucket = built(bucket.try_success_reward(costs.get("success_reward")?))?;

        let attempts: u32 = config.get("max_attempts")?;
        let (word, long_polling) = (draw::word(config.get("jitter_factor")?)?, config.get("long_polling")?);
        let (cap, initial) = (ms("max_backoff_ms")?, ms("initial_backoff_ms")?);
        let throttled = Backoff::exponential(ms("throttling_initial_backoff_ms")?);
        // A policy's rules live for ever: they stand in a `const`, as a rule.
        let rules = Vec::leak(vec![Rule::class(Class::RateLimit).backoff(throttled)]);
        let throttled = policy(throttled, Some(cap))?.jitter(Jitter::Full);
        let policy = policy(Backoff::exponential(initial), Some(cap))?
            .jitter(Jitter::Full)
            .retry_on(ClassSet::RETRYABLE.with(Class::Client))
            .hints(Hints::Clamp);
        let policy = match spec {
            Spec::V2_0 => policy,
            Spec::V2_1 => policy.max_hint(LONGEST),
        };
        Ok(Self {
            policy: built(built(policy.try_max_attempts(attempts))?.try_rules(rules))?,
            throttled,
            bucket: Bucket::new(bucket),
            word,
            spec,
            long_polling,
            clock: FakeClock::new(),
        })
    }

    /// Makes an attempt of the call under way, or of a new one if there is none that fits.
    fn attempt<'s>(&'s self, call: &mut Option<BudgetedCall<'s>>, step: &Attempt<'_>) -> Replayed {
        let mut current = match call.take() {
            Some(call) if call.attempts() + 1 == step.number => call,
            // What failed before has cost nothing; and to succeed without a permit is to succeed at once.
            _ => {
                let failed = if step.failure.is_some() { step.number.saturating_sub(1) } else { 0 };
                call_after(&self.policy, failed)?.budget(&self.bucket)
            }
        };
        let Some(mut failure) = step.failure else {
            match current.attempt(self.clock.now()) {
                Ok(attempt) => attempt.succeed(self.clock.now()),
                Err(rejected) => return fail(rejected.to_string()),
            }
            return Ok(self.told(step, None, None));
        };
        let backoff = self.backoff(failure.class, step.number);
        if self.spec == Spec::V2_1 {
            failure.hint = failure.hint.map(|hint| hint.min(backoff.saturating_add(Duration::from_secs(5))));
        }
        let (delay, hint) = match fail_once(&mut current, failure, &self.clock, self.word)? {
            Verdict::Retry(delay) => {
                self.clock.advance(delay);
                *call = Some(current);
                (Some(delay), None)
            }
            Verdict::GiveUp(GiveUp::Budget) if self.long_polling => (None, Some(backoff)),
            Verdict::GiveUp(_) | Verdict::Rejected(_) => (None, None),
        };
        // In 2.0 a hint takes the place of the backoff even where it is the shorter.
        let hinted = failure.hint.filter(|hint| self.spec == Spec::V2_0 && *hint < backoff);
        Ok(match (hinted, delay) {
            (Some(hint), Some(delay)) if step.delay == Some(hint) && delay == backoff => {
                self.told(step, step.delay, None).and(Outcome::Declared(rules::HINT_IS_A_FLOOR))
            }
            _ => self.told(step, delay, hint),
        })
    }

    /// The delay without a hint.
    fn backoff(&self, class: Class, failed: u32) -> Duration {
        let policy = if class == Class::RateLimit { &self.throttled } else { &self.policy };
        policy.delay(failed, Duration::ZERO, self.word)
    }

    /// What came of it, against what is expected.
    fn told(&self, step: &Attempt<'_>, delay: Option<Duration>, hint: Option<Duration>) -> Outcome {
        let decision = if delay.is_some() { "retry" } else { "stop" };
        let mut outcome = match step.decision {
            Some(theirs) => Outcome::same("decision", decision, theirs),
            None => Outcome::Pass,
        };
        if let Some(theirs) = step.delay {
            outcome = outcome.and(match delay {
                Some(ours) => same_delay("delay", ours, theirs),
                None => Outcome::same("delay", delay, Some(theirs)),
            });
        }
        if let Some(theirs) = step.backoff_hint {
            outcome = outcome.and(Outcome::same("backoff hint", hint, Some(theirs)));
        }
        if let Some(theirs) = step.tokens {
            let ours = self.bucket.held_millionths(self.clock.now()) as f64 / 1e6;
            outcome = outcome.and(Outcome::near("tokens", ours, theirs, 1e-6));
        }
        outcome
    }
}
