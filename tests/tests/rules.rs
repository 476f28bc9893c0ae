//! The effect of each recovery, rule and condition.

use std::cell::RefCell;
use std::time::Duration;

use retry_core::{
    Backoff, Call, Cause, Class, ClassSet, Failure, GiveUp, Instant, Jitter, Policy, Preset, Progress,
    Recovery, Retry, Rule, Severity, Verdict, dead_letter::Reason, observe::Event, policy::Hints,
    testing::FakeClock,
};
use tests::ms;

const POLICY: Policy = Policy::exponential(ms(100)).jitter(Jitter::None).max_attempts(4);

/// Returns the verdict of a call by `policy` after its first failure.
fn first(policy: &Policy, failure: impl Into<Failure>) -> Verdict {
    nth(policy, 1, failure)
}

/// Returns the verdict of a call by `policy` after its `n`th failure, if all failures are the same.
fn nth(policy: &Policy, n: u32, failure: impl Into<Failure>) -> Verdict {
    let failure = failure.into();
    let clock = FakeClock::new();
    let mut call = Call::new(policy, clock.now());
    for number in 1..=n {
        let attempt = call.attempt(clock.now()).expect("there is no circuit");
        match attempt.fail(failure, clock.now(), &mut clock.words(&[])) {
            verdict if number == n => return verdict,
            Verdict::Retry(delay) => clock.advance(delay),
            end => panic!("attempt {number} of {n}: {end}"),
        }
    }
    unreachable!("n is at least 1")
}

#[test]
fn each_class_has_its_default() {
    use Class::*;
    use GiveUp::LeftToCircuit;
    let retry = Verdict::Retry(ms(100));
    let fail = Verdict::GiveUp(GiveUp::Class);
    let rows = [
        // class, severity, first verdict by a policy without a rule for it
        (Transient, Severity::Low, retry),
        (Timeout, Severity::Medium, retry),
        (RateLimit, Severity::Low, Verdict::Retry(ms(500))), // a RateLimit waits longer
        (Network, Severity::Medium, retry),
        (Server, Severity::High, retry),
        (Unknown, Severity::High, retry),
        (Permanent, Severity::High, fail),
        (Client, Severity::Medium, fail),
        (Validation, Severity::Low, fail),
        (NotFound, Severity::Low, fail),
        (Serialization, Severity::Medium, fail),
        (CircuitOpen, Severity::High, Verdict::GiveUp(LeftToCircuit)),
        (Exhausted, Severity::Critical, fail),
    ];
    assert_eq!(rows.map(|row| row.0), Class::ALL);
    for (class, severity, verdict) in rows {
        assert_eq!(class.severity(), severity, "{class}");
        assert_eq!(first(&POLICY, class), verdict, "{class}");
        let retried = matches!(verdict, Verdict::Retry(_));
        assert_eq!(class.recovery() == Recovery::RetryWithBackoff, retried, "{class}");
        assert_eq!(ClassSet::RETRYABLE.contains(class), retried, "{class}");
    }
}

#[test]
fn each_recovery_leads_to_its_verdict() {
    const RULES: [Rule; 6] = [
        Rule::class(Class::Server).recovery(Recovery::Fail),
        Rule::class(Class::NotFound).recovery(Recovery::Ignore),
        Rule::class(Class::Validation).recovery(Recovery::RetryWithBackoff),
        Rule::class(Class::Transient).recovery(Recovery::RetryWithDelay(ms(700))),
        Rule::class(Class::Network).recovery(Recovery::Circuit),
        Rule::class(Class::Unknown).recovery(Recovery::WaitAndRetry(ms(900))),
    ];
    let policy = POLICY.rules(&RULES);
    let rows = [
        (Class::Server, Verdict::GiveUp(GiveUp::Class)),
        (Class::NotFound, Verdict::GiveUp(GiveUp::Ignored)),
        (Class::Validation, Verdict::Retry(ms(200))), // the policy's curve, although it is not retried by default
        (Class::Transient, Verdict::Retry(ms(700))),  // the same delay for every attempt
        (Class::Network, Verdict::GiveUp(GiveUp::LeftToCircuit)),
        (Class::Unknown, Verdict::Retry(ms(900))),
        (Class::Timeout, Verdict::Retry(ms(200))), // no rule applies
    ];
    for (class, verdict) in rows {
        let n = if matches!(verdict, Verdict::Retry(_)) { 2 } else { 1 };
        assert_eq!(nth(&policy, n, class), verdict, "{class}");
    }
}

#[test]
fn a_rule_brings_its_own_backoff_jitter_and_limit() {
    const RULE: Rule = Rule::class(Class::RateLimit)
        .backoff(Backoff::linear(ms(1_000), ms(500)))
        .jitter(Jitter::additive(0.1))
        .max_attempts(6);
    let policy = POLICY.rules(&[RULE]);
    assert_eq!(nth(&policy, 1, Class::RateLimit), Verdict::Retry(ms(1_100))); // the word is all ones
    assert_eq!(nth(&policy, 5, Class::RateLimit), Verdict::Retry(ms(3_300))); // more than the policy's 4 attempts
    assert_eq!(nth(&policy, 6, Class::RateLimit), Verdict::GiveUp(GiveUp::Attempts));
    assert_eq!(nth(&policy, 4, Class::Server), Verdict::GiveUp(GiveUp::Attempts));
}

/// The number in messages is that of the last failure's class: how many attempts the call makes if it fails so again.
#[test]
fn the_limit_that_is_told_is_that_of_the_last_failure() {
    const RULES: [Rule; 2] =
        [Rule::class(Class::RateLimit).max_attempts(100), Rule::class(Class::Network).max_attempts(u32::MAX)];
    use Class::{Network, RateLimit, Server, Validation};
    let rows: [(&[Class], u32, u32); 8] = [
        // the failures, the last attempt and the limit in the error
        (&[Server, Server, Server], 3, 3),
        (&[RateLimit, RateLimit, RateLimit, RateLimit, RateLimit, Server], 6, 6),
        (&[RateLimit, Server, Server], 3, 3),
        (&[RateLimit, RateLimit, Validation], 3, 3),
        (&[RateLimit, Validation], 2, 3),
        (&[Server, RateLimit, Validation], 3, 3),
        (&[Network, Network, Network, Network, Server], 5, 5),
        (&[Network, Validation], 2, 3),
    ];
    let policy = POLICY.max_attempts(3).rules(&RULES);
    for (failures, attempt, most) in rows {
        let (clock, mut left) = (FakeClock::new(), failures.iter());
        let retry = Retry::new(&policy, &clock).classify(|class: &Class| *class);
        let error = retry.run_blocking(|| Err::<(), _>(*left.next().unwrap())).unwrap_err();
        let context = error.context();
        assert_eq!((context.attempt, context.max_attempts, left.len()), (attempt, most, 0), "{failures:?}");
    }
    // The same for a rule that only a condition knows.
    let (clock, mut failed) = (FakeClock::new(), 0);
    let retry = Retry::new(&POLICY, &clock).classify(|class: &Class| match class {
        RateLimit => Failure::new(RateLimit).under(&RULES[0]),
        class => Failure::new(*class),
    });
    let error = retry.run_blocking(|| {
        failed += 1;
        Err::<(), _>(if failed < 6 { RateLimit } else { Server })
    });
    assert!(error.unwrap_err().to_string().contains("after attempt 6 of 6"));
}

#[test]
fn the_first_rule_that_applies_is_the_only_one() {
    const RULES: [Rule; 3] = [
        Rule::class(Class::Server).from_attempt(3).recovery(Recovery::Fail),
        Rule::class(Class::Server).after(ms(250)).recovery(Recovery::Ignore),
        Rule::ANY.recovery(Recovery::RetryWithDelay(ms(150))),
    ];
    let policy = POLICY.rules(&RULES);
    assert_eq!(nth(&policy, 1, Class::Server), Verdict::Retry(ms(150))); // at 0 ms
    assert_eq!(nth(&policy, 2, Class::Server), Verdict::Retry(ms(150))); // at 150 ms
    assert_eq!(nth(&policy, 3, Class::Server), Verdict::GiveUp(GiveUp::Class)); // the first rule, although 300 ms have passed
    assert_eq!(nth(&policy, 3, Class::Timeout), Verdict::Retry(ms(150)));

    const SLOW: [Rule; 2] = [RULES[1], RULES[2]];
    assert_eq!(nth(&POLICY.rules(&SLOW), 3, Class::Server), Verdict::GiveUp(GiveUp::Ignored)); // at 300 ms
}

#[test]
fn conditions_are_a_chain_before_the_policys_rules() {
    const POLICY_RULES: [Rule; 1] = [Rule::ANY.recovery(Recovery::RetryWithDelay(ms(1)))];
    const FAIL: Rule = Rule::ANY.recovery(Recovery::Fail);
    const IGNORE: Rule = Rule::ANY.recovery(Recovery::Ignore);
    let policy = POLICY.rules(&POLICY_RULES);

    let rows: &[(&[&str], GiveUp)] = &[
        (&["full"], GiveUp::Class), // both conditions match: the first applies
        (&["busy", "full"], GiveUp::Class),
        (&["slow", "slow"], GiveUp::Ignored), // only the second condition matches, after 20 ms
        (&["busy", "busy", "busy", "busy"], GiveUp::Attempts), // no condition matches
    ];
    for (errors, reason) in rows {
        let clock = FakeClock::new();
        let retry = Retry::new(&policy, &clock)
            .classify(|_: &&str| Class::Server)
            .when(|error: &&str, _: Progress| *error == "full", &FAIL)
            .when(
                |error: &&str, now: Progress| {
                    *error != "busy" && now.elapsed > Some(ms(20)) || *error == "full"
                },
                &IGNORE,
            );
        let mut script = errors.iter();
        let error = retry
            .run_blocking(|| {
                clock.advance(ms(10));
                Err::<(), _>(*script.next().expect("there is one attempt too many"))
            })
            .unwrap_err();
        assert_eq!(script.next(), None, "{errors:?}: an attempt is missing");
        assert_eq!(error.reason(), Reason::GaveUp(*reason), "{errors:?}: {error}");
    }
}

#[test]
fn a_value_can_be_a_failure() {
    let clock = FakeClock::new();
    let retry =
        Retry::new(&POLICY, &clock).classify_ok(|body: &&str| body.is_empty().then_some(Class::Transient));
    let mut bodies = ["", "", "apples"].into_iter();
    let body = retry.run_blocking(|| Ok::<_, Class>(bodies.next().unwrap()));
    assert_eq!(body, Ok("apples"));
    assert_eq!(clock.now(), Instant::from_millis(300));

    let error = retry.run_blocking(|| Ok::<_, Class>("")).unwrap_err();
    assert_eq!(error.cause(), Some(&Cause::Unacceptable(None)));
    assert!(error.is_exhausted());
    assert_eq!(error.context().class, Some(Class::Transient));
}

#[test]
fn a_closure_can_be_the_curve_of_one_retry() {
    let clock = FakeClock::new();
    let delays = RefCell::new(Vec::new());
    let observer = |event: &Event| delays.borrow_mut().extend(event.kind.delay());
    let steps = [5, 1, 400];
    let curve = move |failed: u32, base: Duration| base * steps[failed as usize - 1] / 100;
    let retry = Retry::new(&POLICY, &clock).backoff(curve).on_event(observer);
    retry.run_blocking(|| Err::<(), _>(Class::Timeout)).unwrap_err();
    assert_eq!(*delays.borrow(), [ms(5), ms(1), ms(400)]);
}

#[test]
fn a_wait_ends_when_the_dependency_is_ready_or_at_the_limit() {
    const RULES: [Rule; 1] = [Rule::class(Class::Server).recovery(Recovery::WaitAndRetry(ms(1_000)))];
    let rows = [
        // ready from, deadline of the policy, start of the second attempt
        (Some(0), None, 0),
        (Some(250), None, 300), // checked every 100 ms
        (Some(1_000), None, 1_000),
        (None, None, 1_000),         // the limit of the wait
        (Some(400), Some(450), 400), // ready before the deadline
        (None, Some(450), 450),      // the deadline is the limit
    ];
    for (ready_from, deadline, second_at) in rows {
        for blocking in [false, true] {
            let clock = FakeClock::new();
            let policy = POLICY.max_attempts(2).rules(&RULES);
            let policy = deadline.map_or(policy, |deadline| policy.start_within(ms(deadline)));
            let ready = || ready_from.is_some_and(|from| clock.now().as_millis() >= from);
            let retry = Retry::new(&policy, &clock).ready(ready, ms(100));
            let starts = RefCell::new(Vec::new());
            let operation = || {
                starts.borrow_mut().push(clock.now().as_millis());
                if starts.borrow().len() == 1 { Err(Class::Server) } else { Ok(()) }
            };
            let result = if blocking {
                retry.run_blocking(operation)
            } else {
                clock.run(retry.run(|| std::future::ready(operation())))
            };
            assert_eq!(result, Ok(()));
            assert_eq!(*starts.borrow(), [0, second_at], "ready from {ready_from:?}, {deadline:?}");
        }
    }
}

#[test]
fn hints_are_used_as_the_policy_says() {
    let hinted = |hint| Failure::new(Class::Server).retry_after(ms(hint));
    let give_up = Verdict::GiveUp(GiveUp::Hint);
    let retry = |delay| Verdict::Retry(ms(delay));
    let limited = POLICY.max_hint(ms(2_000));
    let rows = [
        // hint, floor, exact, clamp. The backoff is 100 ms, the limit of hints is 2 s
        (0, retry(100), retry(0), retry(100)),
        (50, retry(100), retry(50), retry(100)),
        (2_000, retry(2_000), retry(2_000), retry(2_000)),
        (2_001, give_up, give_up, retry(2_000)),
        (u64::MAX, give_up, give_up, retry(2_000)),
    ];
    for (hint, floor, exact, clamp) in rows {
        assert_eq!(first(&limited, hinted(hint)), floor, "floor {hint}");
        assert_eq!(first(&limited.hints(Hints::Exact), hinted(hint)), exact, "exact {hint}");
        assert_eq!(first(&limited.hints(Hints::Clamp), hinted(hint)), clamp, "clamp {hint}");
    }
}

#[test]
fn an_error_that_asks_not_to_be_retried_is_not_whatever_its_class() {
    assert_eq!(first(&POLICY, Failure::new(Class::Server).not_retried()), Verdict::GiveUp(GiveUp::Class));
}

#[test]
fn a_rule_without_a_recovery_keeps_the_default_recovery() {
    const RULES: [Rule; 1] = [Rule::ANY.jitter(Jitter::None).max_attempts(2)];
    let policy = POLICY.rules(&RULES);
    for class in Class::ALL {
        let expected = match first(&POLICY, class) {
            Verdict::Retry(delay) => Verdict::Retry(if class == Class::RateLimit { ms(500) } else { delay }),
            end => end,
        };
        assert_eq!(first(&policy, class), expected, "{class}");
    }
}

#[test]
fn a_wait_is_at_least_as_long_as_hint_and_minimum() {
    const RULES: [Rule; 1] = [Rule::class(Class::Server).recovery(Recovery::WaitAndRetry(ms(20_000)))];
    let rows = [
        // hint, minimum, deadline, start of the second attempt
        (None, 0, None, Some(0)),
        (None, 500, None, Some(500)),
        (Some(10_000), 500, None, Some(10_000)),
        (Some(10_000), 500, Some(10_000), Some(10_000)),
        (Some(10_000), 500, Some(9_999), None), // given up at once, because the hint exceeds the deadline
        (None, 500, Some(499), None),
    ];
    for (hint, minimum, deadline, second_at) in rows {
        let policy = POLICY.rules(&RULES).min_delay(ms(minimum));
        let policy = deadline.map_or(policy, |deadline| policy.start_within(ms(deadline)));
        let clock = FakeClock::new();
        let ready = || true;
        let retry = Retry::new(&policy, &clock).ready(ready, ms(100)).classify(|_: &&str| {
            let failure = Failure::new(Class::Server);
            hint.map_or(failure, |hint| failure.retry_after(ms(hint)))
        });
        let mut answers = [Err("down"), Ok(())].into_iter();
        let result = retry.run_blocking(|| answers.next().unwrap());
        let started_at = result.is_ok().then(|| clock.now().as_millis());
        assert_eq!(started_at, second_at, "{hint:?} {minimum} {deadline:?}: {result:?}");
        assert!(result.is_ok() || clock.now() == Instant::ORIGIN);
    }
}

#[test]
#[should_panic(expected = "rules = 60 s: must be at most 30 s, max_delay")]
fn a_condition_may_not_wait_longer_than_max_delay() {
    const LONG: Rule = Rule::ANY.recovery(Recovery::RetryWithDelay(ms(60_000)));
    let _ = Retry::new(&POLICY, FakeClock::new()).when(|_: &Class, _| true, &LONG);
}

#[test]
#[should_panic(expected = "a rule with `after` belongs in the policy or in `Retry::when`")]
fn a_rule_that_counts_time_cannot_be_set_for_one_error() {
    const LATE: Rule = Rule::ANY.after(ms(1)).recovery(Recovery::Fail);
    let _ = Failure::new(Class::Server).under(&LATE);
}

#[test]
fn min_delay_applies_after_the_jitter() {
    let clock = FakeClock::new();
    let policy = Policy::exponential(ms(100)).min_delay(ms(30));
    let mut call = Call::new(&policy, clock.now());
    let verdict =
        call.attempt(clock.now()).unwrap().fail(Class::Timeout, clock.now(), &mut clock.words(&[0]));
    assert_eq!(verdict, Verdict::Retry(ms(30)));
}

#[test]
fn presets_have_their_documented_numbers() {
    // name, attempts, ceilings of the first delays in ms (the largest word), circuit, dead letter
    type Row = (&'static str, u32, &'static [u64], bool, bool);
    let rows: &[Row] = &[
        ("default", 3, &[100, 200, 400], true, false),
        ("database", 3, &[100, 200, 400], true, false),
        ("http", 5, &[200, 400, 800, 1_600], true, false),
        ("s3", 4, &[500, 1_000, 2_000], true, true),
        ("cache", 2, &[50, 50, 50], false, false),
        ("conservative", 3, &[100, 200, 400, 800, 1_000, 1_000], true, false),
        ("aggressive", 7, &[55, 82, 123, 185, 278], true, false),
        ("fast", 5, &[27, 68, 171, 429, 500, 500], true, false),
    ];
    assert_eq!(rows.len(), Preset::ALL.len());
    for &(name, attempts, ceilings, circuit, dead_letter) in rows {
        let preset = Preset::named(name).unwrap_or_else(|| panic!("there is no preset {name}"));
        assert_eq!(preset.policy.settings().max_attempts, Some(attempts), "{name}");
        let delay =
            |failed: usize| preset.policy.delay(failed as u32, Duration::ZERO, u64::MAX).as_millis() as u64;
        let delays: Vec<u64> = (1..=ceilings.len()).map(delay).collect();
        assert_eq!(delays, ceilings, "{name}");
        assert_eq!(preset.circuit.is_some(), circuit, "{name}");
        assert_eq!(preset.dead_letter, dead_letter, "{name}");
        // With the smallest word, only the delays with jitter are shorter.
        let least = preset.policy.delay(1, Duration::ZERO, 0);
        let unjittered = matches!(name, "cache" | "conservative");
        let expected = if unjittered {
            ceilings[0]
        } else {
            [0, 50, 25][usize::from(name == "aggressive") + 2 * usize::from(name == "fast")]
        };
        assert_eq!(least, ms(expected), "{name}");
    }
    assert_eq!(Preset::named("DEFAULT"), None);
    assert_eq!(Preset::S3.policy.settings().attempt_timeout, Some(ms(60_000)));
    let classes = |preset: Preset| Class::ALL.into_iter().filter(move |class| preset.policy.retries(*class));
    assert_eq!(classes(Preset::DATABASE).count(), 3);
    assert_eq!(classes(Preset::HTTP).count(), 5);
}

#[test]
fn a_rule_with_a_time_applies_from_that_moment_on() {
    const RULES: [Rule; 1] = [Rule::ANY.after(ms(100)).recovery(Recovery::Fail)];
    let clock = FakeClock::new();
    let policy = POLICY.rules(&RULES);
    for (took, expected) in [(99, Verdict::Retry(ms(100))), (100, Verdict::GiveUp(GiveUp::Class))] {
        let mut call = Call::new(&policy, clock.now());
        clock.advance(ms(took));
        let attempt = call.attempt(clock.now()).unwrap();
        let verdict = attempt.fail(Class::Server, clock.now(), &mut clock.words(&[]));
        assert_eq!(verdict, expected, "after {took} ms");
    }
}
