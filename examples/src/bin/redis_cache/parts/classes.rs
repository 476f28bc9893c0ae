//! Errors of each kind, made by real means, with their classes and severities.

use redis::Connection;
use retry_core::{
    CircuitConfig, Class, Classify, Error, ErrorKind, GiveUp, Policy, Preset, SharedCircuit, retry,
};

use super::{Result, SHORT_TIMEOUT, Setup, TIMEOUT};
use crate::cache::{self, Cache, Stock};
use crate::connection::Redis;
use crate::error::CacheError;
use crate::report::Report;
use crate::server::Server;

/// One attempt, to see the error of it.
const ONCE: Policy = Policy::DEFAULT.max_attempts(1);

pub(crate) fn run(setup: &Setup, server: &mut Server, report: &mut Report) -> Result {
    let redis = Redis::new(server.address(), TIMEOUT)?;
    let cache = Cache::new(&redis, &setup.prefix, ONCE);
    let (text, list) = (cache.key("text"), cache.key("list"));
    redis.run(|connection: &mut Connection| {
        redis::cmd("SET").arg(&text).arg("seven").arg("EX").arg(600).query::<()>(connection)?;
        redis::cmd("XADD").arg(&list).arg("*").arg("sku").arg("apple").query::<String>(connection)
    })?;

    println!(
        "         {:<22} {:<14} {:<9} {:<8} how the call ended",
        "error", "class", "severity", "retried"
    );
    let mut row = |what: &str, class: Class, is_of_type: bool, error: &Error<CacheError>| {
        // How the call ended: an inner class that is not retried, or the end of the retries.
        let found = match error.kind() {
            ErrorKind::GaveUp(GiveUp::Attempts) if error.attempts() == 1 => {
                error.class().unwrap_or(Class::Unknown)
            }
            _ => error.classify().class,
        };
        let retried = if Policy::DEFAULT.retries(found) { "yes" } else { "no" };
        let severity = format!("{:?}", found.severity());
        let row = format!("{what:<22} {:<14} {severity:<9} {retried:<8} {error}", found.name());
        report.claim(found == class && is_of_type, row);
    };
    let failed = |sku: &str| cache.get(sku).err().ok_or("the call should have failed");

    let error = failed("no spaces")?;
    row("validation", Class::Validation, matches!(error.inner(), Some(CacheError::InvalidKey)), &error);
    let error = failed("list")?;
    row("validation, by Redis", Class::Validation, redis_code(&error) == Some("WRONGTYPE"), &error);
    let error = failed("nothing")?;
    row("not found, a miss", Class::NotFound, matches!(error.inner(), Some(CacheError::Missing)), &error);
    let error = failed("text")?;
    row("serialization", Class::Serialization, matches!(error.inner(), Some(CacheError::NotAStock)), &error);

    let hasty = Redis::new(server.address(), SHORT_TIMEOUT)?;
    let warm = hasty.is_up();
    server.pause()?;
    let error = Cache::new(&hasty, &setup.prefix, ONCE).get("text").err();
    server.resume()?;
    let error = error.ok_or("a paused server answered")?;
    let is_timeout = matches!(error.inner(), Some(CacheError::Redis(error)) if error.is_timeout());
    row("timeout", Class::Timeout, warm && is_timeout, &error);

    server.stop()?;
    let error = failed("text")?;
    let is_connection = matches!(error.inner(), Some(CacheError::Redis(error)) if error.is_io_error());
    row("connection", Class::Network, is_connection, &error);
    let error = Cache::new(&redis, &setup.prefix, Preset::FAST.policy).get("text").err();
    let error = error.ok_or("the call should have failed")?;
    row("retries exhausted", Class::Exhausted, error.is_exhausted(), &error);

    let circuit = SharedCircuit::new(CircuitConfig::WITHOUT_RULES.consecutive_failures(1));
    let calls = retry(ONCE).named("cache.get").circuit(&circuit);
    let read = || cache::read(&redis, "text", &text);
    let (_, refused) = (calls.run_blocking(read), calls.run_blocking(read));
    let error = refused.err().ok_or("the circuit should be open")?;
    row("circuit open", Class::CircuitOpen, error.is_circuit_open(), &error);
    server.start_again()?;
    Cache::new(&redis, &setup.prefix, super::PATIENT).put("text", Stock { count: 1, price: 1 })?;
    redis.run(|connection| redis::cmd("DEL").arg(&list).query::<()>(connection))?;
    Ok(())
}

/// The first word of the server's answer.
fn redis_code(error: &Error<CacheError>) -> Option<&str> {
    match error.inner() {
        Some(CacheError::Redis(error)) => error.code(),
        _ => None,
    }
}
