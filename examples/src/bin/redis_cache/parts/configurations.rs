//! Three configurations, and how long each takes: with a server that works, and with one that is down.

use std::time::Duration;

use retry_core::runtime::StdRuntime;
use retry_core::{Backoff, Jitter, Policy};

use super::{Result, Setup, TIMEOUT};
use crate::cache::{Cache, Stock};
use crate::connection::Redis;
use crate::report::{Report, ms};
use crate::server::Server;

/// Few attempts, and exact delays: for what a user waits for.
pub(crate) const CONSERVATIVE: Policy = Policy::exponential(Duration::from_millis(100))
    .max_delay(Duration::from_secs(1))
    .jitter(Jitter::None)
    .max_attempts(3)
    .start_within(Duration::from_secs(30));

/// Many attempts: for work in the background.
pub(crate) const AGGRESSIVE: Policy =
    Policy::backoff(Backoff::exponential(Duration::from_millis(50)).multiplier(1.5))
        .max_delay(Duration::from_secs(5))
        .jitter(Jitter::additive(0.1))
        .max_attempts(7)
        .start_within(Duration::from_secs(30));

/// Short delays: for what has another source, as a cache has.
pub(crate) const FAST: Policy =
    Policy::backoff(Backoff::exponential(Duration::from_millis(25)).multiplier(2.5))
        .max_delay(Duration::from_millis(500))
        .jitter(Jitter::additive(0.1))
        .max_attempts(5)
        .start_within(Duration::from_secs(30));

pub(crate) const ALL: [(&str, Policy); 3] =
    [("conservative", CONSERVATIVE), ("aggressive", AGGRESSIVE), ("fast", FAST)];

pub(crate) fn run(setup: &Setup, server: &mut Server, report: &mut Report) -> Result {
    let redis = Redis::new(server.address(), TIMEOUT)?;
    for (name, policy) in ALL {
        println!("  {name}: {policy}");
    }
    for (name, policy) in ALL {
        let cache = Cache::new(&redis, &setup.prefix, policy);
        let start = StdRuntime.now();
        let put = cache.put(name, Stock { count: 7, price: 210 });
        let took = StdRuntime.now().since(start);
        report.claim(
            put.is_ok_and(|put| put.attempts == 1),
            format!("{name}, Redis up: 1 attempt in {}", ms(took)),
        );
    }
    server.stop()?;
    for (name, policy) in ALL {
        let cache = Cache::new(&redis, &setup.prefix, policy);
        let attempts = policy.settings().max_attempts.unwrap_or(u32::MAX);
        let least: Duration = (1..attempts).map(|failed| policy.delay(failed, Duration::ZERO, 0)).sum();
        let start = StdRuntime.now();
        let error = cache.get(name).err();
        let took = StdRuntime.now().since(start);
        report.claim(
            error.is_some_and(|error| error.is_exhausted() && error.attempts() == attempts) && took >= least,
            format!(
                "{name}, Redis down: {attempts} attempts in {}, of them delays: {} or more",
                ms(took),
                ms(least)
            ),
        );
    }
    server.start_again()?;
    Ok(())
}
