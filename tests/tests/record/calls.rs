//! Many calls in one log: each record belongs to its call, however long the call lasts, and for numbers of any size.

use std::time::Duration;

use proptest::prelude::*;
use rand_core::Rng;
use retry_core::{
    Call, Class, Failure, Jitter, Policy, Rejected, Retry, Rule, Verdict,
    circuit::Phase,
    observe::{Event, EventKind, Observer, Outlook},
    record::{LogWriter, Record, RecordedStep, Recorder, Records, Replay, ReplayError},
    runtime::LocalLock,
    testing::FakeClock,
};

const ENDLESS: Policy =
    Policy::exponential(Duration::from_millis(100)).jitter(Jitter::Decorrelated).max_attempts(u32::MAX);

fn records(log: &[u8]) -> Vec<Record> {
    Records::new(log).unwrap().map(|record| record.unwrap()).collect()
}

#[test]
fn a_call_may_last_longer_than_all_call_numbers_are_used() {
    let clock = FakeClock::new();
    let log = Recorder::new(LogWriter(Vec::new()), 42);
    let long = log.call();
    let retry = Retry::new(&ENDLESS, log.entropy(&clock)).observe(&long);
    let mut attempts = 0;
    let end = retry.run_blocking(|| {
        attempts += 1;
        // Between two of its attempts, other calls begin and end.
        for _ in 0..6_000 {
            let short = log.call();
            let retry = Retry::new(&ENDLESS, log.entropy(&clock)).observe(&short);
            let mut failed = 0;
            let _ = retry.run_blocking(|| {
                failed += 1;
                if failed < 3 { Err(Class::Network) } else { Ok(()) }
            });
        }
        if attempts < 6 { Err(Class::Network) } else { Ok(()) }
    });
    assert_eq!((end, log.skipped_calls()), (Ok(()), 0));
    let log = log.into_sink().0;
    assert_eq!(Replay::new(&ENDLESS, &log).unwrap().run().unwrap().decisions, 5 + 6 * 6_000 * 2);
    // Two calls at a time need two numbers.
    assert!(records(&log).iter().all(|record| record.call < 2));
}

#[test]
fn a_dropped_attempt_has_no_decision_and_is_not_missing() {
    let clock = FakeClock::new();
    let log = Recorder::<_, LocalLock>::with_lock(LogWriter(Vec::new()), 42);
    let observer = log.call();
    let mut call = Call::new(&ENDLESS, clock.now()).observe(&observer);
    // For each attempt, whether it fails or is dropped.
    for fails in [false, false, true, true, false, true, false] {
        let attempt = call.attempt(clock.now()).unwrap();
        clock.advance(Duration::from_millis(7));
        if fails {
            let Verdict::Retry(delay) = attempt.fail(Class::Network, clock.now(), &mut log.rng()) else {
                panic!("the call gave up");
            };
            clock.advance(delay);
        }
    }
    drop(call);
    let log = log.into_sink().0;
    let attempts: Vec<_> = records(&log).iter().map(|record| (record.first, record.attempt)).collect();
    assert_eq!(attempts, [(true, 3), (false, 4), (false, 6)]);
    assert_eq!(Replay::new(&ENDLESS, &log).unwrap().run().unwrap().decisions, 3);
}

#[test]
fn simultaneous_calls_that_share_an_observer_are_an_error_in_the_replay() {
    let clock = FakeClock::new();
    let log = Recorder::<_, LocalLock>::with_lock(LogWriter(Vec::new()), 42);
    let observer = log.call();
    let policy = ENDLESS.jitter(Jitter::Full); // full jitter does not depend on the previous delay
    let mut calls = [(); 2].map(|()| Call::new(&policy, clock.now()).observe(&observer));
    for _ in 0..2 {
        for call in &mut calls {
            let attempt = call.attempt(clock.now()).unwrap();
            assert!(matches!(attempt.fail(Class::Network, clock.now(), &mut log.rng()), Verdict::Retry(_)));
        }
    }
    drop(calls);
    let log = log.into_sink().0;
    let error = Replay::new(&policy, &log).unwrap().run().unwrap_err();
    assert!(matches!(error, ReplayError::Missing { number: 4, .. }), "{error}");
}

#[test]
fn calls_without_an_end_use_up_the_numbers_and_skipped_calls_are_counted() {
    let clock = FakeClock::new();
    let log = Recorder::<_, LocalLock>::with_lock(LogWriter(Vec::new()), 42);
    let abandon = |observer: &dyn Observer| {
        let mut call = Call::new(&ENDLESS, clock.now()).observe(observer);
        let attempt = call.attempt(clock.now()).unwrap();
        assert!(matches!(attempt.fail(Class::Network, clock.now(), &mut log.rng()), Verdict::Retry(_)));
    };
    let early = log.call();
    let mut long = Call::new(&ENDLESS, clock.now()).observe(&early);
    let mut go_on = || long.attempt(clock.now()).unwrap().fail(Class::Network, clock.now(), &mut log.rng());
    let _ = go_on();
    (0..16_383).for_each(|_| abandon(&log.call()));
    let _ = go_on();
    assert_eq!(log.skipped_calls(), 0);
    // With one more, all numbers are used, and they start again. A call with an old number is skipped.
    abandon(&log.call());
    let _ = go_on();
    let _ = go_on();
    assert_eq!((log.skipped_calls(), log.lost()), (1, 0));
    drop(long);
    let log = log.into_sink().0;
    assert_eq!(Replay::new(&ENDLESS, &log).unwrap().run().unwrap().decisions, 2 + 16_383 + 1);
}

#[test]
fn words_of_another_generator_are_counted() {
    let clock = FakeClock::new();
    let log = Recorder::<_, LocalLock>::with_lock(LogWriter(Vec::new()), 42);
    let policy = Policy::DEFAULT.max_attempts(4);
    for own in [true, false, true] {
        let observer = log.call();
        let call = || Err::<(), _>(Class::Network);
        let error = match own {
            true => Retry::new(&policy, log.entropy(&clock)).observe(&observer).run_blocking(call),
            false => Retry::new(&policy, &clock).observe(&observer).run_blocking(call), // without the recorder's random words
        };
        assert!(error.is_err());
    }
    assert_eq!(log.external_words(), 3);
}

const RULES: [&Rule; 2] = [&Rule::ANY.max_attempts(2), &Rule::ANY.max_attempts(3)];

/// The longest time that the machine can represent. A longer time is cut to this.
const FOR_EVER: Duration = Duration::from_nanos(u64::MAX);

/// Durations of any size.
fn any_size() -> impl Strategy<Value = Duration> {
    (any::<u64>(), 0..64_u32).prop_map(|(number, shift)| Duration::from_nanos(number >> shift))
}

fn any_time() -> impl Strategy<Value = Duration> {
    prop_oneof![
        4 => any_size(),
        1 => (0..100_u64).prop_map(Duration::from_secs),
        1 => (0..100_000_u64).prop_map(Duration::from_millis),
        1 => Just(FOR_EVER),
    ]
}

fn any_verdict() -> impl Strategy<Value = Verdict> {
    const PHASES: [Phase; 3] = [Phase::Open, Phase::HalfOpen, Phase::Closed];
    prop_oneof![
        any_time().prop_map(Verdict::Retry),
        Just(Verdict::GiveUp(retry_core::GiveUp::Budget)),
        (prop::sample::select(&PHASES[..]), any_time())
            .prop_map(|(phase, wait)| Verdict::Rejected(Rejected::new(phase, wait))),
    ]
}

/// Any event that an observer may get.
#[derive(Clone, Debug)]
struct Told {
    observer: usize,
    attempt: u32,
    elapsed: Option<Duration>,
    hint: Option<Duration>,
    hint_is_span: bool,
    rule: usize,
    word: Option<Option<u64>>,
    verdict: Verdict,
    ends: bool,
    refused: bool,
}

fn any_told() -> impl Strategy<Value = Told> {
    let attempt = prop_oneof![1..5_u32, 100..300_u32, any::<u32>()];
    let word = prop::option::of(prop::option::of(any::<u64>()));
    let flags = (any::<bool>(), prop::bool::weighted(0.1), prop::bool::weighted(0.1));
    let hint = prop::option::of(any_time());
    (0..3_usize, attempt, prop::option::of(any_time()), hint, 0..5_usize, word, any_verdict(), flags)
        .prop_map(|(observer, attempt, elapsed, hint, rule, word, verdict, (hint_is_span, ends, refused))| {
            Told { observer, attempt, elapsed, hint, hint_is_span, rule, word, verdict, ends, refused }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3_000) })]

    #[test]
    fn any_events_are_read_as_they_were_written(told in prop::collection::vec(any_told(), 1..30)) {
        let clock = FakeClock::new();
        let last = std::cell::Cell::new(None);
        let retry = Retry::new(&Policy::DEFAULT, &clock).on_event(|event| last.set(Some(event.kind)));
        let context = retry.run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err().context();
        let mut end = Event::dead_lettered(&context, true);
        end.kind = last.get().unwrap();

        let log = Recorder::<_, LocalLock>::with_lock(LogWriter(Vec::new()), 42).rules(&RULES);
        let observers = [(); 3].map(|()| log.call());
        let mut expected = Vec::new();
        for told in told {
            let mut event = Event::dead_lettered(&context, true);
            event.attempt = told.attempt;
            let mut elapsed = told.elapsed;
            event.kind = if let (true, Verdict::Rejected(rejected)) = (told.refused, told.verdict) {
                elapsed = None;
                EventKind::Rejected(rejected)
            } else {
                let span = match told.verdict {
                    Verdict::Retry(delay) => Some(delay),
                    Verdict::GiveUp(_) => None,
                    Verdict::Rejected(rejected) => Some(rejected.wait()),
                };
                let mut failure = Failure::new(Class::Timeout);
                failure.hint = if told.hint_is_span { span } else { told.hint };
                failure = match told.rule {
                    0 => failure.under(RULES[0]),
                    1 => failure.under(RULES[1]),
                    2 => failure.under(&Rule::ANY),
                    3 => failure.not_retried(),
                    _ => failure,
                };
                let mut outlook = Outlook::new(5);
                outlook.elapsed = told.elapsed;
                outlook.word = told.word.map(|word| word.unwrap_or_else(|| log.rng().next_u64()));
                EventKind::Failed { failure, verdict: told.verdict, outlook }
            };
            expected.push((event.attempt, elapsed, event.kind));
            let observer = &observers[told.observer];
            observer.observe(&event);
            if told.ends {
                observer.observe(&end);
            }
        }
        let log = log.into_sink().0;
        let read = records(&log);
        prop_assert_eq!(read.len(), expected.len());
        for (record, (attempt, elapsed, kind)) in read.iter().zip(&expected) {
            prop_assert_eq!((record.attempt, record.elapsed), (*attempt, *elapsed));
            match (record.step, *kind) {
                (RecordedStep::Refused(read), EventKind::Rejected(told)) => prop_assert_eq!(read, told),
                (
                    RecordedStep::Decided { class, hint, rule, word, verdict, .. },
                    EventKind::Failed { failure, verdict: told, outlook },
                ) => {
                    prop_assert_eq!((class, hint), (failure.class, failure.hint.map(|hint| hint.min(FOR_EVER))));
                    prop_assert_eq!((word, verdict), (outlook.word, told));
                    let number = failure.rule.map(|rule| match rule {
                        rule if rule == Failure::new(Class::Timeout).not_retried().rule.unwrap() => 0,
                        rule => RULES.iter().position(|known| *known == rule).map_or(255, |at| at as u8 + 1),
                    });
                    prop_assert_eq!(rule, number);
                }
                (read, told) => prop_assert!(false, "{:?} of {:?}", read, told),
            }
        }
    }
}
