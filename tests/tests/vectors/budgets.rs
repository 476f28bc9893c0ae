//! Budgets of all the peers: quotas of tokens, shares of the requests, throttles.

use std::time::Duration;

use retry_core::{
    AdaptiveThrottle, Budget, BudgetRules, Call, Class, ConcurrencyShare, ConfigError, Deposit, Failure,
    FakeClock, Hints, Initial, Instant, LocalLock, Policy, Price, Recovery, Request, RequestShare,
    RetryThrottle, Rule, SharedBudget, SlidingSum, TokenBucket, Verdict,
};
use serde_json::Value;

use crate::json::{Fields, Ms, Replayed, Secs, fail, replay};
use crate::machine::{LONGEST, built, fail_once};
use crate::outcome::Outcome;
use crate::rules::ONE_ATTEMPT_AT_A_TIME;

/// Where the peer counts first and looks at its limit later, or keeps what does not fit.
const NEVER_MORE: &str = "a budget never holds more than its capacity, and never grants more than it holds";
/// Where the peer takes a number that cannot be for another.
const ERROR_AT_CONSTRUCTION: &str =
    "rule 8: a rate that is negative, infinite or NaN is an error at construction";
/// Where gRPC for Java takes a pushback for a reason to retry, and gRPC for Go does not.
const CLASS_FIRST: &str = "rule 9: the class is asked before the hint";

/// How far a float of the peer's may be off.
const PRECISION: f64 = 1e-6;

type Shared<B> = SharedBudget<B, LocalLock>;

const FREE: Price = Price(0);
/// In millionths.
const TOKEN: u64 = 1_000_000;
const START: Deposit = Deposit::Started { first: true };
const RESTART: Deposit = Deposit::Started { first: false };

fn asked(class: Class) -> Request {
    Request::new(class, 1, 0)
}

fn succeeded(price: Price) -> Deposit {
    Deposit::Succeeded { first: false, price }
}

fn failed(price: Price) -> Deposit {
    let class = Class::Server;
    Deposit::Failed { class, price }
}

fn given_back(price: Price) -> Deposit {
    let started = true;
    Deposit::Cancelled { started, price }
}

/// Compares with what is expected under a key, if anything is.
fn same<'a, T: crate::json::Typed<'a> + PartialEq + std::fmt::Debug>(
    expect: &Fields<'a>,
    key: &str,
    ours: impl FnOnce() -> T,
) -> Replayed {
    Ok(match expect.find::<T>(key)? {
        Some(theirs) => Outcome::same(key, ours(), theirs),
        None => Outcome::Pass,
    })
}

/// The same for a float, which may be off by this much.
fn near(expect: &Fields<'_>, key: &str, off: f64, ours: impl FnOnce() -> f64) -> Replayed {
    let Some(theirs) = expect.find::<f64>(key)? else {
        return Ok(Outcome::Pass);
    };
    let ours = ours();
    Ok(Outcome::check((ours - theirs).abs() <= off, || format!("{key}: {ours} for {theirs}")))
}

/// A clock as a case begins.
fn clock(case: &Fields<'_>) -> Replayed<FakeClock> {
    let clock = FakeClock::new();
    if let Some(Ms(start)) = case.find("start_epoch_ms")? {
        clock.advance(start);
    }
    Ok(clock)
}

/// The time that a step takes, if it is one that takes time.
fn passes(step: &Fields<'_>) -> Replayed<Option<Duration>> {
    Ok(match step.get("op")? {
        "advance" => Some(step.get::<Ms>("ms")?.0),
        "advance_s" => Some(step.get::<Secs>("s")?.0),
        _ => None,
    })
}

pub(crate) fn aws_token_bucket(_: &Value, case: &Value) -> Outcome {
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
        let rules = TokenBucket::DEFAULT
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
                .and(Outcome::Declared(ERROR_AT_CONSTRUCTION));
            Ok(rules)
        };
        let rules = fraction("refill_rate", TokenBucket::try_refill_per_second, rules)?;
        let rules = fraction("success_reward", TokenBucket::try_success_reward, rules)?;
        let smithy = Self {
            rules,
            capacity,
            bucket: Shared::new(rules),
            apart: Shared::new(rules),
            whole: Shared::new(rules.refill_per_second(0.0)),
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
                Outcome::Declared(NEVER_MORE)
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
            let price = Shared::new(self.rules.capacity(u32::MAX)).withdraw(asked(class), Instant::ORIGIN);
            price.map_or(0.0, |Price(millionths)| tokens(millionths))
        };
        let earned = |rewarded: bool, after: Duration| {
            let empty = Shared::new(self.rules);
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
            .and(same(expect, "capacity", || Shared::new(self.rules).held(Instant::ORIGIN))?)
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

/// A number that can be written as a whole one.
fn whole(number: f64) -> Option<u32> {
    number.to_string().parse().ok()
}

pub(crate) fn tower_tps_budget(_: &Value, case: &Value) -> Outcome {
    replay(case, |case| {
        let config = case.fields("config")?;
        let min: u32 = config.get("min_per_s")?;
        let Ms(ttl) = config.get("ttl_ms")?;
        let rules = share(ttl, f64::from(min), config.get("percent")?);
        shared_requests(case, rules)
    })
}

pub(crate) fn finagle(meta: &Value, case: &Value) -> Option<Outcome> {
    let config = &case["config"];
    match config["kind"].as_str() {
        Some("leaky" | "bounded" | "windowed_adder") => Some(replay(case, bucket)),
        None if config.is_object() && config.get("concat").is_none() => Some(replay(case, |case| {
            let config = case.fields("config")?;
            config.comments(&["clock"]);
            let number = |key| {
                let default = meta["defaults"][key].as_f64();
                match config.find(key)?.or(default) {
                    Some(number) => Ok(number),
                    None => fail(format!("config.{key} is missing, and has no default")),
                }
            };
            let ttl = Duration::try_from_secs_f64(number("ttl_s")?).unwrap_or(Duration::ZERO);
            shared_requests(case, share(ttl, number("min_retries_per_s")?, number("percent")?))
        })),
        _ => None,
    }
}

/// A share of the requests, if there is one like that.
fn share(ttl: Duration, min: f64, share: f64) -> Result<RequestShare, String> {
    // Less than none cannot even be written.
    let min = whole(min).ok_or(format!("min_retries_per_second = {min}"))?;
    RequestShare::DEFAULT
        .min_retries_per_second(min)
        .try_ttl(ttl)
        .and_then(|rules| rules.try_share(share))
        .map_err(|error| error.to_string())
}

fn shared_requests(case: &Fields<'_>, rules: Result<RequestShare, String>) -> Replayed {
    let (given, expect) = (case.fields("given")?, case.fields("expect")?);
    if let Some(error) = expect.find("error")? {
        return Ok(Outcome::same("error", rules.is_err(), error));
    }
    let (budget, clock) = (Shared::new(rules.or_else(fail)?), clock(case)?);
    let held = || budget.held(clock.now());
    let withdraw = || budget.withdraw(asked(Class::Server), clock.now()).is_some();

    let tolerance: u64 = expect.find("tol")?.unwrap_or(0);
    let mut outcome = same(&expect, "initial_balance", held)?;
    if let Some(requests) = given.find::<u64>("requests")? {
        let each: &str = given.get("each")?;
        let mut retried = 0;
        for _ in 0..requests {
            for op in each.split(';').map(str::trim) {
                match op {
                    "deposit" => budget.deposit(START, clock.now()),
                    "try_withdraw" => retried += u64::from(withdraw()),
                    other => return fail(format!("unknown op: {other}")),
                }
            }
        }
        let theirs = expect.find::<u64>("retried")?;
        outcome = outcome
            .and(Outcome::check(theirs.is_none_or(|theirs| retried.abs_diff(theirs) <= tolerance), || {
                format!("retried: {retried} for {theirs:?}")
            }));
    }
    outcome = outcome.and(same(&expect, "balance", held)?);
    if !case.has("steps") {
        return Ok(outcome);
    }
    for step in case.list("steps")? {
        let expect = step.fields("expect")?;
        match (passes(&step)?, step.get("op")?) {
            (Some(passes), _) => clock.advance(passes),
            (None, "deposit") => budget.deposit(START, clock.now()),
            (None, "withdraw") => {
                let granted = withdraw();
                outcome = outcome.and(same(&expect, "ok", || granted)?);
            }
            (None, "balance") => {}
            (None, other) => return fail(format!("unknown op: {other}")),
        }
        outcome = outcome.and(same(&expect, "balance", held)?);
    }
    Ok(outcome)
}

/// What a budget of Twitter's is made of: a sum over a window, a bucket that leaks into one, a bucket with a limit.
fn bucket(case: &Fields<'_>) -> Replayed {
    let config = case.fields("config")?;
    let (range, reserve) = match config.get("kind")? {
        "bounded" => return bounded(case, config.get("limit")?),
        "leaky" => ("ttl_ms", config.get::<u32>("reserve")?),
        _ => ("range_ms", 0),
    };
    let (Ms(range), slices): (Ms, u32) = (config.get(range)?, config.get("slices")?);
    macro_rules! windowed {
        ($($slices:literal)*) => {
            match slices {
                $($slices => windowed::<$slices>(case, range, reserve.into()),)*
                _ => fail(format!("slices = {slices}: not from 1 to 20")),
            }
        };
    }
    windowed!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20)
}

fn amount(step: &Fields<'_>) -> Replayed<i64> {
    let n: &Value = step.get("n")?;
    n.as_i64().map_or_else(|| fail(format!("n = {n}: not a whole number")), Ok)
}

fn windowed<const SLICES: usize>(case: &Fields<'_>, range: Duration, reserve: i64) -> Replayed {
    let slice = u64::try_from(range.as_nanos()).unwrap_or(u64::MAX) / SLICES as u64;
    let (clock, mut window) = (clock(case)?, SlidingSum::<SLICES>::EMPTY);
    let mut outcome = Outcome::Pass;
    for step in case.list("steps")? {
        let expect = step.fields("expect")?;
        window.advance(clock.now(), slice);
        match (passes(&step)?, step.get("op")?) {
            (Some(passes), _) => clock.advance(passes),
            (None, "put" | "add") => _ = window.add(amount(&step)?),
            (None, "incr") => _ = window.add(1),
            (None, "get") => {
                let amount = amount(&step)?;
                let granted = window.sum() + reserve >= amount && window.add(-amount).is_some();
                outcome = outcome.and(same(&expect, "ok", || granted)?);
            }
            (None, "count" | "sum") => {}
            (None, other) => return fail(format!("unknown op: {other}")),
        }
        for key in ["count", "sum"] {
            outcome = outcome.and(near(&expect, key, 0.0, || (window.sum() + reserve) as f64)?);
        }
    }
    Ok(outcome)
}

/// A token bucket that is empty at first.
fn bounded(case: &Fields<'_>, limit: u32) -> Replayed {
    let (clock, budget) = (clock(case)?, Shared::new(TokenBucket::DEFAULT.capacity(limit)));
    let take = |tokens| {
        let rules = budget.rules().retry_cost(tokens);
        budget.with_state(|state| rules.withdraw(state, asked(Class::Server), Instant::ORIGIN)).is_some()
    };
    take(limit);
    let mut outcome = Outcome::Pass;
    for step in case.list("steps")? {
        let expect = step.fields("expect")?;
        match (passes(&step)?, step.get("op")?) {
            (Some(passes), _) => clock.advance(passes),
            (None, "put") => {
                let price = Price(step.get::<u64>("n")?.saturating_mul(TOKEN));
                budget.deposit(given_back(price), clock.now());
            }
            (None, "get") => {
                let granted = take(step.get("n")?);
                outcome = outcome.and(same(&expect, "ok", || granted)?);
            }
            (None, "count") => {}
            (None, other) => return fail(format!("unknown op: {other}")),
        }
        outcome = outcome.and(same(&expect, "count", || budget.held(clock.now()))?);
    }
    Ok(outcome)
}

pub(crate) fn envoy(_: &Value, case: &Value) -> Option<Outcome> {
    let given = &case["given"];
    if given.get("budget_percent").is_some() {
        Some(replay(case, concurrency))
    } else if given.get("accepts").is_some() {
        Some(replay(case, |case| {
            let given = case.fields("given")?;
            let rules = built(AdaptiveThrottle::DEFAULT.try_multiplier(given.get("K")?))?;
            let budget = throttled(rules, given.get("requests")?, given.get("accepts")?)?;
            let expect = case.fields("expect")?;
            let ours = probability(&budget);
            let outcome = near(&expect, "p", PRECISION, || ours)?;
            // The peer draws a whole number of ten thousandths.
            let drawn = given.get::<u64>("random_u64")? % 10_000;
            let request = Request::new(Class::Server, 1, unmixed((drawn << 32).div_ceil(10_000) << 32));
            let refused = budget.withdraw(request, Instant::ORIGIN).is_none();
            Ok(outcome.and(same(&expect, "reject", || refused)?))
        }))
    } else {
        None
    }
}

/// How many retries there are at once, by the rules and in fact.
fn concurrency(case: &Fields<'_>) -> Replayed {
    let given = case.fields("given")?;
    let percent: f64 = given.get("budget_percent")?;
    let active: u32 = given.get("active_plus_pending")?;
    let rules = ConcurrencyShare::DEFAULT.minimum(given.get("min_retry_concurrency")?);
    let rules = built(rules.try_share(percent / 100.0))?;
    let theirs: u32 = case.fields("expect")?.get("max_concurrent_retries")?;

    // All that are active fail, one after the other, and are made again where that is granted.
    let budget = Shared::new(rules);
    (0..active).for_each(|_| budget.deposit(START, Instant::ORIGIN));
    for _ in 0..active {
        budget.deposit(failed(FREE), Instant::ORIGIN);
        let granted = budget.withdraw(asked(Class::Server), Instant::ORIGIN).is_some();
        budget.deposit(if granted { RESTART } else { START }, Instant::ORIGIN);
    }
    let granted = budget.retries_granted();
    Ok(Outcome::same("most retries", rules.most_retries(active), theirs).and(Outcome::same(
        "retries",
        granted,
        theirs.min(active),
    )))
}

/// A throttle that has seen so much.
fn throttled(rules: AdaptiveThrottle, requests: u64, accepts: u64) -> Replayed<Shared<AdaptiveThrottle>> {
    let budget = Shared::new(rules);
    let Some(rejects) = requests.checked_sub(accepts) else {
        return fail(format!("{accepts} accepts of {requests} requests"));
    };
    (0..accepts).for_each(|_| budget.deposit(succeeded(FREE), Instant::ORIGIN));
    (0..rejects).for_each(|_| budget.deposit(failed(FREE), Instant::ORIGIN));
    Ok(budget)
}

fn probability(budget: &Shared<AdaptiveThrottle>) -> f64 {
    budget.rejection_probability(Instant::ORIGIN) as f64 / 2_f64.powi(32)
}

/// The word out of which the throttle's mixing, the output function of SplitMix64, makes this one.
fn unmixed(word: u64) -> u64 {
    // Newton's method: each round doubles the number of right bits, of which an odd number has three.
    let inverse = |odd: u64| {
        (0..5).fold(odd, |guess, _| guess.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(guess))))
    };
    let unshifted = |word: u64, by: u32| word ^ (word >> by) ^ word.unbounded_shr(2 * by);
    let word = unshifted(word, 31).wrapping_mul(inverse(0x94d0_49bb_1331_11eb));
    let word = unshifted(word, 27).wrapping_mul(inverse(0xbf58_476d_1ce4_e5b9));
    unshifted(word, 30)
}

pub(crate) fn failsafe_go(_: &Value, case: &Value) -> Option<Outcome> {
    match case["given"]["fn"].as_str() {
        Some("adaptive_throttle") => Some(replay(case, |case| {
            let (given, expect) = (case.fields("given")?, case.fields("expect")?);
            given.comments(&["fn"]);
            let rules = AdaptiveThrottle::DEFAULT.minimum_attempts(given.get("execution_threshold")?);
            let threshold: f64 = given.get("success_rate_threshold")?;
            let rules = built(rules.try_multiplier(1.0 / threshold))?;
            let rules = built(rules.try_max_rejection(given.get("max_rejection")?))?;
            let ours = probability(&throttled(rules, given.get("executions")?, given.get("successes")?)?);
            let off = expect.find("tol")?.unwrap_or(PRECISION);
            let mut outcome = near(&expect, "rejection_rate", off, || ours)?;
            for (key, is) in [("gt", f64::gt as fn(&f64, &f64) -> bool), ("lt", f64::lt)] {
                let limit = expect.find::<f64>(key)?;
                outcome = outcome.and(Outcome::check(limit.is_none_or(|limit| is(&ours, &limit)), || {
                    format!("{ours} is not {key} {limit:?}")
                }));
            }
            Ok(outcome)
        })),
        Some("budget") => Some(replay(case, in_flight)),
        _ => None,
    }
}

/// Retries that are asked for and released one after the other.
fn in_flight(case: &Fields<'_>) -> Replayed {
    let given = case.fields("given")?;
    given.comments(&["fn"]);
    let rules = ConcurrencyShare::DEFAULT.minimum(given.get("min_concurrency")?);
    let rules = built(rules.try_share(given.get("max_rate")?))?;
    let (executions, retries): (u32, u32) = (given.get("executions")?, given.get("inflight_retries")?);

    let budget = Shared::new(rules);
    let tell = |deposit| budget.deposit(deposit, Instant::ORIGIN);
    // A retry that the peer has granted, whatever these rules say.
    let grant = || {
        let lenient = rules.minimum(u32::MAX);
        budget.with_state(|state| lenient.withdraw(state, asked(Class::Server), Instant::ORIGIN));
    };
    (0..executions).for_each(|_| tell(START));
    (0..retries).for_each(|_| grant());

    let mut outcome = Outcome::Pass;
    for event in case.fields("expect")?.get::<&[Value]>("sequence")? {
        match (event.as_bool(), event.as_str()) {
            (Some(theirs), _) => {
                let (before, most) =
                    (budget.retries_granted(), rules.most_retries(budget.attempts_under_way()));
                // The execution that asks has failed, but the peer counts it until its retry has ended.
                tell(failed(FREE));
                let ours = budget.withdraw(asked(Class::Server), Instant::ORIGIN).is_some();
                tell(START);
                outcome = outcome.and(match (ours, theirs) {
                    // The peer looks at its rate before it counts the retry it is asked for.
                    (false, true) if before == most => Outcome::Declared(NEVER_MORE),
                    _ => Outcome::same("granted", ours, theirs),
                });
                if theirs {
                    if !ours {
                        grant();
                    }
                    tell(RESTART);
                }
            }
            (None, Some("release")) => tell(succeeded(Price(1))),
            _ => return Err(Outcome::unknown("event", event)),
        }
    }
    Ok(outcome)
}

pub(crate) fn grpc(_: &Value, case: &Value) -> Option<Outcome> {
    let has = |object: &str, key: &str| case[object].get(key).is_some();
    if has("config", "hedging_delay_s") && has("config", "max_tokens") {
        Some(replay(case, hedges))
    } else if has("config", "tokens_before_call") {
        Some(replay(case, throttled_call))
    } else if has("config", "max_tokens") {
        Some(replay(case, throttle))
    } else if has("given", "max_tokens") || has("given", "token_ratio") {
        Some(replay(case, throttle_config))
    } else {
        None
    }
}

fn retry_throttle(config: &Fields<'_>) -> Replayed<Shared<RetryThrottle>> {
    let rules = built(RetryThrottle::DEFAULT.try_max_tokens(config.get("max_tokens")?))?;
    Ok(Shared::new(built(rules.try_token_ratio(config.get("token_ratio")?))?))
}

fn tokens(budget: &Shared<RetryThrottle>) -> f64 {
    f64::from(budget.held_thousandths()) / 1e3
}

fn throttle(case: &Fields<'_>) -> Replayed {
    let config = case.fields("config")?;
    let budget = retry_throttle(&config)?;
    let half = f64::from(budget.rules().most_thousandths()) / 2e3;
    let mut outcome = near(&config, "threshold", 0.0, || half)?;
    for step in case.list("steps")? {
        match step.get("op")? {
            "failure" => budget.deposit(failed(FREE), Instant::ORIGIN),
            "success" => budget.deposit(succeeded(FREE), Instant::ORIGIN),
            other => return fail(format!("unknown op: {other}")),
        }
        let expect = step.fields("expect")?;
        let granted = || budget.withdraw(asked(Class::Server), Instant::ORIGIN).is_some();
        outcome = outcome
            .and(same(&expect, "retry_allowed", granted)?)
            .and(same(&expect, "above_threshold", || budget.grants_retries())?)
            .and(near(&expect, "tokens", PRECISION, || tokens(&budget))?);
    }
    Ok(outcome)
}

/// A call that fails once, with what the server says of it.
fn throttled_call(case: &Fields<'_>) -> Replayed {
    // No, says the server.
    static REFUSED: Rule = Rule::ANY.recovery(Recovery::Fail);
    const POLICY: Policy = Policy::DEFAULT.hints(Hints::Exact).hint_limit(LONGEST);

    let (config, given, expect) = (case.fields("config")?, case.fields("given")?, case.fields("expect")?);
    let budget = retry_throttle(&config)?;
    let before: f64 = config.get("tokens_before_call")?;
    while tokens(&budget) > before {
        budget.deposit(failed(FREE), Instant::ORIGIN);
    }
    if tokens(&budget) < before {
        let rest = built(budget.rules().try_token_ratio(before - tokens(&budget)))?;
        budget.with_state(|state| rest.deposit(state, succeeded(FREE), Instant::ORIGIN));
    }

    let failure = match given.get("status")? {
        "retryable" => Failure::new(Class::Server),
        "non_retryable" => Failure::new(Class::Permanent),
        other => return fail(format!("unknown status: {other}")),
    };
    let pushback = given.find::<&str>("pushback")?.map(|text| text.parse().map(Duration::from_millis));
    let failure = match pushback {
        None => failure,
        Some(Ok(delay)) => failure.retry_after(delay),
        // A server that refuses is as overloaded as one that fails.
        Some(Err(_)) => Failure::new(Class::Server).under(&REFUSED),
    };
    let clock = FakeClock::new();
    let mut call = Call::new(&POLICY, clock.now()).budget(&budget);
    let verdict = fail_once(&mut call, failure, &clock, 0)?;
    let ours = match verdict {
        Verdict::Retry(delay) => format!("retry_after_{}ms", delay.as_millis()),
        Verdict::GiveUp(_) | Verdict::Rejected(_) => "stop".into(),
    };
    // What follows in brackets is a remark.
    let theirs: &str = expect.get("decision")?;
    let decision = match (failure.class, theirs.split(' ').next()) {
        (Class::Permanent, Some(theirs)) if ours == "stop" && theirs.starts_with("retry_after_") => {
            Outcome::Declared(CLASS_FIRST)
        }
        (_, theirs) => Outcome::same("decision", Some(&*ours), theirs),
    };
    Ok(decision.and(near(&expect, "tokens_after", PRECISION, || tokens(&budget))?))
}

/// What the throttle makes of hedged requests that fail; when they are sent is another matter.
fn hedges(case: &Fields<'_>) -> Replayed {
    let config = case.fields("config")?;
    config.comments(&["max_attempts", "hedging_delay_s"]);
    let budget = retry_throttle(&config)?;
    let mut outcome = Outcome::Declared(ONE_ATTEMPT_AT_A_TIME);
    for step in case.list("steps")? {
        step.comments(&["at_s", "sent"]);
        let Some(op) = step.find::<&str>("op")? else {
            continue;
        };
        if !op.starts_with("hedge") || !op.ends_with(" fails non-fatal") {
            return fail(format!("unknown op: {op}"));
        }
        budget.deposit(failed(FREE), Instant::ORIGIN);
        let expect = step.fields("expect")?;
        expect.comments(&["final", "sent"]);
        outcome = outcome.and(same(&expect, "above", || budget.grants_retries())?).and(near(
            &expect,
            "tokens",
            PRECISION,
            || tokens(&budget),
        )?);
    }
    Ok(outcome)
}

/// Which configurations are valid, and what is made of a ratio.
fn throttle_config(case: &Fields<'_>) -> Replayed {
    let (given, expect) = (case.fields("given")?, case.fields("expect")?);
    let rules = RetryThrottle::DEFAULT;
    let rules = match given.find::<f64>("max_tokens")? {
        None => Ok(rules),
        // Neither a negative number nor a fraction of a token can even be written.
        Some(tokens) => match whole(tokens).map(|tokens| rules.try_max_tokens(tokens)) {
            Some(Ok(rules)) => Ok(rules),
            Some(Err(_)) | None => Err(tokens),
        },
    };
    let ratio = given.find::<f64>("token_ratio")?;
    let rules = rules.and_then(|rules| match ratio {
        None => Ok(rules),
        Some(ratio) => rules.try_token_ratio(ratio).map_err(|_| ratio),
    });
    let valid = same(&expect, "valid", || rules.is_ok())?;
    let effective = near(&expect, "effective", PRECISION, || {
        rules.map_or(f64::NAN, |rules| f64::from(rules.earns_thousandths()) / 1e3)
    })?;
    Ok(valid.and(effective))
}
