//! `Retry`, `GiveUp` and `Rejected`, with the events and the error of each.

use std::cell::RefCell;

use retry_core::{
    Cause, CircuitConfig, Class, ClassSet, Error, ErrorKind, GiveUp, Jitter, Policy, Retry, SharedCircuit,
    Verdict,
    circuit::Phase,
    observe::{Event, EventKind},
    testing::FakeClock,
};
use tests::ms;

const POLICY: Policy = Policy::exponential(ms(100)).jitter(Jitter::None).max_attempts(3);

/// Formats an event as one line: the time, the attempt, what happened.
fn line(event: &Event) -> String {
    let what = match event.kind {
        EventKind::Started => "started".into(),
        EventKind::Succeeded => "succeeded".into(),
        EventKind::Failed { failure, verdict, .. } => format!("{}: {verdict}", failure.class),
        EventKind::Rejected(rejected) => format!("rejected: {rejected}"),
        EventKind::Cancelled => "cancelled".into(),
        EventKind::PhaseChanged(change) => format!("{} -> {}: {}", change.from, change.to, change.cause),
        EventKind::Ended { end, elapsed } => format!("{}, {elapsed:?}", end.name()),
        other => format!("{other:?}"),
    };
    format!("{:>4} {} {what}", event.at.as_millis(), event.attempt)
}

/// Runs a call. Its attempts take 10 ms each and end as scripted. Returns its log and its result.
fn call(
    policy: &Policy,
    circuit: &SharedCircuit,
    clock: &FakeClock,
    script: &[Result<u8, Class>],
) -> (Vec<String>, Result<u8, Error<Class>>) {
    let log = RefCell::new(Vec::new());
    let observer = |event: &Event| log.borrow_mut().push(line(event));
    let retry = Retry::new(policy, clock)
        .circuit(circuit)
        .classify(|class: &Class| *class)
        .on_event(observer)
        .named("stock.read");
    let mut script = script.iter();
    let result = retry.run_blocking(|| {
        clock.advance(ms(10));
        *script.next().expect("there is one attempt too many")
    });
    assert_eq!(script.next(), None, "an attempt is missing");
    (log.into_inner(), result)
}

#[test]
fn retry_until_it_succeeds() {
    let circuit = SharedCircuit::new(CircuitConfig::DEFAULT);
    let script = [Err(Class::Network), Err(Class::Timeout), Ok(7)];
    let (log, result) = call(&POLICY, &circuit, &FakeClock::new(), &script);
    assert_eq!(
        log,
        [
            "   0 1 started",
            "  10 1 Network: retry in 100 ms",
            " 110 2 started",
            " 120 2 Timeout: retry in 200 ms",
            " 320 3 started",
            " 330 3 succeeded",
            " 330 3 succeeded, Some(330ms)",
        ]
    );
    assert_eq!(result, Ok(7));
}

#[test]
fn give_up_for_each_reason() {
    type Row = (Policy, &'static [Result<u8, Class>], GiveUp, &'static str);
    let rows: &[Row] = &[
        (
            POLICY.start_within(ms(60_000)),
            &[Err(Class::Server), Err(Class::Server), Err(Class::Unknown)],
            GiveUp::Attempts,
            "stock.read: gave up after attempt 3 of 3, 330 ms (Unknown): no attempts left",
        ),
        (
            POLICY,
            &[Err(Class::Server), Err(Class::Validation)],
            GiveUp::Class,
            "stock.read: gave up after attempt 2 of 3, 120 ms (Validation): errors like this are not retried",
        ),
        // The second attempt ends at 120 ms, and its retry would start at 320 ms.
        (
            POLICY.start_within(ms(319)),
            &[Err(Class::Server), Err(Class::Server)],
            GiveUp::StartWithin,
            "stock.read: gave up after attempt 2 of 3, 120 ms (Server): \
             the next attempt would start too late",
        ),
        (
            POLICY.total_timeout(ms(320)),
            &[Err(Class::Server), Err(Class::Server)],
            GiveUp::TotalTimeout,
            "stock.read: gave up after attempt 2 of 3, 120 ms (Server): \
             the call's total timeout leaves no time for another attempt",
        ),
        // Both are too short. `start_within` is checked first.
        (
            POLICY.total_timeout(ms(319)).start_within(ms(319)),
            &[Err(Class::Server), Err(Class::Server)],
            GiveUp::StartWithin,
            "",
        ),
        (POLICY.retry_on(ClassSet::NONE), &[Err(Class::Timeout)], GiveUp::Class, ""),
        (POLICY.max_attempts(1), &[Err(Class::Timeout)], GiveUp::Attempts, ""),
    ];
    for (policy, script, reason, text) in rows {
        let circuit = SharedCircuit::new(CircuitConfig::DEFAULT);
        let (log, result) = call(policy, &circuit, &FakeClock::new(), script);
        let error = result.unwrap_err();
        assert!(log[log.len() - 2].ends_with(&format!("{}", Verdict::GiveUp(*reason))), "{log:?}");
        assert_eq!(error.kind(), ErrorKind::GaveUp(*reason), "{error:?}");
        assert!(text.is_empty() || error.to_string() == *text, "{error}");
        let last = script.last().unwrap().unwrap_err();
        assert_eq!(error.context().class, Some(last));
        assert_eq!(error.into_inner(), Some(last));
    }
    // With one millisecond more, the third attempt is made. The total timeout needs one more, for the attempt itself.
    let script = [Err(Class::Server), Err(Class::Server), Ok(1)];
    let circuit = SharedCircuit::new(CircuitConfig::DEFAULT);
    assert_eq!(call(&POLICY.start_within(ms(320)), &circuit, &FakeClock::new(), &script).1, Ok(1));
    assert_eq!(call(&POLICY.total_timeout(ms(321)), &circuit, &FakeClock::new(), &script).1, Ok(1));
}

#[test]
fn rejected_at_once_and_not_after_the_sleep() {
    let config = CircuitConfig::WITHOUT_RULES.consecutive_failures(2).open_for(ms(1_000));
    let circuit = SharedCircuit::new(config);
    let clock = FakeClock::new();

    // The second failure opens the circuit. It would still be open at the retry 200 ms later.
    let (log, result) = call(&POLICY, &circuit, &clock, &[Err(Class::Server), Err(Class::Server)]);
    assert_eq!(
        log[3..],
        [
            " 120 2 closed -> open: 2 failures in a row",
            " 120 2 Server: rejected: the circuit is open for another 1.0 s",
            " 120 2 rejected, Some(120ms)",
        ]
    );
    let error = result.unwrap_err();
    assert!(error.is_circuit_open());
    assert_eq!(error.cause(), Some(&Cause::Failed(Class::Server)));

    // The next call is rejected before its first attempt.
    let (log, result) = call(&POLICY, &circuit, &clock, &[]);
    let refused = [" 120 0 rejected: the circuit is open for another 1.0 s", " 120 0 rejected, Some(0ns)"];
    assert_eq!(log, refused);
    let error = result.unwrap_err();
    assert_eq!(
        error.to_string(),
        "stock.read: rejected before the first attempt, 0 ms: the circuit is open for another 1.0 s"
    );
    assert_eq!(error.cause(), None);
    assert_eq!(error.context().class, None);

    // If the retry starts when the circuit becomes half-open, it is the probe.
    clock.advance(ms(1_000));
    let (log, result) = call(&POLICY, &circuit, &clock, &[Ok(1)]);
    assert_eq!(
        log,
        [
            "1120 1 open -> half-open: the open time has passed",
            "1120 1 started",
            "1130 1 half-open -> closed: 1 probe succeeded",
            "1130 1 succeeded",
            "1130 1 succeeded, Some(10ms)",
        ]
    );
    assert_eq!(result, Ok(1));
    assert_eq!(circuit.phase(), Phase::Closed);
}

#[test]
fn a_delay_longer_than_the_open_time_is_slept() {
    let config = CircuitConfig::WITHOUT_RULES.consecutive_failures(1).open_for(ms(100));
    let circuit = SharedCircuit::new(config);
    let (log, result) = call(&POLICY, &circuit, &FakeClock::new(), &[Err(Class::Server), Ok(1)]);
    assert_eq!(
        log,
        [
            "   0 1 started",
            "  10 1 closed -> open: 1 failure in a row",
            "  10 1 Server: retry in 100 ms",
            " 110 2 open -> half-open: the open time has passed",
            " 110 2 started",
            " 120 2 half-open -> closed: 1 probe succeeded",
            " 120 2 succeeded",
            " 120 2 succeeded, Some(120ms)",
        ]
    );
    assert_eq!(result, Ok(1));
}

#[test]
fn a_retry_around_a_retry_does_not_multiply() {
    let clock = FakeClock::new();
    let made = RefCell::new(0);
    let inner = Retry::new(&POLICY, &clock).classify(|_: &Class| Class::Server);
    let outer = Retry::new(&POLICY, &clock); // the library's own error knows its class
    let result = outer.run_blocking(|| {
        inner.run_blocking(|| {
            *made.borrow_mut() += 1;
            Err::<(), _>(Class::Server)
        })
    });
    assert_eq!(*made.borrow(), 3);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::GaveUp(GiveUp::Class));
}
