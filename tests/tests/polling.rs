//! Polls: their limit and their delay, apart from those of errors. Each story has a time column.

use core::time::Duration;

use retry_core::{
    Call, CircuitConfig, Class, Failure, Jitter, Policy, Retry, Rule, SharedBudget, SharedCircuit,
    TokenBucket, Verdict,
    budget::{ConcurrencyShare, RetryThrottle},
    circuit::Phase,
    observe::{Event, EventKind},
    record::{LogWriter, Recorder, Replay},
    testing::FakeClock,
};
use tests::{ms, secs};

const ERRORS: Policy = Policy::exponential(ms(100)).jitter(Jitter::None).max_attempts(3);
const POLICY: Policy = ERRORS.poll_every(secs(2)).max_polls(4);

/// What the service answers: `pending`, `pending 5s` with a hint, `done`, or the class of an error.
fn failure(answer: &str) -> Option<Failure> {
    match answer {
        "done" => None,
        "pending" => Some(Failure::new(Class::Transient).pending()),
        "pending 5s" => Some(Failure::new(Class::Transient).pending().retry_after(secs(5))),
        name => Some(Class::ALL.into_iter().find(|class| class.name() == name).unwrap().into()),
    }
}

/// Makes a call that gets these answers. Returns its failures and its end, each with its time in milliseconds.
fn told(policy: &Policy, answers: &str) -> String {
    let (clock, lines) = (FakeClock::new(), std::cell::RefCell::new(String::new()));
    let mut answers = answers.split(", ").map(str::to_string);
    let _ = Retry::new(policy, &clock)
        .classify(|answer: &String| failure(answer).unwrap())
        .classify_ok(|answer: &String| failure(answer))
        .on_event(|event: &Event<'_>| {
            if let EventKind::Failed { .. } | EventKind::Ended { .. } = event.kind {
                let text = event.to_string();
                // Without the text of the error, which follows the attempts.
                let attempts = text.find(", attempt").unwrap_or(0);
                let end = text[attempts..].find(':').map_or(text.len(), |end| attempts + end);
                *lines.borrow_mut() += &format!("{} | {}\n", event.at.as_millis(), &text[..end]);
            }
        })
        .run_blocking(|| {
            let answer = answers.next().expect("the call has ended");
            if answer.starts_with("pending") || answer == "done" { Ok(answer) } else { Err(answer) }
        });
    assert_eq!(answers.next(), None);
    lines.into_inner()
}

fn check(policy: &Policy, answers: &str, expected: &str) {
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let told = told(policy, answers);
    assert_eq!(told.lines().collect::<Vec<_>>(), expected, "{answers}");
}

#[test]
fn polls_and_errors_are_counted_apart() {
    let answers = "pending, Server, Timeout, pending, Server, Server, pending, done";
    let story = "
           0 | retry in 2.0 s: Transient, pending, attempt 1 of 4
        2000 | retry in 100 ms: Server, attempt 2 of 4
        2100 | retry in 200 ms: Timeout, attempt 3 of 4
        2300 | retry in 2.0 s: Transient, pending, attempt 4 of 6
        4300 | retry in 100 ms: Server, attempt 5 of 7
        4400 | retry in 200 ms: Server, attempt 6 of 7
        4600 | retry in 2.0 s: Transient, pending, attempt 7 of 8
        6600 | succeeded after attempt 8, 6.6 s";
    check(&POLICY, answers, story);
}

#[test]
fn the_last_poll_and_the_last_error_in_a_row_end_the_call() {
    let story = "
           0 | retry in 2.0 s: Transient, pending, attempt 1 of 4
        2000 | retry in 2.0 s: Transient, pending, attempt 2 of 4
        4000 | retry in 2.0 s: Transient, pending, attempt 3 of 4
        6000 | give up: no attempts left: Transient, pending, attempt 4 of 4
        6000 | gave up after attempt 4, 6.0 s";
    check(&POLICY, "pending, pending, pending, pending", story);
    let story = "
           0 | retry in 100 ms: Server, attempt 1 of 3
         100 | retry in 200 ms: Server, attempt 2 of 3
         300 | retry in 2.0 s: Transient, pending, attempt 3 of 6
        2300 | retry in 100 ms: Server, attempt 4 of 6
        2400 | retry in 200 ms: Server, attempt 5 of 6
        2600 | give up: no attempts left: Server, attempt 6 of 6
        2600 | gave up after attempt 6, 2.6 s";
    check(&POLICY, "Server, Server, pending, Server, Server, Server", story);
}

#[test]
fn polls_follow_the_backoff_and_the_limit_of_attempts_by_default() {
    let story = "
           0 | retry in 100 ms: Transient, pending, attempt 1 of 3
         100 | retry in 100 ms: Server, attempt 2 of 4
         200 | retry in 200 ms: Transient, pending, attempt 3 of 4
         400 | give up: no attempts left: Transient, pending, attempt 4 of 4
         400 | gave up after attempt 4, 400 ms";
    check(&ERRORS, "pending, Server, pending, pending", story);
}

/// Neither the longest nor the shortest delay of the policy matters; a hint does.
#[test]
fn the_delay_of_polls_is_their_own() {
    let policy = POLICY.min_delay(ms(3)).max_delay(secs(1)).max_hint(secs(9));
    let story = "
           0 | retry in 2.0 s: Transient, pending, attempt 1 of 4
        2000 | retry in 5.0 s: Transient, pending, attempt 2 of 4
        7000 | succeeded after attempt 3, 7.0 s";
    check(&policy, "pending, pending 5s, done", story);
    let story = "
           0 | retry in 0 ms: Transient, pending, attempt 1 of 4
           0 | succeeded after attempt 2, 0 ms";
    check(&POLICY.min_delay(ms(3)).poll_every(Duration::ZERO), "pending, done", story);
}

#[test]
fn rules_leave_polls_alone() {
    const RULES: &[Rule] = &[Rule::ANY.max_attempts(1)];
    let story = "
           0 | retry in 2.0 s: Transient, pending, attempt 1 of 4
        2000 | give up: no attempts left: Server, attempt 2 of 2
        2000 | gave up after attempt 2, 2.0 s";
    check(&POLICY.rules(RULES), "pending, Server", story);
}

#[test]
fn a_file_says_the_same() {
    let text = "base_delay = '100ms'\njitter = 'none'\nmax_attempts = 3\nstart_within = 'none'\n\
                poll_every = '2s'\nmax_polls = 4";
    let policy: Policy = toml::from_str(text).unwrap();
    assert_eq!(policy, POLICY);
    assert_eq!(toml::from_str(&toml::to_string(&policy).unwrap()), Ok(policy));
    assert!(policy.to_string().contains(", polls every 2 s, at most 4 polls, retries"), "{policy}");
    let error = toml::from_str::<Policy>("max_polls = 0").unwrap_err();
    assert!(error.message().contains("max_polls = 0: must be at least 1"), "{error}");
}

/// A pending answer closes a half-open circuit, and stands between errors in a row.
#[test]
fn a_pending_answer_is_a_success_for_the_circuit() {
    let clock = FakeClock::new();
    let circuit = SharedCircuit::new(CircuitConfig::WITHOUT_RULES.consecutive_failures(3).open_for(secs(1)));
    let policy = POLICY.max_polls(u32::MAX);
    let mut call = Call::new(&policy, clock.now()).circuit(&circuit);
    let mut end = |answer| {
        let attempt = call.attempt(clock.now()).unwrap();
        let _ = attempt.fail(failure(answer).unwrap(), clock.now(), &mut clock.words(&[]));
    };
    for _ in 0..100 {
        ["Server", "Server", "pending"].into_iter().for_each(&mut end);
    }
    assert_eq!(circuit.phase(), Phase::Closed);
    circuit.trip(secs(1), clock.now());
    clock.advance(secs(1));
    end("pending");
    assert_eq!(circuit.phase(), Phase::Closed);
}

#[test]
fn polls_are_free_and_earn_what_a_success_earns() {
    let clock = FakeClock::new();
    let polls = |call: &mut dyn FnMut(&str)| {
        call("Server"); // pays for its retry, which succeeds
        (0..10).for_each(|_| call("pending"));
    };
    let policy = POLICY.max_polls(u32::MAX);
    let bucket = SharedBudget::new(TokenBucket::AWS.capacity(6));
    let mut call = Call::new(&policy, clock.now()).budget(&bucket);
    polls(&mut |answer| {
        let attempt = call.attempt(clock.now()).unwrap();
        let verdict = attempt.fail(failure(answer).unwrap(), clock.now(), &mut clock.words(&[]));
        assert!(matches!(verdict, Verdict::Retry(_)), "{answer}: {verdict}");
    });
    drop(call);
    assert_eq!(bucket.held(clock.now()), 6);

    let throttle = SharedBudget::new(RetryThrottle::GRPC);
    let mut call = Call::new(&policy, clock.now()).budget(&throttle);
    polls(&mut |answer| {
        let attempt = call.attempt(clock.now()).unwrap();
        let _ = attempt.fail(failure(answer).unwrap(), clock.now(), &mut clock.words(&[]));
    });
    drop(call);
    assert_eq!(throttle.held_thousandths(clock.now()), 10_000);

    let share = SharedBudget::new(ConcurrencyShare::DEFAULT);
    let mut call = Call::new(&policy, clock.now()).budget(&share);
    polls(&mut |answer| {
        let attempt = call.attempt(clock.now()).unwrap();
        let _ = attempt.fail(failure(answer).unwrap(), clock.now(), &mut clock.words(&[]));
    });
    assert_eq!((share.attempts_under_way(), share.retries_granted()), (0, 0));
}

#[test]
fn the_first_answer_earns_as_a_first_success() {
    let (clock, bucket) = (FakeClock::new(), SharedBudget::new(TokenBucket::AWS));
    let words = &mut clock.words(&[]);
    let mut call = Call::new(&POLICY, clock.now()).budget(&bucket);
    let _ = call.attempt(clock.now()).unwrap().fail(Class::Server, clock.now(), words);
    let _ = call.attempt(clock.now()).unwrap().fail(Class::Server, clock.now(), words);
    drop(call);
    assert_eq!(bucket.held(clock.now()), 495);
    let mut call = Call::new(&POLICY, clock.now()).budget(&bucket);
    for held in [496, 496] {
        let _ = call.attempt(clock.now()).unwrap().fail(failure("pending").unwrap(), clock.now(), words);
        assert_eq!(bucket.held(clock.now()), held);
    }
}

#[test]
fn the_last_answer_is_returned_on_request() {
    let clock = FakeClock::new();
    let retry = Retry::new(&POLICY, &clock)
        .classify(|class: &Class| *class)
        .classify_ok(|answer: &&str| failure(answer));
    assert_eq!(retry.return_last().run_blocking(|| Ok("pending")), Ok("pending"));
    let error = retry.run_blocking(|| Ok("pending")).unwrap_err();
    assert_eq!((error.attempts(), error.context().max_attempts), (4, 4));
}

#[test]
fn a_recorded_poll_is_decided_again() {
    let (clock, recorder) = (FakeClock::new(), Recorder::new(LogWriter(Vec::new()), 7));
    let policy = Policy::exponential(ms(100)).jitter(Jitter::Decorrelated).poll_every(secs(2)).max_polls(4);
    let mut answers = "pending, Server, Timeout, pending, Server, Server, pending, pending".split(", ");
    let _ = Retry::new(&policy, recorder.entropy(&clock))
        .classify(|answer: &&str| failure(answer).unwrap())
        .classify_ok(|answer: &&str| failure(answer))
        .observe(recorder.call())
        .run_blocking(|| {
            let answer = answers.next().unwrap();
            if answer == "pending" { Ok(answer) } else { Err(answer) }
        });
    assert_eq!(answers.next(), None);
    let log = recorder.into_sink().0;
    assert_eq!(Replay::new(&policy, &log).unwrap().run().unwrap().decisions, 8);
    assert!(Replay::new(&policy.max_polls(5), &log).unwrap().run().is_err());
}
