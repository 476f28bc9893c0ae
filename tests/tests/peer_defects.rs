//! Defects of other retry libraries. Each test has the name of a defect, and shows that this library does not have it.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::time::Duration;

use retry_core::{
    Backoff, Call, Class, Failure, GiveUp, Jitter, Policy, Preset, Retry, Verdict,
    observe::{Event, EventKind},
    runtime::{Entropy, OsRng, StdRuntime},
    testing::FakeClock,
};
use tests::ms;

const JITTERS: [Jitter; 8] = [
    Jitter::None,
    Jitter::Full,
    Jitter::Equal,
    Jitter::Decorrelated,
    Jitter::proportional(0.5),
    Jitter::proportional(1.0),
    Jitter::additive(0.5),
    Jitter::additive(1e300),
];

fn curves(base: Duration) -> [Backoff; 8] {
    [
        Backoff::fixed(base),
        Backoff::linear(base, base),
        Backoff::exponential(base),
        Backoff::exponential(base).multiplier(1.1),
        Backoff::exponential(base).multiplier(f64::MAX),
        Backoff::fibonacci(base),
        Backoff::polynomial(base, u32::MAX),
        Backoff::custom(base, |_, _| Duration::MAX),
    ]
}

/// Seen: delays of 16 s with a cap of 8 s, because the jitter is applied after the cap.
#[test]
fn jitter_after_the_cap() {
    let cap = ms(8_000);
    for curve in curves(ms(1_000)) {
        for jitter in JITTERS {
            let policy = Policy::backoff(curve).max_delay(cap).jitter(jitter);
            let mut previous = Duration::ZERO;
            for failed in 1..100 {
                previous = policy.delay(failed, previous, u64::MAX);
                assert!(previous <= cap, "{curve:?} {jitter:?}: {previous:?} after {failed}");
            }
        }
    }
}

/// Seen: the first delay is the base, even if the cap is lower. Here a cap below the base is an error.
#[test]
fn the_first_delay_ignores_the_cap() {
    for curve in curves(ms(100)) {
        assert!(Policy::backoff(curve).try_max_delay(ms(99)).is_err());
        for jitter in JITTERS {
            let delay =
                Policy::backoff(curve).max_delay(ms(100)).jitter(jitter).delay(1, Duration::ZERO, u64::MAX);
            assert!(delay <= ms(100), "{curve:?} {jitter:?}: {delay:?}");
        }
    }
}

/// Seen: a loop of zero delays, or delays of `Duration::MAX`.
#[test]
fn a_multiplier_of_nan_or_zero() {
    for multiplier in [f64::NAN, 0.0, -0.0, -2.0, 0.999, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(Policy::DEFAULT.try_multiplier(multiplier).is_err(), "{multiplier}");
    }
}

/// Seen: panics at a large attempt number or `Duration::MAX`, and delays of 0 after attempt 34 to 64.
#[test]
fn overflow_at_a_large_attempt_number() {
    for base in [Duration::from_nanos(1), ms(1), ms(100), Duration::from_secs(1 << 33), Duration::MAX] {
        for curve in curves(base) {
            let mut before = Duration::ZERO;
            for failed in (1..200).chain([1 << 20, 1 << 31, u32::MAX]) {
                let ceiling = curve.ceiling(failed);
                assert!(ceiling >= before, "{curve:?}: {ceiling:?} after {before:?} at {failed}");
                before = ceiling;
            }
            for jitter in JITTERS {
                let policy = Policy::backoff(curve).max_delay(Duration::MAX).jitter(jitter);
                for failed in [1, 34, 64, 65, u32::MAX] {
                    for previous in [Duration::ZERO, Duration::MAX] {
                        let delay = policy.delay(failed, previous, u64::MAX);
                        assert!(delay >= before.min(base.min(Duration::from_nanos(u64::MAX))), "{jitter:?}");
                    }
                }
            }
        }
    }
}

/// Seen: hangs and panics with a tiny minimum, and delays below a millisecond that become 0.
#[test]
fn a_tiny_minimum_and_delays_below_a_millisecond() {
    for minimum in [Duration::ZERO, Duration::from_nanos(1)] {
        for base in [Duration::ZERO, Duration::from_nanos(1), Duration::from_nanos(999)] {
            let policy = Policy::exponential(base).min_delay(minimum).max_attempts(50);
            let clock = FakeClock::new();
            let retry = Retry::new(&policy, &clock);
            assert!(retry.run_blocking(|| Err::<(), _>(Class::Timeout)).unwrap_err().is_exhausted());
        }
    }
    let policy = Policy::exponential(Duration::from_micros(10)).jitter(Jitter::None);
    assert_eq!(policy.delay(3, Duration::ZERO, 0), Duration::from_micros(40));
}

/// Seen: only the sleeps count, the clock starts at the first failure, or a delay is granted that is far longer than
/// the time left.
#[test]
fn a_total_limit_that_does_not_count_attempts() {
    let policy = Policy::exponential(ms(10)).jitter(Jitter::None).max_attempts(100).start_within(ms(1_000));
    let clock = FakeClock::new();
    let starts = RefCell::new(Vec::new());
    let error = Retry::new(&policy, &clock)
        .run_blocking(|| {
            starts.borrow_mut().push(clock.now().as_millis());
            clock.advance(ms(400)); // an attempt takes much longer than its delay
            Err::<(), _>(Class::Timeout)
        })
        .unwrap_err();
    assert!(error.is_start_within());
    assert_eq!(*starts.borrow(), [0, 410, 830]); // the next would have been at 1270
    assert_eq!(clock.now().as_millis(), 1_230); // given up before the sleep

    // No time is left after the first attempt.
    let clock = FakeClock::new();
    let error = Retry::new(&policy, &clock)
        .run_blocking(|| {
            clock.advance(ms(1_000));
            Err::<(), _>(Class::Timeout)
        })
        .unwrap_err();
    assert_eq!((error.context().attempt, error.is_start_within()), (1, true));
}

/// Seen: a hint is ignored, or it may exceed the total limit.
#[test]
fn a_hint_ignored_or_beyond_the_total_limit() {
    let policy = Policy::exponential(ms(10)).max_hint(ms(60_000)).start_within(ms(5_000));
    let clock = FakeClock::new();
    let mut call = Call::new(&policy, clock.now());
    let hinted = |ms| Failure::new(Class::RateLimit).retry_after(Duration::from_millis(ms));
    let attempt = call.attempt(clock.now()).unwrap();
    let verdict = attempt.fail(hinted(4_000), clock.now(), &mut clock.words(&[0]));
    assert_eq!(verdict, Verdict::Retry(ms(4_000)));
    clock.advance(ms(4_000));
    let attempt = call.attempt(clock.now()).unwrap();
    let verdict = attempt.fail(hinted(1_001), clock.now(), &mut clock.words(&[0]));
    assert_eq!(verdict, Verdict::GiveUp(GiveUp::StartWithin));
}

/// Seen: the seed is fixed or shared, so all calls or all devices retry at the same time.
#[test]
fn all_calls_draw_the_same_jitter() {
    let words = |runtime: &dyn Fn() -> u64| (0..1_000).map(|_| runtime()).collect::<HashSet<u64>>().len();
    assert_eq!(words(&|| OsRng.word()), 1_000);
    assert_eq!(words(&|| StdRuntime.word()), 1_000);
    assert_eq!(words(&|| retry_tokio::Tokio.word()), 1_000);
    // Several threads that start at the same time.
    let threads: Vec<_> = (0..8).map(|_| std::thread::spawn(|| [0; 100].map(|_| OsRng.word()))).collect();
    let all: HashSet<u64> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    assert_eq!(all.len(), 800);
}

/// Seen: a notification announces another delay than the one that is slept.
#[test]
fn a_notification_reports_another_delay_than_is_slept() {
    let clock = FakeClock::new().with_words(&[3 << 61, 1 << 60, u64::MAX, 7, 1 << 63, 1 << 62]);
    let announced = Cell::new(None);
    let observer = |event: &Event| match event.kind {
        EventKind::Started => {
            if let Some((at, delay)) = announced.take() {
                assert_eq!(event.at, clock_after(at, delay));
            }
        }
        kind => announced.set(kind.delay().map(|delay| (event.at, delay))),
    };
    let policy = Preset::AGGRESSIVE.policy;
    let retry = Retry::new(&policy, &clock).on_event(observer);
    let error = retry.run_blocking(|| Err::<(), _>(Class::Timeout)).unwrap_err();
    assert_eq!(error.context().attempt, 7);
    let error = clock.run(retry.run(|| async { Err::<(), _>(Class::Timeout) })).unwrap_err();
    assert_eq!(error.context().attempt, 7);
}

fn clock_after(at: retry_core::Instant, delay: Duration) -> retry_core::Instant {
    at.after(delay)
}

/// Seen: a retry polls itself recursively, so 200,000 delays of zero overflow the stack.
#[test]
fn many_zero_delays_overflow_the_stack() {
    const MANY: u32 = 1_000_000;
    let policy = Policy::fixed(Duration::ZERO).max_attempts(MANY);
    let clock = FakeClock::new();
    let retry = Retry::new(&policy, &clock);
    let attempts = Cell::new(0);
    let operation = || {
        attempts.set(attempts.get() + 1);
        Err::<(), _>(Class::Transient)
    };
    clock.run(retry.run(|| std::future::ready(operation()))).unwrap_err();
    retry.run_blocking(operation).unwrap_err();
    assert_eq!(attempts.get(), 2 * MANY);
}

/// Seen: the clock steps back by 1000 s, so a call with a total limit of 1 s makes 1000 retries.
#[test]
fn the_clock_steps_back_and_the_deadline_with_it() {
    let policy = Policy::fixed(ms(100)).jitter(Jitter::None).max_attempts(u32::MAX).start_within(ms(1_000));
    for step_back in [ms(100), ms(150), ms(1_000_000)] {
        let clock = FakeClock::new();
        clock.advance(Duration::from_secs(100_000));
        let attempts = Cell::new(0);
        let error = Retry::new(&policy, &clock)
            .run_blocking(|| {
                attempts.set(attempts.get() + 1);
                clock.step_back(step_back);
                Err::<(), _>(Class::Timeout)
            })
            .unwrap_err();
        assert!(error.is_start_within());
        assert_eq!(attempts.get(), 11, "every 100 ms from 0 to 1000 ms");
    }
}
