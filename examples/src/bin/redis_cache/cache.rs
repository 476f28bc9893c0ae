//! A cache-aside cache: a read asks the cache first and then the database, and fills the cache.

use core::str::FromStr;
use std::fmt;
use std::time::Duration;

use redis::Connection;
use retry_core::runtime::StdRuntime;
use retry_core::{CircuitConfig, Policy, Retry, SharedCircuit};

use crate::connection::Redis;
use crate::error::{CacheError, CallError};

/// How much of an article there is, and its price in cents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stock {
    pub(crate) count: u32,
    pub(crate) price: u32,
}

/// A cache of stocks. Its keys begin with a prefix, so that programs can share a server.
///
/// A circuit opens after two whole calls have failed. From then on, a call costs no attempt until Redis is tried again.
pub(crate) struct Cache<'r> {
    redis: &'r Redis,
    prefix: &'r str,
    calls: Retry<StdRuntime, Policy>,
    circuit: SharedCircuit,
    /// How long an entry lives.
    life: Duration,
}

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Cache,
    /// The cache had no such entry. Now it has.
    Database,
    /// The cache failed after all its attempts, or its circuit was open, so it was left out.
    DatabaseAlone,
}

/// What a call that succeeded returned, and how many attempts it took.
pub(crate) struct Done<T> {
    pub(crate) value: T,
    pub(crate) attempts: u32,
}

impl<'r> Cache<'r> {
    pub(crate) fn new(redis: &'r Redis, prefix: &'r str, policy: Policy) -> Self {
        let attempts = policy.settings().max_attempts.unwrap_or(u32::MAX);
        let circuit = CircuitConfig::WITHOUT_RULES.consecutive_failures(attempts.saturating_mul(2));
        Self {
            redis,
            prefix,
            calls: retry_core::retry(policy),
            circuit: SharedCircuit::new(circuit),
            life: Duration::from_secs(600),
        }
    }

    /// Reads an entry. A miss is an error of class `NotFound`, which is not retried.
    pub(crate) fn get(&self, sku: &str) -> Result<Done<Stock>, CallError> {
        let (key, mut attempts) = (self.key(sku), 0);
        let call = self.calls.by_ref().circuit(&self.circuit).named("cache.get").keyed(&*key);
        let value = call.run_blocking(|| {
            attempts += 1;
            read(self.redis, sku, &key)
        })?;
        Ok(Done { value, attempts })
    }

    /// Writes an entry. `SET` may run twice without harm, so it is retried.
    pub(crate) fn put(&self, sku: &str, stock: Stock) -> Result<Done<()>, CallError> {
        let (key, mut attempts) = (self.key(sku), 0);
        let call = self.calls.by_ref().circuit(&self.circuit).named("cache.put").keyed(&*key);
        call.run_blocking(|| {
            attempts += 1;
            write(self.redis, sku, &key, stock, self.life)
        })?;
        Ok(Done { value: (), attempts })
    }

    /// Reads an entry, or loads it from the database. If the cache is down, the first calls take the time of
    /// their attempts, and later ones skip it. The caller gets its answer.
    pub(crate) fn get_or_load(&self, sku: &str, load: impl FnOnce() -> Stock) -> Done<(Stock, Source)> {
        match self.get(sku) {
            Ok(hit) => Done { value: (hit.value, Source::Cache), attempts: hit.attempts },
            Err(error) if matches!(error.inner(), Some(CacheError::Missing | CacheError::NotAStock)) => {
                let stock = load();
                let put = self.put(sku, stock);
                let from = if put.is_ok() { Source::Database } else { Source::DatabaseAlone };
                Done { value: (stock, from), attempts: error.attempts() }
            }
            Err(error) => Done { value: (load(), Source::DatabaseAlone), attempts: error.attempts() },
        }
    }

    pub(crate) fn key(&self, sku: &str) -> String {
        key(self.prefix, sku)
    }
}

/// The key of an article. An error shows a key of up to 23 bytes in full.
pub(crate) fn key(prefix: &str, sku: &str) -> String {
    format!("{prefix}:{sku}")
}

/// Makes one attempt to read an entry.
pub(crate) fn read(redis: &Redis, sku: &str, key: &str) -> Result<Stock, CacheError> {
    check(sku)?;
    let entry: Option<String> = redis.run(|connection| redis::cmd("GET").arg(key).query(connection))?;
    entry.ok_or(CacheError::Missing)?.parse()
}

/// Makes one attempt to write an entry.
pub(crate) fn write(
    redis: &Redis,
    sku: &str,
    key: &str,
    stock: Stock,
    life: Duration,
) -> Result<(), CacheError> {
    check(sku)?;
    let ms = u64::try_from(life.as_millis()).unwrap_or(u64::MAX);
    let set = |connection: &mut Connection| {
        redis::cmd("SET").arg(key).arg(stock.to_string()).arg("PX").arg(ms).query::<()>(connection)
    };
    Ok(redis.run(set)?)
}

pub(crate) fn check(sku: &str) -> Result<(), CacheError> {
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    match (1..=64).contains(&sku.len()) && sku.bytes().all(is_valid) {
        true => Ok(()),
        false => Err(CacheError::InvalidKey),
    }
}

impl fmt::Display for Stock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.count, self.price)
    }
}

impl FromStr for Stock {
    type Err = CacheError;

    fn from_str(text: &str) -> Result<Self, CacheError> {
        let numbers = text
            .split_once(' ')
            .and_then(|(count, price)| Some(Self { count: count.parse().ok()?, price: price.parse().ok()? }));
        numbers.ok_or(CacheError::NotAStock)
    }
}
