//! The token bucket of the AWS SDK for Rust.

use std::time::Duration;

use retry_core::{
    Class, ConfigError, Instant, TokenBucket,
    budget::{Budget, BudgetRules, Price},
    runtime::Initial,
    testing::FakeClock,
};
use serde_json::Value;

use super::{FREE, PRECISION, Shared, TOKEN, asked, clock, given_back, near, passes, same, succeeded};
use crate::json::{Fields, Replayed, fail, replay};
use crate::machine::built;
use crate::outcome::Outcome;
use crate::rules;

pub(crate) fn token_bucket(_: &Value, case: &Value) -> Outcome {
    replay(case, |case| {
        let (mut smithy, mut outcome) = Smithy::configured(&case.fields("config")?, clock(case)?)?;
        for step in case.list("steps")? {
            outcome = outcome.and(smithy.step(&step)?);
        }
        Ok(outcome)
    })
}

/// The bucket of the SDK, which keeps what successes and time have earned apart until someone asks for tokens.
struct Smithy {
    rules: TokenBucket,
    capacity: u32,
    bucket: Shared<TokenBucket>,
    /// What the peer has not turned into tokens yet.
    apart: Shared<TokenBucket>,
    /// The tokens of the peer.
    whole: Shared<TokenBucket>,
    /// Up to when the peer has counted the time.
    refilled: Instant,
    /// Whether the peer has kept something that did not fit.
    left_over: bool,
    clock: FakeClock,
}

/// What there is to see of a bucket after a step.
struct Seen {
    /// Whether the retry was granted that was asked for, if one was.
    granted: Option<bool>,
    millionths: u64,
    fraction: u64,
}

impl Smithy {
    fn configured(config: &Fields<'_>, clock: FakeClock) -> Replayed<(Self, Outcome)> {
        let capacity = config.find("capacity")?.unwrap_or(500);
        let retry_cost = config.find("retry_cost")?.unwrap_or(5);
        let rules = TokenBucket::AWS
            .capacity(capacity)
            .retry_cost(retry_cost)
            .timeout_cost(config.find("timeout_cost")?.unwrap_or(10))
            .rate_limit_cost(config.find("throttling_cost")?.unwrap_or(retry_cost));
        let mut outcome = Outcome::Pass;
        // What cannot be is for the peer the same as nothing.
        let mut fraction = |key, set: fn(TokenBucket, f64) -> Result<TokenBucket, ConfigError>, rules| {
            let value = float(config, key)?.unwrap_or(0.0);
            if value.is_finite() && value >= 0.0 {
                return built(set(rules, value));
            }
            let refused = set(rules, value).is_err();
            outcome = Outcome::check(refused, || format!("{key} = {value} is allowed"))
                .and(Outcome::Declared(rules::ERROR_AT_CONSTRUCTION));
            Ok(rules)
        };
        let rules = fraction("refill_rate", TokenBucket::try_refill_per_second, rules)?;
        let rules = fraction("success_reward", TokenBucket::try_success_reward, rules)?;
        let smithy = Self {
            rules,
            capacity,
            bucket: Shared::with_lock(rules),
            apart: Shared::with_lock(rules),
            whole: Shared::with_lock(rules.refill_per_second(0.0)),
            refilled: clock.now(),
            left_over: false,
            clock,
        };
        let initial = config.find("initial")?.unwrap_or(u64::from(capacity)) * TOKEN;
        smithy.fill(&smithy.bucket, initial);
        smithy.fill(&smithy.apart, 0);
        smithy.fill(&smithy.whole, initial);
        Ok((smithy, outcome))
    }

    fn step(&mut self, step: &Fields<'_>) -> Replayed {
        if let Some(passes) = passes(step)? {
            self.clock.advance(passes);
            return Ok(Outcome::Pass);
        }
        let op = step.get("op")?;
        if let "acquire_hold" | "refill" | "refill_no_convert" = op {
            self.refilled = self.clock.now();
        }
        if let "acquire_hold" | "refill" | "convert" = op {
            self.convert();
        }
        let mut granted = None;
        match op {
            "acquire_hold" => {
                let class = match step.get("kind")? {
                    "transient" => Class::Timeout,
                    "throttling" => Class::RateLimit,
                    "server" => Class::Server,
                    "client" => Class::Client,
                    other => return fail(format!("unknown kind: {other}")),
                };
                let ask =
                    |bucket: &Shared<TokenBucket>| bucket.withdraw(asked(class), self.refilled).is_some();
                granted = Some((ask(&self.bucket), ask(&self.whole)));
            }
            "reward_success" => {
                for bucket in [&self.bucket, &self.apart] {
                    bucket.deposit(succeeded(FREE), self.refilled);
                }
            }
            "set_fractional" => {
                let value = float(step, "value")?.filter(|value| value.is_finite());
                let Ok(apart) = Duration::try_from_secs_f64(value.unwrap_or(0.0)) else {
                    return fail(format!("value = {value:?}: not a number of tokens"));
                };
                let apart = u64::try_from(apart.as_micros()).unwrap_or(u64::MAX);
                self.fill(&self.bucket, self.bucket.held(self.refilled) * TOKEN + apart);
                self.fill(&self.apart, apart);
            }
            "refill" | "refill_no_convert" | "convert" | "read" => {}
            other => return fail(format!("unknown op: {other}")),
        }
        let expect = step.fields("expect")?;
        let held = |bucket: &Shared<TokenBucket>| bucket.held_millionths(self.refilled);
        let apart = held(&self.apart);
        let ours = Seen {
            granted: granted.map(|(ours, _)| ours),
            millionths: held(&self.bucket),
            fraction: match op {
                "read" | "refill_no_convert" => apart,
                _ => held(&self.bucket) % TOKEN,
            },
        };
        let theirs = Seen {
            granted: granted.map(|(_, theirs)| theirs),
            millionths: held(&self.whole),
            fraction: apart,
        };
        Ok(match self.compared(&expect, &ours)? {
            Outcome::Fail(_) if self.left_over && self.compared(&expect, &theirs)? == Outcome::Pass => {
                Outcome::Declared(rules::NEVER_MORE)
            }
            outcome => outcome,
        })
    }

    /// Makes whole tokens of what is apart.
    fn convert(&mut self) {
        let apart = self.apart.held_millionths(self.refilled);
        self.fill(&self.apart, apart % TOKEN);
        self.fill(&self.whole, (self.whole.held(self.refilled) + apart / TOKEN) * TOKEN);
        let full = self.bucket.held(self.refilled) == u64::from(self.capacity);
        self.left_over |= full && !apart.is_multiple_of(TOKEN);
    }

    fn compared(&self, expect: &Fields<'_>, seen: &Seen) -> Replayed {
        let tokens = |millionths| millionths as f64 / 1e6;
        let off = expect.find("fractional_tol")?.unwrap_or(PRECISION);
        let cost = |class| {
            let price =
                Shared::with_lock(self.rules.capacity(u32::MAX)).withdraw(asked(class), Instant::ORIGIN);
            price.map_or(0.0, |Price(millionths)| tokens(millionths))
        };
        let earned = |rewarded: bool, after: Duration| {
            let empty = Shared::with_lock(self.rules);
            self.fill(&empty, 0);
            if rewarded {
                empty.deposit(succeeded(FREE), Instant::ORIGIN);
            }
            tokens(empty.held_millionths(self.clock.now().after(after)))
        };
        let (at_once, second) = (Duration::ZERO, Duration::from_secs(1));
        Ok(same(expect, "ok", || seen.granted == Some(true))?
            .and(same(expect, "tokens", || seen.millionths / TOKEN)?)
            .and(near(expect, "fractional", off, || tokens(seen.fraction))?)
            .and(same(expect, "full", || seen.millionths == u64::from(self.capacity) * TOKEN)?)
            .and(same(expect, "empty", || seen.millionths < TOKEN)?)
            .and(same(expect, "capacity", || Shared::with_lock(self.rules).held(Instant::ORIGIN))?)
            .and(near(expect, "retry_cost", 0.0, || cost(Class::Server))?)
            .and(near(expect, "timeout_cost", 0.0, || cost(Class::Timeout))?)
            .and(near(expect, "throttling_cost", 0.0, || cost(Class::RateLimit))?)
            .and(near(expect, "success_reward", PRECISION, || earned(true, at_once))?)
            .and(near(expect, "refill_rate", PRECISION, || earned(false, second))?))
    }

    /// Brings a bucket to what it is to hold, at most its capacity.
    fn fill(&self, bucket: &Shared<TokenBucket>, millionths: u64) {
        let all = self.rules.retry_cost(self.capacity);
        bucket.with_state(|state| {
            *state = Initial::INITIAL;
            let _ = all.withdraw(state, asked(Class::Server), self.clock.now());
            all.deposit(state, given_back(Price(millionths)), self.clock.now());
        });
    }
}

/// A number, or the name of one that JSON has not.
fn float(fields: &Fields<'_>, key: &str) -> Replayed<Option<f64>> {
    let Some(value) = fields.find::<&Value>(key)? else {
        return Ok(None);
    };
    match (value.as_f64(), value.as_str()) {
        (Some(number), _) => Ok(Some(number)),
        (None, Some("Infinity")) => Ok(Some(f64::INFINITY)),
        (None, Some("-Infinity")) => Ok(Some(f64::NEG_INFINITY)),
        (None, Some("NaN")) => Ok(Some(f64::NAN)),
        _ => fail(format!("{key} = {value}: not a number")),
    }
}
