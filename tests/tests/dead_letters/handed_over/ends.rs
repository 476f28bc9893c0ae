//! Every end of a call, and whether it leaves a dead letter.

use std::cell::Cell;
use std::time::Duration;

use retry_core::{
    CircuitConfig, Class, Error, Failure, GiveUp, Instant, Key, Policy, Recovery, Retry, Rule, SharedCircuit,
    budget::{Budget, Deposit, Price, Request},
    circuit::CountWindow,
    dead_letter::{DeadLetter, DeadLetterQueue, Reason, ReasonSet, WhenFull},
    observe::EventKind,
    runtime::{LocalLock, Now},
    testing::FakeClock,
};

use super::Seen;

const POLICY: Policy = Policy::DEFAULT.max_attempts(2).start_within(Duration::from_secs(3600)).rules(&[
    Rule::class(Class::NotFound).recovery(Recovery::Ignore),
    Rule::class(Class::Server).recovery(Recovery::Circuit),
    Rule::class(Class::Timeout).recovery(Recovery::RetryWithDelay(Duration::from_secs(2))).max_attempts(9999),
]);

/// A budget that refuses retries after errors of class `Unknown`.
struct Poor;

impl Budget for Poor {
    fn withdraw(&self, request: Request, _: impl Now) -> Option<Price> {
        (request.class != Class::Unknown).then_some(Price(0))
    }

    fn deposit(&self, _: Deposit, _: impl Now) {}
}

/// An end of a call, and the errors that lead to it.
fn ends() -> [(Option<Reason>, Option<Failure>); 10] {
    let failure = |class| Some(Failure::new(class));
    let hint = Failure::new(Class::RateLimit).retry_after(Duration::from_secs(3600));
    [
        (None, None),
        (Some(Reason::GaveUp(GiveUp::Class)), failure(Class::Validation)),
        (Some(Reason::GaveUp(GiveUp::Ignored)), failure(Class::NotFound)),
        (Some(Reason::GaveUp(GiveUp::LeftToCircuit)), failure(Class::Server)),
        (Some(Reason::GaveUp(GiveUp::Attempts)), failure(Class::Network)),
        (Some(Reason::GaveUp(GiveUp::StartWithin)), failure(Class::Timeout)),
        (Some(Reason::GaveUp(GiveUp::Hint)), Some(hint)),
        (Some(Reason::GaveUp(GiveUp::Budget)), failure(Class::Unknown)),
        (Some(Reason::Rejected), failure(Class::Network)),
        (Some(Reason::Cancelled), failure(Class::Network)),
    ]
}

#[test]
fn only_the_chosen_ends_leave_a_letter_and_make_a_payload() {
    let cancelled = ReasonSet::NONE.with(Reason::Cancelled);
    for only in [ReasonSet::DEFAULT, ReasonSet::ALL, ReasonSet::NONE, cancelled] {
        for (reason, failure) in ends() {
            let clock = FakeClock::new();
            let circuit = SharedCircuit::<CountWindow<20>, LocalLock>::with_window(
                CircuitConfig::DEFAULT.consecutive_failures(1),
            );
            let open = reason == Some(Reason::Rejected);
            if open {
                let _ = circuit.force_open(Instant::ORIGIN);
            } else {
                circuit.disable(Instant::ORIGIN);
            }
            if reason == Some(Reason::Cancelled) {
                clock.interrupt_at(Instant::from_millis(1));
            }
            let seen = Seen::default();
            let retry = Retry::new(&POLICY, &clock)
                .circuit(&circuit)
                .budget(&Poor)
                .named("stock.write")
                .keyed("eu")
                .observe(&seen);
            let operation = || failure.map_or(Ok(7), Err);
            let letters = DeadLetterQueue::new(8, WhenFull::Refuse);
            let payloads = Cell::new(0);
            let outcome = retry
                .dead_letters(&letters)
                .only(only)
                .payload(|| {
                    payloads.set(payloads.get() + 1);
                    "7 apples"
                })
                .run_blocking(operation);

            let expected = reason.is_some_and(|reason| only.contains(reason));
            assert_eq!(payloads.get(), usize::from(expected), "{reason:?} {only:?}");
            assert_eq!(letters.len(), usize::from(expected));
            assert_eq!(seen.kept(), vec![true; usize::from(expected)]);
            if expected {
                assert_eq!(seen.0.borrow().last(), Some(&EventKind::DeadLettered { kept: true }));
                assert!(matches!(seen.0.borrow()[seen.0.borrow().len() - 2], EventKind::Ended { .. }));
            }
            match (&outcome, letters.pop()) {
                (Ok(value), letter) => assert_eq!((*value, reason, letter), (7, None, None)),
                (Err(error), Some(letter)) => {
                    let context = error.context();
                    let mut like = DeadLetter::new(reason.unwrap(), "7 apples");
                    like.id = letter.id;
                    like.operation = Key::new("stock.write");
                    like.key = Key::new("eu");
                    like.class = failure.filter(|_| !open).map(|failure| failure.class);
                    like.attempts = context.attempt;
                    like.elapsed = context.elapsed;
                    assert_eq!(letter, like);
                }
                (Err(_), None) => {}
            }
            // The call ends in the same way without a sink.
            let again = FakeClock::new();
            if reason == Some(Reason::Cancelled) {
                again.interrupt_at(Instant::from_millis(1));
            }
            let alone = Retry::new(&POLICY, &again)
                .circuit(&circuit)
                .budget(&Poor)
                .named("stock.write")
                .keyed("eu")
                .run_blocking(operation);
            assert_eq!(kind(&outcome), kind(&alone));
        }
    }
}

/// Describes how a call ended. The elapsed time is left out, because it is counted only with an observer.
fn kind(outcome: &Result<i32, Error<Failure>>) -> String {
    match outcome {
        Ok(value) => format!("{value}"),
        Err(error) => {
            let context = error.context();
            format!("{:?} {:?} {} {:?}", error.cause(), context.class, context.attempt, error.kind())
        }
    }
}
