//! The recovery manager in an outage: each strategy.

use std::thread;
use std::time::Duration;

use retry_core::circuit::Phase;
use retry_core::runtime::StdRuntime;

use super::{Result, Setup, TIMEOUT};
use crate::cache::{Cache, Stock};
use crate::connection::Redis;
use crate::recovery::{HALF_OPEN_LIMIT, Outcome, RECOVERY_TIMEOUT, RecoveryManager, Strategy, THRESHOLD};
use crate::report::{Report, ms};
use crate::server::Server;

const PEARS: Stock = Stock { count: 3, price: 120 };
const OUTAGE: Duration = Duration::from_millis(300);

pub(crate) fn run(setup: &Setup, server: &mut Server, report: &mut Report) -> Result {
    println!(
        "  threshold: {THRESHOLD} failures in a row; recovery timeout: {}; half-open limit: {HALF_OPEN_LIMIT} probe\n",
        ms(RECOVERY_TIMEOUT)
    );
    let redis = Redis::new(server.address(), TIMEOUT)?;
    Cache::new(&redis, &setup.prefix, super::PATIENT).put("pear", PEARS)?;
    for strategy in Strategy::ALL {
        let manager = RecoveryManager::new(Redis::new(server.address(), TIMEOUT)?, &setup.prefix);
        match strategy {
            Strategy::CircuitBreaker => circuit_breaker(&manager, server, report)?,
            Strategy::Fail | Strategy::Ignore => gives_up(strategy, &manager, server, report)?,
            _ => outlasts(strategy, &manager, server, report)?,
        }
    }
    Ok(())
}

/// The call ends at once, with an error or without a value.
fn gives_up(
    strategy: Strategy,
    manager: &RecoveryManager,
    server: &mut Server,
    report: &mut Report,
) -> Result {
    server.stop()?;
    let Outcome { result, attempts } = manager.get(strategy, "pear");
    server.start_again()?;
    let (is_right, end) = match (strategy, &result) {
        (Strategy::Ignore, Ok(None)) => (true, "the caller goes on without a value".to_owned()),
        (Strategy::Fail, Err(error)) => (error.class().is_some(), format!("the caller gets: {error}")),
        (_, other) => (false, format!("{other:?}")),
    };
    report.claim(is_right && attempts == 1, format!("{strategy:?}: {attempts} attempt, and {end}"));
    Ok(())
}

/// The call lasts until the server is there again.
fn outlasts(
    strategy: Strategy,
    manager: &RecoveryManager,
    server: &mut Server,
    report: &mut Report,
) -> Result {
    server.stop()?;
    let start = StdRuntime.now();
    let outcome = thread::scope(|scope| {
        let started = scope.spawn(|| {
            StdRuntime.sleep(OUTAGE);
            server.start_again().map_err(|error| error.to_string())
        });
        let outcome = manager.get(strategy, "pear");
        started.join().unwrap_or(Ok(())).map(|()| outcome)
    })?;
    let took = StdRuntime.now().since(start);
    report.claim(
        matches!(outcome.result, Ok(Some(PEARS))) && outcome.attempts > 1 && took >= OUTAGE,
        format!("{strategy:?}: the value after {} attempts and {}", outcome.attempts, ms(took)),
    );
    Ok(())
}

/// The circuit opens at the threshold, refuses calls until the recovery timeout, and then admits its probe.
fn circuit_breaker(manager: &RecoveryManager, server: &mut Server, report: &mut Report) -> Result {
    const STRATEGY: Strategy = Strategy::CircuitBreaker;
    server.stop()?;
    let failed = (0..THRESHOLD).filter(|_| manager.get(STRATEGY, "pear").attempts == 1).count();
    report.claim(
        failed == THRESHOLD as usize && manager.phase() == Phase::Open,
        format!("{STRATEGY:?}: after {failed} failed calls, the circuit is open"),
    );
    let refused = manager.get(STRATEGY, "pear");
    report.claim(
        refused.attempts == 0 && refused.result.is_err_and(|error| error.is_circuit_open()),
        format!("{STRATEGY:?}: the next call is refused without an attempt"),
    );
    server.start_again()?;
    StdRuntime.sleep(RECOVERY_TIMEOUT); // then the circuit admits a probe

    // The server is paused, so that the probe is under way while a second call comes.
    server.pause()?;
    let (probe, second) = thread::scope(|scope| {
        let probe = scope.spawn(|| manager.get(STRATEGY, "pear"));
        while manager.phase() != Phase::HalfOpen && !probe.is_finished() {
            thread::yield_now();
        }
        let second = manager.get(STRATEGY, "pear");
        let resumed = server.resume();
        let probe = probe.join().map_err(|_| "the probe panicked")?;
        resumed.map_err(|_| "the server cannot be resumed")?;
        Ok::<_, &str>((probe, second))
    })?;
    report.claim(
        second.attempts == 0 && second.result.is_err_and(|error| error.is_circuit_open()),
        format!("{STRATEGY:?}: half-open, a second call is refused while the probe is under way"),
    );
    report.claim(
        matches!(probe.result, Ok(Some(PEARS))) && manager.phase() == Phase::Closed,
        format!("{STRATEGY:?}: the probe succeeded, and the circuit is closed"),
    );
    Ok(())
}
