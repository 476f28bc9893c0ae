//! The time, the events and the errors of a call, also if it is stopped.

use std::cell::{Cell, RefCell};

use retry_core::{
    Call, Class, GiveUp, Instant, Jitter, Policy, Retry, Rule, Severity, Verdict,
    observe::{CallEnd, Event, EventKind, Outlook},
    testing::FakeClock,
};
use tests::ms;

const POLICY: Policy = Policy::exponential(ms(100)).jitter(Jitter::None).max_attempts(4);

#[test]
fn the_elapsed_time_counts_a_delay_once_and_only_after_it_has_passed() {
    let policy = POLICY.start_within(ms(1_000)).max_attempts(9);
    let clock = FakeClock::new();
    let mut call = Call::new(&policy, clock.now());
    let _ = call.attempt(clock.now()).unwrap().fail(Class::Timeout, clock.now(), &mut clock.words(&[]));
    assert_eq!(call.elapsed(clock.now()), Some(ms(0))); // a delay of 100 ms begins
    clock.advance(ms(60));
    assert_eq!(call.elapsed(clock.now()), Some(ms(60)));
    clock.advance(ms(40));
    assert_eq!(call.elapsed(clock.now()), Some(ms(100)));
    let attempt = call.attempt(clock.now()).unwrap();
    let verdict = attempt.fail(Class::Timeout, clock.now(), &mut clock.words(&[]));
    assert_eq!(verdict, Verdict::Retry(ms(200)));
    assert_eq!(call.elapsed(clock.now()), Some(ms(100)));

    // Stopped in the middle of a delay.
    let clock = FakeClock::new();
    let policy = Policy::fixed(ms(20_000)).jitter(Jitter::None).start_within(ms(60_000));
    let stop = retry_core::runtime::Sleep::sleep(&&clock, ms(1_000));
    let retry = Retry::new(&policy, &clock);
    let error =
        clock.run(retry.until(stop).run(|| std::future::ready(Err::<(), _>(Class::Server)))).unwrap_err();
    assert_eq!(error.to_string(), "cancelled after attempt 1 of 3, 1.0 s (Server)");
}

#[test]
fn an_error_names_the_limit_that_applied() {
    const RULES: [Rule; 2] =
        [Rule::class(Class::RateLimit).max_attempts(6), Rule::class(Class::Timeout).max_attempts(2)];
    let policy = POLICY.rules(&RULES);
    for (class, line) in [
        (Class::RateLimit, "gave up after attempt 6 of 6 (RateLimit): no attempts left"),
        (Class::Timeout, "gave up after attempt 2 of 2 (Timeout): no attempts left"),
        (Class::Server, "gave up after attempt 4 of 4 (Server): no attempts left"),
    ] {
        let clock = FakeClock::new();
        let error = Retry::new(&policy, &clock).run_blocking(|| Err::<(), _>(class)).unwrap_err();
        assert_eq!(error.to_string(), line);
    }
}

#[test]
fn a_call_stopped_before_its_start_makes_no_attempt() {
    let clock = FakeClock::new();
    let retry = Retry::new(&POLICY, &clock);
    let operation = || -> std::future::Ready<Result<(), Class>> { panic!("tried") };
    let error = clock.run(retry.until(std::future::ready(())).run(operation)).unwrap_err();
    assert_eq!(error.to_string(), "cancelled before the first attempt");
}

#[test]
fn an_observer_gets_every_end_of_a_call() {
    let clock = FakeClock::new();
    let log = RefCell::new(Vec::new());
    let observer = |event: &Event| log.borrow_mut().push((event.at.as_millis(), event.attempt, event.kind));
    let retry = Retry::new(&POLICY, &clock).on_event(observer);
    let stop = retry_core::runtime::Sleep::sleep(&&clock, ms(30)); // in the first delay
    let _ = clock.run(retry.until(stop).run(|| std::future::ready(Err::<(), _>(Class::Unknown))));
    let ended = |end, elapsed| EventKind::Ended { end, elapsed: Some(elapsed) };
    let end = [(30, 1, EventKind::Cancelled), (30, 1, ended(CallEnd::Cancelled, ms(30)))];
    assert_eq!(log.borrow()[2..], end);
    let failed = log.borrow()[1].2;
    assert!(failed.is_caution(), "its class is unknown");
    assert_eq!(failed.severity(), Some(Severity::High));
    let outlook = Outlook::new(3);
    let (failure, verdict) = (Class::Server.into(), Verdict::GiveUp(GiveUp::Class));
    let known = EventKind::Failed { failure, verdict, outlook };
    assert!(!known.is_caution() && !EventKind::Started.is_caution());

    log.borrow_mut().clear();
    {
        let mut call = std::pin::pin!(retry.run(|| std::future::ready(Err::<(), _>(Class::Server))));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(call.as_mut().poll(&mut context).is_pending());
    } // dropped while it sleeps
    let kinds = || Vec::from_iter(log.borrow().iter().map(|entry| entry.2));
    assert_eq!(kinds()[2..], [EventKind::Cancelled, ended(CallEnd::Cancelled, ms(0))]);
    log.borrow_mut().clear();
    retry.run_blocking(|| Ok::<(), Class>(())).unwrap();
    assert_eq!(kinds()[1..], [EventKind::Succeeded, ended(CallEnd::Succeeded, ms(0))]);
}

#[test]
fn one_retry_serves_several_call_sites() {
    let clock = FakeClock::new();
    let retry = Retry::new(&POLICY, &clock).classify(|_: &String| Class::Server).keyed(&String::from("eu"));
    let copy = retry.clone();
    let error = copy.run_blocking(|| Err::<(), _>(String::from("down"))).unwrap_err();
    let error = error.map(std::io::Error::other); // to get a `std::error::Error`
    assert_eq!(std::error::Error::source(&error).map(ToString::to_string), Some("down".into()));
    assert_eq!(retry.run_blocking(|| Ok::<_, String>(1)), Ok(1));
}

#[test]
fn an_error_names_its_call_and_keeps_its_cause() {
    use std::error::Error as _;

    let clock = FakeClock::new();
    clock.advance(ms(1_000));
    let policy = POLICY.max_attempts(2).start_within(ms(60_000));
    let retry = Retry::new(&policy, &clock)
        .classify(|_: &std::io::Error| Class::Timeout)
        .named("stock.read")
        .keyed("eu-west-1");
    let error = retry.run_blocking(|| Err::<(), _>(std::io::Error::other("no carrier"))).unwrap_err();
    let context = error.context();
    assert_eq!((context.operation.as_str(), context.key.as_str()), ("stock.read", "eu-west-1"));
    assert_eq!((context.attempt, context.max_attempts), (2, 2));
    assert_eq!((context.elapsed, context.when), (Some(ms(100)), Instant::from_millis(1_100)));
    assert_eq!((context.class, context.severity()), (Some(Class::Timeout), Some(Severity::Medium)));
    assert_eq!(
        error.to_string(),
        "stock.read[eu-west-1]: gave up after attempt 2 of 2, 100 ms (Timeout): no attempts left"
    );
    assert_eq!(error.source().unwrap().to_string(), "no carrier");
    assert!(error.is_exhausted() && error.is_timeout());
    assert!(
        !error.is_circuit_open() && !error.is_cancelled() && !error.is_ignored() && !error.is_start_within()
    );
}

#[test]
fn a_cancelled_call_keeps_the_last_cause() {
    let clock = FakeClock::new();
    let attempts = Cell::new(0);
    let retry = Retry::new(&POLICY, &clock).named("stock.read");
    let rows = [
        // stopped at, attempts begun, the last cause, the message
        (0, 0, None, "stock.read: cancelled before the first attempt"),
        (5, 1, None, "stock.read: cancelled after attempt 1 of 4"),
        (50, 1, Some(Class::Server), "stock.read: cancelled after attempt 1 of 4 (Server)"),
        (150, 2, Some(Class::Server), "stock.read: cancelled after attempt 2 of 4 (Server)"),
    ];
    for (stop, begun, cause, line) in rows {
        attempts.set(0);
        let clock = &clock;
        let operation = || async {
            attempts.set(attempts.get() + 1);
            retry_core::runtime::Sleep::sleep(&clock, ms(10)).await;
            Err::<(), _>(Class::Server)
        };
        let stop = retry_core::runtime::Sleep::sleep(&clock, ms(stop));
        let error = clock.run(retry.until(stop).run(operation)).unwrap_err();
        assert!(error.is_cancelled());
        assert_eq!(attempts.get(), begun);
        assert_eq!(error.to_string(), line);
        assert_eq!(error.into_inner(), cause);
    }
}

#[test]
fn events_contain_the_verdict_and_the_delay() {
    let (failure, verdict) = (Class::Server.into(), Verdict::Retry(ms(5)));
    let kind = EventKind::Failed { failure, verdict, outlook: Outlook::new(3) };
    assert_eq!((kind.verdict(), kind.delay()), (Some(Verdict::Retry(ms(5))), Some(ms(5))));
    assert_eq!((EventKind::Started.verdict(), EventKind::Started.delay()), (None, None));
}
