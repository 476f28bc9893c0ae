//! Three configurations, and how long each takes: with a server that works, and with one that is down.

use std::time::Duration;

use retry_core::runtime::StdRuntime;
use retry_core::{Policy, Preset};

use super::{Result, Setup, TIMEOUT};
use crate::cache::{Cache, Stock};
use crate::connection::Redis;
use crate::report::{Report, ms};
use crate::server::Server;

pub(crate) const ALL: [(&str, Policy); 3] = [
    // For calls that a user waits for.
    ("conservative", Preset::CONSERVATIVE.policy),
    // For work in the background.
    ("aggressive", Preset::AGGRESSIVE.policy),
    // For calls with a fallback, such as cache reads.
    ("fast", Preset::FAST.policy),
];

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
