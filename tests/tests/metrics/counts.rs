//! The counts of calls, attempts, circuits, budgets and dead letters.

use std::time::Duration;

use retry_core::{
    Backoff, Call, CircuitConfig, Class, GiveUp, Jitter, Policy, Retry, SharedBudget, SharedCircuit,
    TokenBucket,
    circuit::{CountWindow, Phase},
    observe::{CallEnd, EventKind, MetricsSnapshot, Observer, OperationMetrics},
    runtime::{LocalLock, Sleep},
    testing::FakeClock,
};

use super::{POLICY, ended, event, ms};

type Metrics = OperationMetrics<2>;

/// Makes one call with these answers. Each attempt takes 10 ms. Returns the counts.
fn counted(policy: &Policy, answers: &[Result<(), Class>]) -> MetricsSnapshot {
    let metrics = Metrics::sharded("stock.read");
    let clock = FakeClock::new();
    let mut answers = answers.iter();
    let _ = Retry::new(policy, &clock).observe(&metrics).run_blocking(|| {
        clock.advance(ms(10));
        *answers.next().unwrap()
    });
    assert!(answers.next().is_none(), "there are fewer attempts than answers");
    metrics.snapshot()
}

#[test]
fn a_call_is_counted_by_its_end_and_its_attempts_by_their_number_and_class() {
    const TIMEOUT: Result<(), Class> = Err(Class::Timeout);
    const WRONG: Result<(), Class> = Err(Class::Validation);
    let hasty = POLICY.start_within(ms(150));
    type Row<'a> = (&'a Policy, &'a [Result<(), Class>], &'a str, [u64; 4], [u64; 2], u64);
    #[rustfmt::skip]
    let rows: &[Row<'_>] = &[
        // policy, answers,                                  as one line,                                                           attempts 1 2 3 4, timeouts and retries after them, time in ms
        (&POLICY, &[Ok(())],                                 "1 succeeded, 0 gave up, 0 rejected, 0 cancelled; 1 attempts, 0 failed", [1, 0, 0, 0], [0, 0], 10),
        (&POLICY, &[TIMEOUT, Ok(())],                        "1 succeeded, 0 gave up, 0 rejected, 0 cancelled; 2 attempts, 1 failed", [1, 1, 0, 0], [1, 1], 120),
        (&POLICY, &[TIMEOUT, TIMEOUT, TIMEOUT, TIMEOUT],     "0 succeeded, 1 gave up, 0 rejected, 0 cancelled; 4 attempts, 4 failed", [1, 1, 1, 1], [4, 3], 740),
        (&POLICY, &[TIMEOUT, WRONG],                         "0 succeeded, 1 gave up, 0 rejected, 0 cancelled; 2 attempts, 2 failed", [1, 1, 0, 0], [1, 1], 120),
        (&hasty,  &[TIMEOUT, TIMEOUT],                       "0 succeeded, 1 gave up, 0 rejected, 0 cancelled; 2 attempts, 2 failed", [1, 1, 0, 0], [2, 1], 120),
    ];
    for (policy, answers, line, by_number, [failed, retried], time) in rows {
        let counts = counted(policy, answers);
        assert_eq!(counts.to_string(), format!("1 calls: {line}"));
        assert_eq!([1, 2, 3, 4].map(|number| counts.attempts_numbered(number)), *by_number, "{line}");
        assert_eq!(counts.retries(), by_number[1..].iter().sum::<u64>(), "{line}");
        assert_eq!(counts.failures_of(Class::Timeout), *failed, "{line}");
        assert_eq!(counts.retries_of(Class::Timeout), *retried, "{line}");
        assert_eq!(counts.mean_duration(), Some(ms(*time)), "{line}");
    }
    let reasons = |answers: &[_], policy| {
        let counts = counted(policy, answers);
        let all = [
            GiveUp::Class,
            GiveUp::Attempts,
            GiveUp::StartWithin,
            GiveUp::Hint,
            GiveUp::Budget,
            GiveUp::TotalTimeout,
        ];
        Vec::from_iter(all.into_iter().filter(|reason| counts.gave_up_for(*reason) == 1))
    };
    assert_eq!(reasons(&[TIMEOUT; 4], &POLICY), [GiveUp::Attempts]);
    assert_eq!(reasons(&[WRONG], &POLICY), [GiveUp::Class]);
    assert_eq!(reasons(&[TIMEOUT; 2], &hasty), [GiveUp::StartWithin]);
    assert_eq!(reasons(&[TIMEOUT; 2], &POLICY.total_timeout(ms(150))), [GiveUp::TotalTimeout]);
    for class in Class::ALL {
        let counts = counted(&POLICY.max_attempts(1), &[Err(class)]);
        let classes = Class::ALL.map(|other| counts.failures_of(other));
        assert_eq!(classes.map(|count| count == 1), Class::ALL.map(|other| other == class));
    }
}

#[test]
fn the_first_eight_attempts_are_counted_separately() {
    let clock = FakeClock::new();
    let metrics = Metrics::sharded("stock.read");
    let policy = POLICY.max_attempts(20);
    let _ = Retry::new(&policy, &clock).observe(&metrics).run_blocking(|| Err::<(), _>(Class::Server));
    let counts = metrics.snapshot();
    assert_eq!((counts.attempts(), counts.retries()), (20, 19));
    assert_eq!([1, 8, 9, 10, u32::MAX].map(|number| counts.attempts_numbered(number)), [1, 1, 12, 12, 12]);
    assert_eq!((counts.retry_rate(), counts.attempt_failure_rate()), (Some(950), Some(1000)));
}

#[test]
fn rates_and_means_of_many_calls() {
    const POLICY: Policy =
        Policy::backoff(Backoff::linear(ms(10), ms(10))).jitter(Jitter::None).max_attempts(3);
    let clock = FakeClock::new();
    let metrics = Metrics::sharded("stock.read");
    let retry = Retry::new(&POLICY, &clock).observe(&metrics);
    assert_eq!(metrics.snapshot(), MetricsSnapshot::NONE);
    let nothing = MetricsSnapshot::NONE;
    assert_eq!((nothing.success_rate(), nothing.retry_rate(), nothing.mean_backoff()), (None, None, None));
    // Of seven calls, two recover after one failure, and one gives up.
    for failures in [0, 1, 0, 0, 3, 1, 0] {
        let mut answers = (0..failures).map(|_| Err(Class::Server)).chain([Ok(())]);
        let _ = retry.run_blocking(|| answers.next().unwrap());
    }
    let stop = (&clock).sleep(ms(5));
    let _ = clock.run(retry.until(stop).run(std::future::pending::<Result<(), Class>>));

    let counts = metrics.snapshot();
    assert_eq!(
        counts.to_string(),
        "8 calls: 6 succeeded, 1 gave up, 0 rejected, 1 cancelled; 12 attempts, 5 failed"
    );
    // The cancelled call does not count in the rates.
    assert_eq!((counts.success_rate(), counts.failure_rate()), (Some(857), Some(142)));
    assert_eq!(counts.attempt_failure_rate(), Some(416));
    assert_eq!(counts.retry_rate(), Some(333));
    assert_eq!(counts.mean_backoff(), Some(ms(10 + 10 + 10 + 20) / 4));
    assert_eq!((counts.duration(), counts.mean_duration()), (ms(50), Some(ms(50) / 7)));
    assert_eq!(counts.mean_duration_of_successes(), Some(ms(20) / 6));

    let since = (counts + counts).since(&counts);
    assert_eq!(since, counts);
    let mut sum = MetricsSnapshot::default();
    sum += counts;
    assert_eq!((sum, sum.since(&counts)), (counts, MetricsSnapshot::NONE));
}

#[test]
fn circuits_budgets_and_dead_letters_are_counted() {
    let circuit = SharedCircuit::<CountWindow<20>, LocalLock>::with_window(
        CircuitConfig::DEFAULT.consecutive_failures(3).open_for(ms(60_000)),
    );
    let budget = SharedBudget::<_, LocalLock>::with_lock(TokenBucket::DEFAULT.capacity(10).retry_cost(5));
    let clock = FakeClock::new();
    let metrics = Metrics::sharded("stock.read");
    let retry = Retry::new(&POLICY, &clock).circuit(&circuit).budget(&budget).observe(&metrics);
    for _ in 0..3 {
        let _ = retry.run_blocking(|| Err::<(), _>(Class::Server));
    }
    let counts = metrics.snapshot();
    // The first call makes three attempts. The third failure opens the circuit, so the other two calls are rejected.
    assert_eq!(
        counts.to_string(),
        "3 calls: 0 succeeded, 0 gave up, 3 rejected, 0 cancelled; 3 attempts, 3 failed"
    );
    assert_eq!((counts.refused(), counts.changes_to(Phase::Open)), (2, 1));

    circuit.reset(clock.now());
    let _ = retry.run_blocking(|| Err::<(), _>(Class::Server));
    let counts = metrics.snapshot();
    assert_eq!((counts.budget_empty(), counts.gave_up_for(GiveUp::Budget)), (1, 1));

    for kept in [true, true, false] {
        metrics.observe(&event(EventKind::DeadLettered { kept }));
    }
    let counts = metrics.snapshot();
    assert_eq!((counts.dead_letters_kept(), counts.dead_letters_lost()), (2, 1));
}

#[test]
fn the_longest_times_and_largest_numbers_are_handled() {
    let metrics = Metrics::sharded("stock.read");
    metrics.observe(&ended(CallEnd::Succeeded, Duration::MAX));
    let counts = metrics.snapshot();
    assert_eq!(counts.mean_duration(), Some(Duration::from_nanos(u64::MAX)));
    assert_eq!((counts + counts).success_rate(), Some(1000));
    for _ in 0..3 {
        metrics.observe(&ended(CallEnd::GaveUp(GiveUp::Attempts), Duration::MAX)); // the sum wraps around
    }
    assert_eq!(metrics.snapshot().failure_rate(), Some(750));
    let mut strange = event(EventKind::Started);
    for attempt in [0, 1, u32::MAX] {
        strange.attempt = attempt;
        metrics.observe(&strange);
    }
    assert_eq!(metrics.snapshot().attempts(), 3);
    // A difference in the wrong direction.
    let backwards = MetricsSnapshot::NONE.since(&metrics.snapshot());
    assert!(backwards.failure_rate().is_some_and(|rate| rate <= 1000), "{backwards:?}");
}

#[test]
fn a_call_without_a_duration_does_not_count_in_the_mean() {
    let metrics = Metrics::sharded("stock.read");
    metrics.observe(&ended(CallEnd::Succeeded, ms(30)));
    metrics.observe(&event(EventKind::Ended { end: CallEnd::Succeeded, elapsed: None }));
    let counts = metrics.snapshot();
    assert_eq!((counts.succeeded(), counts.mean_duration()), (2, Some(ms(30))));
    // A call by hand without a deadline is timed from its first attempt.
    let clock = FakeClock::new();
    let mut call = Call::new(&POLICY, clock.now()).observe(&metrics);
    let attempt = call.attempt(clock.now()).unwrap();
    clock.advance(ms(60));
    attempt.succeed(clock.now());
    assert_eq!(metrics.snapshot().mean_duration(), Some(ms(45)));
}
