//! Calls with a budget: when they give up, and what is refunded if a call is dropped.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use retry_core::{
    Call, CircuitConfig, Class, Error, ErrorKind, GiveUp, Jitter, Policy, Retry, SharedBudget, SharedCircuit,
    TokenBucket, Verdict,
    budget::{AdaptiveThrottle, Budget, BudgetRules, ConcurrencyShare, RequestShare, RetryThrottle},
    circuit::Gate,
    runtime::{LocalLock, Sleep},
    testing::FakeClock,
};

use crate::{NOW, ms, secs, started};

const POLICY: Policy = Policy::exponential(ms(100)).jitter(Jitter::None).max_attempts(4);

fn gave_up_for<T, E>(result: Result<T, Error<E>>) -> Option<GiveUp> {
    match result.err()?.kind() {
        ErrorKind::GaveUp(reason) => Some(reason),
        _ => None,
    }
}

#[test]
fn a_call_gives_up_if_the_budget_is_empty() {
    let clock = FakeClock::new();
    let budget = SharedBudget::new(TokenBucket::AWS.capacity(13));
    let retry = Retry::new(&POLICY, &clock).classify(|class: &Class| *class).budget(&budget);
    // Makes a call, of which the first attempts fail. Returns why it gave up, the attempts, and the tokens left.
    let call = |fails: u32| {
        let mut made = 0;
        let result = retry.run_blocking(|| {
            made += 1;
            if made <= fails { Err(Class::Server) } else { Ok(()) }
        });
        (gave_up_for(result), made, budget.held(clock.now()))
    };
    assert_eq!(call(1), (None, 2, 13)); // spends 5, gets 5 back
    assert_eq!(call(9), (Some(GiveUp::Budget), 3, 3));
    assert_eq!(call(9), (Some(GiveUp::Budget), 1, 3));
    assert_eq!(call(0), (None, 1, 4));
    assert_eq!(call(0), (None, 1, 5));
    assert_eq!(call(1), (None, 2, 5));
}

/// The budget is asked last, so a call that another limit ends costs nothing.
#[test]
fn a_call_that_gives_up_for_another_reason_costs_nothing() {
    let clock = FakeClock::new();
    let budget = SharedBudget::new(TokenBucket::AWS);
    for (policy, class, reason) in [
        (POLICY.max_attempts(1), Class::Server, GiveUp::Attempts),
        (POLICY, Class::Validation, GiveUp::Class),
        (POLICY.start_within(ms(99)), Class::Server, GiveUp::StartWithin),
    ] {
        let retry = Retry::new(&policy, &clock).classify(|class: &Class| *class).budget(&budget);
        let result = retry.run_blocking(|| Err::<(), _>(class));
        assert_eq!(gave_up_for(result), Some(reason));
        assert_eq!(budget.held(clock.now()), 500);
    }
}

/// The state of a call when it was stopped.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stopped {
    InFirst,
    InRetry,
    Asleep,
    /// The call had already ended.
    Not,
}

/// Makes a call that fails twice and then succeeds, and drops it after this many polls, 10 ms apart. Returns its state,
/// and how many retries had failed.
fn stopped<B: Budget>(budget: &B, polls: u32) -> (Stopped, u64) {
    let clock = FakeClock::new();
    let (started, failed) = (Cell::new(0), Cell::new(0));
    let retry = Retry::new(&POLICY, &clock).classify(|class: &Class| *class).budget(budget);
    let mut call = pin!(retry.run(|| async {
        started.set(started.get() + 1);
        (&clock).sleep(ms(10)).await;
        if started.get() == 3 {
            return Ok(());
        }
        failed.set(failed.get() + 1);
        Err(Class::Server)
    }));
    for _ in 0..polls {
        let polled = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        if polled == Poll::Ready(Ok(())) {
            return (Stopped::Not, 1);
        }
        clock.advance(ms(10));
    }
    let place = match (started.get(), failed.get()) {
        (1, 0) => Stopped::InFirst,
        (started, failed) if started > failed => Stopped::InRetry,
        _ => Stopped::Asleep,
    };
    (place, u64::saturating_sub(failed.get(), 1))
}

/// After any number of polls, everything is refunded except the price of the failed retries.
#[test]
fn a_dropped_call_is_refunded() {
    let mut places = Vec::new();
    for polls in 1.. {
        let bucket = SharedBudget::<_, LocalLock>::with_lock(TokenBucket::AWS);
        let (place, failed) = stopped(&bucket, polls);
        assert_eq!(bucket.held(NOW), 500 - 5 * failed, "{place:?}, {polls} polls");

        // A retry counts if it ended by itself. A retry that did not start or was cancelled does not count.
        let made = failed + u64::from(place == Stopped::Not);
        let share = SharedBudget::<_, LocalLock>::with_lock(RequestShare::DEFAULT.share(0.0).ttl(secs(60)));
        let _ = stopped(&share, polls);
        assert_eq!(share.held(NOW), 600 - made, "{place:?}, {polls} polls");

        let under_way = SharedBudget::<_, LocalLock>::with_lock(ConcurrencyShare::DEFAULT);
        under_way.deposit(started(true), NOW); // an attempt of another call
        let _ = stopped(&under_way, polls);
        let left = (under_way.attempts_under_way(), under_way.retries_granted());
        assert_eq!(left, (1, 0), "{place:?}, {polls} polls");

        places.push(place);
        if place == Stopped::Not {
            break;
        }
    }
    for place in [Stopped::InFirst, Stopped::InRetry, Stopped::Asleep] {
        assert!(places.contains(&place), "{place:?} is not among {places:?}");
    }
}

#[test]
fn a_call_cancelled_by_hand_leaves_the_budget_exact() {
    let clock = FakeClock::new();
    let budget = SharedBudget::new(TokenBucket::AWS);
    let mut rng = clock.words(&[]);
    let mut call = Call::new(&POLICY, clock.now()).budget(&budget);

    let verdict = call.attempt(clock.now()).unwrap().fail(Class::Timeout, clock.now(), &mut rng);
    assert_eq!(verdict, Verdict::Retry(ms(100)));
    assert_eq!(budget.held(clock.now()), 490);
    call.attempt(clock.now()).unwrap().cancel(clock.now());
    assert_eq!(budget.held(clock.now()), 500);

    let attempt = call.attempt(clock.now()).unwrap();
    let _ = attempt.fail(Class::Server, clock.now(), &mut rng);
    assert_eq!(budget.held(clock.now()), 495);
    drop(call); // before the next attempt
    assert_eq!(budget.held(clock.now()), 500);
}

#[test]
fn a_retry_that_the_circuit_rejects_after_the_delay_costs_nothing() {
    let clock = FakeClock::new();
    let budget = SharedBudget::new(TokenBucket::AWS);
    let config = CircuitConfig::WITHOUT_RULES.consecutive_failures(2);
    let circuit = SharedCircuit::new(config);
    let mut call = Call::new(&POLICY, clock.now()).circuit(&circuit).budget(&budget);

    let attempt = call.attempt(clock.now()).unwrap();
    let _ = attempt.fail(Class::Server, clock.now(), &mut clock.words(&[]));
    assert_eq!(budget.held(clock.now()), 495);
    let other = circuit.admit(clock.now()).unwrap();
    circuit.fail(other.ticket, Class::Server, clock.now(), None, 0);
    assert!(call.attempt(clock.now()).is_err(), "it opened during the delay");
    assert_eq!(budget.held(clock.now()), 500);
    drop(call); // gives nothing back twice
    assert_eq!(budget.held(clock.now()), 500);
}

/// The exact rules of AWS and gRPC know no time.
#[test]
fn after_an_outage_and_a_night_the_first_failing_call_has_its_retry() {
    fn attempts_after<B: BudgetRules>(rules: B) -> u32 {
        let (clock, budget) = (FakeClock::new(), SharedBudget::<_, LocalLock>::with_lock(rules));
        let retry = Retry::new(&POLICY, &clock).classify(|class: &Class| *class).budget(&budget);
        for _ in 0..1_000 {
            assert!(retry.run_blocking(|| Err::<(), _>(Class::Server)).is_err());
        }
        clock.advance(secs(8 * 3600));
        let mut made = 0;
        let fails_once = || {
            made += 1;
            if made == 1 { Err(Class::Server) } else { Ok(()) }
        };
        let _ = retry.run_blocking(fails_once);
        made
    }
    assert_eq!(attempts_after(TokenBucket::DEFAULT), 2);
    assert_eq!(attempts_after(RetryThrottle::DEFAULT), 2);
    assert_eq!(attempts_after(RequestShare::DEFAULT), 2);
    assert_eq!(attempts_after(ConcurrencyShare::DEFAULT), 2);
    assert_eq!(attempts_after(AdaptiveThrottle::DEFAULT), 2);
    assert_eq!(attempts_after(TokenBucket::AWS), 1);
    assert_eq!(attempts_after(RetryThrottle::GRPC), 1);
}
