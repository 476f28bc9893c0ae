//! Operations that succeed: at once, and after retries.

use std::thread;
use std::time::Duration;

use retry_core::Preset;
use retry_core::runtime::StdRuntime;

use super::{PATIENT, Result, SHORT_TIMEOUT, Setup, TIMEOUT};
use crate::cache::{Cache, Done, Source, Stock};
use crate::connection::Redis;
use crate::report::{Report, ms};
use crate::server::Server;

const APPLES: Stock = Stock { count: 7, price: 210 };
/// How long a server is paused or down.
const OUTAGE: Duration = Duration::from_millis(350);

pub(crate) fn run(setup: &Setup, server: &mut Server, report: &mut Report) -> Result {
    let prefix = &*setup.prefix;
    let redis = Redis::new(server.address(), TIMEOUT)?;
    let cache = Cache::new(&redis, prefix, PATIENT);
    let mut loads = 0;
    let mut load = || {
        loads += 1;
        APPLES
    };
    let (first, took) = timed(|| cache.get_or_load("apple", &mut load));
    report.claim(
        first.value == (APPLES, Source::Database),
        format!("a miss: loaded from the database, and put into the cache, in {}", ms(took)),
    );
    let (second, took) = timed(|| cache.get_or_load("apple", &mut load));
    report.claim(
        second.value == (APPLES, Source::Cache) && second.attempts == 1,
        format!("a hit, at once: 1 attempt in {}", ms(took)),
    );

    let cut = Redis::new(server.address_to_cut(), TIMEOUT)?;
    let cut_off = Cache::new(&cut, prefix, PATIENT);
    let warm = cut_off.get("apple").is_ok();
    server.cutter().cut(1);
    let (hit, took) = timed(|| cut_off.get_or_load("apple", &mut load));
    report.claim(
        warm && is_hit(&hit) && hit.attempts == 3,
        format!("its connection was cut, and the next one, too: {} attempts in {}", hit.attempts, ms(took)),
    );

    let hasty = Redis::new(server.address(), SHORT_TIMEOUT)?;
    let hasty = Cache::new(&hasty, prefix, PATIENT);
    let warm = hasty.get("apple").is_ok();
    server.pause()?;
    let (hit, took) = thread::scope(|scope| {
        let resumed = scope.spawn(|| {
            StdRuntime.sleep(OUTAGE);
            server.resume()
        });
        let hit = timed(|| hasty.get_or_load("apple", &mut load));
        resumed.join().unwrap_or(Ok(())).map(|()| hit)
    })?;
    report.claim(
        warm && is_hit(&hit) && hit.attempts > 1,
        format!("the server was paused for {}: {} attempts in {}", ms(OUTAGE), hit.attempts, ms(took)),
    );

    server.stop()?;
    let (done, took) = thread::scope(|scope| {
        let started = scope.spawn(|| {
            StdRuntime.sleep(OUTAGE);
            server.start_again().map_err(|error| error.to_string())
        });
        let done = timed(|| cache.get_or_load("apple", &mut load));
        started.join().unwrap_or(Ok(())).map(|()| done)
    })?;
    report.claim(
        is_hit(&done) && done.attempts > 1,
        format!("the server was down, and started again: {} attempts in {}", done.attempts, ms(took)),
    );
    report.claim(loads == 1, "the database was asked once in all of this");
    without_cache(&Cache::new(&redis, prefix, Preset::CACHE.policy), server, report)
}

/// In an outage, two reads make their attempts. Then the circuit is open, and the database answers alone.
fn without_cache(cache: &Cache<'_>, server: &mut Server, report: &mut Report) -> Result {
    let warm = is_hit(&cache.get_or_load("apple", || APPLES));
    server.stop()?;
    let reads: [_; 3] = std::array::from_fn(|_| timed(|| cache.get_or_load("apple", || APPLES)));
    server.start_again()?;
    let attempts = reads.each_ref().map(|(done, _)| done.attempts);
    report.claim(
        warm && attempts == [2, 2, 0] && reads.iter().all(|(done, _)| done.value == (APPLES, Source::DatabaseAlone)),
        format!(
            "the server was down: the 1st read took {}, the 2nd {}, and the 3rd, with the circuit open, {} us",
            ms(reads[0].1),
            ms(reads[1].1),
            reads[2].1.as_micros()
        ),
    );
    Ok(())
}

fn is_hit(done: &Done<(Stock, Source)>) -> bool {
    done.value == (APPLES, Source::Cache)
}

fn timed<T>(call: impl FnOnce() -> T) -> (T, Duration) {
    let start = StdRuntime.now();
    let result = call();
    (result, StdRuntime.now().since(start))
}
