//! How each setting is set, in code and in a file.

use std::time::Duration;

use retry_core::{
    Backoff, CircuitConfig, CircuitPool, Class, ClassSet, ConfigError, Jitter, Policy, Preset, Recovery,
    Retry, Rule, SharedBudget, SharedCircuit, TokenBucket,
    budget::{
        AdaptiveThrottle, Budget as _, BudgetConfig, ConcurrencyShare, Request, RequestShare, RetryThrottle,
    },
    circuit::Start,
    dead_letter::{
        DeadLetter, DeadLetterQueue, JsonLinesReader, JsonLinesSink, LetterContext, OnDisk, WhenFull,
    },
    observe::Queued,
    policy::{BackoffKind, Hints},
    runtime::LocalLock,
    testing::FakeClock,
};
use tests::{ms, secs};

/// How a setting of a table is set. Each way says whether the outcome is the default.
pub(crate) enum Set {
    Count(fn(u32) -> Tried),
    Percent(fn(u8) -> Tried),
    Size(fn(usize) -> Tried),
    Time(fn(Duration) -> Tried),
    /// With the smallest difference that counts.
    Number(fn(f64) -> Tried, f64),
    /// One of a few values by name. The names are also those of this type's variants in the sources, if one is given.
    Name(fn(&str) -> Tried, Option<&'static str>),
    Classes(fn(ClassSet) -> Tried),
}

/// `Ok(true)`: the outcome is the default.
pub(crate) type Tried = Result<bool, String>;

/// How a setting is set in a file: with these lines before it, which it needs.
#[derive(Clone, Copy)]
pub(crate) enum InFile {
    Nowhere,
    Policy(&'static str),
    Rule(&'static str),
    Budget(&'static str),
    Circuit(&'static str),
    /// Its window limits the value, so a circuit is made of it.
    CircuitThatFits(&'static str),
}

impl InFile {
    /// Whether the file is accepted with this line, and whether it then says the default.
    pub(crate) fn set(self, line: &str) -> Tried {
        match self {
            Self::Nowhere => Err("in no file".into()),
            Self::Policy(before) => {
                let policy = toml::from_str::<Policy>(&format!("{before}\n{line}\n"));
                policy.map(|policy| policy == Policy::DEFAULT).map_err(|error| error.message().into())
            }
            Self::Rule(before) => {
                let policy = toml::from_str::<Policy>(&format!("[[rules]]\n{before}\n{line}\n"));
                policy.map(|policy| policy.settings().rules[0] == ANY).map_err(|error| error.message().into())
            }
            Self::Budget(before) => {
                let read = |lines: &str| {
                    toml::from_str::<BudgetConfig>(lines).map_err(|error| error.message().to_owned())
                };
                Ok(read(&format!("{before}\n{line}\n"))? == read(before)?)
            }
            Self::Circuit(before) | Self::CircuitThatFits(before) => {
                let config = toml::from_str::<CircuitConfig>(&format!("{before}\n{line}\n"));
                let config = config.map_err(|error| error.message().to_owned())?;
                if let Self::CircuitThatFits(_) = self {
                    return fits(Ok(config));
                }
                Ok(same_rules(config))
            }
        }
    }
}

/// A file's rules replace those of the default, so only what is not a rule is compared, and the rules one by one.
pub(crate) fn same_rules(config: CircuitConfig) -> bool {
    let (says, default) = (config.settings(), CircuitConfig::DEFAULT.settings());
    let same = |it: Option<u32>, default: Option<u32>| it.is_none() || it == default;
    // Only a rate has a minimum of calls.
    let has_rate = says.failure_rate.or(says.slow_rate).is_some();
    let has_minimum = has_rate || says.consecutive_failures.or(says.failures_in_window).is_none();
    same(says.consecutive_failures, default.consecutive_failures)
        && same(says.failure_rate.map(u32::from), default.failure_rate.map(u32::from))
        && same(says.failures_in_window, default.failures_in_window)
        && same(says.slow_rate.map(u32::from), default.slow_rate.map(u32::from))
        && says.slow_after == default.slow_after
        && (says.minimum_calls == default.minimum_calls || !has_minimum)
        && says.window.unwrap_or(N) == default.window.unwrap_or(N)
        && says.window_time == default.window_time
        && says.open_for == default.open_for
        && says.open_growth == default.open_growth
        && says.max_open_for == default.max_open_for
        && says.open_jitter == default.open_jitter
        && (says.probes, says.success_threshold) == (default.probes, default.success_threshold)
        && (says.probe_failures, says.max_probes) == (default.probe_failures, default.max_probes)
        && (says.lease, says.ramp) == (default.lease, default.ramp)
        && says.count_as_failure == default.count_as_failure
}

pub(crate) fn told<T: PartialEq>(result: Result<T, ConfigError>, default: T) -> Tried {
    result.map(|it| it == default).map_err(|error| error.to_string())
}

pub(crate) fn policy(result: Result<Policy, ConfigError>) -> Tried {
    told(result, Policy::DEFAULT)
}

pub(crate) fn circuit(result: Result<CircuitConfig, ConfigError>) -> Tried {
    told(result, CircuitConfig::DEFAULT)
}

/// The window of `SharedCircuit::new`.
pub(crate) const N: u32 = 100;

/// Whether a circuit takes the configuration.
pub(crate) fn fits(result: Result<CircuitConfig, ConfigError>) -> Tried {
    let config = result.map_err(|error| error.to_string())?;
    SharedCircuit::try_new(config).map(|_| same_rules(config)).map_err(|error| error.to_string())
}

pub(crate) const ANY: Rule = Rule::ANY;

/// All settings with a range or a default, by section, by the name in the first cell, and by the key.
#[rustfmt::skip]
pub(crate) const SETTINGS: &[(&str, &str, &str, Set, InFile)] = {
    use InFile::{Budget as B, Circuit as C, Nowhere as No, Policy as P, Rule as U};
    use Set::{Classes, Count, Name, Number, Percent, Size, Time};
    const D: Policy = Policy::DEFAULT;
    const E: CircuitConfig = CircuitConfig::DEFAULT;
    const T: TokenBucket = TokenBucket::DEFAULT;
    const R: RetryThrottle = RetryThrottle::DEFAULT;
    const Q: RequestShare = RequestShare::DEFAULT;
    const S: ConcurrencyShare = ConcurrencyShare::DEFAULT;
    const A: AdaptiveThrottle = AdaptiveThrottle::DEFAULT;
    const MILLIONTH: f64 = 1e-6;
    const FLOAT: f64 = f64::EPSILON;
    &[
        ("Policy", "Preset::named", "preset", Name(|name| Preset::named(name).map(|it| it == Preset::DEFAULT).ok_or("none".into()), None), P("")),
        ("Policy", "backoff", "backoff", Name(|name| Ok(name == kind(Policy::DEFAULT.settings().backoff.kind())), None), P("")),
        ("Policy", "exponential", "base_delay", Time(|base| Ok(Policy::exponential(base).start_within(secs(300)) == D)), No),
        ("Policy", "multiplier", "multiplier", Number(|by| policy(D.try_multiplier(by)), FLOAT), P("")),
        ("Policy", "Backoff::linear", "increment", Time(|increment| Ok(Policy::backoff(Backoff::linear(ms(100), increment)) == D)), P("backoff = 'linear'")),
        ("Policy", "Backoff::polynomial", "degree", Count(|degree| Ok(Policy::backoff(Backoff::polynomial(ms(100), degree)) == D)), P("backoff = 'polynomial'")),
        ("Policy", "jitter", "jitter", Name(|name| Ok(name == "full" && D.jitter(Jitter::Full) == D), None), P("")),
        ("Policy", "Jitter::proportional", "deviation", Number(|share| told(Jitter::try_proportional(share), Jitter::Full), FLOAT), P("jitter = 'proportional'")),
        ("Policy", "Jitter::additive", "deviation", Number(|share| told(Jitter::try_additive(share), Jitter::Full), FLOAT), P("jitter = 'additive'")),
        ("Policy", "min_delay", "min_delay", Time(|delay| policy(D.try_min_delay(delay))), P("")),
        ("Policy", "max_delay", "max_delay", Time(|delay| policy(D.try_max_delay(delay))), P("")),
        ("Policy", "max_attempts", "max_attempts", Count(|attempts| policy(D.try_max_attempts(attempts))), P("")),
        ("Policy", "start_within", "start_within", Time(|limit| policy(D.try_start_within(limit))), P("")),
        ("Policy", "total_timeout", "total_timeout", Time(|limit| policy(D.try_total_timeout(limit))), P("")),
        ("Policy", "attempt_timeout", "attempt_timeout", Time(|limit| policy(D.try_attempt_timeout(limit))), P("")),
        ("Policy", "reset_after", "reset_after", Time(|limit| policy(D.try_reset_after(limit))), P("")),
        ("Policy", "hints", "hints", Name(|name| Ok(name == "floor" && D.hints(Hints::Floor) == D), Some("Hints")), P("")),
        ("Policy", "max_hint", "max_hint", Time(|limit| Ok(D.max_hint(limit).settings().max_hint.unwrap_or(secs(30)) == secs(30))), P("")),
        ("Policy", "poll_every", "poll_every", Time(|delay| Ok(D.poll_every(delay) == D)), P("")),
        ("Policy", "max_polls", "max_polls", Count(|polls| match D.try_max_polls(polls) { Ok(it) => Ok(it.settings().max_polls.unwrap_or(3) == 3), Err(error) => Err(error.to_string()) }), P("")),
        ("Policy", "retry_on", "retry_on", Classes(|classes| Ok(D.retry_on(classes) == D)), P("")),
        ("Policy", "neutral_on", "neutral_on", Classes(|classes| Ok(D.neutral_on(classes) == D)), P("")),

        ("Rules", "from_attempt", "from_attempt", Count(|attempt| Ok(ANY.from_attempt(attempt) == ANY)), U("")),
        ("Rules", "after", "after", Time(|elapsed| Ok(ANY.after(elapsed) == ANY)), U("")),
        ("Rules", "recovery", "recovery", Name(|_| Ok(ANY.recovery(Recovery::Fail) == ANY), Some("Recovery")), U("")),
        ("Rules", "Backoff::multiplier", "multiplier", Number(|by| told(Backoff::exponential(ms(100)).try_multiplier(by), Backoff::exponential(ms(100))), FLOAT), No),
        ("Rules", "Backoff::linear", "increment", Time(|_| Ok(false)), U("backoff = 'linear'")),
        ("Rules", "Backoff::polynomial", "degree", Count(|_| Ok(false)), U("backoff = 'polynomial'")),
        ("Rules", "Jitter::proportional", "deviation", Number(|share| told(Jitter::try_proportional(share), Jitter::Full), FLOAT), U("jitter = 'proportional'")),
        ("Rules", "Jitter::additive", "deviation", Number(|share| told(Jitter::try_additive(share), Jitter::Full), FLOAT), U("jitter = 'additive'")),
        ("Rules", "max_attempts", "max_attempts", Count(|attempts| told(ANY.try_max_attempts(attempts), ANY)), U("")),

        ("Circuits", "WITHOUT_RULES", "without_rules", Name(|name| Ok(name == "false"), None), C("")),
        ("Circuits", "consecutive_failures", "consecutive_failures", Count(|failures| circuit(E.try_consecutive_failures(failures))), C("")),
        ("Circuits", "failures_in_window", "failures_in_window", Count(|failures| fits(E.try_failures_in_window(failures))), InFile::CircuitThatFits("")),
        ("Circuits", "failure_rate", "failure_rate", Percent(|percent| circuit(E.try_failure_rate(percent))), C("")),
        ("Circuits", "slow_rate", "slow_rate", Percent(|percent| circuit(E.try_slow_rate(percent))), C("slow_after = '1s'")),
        ("Circuits", "slow_after", "slow_after", Time(|limit| circuit(E.try_slow_after(limit))), C("")),
        ("Circuits", "minimum_calls", "minimum_calls", Count(|calls| fits(E.try_minimum_calls(calls))), InFile::CircuitThatFits("")),
        ("Circuits", "window", "window", Count(|calls| fits(E.minimum_calls(1).try_window(calls)).map(|_| calls == N)), InFile::CircuitThatFits("")),
        ("Circuits", "window_time", "window_time", Time(|time| circuit(E.try_window_time(time))), C("")),
        ("Circuits", "count_as_failure", "count_as_failure", Classes(|classes| Ok(E.count_as_failure(classes) == E)), C("")),
        ("Circuits", "cancelled_after", "cancelled_after", Time(|least| circuit(E.try_cancelled_after(least))), C("")),
        ("Circuits", "max_hint", "max_hint", Time(|longest| Ok(E.max_hint(longest) == E)), C("")),
        ("Circuits", "rate_limit_hold", "rate_limit_hold", Time(|longest| Ok(E.rate_limit_hold(longest) == E)), C("")),
        ("Circuits", "open_for", "open_for", Time(|time| Ok(E.open_for(time) == E)), C("")),
        ("Circuits", "open_growth", "open_growth", Number(|by| circuit(E.try_open_growth(by, secs(30))), FLOAT), No),
        ("Circuits", "open_growth", "max_open_for", Time(|longest| circuit(E.try_open_growth(1.0, longest))), C("open_growth = 1")),
        ("Circuits", "open_jitter", "open_jitter", Name(|name| Ok(name == "none" && E.open_jitter(Jitter::None) == E), None), C("")),
        ("Circuits", "Jitter::proportional", "open_deviation", Number(|share| told(Jitter::try_proportional(share), Jitter::None), FLOAT), C("open_jitter = 'proportional'")),
        ("Circuits", "Jitter::additive", "open_deviation", Number(|share| told(Jitter::try_additive(share), Jitter::None), FLOAT), C("open_jitter = 'additive'\nopen_growth = 1\nmax_open_for = '60s'")),
        ("Circuits", "probes", "probes", Count(|probes| circuit(E.try_probes(probes))), C("")),
        ("Circuits", "success_threshold", "success_threshold", Count(|successes| circuit(E.try_success_threshold(successes))), C("")),
        ("Circuits", "probe_failures", "probe_failures", Count(|failures| Ok(E.probe_failures(failures) == E)), C("")),
        ("Circuits", "max_probes", "max_probes", Count(|probes| circuit(E.try_max_probes(probes))), C("")),
        ("Circuits", "probe_rate", "probe_rate", Percent(|percent| circuit(E.try_probe_rate(10, percent)).map(|_| false)), C("probes = 10")),
        ("Circuits", "lease", "lease", Time(|time| circuit(E.try_lease(time))), C("")),
        ("Circuits", "ramp", "ramp", Time(|time| Ok(E.ramp(time) == E)), C("")),
        ("Circuits", "starting", "-", Name(|name| Ok(name == format!("{:?}", Start::default())), Some("Start")), No),

        ("TokenBucket", "capacity", "capacity", Count(|tokens| Ok(T.capacity(tokens) == T)), B("kind = 'token_bucket'")),
        ("TokenBucket", "retry_cost", "retry_cost", Count(|tokens| Ok(T.retry_cost(tokens) == T)), B("kind = 'token_bucket'")),
        ("TokenBucket", "timeout_cost", "timeout_cost", Count(|tokens| Ok(T.timeout_cost(tokens) == T)), B("kind = 'token_bucket'")),
        ("TokenBucket", "rate_limit_cost", "rate_limit_cost", Count(|tokens| Ok(cost_of_a_rate_limit(T.rate_limit_cost(tokens)) == cost_of_a_rate_limit(T))), B("kind = 'token_bucket'")),
        ("TokenBucket", "first_try_refund", "first_try_refund", Count(|tokens| Ok(T.first_try_refund(tokens) == T)), B("kind = 'token_bucket'")),
        ("TokenBucket", "success_reward", "success_reward", Number(|tokens| told(T.try_success_reward(tokens), T), MILLIONTH), B("kind = 'token_bucket'")),
        ("TokenBucket", "refill_per_second", "refill_per_second", Number(|tokens| told(T.try_refill_per_second(tokens), T), MILLIONTH), B("kind = 'token_bucket'")),
        ("RetryThrottle", "max_tokens", "max_tokens", Count(|tokens| told(R.try_max_tokens(tokens), R)), B("kind = 'retry_throttle'")),
        ("RetryThrottle", "token_ratio", "token_ratio", Number(|tokens| told(R.try_token_ratio(tokens), R), MILLIONTH), B("kind = 'retry_throttle'")),
        ("RetryThrottle", "refill_per_second", "refill_per_second", Number(|tokens| told(R.try_refill_per_second(tokens), R), MILLIONTH), B("kind = 'retry_throttle'")),
        ("RetryThrottle", "count_as_failure", "count_as_failure", Classes(|classes| Ok(R.count_as_failure(classes) == R)), B("kind = 'retry_throttle'")),
        ("RequestShare", "share", "share", Number(|share| told(Q.try_share(share), Q), MILLIONTH), B("kind = 'request_share'")),
        ("RequestShare", "ttl", "ttl", Time(|ttl| told(Q.try_ttl(ttl), Q)), B("kind = 'request_share'")),
        ("RequestShare", "min_retries_per_second", "min_retries_per_second", Count(|retries| Ok(Q.min_retries_per_second(retries) == Q)), B("kind = 'request_share'")),
        ("ConcurrencyShare", "share", "share", Number(|share| told(S.try_share(share), S), MILLIONTH), B("kind = 'concurrency_share'")),
        ("ConcurrencyShare", "min_retries", "min_retries", Count(|retries| Ok(S.min_retries(retries) == S)), B("kind = 'concurrency_share'")),
        ("AdaptiveThrottle", "multiplier", "multiplier", Number(|by| told(A.try_multiplier(by), A), MILLIONTH), B("kind = 'adaptive_throttle'")),
        ("AdaptiveThrottle", "max_rejection", "max_rejection", Number(|most| told(A.try_max_rejection(most), A), MILLIONTH), B("kind = 'adaptive_throttle'")),
        ("AdaptiveThrottle", "window", "window", Time(|window| told(A.try_window(window), A)), B("kind = 'adaptive_throttle'")),
        ("AdaptiveThrottle", "min_attempts", "min_attempts", Count(|attempts| Ok(A.min_attempts(attempts) == A)), B("kind = 'adaptive_throttle'")),
        ("AdaptiveThrottle", "count_as_rejection", "count_as_rejection", Classes(|classes| Ok(A.count_as_rejection(classes) == A)), B("kind = 'adaptive_throttle'")),

        ("Pools", "CircuitPool::new", "-", Size(pool_of), No),
        ("Budgets", "BudgetConfig", "kind", Name(|_| Ok(false), None), No),
        ("Operations", "log_level", "log_level", Name(|name| Ok(name == "trace"), Some("LogLevel")), No),
        ("Operations", "dead_letter", "dead_letter", Name(|name| Ok((name == "true") == Preset::new("stock", D).dead_letter), None), No),
        ("Dead letters", "delivery_timeout", "-", Time(waits_for_letters), No),
        ("Dead letters", "DeadLetterQueue::new", "-", Size(|capacity| { let _ = DeadLetterQueue::<u32>::new(capacity, WhenFull::Refuse); Ok(false) }), No),
        ("Dead letters", "WhenFull", "-", Name(|_| Ok(false), Some("WhenFull")), No),
        ("Dead letters", "on_disk", "-", Name(|name| Ok(name == format!("{:?}", OnDisk::default())), Some("OnDisk")), No),
        ("Dead letters", "JsonLinesSink::limit", "-", Size(|bytes| Ok(bytes == JsonLinesSink::LIMIT)), No),
        ("Dead letters", "JsonLinesReader::limit", "-", Size(|bytes| Ok(bytes == JsonLinesReader::<u32>::LIMIT)), No),
        ("Metrics, logs and records", "Queued::new", "-", Size(|events| Queued::try_new(events).map(|_| false).map_err(|error| error.to_string())), No),
    ]
};

pub(crate) fn kind(kind: BackoffKind) -> &'static str {
    match kind {
        BackoffKind::Fixed => "fixed",
        BackoffKind::Linear { .. } => "linear",
        BackoffKind::Exponential { .. } => "exponential",
        BackoffKind::Fibonacci => "fibonacci",
        BackoffKind::Polynomial { .. } => "polynomial",
        _ => "custom",
    }
}

/// How many retries after a rate limit a full bucket pays for.
pub(crate) fn cost_of_a_rate_limit(rules: TokenBucket) -> u64 {
    let (budget, now) = (SharedBudget::<_, LocalLock>::with_lock(rules), FakeClock::new().now());
    match budget.withdraw(Request::new(Class::RateLimit, 1, 0), now) {
        Some(price) => price.0,
        None => u64::MAX,
    }
}

/// A pool of the highest capacity would take gigabytes, so it is refused here instead of made.
pub(crate) fn pool_of(capacity: usize) -> Tried {
    if capacity == MOST_CIRCUITS {
        return Ok(false);
    }
    let pool = CircuitPool::try_new(capacity, CircuitConfig::DEFAULT);
    pool.map(|_| false).map_err(|error| error.to_string())
}

pub(crate) const MOST_CIRCUITS: usize = 1_000_000_000;

/// A call with this time for its asynchronous handler.
pub(crate) fn waits_for_letters(limit: Duration) -> Tried {
    let clock = FakeClock::new();
    let retry = Retry::new(&Policy::DEFAULT, &clock);
    let send = |_: DeadLetter<()>, _: &LetterContext<'_, Class>| async { Ok(()) };
    let _ = retry.send_dead_letters(&send, &()).delivery_timeout(limit);
    Ok(false)
}
