//! The delay for each random word, exact to the nanosecond.

use std::time::Duration;

use retry_core::{Call, Class, Failure, GiveUp, Jitter, Policy, Verdict, testing::FakeClock};
use tests::ms;

const MAX: u64 = u64::MAX;
const HALF: u64 = 1 << 63;
const QUARTER: u64 = 1 << 62;

const DOUBLING: Policy = Policy::exponential(ms(100)).max_delay(ms(1_000)).max_attempts(u32::MAX);

/// Returns the verdicts of a call with these failures. The attempts take no time, and each delay is slept.
fn verdicts(policy: &Policy, words: &[u64], failures: &[Failure]) -> Vec<Verdict> {
    let clock = FakeClock::new();
    let mut rng = clock.words(words);
    let mut call = Call::new(policy, clock.now());
    let mut verdicts = Vec::new();
    for failure in failures {
        let attempt = call.attempt(clock.now()).expect("no circuit");
        let verdict = attempt.fail(*failure, clock.now(), &mut rng);
        verdicts.push(verdict);
        match verdict {
            Verdict::Retry(delay) => clock.advance(delay),
            _ => break,
        }
    }
    verdicts
}

fn delays(policy: &Policy, words: &[u64]) -> Vec<Duration> {
    let failures = vec![Class::Timeout.into(); words.len()];
    let delay = |verdict| match verdict {
        Verdict::Retry(delay) => delay,
        end => panic!("{end:?}"),
    };
    verdicts(policy, words, &failures).into_iter().map(delay).collect()
}

#[test]
fn full_jitter_takes_one_word_per_delay() {
    let rows: &[(u64, Duration)] = &[
        // word, delay        ceiling
        (MAX, ms(100)),     // 100 ms
        (HALF, ms(100)),    // 200 ms
        (QUARTER, ms(100)), // 400 ms
        (0, ms(0)),         // 800 ms
        (MAX, ms(1_000)),   // the cap
        (HALF, ms(500)),    // the cap
        (QUARTER, ms(250)), // the cap
    ];
    let words: Vec<u64> = rows.iter().map(|row| row.0).collect();
    let expected: Vec<Duration> = rows.iter().map(|row| row.1).collect();
    assert_eq!(delays(&DOUBLING, &words), expected);
}

#[test]
fn a_delay_is_rounded_down_to_the_nanosecond() {
    let third = MAX / 3;
    assert_eq!(delays(&DOUBLING, &[third]), [Duration::from_nanos(33_333_333)]);
}

#[test]
fn without_jitter_a_delay_is_the_ceiling() {
    let policy = DOUBLING.jitter(Jitter::None);
    assert_eq!(delays(&policy, &[0; 6]), [100, 200, 400, 800, 1_000, 1_000].map(ms));
}

#[test]
fn additive_jitter_adds_to_the_ceiling_and_spreads_below_the_cap() {
    let policy = DOUBLING.jitter(Jitter::additive(0.25));
    let rows: &[(u64, Duration)] = &[
        // word, delay        ceiling
        (0, ms(100)),     // 100 ms
        (MAX, ms(250)),   // 200 ms
        (HALF, ms(450)),  // 400 ms
        (0, ms(800)),     // 800 ms, the last one that has room above it
        (0, ms(750)),     // the cap
        (HALF, ms(875)),  // the cap
        (MAX, ms(1_000)), // the cap
    ];
    let words: Vec<u64> = rows.iter().map(|row| row.0).collect();
    let expected: Vec<Duration> = rows.iter().map(|row| row.1).collect();
    assert_eq!(delays(&policy, &words), expected);

    // A spread that is wider than the cap begins at 0.
    let wide = DOUBLING.jitter(Jitter::additive(20.0));
    assert_eq!(delays(&wide, &[0, MAX]), [ms(0), ms(1_000)]);
}

#[test]
fn dyadic_multipliers_are_exact() {
    let policy = Policy::exponential(ms(64)).multiplier(1.5).jitter(Jitter::None).max_attempts(u32::MAX);
    assert_eq!(delays(&policy, &[0; 7]), [64, 96, 144, 216, 324, 486, 729].map(ms));
}

#[test]
fn no_delay_is_above_the_cap_at_any_attempt() {
    for (base, cap) in [(0, 0), (1, 1), (1, u64::MAX), (7, 1_000_000_000), (u64::MAX, u64::MAX)] {
        for multiplier in [1.0, 1.0 + f64::EPSILON, 1.1, 2.0, 3.7, 1e9, f64::MAX] {
            let cap = Duration::from_nanos(cap);
            let policy = Policy::exponential(Duration::from_nanos(base));
            let policy = policy.multiplier(multiplier).max_delay(cap).max_attempts(u32::MAX);
            let mut before = Duration::ZERO;
            for attempts in (0..40).chain([63, 64, 65, 1_000, u32::MAX - 2]) {
                let backoff = retry_core::Backoff::exponential(Duration::from_nanos(base));
                let ceiling = backoff.try_multiplier(multiplier).unwrap().ceiling(attempts);
                assert!(ceiling >= before, "{base} * {multiplier}^{attempts}");
                before = ceiling;
            }
            for delay in delays(&policy, &[MAX; 100]) {
                assert!(delay <= cap, "{base} * {multiplier}: {delay:?} > {cap:?}");
            }
        }
    }
}

#[test]
fn ceilings_are_within_a_tenth_of_a_ppm_for_sixty_attempts() {
    let base = ms(100);
    for multiplier in [1.01, 1.1, 1.3, 1.5, 1.7, 2.0, 2.5, 3.0, 10.0] {
        let curve = retry_core::Backoff::exponential(base).try_multiplier(multiplier).unwrap();
        for failed in 1..=60 {
            let exact = base.as_secs_f64() * f64::powi(multiplier, failed - 1);
            let ceiling = curve.ceiling(failed.unsigned_abs()).as_secs_f64();
            let exact = exact.min(Duration::from_nanos(u64::MAX).as_secs_f64());
            // Half a nanosecond is due to rounding.
            let error = (ceiling - exact).abs() - 0.5e-9;
            assert!(error <= exact * 1e-7, "{multiplier}^{failed}: {ceiling} for {exact}");
        }
    }
}

#[test]
fn a_hint_is_a_floor_and_a_hint_above_max_hint_ends_the_call() {
    let hinted = |hint| Failure::new(Class::Server).retry_after(ms(hint));
    let rows: &[(u64, u64, Verdict)] = &[
        // word, hint, verdict: the first ceiling is 100 ms
        (0, 70, Verdict::Retry(ms(70))),
        (MAX, 70, Verdict::Retry(ms(100))),
        (0, 1_000, Verdict::Retry(ms(1_000))), // the cap is the limit
        (0, 1_001, Verdict::GiveUp(GiveUp::Hint)),
    ];
    for &(word, hint, verdict) in rows {
        assert_eq!(verdicts(&DOUBLING, &[word], &[hinted(hint)]), [verdict], "hint {hint} ms");
    }
    let patient = DOUBLING.max_hint(ms(5_000));
    assert_eq!(verdicts(&patient, &[0], &[hinted(5_000)]), [Verdict::Retry(ms(5_000))]);
    assert_eq!(verdicts(&patient, &[0], &[hinted(5_001)]), [Verdict::GiveUp(GiveUp::Hint)]);
}

/// The 93rd Fibonacci number is the last one that fits 64 bits.
#[test]
fn a_ceiling_that_does_not_fit_is_the_longest_one_and_a_base_of_zero_stays_zero() {
    use retry_core::Backoff;

    let nanosecond = Duration::from_nanos(1);
    let fibonacci = Backoff::fibonacci(nanosecond);
    assert_eq!(
        [92, 93, 94, 95].map(|failed| fibonacci.ceiling(failed).as_nanos()),
        [7_540_113_804_746_346_429, 12_200_160_415_121_876_738, u128::from(MAX), u128::from(MAX),]
    );
    // 3^40 fits, and 3^41 does not. 2^63 fits, and 2^64 does not.
    let cube = Backoff::polynomial(nanosecond, 40);
    assert_eq!([3, 4].map(|failed| cube.ceiling(failed).as_nanos()), [3_u128.pow(40), u128::from(MAX)]);
    let doubling = Backoff::exponential(nanosecond);
    assert_eq!([64, 65].map(|failed| doubling.ceiling(failed).as_nanos()), [1 << 63, u128::from(MAX)]);
    let linear = Backoff::linear(nanosecond, Duration::from_nanos(MAX / 2));
    assert_eq!([3, 4].map(|failed| linear.ceiling(failed).as_nanos()), [u128::from(MAX), u128::from(MAX)]);
    for curve in [Backoff::exponential, Backoff::fixed, Backoff::fibonacci] {
        assert_eq!(
            [1, 2, 64, 65, 66, 1_000, u32::MAX].map(|failed| curve(ms(0)).ceiling(failed)),
            [ms(0); 7]
        );
    }
}

/// After an error of class `RateLimit`, ceiling and base are five times as long.
#[test]
fn decorrelated_jitter_after_a_rate_limit_draws_from_five_times_the_base() {
    let policy = DOUBLING.max_delay(ms(10_000)).jitter(Jitter::Decorrelated);
    let limited = [Class::RateLimit.into()];
    for (word, delay) in [(0, ms(500)), (MAX, ms(1_500))] {
        assert_eq!(verdicts(&policy, &[word], &limited), [Verdict::Retry(delay)]);
    }
}

/// The cap comes before the jitter, so that delays at the cap are spread, too.
#[test]
fn a_curve_of_ones_own_is_capped_before_the_jitter() {
    let clock = FakeClock::new();
    for (word, delay) in [(0, ms(0)), (HALF, ms(500)), (MAX, ms(1_000))] {
        let mut call = Call::new(&DOUBLING, clock.now()).backoff(|_, base| base * 100);
        let attempt = call.attempt(clock.now()).expect("no circuit");
        let verdict = attempt.fail(Class::Server, clock.now(), &mut clock.words(&[word]));
        assert_eq!(verdict, Verdict::Retry(delay));
    }
}
