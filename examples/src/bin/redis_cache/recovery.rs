//! The recovery manager: what is done when Redis is down, by strategy.

use std::time::Duration;

use retry_core::circuit::Phase;
use retry_core::{
    CircuitConfig, Class, ClassSet, Error, Jitter, Policy, Recovery, Rule, SharedCircuit, retry,
};

use crate::cache::{self, Stock};
use crate::connection::Redis;
use crate::error::CacheError;

/// What is done after an error of the connection. Other errors, such as a miss, are handled by their class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// The caller gets the error at once.
    Fail,
    /// The caller goes on without a value.
    Ignore,
    /// The call retries after growing delays.
    RetryWithBackoff,
    /// The call retries after the same delay each time.
    RetryWithDelay,
    /// The call gives up, and the circuit decides when Redis gets calls again.
    CircuitBreaker,
    /// The call retries as soon as Redis answers a `PING`.
    WaitAndRetry,
}

/// The circuit opens after so many failures in a row.
pub(crate) const THRESHOLD: u32 = 3;
/// How long the circuit stays open.
pub(crate) const RECOVERY_TIMEOUT: Duration = Duration::from_millis(300);
/// How many probes a half-open circuit admits at once.
pub(crate) const HALF_OPEN_LIMIT: u32 = 1;

const CIRCUIT: CircuitConfig = CircuitConfig::WITHOUT_RULES
    .consecutive_failures(THRESHOLD)
    .open_for(RECOVERY_TIMEOUT)
    .probes(HALF_OPEN_LIMIT)
    .success_threshold(1);

const POLICY: Policy = Policy::exponential(Duration::from_millis(50))
    .max_delay(Duration::from_millis(400))
    .jitter(Jitter::Equal)
    .max_attempts(100)
    .start_within(Duration::from_secs(10));

/// The errors of an outage or of a failover.
const OUTAGE: ClassSet = ClassSet::of(&[Class::Network, Class::Timeout, Class::Transient]);
const DELAY: Duration = Duration::from_millis(100);
/// The longest wait for Redis to answer a `PING`.
const PATIENCE: Duration = Duration::from_secs(5);

const fn on_outage(recovery: Recovery) -> Rule {
    Rule::classes(OUTAGE).recovery(recovery)
}

const FAIL: Policy = POLICY.rules(&[on_outage(Recovery::Fail)]);
const IGNORE: Policy = POLICY.rules(&[on_outage(Recovery::Ignore)]);
const BACKOFF: Policy = POLICY.rules(&[on_outage(Recovery::RetryWithBackoff)]);
const FIXED_DELAY: Policy = POLICY.rules(&[on_outage(Recovery::RetryWithDelay(DELAY))]);
const CIRCUIT_DECIDES: Policy = POLICY.rules(&[on_outage(Recovery::Circuit)]);
const WAIT: Policy = POLICY.max_delay(PATIENCE).rules(&[on_outage(Recovery::WaitAndRetry(PATIENCE))]);

impl Strategy {
    pub(crate) const ALL: [Self; 6] = [
        Self::Fail,
        Self::Ignore,
        Self::RetryWithBackoff,
        Self::RetryWithDelay,
        Self::CircuitBreaker,
        Self::WaitAndRetry,
    ];

    const fn policy(self) -> &'static Policy {
        match self {
            Self::Fail => &FAIL,
            Self::Ignore => &IGNORE,
            Self::RetryWithBackoff => &BACKOFF,
            Self::RetryWithDelay => &FIXED_DELAY,
            Self::CircuitBreaker => &CIRCUIT_DECIDES,
            Self::WaitAndRetry => &WAIT,
        }
    }
}

/// Reads from Redis by one of the strategies.
pub(crate) struct RecoveryManager {
    redis: Redis,
    prefix: String,
    circuit: SharedCircuit,
}

/// What a call ended with, and how many attempts it took.
pub(crate) struct Outcome {
    /// `None` if the error was ignored.
    pub(crate) result: Result<Option<Stock>, Error<CacheError>>,
    pub(crate) attempts: u32,
}

impl RecoveryManager {
    pub(crate) fn new(redis: Redis, prefix: &str) -> Self {
        Self { redis, prefix: prefix.into(), circuit: SharedCircuit::new(CIRCUIT) }
    }

    pub(crate) fn get(&self, strategy: Strategy, sku: &str) -> Outcome {
        let key = cache::key(&self.prefix, sku);
        let mut attempts = 0;
        let mut attempt = || {
            attempts += 1;
            cache::read(&self.redis, sku, &key)
        };
        let calls = retry(strategy.policy()).named("recovery.get").keyed(&*key);
        let result = match strategy {
            Strategy::CircuitBreaker => calls.circuit(&self.circuit).run_blocking(&mut attempt),
            Strategy::WaitAndRetry => {
                calls.ready(|| self.redis.is_up(), Duration::from_millis(20)).run_blocking(&mut attempt)
            }
            _ => calls.run_blocking(&mut attempt),
        };
        let result = result.map(Some).or_else(Error::none_if_ignored);
        Outcome { result, attempts }
    }

    /// Returns the phase of the circuit, which becomes half-open with its first probe.
    pub(crate) fn phase(&self) -> Phase {
        self.circuit.phase()
    }
}
