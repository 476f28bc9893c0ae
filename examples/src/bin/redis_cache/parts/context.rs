//! What the error of a call says about it.

use retry_core::Preset;
use retry_core::runtime::StdRuntime;

use super::{Result, Setup, TIMEOUT};
use crate::cache::Cache;
use crate::connection::Redis;
use crate::report::{Report, ms};
use crate::server::Server;

pub(crate) fn run(setup: &Setup, server: &mut Server, report: &mut Report) -> Result {
    let redis = Redis::new(server.address(), TIMEOUT)?;
    let cache = Cache::new(&redis, &setup.prefix, Preset::FAST.policy);
    server.stop()?;
    let (before, error) = (StdRuntime.now(), cache.get("apple").err());
    server.start_again()?;
    let error = error.ok_or("the call should have failed")?;
    let context = error.context();
    // `when` is an instant of the monotonic clock. For a log, it becomes a time of day.
    let unix = StdRuntime::unix_secs() - StdRuntime.now().since(context.when).as_secs();
    println!("  error:         {error}");
    println!("  operation:     {}", context.operation);
    println!("  cache key:     {}", context.key);
    println!("  attempt:       {}", context.attempt);
    println!("  most attempts: {}", context.max_attempts);
    println!("  duration:      {}", context.elapsed.map_or("unknown".into(), ms));
    println!("  timestamp:     {unix} s since 1970");
    println!(
        "  severity:      {}\n",
        context.severity().map_or("unknown".into(), |severity| format!("{severity:?}"))
    );
    let took = StdRuntime.now().since(before);
    report.claim(
        context.operation.as_str() == "cache.get" && context.key.to_string() == cache.key("apple"),
        "the context names the operation and the cache key",
    );
    report.claim((context.attempt, context.max_attempts) == (5, 5), "it was attempt 5 of 5");
    report.claim(
        context.elapsed.is_some_and(|elapsed| elapsed <= took) && context.when.since(before) <= took,
        "duration and timestamp are within the time of the call",
    );
    Ok(())
}
