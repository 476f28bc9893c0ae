//! The machine under replay: policies out of a case, calls that fail as told, loops over a script.

use std::cell::Cell;
use std::time::Duration;

use retry_core::{
    Backoff, Call, Cause, Class, ConfigError, ErrorKind, Failure, GiveUp, Instant, Jitter, Policy, Retry,
    Verdict, budget::Budget, circuit::NoCircuit, policy::Policies, testing::FakeClock,
};

use crate::json::{Replayed, fail};
use crate::outcome::Outcome;
use crate::rules;

/// The longest delay there is, 584 years: no cap.
pub(crate) const LONGEST: Duration = Duration::from_nanos(u64::MAX);

/// The most attempts that a replay makes one by one.
pub(crate) const MOST_FAILURES: u32 = 100_000;

/// A configuration, or why a peer that allows it differs: bounds the wrong way round, limits of nothing and curves that
/// fall are refused here.
pub(crate) fn built<T>(configuration: Result<T, ConfigError>) -> Replayed<T> {
    configuration.map_err(|error| match error.field() {
        "max_delay" | "min_delay" => Outcome::Declared(rules::CAP_BELOW_BASE),
        "max_attempts" | "start_within" => Outcome::Declared(rules::ZERO_LIMIT),
        "multiplier" => Outcome::Declared(rules::NEVER_FALLS),
        _ => Outcome::Fail(error.to_string()),
    })
}

/// This curve with the peer's cap, if it has one, without a jitter and for as many attempts as it takes.
pub(crate) fn policy(backoff: Backoff, cap: Option<Duration>) -> Replayed<Policy> {
    let policy = Policy::backoff(backoff).jitter(Jitter::None).max_attempts(u32::MAX);
    built(policy.try_max_delay(cap.unwrap_or(LONGEST)))
}

/// The same for a peer that allows a cap below the base, and then waits that long from the first delay on: the
/// policy that waits so, and the declaration that a cap below the base is not how to say it here.
pub(crate) fn lenient_policy(backoff: Backoff, cap: Option<Duration>) -> Replayed<(Policy, Outcome)> {
    match (policy(backoff, cap), cap) {
        (Err(declared @ Outcome::Declared(_)), Some(cap)) => {
            Ok((policy(Backoff::fixed(cap), Some(cap))?, declared))
        }
        (built, _) => Ok((built?, Outcome::Pass)),
    }
}

/// Any delay from `least` to `most`, each as likely.
pub(crate) fn between(least: Duration, most: Duration) -> Replayed<Policy> {
    if least.is_zero() {
        return Ok(policy(Backoff::fixed(most), None)?.jitter(Jitter::Full));
    }
    let more = most.saturating_sub(least).as_secs_f64() / least.as_secs_f64();
    let jitter = built(Jitter::try_additive(more))?;
    Ok(policy(Backoff::fixed(least), Some(most))?.jitter(jitter))
}

/// Curves one after the other, each for so many failed attempts; the last is never left.
pub(crate) fn chain(parts: &[(Backoff, u32)]) -> impl Fn(u32, Duration) -> Duration + Sync {
    move |failed, _| {
        let mut failed = failed;
        for (i, &(curve, attempts)) in parts.iter().enumerate() {
            if failed <= attempts || i + 1 == parts.len() {
                return curve.ceiling(failed);
            }
            failed -= attempts;
        }
        Duration::ZERO
    }
}

/// The same delay, to the nanosecond; where the peer's does not fit 64 bits of them, the longest.
pub(crate) fn same_delay(what: &str, ours: Duration, theirs: Duration) -> Outcome {
    if theirs > LONGEST && ours == LONGEST {
        return Outcome::Declared(rules::SATURATES);
    }
    Outcome::same(what, ours, theirs)
}

/// A call of which `failed` attempts have failed, at no cost of time or budget, at the origin of a clock.
pub(crate) fn call_after(policy: &Policy, failed: u32) -> Replayed<Call<&Policy>> {
    if failed > MOST_FAILURES {
        return fail(format!("{failed} failed attempts are too many to make"));
    }
    let clock = FakeClock::new();
    let mut call = Call::new(policy, clock.now());
    for _ in 0..failed {
        let _ = fail_once(&mut call, Class::Transient, &clock, 0)?;
    }
    Ok(call)
}

/// One more attempt, which fails at once.
pub(crate) fn fail_once<P: Policies, B: Budget>(
    call: &mut Call<P, NoCircuit, B>,
    failure: impl Into<Failure>,
    clock: &FakeClock,
    word: u64,
) -> Replayed<Verdict> {
    match call.attempt(clock.now()) {
        Ok(attempt) => Ok(attempt.fail(failure, clock.now(), &mut clock.words(&[word]))),
        Err(rejected) => fail(format!("rejected without a circuit: {rejected}")),
    }
}

/// The delay of a call after one more attempt that fails.
pub(crate) fn delay_of<P: Policies>(call: &mut Call<P>, word: u64) -> Replayed<Duration> {
    match fail_once(call, Class::Transient, &FakeClock::new(), word)? {
        Verdict::Retry(delay) => Ok(delay),
        end => fail(format!("no delay, but {end}")),
    }
}

/// The delays of a call that fails so many times and sleeps as told, and why it gave up if it did.
pub(crate) fn delays<P: Policies>(
    mut call: Call<P>,
    failures: usize,
    word: u64,
) -> Replayed<(Vec<Duration>, Option<GiveUp>)> {
    if failures > MOST_FAILURES as usize {
        return fail(format!("{failures} failed attempts are too many to make"));
    }
    let clock = FakeClock::new();
    let mut delays = Vec::new();
    for _ in 0..failures {
        match fail_once(&mut call, Class::Transient, &clock, word)? {
            Verdict::Retry(delay) => {
                clock.advance(delay);
                delays.push(delay);
            }
            Verdict::GiveUp(reason) => return Ok((delays, Some(reason))),
            Verdict::Rejected(rejected) => return fail(rejected.to_string()),
        }
    }
    Ok((delays, None))
}

/// What an attempt of a script ends with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Ending {
    Value,
    /// A value that is taken for a failure.
    BadValue,
    Error,
    /// An error that is not retried.
    FinalError,
}

/// How a scripted call went.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Played {
    pub(crate) attempts: usize,
    pub(crate) slept: Duration,
    pub(crate) result: Result<(), End>,
}

/// Why a scripted call did not succeed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct End {
    pub(crate) reason: GiveUp,
    /// Whether the last attempt had a value, but a bad one.
    pub(crate) bad_value: bool,
}

/// Plays a script through both loops, each attempt taking its time; both must go the same way.
pub(crate) fn play(policy: &Policy, script: &[(Ending, Duration)]) -> Replayed<Played> {
    match (play_in(Loop::Blocking, policy, script)?, play_in(Loop::Async, policy, script)?) {
        (blocking, asynchronous) if blocking == asynchronous => Ok(blocking),
        (blocking, asynchronous) => fail(format!("blocking {blocking:?}, but asynchronous {asynchronous:?}")),
    }
}

enum Loop {
    Blocking,
    Async,
}

fn play_in(which: Loop, policy: &Policy, script: &[(Ending, Duration)]) -> Replayed<Played> {
    let (clock, attempts, took) = (FakeClock::new(), Cell::new(0), Cell::new(Duration::ZERO));
    let attempt = || {
        let scripted = script.get(attempts.get()).copied();
        let (ending, takes) = scripted.unwrap_or((Ending::FinalError, Duration::ZERO));
        attempts.set(attempts.get() + 1);
        took.set(took.get() + takes);
        clock.advance(takes);
        match ending {
            Ending::Value | Ending::BadValue => Ok(ending),
            Ending::Error | Ending::FinalError => Err(ending),
        }
    };
    let retry = Retry::new(policy, &clock)
        .classify_opaque(|error: &Ending| match error {
            Ending::FinalError => Class::Permanent,
            _ => Class::Transient,
        })
        .classify_ok(|value: &Ending| (*value == Ending::BadValue).then_some(Class::Transient));
    let result = match which {
        Loop::Blocking => retry.run_blocking(attempt),
        Loop::Async => clock.run(retry.run(|| std::future::ready(attempt()))),
    };
    if attempts.get() > script.len() {
        return fail(format!("an attempt after the {} of the script", script.len()));
    }
    Ok(Played {
        attempts: attempts.get(),
        slept: clock.now().since(Instant::ORIGIN).saturating_sub(took.get()),
        result: match result {
            Ok(_) => Ok(()),
            Err(error) => match error.kind() {
                ErrorKind::GaveUp(reason) => {
                    Err(End { reason, bad_value: matches!(error.cause(), Some(Cause::Unacceptable(_))) })
                }
                _ => return fail(error.to_string()),
            },
        },
    })
}
